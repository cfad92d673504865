package config

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/firnlog/firn/internal/spelling"
	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/target"
)

// Target is a target of the configuration.
type Target struct {
	target.Spec
	// Source is where it is named.
	Source Source
	// Values are the settings of its kind.
	Values []Setting
}

// deliveryNames are the settings that every target has.
var deliveryNames = []string{"instances", "where", "start", "days_to_keep"}

// makeTargets makes targets of the three places that may name some.
func (l *loader) makeTargets(root *node) {
	l.eventLogger(root)
	l.loggerName(root)
	if n := root.get("targets"); n != nil && l.is("targets", n, list) {
		for i, item := range n.items {
			l.listed(fmt.Sprintf("targets[%d]", i), item)
		}
	}
	first := map[string]Target{}
	for _, t := range l.config.Targets {
		if before, ok := first[t.Name]; ok {
			l.fault(t.Source, "", "a target named %s is at %s already; give this one a name", t.Name, before.Source)
			continue
		}
		first[t.Name] = t
	}
}

// kind is a kind of target by one of its names.
func (l *loader) kind(name string) (k target.Kind, ok bool) {
	i := slices.IndexFunc(l.Kinds, func(k target.Kind) bool {
		return k.Name == name || slices.Contains(k.Aliases, name)
	})
	if i < 0 {
		return k, false
	}
	return l.Kinds[i], true
}

// unknownKind notes a type of target that is not built in.
func (l *loader) unknownKind(s Source, path, name string, others ...string) {
	known := slices.Clone(others)
	for _, k := range l.Kinds {
		known = append(append(known, k.Name), k.Aliases...)
	}
	slices.Sort(known)
	if near, ok := spelling.Nearest(name, known); ok {
		l.fault(s, path, "%q is no type of target; did you mean %s?", shown(name), near)
		return
	}
	if len(known) == 0 {
		l.fault(s, path, "%q is no type of target; none is built in", shown(name))
		return
	}
	l.fault(s, path, "%q is no type of target; there are %s", shown(name), strings.Join(known, ", "))
}

// listed makes a target of an item of the list targets.
func (l *loader) listed(path string, n *node) {
	if !l.is(path, n, object) {
		return
	}
	if i, ok := n.places["type"]; ok && n.members[i].value.text == "null" {
		n.members[i].value.kind = text // YAML without quotes: the type of that name
	}
	var kindName, name string
	for _, f := range []struct {
		name string
		to   *string
	}{{"type", &kindName}, {"name", &name}} {
		if v := n.get(f.name); v != nil {
			l.value(join(path, f.name), v, reflect.ValueOf(f.to).Elem())
		}
	}
	k, ok := l.kind(kindName)
	switch {
	case n.get("type") == nil:
		l.unknownType(path, n)
		return
	case !ok && kindName != "":
		l.unknownKind(n.get("type").source, join(path, "type"), kindName)
		return
	case !ok:
		return
	}
	if name == "" {
		name = k.Name
	}
	source := n.source
	if v := n.get("name"); v != nil {
		source = v.source
	}
	t := &Target{Spec: target.Spec{Name: name, Kind: k, Settings: k.Settings()}, Source: source}
	fields := fieldsOf(reflect.ValueOf(t.Settings).Elem())
	sound := l.block(path, n, fields, append([]string{"type", "name"}, deliveryNames...)...)
	l.delivery(path, n, &t.Spec)
	if sound {
		l.finish(t, fields, func(name string) (string, *node) { return join(path, name), n.get(name) })
	}
}

func (l *loader) unknownType(path string, n *node) {
	var known []string
	for _, k := range l.Kinds {
		known = append(known, k.Name)
	}
	l.fault(n.source, path, "has no type; it is one of %s", strings.Join(known, ", "))
}

