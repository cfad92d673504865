package client_test

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/catalog"
	"github.com/firnlog/firn/internal/server"
)

func TestCatalogAndWarnings(t *testing.T) {
	types, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	log, err := firn.Open(t.TempDir(), firn.Options{Catalog: types})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	web := httptest.NewServer(server.New(log, server.Options{Catalog: types, Logger: slog.New(slog.DiscardHandler)}).Handler())
	defer web.Close()
	c, err := client.New(web.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := t.Context()
	stored, err := c.PutEventType(ctx, "a/b c", []byte(`{"description":"Mine.","schema":{"required":["n"]}}`))
	if err != nil || stored.Type != "a/b c" || stored.Origin != "put" {
		t.Fatalf("%+v, %v", stored, err)
	}
	if found, err := c.EventType(ctx, "a/b c"); err != nil || !cmp.Equal(found, stored) {
		t.Errorf("%+v, %v", found, err)
	}
	if all, err := c.Catalog(ctx); err != nil || len(all) < 50 {
		t.Errorf("%d types, %v", len(all), err)
	}
	var told []client.FieldError
	opts := client.AppendOptions{AutoCreate: true, Warn: func(w []client.FieldError) { told = w }}
	receipts, err := c.Append(ctx, "shop", []event.Draft{{EventType: "x"}, {EventType: "a/b c"}}, opts)
	if diff := cmp.Diff([]client.FieldError{{Field: "events[1].payload.n", Message: "is missing"}}, told); err != nil || len(receipts) != 2 || diff != "" {
		t.Errorf("%+v, %v\n%s", receipts, err, diff)
	}
	err = c.AppendNDJSON(ctx, "shop", strings.NewReader("\n{\"type\":\"a/b c\"}\n"), client.AppendOptions{}, func(k client.Chunk) error {
		told = k.Warnings
		return nil
	})
	if diff := cmp.Diff([]client.FieldError{{Field: "payload.n", Line: 2, Message: "is missing"}}, told); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if err := c.DeleteEventType(ctx, "a/b c"); err != nil {
		t.Error(err)
	}
	gone := c.DeleteEventType(ctx, "a/b c")
	if a, ok := errors.AsType[*client.Error](gone); !ok || a.Code != "not_found" {
		t.Errorf("%v", gone)
	}
}
