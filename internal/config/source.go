package config

import (
	"fmt"
	"strings"
)

// Source is where a value comes from. The zero value is Firn's own default.
type Source struct {
	// File is the configuration file as it was named, with the place in it, from 1.
	File         string
	Line, Column int
	// Variable is the environment variable.
	Variable string
	// Flag is the flag of the command line, with its dashes.
	Flag string
}

// String is the source as people write it: config.json:5:17, FIRN_STORE_DATA,
// --data, or default.
func (s Source) String() string {
	switch {
	case s.Flag != "":
		return s.Flag
	case s.Variable != "":
		return s.Variable
	case s.Line > 0:
		return fmt.Sprintf("%s:%d:%d", s.File, s.Line, s.Column)
	case s.File != "":
		return s.File
	}
	return "default"
}

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Source Source
	// Path is the setting, such as targets[1].where; empty where it is about the
	// file as a whole.
	Path string
	// Message says what is wrong and what would be right. It holds no secret.
	Message string
}

// String is the problem in one line.
func (p Problem) String() string {
	var b strings.Builder
	if p.Source != (Source{}) {
		b.WriteString(p.Source.String() + ": ")
	}
	named := p.Source.Flag != "" || p.Source.Variable != "" // after the setting
	if p.Path != "" && !(named && !strings.ContainsAny(p.Path, "[]")) {
		b.WriteString(p.Path + ": ")
	}
	return b.String() + p.Message
}

// Error is every problem of a configuration.
type Error struct{ Problems []Problem }

// Error is a line a problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
