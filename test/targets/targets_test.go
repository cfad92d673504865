// Package targets kills a real `firn serve` and the databases it delivers to, at
// random moments under load, and looks into the tables: every event is there
// exactly once, and in order.
package targets

import (
	"context"
	"database/sql"
	"encoding/json/v2"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/firnlog/firn/target/databasetest"
	"github.com/firnlog/firn/test/loadtest"
)

// patience is how long all targets may take to catch up. It is long: a loaded
// machine is no failure.
const patience = 3 * time.Minute

func TestKills(t *testing.T) {
	h := newHarness(t)
	// Each process of Firn lives for a moment.
	for range loadtest.Rounds(t, "FIRN_TARGET_KILLS", 15, 30) {
		h.start()
		stop := h.load()
		loadtest.After(t, h.rng, 10*time.Millisecond, 500*time.Millisecond)
		h.serving.Kill()
		stop()
	}
	h.start()
	t.Logf("all targets caught up %v after the last start; %d events", h.caughtUp(h.acked), h.acked)
	h.check()

	// Each database dies while Firn goes on.
	var slowest time.Duration
	for round := range loadtest.Rounds(t, "FIRN_DATABASE_KILLS", 4, 6) {
		stop := h.load()
		loadtest.After(t, h.rng, 10*time.Millisecond, 500*time.Millisecond)
		server := []*databasetest.Server{h.postgres, h.mariadb}[round%2]
		server.Kill()
		loadtest.After(t, h.rng, 10*time.Millisecond, 300*time.Millisecond)
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		stop()
		slowest = max(slowest, h.caughtUp(h.acked))
	}
	t.Logf("all targets caught up at most %v after a database was back; %d events", slowest, h.acked)
	h.check()
	if h.acked < 1000 {
		t.Errorf("%d events: the load proves nothing", h.acked)
	}
}

// harness is a log with a target of each SQL kind, through all kills.
type harness struct {
	t                 *testing.T
	rng               *rand.Rand
	serve             loadtest.Serve
	serving           *loadtest.Server
	postgres, mariadb *databasetest.Server
	tables            map[string]*sql.DB // by the target's name
	acked             int                // events 1 to acked are in the log
}

