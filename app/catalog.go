package app

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"

	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/internal/catalog"
)

type catalogCommand struct {
	List   catalogList   `cmd:"" default:"withargs" help:"List event types (default)."`
	Show   catalogShow   `cmd:"" help:"Show an event type with its schema."`
	Put    catalogPut    `cmd:"" help:"Add an event type of yours, or replace one."`
	Delete catalogDelete `cmd:"" help:"Delete an event type of yours."`
}

func (c *catalogCommand) Help() string {
	return `The catalog says what event types mean and what their payloads look like. Other
types are as welcome; what becomes of a payload that is otherwise, each instance
says: firn instances update NAME --validation off, warn or enforce.

Examples:
  firn catalog
  firn catalog show message.sent
  firn catalog put order.paid order.paid.json
  echo '{"description": "A customer paid."}' | firn catalog put order.paid -
  firn catalog delete order.paid`
}

// loadCatalog is the built-in catalog with the types of a user's directories.
func loadCatalog(dirs []string) (*catalog.Catalog, error) {
	systems := make([]fs.FS, len(dirs))
	for i, dir := range dirs {
		systems[i] = os.DirFS(dir)
	}
	types, err := catalog.Load(systems...)
	if err != nil {
		return nil, fmt.Errorf("the catalog:\n%w", err)
	}
	return types, nil
}

type catalogList struct {
	connection
	output
}

// Run lists event types by name.
func (c *catalogList) Run(env *environment) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	all, err := s.client.Catalog(env.ctx)
	if err != nil {
		return s.explain(err, "")
	}
	t := &table{columns: []column{{title: "TYPE", max: 50}, {title: "SYSTEM"}, {title: "SEVERITY"}, {title: "ORIGIN"}, {title: "DESCRIPTION"}}}
	var lines []jsontext.Value
	for _, e := range all {
		t.add(e.Type, e.System, e.Severity, e.Origin, e.Description)
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		lines = append(lines, line)
	}
	return env.print(c.form(env), t, lines)
}

type catalogShow struct {
	connection
	Type string `arg:"" help:"The event type."`
}

// Run prints an entry as firn catalog put takes it.
func (c *catalogShow) Run(env *environment) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	e, err := s.client.EventType(env.ctx, c.Type)
	if err != nil {
		return explainCatalog(s, err)
	}
	return env.printEventType(e)
}

func (env *environment) printEventType(e client.EventType) error {
	text, err := json.Marshal(e, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.out, string(text))
	return err
}

type catalogPut struct {
	connection
	Type string `arg:"" help:"The event type."`
	File string `arg:"" default:"-" help:"The entry, a JSON object with description and, if you like, schema, severity, subject, system; - is standard input (default)."`
}

// Run adds an entry.
func (c *catalogPut) Run(env *environment) error {
	in := env.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	} else if env.inTerminal {
		return usagef("standard input is this terminal: give a file, or pipe an entry in")
	}
	document, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read the entry: %w", err)
	}
	if !jsontext.Value(document).IsValid() {
		return usagef("the entry is not valid JSON; it looks like {\"description\": \"A customer paid.\", \"schema\": {…}}")
	}
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	if _, err := s.client.PutEventType(env.ctx, c.Type, document); err != nil {
		return explainCatalog(s, err)
	}
	env.say(fmt.Sprintf("the catalog has %s; what comes from now on is held against it", escape(c.Type)))
	return nil
}

type catalogDelete struct {
	connection
	Type string `arg:"" help:"The event type."`
}

// Run deletes an entry.
func (c *catalogDelete) Run(env *environment) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.client.DeleteEventType(env.ctx, c.Type); err != nil {
		return explainCatalog(s, err)
	}
	env.say(fmt.Sprintf("deleted %s from the catalog; its events stay", escape(c.Type)))
	return nil
}

// explainCatalog explains an error about an event type.
func explainCatalog(s *session, err error) error {
	var a *client.Error
	if errors.As(err, &a) && a.Status == http.StatusNotFound {
		return hint(errors.New(a.Detail), "`firn catalog` lists those there are.")
	}
	return s.explain(err, "")
}
