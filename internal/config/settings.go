package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/firnlog/firn/target"
)

// Setting is one value of the configuration that is in force.
type Setting struct {
	Path string
	// Value is what JSON shows of it: text, a number, true or false, a list; nil
	// where there is none. A secret is not in it.
	Value  any
	Source Source
}

// String is the value as people read it.
func (s Setting) String() string {
	switch v := s.Value.(type) {
	case nil:
		return "-"
	case string:
		if v == "" {
			return "-"
		}
		return v
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = Setting{Value: item}.String()
		}
		if len(items) == 0 {
			return "-"
		}
		return strings.Join(items, ", ")
	case map[string]any:
		return fmt.Sprintf("%d entries", len(v))
	}
	return fmt.Sprint(s.Value)
}

// Settings are all settings in force but the targets'.
func (c *Config) Settings() []Setting { return c.settings }

// settingsOf are the settings of a struct and what is in them.
func settingsOf(prefix string, v reflect.Value, sources map[string]Source) []Setting {
	var all []Setting
	for _, f := range fieldsOf(v) {
		path := join(prefix, f.name)
		if f.value.Kind() == reflect.Struct {
			if _, ok := f.value.Interface().(encoding.TextMarshaler); !ok {
				all = append(all, settingsOf(path, f.value, sources)...)
				continue
			}
		}
		all = append(all, Setting{path, plain(f.value), sources[path]})
	}
	return all
}

// plain is a value as JSON has it, without secrets.
func plain(v reflect.Value) any {
	switch t := v.Interface().(type) {
	case target.Secret:
		return t.String()
	case time.Duration:
		return duration(t)
	case Bytes:
		return t.String()
	case encoding.TextMarshaler:
		if b, err := t.MarshalText(); err == nil {
			return string(b)
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Slice, reflect.Array:
		items := make([]any, v.Len())
		for i := range items {
			items[i] = plain(v.Index(i))
		}
		return items
	case reflect.Map:
		items := map[string]any{}
		for _, k := range v.MapKeys() {
			items[k.String()] = plain(v.MapIndex(k))
		}
		return items
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return v.String()
	default:
	}
	switch {
	case v.CanInt():
		return v.Int()
	case v.CanUint():
		return v.Uint()
	case v.CanFloat():
		return v.Float()
	}
	return fmt.Sprint(v.Interface())
}

// duration is a time as people write it: 5m, not 5m0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// StartText is where a target begins as the configuration has it: now,
// beginning, or position N.
func (t Target) StartText() string {
	switch {
	case t.Start.Beginning:
		return "beginning"
	case t.Start.After > 0:
		return "position " + strconv.FormatInt(t.Start.After+1, 10)
	}
	return "now"
}
