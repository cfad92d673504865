package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/target"
)

// source is where a setting comes from, and what it is.
func source(t *testing.T, c *Config, path string) (value, by string) {
	t.Helper()
	for _, s := range c.Settings() {
		if s.Path == path {
			return s.String(), s.Source.String()
		}
	}
	t.Fatalf("no setting %s", path)
	return "", ""
}

// TestFlagsAboveEnvironmentAboveFileAboveDefault sets one value in each layer,
// and takes the layers away from above.
func TestFlagsAboveEnvironmentAboveFileAboveDefault(t *testing.T) {
	file := "server:\n  listen: [\"localhost:1\"]\nstore: {seal_age: 1m}\n"
	environ := []string{"FIRN_SERVER_LISTEN=localhost:2, localhost:22", "FIRN_STORE_SEAL_AGE=2m", "FIRN_STORE_DATA="}
	flags := []Flag{{"--listen", "server.listen", []string{"localhost:3"}}, {"--seal-age", "store.seal_age", []string{"3m"}}}
	for _, test := range []struct {
		o            Options
		text         string
		listen, by   string
		age, ageFrom string
	}{
		{Options{Environ: environ, Flags: flags}, file, "localhost:3", "--listen", "3m", "--seal-age"},
		{Options{Environ: environ}, file, "localhost:2, localhost:22", "FIRN_SERVER_LISTEN", "2m", "FIRN_STORE_SEAL_AGE"},
		{Options{}, file, "localhost:1", "firn.conf:2:11", "1m", "firn.conf:3:19"},
		{Options{}, "", "localhost:7070", "default", "5m", "default"},
	} {
		c := mustLoad(t, "firn.conf", test.text, test.o)
		listen, by := source(t, c, "server.listen")
		age, ageFrom := source(t, c, "store.seal_age")
		got := []string{listen, by, age, ageFrom}
		if diff := cmp.Diff([]string{test.listen, test.by, test.age, test.ageFrom}, got); diff != "" {
			t.Error(diff)
		}
		if data, by := source(t, c, "store.data"); data != "./data" || by != "default" {
			t.Errorf("an empty variable set store.data to %q (%s)", data, by)
		}
	}
}

// TestEverySettingHasAVariable sets all of them by the environment alone.
func TestEverySettingHasAVariable(t *testing.T) {
	values := map[string]string{
		"server.listen": "localhost:1", "server.allowed_hosts": "a,b", "server.allowed_origins": "https://a", "server.key_rate": "2.5",
		"store.data": "/x", "store.seal_age": "1h", "store.seal_rows": "7",
		"limits.event_bytes": "1 KiB", "limits.batch_bytes": "2 MB", "limits.batch_events": "3", "limits.query_timeout": "4s",
		"limits.query_memory": "5 MiB", "limits.body_memory": "6 MiB",
		"auth.failed_sign_ins": "20", "retention.system_days": "0", "retention.protected_days": "400", "happyview.instance": "web", "webdebug.enabled": "false", "webdebug.redact": "pin", "webdebug.project_root": "/src",
		"catalog.directories": "types", "log.level": "info",
		"event_logger.enabled": "true", "event_logger.targets": "file, postgres", "event_logger.file_dir": "f", "event_logger.table_name": "events",
		"database.type": "postgres", "database.host": "h", "database.port": "5", "database.username": "u", "database.password": "s3cret", "database.database": "d", "database.sqlite_path": "s",
		"EVENT_LOGGER_NAME": "console",
	}
	documented := map[string]string{"retention.system_days": "EVENT_LOG_RETENTION_DAYS", "EVENT_LOGGER_NAME": "EVENT_LOGGER_NAME"}
	variable := func(path string) string {
		if name := documented[path]; name != "" {
			return name
		}
		return "FIRN_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
	}
	var environ []string
	for path, value := range values {
		environ = append(environ, variable(path)+"="+value)
	}
	c := mustLoad(t, "", "", Options{Environ: environ})
	for _, s := range c.Settings() {
		want, ok := values[s.Path]
		if !ok {
			t.Errorf("%s has no variable here", s.Path)
			continue
		}
		if s.Path == "database.password" {
			want = "[secret]"
		}
		if got := strings.ReplaceAll(s.String(), ", ", ","); got != strings.ReplaceAll(want, ", ", ",") || s.Source.Variable != variable(s.Path) {
			t.Errorf("%s is %q by %s, want %q by %s", s.Path, got, s.Source, want, variable(s.Path))
		}
	}
	var names []string
	for _, target := range c.Targets {
		names = append(names, target.Name)
	}
	if diff := cmp.Diff([]string{"file", "postgres", "console"}, names); diff != "" {
		t.Error(diff)
	}
	if got := c.Targets[1].Spec.Settings.(*postgresSettings).Password; got != "s3cret" {
		t.Errorf("the password is %q", string(got))
	}
}

