package firn_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"encoding/json/jsontext"

	"github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// open makes a log in a new directory.
func open() (l *firn.Log, remove func()) {
	dir, err := os.MkdirTemp("", "firn")
	if err != nil {
		log.Fatal(err)
	}
	l, err = firn.Open(dir, firn.Options{})
	if err != nil {
		log.Fatal(err)
	}
	return l, func() {
		if err := errors.Join(l.Close(), os.RemoveAll(dir)); err != nil {
			log.Fatal(err)
		}
	}
}

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "firn")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := firn.Open(dir, firn.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	// When Append returns, the event is on disk.
	_, err = l.Append(ctx, firn.AppendRequest{
		Instance: "shop", AutoCreate: true,
		Events: []event.Draft{{StreamID: "order-17", EventType: "order.placed", Payload: jsontext.Value(`{"total": 42.50}`)}},
	})
	if err != nil {
		log.Fatal(err)
	}

	q, err := query.Parse([]byte(`{"from": {"instance": "shop", "stream": "order-17"}}`), time.Now())
	if err != nil {
		log.Fatal(err)
	}
	r, err := l.Query(ctx, q)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range r.Events {
		fmt.Println(e.SequenceNumber, e.EventType, e.Payload)
	}
	// Output: 1 order.placed {"total":42.50}
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "firn")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := firn.Open(dir, firn.Options{
		Report: func(r firn.Report) { log.Println(r.Severity, r.Message) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	_, err = firn.Open(dir, firn.Options{})
	fmt.Println("again:", errors.Is(err, firn.ErrLocked))
	// Output: again: true
}

// An event with an ID can be sent again after an error or a lost connection: it
// is stored once.
func ExampleLog_Append() {
	ctx := context.Background()
	l, remove := open()
	defer remove()
	batch := firn.AppendRequest{
		Instance: "shop", AutoCreate: true,
		Events: []event.Draft{{ID: "order-17-placed", StreamID: "order-17", EventType: "order.placed"}},
	}
	for range 2 {
		receipts, err := l.Append(ctx, batch)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("number", receipts[0].SequenceNumber, "duplicate", receipts[0].Duplicate)
	}
	// Output:
	// number 1 duplicate false
	// number 1 duplicate true
}

// ExpectedSequence makes an append conditional: of several writers who have all
// read up to the same number, one succeeds.
func ExampleLog_Append_expectedSequence() {
	ctx := context.Background()
	l, remove := open()
	defer remove()
	for range 2 {
		_, err := l.Append(ctx, firn.AppendRequest{
			Instance: "shop", AutoCreate: true, ExpectedSequence: new(int64(0)),
			Events: []event.Draft{{StreamID: "order-17", EventType: "order.placed"}},
		})
		if behind, ok := errors.AsType[*firn.SequenceError](err); ok {
			fmt.Println("somebody was first: the stream is at", behind.Actual)
		} else if err != nil {
			log.Fatal(err)
		}
	}
	// Output: somebody was first: the stream is at 1
}

func ExampleLog_Query() {
	ctx := context.Background()
	l, remove := open()
	defer remove()
	var events []event.Draft
	for _, user := range []string{"ada", "bob", "ada"} {
		events = append(events, event.Draft{StreamID: user, EventType: "user.login", Actor: &user})
	}
	if _, err := l.Append(ctx, firn.AppendRequest{Instance: "web", AutoCreate: true, Events: events}); err != nil {
		log.Fatal(err)
	}
	q, err := query.Parse([]byte(`{
		"from": {"instance": "web"},
		"where": [{"field": "category", "operator": "eq", "value": "user"}],
		"reduce": {"type": "count", "groupBy": ["actor"]}
	}`), time.Now())
	if err != nil {
		log.Fatal(err)
	}
	r, err := l.Query(ctx, q)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Aggregation)
	// Output: [{"group":{"actor":"ada"},"value":2},{"group":{"actor":"bob"},"value":1}]
}

// A subscription delivers what is stored, then what arrives.
func ExampleLog_Subscribe() {
	ctx := context.Background()
	l, remove := open()
	defer remove()
	say := func(text string) {
		_, err := l.Append(ctx, firn.AppendRequest{
			Instance: "chat", AutoCreate: true,
			Events: []event.Draft{{EventType: "message.sent", Subject: &text}},
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	say("hello")
	s, err := l.Subscribe(ctx, firn.SubscribeRequest{Instance: "chat"})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	go say("world")
	for n := 0; n < 2; {
		d, err := s.Next(ctx, 100)
		if err != nil {
			log.Fatal(err)
		}
		for _, e := range d.Events {
			fmt.Println(e.Position, *e.Subject)
		}
		n += len(d.Events)
	}
	// Output:
	// 1 hello
	// 2 world
}
