package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/firnlog/firn/internal/spelling"
)

// leaf is a setting that the environment can set.
type leaf struct {
	path     []string
	variable string
	secret   bool
}

// leavesOf are the settings of a struct that hold one value or a list.
func leavesOf(prefix []string, v reflect.Value) []leaf {
	var all []leaf
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		path := append(slices.Clone(prefix), name)
		if f.Type.Kind() == reflect.Struct {
			all = append(all, leavesOf(path, v.Field(i))...)
			continue
		}
		variable := f.Tag.Get("env")
		if variable == "" {
			variable = variableOf(path...)
		}
		all = append(all, leaf{path, variable, f.Type == secretType})
	}
	return all
}

// variableOf is the environment variable of a setting.
func variableOf(path ...string) string {
	upper := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, strings.Join(path, "_"))
	return "FIRN_" + upper
}

// layers puts the environment and the flags above what the file says.
func (l *loader) layers(root *node) {
	e := environment{values: map[string]string{}, used: map[string]bool{}}
	for _, v := range l.Environ {
		if name, value, ok := strings.Cut(v, "="); ok && value != "" {
			e.values[name] = value
		}
	}
	leaves := leavesOf(nil, reflect.ValueOf(l.config).Elem())
	for _, name := range l.databaseSettings() {
		leaves = append(leaves, leaf{[]string{"database", name}, variableOf("database", name), false})
	}
	for _, f := range leaves {
		e.apply(root, f)
	}
	l.targetVariables(root, &e)
	l.config.Warnings = append(l.config.Warnings, e.unknown()...)
	for _, f := range l.Flags {
		v := &node{kind: list, source: Source{Flag: f.Name}, weight: 1}
		for _, value := range f.Values {
			v.items = append(v.items, &node{kind: raw, text: value, source: v.source, weight: 1})
		}
		if len(f.Values) == 1 && !l.isList(f.Path) {
			v = v.items[0]
		}
		set(root, strings.Split(f.Path, "."), v, false)
	}
}

// isList reports whether a setting is a list.
func (l *loader) isList(path string) bool {
	v := reflect.ValueOf(l.config).Elem()
	for name := range strings.SplitSeq(path, ".") {
		fields := fieldsOf(v)
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			panic("config: no setting " + path)
		}
		v = fields[i].value
	}
	return v.Kind() == reflect.Slice
}

// set puts a value at a path, instead of the one that is there.
func set(root *node, path []string, v *node, secret bool) {
	n := root
	for _, name := range path[:len(path)-1] {
		next, ok := n.block(name, v.source)
		if !ok {
			return // what stands there instead is a problem that will be told
		}
		n = next
	}
	name := path[len(path)-1]
	n.put(member{name, v.source, v})
	if secret { // the other form of it, from a lower layer, no longer holds
		other := name + "_file"
		if short, ok := strings.CutSuffix(name, "_file"); ok {
			other = short
		}
		if n.get(other) != nil && n.get(other).source.Variable == "" {
			n.put(member{other, v.source, &node{kind: null, source: v.source, weight: 1}})
		}
	}
}

// environment is what of the environment is for Firn.
type environment struct {
	values map[string]string
	used   map[string]bool
}

// apply sets a setting where its variable is set.
func (e *environment) apply(n *node, f leaf) {
	forms := []leaf{f}
	if f.secret {
		path := slices.Clone(f.path)
		path[len(path)-1] += "_file"
		forms = append(forms, leaf{path, f.variable + "_FILE", true})
	}
	for _, form := range forms {
		e.used[form.variable] = true
		if value, ok := e.values[form.variable]; ok {
			set(n, form.path, &node{kind: raw, text: value, source: Source{Variable: form.variable}, weight: 1}, f.secret)
		}
	}
}

// unknown are warnings of variables that look like settings and are none. They
// are no errors: an orchestrator sets variables of its own (FIRN_PORT…).
func (e *environment) unknown() []Problem {
	var known, found []string
	for name := range e.used {
		known = append(known, name)
	}
	slices.Sort(known)
	for name := range e.values {
		if strings.HasPrefix(name, "FIRN_") && !e.used[name] && name != "FIRN_SERVER" && name != "FIRN_API_KEY" {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	var all []Problem
	for _, name := range found {
		if near, ok := spelling.Nearest(name, known); ok {
			all = append(all, Problem{Source{Variable: name}, "", fmt.Sprintf("is not a setting and changes nothing; did you mean %s?", near)})
		}
	}
	return all
}
