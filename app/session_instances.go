package app

import (
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/event"
)

func (s *session) createInstance(ctx context.Context, name string, set settings) (instance, error) {
	made := client.NewInstance{Name: name}
	if set.Description != nil {
		made.Description = *set.Description
	}
	if set.RetentionDays != nil {
		made.RetentionDays = *set.RetentionDays
	}
	if set.Validation != nil {
		made.Validation = *set.Validation
	}
	return s.client.CreateInstance(ctx, made)
}

func (s *session) updateInstance(ctx context.Context, idOrName string, name *string, set settings) (instance, error) {
	return s.client.UpdateInstance(ctx, idOrName, client.InstanceUpdate{
		Name: name, Description: set.Description, RetentionDays: set.RetentionDays, Validation: set.Validation,
	})
}

// noInstance is the error of an instance that is not there, as the log says
// it.
func (s *session) noInstance(ctx context.Context, name string) error {
	_, err := s.client.Instance(ctx, name)
	return s.explain(err, name)
}

// stats are what an instance holds.
type stats struct {
	Events, Streams, BytesOnDisk, FirstPosition, LastPosition int64
	First, Last                                               time.Time
	ByType                                                    map[string]int64
	BySeverity                                                map[event.Severity]int64
}

func (s *session) stats(ctx context.Context, instance string) (stats, error) {
	in, err := s.client.InstanceStats(ctx, instance)
	if err != nil {
		return stats{}, err
	}
	st := stats{
		Events: in.Events, Streams: in.Streams, BytesOnDisk: in.BytesOnDisk,
		FirstPosition: in.FirstPosition, LastPosition: in.LastPosition, ByType: in.ByType,
		BySeverity: map[event.Severity]int64{},
	}
	if in.FirstTimestamp != nil && in.LastTimestamp != nil {
		st.First, st.Last = *in.FirstTimestamp, *in.LastTimestamp
	}
	for name, n := range in.BySeverity {
		if severity, ok := event.ParseSeverity(name); ok {
			st.BySeverity[severity] = n
		}
	}
	return st, nil
}

// streams lists at most limit streams (0 = all) and says whether there are
// more.
func (s *session) streams(ctx context.Context, instance, prefix string, limit int) (all []stream, more bool, err error) {
	const page = 1000
	cursor := ""
	for {
		size := page
		if limit > 0 {
			size = min(page, limit-len(all))
		}
		some, next, err := s.client.Streams(ctx, instance, prefix, cursor, size)
		if err != nil {
			return nil, false, err
		}
		all = append(all, some...)
		if next == "" || limit > 0 && len(all) >= limit {
			return all, next != "", nil
		}
		cursor = next
	}
}

// protected begin the types of the events of the instance system that are kept
// for its ProtectedDays at least.
var protected = []string{"api_key.", "auth.", "event_logs.", "retention."}

// countExpired counts the events that the retention of an instance removes at a
// time.
func (s *session) countExpired(ctx context.Context, in instance, at time.Time) (int64, error) {
	before := func(days int) jsontext.Value {
		return compare("recorded_at", "lt", quote(jsonTime(at.Add(-time.Duration(days)*24*time.Hour))))
	}
	where := []jsontext.Value{before(in.RetentionDays)}
	if in.ProtectedDays > in.RetentionDays {
		for _, category := range protected {
			not := object{}
			not.put("not", compare("event_type", "starts_with", quote(category)))
			or := object{}
			or.put("or", jsonList([]jsontext.Value{not.close(), before(in.ProtectedDays)}))
			where = append(where, or.close())
		}
	}
	q := object{}
	from := object{}
	from.put("instance", quote(in.ID))
	q.put("from", from.close())
	q.put("where", jsonList(where))
	q.put("limit", number(0))
	a, err := s.query(ctx, q.close())
	if err != nil {
		return 0, err
	}
	if a.total == nil {
		return 0, errors.New("the server's answer has no total")
	}
	return *a.total, nil
}

// about is what a server says of itself.
type about struct {
	version string
	ready   error         // why it is not ready, nil if it is
	clock   time.Duration // its clock minus ours
}

// askVersion asks a server what it is.
func askVersion(ctx context.Context, env *environment, c connection) (about, error) {
	var a about
	address := strings.TrimSuffix(c.address(env), "/")
	text, header, err := get(ctx, env, c, address+"/version")
	if err != nil {
		return a, err
	}
	var v struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return a, errors.New("its /version is not what a Firn server answers")
	}
	a.version = v.Version
	if at, err := http.ParseTime(header.Get("Date")); err == nil {
		a.clock = time.Until(at.Add(500 * time.Millisecond))
	}
	if _, _, err := get(ctx, env, c, address+"/readyz"); err != nil {
		a.ready = err
	}
	return a, nil
}

func get(ctx context.Context, env *environment, c connection, address string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	if key := c.key(env); key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	one := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := one.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("it answers %s", resp.Status)
	}
	return text, resp.Header, nil
}
