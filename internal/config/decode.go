package config

import (
	"encoding"
	"encoding/json/v2"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firnlog/firn/internal/spelling"
	"github.com/firnlog/firn/target"
)

// decoder reads nodes into Go values. It goes on after a problem, so that all of
// them are told at once.
type decoder struct {
	problems []Problem
	// sources says of every setting that was set where it comes from.
	sources map[string]Source
	// secrets are the values that no message may hold.
	secrets []string
}

func (d *decoder) fault(s Source, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{s, path, fmt.Sprintf(format, args...)})
}

// field is one setting that a struct has.
type field struct {
	name   string
	value  reflect.Value
	secret bool
}

var secretType = reflect.TypeFor[target.Secret]()

// fieldsOf are the settings of a struct, by their json tags; those of embedded
// structs are its own.
func fieldsOf(v reflect.Value) []field {
	var all []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			all = append(all, fieldsOf(v.Field(i))...)
		default:
			if name == "" {
				name = f.Name
			}
			all = append(all, field{name, v.Field(i), f.Type == secretType})
		}
	}
	return all
}

// namesOf are the names that settings may be given under.
func namesOf(fields []field) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
		if f.secret {
			names = append(names, f.name+"_file")
		}
	}
	return names
}

// block reads the members of a block into settings, and reports whether all of
// them that have a value here could be read. Members named in others are somebody
// else's.
func (d *decoder) block(path string, n *node, fields []field, others ...string) (sound bool) {
	if !d.is(path, n, object) {
		return false
	}
	sound = true
	for _, m := range n.members {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == m.name })
		file := slices.IndexFunc(fields, func(f field) bool { return f.secret && f.name+"_file" == m.name })
		before := len(d.problems)
		switch at := join(path, m.name); {
		case i >= 0:
			d.value(at, m.value, fields[i].value)
		case file >= 0:
			f := fields[file]
			if n.get(f.name) != nil && m.value.kind != null {
				d.fault(m.source, at, "is given beside %s; give one of them", f.name)
				break
			}
			d.secretFile(join(path, f.name), at, m.value, f.value)
		case slices.Contains(others, m.name):
		default:
			d.unknown(path, m, append(namesOf(fields), others...))
			continue
		}
		sound = sound && len(d.problems) == before
	}
	return sound
}

// unknown notes a name that is no setting.
func (d *decoder) unknown(path string, m member, known []string) {
	where := "the configuration"
	if path != "" {
		where = path
	}
	if near, ok := spelling.Nearest(m.name, known); ok {
		d.fault(m.source, join(path, m.name), "is not a setting; did you mean %s?", near)
		return
	}
	slices.Sort(known)
	d.fault(m.source, join(path, m.name), "is not a setting; %s has %s", where, strings.Join(known, ", "))
}

// is reports whether a value was written as what is wanted, and notes it where not.
func (d *decoder) is(path string, n *node, want ...kind) bool {
	if slices.Contains(want, n.kind) {
		return true
	}
	d.fault(n.source, path, "must be %s, not %s", want[0], n.kind)
	return false
}

// secretFile reads a secret from the file that a setting names.
func (d *decoder) secretFile(path, at string, n *node, v reflect.Value) {
	if n.kind == null || !d.is(at, n, text, raw) {
		return
	}
	b, err := os.ReadFile(n.text)
	switch {
	case err != nil:
		d.fault(n.source, at, "%v", err)
		return
	case len(b) > 64<<10:
		d.fault(n.source, at, "%s has %d bytes; that is no secret", shown(n.text), len(b))
		return
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if secret == "" || !utf8.ValidString(secret) || strings.ContainsAny(secret, "\n\x00") {
		d.fault(n.source, at, "%s must hold one line of text, the secret", shown(n.text))
		return
	}
	d.setSecret(path, n.source, secret, v)
}

func (d *decoder) setSecret(path string, s Source, secret string, v reflect.Value) {
	v.SetString(secret)
	d.sources[path] = s
	if secret != "" {
		d.secrets = append(d.secrets, secret)
	}
}

// value reads one value. null leaves the default.
func (d *decoder) value(path string, n *node, v reflect.Value) {
	if n.kind == null {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		before := len(d.problems)
		d.value(path, n, p.Elem())
		if len(d.problems) == before {
			v.Set(p)
		}
		return
	case reflect.Struct:
		if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); !ok {
			d.block(path, n, fieldsOf(v))
			return
		}
	default:
	}
	if v.Type() == secretType {
		if d.is(path, n, text, raw) {
			d.setSecret(path, n.source, n.text, v)
		} else if n.kind == number || n.kind == boolean {
			d.problems[len(d.problems)-1].Message += "; put it in quotes"
		}
		return
	}
	before := len(d.problems)
	d.leaf(path, n, v)
	if len(d.problems) == before {
		d.sources[path] = n.source
	}
}

