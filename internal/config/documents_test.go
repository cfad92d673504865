package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/target"
)

// plainTarget is a target without what cannot be compared.
type plainTarget struct {
	Name, Kind string
	Settings   any
	Source     string
}

func plainTargets(c *Config) []plainTarget {
	var all []plainTarget
	for _, t := range c.Targets {
		all = append(all, plainTarget{t.Name, t.Kind.Name, t.Spec.Settings, t.Source.String()})
	}
	return all
}

// TestWhatshookedExamples reads the three examples of the document, and the one
// it begins with, as they stand.
func TestWhatshookedExamples(t *testing.T) {
	files := plainTarget{"file", "file", &fileSettings{"./data/events"}, "config.json:4:17"}
	sqlite := plainTarget{"sqlite", "sqlite", &sqliteSettings{"./data/events.db", "event_logs"}, "config.json:4:25"}
	postgres := func(password target.Secret) plainTarget {
		return plainTarget{"postgres", "postgres", &postgresSettings{
			Host: "localhost", Port: 5432, Username: "whatshooked", Password: password, Database: "whatshooked", TableName: "event_logs",
		}, "config.json:4:35"}
	}
	for _, test := range []struct {
		name string
		want []plainTarget
	}{
		{"config.json", []plainTarget{files, sqlite, postgres("your_password_here")}},
		{"file.json", []plainTarget{{"file", "file", &fileSettings{"./logs/events"}, "config.json:4:17"}}},
		{"sqlite.json", []plainTarget{{"sqlite", "sqlite", &sqliteSettings{"./data/whatshooked.db", "event_logs"}, "config.json:4:17"}}},
		{"multiple.json", []plainTarget{files, sqlite, postgres("securepassword")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := testdataFile("whatshooked/" + test.name)
			c := mustLoad(t, "config.json", text, Options{})
			if diff := cmp.Diff(test.want, plainTargets(c)); diff != "" {
				t.Error(diff)
			}
			for _, target := range c.Targets {
				if target.Where != nil || target.Instances != nil || target.DaysToKeep != 0 || target.Start.Beginning || target.Start.After != 0 {
					t.Errorf("%s does not get every event from now on: %+v", target.Name, target.Spec)
				}
			}
		})
	}
}

