package app

import (
	"encoding/json/jsontext"
	"fmt"
	"time"

	firn "github.com/firnlog/firn"
)

type retentionCommand struct {
	Preview retentionPreview `cmd:"" help:"Count what retention would delete, now or at a time to come."`
	Confirm retentionConfirm `cmd:"" help:"Tell a log whose clock has jumped that the clock is right."`
}

type retentionPreview struct {
	connection
	output
	Instance string `short:"i" placeholder:"NAME" help:"Instance, by id or name (default: all with a retention)."`
	AsOf     string `placeholder:"TIME" help:"At this time, RFC 3339 or a day such as 2027-01-31 (default: now)."`
}

func (c *retentionPreview) Help() string {
	return `Retention deletes by recorded_at, the server's clock, at its start and hourly.
Set it with: firn instances update NAME --retention-days N

Protected events of the instance system (api_key.*, auth.*, event_logs.*,
retention.*) are kept for a year at least, and counted when they are older.`
}

// Run counts, instance by instance.
func (c *retentionPreview) Run(env *environment) error {
	at, err := asOf(c.AsOf)
	if err != nil {
		return err
	}
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	instances, err := s.client.Instances(env.ctx)
	if err != nil {
		return s.explain(err, "")
	}
	t := &table{columns: []column{{title: "INSTANCE", max: 40}, {title: "RETENTION"}, {title: "DELETES BEFORE"}, {title: "EVENTS", right: true}}}
	var lines []jsontext.Value
	found := false
	for _, in := range instances {
		if c.Instance != "" && c.Instance != in.ID && c.Instance != in.Name || c.Instance == "" && in.RetentionDays == 0 {
			continue
		}
		found = true
		var before time.Time
		n := int64(0)
		o := object{}
		o.put("instance", quote(in.Name))
		o.put("retention_days", number(int64(in.RetentionDays)))
		cell := ""
		if in.RetentionDays > 0 {
			before = at.Add(-time.Duration(in.RetentionDays) * 24 * time.Hour)
			if n, err = s.countExpired(env.ctx, in, at); err != nil {
				return s.explain(err, in.Name)
			}
			cell = instant(before)
			o.put("deletes_before", quote(jsonTime(before)))
		}
		o.put("events", number(n))
		t.add(in.Name, retention(in.RetentionDays), cell, grouped(n))
		lines = append(lines, o.close())
	}
	if !found && c.Instance != "" {
		return s.noInstance(env.ctx, c.Instance)
	}
	if !found {
		env.say("no instance has a retention: everything is kept for ever")
		return nil
	}
	return env.print(c.form(env), t, lines)
}

func asOf(text string) (time.Time, error) {
	if text == "" {
		return time.Now(), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usagef("--as-of: %q is not a time; give RFC 3339, such as 2027-01-31T12:00:00Z, or a day, such as 2027-01-31", text)
}

type retentionConfirm struct {
	Data string `default:"./data" type:"path" placeholder:"DIR" help:"The data directory (default: ./data). It may be served meanwhile."`
	Yes  bool   `short:"y" help:"Do not ask."`
}

func (c *retentionConfirm) Help() string {
	return `When the clock is more than a day ahead of the last sweep, retention deletes nothing
and waits: a clock set wrong would delete everything. If the time is right (the
machine was off for long, say), this is the word it waits for.`
}

// Run gives the word, after asking.
func (c *retentionConfirm) Run(env *environment) error {
	if err := hasLog(c.Data); err != nil {
		return err
	}
	if !c.Yes {
		if err := env.ask(fmt.Sprintf("It is %s. Is that right?", instant(time.Now()))); err != nil {
			return err
		}
	}
	err := withLog(c.Data,
		func(log *firn.Log) error { return log.ConfirmClock(env.ctx) },
		func(a *admin) error { return a.confirmClock(env.ctx) })
	if err != nil {
		return err
	}
	env.say("retention goes by the clock again, from its next sweep on (at the start of the server and hourly)")
	return nil
}
