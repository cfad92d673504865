package happyview

import (
	"testing"
	"time"
)

// FuzzFilter: whatever a caller sends, it is a filter or refused.
func FuzzFilter(f *testing.F) {
	for _, body := range []string{`{}`, `{"severity":"warn,error","before":"2026-03-01T11:59:00 00:00"}`, `{"category":","}`, `[]`, ` `, `{"subject":null}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		filter, err := parseFilter(body)
		if err != nil {
			return
		}
		where, err := filter.condition()
		if err != nil {
			return
		}
		_ = where.String()
		_ = filter.protected()
	})
}

// FuzzInstant: a time that is taken is in RFC 3339's range.
func FuzzInstant(f *testing.F) {
	for _, text := range []string{"2026-03-01T11:59:00Z", "2026-03-01T11:59:00 00:00", "2026-03-01T11:59:00.1234567+05:30", ".", "2026-03-01T11:59:00.Z", " 00:00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parseInstant(text)
		if err == nil && (at.Year() < 0 || at.Year() > 9999 || at.Location() != time.UTC) {
			t.Errorf("%q is %s", text, at)
		}
	})
}
