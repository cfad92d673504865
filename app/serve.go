package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/server"
)

type serveCommand struct {
	Data          string        `default:"./data" type:"path" placeholder:"DIR" help:"Where the log is; made if it is not there (default: ./data)."`
	Listen        []string      `default:"127.0.0.1:7070" placeholder:"HOST:PORT" help:"Address to listen on, loopback only until there is an API key; localhost means 127.0.0.1 and ::1, port 0 any free one (default: 127.0.0.1:7070)."`
	SealAge       time.Duration `default:"5m" placeholder:"AGE" help:"Write events to Parquet at this age at the latest (default: 5m)."`
	SealRows      int           `default:"250000" placeholder:"N" help:"Write an instance's events to Parquet when there are this many (default: 250000)."`
	AllowedHost   []string      `placeholder:"NAME" help:"Answer under this host name too, such as that of a reverse proxy; may be given again."`
	AllowedOrigin []string      `placeholder:"URL" help:"Let pages of this site ask, such as https://app.example; may be given again."`
	Catalog       []string      `type:"path" placeholder:"DIR" help:"Read event types of yours from the *.yaml, *.yml and *.json in this directory; may be given again."`
	KeyRate       float64       `placeholder:"N" help:"Requests a second that one API key may make; beyond them it is told to wait (default: any number)."`

	LogLevel slog.Level `default:"warn" placeholder:"LEVEL" help:"What to report on standard error: debug, info, warn, error (default: warn)."`
}

func (c *serveCommand) Help() string {
	return `Examples:
  firn serve                                  ./data on 127.0.0.1:7070
  firn serve --data /var/lib/firn             another directory
  firn serve --listen localhost:8080          another port, IPv4 and IPv6
  firn serve --listen 127.0.0.1:0             any free port; the first line says which

Ctrl-C or SIGTERM stops it: it takes no new work, finishes what runs (10 s at
most), and every acknowledged event is on disk as it always is. A second Ctrl-C
stops at once; nothing acknowledged is lost by that either.

EVENT_LOG_RETENTION_DAYS in the environment is how many days the instance system
keeps Firn's own activity, above the setting that is stored; 0 is for ever.`
}

// Run serves until the context ends or the log fails for good.
func (c *serveCommand) Run(env *environment) error {
	if c.SealAge <= 0 || c.SealRows <= 0 {
		return usagef("--seal-age and --seal-rows must be positive")
	}
	if err := c.checkPlace(env.ctx); err != nil {
		return err
	}
	retention, err := systemRetention(env)
	if err != nil {
		return err
	}
	limitMemory()
	logger := slog.New(slog.NewTextHandler(env.err, &slog.HandlerOptions{Level: c.LogLevel}))
	types, err := loadCatalog(c.Catalog)
	if err != nil {
		return err
	}
	log, err := firn.Open(c.Data, firn.Options{Catalog: types, SealAge: c.SealAge, SealRows: c.SealRows, Report: report(logger), SystemRetention: retention})
	if err != nil {
		return explainOpen(c.Data, err)
	}
	srv := server.New(log, server.Options{Listen: c.Listen, Catalog: types, AllowedHosts: c.AllowedHost, AllowedOrigins: c.AllowedOrigin, KeyRate: c.KeyRate, Logger: logger, Version: env.version.Version})
	err = c.run(env, logger, log, srv)
	if closeErr := log.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close %s: %w", c.Data, closeErr)
	}
	if err == nil {
		fmt.Fprintln(env.err, "firn: stopped; everything acknowledged is on disk")
	}
	return err
}

// checkPlace looks at directory and addresses before a directory is made.
func (c *serveCommand) checkPlace(ctx context.Context) error {
	for _, address := range c.Listen {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return usagef("--listen %s: must be HOST:PORT, such as 127.0.0.1:7070", address)
		}
	}
	if err := noFile(c.Data); err != nil {
		return err
	}
	if hasLog(c.Data) == nil {
		return nil // a log that is served already is the better message
	}
	err := server.Probe(ctx, c.Listen)
	if errors.Is(err, server.ErrNotLoopback) {
		return &usageError{err}
	}
	return err
}

func (c *serveCommand) run(env *environment, logger *slog.Logger, log *firn.Log, srv *server.Server) error {
	if err := srv.Listen(env.ctx); err != nil {
		if errors.Is(err, server.ErrNotLoopback) {
			return &usageError{err}
		}
		return err
	}
	admin, err := listenAdmin(env.ctx, c.Data, log, srv.OwnerHandler())
	if err != nil {
		logger.Warn("no administration socket: `firn keys`, `firn backup` and `firn verify` work only while this server is stopped", "error", err)
	} else {
		defer admin.Close()
	}
	var urls []string
	for _, addr := range srv.Addrs() {
		urls = append(urls, "http://"+addr.String())
	}
	access := "API keys are needed"
	if srv.Open() {
		access = "no API keys: open to this machine's users"
	}
	fmt.Fprintf(env.err, "firn %s serves %s on %s (%s; Ctrl-C stops)\n",
		env.version.Version, escape(shortPath(c.Data)), strings.Join(urls, " and "), access)
	context.AfterFunc(env.ctx, func() {
		fmt.Fprintln(env.err, "firn: stopping; waiting for what runs (Ctrl-C again stops at once)")
	})
	return srv.Run(env.ctx)
}

// report passes on what the log has to tell an operator.
func report(logger *slog.Logger) func(firn.Report) {
	return func(r firn.Report) {
		level := slog.LevelInfo
		switch {
		case r.Severity >= event.Error:
			level = slog.LevelError
		case r.Severity >= event.Warning:
			level = slog.LevelWarn
		case r.Severity == event.Debug:
			level = slog.LevelDebug
		}
		logger.Log(context.Background(), level, r.Message)
	}
}

// shortPath is a path as a person would write it.
func shortPath(path string) string {
	if wd, err := filepath.Abs("."); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
			return "./" + rel
		}
	}
	return path
}

// explainOpen says what to do about a directory that cannot be opened.
func explainOpen(dir string, err error) error {
	dir = shortPath(dir)
	err = fmt.Errorf("open %s: %w", dir, err)
	switch {
	case errors.Is(err, firn.ErrLocked):
		return hint(err, "A firn serves this directory already. Speak to it instead: leave --data out, or give --server URL.\nTo serve a second log, give it a directory of its own with --data.")
	case errors.Is(err, firn.ErrNewer):
		return hint(err, "Nothing was changed. Use the version of firn that wrote it, or a newer one; `firn version` says which this is.")
	case errors.Is(err, firn.ErrNoSpace):
		return hint(err, "Free some space; nothing that was acknowledged is lost.")
	}
	return err
}
