package target

import (
	"io"
	"log/slog"

	"github.com/firnlog/firn/query"
)

// Kind is a kind of target, such as sqlite: one entry of the list of what is
// built in.
type Kind struct {
	// Name is the kind's `type` in the configuration; Aliases are others.
	Name    string
	Aliases []string
	// Settings returns a pointer to a struct with the defaults, into which the
	// target's block of the configuration is read, strictly: unknown members are
	// errors. Members are named by `json` tags; a field of type Secret may also be
	// given as a file (NAME_file), and is never printed.
	Settings func() any
	// New makes a target from what Settings returned, filled in. It checks the
	// settings (its errors name the member) and reaches for nothing outside: that is
	// Open's.
	New func(settings any, env Environment) (Target, error)
}

// Environment is what a target gets beside its settings.
type Environment struct {
	Name   string       // the target's name in the configuration, unique among all
	Stdout io.Writer    // the process's standard output, for targets that write there
	Logger *slog.Logger // for what an operator should know; never the events themselves
}

// NewKind describes a kind of target whose settings are an S.
func NewKind[S any](name string, defaults S, open func(S, Environment) (Target, error)) Kind {
	return Kind{
		Name:     name,
		Settings: func() any { s := defaults; return &s },
		New:      func(settings any, env Environment) (Target, error) { return open(*settings.(*S), env) },
	}
}

// Secret is a setting that is never printed.
type Secret string

// String hides the secret from everything that formats it.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[secret]"
}

// GoString hides it from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides it from log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides it from JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes it in.
func (s *Secret) UnmarshalText(text []byte) error { *s = Secret(text); return nil }

// Spec is one target of a configuration.
type Spec struct {
	Name     string // unique; by default the kind's name
	Kind     Kind
	Settings any // what Kind.Settings returned, filled in; nil = the defaults
	// Where selects events; nil = every event.
	Where query.Condition
	// Instances are the instances (ids or names) whose events it gets; empty = all
	// but system.
	Instances []string
	Start     Start
	// DaysToKeep is how long a Cleaner keeps rows; 0 = for ever.
	DaysToKeep int
}

// Start is where a target begins in an instance it has no cursor for. The zero
// value is now: what comes after the target was first seen.
type Start struct {
	Beginning bool
	After     int64 // behind this position, where it is not 0
}