func (d *decoder) leaf(path string, n *node, v reflect.Value) {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if !d.is(path, n, text, raw, number, boolean) {
			return
		}
		if err := u.UnmarshalText([]byte(n.text)); err != nil {
			d.fault(n.source, path, "%v", err)
		}
		return
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		d.duration(path, n, v)
	case v.Kind() == reflect.String:
		if d.is(path, n, text, raw) {
			v.SetString(n.text)
		} else if n.kind == number || n.kind == boolean {
			d.problems[len(d.problems)-1].Message += "; put it in quotes"
		}
	case v.Kind() == reflect.Bool:
		if !d.is(path, n, boolean, raw) {
			return
		}
		b, err := strconv.ParseBool(n.text)
		if err != nil {
			d.fault(n.source, path, "must be true or false, not %q", shown(n.text))
		}
		v.SetBool(b)
	case v.CanInt() || v.CanUint():
		d.integer(path, n, v)
	case v.CanFloat():
		if !d.is(path, n, number, raw) {
			return
		}
		f, err := strconv.ParseFloat(n.text, 64)
		if err != nil {
			d.fault(n.source, path, "must be a number, not %q", shown(n.text))
		}
		v.SetFloat(f)
	case v.Kind() == reflect.Slice:
		d.list(path, n, v)
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		d.dictionary(path, n, v)
	default:
		if err := json.Unmarshal(n.json(), v.Addr().Interface(), json.RejectUnknownMembers(true)); err != nil {
			d.fault(n.source, path, "%v", err)
		}
	}
}

const durations = "must be a time such as 90s, 15m or 24h"

func (d *decoder) duration(path string, n *node, v reflect.Value) {
	if n.kind != text && n.kind != raw {
		d.fault(n.source, path, "%s; not %s", durations, n.kind)
		return
	}
	t, err := time.ParseDuration(n.text)
	if err != nil {
		d.fault(n.source, path, "%s; not %q", durations, shown(n.text))
		return
	}
	v.SetInt(int64(t))
}

func (d *decoder) integer(path string, n *node, v reflect.Value) {
	if n.kind != number && n.kind != raw {
		d.fault(n.source, path, "must be a whole number, not %s", n.kind)
		return
	}
	i, err := strconv.ParseInt(n.text, 10, 64)
	switch {
	case err != nil:
		d.fault(n.source, path, "must be a whole number, not %q", shown(n.text))
	case v.CanUint():
		if i < 0 || v.OverflowUint(uint64(i)) {
			d.fault(n.source, path, "%d is out of range", i)
			return
		}
		v.SetUint(uint64(i))
	case v.OverflowInt(i):
		d.fault(n.source, path, "%d is out of range", i)
	default:
		v.SetInt(i)
	}
}

func (d *decoder) list(path string, n *node, v reflect.Value) {
	items := n.items
	switch {
	case n.kind == raw:
		for item := range strings.SplitSeq(n.text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, &node{kind: raw, text: item, source: n.source, weight: 1})
			}
		}
	case n.kind != list:
		d.fault(n.source, path, "must be a list such as [one, two]; not %s", n.kind)
		return
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item.kind == null {
			d.fault(item.source, at, "must not be null")
			continue
		}
		d.value(at, item, out.Index(i))
	}
	v.Set(out)
}

func (d *decoder) dictionary(path string, n *node, v reflect.Value) {
	if !d.is(path, n, object) {
		return
	}
	out := reflect.MakeMap(v.Type())
	for _, m := range n.members {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(join(path, m.name), m.value, item)
		out.SetMapIndex(reflect.ValueOf(m.name).Convert(v.Type().Key()), item)
	}
	v.Set(out)
}
