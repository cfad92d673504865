package app

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/config"
	"github.com/firnlog/firn/internal/server"
	"github.com/firnlog/firn/internal/server/webdebug"
	"github.com/firnlog/firn/target"
)

// TestDefaultsAreThoseOfTheParts: the configuration says nothing else than the
// log and the server do by themselves.
func TestDefaultsAreThoseOfTheParts(t *testing.T) {
	c := config.Default()
	if diff := cmp.Diff([]string{server.DefaultListen}, c.Server.Listen); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(webdebug.DefaultRedact(), c.WebDebug.Redact); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(event.Limits{}.WithDefaults(), c.Limits.Event()); diff != "" {
		t.Error(diff)
	}
}

// probe is a target that tells how it was used.
type probe struct {
	fail error
	said *[]string
}

func (p probe) Open(ctx context.Context) error {
	*p.said = append(*p.said, "open")
	if _, bounded := ctx.Deadline(); !bounded {
		*p.said = append(*p.said, "without a deadline")
	}
	return p.fail
}
func (p probe) Write(context.Context, target.Batch) (int, error) {
	*p.said = append(*p.said, "write")
	return 0, nil
}
func (p probe) Close() error {
	*p.said = append(*p.said, "close")
	return nil
}

// TestConfigCheckConnects opens each target once, closes it, also where it could
// not be opened, and goes on to the next.
func TestConfigCheckConnects(t *testing.T) {
	var said []string
	kind := func(name string, fail error) target.Kind {
		return target.NewKind(name, struct{}{}, func(struct{}, target.Environment) (target.Target, error) { return probe{fail, &said}, nil })
	}
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("targets: [{type: bad}, {type: good}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	env := &environment{in: strings.NewReader(""), out: &out, err: &out, width: 80, outTerminal: true, getenv: func(string) string { return "" }}
	code := run(t.Context(), Options{Targets: []target.Kind{kind("bad", errors.New("the table has other columns")), kind("good", nil)}},
		env, []string{"config", "check", file, "--connect"})
	if diff := cmp.Diff([]string{"open", "close", "open", "close"}, said); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"cannot be used now:\n    the table has other columns", "opens, after", "but one target cannot be used now"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, &out)
		}
	}
	if code != exitFailure {
		t.Errorf("exit code %d", code)
	}
}

// TestConfigPageFits the terminal, whatever a setting holds.
func TestConfigPageFits(t *testing.T) {
	var out bytes.Buffer
	page := &page{env: &environment{width: 80, outTerminal: true}, out: &out, width: 80}
	long := strings.Repeat("a long message of many words ", 10)
	page.problem("31", "", config.Problem{Source: config.Source{File: "c.json", Line: 3, Column: 4}, Path: "targets[0].where", Message: long})
	page.settings([]config.Setting{{Path: "store.data", Value: "/var/lib/firn/" + strings.Repeat("x", 40), Source: config.Source{Variable: "FIRN_STORE_DATA"}}, {Path: "a", Value: int64(1)}}, "")
	for line := range strings.Lines(out.String()) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}
