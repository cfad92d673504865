package app

import (
	"context"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/catalog"
	"github.com/firnlog/firn/internal/server"
	"github.com/firnlog/firn/internal/spelling"
	"github.com/firnlog/firn/target"
)

// session is a log to speak to, near or far: a server's, or that of a
// directory, which this process then serves to itself.
type session struct {
	client *client.Client
	where  string // for people
	local  bool
	env    *environment
	finish func() error
}

// What commands handle.
type (
	instance = client.Instance
	receipt  = client.Receipt
	stream   = client.Stream
)

// address is the server to speak to.
func (c *connection) address(env *environment) string {
	for _, a := range []string{c.Server, env.getenv("FIRN_SERVER")} {
		if a != "" {
			return a
		}
	}
	return defaultServer
}

func (c *connection) key(env *environment) string {
	if c.Key != "" {
		return c.Key
	}
	return env.getenv("FIRN_API_KEY")
}

// open finds the log that the flags name.
func (c *connection) open(env *environment) (*session, error) {
	if c.Data != "" && c.Server != "" {
		return nil, usagef("give --server or --data, not both")
	}
	if c.Data != "" {
		return openDirectory(env, c.Data)
	}
	return c.connect(env)
}

func (c *connection) connect(env *environment) (*session, error) {
	address := c.address(env)
	cl, err := client.New(address, client.Options{Key: c.key(env), UserAgent: "firn/" + env.version.Version})
	if err != nil {
		return nil, usagef("server %q is no address; it looks like %s", address, defaultServer)
	}
	if err := knock(env.ctx, address); err != nil {
		return nil, noServer(address, err)
	}
	return &session{client: cl, where: address, env: env, finish: func() error { cl.Close(); return nil }}, nil
}

// knock tells at once whether anybody is there: the client would try for a
// while.
func knock(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), map[bool]string{true: "443", false: "80"}[u.Scheme == "https"])
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	return conn.Close()
}

func noServer(address string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return hint(fmt.Errorf("no server answers at %s: %w", address, lastCause(err)),
		"Start one with `firn serve`, name another with --server URL or FIRN_SERVER,\nor work on a directory that is not being served with --data DIR.")
}