// TestVariablesOfTargets sets what listed targets have.
func TestVariablesOfTargets(t *testing.T) {
	c := mustLoad(t, "c.yaml", `targets:
- {type: postgres, name: my-warehouse, host: a, password: old}
- {type: sqlite}
`, Options{Environ: []string{
		"FIRN_TARGETS_MY_WAREHOUSE_PASSWORD=n3w", "FIRN_TARGETS_SQLITE_PATH=x.db", "FIRN_TARGETS_SQLITE_START=beginning",
		"FIRN_TARGETS_SQLITE_WHERE=[{\"field\": \"actor\", \"operator\": \"exists\"}]", "FIRN_TARGETS_SQLITE_DAYS_TO_KEEP=4", "FIRN_TARGETS_SQLITE_INSTANCES=shop,web",
	}})
	if got := c.Targets[0].Spec.Settings.(*postgresSettings); got.Password != "n3w" || got.Host != "a" {
		t.Errorf("%s at %s", string(got.Password), got.Host)
	}
	s := c.Targets[1]
	if s.Spec.Settings.(*sqliteSettings).Path != "x.db" || !s.Start.Beginning || s.Where == nil || s.DaysToKeep != 4 || len(s.Instances) != 2 {
		t.Errorf("%+v", s.Spec)
	}
	if len(c.Warnings) > 0 {
		t.Error(c.Warnings)
	}
}