func newHarness(t *testing.T) *harness {
	dir := t.TempDir()
	h := &harness{t: t, rng: rand.New(rand.NewPCG(loadtest.Seed(t), 0)), tables: map[string]*sql.DB{}} //nolint:gosec // not for secrets
	h.postgres, h.mariadb = started(t, databasetest.Postgres), started(t, databasetest.MariaDB)
	h.serve = loadtest.Serve{Binary: loadtest.Build(t, ""), Data: filepath.Join(dir, "data")}

	sqlitePath := filepath.Join(dir, "events.db")
	h.open("sqlite", "sqlite", sqlitePath)
	h.open("postgres", "pgx", fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=postgres sslmode=disable", h.postgres.Port, databasetest.PostgresUser))
	socket := filepath.Join(h.mariadb.Socket, "socket")
	h.open("mysql", "mysql", "root@unix("+socket+")/events")
	admin := h.open("", "mysql", "root@unix("+socket+")/")
	if _, err := admin.ExecContext(t.Context(), `CREATE DATABASE events`); err != nil {
		t.Fatal(err)
	}

	config := filepath.Join(dir, "firn.json")
	text, err := json.Marshal(map[string]any{"targets": []map[string]any{
		{"type": "sqlite", "path": sqlitePath, "start": "beginning"},
		{"type": "postgresql", "name": "postgres", "start": "beginning", "host": "127.0.0.1", "port": h.postgres.Port,
			"username": databasetest.PostgresUser, "database": "postgres", "sslmode": "disable"},
		{"type": "mysql", "start": "beginning", "host": "127.0.0.1", "port": h.mariadb.Port,
			"username": databasetest.MariaDBUser, "password": databasetest.MariaDBPassword, "database": "events"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	h.serve.Args = []string{"--seal-rows", "2000", "--seal-age", "1s", "--config", config}
	t.Cleanup(func() {
		if h.serving != nil {
			h.serving.Kill()
		}
	})
	return h
}

func started(t *testing.T, start func() (*databasetest.Server, error)) *databasetest.Server {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Remove(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (h *harness) open(name, driver, source string) *sql.DB {
	h.t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		h.t.Fatal(err)
	}
	db.SetMaxIdleConns(0) // servers come and go
	h.t.Cleanup(func() { _ = db.Close() })
	if name != "" {
		h.tables[name] = db
	}
	return db
}

func (h *harness) start() {
	h.t.Helper()
	var err error
	if h.serving, err = loadtest.Start(h.t.Context(), h.serve); err != nil {
		h.t.Fatal(err)
	}
}

// load appends events, the next where the last ended, until stop is called. What
// is not acknowledged is sent again by the next load, with the same ids.
func (h *harness) load() (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan struct{})
	url := h.serving.URL
	sizes := rand.New(rand.NewPCG(h.rng.Uint64(), 0)) //nolint:gosec // not for secrets
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			n := 1 + sizes.IntN(40)
			err := loadtest.Post(ctx, url, "/instances/shop/events?auto_create=true", events(h.acked+1, n), http.StatusCreated, &struct{}{})
			if err == nil {
				h.acked += n
				continue
			}
			var refusal *loadtest.Refusal
			if errors.As(err, &refusal) {
				h.t.Error(err)
			}
			return // it is killed
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// events is a batch whose ids, types and payloads follow from their numbers.
func events(first, n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,{"id":"e%d","event_type":"message.received","actor":"%[1]d","payload":{"n":%[1]d,"text":"\u0000 number %[1]d"}}`, first+i)
	}
	return []byte("[" + b.String()[1:] + "]")
}

// caughtUp waits until every table has as many rows as there are events, and
// returns how long that took.
func (h *harness) caughtUp(n int) time.Duration {
	h.t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for name := range h.tables {
		for count := 0; count < n; {
			if err := h.tables[name].QueryRowContext(ctx, `SELECT count(*) FROM `+table(name)).Scan(&count); err != nil {
				count = 0 // the table comes with the first batch, the server after its recovery
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				var state any
				_ = loadtest.Get(h.t.Context(), h.serving.URL, "/targets", &state)
				h.t.Fatalf("%s has %d of %d events after %v: %v\n%s", name, count, n, patience, state, h.serving.Log())
			}
		}
	}
	return time.Since(began)
}

// check reads the tables: 1 to acked, each once, in order. A batch that was not
// acknowledged may be there behind them.
func (h *harness) check() {
	h.t.Helper()
	for name, db := range h.tables {
		if n := h.count(name, db); n < h.acked {
			h.t.Errorf("%s: the table ends at %d of %d acknowledged events", name, n, h.acked)
		}
	}
}

// count reads a table, whose rows are to be 1, 2, 3…
func (h *harness) count(name string, db *sql.DB) (count int) {
	h.t.Helper()
	number := map[string]string{
		"sqlite": `data->>'n'`, "postgres": `(data->'n')::int`, "mysql": `json_value(event_data, '$.n')`,
	}[name]
	found, err := db.QueryContext(h.t.Context(), `SELECT `+number+` FROM `+table(name)+` ORDER BY id`)
	if err != nil {
		h.t.Fatal(err)
	}
	defer found.Close() //nolint:errcheck // Err says what there is to say
	for found.Next() {
		count++
		var n int
		if err := found.Scan(&n); err != nil {
			h.t.Fatal(err)
		}
		if n != count {
			h.t.Fatalf("%s: event %d is where %d is to be (%d acknowledged)", name, n, count, h.acked)
		}
	}
	if err := found.Err(); err != nil {
		h.t.Fatal(err)
	}
	return count
}

func table(name string) string {
	if name == "mysql" {
		return "event_log"
	}
	return "event_logs"
}