// lastCause is what the operating system said.
func lastCause(err error) error {
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// openDirectory opens a log and serves it inside the process.
func openDirectory(env *environment, dir string) (*session, error) {
	if err := hasLog(dir); err != nil {
		return nil, err
	}
	logger := slog.New(slog.NewTextHandler(env.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	types, err := catalog.Load()
	if err != nil {
		return nil, err
	}
	log, err := firn.Open(dir, firn.Options{Report: report(logger), Catalog: types})
	if err != nil {
		return nil, explainOpen(dir, err)
	}
	targets, err := target.Offline(log, target.Options{Dir: filepath.Join(dir, targetsDir), Logger: logger})
	if err != nil {
		logger.Warn("the state of a target cannot be read", "error", err) // it is needed for nothing but itself
	}
	l := newPipeListener()
	srv := server.New(log, server.Options{Logger: logger, Catalog: types, Targets: targets, Version: env.version.Version})
	hs := &http.Server{Handler: srv.OwnerHandler(), ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = hs.Serve(l) // ends when it is closed
	}()
	cl, err := client.New("http://localhost", client.Options{HTTP: &http.Client{Transport: transport(l.dial)}})
	if err != nil {
		return nil, errors.Join(err, hs.Close(), log.Close())
	}
	return &session{client: cl, where: shortPath(dir), local: true, env: env, finish: func() error {
		cl.Close()
		err := hs.Close()
		<-served
		return errors.Join(err, log.Close())
	}}, nil
}

// close ends the session. A log of our own is closed in good order; a fault in
// that is told but changes nothing: every acknowledged event is on disk.
func (s *session) close() {
	if err := s.finish(); err != nil {
		s.env.say(fmt.Sprintf("firn: close %s: %v", s.where, err))
	}
}

// explain turns an error into one that says what to do, for a person.
func (s *session) explain(err error, instance string) error {
	var answered *client.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answered):
		return s.meant(explainAnswer(answered, instance), answered, instance)
	case errors.Is(err, context.Canceled), errors.Is(err, errSilent):
		return err
	}
	var transport *url.Error
	if errors.As(err, &transport) && !s.local {
		return noServer(s.where, transport.Err)
	}
	return err
}

// meant adds the instance that a name that is not there may stand for.
func (s *session) meant(err error, a *client.Error, name string) error {
	var f *failure
	if a.Status != http.StatusNotFound || name == "" || !errors.As(err, &f) {
		return err
	}
	all, listErr := s.client.Instances(s.env.ctx)
	if listErr != nil {
		return err // it is only for a better hint
	}
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	if near, ok := spelling.Nearest(name, names); ok {
		return hint(f.err, "Did you mean %s? %s", shellWord(near), f.hint)
	}
	return err
}

func explainAnswer(a *client.Error, instance string) error {
	text := a.Detail
	if text == "" {
		text = a.Title
	}
	if text == "" {
		text = "the server answers " + http.StatusText(a.Status) + ", and not as a Firn server does"
	}
	for _, f := range a.Fields {
		if line := strings.TrimPrefix(f.Field+": "+f.Message, ": "); !strings.Contains(text, f.Message) || a.Code == "invalid_payload" && !strings.Contains(text, line) {
			text += "\n  " + line
		}
	}
	plain := errors.New(text)
	switch {
	case a.Status == http.StatusNotFound && instance == "":
		return hint(plain, "`firn instances` lists those there are.")
	case a.Status == http.StatusNotFound:
		return hint(plain, "`firn instances` lists those there are; make one with: firn instances create %s", shellWord(instance))
	case a.Status == http.StatusUnauthorized:
		return hint(plain, "Give a key with FIRN_API_KEY or --api-key.")
	case a.Code == "sequence_conflict":
		return hint(plain, "Nothing was stored. Read what came in between, decide again, and give the number as it is now.")
	case a.Code == "internal":
		return hint(errors.New("something broke in the server"), "Its own report says what, under request %s.", a.RequestID)
	}
	return plain
}

// shellWord is text as it can be pasted into a shell.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == "" {
		return s
	}
	return shellQuote(s)
}

func isIDConflict(err error) bool {
	var a *client.Error
	return errors.As(err, &a) && a.Code == "id_conflict"
}

// eventIndex is the event of a batch that an error is about, -1 if it is about
// none.
func eventIndex(err error) int {
	var bad *event.InvalidError
	if errors.As(err, &bad) {
		return bad.Index
	}
	var a *client.Error
	if errors.As(err, &a) {
		for _, f := range a.Fields {
			var n int
			if _, err := fmt.Sscanf(f.Field, "events[%d]", &n); err == nil {
				return n
			}
		}
	}
	return -1
}

// batch is what append stores.
type batch struct {
	instance string
	events   []event.Draft
	expected *int64
	create   bool
	bytes    int                       // about
	warn     func([]client.FieldError) // see client.AppendOptions
}

func (s *session) append(ctx context.Context, b batch) ([]receipt, error) {
	return s.client.Append(ctx, b.instance, b.events, client.AppendOptions{ExpectedSequence: b.expected, AutoCreate: b.create, Warn: b.warn})
}

// answer is the answer of a query, in the form it came in.
type answer struct {
	raw         jsontext.Value // all of it
	events      []event.Event
	selected    []jsontext.Value
	aggregation jsontext.Value
	total       *int64
	cursor      string
	elapsed     time.Duration
	bytesRead   int64
}

func (s *session) query(ctx context.Context, dsl jsontext.Value) (*answer, error) {
	r, err := s.client.QueryJSON(ctx, dsl)
	if err != nil {
		return nil, err
	}
	a := &answer{
		aggregation: r.Aggregation, total: r.Total, cursor: r.NextCursor, bytesRead: r.Stats.BytesRead,
		elapsed: time.Duration(r.Stats.ElapsedMillis * float64(time.Millisecond)),
	}
	a.raw = resultJSON(r)
	if r.Aggregation != nil {
		return a, nil
	}
	if a.events, err = r.Decode(); err != nil || len(r.Events) > 0 && a.events[0].ID == "" {
		a.events, a.selected = nil, r.Events // a select: objects of any shape
	}
	return a, nil
}

