package config

import (
	"fmt"
	"math"
	"net"
	"slices"
	"strings"

	"github.com/firnlog/firn/internal/origin"
	"github.com/firnlog/firn/internal/spelling"
)

// check holds values that were read against what makes sense.
func (l *loader) check() {
	c := l.config
	for i, address := range c.Server.Listen {
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			l.wrong(fmt.Sprintf("server.listen[%d]", i), "must be HOST:PORT, such as localhost:7070 or 127.0.0.1:7070; not %q", shown(address))
		}
	}
	if len(c.Server.Listen) == 0 {
		l.wrong("server.listen", "is empty; name an address, such as localhost:7070")
	}
	for i, host := range c.Server.AllowedHosts {
		if host == "" || strings.ContainsAny(host, "/ *") {
			l.wrong(fmt.Sprintf("server.allowed_hosts[%d]", i), "must be a name such as events.example, or with a port; not %q", shown(host))
		}
	}
	for i, site := range c.Server.AllowedOrigins {
		if fault := origin.Check(site); fault != "" {
			l.wrong(fmt.Sprintf("server.allowed_origins[%d]", i), "%s; not %q", fault, shown(site))
		}
	}
	if !(c.Server.KeyRate >= 0) || math.IsInf(c.Server.KeyRate, 0) {
		l.wrong("server.key_rate", "must be requests a second, 0 for any number")
	}
	l.checkStore()
	if days := c.Retention.SystemDays; days != nil && (*days < 0 || *days > maxDays) {
		l.wrong("retention.system_days", "is %d; it must be a whole number of days, 0 to %d (0 keeps events for ever)", *days, maxDays)
	}
	if days := c.Retention.ProtectedDays; days < protectedDays || days > maxDays {
		l.wrong("retention.protected_days", "is %d; it must be %d to %d: what tells of keys, purges and retention is kept for a year at least", days, protectedDays, maxDays)
	}
	if c.Auth.FailedSignIns < 1 {
		l.wrong("auth.failed_sign_ins", "must be 1 or more a minute")
	}
	if c.HappyView.Instance == "" {
		l.wrong("happyview.instance", "must be the id or the name of an instance")
	}
	levels := []string{"debug", "info", "warn", "error"}
	if !slices.Contains(levels, c.Log.Level) {
		l.wrong("log.level", "must be debug, info, warn or error; not %q", shown(c.Log.Level))
	}
	l.checkDatabase()
}

func (l *loader) checkStore() {
	c := l.config
	if c.Store.Data == "" {
		l.wrong("store.data", "must be a directory")
	}
	for _, s := range []struct {
		path  string
		value int64
	}{
		{"store.seal_age", int64(c.Store.SealAge)}, {"store.seal_rows", int64(c.Store.SealRows)},
		{"limits.event_bytes", int64(c.Limits.EventBytes)}, {"limits.batch_bytes", int64(c.Limits.BatchBytes)},
		{"limits.batch_events", int64(c.Limits.BatchEvents)}, {"limits.query_timeout", int64(c.Limits.QueryTimeout)},
		{"limits.query_memory", int64(c.Limits.QueryMemory)}, {"limits.body_memory", int64(c.Limits.BodyMemory)},
	} {
		if s.value <= 0 {
			l.wrong(s.path, "must be more than 0")
		}
	}
	if c.Limits.EventBytes > c.Limits.BatchBytes {
		path := "limits.event_bytes"
		if _, set := l.sources[path]; !set {
			path = "limits.batch_bytes"
		}
		l.wrong(path, "one event may have more (%s) than a whole batch (%s)", c.Limits.EventBytes, c.Limits.BatchBytes)
	}
	const most = 1 << 30
	if c.Limits.BatchBytes > most {
		l.wrong("limits.batch_bytes", "is %s; 1 GiB is the most", c.Limits.BatchBytes)
	}
}

// checkDatabase checks the type of the documents' database.
func (l *loader) checkDatabase() {
	name := l.config.Database.Type
	if name == "" {
		return
	}
	known := []string{"mysql", "postgres", "postgresql", "sqlite"}
	if slices.Contains(known, name) {
		return
	}
	if near, ok := spelling.Nearest(name, known); ok {
		l.wrong("database.type", "must be mysql, postgres or sqlite; did you mean %s?", near)
		return
	}
	l.wrong("database.type", "must be mysql, postgres or sqlite; not %q", shown(name))
}

// wrong notes a value that was set and makes no sense. Of a value that could not
// be read it says nothing: that has been told.
func (l *loader) wrong(path, format string, args ...any) {
	source, ok := l.sources[path]
	if !ok {
		list, _, _ := strings.Cut(path, "[")
		if source, ok = l.sources[list]; !ok {
			return
		}
	}
	l.fault(source, path, format, args...)
}
