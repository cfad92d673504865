package server

import (
	"net/http"
	"strings"
	"testing"
)

func TestBrokenBodiesSayLineAndColumn(t *testing.T) {
	s := start(t, Options{})
	for path, body := range map[string]string{
		"/v1/instances": "{\"name\":\n  x}",
		"/v1/query":     "{\"from\":\n  x}",
	} {
		got := s.ask(http.MethodPost, path, body, "Content-Type", "application/json")
		if got.status != http.StatusBadRequest || !strings.Contains(got.String(), "line 2 column 3") {
			t.Errorf("%s: %s", path, got)
		}
	}
}