// TestUnknownVariablesAreWarnings and stop nothing.
func TestUnknownVariablesAreWarnings(t *testing.T) {
	c := mustLoad(t, "", "", Options{Environ: []string{
		"FIRN_SERVER=http://x", "FIRN_API_KEY=k", "FIRN_STORE_SEALAGE=5m", "FIRN_TEST_WHATEVER_ROUNDS=5", "PATH=/bin", "FIRN_SERVER_LISTENS=x",
	}})
	want := []string{
		"FIRN_SERVER_LISTENS: is not a setting and changes nothing; did you mean FIRN_SERVER_LISTEN?",
		"FIRN_STORE_SEALAGE: is not a setting and changes nothing; did you mean FIRN_STORE_SEAL_AGE?",
	}
	var got []string
	for _, w := range c.Warnings {
		got = append(got, w.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSecrets come from files and the environment, and are in nothing that is
// printed.
func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	secretFile := dir + "/password"
	if err := os.WriteFile(secretFile, []byte("fromfile\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const logger = `"event_logger": {"enabled": true, "targets": ["postgres"]}`
	for _, test := range []struct {
		name, database string
		environ        []string
		want           string
	}{
		{"in the file", `"password": "infile"`, nil, "infile"},
		{"a file", `"password_file": "` + secretFile + `"`, nil, "fromfile"},
		{"the environment above it", `"password": "infile"`, []string{"FIRN_DATABASE_PASSWORD=fromenv"}, "fromenv"},
		{"a file of the environment above it", `"password": "infile"`, []string{"FIRN_DATABASE_PASSWORD_FILE=" + secretFile}, "fromfile"},
		{"the environment above a file", `"password_file": "nowhere"`, []string{"FIRN_DATABASE_PASSWORD=fromenv"}, "fromenv"},
		{"a secret that the document does not have", `"dsn_file": "` + secretFile + `"`, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := mustLoad(t, "c.json", `{`+logger+`, "database": {"host": "h", `+test.database+`}}`, Options{Environ: test.environ})
			s := c.Targets[0].Spec.Settings.(*postgresSettings)
			if s.Password != target.Secret(test.want) {
				t.Errorf("the password is %q, want %q", string(s.Password), test.want)
			}
			if test.want == "" && s.DSN != "fromfile" {
				t.Errorf("the dsn is %q", string(s.DSN))
			}
			printed := fmt.Sprint(c.Settings(), c.Targets[0].Values, fmt.Sprintf("%+v %#v", *s, *s))
			for _, secret := range []string{"infile", "fromfile", "fromenv"} {
				if strings.Contains(printed, secret) {
					t.Errorf("printed: %s", printed)
				}
			}
		})
	}
	t.Run("not a secret", func(t *testing.T) {
		for _, content := range []string{"", "\n", "two\nlines", "\xff", strings.Repeat("x", 70_000)} {
			if err := os.WriteFile(secretFile, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := loadFile(t, "c.json", `{"database": {"password_file": "`+secretFile+`"}}`, Options{}); len(problems(t, err)) != 1 {
				t.Errorf("%.20q: %v", content, err)
			}
		}
	})
}

// TestFormats reads the same from JSON, YAML, and either under another name.
func TestFormats(t *testing.T) {
	json := "\ufeff{\"store\": {\"seal_rows\": 5, \"data\": \"d \\u00e9\\/\"}, \"targets\": [{\"type\": \"exec\", \"command\": [\"a\", \"b\"], \"timeout\": \"5s\", \"rotate\": 9, \"env\": {\"A\": \"b\"}, \"retry\": {\"most\": 9, \"grow\": 1.5, \"quiet\": true}}]}"
	yaml := `# comment
store:
  seal_rows: 5
  data: "d é/"
x-command: &c [a, b]
targets:
- type: exec
  command: *c
  timeout: 5s
  rotate: 9
  env: {A: b}
  retry:
    most: 9
    grow: 1.5
    quiet: true
`
	yaml = strings.ReplaceAll(strings.Replace(yaml, "x-command: &c [a, b]\n", "", 1), "*c", "[a, b]")
	quiet := true
	want := &execSettings{Command: []string{"a", "b"}, Timeout: 5 * time.Second, Rotate: 9, Env: map[string]string{"A": "b"}}
	want.Retry.Most, want.Retry.Grow, want.Retry.Quiet = 9, 1.5, &quiet
	for name, text := range map[string]string{"a.json": json, "a.yaml": yaml, "a.yml": yaml, "a.conf": json, "b.conf": yaml, "b.yaml": strings.TrimPrefix(json, "\ufeff")} {
		c := mustLoad(t, name, text, Options{})
		if c.Store.SealRows != 5 || c.Store.Data != "d é/" {
			t.Errorf("%s: %+v", name, c.Store)
		}
		if diff := cmp.Diff(any(want), c.Targets[0].Spec.Settings); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, empty := range []string{"", " \n", "# nothing\n", "{}", "~\n"} {
		if c := mustLoad(t, "firn", empty, Options{}); len(c.Settings()) == 0 || c.Store.Data != "./data" {
			t.Errorf("%q: %+v", empty, c)
		}
	}
}

// TestAliasesAreBounded refuses text that becomes huge.
func TestAliasesAreBounded(t *testing.T) {
	text := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	_, err := loadFile(t, "c.yaml", text, Options{})
	if !strings.Contains(err.Error(), "becomes more than 100000 values, aliases written out") {
		t.Error(err)
	}
}
