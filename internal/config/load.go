package config

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firnlog/firn/target"
)

// Options are the sources of a configuration.
type Options struct {
	// File is the configuration file; without one no file is read.
	File string
	// Environ is the environment, NAME=value.
	Environ []string
	// Flags are the flags that were given.
	Flags []Flag
	// Kinds are the kinds of targets that are built in.
	Kinds []target.Kind
	// Now is the clock that relative times of a where count from; default time.Now.
	Now func() time.Time
}

// Flag is a flag that was given, for the setting at Path.
type Flag struct {
	Name   string // with its dashes
	Path   string
	Values []string
}

// Load reads a configuration. Its error is a *Error with every problem; what
// could be read is returned beside it.
func Load(o Options) (*Config, error) {
	if o.File == "" {
		return load(o, nil, nil)
	}
	content, err := readAll(o.File)
	return load(o, content, err)
}

// load reads a configuration whose file has this content.
func load(o Options, content []byte, unread error) (*Config, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &loader{Options: o, config: Default(), decoder: decoder{sources: map[string]Source{}}}
	l.config.File = o.File
	if unread != nil {
		l.fault(Source{File: l.File}, "", "%v", unread)
	}
	root := l.parse(content)
	l.layers(root)
	l.decode(root)
	l.check()
	l.config.settings = settingsOf("", reflect.ValueOf(l.config).Elem(), l.sources)
	l.config.Warnings = l.hide(l.config.Warnings)
	if len(l.problems) > 0 {
		return l.config, &Error{inOrder(l.hide(l.problems))}
	}
	return l.config, nil
}

// loader is one reading of a configuration.
type loader struct {
	Options
	decoder
	config *Config
}

// parse reads text into nodes; an empty block where there is nothing to read.
func (l *loader) parse(content []byte) *node {
	empty := &node{kind: object, source: Source{File: l.File}}
	r := newReader(l.File, content)
	root := r.read()
	l.problems = append(l.problems, r.problems...)
	switch {
	case root == nil || root.kind == null:
		return empty
	case root.kind != object:
		l.fault(root.source, "", "must be a block of settings, not %s", root.kind)
		return empty
	}
	return root
}

// readAll reads a file. Its errors do not name it.
func readAll(name string) ([]byte, error) {
	f, err := os.Open(name)
	var p *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file")
	case errors.As(err, &p):
		return nil, p.Err
	case err != nil:
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case errors.As(err, &p):
		return nil, p.Err
	case err != nil:
		return nil, err
	case len(content) > maxFile:
		return nil, errors.New("is larger than 1 MiB; that is no configuration")
	}
	return content, nil
}

// read reads JSON or YAML: what the name's ending says, else JSON where the text
// begins as JSON does. nil where nothing can be read.
func (r *reader) read() *node {
	r.text = bytes.TrimPrefix(r.text, []byte("\ufeff"))
	*r = *newReader(r.file, r.text)
	if i := firstInvalid(r.text); i >= 0 {
		r.fault(r.source(i), "", "is not valid UTF-8")
		return nil
	}
	begin := bytes.TrimLeft(r.text, " \t\r\n")
	if len(begin) == 0 {
		return nil // every setting has its default
	}
	switch strings.ToLower(filepath.Ext(r.file)) {
	case ".yaml", ".yml":
		return r.yaml()
	case ".json":
		return r.json()
	}
	if begin[0] == '{' {
		return r.json()
	}
	return r.yaml()
}

// firstInvalid is the offset of the first byte that is not UTF-8; -1 without one.
func firstInvalid(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// decode reads the blocks, and then makes the targets.
func (l *loader) decode(root *node) {
	shared := []string{"database", "event_logger"}
	fields := slices.DeleteFunc(fieldsOf(reflect.ValueOf(l.config).Elem()), func(f field) bool { return slices.Contains(shared, f.name) })
	l.block("", root, fields, append(shared, "targets")...)
	if n := root.get("database"); n != nil {
		l.block("database", n, fieldsOf(reflect.ValueOf(&l.config.Database).Elem()), l.databaseSettings()...)
	}
	if n := root.get("event_logger"); n != nil {
		l.block("event_logger", n, fieldsOf(reflect.ValueOf(&l.config.EventLogger).Elem()), deliveryNames...)
	}
	l.hintOtherPrograms(root)
	l.makeTargets(root)
}

// hintOtherPrograms adds to unknown blocks at the top where the file seems to be
// another program's own.
func (l *loader) hintOtherPrograms(root *node) {
	if root.get("event_logger") == nil && root.get("EVENT_LOGGER_NAME") == nil {
		return
	}
	for i := range l.problems {
		p := &l.problems[i]
		if p.Source.Line > 0 && strings.HasPrefix(p.Message, "is not a setting; the configuration has") {
			p.Message = "is not a setting of Firn; if this is another program's file, copy event_logger and database, or EVENT_LOGGER_NAME, to a file of their own"
		}
	}
}

// hide takes secrets out of messages.
func (l *loader) hide(problems []Problem) []Problem {
	for i := range problems {
		for _, secret := range l.secrets {
			if len(secret) >= 4 {
				problems[i].Message = strings.ReplaceAll(problems[i].Message, secret, "[secret]")
			}
		}
	}
	return problems
}

// inOrder sorts problems by their places and leaves out those told twice: a value
// may be of several targets.
func inOrder(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(rank(a.Source), rank(b.Source)),
			cmp.Compare(a.Source.Line, b.Source.Line), cmp.Compare(a.Source.Column, b.Source.Column))
	})
	return slices.Compact(problems)
}

// rank is the order of sources in a list of problems: the file first.
func rank(s Source) int {
	switch {
	case s.Flag != "":
		return 2
	case s.Variable != "":
		return 1
	}
	return 0
}
