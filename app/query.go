package app

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

type queryCommand struct {
	connection
	output
	Instance string `short:"i" placeholder:"NAME" help:"Instance, by id or name. Needed, unless the query is given as JSON."`
	File     string `short:"f" type:"existingfile" placeholder:"FILE" help:"Read the query, as JSON, from a file."`
	Explain  bool   `help:"Print the query that the flags mean, and do not ask it."`
	filter
	queryFlags
	Query string `arg:"" optional:"" help:"The query as JSON; - reads it from standard input."`
}

func (c *queryCommand) Help() string {
	return `Examples:
  firn query -i shop                                       everything, oldest first
  firn query -i shop --latest -n 20                        the newest twenty
  firn query -i shop --type order.paid --where 'payload.total>=100' --since 7d
  firn query -i shop --min-severity error --search timeout
  firn query -i shop --count --by event_type
  firn query -i shop --reduce avg:payload.total --reduce p95:payload.total --by timestamp:1d
  firn query '{"from": {"instance": "shop"}, "where": [{"field": "actor", "operator": "exists"}]}'

--explain shows what flags mean in the query language (docs/query-language.md).`
}

// Run asks and prints the answer; what it cost goes to standard error.
func (c *queryCommand) Run(env *environment) error {
	dsl, err := c.dsl(env)
	if err != nil {
		return err
	}
	if c.Explain {
		return env.printJSON(dsl)
	}
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	a, err := s.query(env.ctx, dsl)
	if err != nil {
		return s.explain(err, c.Instance)
	}
	return c.show(env, a, dsl)
}

// dsl is the query, from JSON or from flags.
func (c *queryCommand) dsl(env *environment) (jsontext.Value, error) {
	flags := !c.filter.empty() || c.Instance != "" || c.queryFlags.given()
	switch {
	case c.Query == "" && c.File == "":
		if c.Instance == "" {
			return nil, usagef("which instance? Give --instance NAME, or a query as JSON; `firn instances` lists them")
		}
		return c.queryFlags.query(c.Instance, &c.filter)
	case flags:
		return nil, usagef("a query as JSON says everything itself: leave the other flags out, or put them into it")
	case c.Query != "" && c.File != "":
		return nil, usagef("give the query as an argument or with --file, not both")
	case c.File != "":
		b, err := os.ReadFile(c.File)
		if err != nil {
			return nil, err
		}
		return checkQuery(b, c.File)
	case c.Query == "-":
		b, err := io.ReadAll(env.in)
		if err != nil {
			return nil, err
		}
		return checkQuery(b, "standard input")
	}
	return checkQuery([]byte(c.Query), "")
}

// checkQuery refuses what is no JSON before anybody is asked, and guesses what
// was meant.
func checkQuery(text []byte, name string) (jsontext.Value, error) {
	err := query.CheckJSON(text)
	if err == nil {
		return text, nil
	}
	said := strings.TrimSpace(string(text))
	message := fmt.Sprintf("the query is %v", err)
	var bad *query.Error
	if errors.As(err, &bad) && !strings.HasPrefix(bad.Error(), "not JSON") {
		message = fmt.Sprintf("the query: %v", err)
	}
	if name != "" {
		message = name + ": " + message
	}
	first, _, more := strings.Cut(said, " ")
	switch {
	case strings.EqualFold(first, "select") && more:
		message += "; SQL is not spoken here: ask with flags, as in -i NAME --where 'payload.total>10', or in the query language (docs/query-language.md)"
	case name == "" && said != "" && !strings.ContainsAny(said, "{}[]\"\n") && len(said) <= 128:
		message += fmt.Sprintf("; did you mean -i %s?", shellWord(said))
	}
	return nil, &usageError{errors.New(message)}
}

func (q *queryFlags) given() bool {
	return len(q.Select)+len(q.Order)+len(q.Reduce)+len(q.By)+q.Offset != 0 || q.Latest || q.Count || q.Limit != nil ||
		q.Cursor != "" || q.Timezone != ""
}