// finish checks a target whose settings are read, and takes it. place is where
// the file has a setting.
func (l *loader) finish(t *Target, fields []field, place func(name string) (path string, n *node)) {
	before := len(l.problems)
	if !target.ValidName(t.Name) {
		l.fault(t.Source, "", "a target cannot be named %q: 1 to 64 of A–Z a–z 0–9 . _ -, not beginning with . or -", shown(t.Name))
	}
	made, err := t.Kind.New(t.Settings, target.Environment{Name: t.Name, Stdout: io.Discard, Logger: slog.New(slog.DiscardHandler)})
	for line := range strings.SplitSeq(errorText(err), "\n") {
		if line == "" {
			continue
		}
		source, at := t.Source, "target "+t.Name
		name, rest, ok := strings.Cut(line, ": ")
		if word, _, _ := strings.Cut(line, " "); !ok || slices.IndexFunc(fields, func(f field) bool { return f.name == name }) < 0 {
			name, rest = word, line
		}
		if slices.ContainsFunc(fields, func(f field) bool { return f.name == name }) {
			var n *node
			if at, n = place(name); n != nil {
				source = n.source
			}
			rest = strings.TrimPrefix(rest, name+" ")
		} else {
			rest = line
		}
		l.fault(source, at, "%s", rest)
	}
	if _, ok := made.(target.Cleaner); err == nil && !ok && t.DaysToKeep > 0 {
		at, n := place("days_to_keep")
		source := t.Source
		if n != nil {
			source = n.source
		}
		l.fault(source, at, "a target of type %s deletes nothing; only tables have days_to_keep", t.Kind.Name)
	}
	if len(l.problems) > before {
		return
	}
	sources := maps.Clone(l.sources)
	for _, f := range fields {
		at, _ := place(f.name)
		if s, ok := l.sources[at]; ok {
			sources[f.name] = s
		} else {
			delete(sources, f.name)
		}
	}
	t.Values = settingsOf("", reflect.ValueOf(t.Settings).Elem(), sources)
	l.config.Targets = append(l.config.Targets, *t)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// delivery reads the settings that every target has.
func (l *loader) delivery(path string, n *node, spec *target.Spec) {
	if v := n.get("instances"); v != nil {
		l.value(join(path, "instances"), v, reflect.ValueOf(&spec.Instances).Elem())
		if i := slices.Index(spec.Instances, ""); i >= 0 {
			l.fault(v.source, fmt.Sprintf("%s[%d]", join(path, "instances"), i), "must be the id or the name of an instance")
		}
	}
	if v := n.get("where"); v != nil {
		l.where(join(path, "where"), v, spec)
	}
	if v := n.get("start"); v != nil {
		l.start(join(path, "start"), v, spec)
	}
	if v := n.get("days_to_keep"); v != nil {
		l.daysToKeep(join(path, "days_to_keep"), v, spec)
	}
}

// where reads a condition of the query language.
func (l *loader) where(path string, n *node, spec *target.Spec) {
	text := n.json()
	if n.kind == raw {
		text = jsontext.Value(n.text)
	} else if !l.is(path, n, list, object) {
		return
	}
	c, err := query.ParseCondition(text, l.Now())
	if at, in := errors.AsType[*query.Error](err); in {
		if at.Path != "" && at.Path[0] != '[' {
			path += "."
		}
		l.fault(n.at(at.Path), path+at.Path, "%s", at.Message)
		return
	}
	if err != nil {
		l.fault(n.source, path, "%v", err)
		return
	}
	spec.Where = c
	l.sources[path] = n.source
}

// start reads now, beginning or a position.
func (l *loader) start(path string, n *node, spec *target.Spec) {
	position, err := strconv.ParseInt(n.text, 10, 64)
	whole := err == nil && position >= 1 && (n.kind == number || n.kind == raw)
	switch word := n.kind == text || n.kind == raw; {
	case word && n.text == "now":
		spec.Start = target.Start{}
	case word && n.text == "beginning", whole && position == 1:
		spec.Start = target.Start{Beginning: true}
	case whole:
		spec.Start = target.Start{After: position - 1}
	default:
		l.fault(n.source, path, "must be now, beginning, or the position of the first event it gets, from 1")
		return
	}
	l.sources[path] = n.source
}

const maxDays = 100_000

// daysToKeep reads Querybook's setting. 0 is refused: it would delete every row
// there, and keep them all elsewhere.
func (l *loader) daysToKeep(path string, n *node, spec *target.Spec) {
	days := 0
	before := len(l.problems)
	l.value(path, n, reflect.ValueOf(&days).Elem())
	switch {
	case len(l.problems) > before:
	case days == 0:
		l.fault(n.source, path, "0 is not taken, since Querybook deletes every row by it; -1 keeps them for ever, and so does leaving it out")
	case days < -1 || days > maxDays:
		l.fault(n.source, path, "must be 1 to %d days, or -1 for ever; not %d", maxDays, days)
	case days > 0:
		spec.DaysToKeep = days
	}
}

// targetVariables lets the environment set what a listed target has:
// FIRN_TARGETS_NAME_SETTING. Two targets whose names make one variable, as a.b and
// a-b do, are refused: a secret that is meant for one would go to both.
func (l *loader) targetVariables(root *node, e *environment) {
	n := root.get("targets")
	if n == nil {
		return
	}
	owners := map[string]string{} // by variable
	for _, item := range n.items {
		if item.get("type") == nil {
			continue
		}
		k, ok := l.kind(item.get("type").text)
		if !ok {
			continue
		}
		name, source := k.Name, item.source
		if given := item.get("name"); given != nil {
			name, source = given.text, given.source
		}
		shared := false
		for _, f := range targetLeaves(k, name) {
			other, taken := owners[f.variable]
			if taken && other != name && !shared {
				shared = true // of many, one is told
				l.fault(source, "", "the targets %s and %s have the same environment variables, such as %s; give one of them another name", shown(other), shown(name), f.variable)
			}
			owners[f.variable] = name
			e.apply(item, f)
		}
	}
}

// targetLeaves are the settings of a listed target that the environment can set.
func targetLeaves(k target.Kind, name string) []leaf {
	var all []leaf
	for _, f := range fieldsOf(reflect.ValueOf(k.Settings()).Elem()) {
		all = append(all, leaf{[]string{f.name}, variableOf("targets", name, f.name), f.secret})
	}
	for _, f := range deliveryNames {
		all = append(all, leaf{[]string{f}, variableOf("targets", name, f), false})
	}
	return all
}
