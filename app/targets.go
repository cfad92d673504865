package app

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/internal/spelling"
)

type targetsCommand struct {
	List        targetsList        `cmd:"" default:"withargs" help:"List targets and how they are doing (default)."`
	DeadLetters targetsDeadLetters `cmd:"" help:"List the events that a target refused for good."`
	Retry       targetsRetry       `cmd:"" help:"Have a target tried at once, and its dead letters again."`
	Discard     targetsDiscard     `cmd:"" help:"Discard dead letters that a target will never take."`
	Replay      targetsReplay      `cmd:"" help:"Have a target go on elsewhere in the log."`
}

func (c *targetsCommand) Help() string {
	return `Targets are where events also go: files, databases, programs. The configuration
says which there are (firn config check). One that is down delays nobody, and has
everything when it is back.

Examples:
  firn targets                                   state, lag, dead letters, errors
  firn targets dead-letters archive              what it refused, and why
  firn targets retry archive                     try now, dead letters too
  firn targets discard archive --dead-letter 7   drop one that it will never take
  firn targets replay archive --from beginning   everything again`
}

type targetsList struct {
	connection
	output
}

// Run lists targets by name.
func (c *targetsList) Run(env *environment) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	all, err := s.client.Targets(env.ctx)
	if err != nil {
		return s.explain(err, "")
	}
	form := c.form(env)
	if form == "table" && len(all) == 0 {
		env.say("no targets: `firn serve --config FILE` delivers to those that the file names")
		return nil
	}
	t := &table{columns: []column{{title: "NAME", max: 28}, {title: "TYPE", spare: true}, {title: "STATE"}, {title: "LAG", right: true}, {title: "BEHIND", right: true},
		{title: "DELIVERED", right: true}, {title: "DEAD LETTERS", right: true}}}
	var lines []jsontext.Value
	for i := range all {
		a := &all[i]
		if s.local {
			a.State = "not served"
		}
		t.add(a.Name, a.Type, a.State, strconv.FormatInt(a.LagEvents, 10), behind(a), strconv.FormatInt(a.Delivered, 10), strconv.FormatInt(a.DeadLetters, 10))
		line, err := json.Marshal(a)
		if err != nil {
			return err
		}
		lines = append(lines, line)
	}
	if err := env.print(form, t, lines); err != nil || form != "table" {
		return err
	}
	return env.lastErrors(all, time.Now())
}

// lastErrors says below the table what is wrong with targets that do not run.
func (env *environment) lastErrors(all []client.Target, now time.Time) error {
	for i := range all {
		t := &all[i]
		if t.LastError == nil || t.LastErrorAt == nil || t.State == "running" {
			continue
		}
		if _, err := fmt.Fprintf(env.out, "%s, %s ago: %s\n", escape(t.Name), brief(now.Sub(*t.LastErrorAt)), escape(*t.LastError)); err != nil {
			return err
		}
	}
	return nil
}

// behind is how old the first event is that a target lacks.
func behind(t *client.Target) string {
	if t.LagEvents == 0 {
		return ""
	}
	return brief(time.Duration(t.LagSeconds * float64(time.Second)))
}

type targetsDeadLetters struct {
	connection
	output
	Name  string `arg:"" help:"The target."`
	Limit int    `short:"n" default:"100" placeholder:"N" help:"At most so many, 0 for all (default: 100)."`
}

func (c *targetsDeadLetters) Help() string {
	return `Each with its id, the target's reason, and the whole event (--output ndjson). They
stay until the target takes them (firn targets retry NAME) or somebody discards
them (firn targets discard NAME).`
}

// Run lists a target's dead letters by id.
func (c *targetsDeadLetters) Run(env *environment) error {
	if c.Limit < 0 {
		return usagef("--limit must not be negative; 0 is all of them")
	}
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	t := &table{columns: []column{{title: "ID", right: true}, {title: "AT"}, {title: "INSTANCE", max: 20}, {title: "POSITION", right: true}, {title: "EVENT TYPE", max: 28}, {title: "TRIES", right: true}, {title: "ERROR"}}}
	var lines []jsontext.Value
	more := false
	for cursor := ""; ; {
		const page = 1000
		limit := page
		if c.Limit > 0 {
			limit = min(page, c.Limit-len(lines))
		}
		letters, next, err := s.client.DeadLetters(env.ctx, c.Name, cursor, limit)
		if err != nil {
			return explainTarget(env, s, err, c.Name)
		}
		for i := range letters {
			l := &letters[i]
			t.add(strconv.FormatInt(l.ID, 10), instant(l.At), l.Instance, strconv.FormatInt(l.Event.Position, 10), l.Event.EventType, strconv.Itoa(l.Attempts), l.Error)
			lines = append(lines, letterJSON(l))
		}
		cursor, more = next, next != ""
		if !more || c.Limit > 0 && len(lines) >= c.Limit {
			break
		}
	}
	form := c.form(env)
	if form == "table" && len(lines) == 0 {
		env.say("no dead letters: the target has taken everything")
		return nil
	}
	err = env.print(form, t, lines)
	if more {
		env.say(fmt.Sprintf("there are more than these %d; --limit 0 shows all", len(lines)))
	}
	return err
}

// letterJSON is a dead letter as the server writes it.
func letterJSON(l *client.DeadLetter) jsontext.Value {
	o := object{}
	o.put("id", number(l.ID))
	o.put("instance", quote(l.Instance))
	o.put("error", quote(l.Error))
	o.put("at", quote(instant(l.At)))
	o.put("attempts", number(int64(l.Attempts)))
	o.put("event", l.Event.AppendJSON(nil))
	return o.close()
}

