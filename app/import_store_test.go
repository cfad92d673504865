package app

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/event"
)

// TestImportOutlivesTheServer loses the connection in the middle of the first
// requests: the import goes on by itself and says so once.
func TestImportOutlivesTheServer(t *testing.T) {
	var requests atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) <= 2 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"events":[{"id":"a","stream_id":"s","sequence_number":1,"position":1,"timestamp":"2026-01-01T00:00:00.000Z"}]}`)
	}))
	defer srv.Close()
	cl, err := client.New(srv.URL, client.Options{Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	var said bytes.Buffer
	env := &environment{err: &said}
	im := &importing{importCommand: &importCommand{Instance: "shop"}, env: env, bar: &progress{}, session: &session{client: cl, where: srv.URL, env: env}}
	err = im.append(t.Context(), batch{instance: "shop", events: []event.Draft{{ID: "a", EventType: "x"}}})
	if err != nil || im.stored != 1 {
		t.Fatalf("append = %v, stored %d", err, im.stored)
	}
	if got := said.String(); strings.Count(got, "trying again") != 1 || strings.Count(got, "is back") != 1 {
		t.Errorf("said:\n%s", got)
	}
}

func TestFieldsThatNoRecordHas(t *testing.T) {
	record := func(keys ...string) (all []member) {
		for _, k := range keys {
			all = append(all, member{key: k})
		}
		return all
	}
	w := (&importCommand{CheckFields: true, mapping: mapping{TimeField: "time", ActorField: "usr"}}).watch()
	for range checkedRecords - 1 {
		w.saw(record("time", "user"))
		if err := w.check(false); err != nil {
			t.Fatal(err)
		}
	}
	w.saw(record("time"))
	var absent *absentField
	if err := w.check(false); !errors.As(err, &absent) {
		t.Fatalf("check = %v", err)
	}
	if got, want := absent.Error(), "--actor-field usr: none of the first 1,000 records has such a field; did you mean user?"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	late := (&importCommand{CheckFields: true, mapping: mapping{ActorField: "user"}}).watch()
	late.saw(record("n"))
	late.saw(record("user"))
	if err := late.check(true); err != nil {
		t.Error(err)
	}
}

func TestDelimiters(t *testing.T) {
	got := map[string]rune{}
	for _, in := range []string{"a,b;c\n", "a;b\n1,2;3\n", "a\tb\n", "a|b", "\"x;y\",b\n", "one\n", ""} {
		got[in] = guessDelimiter(skipMark(strings.NewReader(in)))
	}
	want := map[string]rune{"a,b;c\n": ',', "a;b\n1,2;3\n": ';', "a\tb\n": '\t', "a|b": '|', "\"x;y\",b\n": ',', "one\n": ',', "": ','}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("delimiters (-want +got):\n%s", diff)
	}
}
