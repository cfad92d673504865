package app

import (
	"errors"
	"strings"
	"testing"
)

func TestSystemRetention(t *testing.T) {
	for text, want := range map[string]int{"": -1, "0": 0, "30": 30, "100000": 100_000} {
		days, err := systemRetention(&environment{getenv: func(string) string { return text }})
		if err != nil || (days == nil) != (want < 0) || (days != nil && *days != want) {
			t.Errorf("%q: %v, %v; want %d", text, days, err, want)
		}
	}
	for _, text := range []string{"thirty", "30d", "1.5", "-1", " 30", "1e2", "100001", "99999999999999999999", "0x10", "forever"} {
		days, err := systemRetention(&environment{getenv: func(string) string { return text }})
		var usage *usageError
		if days != nil || !errors.As(err, &usage) || !strings.Contains(err.Error(), retentionVariable) || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v, %v; want an error that names both", text, days, err)
		}
	}
}
