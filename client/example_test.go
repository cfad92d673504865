package client_test

import (
	"context"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/server"
)

// exampleServer stands for `firn serve`.
func exampleServer() (url string, stop func()) {
	dir, err := os.MkdirTemp("", "firn-example")
	if err != nil {
		panic(err)
	}
	log, err := firn.Open(dir, firn.Options{})
	if err != nil {
		panic(err)
	}
	web := httptest.NewServer(server.New(log, server.Options{Logger: slog.New(slog.DiscardHandler)}).Handler())
	return web.URL, func() {
		web.CloseClientConnections()
		web.Close()
		_ = errors.Join(log.Close(), os.RemoveAll(dir))
	}
}

func Example() {
	url, stop := exampleServer() // in your program: http://127.0.0.1:7070
	defer stop()
	ctx := context.Background()

	c, err := client.New(url, client.Options{})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	receipts, err := c.Append(ctx, "shop", []event.Draft{
		{EventType: "order.placed", StreamID: "order-1", Payload: jsontext.Value(`{"total": 49.90}`)},
		{EventType: "order.paid", StreamID: "order-1"},
	}, client.AppendOptions{AutoCreate: true})
	if err != nil {
		panic(err)
	}
	for _, r := range receipts {
		fmt.Println(r.StreamID, r.SequenceNumber)
	}

	for e, err := range c.Events(ctx, "shop", client.Filter{Types: []string{"order.placed"}}, client.ListOptions{}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(e.EventType, string(e.Payload))
	}
	// Output:
	// order-1 1
	// order-1 2
	// order.placed {"total":49.90}
}

// A stream that somebody else has appended to meanwhile refuses the append, and
// says where it is.
func ExampleClient_Append_conflict() {
	url, stop := exampleServer()
	defer stop()
	ctx := context.Background()
	c, _ := client.New(url, client.Options{})
	defer c.Close()

	order := []event.Draft{{EventType: "order.placed"}}
	if _, err := c.Append(ctx, "shop", order, client.AppendOptions{AutoCreate: true}); err != nil {
		panic(err)
	}
	_, err := c.Append(ctx, "shop", order, client.AppendOptions{ExpectedSequence: new(int64(0))})
	var refused *client.Error
	if errors.As(err, &refused) && refused.Code == "sequence_conflict" {
		fmt.Println("the stream is at", *refused.Actual)
	}
	// Output: the stream is at 1
}

// A tail delivers what is stored and then what arrives, through lost
// connections and restarts, until its context ends.
func ExampleClient_Tail() {
	url, stop := exampleServer()
	defer stop()
	ctx := context.Background()
	c, _ := client.New(url, client.Options{})
	defer c.Close()

	if _, err := c.Append(ctx, "shop", []event.Draft{{EventType: "a"}, {EventType: "b"}}, client.AppendOptions{AutoCreate: true}); err != nil {
		panic(err)
	}
	for m, err := range c.Tail(ctx, "shop", client.Filter{}, client.TailOptions{After: 0}) {
		if err != nil {
			panic(err)
		}
		if m.Gap != nil {
			continue // positions that retention removed
		}
		fmt.Println(m.Position, m.Event.EventType) // keep m.Position to go on after a restart
		if m.Position == 2 {
			break
		}
	}
	// Output:
	// 1 a
	// 2 b
}

func ExampleClient_Query() {
	url, stop := exampleServer()
	defer stop()
	ctx := context.Background()
	c, _ := client.New(url, client.Options{})
	defer c.Close()

	if _, err := c.Append(ctx, "shop", []event.Draft{{EventType: "a"}, {EventType: "b"}, {EventType: "a"}}, client.AppendOptions{AutoCreate: true}); err != nil {
		panic(err)
	}
	result, err := c.Query(ctx, client.Query{
		From: client.From{Instance: "shop"}, GroupBy: []string{"event_type"}, Reduce: []client.Reduce{{As: "n", Type: "count"}},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(result.Aggregation))
	// Output: [{"group":{"event_type":"a"},"values":{"n":2}},{"group":{"event_type":"b"},"values":{"n":1}}]
}
