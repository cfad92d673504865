package config

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/target"
)

// TestProblems provokes every problem there is.
func TestProblems(t *testing.T) {
	for _, test := range []struct {
		name, file, text string
		environ          []string
		flags            []Flag
		want             []string
	}{
		// the file as a whole
		{"no file", "", "", nil, nil, nil},
		{"broken JSON", "c.json", "{\n  \"server\": {]\n}", nil, nil, []string{
			"c.json:2:14: is not valid JSON: invalid character ']' at start of string (expecting '\"')"}},
		{"cut JSON", "c.json", `{"server": {"listen": ["a:1"]`, nil, nil, []string{
			"c.json:1:30: the JSON ends in the middle: a } or ] or \" is missing"}},
		{"a comma too many", "c.json", "{\"log\": {\"level\": \"info\",}}", nil, nil, []string{
			"c.json:1:26: is not valid JSON: invalid character '}' at start of string (expecting '\"')"}},
		{"two objects", "c.json", "{}\n{}", nil, nil, []string{"c.json:2:1: something follows the end of the JSON object"}},
		{"a list", "c.json", "[1]", nil, nil, []string{"c.json:1:1: must be a block of settings, not a list"}},
		{"deep", "c.json", strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), nil, nil, []string{"c.json:1:326: nests deeper than 64 levels"}},
		{"not UTF-8", "c.json", "{\"log\": \"\xff\"}", nil, nil, []string{"c.json:1:10: is not valid UTF-8"}},
		{"broken YAML", "c.yaml", "server:\n\tlisten: []\n", nil, nil, []string{
			"c.yaml:2:1: is not valid YAML: a tab indents this line; YAML is indented with spaces"}},
		{"two documents", "c.yaml", "log: {}\n---\nlog: {}\n", nil, nil, []string{"c.yaml:3:1: a second YAML document begins here; a configuration is one"}},
		{"deep YAML", "c.yaml", "a: " + strings.Repeat("[", 100), nil, nil, []string{"c.yaml:1:1: nests deeper than 64 levels"}},
		{"only text", "c.yaml", "hello", nil, nil, []string{"c.yaml:1:1: must be a block of settings, not text"}},
		{"YAML's extras", "c.yaml", "store: &a {data: !!str x}\nlog: {<<: *a, 5: x, level: *b}\n", nil, nil, []string{
			"c.yaml:1:18: store.data: tags have no place in a configuration; remove !!str",
			"c.yaml:2:7: log: << has no place in a configuration; write the values out",
			"c.yaml:2:15: log: 5 is no name of a setting; names are text",
			"c.yaml:2:28: log.level: the alias *b has no anchor above it"}},
		{"numbers of YAML's own", "c.yaml", "store: {seal_rows: 0x10, seal_age: .inf}\ndatabase: {password: 0123}\n", nil, nil, []string{
			"c.yaml:1:20: store.seal_rows: is not a number as JSON spells them; write it plainly, or put it in quotes if it is text",
			"c.yaml:1:36: store.seal_age: is not a number as JSON spells them; write it plainly, or put it in quotes if it is text",
			"c.yaml:2:22: database.password: is not a number as JSON spells them; write it plainly, or put it in quotes if it is text"}},

		// names
		{"near names", "c.json", `{"sever": {}, "server": {"Listen": [], "alowed_hosts": []}}`, nil, nil, []string{
			"c.json:1:2: sever: is not a setting; did you mean server?",
			"c.json:1:26: server.Listen: is not a setting; did you mean listen?",
			"c.json:1:40: server.alowed_hosts: is not a setting; did you mean allowed_hosts?"}},
		{"far names", "c.json", `{"log": {"zzzzzzzzzz": 1}}`, nil, nil, []string{"c.json:1:10: log.zzzzzzzzzz: is not a setting; log has level"}},
		{"another program's file", "c.json", `{"event_logger": {}, "hookscooks": {}, "whatsappaccounts": []}`, nil, nil, []string{
			"c.json:1:22: hookscooks: is not a setting of Firn; if this is another program's file, copy event_logger and database, or EVENT_LOGGER_NAME, to a file of their own",
			"c.json:1:40: whatsappaccounts: is not a setting of Firn; if this is another program's file, copy event_logger and database, or EVENT_LOGGER_NAME, to a file of their own"}},
		{"twice", "c.yaml", "log:\n  level: info\n  level: warn\nlog: {}\n", nil, nil, []string{
			"c.yaml:3:3: log.level: is set twice, first on line 2", "c.yaml:4:1: log: is set twice, first on line 1"}},

		// types
		{"types", "c.json", `{"server": {"listen": "a:1", "key_rate": "x", "allowed_hosts": [1, null]}, "store": {"data": 5, "seal_age": 5, "seal_rows": 1.5},
 "webdebug": {"enabled": "yes"}, "log": [], "limits": {"event_bytes": true, "batch_events": 1e3}}`, nil, nil, []string{
			"c.json:1:23: server.listen: must be a list such as [one, two]; not text",
			"c.json:1:42: server.key_rate: must be a number, not text",
			"c.json:1:65: server.allowed_hosts[0]: must be text, not a number; put it in quotes",
			"c.json:1:68: server.allowed_hosts[1]: must not be null",
			"c.json:1:94: store.data: must be text, not a number; put it in quotes",
			"c.json:1:109: store.seal_age: must be a time such as 90s, 15m or 24h; not a number",
			"c.json:1:125: store.seal_rows: must be a whole number, not \"1.5\"",
			"c.json:2:26: webdebug.enabled: must be true or false, not text",
			"c.json:2:41: log: must be a block, not a list",
			`c.json:2:71: limits.event_bytes: must be a number of bytes such as 65536 or "64 MiB", not "true"`,
			"c.json:2:93: limits.batch_events: must be a whole number, not \"1e3\""}},
		{"types of a target", "c.yaml", `targets:
- type: exec
  command: [x]
  timeout: soon
  env: [a]
  rotate: 12 XB
  retry: {most: 300, grow: x, quiet: 1, often: true}
`, nil, nil, []string{
			"c.yaml:4:12: targets[0].timeout: must be a time such as 90s, 15m or 24h; not \"soon\"",
			"c.yaml:5:8: targets[0].env: must be a block, not a list",
			"c.yaml:6:11: targets[0].rotate: must be a number of bytes such as 65536 or \"64 MiB\", not \"12 XB\"",
			"c.yaml:7:17: targets[0].retry.most: 300 is out of range",
			"c.yaml:7:28: targets[0].retry.grow: must be a number, not text",
			"c.yaml:7:38: targets[0].retry.quiet: must be true or false, not a number",
			"c.yaml:7:41: targets[0].retry.often: is not a setting; targets[0].retry has grow, most, quiet"}},

		// values
		{"values", "c.yaml", `server: {listen: ["7070", "x:"], allowed_hosts: ["*.x"], allowed_origins: [app.example, "https://app.example:99999"], key_rate: -1}
store: {data: "", seal_age: 0s, seal_rows: -1}
limits: {event_bytes: 10 MB, batch_bytes: 1 MB, query_memory: 0}
retention: {system_days: -1, protected_days: 30}
happyview: {instance: ""}
log: {level: loud}
database: {type: mysqll}
auth: {failed_sign_ins: 0}
`, nil, nil, []string{
			`c.yaml:1:19: server.listen[0]: must be HOST:PORT, such as localhost:7070 or 127.0.0.1:7070; not "7070"`,
			`c.yaml:1:27: server.listen[1]: must be HOST:PORT, such as localhost:7070 or 127.0.0.1:7070; not "x:"`,
			`c.yaml:1:50: server.allowed_hosts[0]: must be a name such as events.example, or with a port; not "*.x"`,
			`c.yaml:1:76: server.allowed_origins[0]: must be scheme://host or scheme://host:port, such as https://app.example; not "app.example"`,
			`c.yaml:1:89: server.allowed_origins[1]: must be scheme://host or scheme://host:port, with a port from 1 to 65535; not "https://app.example:99999"`,
			`c.yaml:1:129: server.key_rate: must be requests a second, 0 for any number`,
			`c.yaml:2:15: store.data: must be a directory`,
			`c.yaml:2:29: store.seal_age: must be more than 0`,
			`c.yaml:2:44: store.seal_rows: must be more than 0`,
			`c.yaml:3:23: limits.event_bytes: one event may have more (10 MB) than a whole batch (1 MB)`,
			`c.yaml:3:63: limits.query_memory: must be more than 0`,
			`c.yaml:4:26: retention.system_days: is -1; it must be a whole number of days, 0 to 100000 (0 keeps events for ever)`,
			`c.yaml:4:46: retention.protected_days: is 30; it must be 365 to 100000: what tells of keys, purges and retention is kept for a year at least`,
			`c.yaml:5:23: happyview.instance: must be the id or the name of an instance`,
			`c.yaml:6:14: log.level: must be debug, info, warn or error; not "loud"`,
			`c.yaml:7:18: database.type: must be mysql, postgres or sqlite; did you mean mysql?`,
			`c.yaml:8:25: auth.failed_sign_ins: must be 1 or more a minute`}},
		{"empty lists", "c.json", `{"server": {"listen": []}, "limits": {"batch_bytes": "2 GiB"}, "database": {"type": "oracle-on-a-mainframe"}}`, nil, nil, []string{
			`c.json:1:23: server.listen: is empty; name an address, such as localhost:7070`,
			`c.json:1:54: limits.batch_bytes: is 2 GiB; 1 GiB is the most`,
			`c.json:1:85: database.type: must be mysql, postgres or sqlite; not "oracle-on-a-mainframe"`}},

		// targets
		{"targets", "c.yaml", `targets:
- {type: sqlit}
- {type: something else altogether}
- {name: x}
- {type: 5}
- sqlite
- {type: sqlite, name: "a/b"}
- {type: sqlite, where: x}
- {type: sqlite, name: b, where: [{field: event_type, operator: like}], start: -4, days_to_keep: 0, instances: [""]}
- {type: sqlite, name: c, start: yesterday, days_to_keep: -2, table_name: "; drop", tabel_name: x}
- {type: file, days_to_keep: 5}
- {type: exec}
- {type: sqlite, name: d}
- {type: file, name: d}
- {type: sqlite, name: e, where: {or: [{field: sevrity, operator: eq, value: 1}]}}
- {type: , name: f}
- {type: ~, name: g}
`, nil, nil, []string{
			`c.yaml:2:10: targets[0].type: "sqlit" is no type of target; did you mean sqlite?`,
			`c.yaml:3:10: targets[1].type: "something else altogether" is no type of target; there are console, exec, file, mysql, null, postgres, postgresql, sqlite`,
			`c.yaml:4:3: targets[2]: has no type; it is one of null, console, file, sqlite, postgres, mysql, exec`,
			`c.yaml:5:10: targets[3].type: must be text, not a number; put it in quotes`,
			`c.yaml:6:3: targets[4]: must be a block, not text`,
			`c.yaml:7:24: a target cannot be named "a/b": 1 to 64 of A–Z a–z 0–9 . _ -, not beginning with . or -`,
			`c.yaml:8:25: targets[6].where: must be a list, not text`,
			`c.yaml:9:65: targets[7].where[0].operator: "like" is not an operator; one of eq, neq, gt, gte, lt, lte, between, in, not_in, contains, icontains, starts_with, exists, matches`,
			`c.yaml:9:80: targets[7].start: must be now, beginning, or the position of the first event it gets, from 1`,
			`c.yaml:9:98: targets[7].days_to_keep: 0 is not taken, since Querybook deletes every row by it; -1 keeps them for ever, and so does leaving it out`,
			`c.yaml:9:112: targets[7].instances[0]: must be the id or the name of an instance`,
			`c.yaml:10:34: targets[8].start: must be now, beginning, or the position of the first event it gets, from 1`,
			`c.yaml:10:59: targets[8].days_to_keep: must be 1 to 100000 days, or -1 for ever; not -2`,
			`c.yaml:10:75: targets[8].table_name: must be the name of a table`,
			`c.yaml:10:85: targets[8].tabel_name: is not a setting; did you mean table_name?`,
			`c.yaml:11:30: targets[9].days_to_keep: a target of type file deletes nothing; only tables have days_to_keep`,
			`c.yaml:12:3: target exec: a program is needed`,
			`c.yaml:14:22: a target named d is at c.yaml:13:24 already; give this one a name`,
			`c.yaml:15:48: targets[13].where.or[0].field: "sevrity" is not a field; did you mean severity?`,
			`c.yaml:16:3: targets[14]: has no type; it is one of null, console, file, sqlite, postgres, mysql, exec`,
			`c.yaml:17:3: targets[15]: has no type; it is one of null, console, file, sqlite, postgres, mysql, exec`}},
		{"targets of the same variables", "c.yaml", `targets:
- {type: sqlite, name: a.b, table_name: event_a}
- {type: sqlite, name: a-b}
- {type: file, name: A_B}
- {type: sqlite, name: ab}
- {type: file, name: logs}
- {type: exec, name: logs-file, command: [x], dir: .}
`, nil, nil, []string{
			`c.yaml:3:24: the targets a.b and a-b have the same environment variables, such as FIRN_TARGETS_A_B_PATH; give one of them another name`,
			`c.yaml:4:22: the targets a-b and A_B have the same environment variables, such as FIRN_TARGETS_A_B_INSTANCES; give one of them another name`,
			`c.yaml:7:22: the targets logs and logs-file have the same environment variables, such as FIRN_TARGETS_LOGS_FILE_DIR; give one of them another name`}},
		{"event_logger", "c.yaml", `event_logger:
  enabled: true
  targets: [files, 5, elasticsearch]
  start: 0
database: {passwd: x, port: "5432"}
`, nil, nil, []string{
			`c.yaml:3:13: event_logger.targets[0]: "files" is no type of target; did you mean file?`,
			`c.yaml:3:20: event_logger.targets[1]: must be text, not a number; put it in quotes`,
			`c.yaml:3:23: event_logger.targets[2]: "elasticsearch" is no type of target; there are console, exec, file, mysql, null, postgres, postgresql, sqlite`,
			`c.yaml:5:12: database.passwd: is not a setting; did you mean password?`,
			`c.yaml:5:29: database.port: must be a whole number, not text`}},
		{"no targets", "c.json", `{"event_logger": {"enabled": true, "targets": []}}`, nil, nil, []string{
			`c.json:1:47: event_logger.targets: is empty; name a target, or set enabled to false`}},
		{"targets forgotten", "c.json", `{"event_logger": {"enabled": true}}`, nil, nil, []string{
			`c.json:1:18: event_logger.targets: is missing; it lists where events go, such as ["file", "sqlite"]`}},
		{"blocks that are none", "c.json", `{"event_logger": 5, "database": [], "targets": {}, "EVENT_LOGGER_NAME": true}`, nil, nil, []string{
			`c.json:1:18: event_logger: must be a block, not a number`,
			`c.json:1:33: database: must be a block, not a list`,
			`c.json:1:48: targets: must be a list, not a block`,
			`c.json:1:73: EVENT_LOGGER_NAME: must be text, not true or false; put it in quotes`}},
		{"what a kind refuses", "c.json", `{"event_logger": {"enabled": true, "targets": ["postgres"], "table_name": "x y"}, "database": {"password": "hunter22"}}`, nil, nil, []string{
			`c.json:1:48: database.host: is missing: where is PostgreSQL? password [secret]`,
			`c.json:1:75: event_logger.table_name: must be the name of a table`}},
		{"a logger without database", "c.yaml", "EVENT_LOGGER_NAME: db\n", nil, nil, []string{
			"c.yaml:1:20: EVENT_LOGGER_NAME: db needs the block database, whose type is mysql, postgres or sqlite"}},
		{"an unknown logger", "c.yaml", "EVENT_LOGGER_NAME: consol\n", nil, nil, []string{
			`c.yaml:1:20: EVENT_LOGGER_NAME: "consol" is no type of target; did you mean console?`}},

		// the environment and flags
		{"environment and flags", "", "", []string{
			"FIRN_STORE_SEAL_ROWS=many", "EVENT_LOG_RETENTION_DAYS=30d", "FIRN_WEBDEBUG_ENABLED=maybe", "FIRN_SERVER_LISTEN=a:1,7070", "FIRN_EVENT_LOGGER_TARGETS=fil"}, []Flag{
			{"--seal-age", "store.seal_age", []string{"soon"}}, {"--listen", "server.listen", []string{"8080"}}}, []string{
			`FIRN_STORE_SEAL_ROWS: must be a whole number, not "many"`,
			`EVENT_LOG_RETENTION_DAYS: must be a whole number, not "30d"`,
			`FIRN_WEBDEBUG_ENABLED: must be true or false, not "maybe"`,
			`FIRN_EVENT_LOGGER_TARGETS: event_logger.targets[0]: "fil" is no type of target; did you mean file?`,
			`--seal-age: must be a time such as 90s, 15m or 24h; not "soon"`,
			`--listen: server.listen[0]: must be HOST:PORT, such as localhost:7070 or 127.0.0.1:7070; not "8080"`}},
		{"a secret twice", "c.json", `{"database": {"password": "abcdef", "password_file": "x"}}`, nil, nil, []string{
			"c.json:1:37: database.password_file: is given beside password; give one of them"}},
		{"a secret's file", "c.json", `{"database": {"password_file": "nowhere"}, "targets": [{"type": "postgres", "host": "h", "password_file": "c.json", "dsn_file": 5}]}`, nil, nil, []string{
			"c.json:1:32: database.password_file: open nowhere: no such file or directory",
			"c.json:1:129: targets[0].dsn_file: must be text, not a number"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := loadFile(t, test.file, test.text, Options{Environ: test.environ, Flags: test.flags})
			if diff := cmp.Diff(test.want, problems(t, err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestFileThatCannotBeRead names the file.
func TestFileThatCannotBeRead(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("large.json", make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"nowhere.json": "nowhere.json: there is no such file",
		".":            ".: is a directory",
		"large.json":   "large.json: is larger than 1 MiB; that is no configuration",
	} {
		_, err := Load(Options{File: file})
		if diff := cmp.Diff([]string{want}, problems(t, err)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestNoKinds says so.
func TestNoKinds(t *testing.T) {
	_, err := loadFile(t, "c.json", `{"targets": [{"type": "file"}]}`, Options{Kinds: []target.Kind{}})
	want := []string{`c.json:1:23: targets[0].type: "file" is no type of target; none is built in`}
	if diff := cmp.Diff(want, problems(t, err)); diff != "" {
		t.Error(diff)
	}
}
