package config

import (
	"os"
	"strings"
	"testing"
)

// TestDocumented holds docs/configuration.md against the settings: each has its
// row there, and there is no other.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## Settings")
	table, _, _ = strings.Cut(table, "## Targets")
	documented := map[string]bool{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 2 || !strings.Contains(cells[1], "`") {
			continue
		}
		for i, name := range strings.Split(cells[1], "`") {
			if i%2 == 1 {
				documented[name] = true
			}
		}
	}
	known := map[string]bool{"targets": true, "event_logger": true, "database": true}
	for _, s := range mustLoad(t, "", "", Options{}).Settings() {
		block, _, _ := strings.Cut(s.Path, ".")
		if block == "event_logger" || block == "database" {
			continue // on the page of the document's users
		}
		known[s.Path] = true
		if !documented[s.Path] {
			t.Errorf("docs/configuration.md does not have %s", s.Path)
		}
	}
	for name := range documented {
		if !known[name] {
			t.Errorf("docs/configuration.md has %s, which is no setting", name)
		}
	}
}