func (c *queryCommand) show(env *environment, a *answer, dsl jsontext.Value) error {
	form := c.form(env)
	if form == "json" {
		return env.printJSON(a.raw)
	}
	if form == "ndjson" {
		return c.summarize(env, form, a, env.printLines(a.objects()))
	}
	rows := a.objects()
	if a.aggregation != nil {
		for i := range rows {
			rows[i] = groupRow(rows[i])
		}
	}
	var err error
	if f := flatten(rows).arrange(asked(dsl)); form == "csv" {
		if len(rows) == 0 && len(f.columns) == 0 { // of whole events
			f = flatten([]jsontext.Value{(&event.Event{}).AppendJSON(nil)})
			f.rows = nil
		}
		err = writeCSV(env.out, f.columns, f.cells())
	} else if a.aggregation == nil && a.selected == nil {
		err = env.printTable(eventTable(a.events))
	} else if len(rows) > 0 {
		err = env.printTable(f.table())
	}
	return c.summarize(env, form, a, err)
}

func (c *queryCommand) summarize(env *environment, form string, a *answer, err error) error {
	if err != nil {
		return err
	}
	if form == "table" || env.errTerminal {
		fmt.Fprintln(env.err, a.summary())
	}
	return nil
}

// objects are the answer's events or groups.
func (a *answer) objects() []jsontext.Value {
	switch {
	case a.aggregation != nil && event.KindOf(a.aggregation) == '[':
		return elements(a.aggregation)
	case a.aggregation != nil:
		return []jsontext.Value{a.aggregation}
	case a.selected != nil:
		return a.selected
	}
	return eventsJSON(a.events)
}

// asked are the columns that a query names: its select, or its groups and
// values.
func asked(dsl jsontext.Value) []string {
	var names []string
	add := func(list jsontext.Value) {
		if event.KindOf(list) != '[' {
			list = jsonList([]jsontext.Value{list})
		}
		for e := event.WalkElements(list); e.Next(); {
			if event.KindOf(e.Value) == '"' {
				names = append(names, event.Unquoted(e.Value))
			}
		}
	}
	dsl = dsl.Clone()
	if dsl.Compact() != nil {
		return nil
	}
	reduce, reduced := event.Member(dsl, "reduce")
	if !reduced {
		if list, ok := event.Member(dsl, "select"); ok {
			add(list)
		}
		return names
	}
	for _, holder := range []jsontext.Value{dsl, reduce} {
		if event.KindOf(holder) != '{' {
			continue
		}
		if keys, ok := event.Member(holder, "groupBy"); ok {
			add(keys)
		}
	}
	return names
}

func elements(list jsontext.Value) []jsontext.Value {
	var all []jsontext.Value
	for e := event.WalkElements(list); e.Next(); {
		all = append(all, e.Value)
	}
	return all
}

// groupRow is one group as a row: its keys and its values beside each other.
func groupRow(group jsontext.Value) jsontext.Value {
	row := object{}
	for m := event.WalkMembers(group); m.Next(); {
		switch key := event.Unquoted(m.Key); key {
		case "group", "values":
			for inner := event.WalkMembers(m.Value); inner.Next(); {
				row.put(event.Unquoted(inner.Key), inner.Value)
			}
		default:
			row.put(key, m.Value)
		}
	}
	return row.close()
}

func eventsJSON(events []event.Event) []jsontext.Value {
	all := make([]jsontext.Value, len(events))
	for i := range events {
		all[i] = events[i].AppendJSON(nil)
	}
	return all
}

// summary is what stands under an answer.
func (a *answer) summary() string {
	var parts []string
	shown := int64(len(a.events) + len(a.selected))
	switch {
	case a.aggregation != nil && a.total != nil:
		parts = append(parts, "over "+counted(*a.total, "event"))
	case a.total != nil && *a.total != shown:
		parts = append(parts, fmt.Sprintf("%s of %s", grouped(shown), counted(*a.total, "event")))
	case a.aggregation == nil:
		parts = append(parts, counted(shown, "event"))
	}
	parts = append(parts, brief(a.elapsed), "read "+byteSize(a.bytesRead))
	if a.cursor != "" {
		parts = append(parts, "more: --cursor "+a.cursor)
	}
	return strings.Join(parts, " · ")
}
