package config

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/firnlog/firn/target"
)

// Kinds of targets as the standard firn has them, that reach for nothing.
type (
	fileSettings struct {
		Dir string `json:"file_dir"`
	}
	sqliteSettings struct {
		Path      string `json:"path"`
		TableName string `json:"table_name"`
	}
	postgresSettings struct {
		Host      string        `json:"host"`
		Port      int           `json:"port"`
		Username  string        `json:"username"`
		Password  target.Secret `json:"password"`
		Database  string        `json:"database"`
		SSLMode   string        `json:"sslmode"`
		DSN       target.Secret `json:"dsn"`
		TableName string        `json:"table_name"`
	}
	execSettings struct {
		Command []string          `json:"command"`
		Dir     string            `json:"dir"`
		Env     map[string]string `json:"env"`
		Timeout time.Duration     `json:"timeout"`
		Retry   struct {
			Most  uint8   `json:"most"`
			Grow  float32 `json:"grow"`
			Quiet *bool   `json:"quiet"`
		} `json:"retry"`
		Rotate Bytes `json:"rotate"`
	}
)

// fake is a target that cleans, as tables do, or does not.
type fake struct{ opened error }

func (f fake) Open(context.Context) error                       { return f.opened }
func (f fake) Write(context.Context, target.Batch) (int, error) { return 0, nil }
func (f fake) Close() error                                     { return nil }

type fakeTable struct{ fake }

func (fakeTable) Clean(context.Context, int) (int64, bool, error) { return 0, false, nil }

func kinds() []target.Kind {
	table := func(name string) error {
		if !strings.HasPrefix(name, "event") {
			return errors.New("table_name: must be the name of a table")
		}
		return nil
	}
	postgres := target.NewKind("postgres", postgresSettings{TableName: "event_logs"}, func(s postgresSettings, _ target.Environment) (target.Target, error) {
		var host error
		if s.Host == "" {
			host = errors.New("host is missing: where is PostgreSQL? password " + string(s.Password))
		}
		return fakeTable{}, errors.Join(host, table(s.TableName))
	})
	postgres.Aliases = []string{"postgresql"}
	return []target.Kind{
		target.NewKind("null", struct{}{}, func(struct{}, target.Environment) (target.Target, error) { return fake{}, nil }),
		target.NewKind("console", struct {
			Format string `json:"format"`
		}{"text"}, func(struct {
			Format string `json:"format"`
		}, target.Environment) (target.Target, error) {
			return fake{}, nil
		}),
		target.NewKind("file", fileSettings{"./data/events"}, func(fileSettings, target.Environment) (target.Target, error) { return fake{}, nil }),
		target.NewKind("sqlite", sqliteSettings{"./data/events.db", "event_logs"}, func(s sqliteSettings, _ target.Environment) (target.Target, error) {
			return fakeTable{}, table(s.TableName)
		}),
		postgres,
		target.NewKind("mysql", postgresSettings{TableName: "event_log"}, func(s postgresSettings, _ target.Environment) (target.Target, error) { return fakeTable{}, nil }),
		target.NewKind("exec", execSettings{}, func(s execSettings, _ target.Environment) (target.Target, error) {
			if len(s.Command) == 0 {
				return nil, errors.New("a program is needed")
			}
			return fake{}, nil
		}),
	}
}

// loadFile reads a file of this name and text.
func loadFile(t *testing.T, name, text string, o Options) (*Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if name != "" {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		o.File = name
	}
	if o.Kinds == nil {
		o.Kinds = kinds()
	}
	o.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	return Load(o)
}

func mustLoad(t *testing.T, name, text string, o Options) *Config {
	t.Helper()
	c, err := loadFile(t, name, text, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// problems are the lines of an error; none of none.
func problems(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); !ok {
		t.Fatalf("error %v is a %T", err, err)
	}
	return strings.Split(err.Error(), "\n")
}
