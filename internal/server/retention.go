package server

import (
	"context"
	"encoding/json/v2"
	"fmt"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

const typeRetentionChanged = "event_logs.retention_changed"

// noteRetention records that another retention is in force for the instance
// system than was before. A change of the stored setting has recorded itself;
// this is about an override that has come, gone or changed since.
func (s *Server) noteRetention(ctx context.Context) error {
	in, err := s.log.Instance(firn.SystemInstance)
	if err != nil {
		return err
	}
	was, err := s.lastRetention(ctx, in)
	days := s.log.SystemRetention()
	if err != nil || was == days {
		return err
	}
	_, err = s.log.Record(ctx, event.Draft{
		EventType: typeRetentionChanged, Severity: event.Warning, Subject: &in.ID,
		Payload: fmt.Appendf(nil, `{"instance":"system","from":%d,"to":%d}`, was, days),
	})
	return err
}

// lastRetention is what was last recorded as in force. Where nothing was, it is
// what is stored.
func (s *Server) lastRetention(ctx context.Context, in firn.Instance) (int, error) {
	is := func(root query.Root, value string) query.Condition {
		return query.Is(query.Field{Root: root, Name: root.String()}, query.Eq, query.StringValue(value))
	}
	found, err := s.log.Query(ctx, &query.Query{
		Instance: in.ID, Where: query.And{is(query.EventType, typeRetentionChanged), is(query.Subject, in.ID)},
		OrderBy: []query.Order{{Field: query.Field{Root: query.Position, Name: "position"}, Desc: true}},
		Limit:   1, NoTotal: true, Now: s.opts.Now(),
	})
	if err != nil || len(found.Events) == 0 {
		return in.RetentionDays, err
	}
	var change struct {
		To int `json:"to"`
	}
	err = json.Unmarshal(found.Events[0].Payload, &change)
	return change.To, err
}
