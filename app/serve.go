package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/catalog"
	"github.com/firnlog/firn/internal/config"
	"github.com/firnlog/firn/internal/server"
	"github.com/firnlog/firn/internal/server/happyview"
	"github.com/firnlog/firn/internal/server/webdebug"
	"github.com/firnlog/firn/target"
)

type serveCommand struct {
	Config        string   `placeholder:"FILE" help:"Read this configuration, JSON or YAML; flags and the environment are above it (default: none is read)."`
	Data          string   `type:"path" placeholder:"DIR" help:"Where the log is; made if it is not there (default: ./data)."`
	Listen        []string `placeholder:"HOST:PORT" help:"Address to listen on, loopback only until there is an API key; localhost means 127.0.0.1 and ::1, port 0 any free one (default: localhost:7070)."`
	SealAge       string   `placeholder:"AGE" help:"Write events to Parquet at this age at the latest (default: 5m)."`
	SealRows      string   `placeholder:"N" help:"Write an instance's events to Parquet when there are this many (default: 250000)."`
	AllowedHost   []string `placeholder:"NAME" help:"Answer under this host name too, such as that of a reverse proxy; may be given again."`
	AllowedOrigin []string `placeholder:"URL" help:"Let pages of this site ask, such as https://app.example; may be given again."`
	Catalog       []string `type:"path" placeholder:"DIR" help:"Read event types of yours from the *.yaml, *.yml and *.json in this directory; may be given again."`
	KeyRate       string   `placeholder:"N" help:"Requests a second that one API key may make; beyond them it is told to wait (default: any number)."`
	LogLevel      string   `placeholder:"LEVEL" help:"What to report on standard error: debug, info, warn, error (default: warn)."`
}

func (c *serveCommand) Help() string {
	return `Examples:
  firn serve                                  ./data on port 7070 of this machine
  firn serve --data /var/lib/firn             another directory
  firn serve --listen localhost:8080          another port
  firn serve --listen 127.0.0.1:0             any free port; the first line says which
  firn serve --config config.json             what the file says (firn config check)

Ctrl-C or SIGTERM stops it: it takes no new work, finishes what runs (10 s at
most), and every acknowledged event is on disk as it always is. A second Ctrl-C
stops at once; nothing acknowledged is lost by that either.

Settings may be in the environment too: FIRN_SERVER_LISTEN, FIRN_STORE_DATA… A
flag is above the environment, the environment above the file.
EVENT_LOG_RETENTION_DAYS is how many days the instance system keeps Firn's own
activity, above the setting that is stored; 0 is for ever.`
}

// flags are the flags that were given.
func (c *serveCommand) flags() []config.Flag {
	var all []config.Flag
	for _, f := range []struct {
		name, path string
		values     []string
	}{
		{"--data", "store.data", []string{c.Data}}, {"--listen", "server.listen", c.Listen},
		{"--seal-age", "store.seal_age", []string{c.SealAge}}, {"--seal-rows", "store.seal_rows", []string{c.SealRows}},
		{"--allowed-host", "server.allowed_hosts", c.AllowedHost}, {"--allowed-origin", "server.allowed_origins", c.AllowedOrigin},
		{"--catalog", "catalog.directories", c.Catalog}, {"--key-rate", "server.key_rate", []string{c.KeyRate}},
		{"--log-level", "log.level", []string{c.LogLevel}},
	} {
		if len(f.values) > 0 && f.values[0] != "" {
			all = append(all, config.Flag{Name: f.name, Path: f.path, Values: f.values})
		}
	}
	return all
}

// Run serves until the context ends or the log fails for good.
func (c *serveCommand) Run(env *environment) error {
	limitMemory()
	paceCollector()
	cfg, err := env.configuration(c.Config, c.flags())
	if err != nil {
		return explainConfiguration(c.Config, err)
	}
	env.warn(cfg)
	s := &serving{Config: cfg, env: env}
	if err := s.checkPlace(env.ctx); err != nil {
		return err
	}
	return s.serve()
}

// serving is one run of a server.
type serving struct {
	*config.Config
	env    *environment
	logger *slog.Logger
}

func (s *serving) serve() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.Log.Level)); err != nil {
		return err
	}
	s.logger = slog.New(slog.NewTextHandler(s.env.err, &slog.HandlerOptions{Level: level}))
	types, err := loadCatalog(s.Catalog.Directories)
	if err != nil {
		return err
	}
	log, err := firn.Open(s.Store.Data, firn.Options{
		Catalog: types, SealAge: s.Store.SealAge, SealRows: s.Store.SealRows, Limits: s.Limits.Event(),
		QueryMemory: int64(s.Limits.QueryMemory), QueryTimeout: s.Limits.QueryTimeout,
		Report: report(s.logger), SystemRetention: s.Retention.SystemDays, ProtectedDays: s.Retention.ProtectedDays,
	})
	if err != nil {
		return explainOpen(s.Store.Data, err)
	}
	targets, err := startTargets(s.env, log, s.Store.Data, s.Specs(), s.logger)
	if err == nil {
		err = s.run(log, server.New(log, s.options(types, targets)))
		targets.Close()
	}
	if closeErr := log.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close %s: %w", s.Store.Data, closeErr)
	}
	if err == nil {
		fmt.Fprintln(s.env.err, "firn: stopped; everything acknowledged is on disk")
	}
	return err
}

// options are the server's part of the configuration.
func (s *serving) options(types *catalog.Catalog, targets *target.Deliveries) server.Options {
	return server.Options{
		Listen: s.Server.Listen, AllowedHosts: s.Server.AllowedHosts, AllowedOrigins: s.Server.AllowedOrigins,
		KeyRate: s.Server.KeyRate, FailedSignIns: s.Auth.FailedSignIns, Limits: s.Limits.Event(), BodyMemory: int64(s.Limits.BodyMemory),
		HappyView: happyview.Options{Instance: s.HappyView.Instance},
		WebDebug:  webdebug.Options{Disabled: !s.WebDebug.Enabled, Redact: s.WebDebug.Redact, ProjectRoot: s.WebDebug.ProjectRoot},
		Catalog:   types, Targets: targets, Logger: s.logger, Version: s.env.version.Version,
	}
}

// checkPlace looks at directory and addresses before a directory is made.
func (s *serving) checkPlace(ctx context.Context) error {
	if err := noFile(s.Store.Data); err != nil {
		return err
	}
	if hasLog(s.Store.Data) == nil {
		return nil // a log that is served already is the better message
	}
	err := server.Probe(ctx, s.Server.Listen)
	if errors.Is(err, server.ErrNotLoopback) {
		return &usageError{err}
	}
	return err
}

func (s *serving) run(log *firn.Log, srv *server.Server) error {
	env := s.env
	if err := srv.Listen(env.ctx); err != nil {
		if errors.Is(err, server.ErrNotLoopback) {
			return &usageError{err}
		}
		return err
	}
	admin, err := listenAdmin(env.ctx, s.Store.Data, log, srv.OwnerHandler())
	if err != nil {
		s.logger.Warn("no administration socket: `firn keys`, `firn backup` and `firn verify` work only while this server is stopped", "error", err)
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
		env.version.Version, escape(shortPath(s.Store.Data)), strings.Join(urls, " and "), access)
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
