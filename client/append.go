package client

import (
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
	"uuid"

	"github.com/firnlog/firn/event"
)

// AppendOptions says how to append. The zero value is the default.
type AppendOptions struct {
	// Stream is the stream of events that name none.
	Stream string
	// ExpectedSequence, if not nil, is the last number that the stream must
	// have, 0 = it never had an event.
	ExpectedSequence *int64
	// AutoCreate makes the instance if there is none of that name.
	AutoCreate bool
	// Warn, if not nil, is called by Append at most once, before it returns: when
	// the batch is stored although payloads are not what the schemas of their
	// event types say. Of AppendNDJSON, Chunk.Warnings tells.
	Warn func([]FieldError)
}

// Receipt says where an event is stored.
type Receipt struct {
	ID             string
	StreamID       string
	SequenceNumber int64
	Position       int64
	Timestamp      time.Time
	// Duplicate says that the instance held the event already.
	Duplicate bool
}

func (o *AppendOptions) values() url.Values {
	v := url.Values{}
	if o.Stream != "" {
		v.Set("stream", o.Stream)
	}
	if o.ExpectedSequence != nil {
		v.Set("expected_sequence", strconv.FormatInt(*o.ExpectedSequence, 10))
	}
	if o.AutoCreate {
		v.Set("auto_create", "true")
	}
	return v
}

var buffers = sync.Pool{New: func() any { return new(make([]byte, 0, 64<<10)) }}

// keptBuffer is the largest buffer that is kept for the next call.
const keptBuffer = 8 << 20

// Append stores a batch, all of it or nothing, in the order given. When it
// returns without error every event is on disk. Where an outcome is unknown it
// sends the batch again with the same ids; an error of another kind than *Error
// means that it is unknown still. Drafts without an id get one when the client
// may send more than once (Options.Attempts); the drafts themselves are not
// changed.
func (c *Client) Append(ctx context.Context, instance string, drafts []event.Draft, opts AppendOptions) ([]Receipt, error) {
	if len(drafts) == 0 {
		return nil, nil
	}
	pooled := buffers.Get().(*[]byte)
	body, err := encodeDrafts((*pooled)[:0], drafts, c.opts.Attempts > 1)
	if err != nil {
		return nil, err
	}
	text, err := c.ask(ctx, call{method: http.MethodPost, path: []string{"v1", "instances", instance, "events"},
		query: opts.values(), body: body, kind: "application/json", repeatable: identified(drafts, c.opts.Attempts)})
	if err != nil {
		// The transport may be reading the body still: it is not used again.
		return nil, err
	}
	if cap(body) <= keptBuffer {
		*pooled = body
		buffers.Put(pooled)
	}
	receipts, warnings, err := decodeAppended(text, len(drafts))
	if err == nil && len(warnings) > 0 && opts.Warn != nil {
		opts.Warn(warnings)
	}
	return receipts, err
}

func identified(drafts []event.Draft, attempts int) bool {
	if attempts > 1 {
		return true
	}
	for i := range drafts {
		if drafts[i].ID == "" {
			return false
		}
	}
	return true
}

func encodeDrafts(body []byte, drafts []event.Draft, ids bool) ([]byte, error) {
	body = append(body, '[')
	for i := range drafts {
		if i > 0 {
			body = append(body, ',')
		}
		d := drafts[i]
		if err := d.Check(event.Limits{}); err != nil {
			var bad *event.InvalidError
			if errors.As(err, &bad) {
				bad.Index = i
			}
			return nil, err
		}
		if ids && d.ID == "" {
			d.ID = uuid.NewV7().String()
		}
		body = d.AppendJSON(body)
	}
	return append(body, ']'), nil
}

var errAnswer = errors.New("the server's answer is not what a Firn server answers")

// decodeAppended reads {"events":[{…},…],"warnings"?:[…]}, the events without
// reflection.
func decodeAppended(text []byte, n int) ([]Receipt, []FieldError, error) {
	value := jsontext.Value(text)
	if err := value.Compact(); err != nil || value.Kind() != '{' {
		return nil, nil, fmt.Errorf("append: %w", errAnswer)
	}
	list, ok := event.Member(value, "events")
	if !ok || event.KindOf(list) != '[' {
		return nil, nil, fmt.Errorf("append: %w", errAnswer)
	}
	receipts, err := decodeReceipts(list, n)
	if err != nil {
		return nil, nil, err
	}
	var warnings []FieldError
	if told, ok := event.Member(value, "warnings"); ok {
		if err := json.Unmarshal(told, &warnings); err != nil {
			return nil, nil, fmt.Errorf("append: %w: %w", errAnswer, err)
		}
	}
	return receipts, warnings, nil
}

func decodeReceipts(list jsontext.Value, n int) ([]Receipt, error) {
	receipts := make([]Receipt, 0, n)
	for items := event.WalkElements(list); items.Next(); {
		var r Receipt
		if err := r.decode(items.Value); err != nil {
			return nil, err
		}
		receipts = append(receipts, r)
	}
	if len(receipts) != n {
		return nil, fmt.Errorf("append: %d receipts for %d events: %w", len(receipts), n, errAnswer)
	}
	return receipts, nil
}

func (r *Receipt) decode(object []byte) error {
	if event.KindOf(object) != '{' {
		return fmt.Errorf("append: %w", errAnswer)
	}
	var err error
	for members := event.WalkMembers(object); members.Next() && err == nil; {
		value := members.Value
		switch string(members.Key) {
		case `"id"`:
			r.ID = event.Unquoted(value)
		case `"stream_id"`:
			r.StreamID = event.Unquoted(value)
		case `"sequence_number"`:
			r.SequenceNumber, err = strconv.ParseInt(string(value), 10, 64)
		case `"position"`:
			r.Position, err = strconv.ParseInt(string(value), 10, 64)
		case `"timestamp"`:
			r.Timestamp, err = parseTime(event.Unquoted(value))
		case `"duplicate"`:
			r.Duplicate = string(value) == "true"
		}
	}
	if err != nil {
		return fmt.Errorf("append: %w: %w", errAnswer, err)
	}
	return nil
}

func parseTime(text string) (time.Time, error) {
	micros, err := event.ParseTime(text)
	if err != nil {
		return time.Time{}, err
	}
	return time.UnixMicro(micros).UTC(), nil
}