func TestEventLogger(t *testing.T) {
	type names = []string
	for _, test := range []struct {
		name, text string
		want       names
		warnings   int
	}{
		{"nothing", `{}`, nil, 0},
		{"not enabled", `{"event_logger": {"targets": ["file"]}}`, nil, 1},
		{"disabled", `{"event_logger": {"enabled": false, "targets": ["file", "sqlite"]}}`, nil, 1},
		{"disabled and empty", `{"event_logger": {"enabled": false, "targets": []}}`, nil, 0},
		{"null is nothing", `{"event_logger": null, "database": null}`, nil, 0},
		{"duplicates are one", `{"event_logger": {"enabled": true, "targets": ["file", "file", "postgres", "postgresql"]}, "database": {"host": "h"}}`, names{"file", "postgres"}, 0},
		{"the other name", `{"event_logger": {"enabled": true, "targets": ["postgresql"]}, "database": {"host": "h"}}`, names{"postgres"}, 0},
		{"any kind", `{"event_logger": {"enabled": true, "targets": ["console", "null"]}}`, names{"console", "null"}, 0},
		{"beside targets", `{"event_logger": {"enabled": true, "targets": ["sqlite"]}, "targets": [{"type": "sqlite", "name": "other"}]}`, names{"sqlite", "other"}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := mustLoad(t, "c.json", test.text, Options{})
			var got names
			for _, target := range c.Targets {
				got = append(got, target.Name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if len(c.Warnings) != test.warnings {
				t.Errorf("warnings %v, want %d", c.Warnings, test.warnings)
			}
		})
	}
}

// TestEventLoggerDelivery reads what Firn adds to the block.
func TestEventLoggerDelivery(t *testing.T) {
	c := mustLoad(t, "c.json", `{"event_logger": {"enabled": true, "targets": ["sqlite", "postgres"], "start": "beginning", "instances": ["shop"],
		"where": {"field": "category", "operator": "eq", "value": "message"}, "days_to_keep": 7},
		"database": {"host": "h", "sslmode": "require"}}`, Options{})
	for _, target := range c.Targets {
		if !target.Start.Beginning || target.DaysToKeep != 7 || target.Where == nil || cmp.Diff([]string{"shop"}, target.Instances) != "" {
			t.Errorf("%s: %+v", target.Name, target.Spec)
		}
	}
	if got := c.Targets[1].Spec.Settings.(*postgresSettings).SSLMode; got != "require" {
		t.Errorf("database.sslmode is %q", got)
	}
}

// TestTypeNull is YAML's null where the name null is meant.
func TestTypeNull(t *testing.T) {
	c := mustLoad(t, "c.yaml", "targets:\n- type: null\n- {type: null, name: other}\n- {type: 'null', name: quoted}\n", Options{})
	var got []string
	for _, target := range c.Targets {
		got = append(got, target.Name+" "+target.Kind.Name)
	}
	if diff := cmp.Diff([]string{"null null", "other null", "quoted null"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestEventLoggerName selects as Querybook does.
func TestEventLoggerName(t *testing.T) {
	mysql := plainTarget{"mysql", "mysql", &postgresSettings{Host: "db", Port: 3306, Username: "querybook", TableName: "event_log"}, ""}
	const database = "database: {type: mysql, host: db, port: 3306, username: querybook}\n"
	for _, test := range []struct {
		name, text, variable string
		want                 []plainTarget
	}{
		{"the default", "EVENT_LOGGER_NAME: ~\n", "", nil},
		{"nothing set", "", "", nil},
		{"null of YAML", "EVENT_LOGGER_NAME: null\n", "", nil},
		{"null by name", "EVENT_LOGGER_NAME: 'null'\n", "", []plainTarget{{"null", "null", &struct{}{}, ""}}},
		{"null of the environment", "", "null", []plainTarget{{"null", "null", &struct{}{}, ""}}},
		{"db", "EVENT_LOGGER_NAME: db\n" + database, "", []plainTarget{mysql}},
		{"db of the environment", database, "db", []plainTarget{mysql}},
		{"the environment is above the file", "EVENT_LOGGER_NAME: console\n" + database, "db", []plainTarget{mysql}},
		{"another table", "EVENT_LOGGER_NAME: db\ndatabase: {type: sqlite}\nevent_logger: {table_name: event_x}\n", "", []plainTarget{
			{"sqlite", "sqlite", &sqliteSettings{"./data/events.db", "event_x"}, ""}}},
		{"db of a path", "EVENT_LOGGER_NAME: db\ndatabase: {sqlite_path: q.db}\n", "", []plainTarget{
			{"sqlite", "sqlite", &sqliteSettings{"q.db", "event_logs"}, ""}}},
		{"a kind", "EVENT_LOGGER_NAME: file\n", "", []plainTarget{{"file", "file", &fileSettings{"./data/events"}, ""}}},
		{"one of the file's targets", "EVENT_LOGGER_NAME: mine\ntargets: [{type: exec, name: mine, command: [x]}]\n", "", []plainTarget{
			{"mine", "exec", &execSettings{Command: []string{"x"}}, ""}}},
		{"with event_logger", "EVENT_LOGGER_NAME: db\ndatabase: {type: sqlite}\nevent_logger: {enabled: true, targets: [sqlite]}\n", "", []plainTarget{
			{"sqlite", "sqlite", &sqliteSettings{"./data/events.db", "event_logs"}, ""}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := mustLoad(t, "querybook_config.yaml", test.text, Options{Environ: []string{"EVENT_LOGGER_NAME=" + test.variable}})
			got := plainTargets(c)
			for i := range got {
				got[i].Source = ""
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
