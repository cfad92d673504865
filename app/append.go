package app

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/event"
)

type appendCommand struct {
	connection
	output
	Instance         string `short:"i" required:"" placeholder:"NAME" help:"Instance, by id or name."`
	Create           bool   `help:"Make the instance if it does not exist."`
	Type             string `short:"t" placeholder:"TYPE" help:"Type of the event. With it, the argument is the payload; without, the argument is whole events."`
	Stream           string `short:"s" placeholder:"NAME" help:"Stream (default: default)."`
	Severity         string `placeholder:"NAME" help:"debug, info, notice, warning, error, critical, alert or emergency (default: info)."`
	Actor            string `placeholder:"WHO" help:"Who did it."`
	Subject          string `placeholder:"WHAT" help:"What was affected."`
	ID               string `name:"id" placeholder:"ID" help:"A unique id of yours: sent again, the event is not stored again."`
	Timestamp        string `placeholder:"TIME" help:"When it happened, RFC 3339 (default: now)."`
	Metadata         string `placeholder:"JSON" help:"Context, a JSON object."`
	ExpectedSequence *int64 `placeholder:"N" help:"Store only if this is the last number of the stream (0: it never had an event)."`
	JSON             string `arg:"" optional:"" name:"json" help:"Payload or events; - or nothing reads them from standard input."`
}

func (c *appendCommand) Help() string {
	return `Examples:
  firn append -i shop --type order.paid '{"total": 12}'
  firn append -i shop --type user.login --stream user-7 --actor alice
  echo '{"total": 12}' | firn append -i shop --type order.paid -
  firn append -i shop '[{"event_type": "a"}, {"event_type": "b", "payload": {"n": 1}}]'

Several events are stored all together or not at all. When the command returns
with 0, they are on disk. Many events come faster with firn import.`
}

// Run appends and prints where the events are.
func (c *appendCommand) Run(env *environment) error {
	drafts, err := c.drafts(env)
	if err != nil {
		return err
	}
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	receipts, err := s.append(env.ctx, batch{
		instance: c.Instance, events: drafts, expected: c.ExpectedSequence, create: c.Create,
		warn: func(told []client.FieldError) {
			for _, w := range told {
				env.say(escape(fmt.Sprintf("warning: %s: %s", w.Field, w.Message)))
			}
		},
	})
	if err != nil {
		return s.explain(err, c.Instance)
	}
	t := &table{columns: []column{{title: "STREAM"}, {title: "SEQ", right: true}, {title: "POSITION", right: true}, {title: "TIMESTAMP"}, {title: "ID", whole: true}, {title: ""}}}
	var lines []jsontext.Value
	for _, r := range receipts {
		note := ""
		if r.Duplicate {
			note = "was there already"
		}
		t.add(r.StreamID, strconv.FormatInt(r.SequenceNumber, 10), strconv.FormatInt(r.Position, 10), instant(r.Timestamp), r.ID, note)
		lines = append(lines, receiptJSON(r))
	}
	return env.print(c.form(env), t, lines)
}

// drafts are the events that the command line describes.
func (c *appendCommand) drafts(env *environment) ([]event.Draft, error) {
	body := []byte(c.JSON)
	if c.JSON == "-" || c.JSON == "" && c.Type == "" {
		if env.inTerminal && c.JSON == "" {
			return nil, usagef("nothing to append: give --type TYPE and a payload, or whole events as JSON")
		}
		var err error
		if body, err = io.ReadAll(env.in); err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
	}
	if c.Type == "" {
		if c.Severity+c.Actor+c.Subject+c.ID+c.Timestamp+c.Metadata != "" {
			return nil, usagef("--severity, --actor, --subject, --id, --timestamp and --metadata describe one event: give its --type too")
		}
		drafts, err := event.ParseBatch(body, event.Limits{})
		for i := range drafts {
			if drafts[i].StreamID == "" {
				drafts[i].StreamID = c.Stream
			}
		}
		return drafts, badEvent(err)
	}
	one := object{}
	for _, f := range []struct{ name, value string }{
		{"event_type", c.Type}, {"stream_id", c.Stream}, {"severity", c.Severity}, {"actor", c.Actor},
		{"subject", c.Subject}, {"id", c.ID}, {"timestamp", c.Timestamp},
	} {
		if f.value != "" {
			one.put(f.name, quote(f.value))
		}
	}
	for name, value := range map[string]string{"payload": string(body), "metadata": c.Metadata} {
		if value == "" {
			continue
		}
		if v := jsontext.Value(value); !v.IsValid(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)) {
			return nil, usagef("the %s is not valid JSON: %s (is the quoting right? '{\"key\": \"value\"}')", name, escape(cut(value, 60)))
		}
		one.put(name, jsontext.Value(value))
	}
	d, err := event.ParseLine(one.close(), event.Limits{})
	return []event.Draft{d}, badEvent(err)
}

// badEvent is the error of an event that cannot be one, as a person reads it.
func badEvent(err error) error {
	var bad *event.InvalidError
	if errors.As(err, &bad) {
		return fmt.Errorf("nothing was stored: %w", err)
	}
	return err
}

// receiptJSON is a receipt as the API spells it.
func receiptJSON(r receipt) jsontext.Value {
	o := object{}
	o.put("id", quote(r.ID))
	o.put("stream_id", quote(r.StreamID))
	o.put("sequence_number", jsontext.Value(strconv.FormatInt(r.SequenceNumber, 10)))
	o.put("position", jsontext.Value(strconv.FormatInt(r.Position, 10)))
	o.put("timestamp", quote(jsonTime(r.Timestamp)))
	if r.Duplicate {
		o.put("duplicate", jsontext.Value("true"))
	}
	return o.close()
}

func jsonTime(t time.Time) string { return string(event.AppendTime(nil, t)) }