type targetsRetry struct {
	connection
	Name            string `arg:"" help:"The target."`
	DeadLetter      int64  `placeholder:"ID" help:"Try this dead letter again and no other."`
	KeepDeadLetters bool   `help:"Leave the dead letters alone."`
}

// Run has a target tried at once.
func (c *targetsRetry) Run(env *environment) error {
	if c.DeadLetter < 0 || c.DeadLetter > 0 && c.KeepDeadLetters {
		return usagef("--dead-letter is an id of `firn targets dead-letters`, and not together with --keep-dead-letters")
	}
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	t, err := s.client.RetryTarget(env.ctx, c.Name, client.RetryOptions{KeepDeadLetters: c.KeepDeadLetters, DeadLetter: c.DeadLetter})
	if err != nil {
		return explainTarget(env, s, err, c.Name)
	}
	what := ""
	switch {
	case c.DeadLetter > 0:
		what = fmt.Sprintf(", and dead letter %d again", c.DeadLetter)
	case t.DeadLetters > 0 && !c.KeepDeadLetters:
		what = ", and " + counted(t.DeadLetters, "dead letter") + " again"
	}
	env.say(fmt.Sprintf("%s is tried now%s; see `firn targets`", escape(c.Name), what))
	return nil
}

type targetsDiscard struct {
	connection
	Name       string `arg:"" help:"The target."`
	DeadLetter int64  `placeholder:"ID" help:"Discard this dead letter and no other (default: all)."`
	Yes        bool   `short:"y" help:"Do not ask."`
}

func (c *targetsDiscard) Help() string {
	return `The events stay in the log; the target gets them only if it is replayed.

Examples:
  firn targets discard archive --dead-letter 7
  firn targets discard archive --yes`
}

// Run discards dead letters, after asking.
func (c *targetsDiscard) Run(env *environment) error {
	if c.DeadLetter < 0 {
		return usagef("--dead-letter is an id of `firn targets dead-letters`")
	}
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	if !c.Yes {
		which := "all dead letters"
		if c.DeadLetter > 0 {
			which = fmt.Sprintf("dead letter %d", c.DeadLetter)
		}
		if err := env.ask(fmt.Sprintf("Discard %s of %s? It gets their events only if it is replayed.", which, escape(c.Name))); err != nil {
			return err
		}
	}
	n, err := s.client.DiscardDeadLetters(env.ctx, c.Name, c.DeadLetter)
	if err != nil {
		return explainTarget(env, s, err, c.Name)
	}
	env.say(fmt.Sprintf("discarded %s of %s", counted(n, "dead letter"), escape(c.Name)))
	return nil
}

type targetsReplay struct {
	connection
	Name     string `arg:"" help:"The target."`
	From     string `required:"" placeholder:"WHERE" help:"beginning, now, or the position behind which to go on."`
	Instance string `short:"i" placeholder:"NAME" help:"Only in this instance, by id or name (default: all)."`
	Yes      bool   `short:"y" help:"Do not ask."`
}

func (c *targetsReplay) Help() string {
	return `Events that the target has had come again, and what is skipped is skipped for good.

Examples:
  firn targets replay archive --from beginning
  firn targets replay archive --from 1204 -i shop
  firn targets replay archive --from now --yes`
}

// Run moves a target's cursor, after asking.
func (c *targetsReplay) Run(env *environment) error {
	from := jsontext.Value(c.From)
	if c.From == "beginning" || c.From == "now" {
		from = quote(c.From)
	} else if n, err := strconv.ParseInt(c.From, 10, 64); err != nil || n < 0 {
		return usagef("--from %s: must be beginning, now, or a position", escape(c.From))
	}
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	if !c.Yes {
		where := "every instance"
		if c.Instance != "" {
			where = "instance " + escape(c.Instance)
		}
		if err := env.ask(fmt.Sprintf("%s goes on %s in %s. Events that it has had come again, and what is skipped is skipped for good. Do it?", escape(c.Name), place(c.From), where)); err != nil {
			return err
		}
	}
	if _, err = s.client.ReplayTarget(env.ctx, c.Name, client.Replay{From: from, Instance: c.Instance}); err != nil {
		return explainTarget(env, s, err, c.Name)
	}
	env.say(fmt.Sprintf("%s goes on %s", escape(c.Name), place(c.From)))
	return nil
}

// place is where a replay goes on, for people.
func place(from string) string {
	switch from {
	case "beginning":
		return "at the beginning"
	case "now":
		return "with what comes from now on"
	}
	return "behind position " + from
}

// explainTarget explains an error about a target.
func explainTarget(env *environment, s *session, err error, name string) error {
	var a *client.Error
	if !errors.As(err, &a) {
		return s.explain(err, "")
	}
	switch {
	case a.Code == "not_running":
		return hint(fmt.Errorf("target %s: nobody serves this directory, and without its configuration it cannot be reached", escape(name)),
			"Start the server with `firn serve --config FILE`: it tries every target when it starts.")
	case a.Status == http.StatusNotFound:
		all, listErr := s.client.Targets(env.ctx)
		if listErr != nil {
			return hint(errors.New(a.Detail), "`firn targets` lists those there are.")
		}
		names := make([]string, len(all))
		for i := range all {
			names[i] = all[i].Name
		}
		if slices.Contains(names, name) { // a dead letter or an instance is not there
			return s.explain(err, "")
		}
		if near, ok := spelling.Nearest(name, names); ok {
			return hint(errors.New(a.Detail), "Did you mean %s?", shellWord(near))
		}
		return hint(errors.New(a.Detail), "`firn targets` lists those there are.")
	}
	return s.explain(err, "")
}
