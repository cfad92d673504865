package app

import (
	"cmp"
	"encoding/json/jsontext"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/firnlog/firn/event"
)

type streamsCommand struct {
	connection
	output
	Instance string `short:"i" required:"" placeholder:"NAME" help:"Instance, by id or name."`
	Prefix   string `placeholder:"TEXT" help:"Only streams whose names begin so."`
	Limit    int    `short:"n" default:"1000" placeholder:"N" help:"At most this many; 0 lists all (default: 1000)."`
}

// Run lists streams by name.
func (c *streamsCommand) Run(env *environment) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	all, more, err := s.streams(env.ctx, c.Instance, c.Prefix, c.Limit)
	if err != nil {
		return s.explain(err, c.Instance)
	}
	t := &table{columns: []column{{title: "STREAM", max: 80}, {title: "EVENTS", right: true}, {title: "LAST SEQ", right: true}}}
	var lines []jsontext.Value
	for _, st := range all {
		t.add(st.Name, grouped(st.Events), grouped(st.LastSequence))
		o := object{}
		o.put("stream_id", quote(st.Name))
		o.put("last_sequence_number", number(st.LastSequence))
		o.put("events", number(st.Events))
		lines = append(lines, o.close())
	}
	if err := env.print(c.form(env), t, lines); err != nil {
		return err
	}
	if more {
		env.say(fmt.Sprintf("… and more: these are the first %d; --limit 0 lists all", c.Limit))
	}
	return nil
}

func number(n int64) jsontext.Value { return strconv.AppendInt(nil, n, 10) }

type statsCommand struct {
	connection
	output
	Instance string `short:"i" placeholder:"NAME" help:"Instance, by id or name (default: all of them, in short)."`
}

// Run counts what one instance holds, or all.
func (c *statsCommand) Run(env *environment) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	if c.Instance == "" {
		return c.all(env, s)
	}
	st, err := s.stats(env.ctx, c.Instance)
	if err != nil {
		return s.explain(err, c.Instance)
	}
	if c.form(env) != "table" {
		return env.print(c.form(env), nil, []jsontext.Value{statsJSON(c.Instance, st)})
	}
	t := &table{columns: []column{{title: escape(c.Instance)}, {title: ""}}}
	t.add("events", grouped(st.Events))
	t.add("streams", grouped(st.Streams))
	t.add("on disk", byteSize(st.BytesOnDisk)+", what is not in Parquet yet included")
	if st.Events > 0 {
		t.add("first", instant(st.First))
		t.add("last", instant(st.Last))
		t.add("positions", fmt.Sprintf("%d to %d", st.FirstPosition, st.LastPosition))
	}
	if err := env.printTable(t); err != nil {
		return err
	}
	return c.parts(env, st)
}

// parts shows events by type and by severity.
func (c *statsCommand) parts(env *environment, st stats) error {
	types := &table{columns: []column{{title: "TYPE", max: 60}, {title: "EVENTS", right: true}}}
	names := slices.SortedFunc(maps.Keys(st.ByType), func(a, b string) int {
		return cmp.Or(cmp.Compare(st.ByType[b], st.ByType[a]), cmp.Compare(a, b))
	})
	const most = 20
	for _, name := range names[:min(most, len(names))] {
		types.add(name, grouped(st.ByType[name]))
	}
	severities := &table{columns: []column{{title: "SEVERITY"}, {title: "EVENTS", right: true}}}
	for s := event.Emergency; s >= event.Debug; s-- {
		if st.BySeverity[s] > 0 {
			severities.add(s.String(), grouped(st.BySeverity[s]))
		}
	}
	for _, t := range []*table{types, severities} {
		if len(t.rows) == 0 {
			continue
		}
		fmt.Fprintln(env.out)
		if err := env.printTable(t); err != nil {
			return err
		}
	}
	if more := len(names) - most; more > 0 {
		env.say(fmt.Sprintf("… and %s more: firn query -i %s --count --by event_type", counted(int64(more), "type"), c.Instance))
	}
	return nil
}

func (c *statsCommand) all(env *environment, s *session) error {
	instances, err := s.client.Instances(env.ctx)
	if err != nil {
		return s.explain(err, "")
	}
	t := &table{columns: []column{{title: "INSTANCE", max: 40}, {title: "EVENTS", right: true}, {title: "STREAMS", right: true}, {title: "ON DISK", right: true}, {title: "FIRST"}, {title: "LAST"}}}
	var lines []jsontext.Value
	for _, in := range instances {
		st, err := s.stats(env.ctx, in.ID)
		if err != nil {
			return s.explain(err, in.Name)
		}
		first, last := "", ""
		if st.Events > 0 {
			first, last = instant(st.First), instant(st.Last)
		}
		t.add(in.Name, grouped(st.Events), grouped(st.Streams), byteSize(st.BytesOnDisk), first, last)
		lines = append(lines, statsJSON(in.Name, st))
	}
	return env.print(c.form(env), t, lines)
}

func statsJSON(name string, st stats) jsontext.Value {
	o := object{}
	o.put("instance", quote(name))
	o.put("events", number(st.Events))
	o.put("streams", number(st.Streams))
	o.put("bytes_on_disk", number(st.BytesOnDisk))
	if st.Events > 0 {
		o.put("first_position", number(st.FirstPosition))
		o.put("last_position", number(st.LastPosition))
		o.put("first_timestamp", quote(jsonTime(st.First)))
		o.put("last_timestamp", quote(jsonTime(st.Last)))
	}
	types := object{}
	for _, name := range slices.Sorted(maps.Keys(st.ByType)) {
		types.put(name, number(st.ByType[name]))
	}
	o.put("by_type", types.close())
	severities := object{}
	for s := event.Debug; s <= event.Emergency; s++ {
		if n := st.BySeverity[s]; n > 0 {
			severities.put(s.String(), number(n))
		}
	}
	o.put("by_severity", severities.close())
	return o.close()
}

type purgeCommand struct {
	connection
	Instance string `short:"i" required:"" placeholder:"NAME" help:"Instance, by id or name."`
	DryRun   bool   `help:"Only count what would be deleted."`
	Yes      bool   `short:"y" help:"Do not ask."`
	filter
}

func (c *purgeCommand) Help() string {
	return `Examples:
  firn purge -i shop --type debug.trace --dry-run
  firn purge -i shop --stream user-7 --yes
  firn purge -i shop --until 90d

At least one filter is needed. What is purged is gone, and its disk is free when
the command returns; sequence numbers and positions are never used again.`
}

// Run counts, asks and deletes.
func (c *purgeCommand) Run(env *environment) error {
	if c.filter.empty() {
		return usagef("say which events, with --type, --stream, --until or another filter; `firn instances delete` deletes all there is")
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
	n, err := s.purge(env.ctx, c.Instance, where, true)
	if err != nil {
		return s.explain(err, c.Instance)
	}
	if c.DryRun {
		env.say(fmt.Sprintf("%s of %s would be deleted", counted(n, "event"), c.Instance))
		return nil
	}
	if n > 0 && !c.Yes {
		if err := env.ask(fmt.Sprintf("Delete %s of %s for good?", counted(n, "event"), escape(c.Instance))); err != nil {
			return err
		}
	}
	if n, err = s.purge(env.ctx, c.Instance, where, false); err != nil {
		return s.explain(err, c.Instance)
	}
	env.say(fmt.Sprintf("deleted %s of %s", counted(n, "event"), c.Instance))
	return nil
}