// resultJSON is a result as the server wrote it.
func resultJSON(r *client.Result) jsontext.Value {
	o := object{}
	if r.Aggregation != nil {
		o.put("aggregation", r.Aggregation)
	} else {
		o.put("events", jsonList(r.Events))
	}
	if r.Total != nil {
		o.put("total", number(*r.Total))
	}
	if r.Aggregation == nil {
		o.put("limit", number(int64(r.Limit)))
		o.put("offset", number(int64(r.Offset)))
	}
	if r.NextCursor != "" {
		o.put("next_cursor", quote(r.NextCursor))
	}
	st := object{}
	st.put("rows_scanned", number(r.Stats.RowsScanned))
	st.put("segments_scanned", number(int64(r.Stats.SegmentsScanned)))
	st.put("segments_skipped", number(int64(r.Stats.SegmentsSkipped)))
	st.put("bytes_read", number(r.Stats.BytesRead))
	st.put("elapsed_ms", jsontext.Value(fmt.Sprintf("%.3f", r.Stats.ElapsedMillis)))
	o.put("stats", st.close())
	return o.close()
}

// latest returns the last n matches in append order, and the position up to
// which the log was read for them.
func (s *session) latest(ctx context.Context, instance string, where jsontext.Value, n int) ([]event.Event, int64, error) {
	st, err := s.client.InstanceStats(ctx, instance)
	if err != nil || n <= 0 {
		return nil, st.LastPosition, err
	}
	upTo := jsontext.Value(fmt.Sprintf(`{"field":"position","operator":"lte","value":%d}`, st.LastPosition))
	var last []event.Event
	for e, err := range s.client.Events(ctx, instance, client.Filter{Where: both(where, upTo)}, client.ListOptions{Latest: true, PageSize: min(n, 1000)}) {
		if err != nil {
			return nil, 0, err
		}
		if last = append(last, e); len(last) == n {
			break
		}
	}
	slices.Reverse(last)
	return last, st.LastPosition, nil
}

// both is a list of conditions with one more.
func both(where, more jsontext.Value) jsontext.Value {
	if where == nil {
		return more
	}
	return jsonList([]jsontext.Value{jsontext.Value(`{"and":` + string(where) + `}`), more})
}

// pages calls show with everything behind a position that is there now.
func (s *session) pages(ctx context.Context, instance string, where jsontext.Value, after int64, show func([]event.Event) error) error {
	from := jsontext.Value(fmt.Sprintf(`{"field":"position","operator":"gt","value":%d}`, after))
	for e, err := range s.client.Events(ctx, instance, client.Filter{Where: both(where, from)}, client.ListOptions{}) {
		if err != nil {
			return err
		}
		if err := show([]event.Event{e}); err != nil {
			return err
		}
	}
	return nil
}

// follow calls show with everything behind a position, and with what arrives.
func (s *session) follow(ctx context.Context, instance string, where jsontext.Value, after int64, show func([]event.Event) error, gap func(first, last int64)) error {
	for m, err := range s.client.Tail(ctx, instance, client.Filter{Where: where}, client.TailOptions{After: after, Lost: s.lost, Back: s.back}) {
		switch {
		case err != nil:
			return err
		case m.Gap != nil:
			gap(m.Gap.First, m.Gap.Last)
		case m.Event != nil:
			if err := show([]event.Event{*m.Event}); err != nil {
				return err
			}
		}
	}
	return nil
}

// lost and back tell whoever watches that nothing can be seen for a while.
func (s *session) lost(err error) {
	s.env.say(fmt.Sprintf("firn: lost the connection to %s (%v); trying again until it is back", s.where, lastCause(err)))
}

func (s *session) back() { s.env.say("firn: connected to " + s.where + " again; no event was missed") }

func (s *session) export(ctx context.Context, instance, format string, where jsontext.Value, w io.Writer) error {
	body, err := s.client.Export(ctx, instance, client.Format(format), client.Filter{Where: where})
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.Copy(w, body); err != nil {
		return fmt.Errorf("the export was cut off: %w", err)
	}
	return nil
}

func (s *session) purge(ctx context.Context, instance string, where jsontext.Value, dryRun bool) (int64, error) {
	return s.client.Purge(ctx, instance, client.Filter{Where: where}, dryRun)
}
