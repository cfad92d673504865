package app

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"github.com/firnlog/firn/internal/config"
)

// page is a configuration as people read it: results, to standard output, as
// wide as the terminal.
type page struct {
	env   *environment
	out   io.Writer
	width int
}

func newPage(env *environment) *page {
	t := &page{env: env, out: env.out, width: 100}
	if env.outTerminal {
		t.width = max(env.width, 40)
	}
	return t
}

func (t *page) line(s string) { fmt.Fprintln(t.out, s) }

func (t *page) paint(colour, s string) string {
	if !t.env.color {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// problem prints a problem: one line where it fits, and else the message below
// the place.
func (t *page) problem(colour, prefix string, p config.Problem) {
	line, message := prefix+escape(p.String()), escape(p.Message)
	place := strings.TrimSuffix(line, message)
	if !t.env.outTerminal || uniseg.StringWidth(line) <= t.width {
		t.line(t.paint(colour, place) + message)
		return
	}
	t.line(t.paint(colour, strings.TrimRight(place, " ")))
	t.wrap("    ", message)
}

// wrap prints text in lines that fit, each behind an indent.
func (t *page) wrap(indent, s string) {
	line := indent
	for word := range strings.FieldsSeq(s) {
		if line != indent && uniseg.StringWidth(line+" "+word) > t.width {
			t.line(line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	t.line(line)
}

// set prints what is not as it is by default.
func (t *page) set(cfg *config.Config) {
	var set []config.Setting
	for _, s := range cfg.Settings() {
		if s.Source != (config.Source{}) {
			set = append(set, s)
		}
	}
	if len(set) == 0 {
		t.line("Every setting has its default (firn config show prints them).")
		return
	}
	t.settings(set, "")
}

// settings prints values, and what they are set by.
func (t *page) settings(all []config.Setting, indent string) {
	names, values := 0, 0
	for _, s := range all {
		names = max(names, uniseg.StringWidth(s.Path))
		values = max(values, min(uniseg.StringWidth(escape(s.String())), 40))
	}
	for _, s := range all {
		name := indent + s.Path + strings.Repeat(" ", names-uniseg.StringWidth(s.Path))
		value, source := escape(s.String()), escape(s.Source.String())
		pad := strings.Repeat(" ", max(0, values-uniseg.StringWidth(value)))
		line := name + "  " + value + pad + "  "
		switch {
		case uniseg.StringWidth(line+source) <= t.width:
			t.line(line + t.paint("2", source))
		default:
			t.line(name + "  " + value)
			t.line(strings.Repeat(" ", names+len(indent)+2) + t.paint("2", source))
		}
	}
}

// target prints what a target gets and how it is set.
func (t *page) target(target config.Target) {
	kind := ""
	if target.Name != target.Kind.Name {
		kind = ", a " + target.Kind.Name
	}
	t.line("")
	t.line(t.paint("1", "target "+escape(target.Name)) + kind + t.paint("2", " ("+escape(target.Source.String())+")"))
	events := "every event but system's"
	if len(target.Instances) > 0 {
		events = "the events of " + strings.Join(target.Instances, " and ")
	}
	if target.Where != nil {
		events += " that matches " + target.Where.String()
		if len(target.Instances) > 0 {
			events = strings.Replace(events, " that matches ", " that match ", 1)
		}
	}
	from := ", from the moment it is first served"
	switch start := target.StartText(); start {
	case "now":
	case "beginning":
		from = ", from the beginning"
	default:
		from = ", from " + start
	}
	if target.DaysToKeep > 0 {
		from += fmt.Sprintf("; rows are deleted after %d days", target.DaysToKeep)
	}
	t.wrap("  ", "gets "+escape(events+from))
	t.settings(target.Values, "  ")
}

// connect opens a target and says how it is.
func (t *page) connect(env *environment, target config.Target) bool {
	begun := time.Now()
	if err := connect(env.ctx, env, target); err != nil {
		t.line("  " + t.paint("31", "cannot be used now:"))
		t.wrap("    ", escape(err.Error()))
		return false
	}
	t.line("  " + t.paint("32", "opens, after "+brief(time.Since(begun))))
	return true
}
