package app

import (
	"bufio"
	"encoding/json/jsontext"
	"fmt"
	"strconv"
	"strings"
)

type instancesCommand struct {
	List   instancesList   `cmd:"" default:"withargs" help:"List instances (default)."`
	Show   instancesShow   `cmd:"" help:"Show one instance, with its settings."`
	Create instancesCreate `cmd:"" help:"Make an instance."`
	Update instancesUpdate `cmd:"" help:"Change an instance's name, description or settings."`
	Delete instancesDelete `cmd:"" help:"Delete an instance and all its events, for good."`
}

func (c *instancesCommand) Help() string {
	return `An instance holds the streams of one application, tenant or purpose.

Examples:
  firn instances
  firn instances create shop --description "orders and payments" --retention-days 365
  firn instances show shop
  firn instances update shop --retention-days 0        keep for ever
  firn instances delete shop`
}

type instancesList struct {
	connection
	output
}

// Run lists instances by name.
func (c *instancesList) Run(env *environment) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	all, err := s.client.Instances(env.ctx)
	if err != nil {
		return s.explain(err, "")
	}
	return env.printInstances(c.form(env), all)
}

func (env *environment) printInstances(form string, all []instance) error {
	t := &table{columns: []column{{title: "NAME", max: 40}, {title: "ID", whole: true}, {title: "RETENTION", spare: true}, {title: "VALIDATION", spare: true}, {title: "CREATED"}, {title: "DESCRIPTION"}}}
	var lines []jsontext.Value
	for _, in := range all {
		t.add(in.Name, in.ID, retention(in.RetentionDays), string(in.Validation), instant(in.CreatedAt), in.Description)
		lines = append(lines, instanceJSON(in))
	}
	return env.print(form, t, lines)
}

func retention(days int) string {
	if days == 0 {
		return "for ever"
	}
	return counted(int64(days), "day")
}

func instanceJSON(in instance) jsontext.Value {
	o := object{}
	o.put("id", quote(in.ID))
	o.put("name", quote(in.Name))
	o.put("description", quote(in.Description))
	o.put("created_at", quote(jsonTime(in.CreatedAt)))
	o.put("updated_at", quote(jsonTime(in.UpdatedAt)))
	o.put("retention_days", jsontext.Value(strconv.Itoa(in.RetentionDays)))
	o.put("validation", quote(string(in.Validation)))
	return o.close()
}

// settings are what can be said of an instance.
type settings struct {
	Description   *string `placeholder:"TEXT" help:"What it is for."`
	RetentionDays *int    `placeholder:"N" help:"Delete events recorded more than N days ago; 0 keeps them for ever (default: 0)."`
	Validation    *string `enum:"off,warn,enforce" placeholder:"MODE" help:"What happens to events that break their type's schema: off, warn, enforce (default: warn)."`
}

type instancesCreate struct {
	connection
	output
	Name string `arg:"" help:"Its name, unique."`
	settings
}

// Run makes an instance.
func (c *instancesCreate) Run(env *environment) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	in, err := s.createInstance(env.ctx, c.Name, c.settings)
	if err != nil {
		return s.explain(err, c.Name)
	}
	return env.printInstances(c.form(env), []instance{in})
}

type instancesShow struct {
	connection
	output
	Instance string `arg:"" help:"Its id or name."`
}

// Run shows an instance, on a terminal a line for each of its settings.
func (c *instancesShow) Run(env *environment) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	in, err := s.client.Instance(env.ctx, c.Instance)
	if err != nil {
		return s.explain(err, c.Instance)
	}
	if form := c.form(env); form != "table" {
		return env.print(form, nil, []jsontext.Value{instanceJSON(in)})
	}
	t := &table{columns: []column{{title: "NAME"}, {title: escape(in.Name)}}}
	t.add("id", in.ID)
	t.add("description", in.Description)
	t.add("retention", retention(in.RetentionDays))
	t.add("validation", string(in.Validation))
	t.add("created", instant(in.CreatedAt))
	t.add("changed", instant(in.UpdatedAt))
	return env.printTable(t)
}

type instancesUpdate struct {
	connection
	output
	Instance string  `arg:"" help:"Its id or name."`
	Name     *string `placeholder:"NAME" help:"Give it another name."`
	settings
}

// Run changes an instance.
func (c *instancesUpdate) Run(env *environment) error {
	if c.Name == nil && c.settings == (settings{}) {
		return usagef("nothing to change: give --name, --description, --retention-days or --validation")
	}
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	in, err := s.updateInstance(env.ctx, c.Instance, c.Name, c.settings)
	if err != nil {
		return s.explain(err, "")
	}
	return env.printInstances(c.form(env), []instance{in})
}

type instancesDelete struct {
	connection
	Instance string `arg:"" help:"Its id or name."`
	Yes      bool   `short:"y" help:"Do not ask."`
}

// Run deletes an instance, after asking.
func (c *instancesDelete) Run(env *environment) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	stats, err := s.stats(env.ctx, c.Instance)
	if err != nil {
		return s.explain(err, "")
	}
	if !c.Yes {
		if err := env.ask(fmt.Sprintf("Delete instance %s with %s for good?", escape(c.Instance), counted(stats.Events, "event"))); err != nil {
			return err
		}
	}
	if err := s.client.DeleteInstance(env.ctx, c.Instance); err != nil {
		return s.explain(err, "")
	}
	env.say(fmt.Sprintf("deleted %s with %s", c.Instance, counted(stats.Events, "event")))
	return nil
}

// ask asks a person, who must say yes. Where nobody can be asked, --yes is
// needed.
func (env *environment) ask(question string) error {
	if !env.inTerminal || !env.errTerminal {
		return usagef("this cannot be undone and there is nobody to ask: give --yes")
	}
	fmt.Fprintf(env.err, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(env.in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	fmt.Fprintln(env.err, "nothing was deleted")
	return errSilent
}
