package server

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/catalog"
	"github.com/firnlog/firn/internal/logtest"
)

// openTyped opens a log with the built-in catalog.
func openTyped(t *testing.T, dir string) (*firn.Log, *catalog.Catalog) {
	t.Helper()
	types, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	log, err := firn.Open(dir, firn.Options{Catalog: types})
	if err != nil {
		t.Fatal(err)
	}
	return log, types
}

const paid = `{"description":"A customer paid.","schema":{"type":"object","required":["total"]}}`

func TestCatalogSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	log, types := openTyped(t, dir)
	r := serve(t, log, Options{Catalog: types})
	k, secret := r.key(auth.NewKey{})
	made := r.must(201, "PUT", "/v1/catalog/order.paid", paid, bearer(secret)...)
	if at := made.header.Get("Location"); at != "/v1/catalog/order.paid" {
		t.Errorf("Location %q", at)
	}
	r.must(200, "PUT", "/v1/catalog/message.sent", `{"description":"Another meaning."}`, bearer(secret)...)
	r.must(201, "PUT", "/v1/catalog/gone", paid, bearer(secret)...)
	r.must(204, "DELETE", "/v1/catalog/gone", "", bearer(secret)...)
	updated, deleted := systemEvents(r, "setting.updated"), systemEvents(r, "setting.deleted")
	if len(updated) != 3 || *updated[0].Actor != k.ID || *updated[0].Subject != "catalog/order.paid" || string(updated[0].Payload) != `{"kind":"catalog","name":"order.paid"}` {
		t.Errorf("recorded %+v", updated)
	}
	if len(deleted) != 1 || *deleted[0].Subject != "catalog/gone" {
		t.Errorf("recorded %+v", deleted)
	}
	if err := errors.Join(r.stop(), log.Close()); err != nil {
		t.Fatal(err)
	}
	log, types = openTyped(t, dir)
	r = serve(t, log, Options{Catalog: types})
	if again := r.must(200, "GET", "/v1/catalog/order.paid", "", bearer(secret)...); !bytes.Equal(again.body, made.body) {
		t.Errorf("%s came back as %s", made, again)
	}
	r.must(404, "GET", "/v1/catalog/gone", "", bearer(secret)...)
	r.must(201, "POST", "/v1/instances", `{"name":"strict","validation":"enforce"}`, bearer(secret)...)
	r.must(422, "POST", "/v1/instances/strict/events", `{"event_type":"order.paid"}`, bearer(secret)...)
	r.must(204, "DELETE", "/v1/catalog/message.sent", "", bearer(secret)...)
	if back := r.must(200, "GET", "/v1/catalog/message.sent", "", bearer(secret)...); !strings.Contains(back.String(), `"origin":"built-in"`) {
		t.Errorf("what was replaced is %s", back)
	}
}

func TestStoredEntryThatIsNotUnderstoodIsReported(t *testing.T) {
	log, types := openTyped(t, t.TempDir())
	if err := log.PutDocument(t.Context(), catalogKind, "odd", []byte(`{"of":"a later version"}`), event.Draft{}); err != nil {
		t.Fatal(err)
	}
	var told logtest.Buffer
	r := serve(t, log, Options{Catalog: types, Logger: slog.New(slog.NewTextHandler(&told, nil))})
	r.must(404, "GET", "/v1/catalog/odd", "")
	if text := told.String(); !strings.Contains(text, "left out") || !strings.Contains(text, "event_type=odd") {
		t.Errorf("told %s", text)
	}
}

func TestCatalogIsBounded(t *testing.T) {
	r := start(t, Options{})
	for i := range catalog.MaxPut {
		if _, _, err := r.catalog.Put(fmt.Sprintf("mine.%d", i), []byte(`{"description":"x"}`), nil); err != nil {
			t.Fatal(err)
		}
	}
	if p := r.must(409, "PUT", "/v1/catalog/one.more", paid).problem(t); p.Type != problemURN+codeCatalogFull {
		t.Errorf("%+v", p)
	}
}

// TestRetryAfterAStricterSchema: what is stored was accepted.
func TestRetryAfterAStricterSchema(t *testing.T) {
	r := start(t, Options{})
	r.must(201, "POST", "/v1/instances", `{"name":"strict","validation":"enforce"}`)
	batch := `[{"id":"mine","event_type":"order.paid"}]`
	r.must(201, "POST", "/v1/instances/strict/events", batch)
	r.must(201, "PUT", "/v1/catalog/order.paid", paid)
	if again := r.must(201, "POST", "/v1/instances/strict/events", batch); !strings.Contains(again.String(), `"duplicate":true`) {
		t.Errorf("%s", again)
	}
	r.must(422, "POST", "/v1/instances/strict/events", `{"id":"other","event_type":"order.paid"}`)
}

func TestCatalogChangesWhileEventsCome(t *testing.T) {
	r := start(t, Options{})
	r.must(201, "POST", "/v1/instances", `{"name":"strict","validation":"enforce"}`)
	var wg sync.WaitGroup
	for n := range 3 {
		wg.Go(func() {
			for range 10 {
				for _, x := range []struct{ method, path, body string }{
					{"PUT", fmt.Sprintf("/v1/catalog/order.%d", n), paid}, {"GET", "/v1/catalog", ""},
					{"POST", "/v1/instances/strict/events", `{"event_type":"order.0"}`},
					{"DELETE", fmt.Sprintf("/v1/catalog/order.%d", n), ""},
				} {
					answer, err := r.try(x.method, x.path, x.body)
					if err != nil || (answer.status >= 300 && answer.status != 422) {
						t.Errorf("%s %s: %s, %v", x.method, x.path, answer, err)
					}
				}
			}
		})
	}
	wg.Wait()
}
