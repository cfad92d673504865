package app

import (
	"context"
	"encoding/json/jsontext"
	"fmt"

	"github.com/firnlog/firn/event"
)

type tailCommand struct {
	connection
	output
	Instance string `short:"i" required:"" placeholder:"NAME" help:"Instance, by id or name."`
	Follow   bool   `short:"f" help:"Go on with what arrives, until Ctrl-C."`
	Lines    *int   `short:"n" placeholder:"N" help:"Begin with the last N events (default: 10)."`
	After    *int64 `placeholder:"POSITION" help:"Begin after this position instead: where an earlier tail ended. 0 is the beginning."`
	filter
}

func (c *tailCommand) Help() string {
	return `Examples:
  firn tail -i shop                                   the last ten events
  firn tail -i shop -f                                and what arrives, live
  firn tail -i shop -f --type order.paid --min-severity warning
  firn tail -i shop -f --after 1204                   go on where you were: no gap, no repeat
  firn tail -i shop -f -o ndjson | jq .payload

A lost connection is taken up again by itself at the place where it broke.`
}

// Run prints the last events and, if asked, follows.
func (c *tailCommand) Run(env *environment) error {
	if c.Follow && c.Data != "" {
		return usagef("--follow needs a server: nothing is appended to a directory while this command has it open")
	}
	if c.Lines != nil && c.After != nil {
		return usagef("give --lines or --after, not both")
	}
	where, err := c.conditions()
	if err != nil {
		return err
	}
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	form := c.form(env)
	if form == "csv" || form == "json" {
		return usagef("tail writes lines: --output is table or ndjson")
	}
	show := func(events []event.Event) error { return c.show(env, form, events) }
	after, err := c.begin(env.ctx, s, where, show)
	if err != nil {
		return s.explain(err, c.Instance)
	}
	if !c.Follow {
		return nil
	}
	gap := func(first, last int64) {
		fmt.Fprintf(env.err, "firn: positions %d to %d were removed before they could be shown\n", first, last)
	}
	err = s.follow(env.ctx, c.Instance, where, after, show, gap)
	if env.ctx.Err() != nil {
		return nil // Ctrl-C is how one leaves
	}
	return s.explain(err, c.Instance)
}

// begin shows what is there and returns the position to follow from.
func (c *tailCommand) begin(ctx context.Context, s *session, where jsontext.Value, show func([]event.Event) error) (int64, error) {
	if c.After != nil {
		st, err := s.stats(ctx, c.Instance)
		if err != nil {
			return 0, err
		}
		if *c.After < 0 || *c.After > st.LastPosition {
			return 0, fmt.Errorf("--after %d is beyond the log, whose last position is %d", *c.After, st.LastPosition)
		}
	}
	if c.After != nil && c.Follow {
		return *c.After, nil
	}
	if c.After != nil {
		return 0, s.pages(ctx, c.Instance, where, *c.After, show)
	}
	n := 10
	if c.Lines != nil {
		n = *c.Lines
	}
	events, after, err := s.latest(ctx, c.Instance, where, n)
	if err != nil {
		return 0, err
	}
	return after, show(events)
}

func (c *tailCommand) show(env *environment, form string, events []event.Event) error {
	if form != "table" {
		return env.printLines(eventsJSON(events))
	}
	width := env.width
	if c.Wide || !env.outTerminal {
		width = 0
	}
	for i := range events {
		if _, err := fmt.Fprintln(env.out, eventLine(&events[i], width, env.color)); err != nil {
			return err
		}
	}
	return nil
}
