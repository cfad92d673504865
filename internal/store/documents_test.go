package store

import (
	"bytes"
	"context"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// told is an event that tells of a document.
func told(name string) event.Draft {
	return event.Draft{EventType: "api_key.created", Subject: &name, Payload: jsontext.Value(`{"name":"x"}`)}
}

func put(t testing.TB, l *Log, kind, name, value string) {
	t.Helper()
	if err := l.PutDocument(context.Background(), kind, name, jsontext.Value(value), told(name)); err != nil {
		t.Fatal(err)
	}
}

// stored are the documents of a kind as text.
func stored(l *Log, kind string) map[string]string {
	all := map[string]string{}
	for name, value := range l.Documents(kind) {
		all[name] = string(value)
	}
	return all
}

func TestDocumentsSurviveEverything(t *testing.T) {
	o := quiet(t)
	dir := t.TempDir()
	l := open(t, dir, o)
	put(t, l, "key", "a", `{"n":1}`)
	put(t, l, "key", "b", `{}`)
	put(t, l, "view", "a", `null`)
	put(t, l, "key", "a", `{"n":2}`)
	put(t, l, "key", "gone", `[1]`)
	if err := l.DeleteDocument(t.Context(), "key", "gone", told("gone")); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": `{"n":2}`, "b": `{}`}
	check := func(l *Log, what string) {
		t.Helper()
		if d := cmp.Diff(want, stored(l, "key")); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
		if d := cmp.Diff(map[string]string{"a": "null"}, stored(l, "view")); d != "" {
			t.Errorf("%s, another kind (-want +got):\n%s", what, d)
		}
		if n := len(all(t, l, SystemInstance)); n != 6 {
			t.Errorf("%s: %d events tell of 6 changes", what, n)
		}
		if l.DocumentsLost() {
			t.Errorf("%s: documents are said to be lost", what)
		}
	}
	check(l, "as put")
	closeLog(t, l)
	l = open(t, dir, o)
	check(l, "opened again")
	seal(t, l)
	if err := l.freeWAL(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	l = open(t, dir, o)
	check(l, "sealed, and opened again")
	var backup bytes.Buffer
	if err := l.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	put(t, l, "key", "later", `1`)
	other := t.TempDir()
	if err := Restore(t.Context(), other, &backup, Options{}); err != nil {
		t.Fatal(err)
	}
	check(open(t, other, o), "restored")
}

func TestDocumentsAreRefused(t *testing.T) {
	l := open(t, t.TempDir(), quiet(t))
	for what, x := range map[string]struct{ kind, name, value string }{
		"no kind": {"", "a", "1"}, "no name": {"k", "", "1"}, "no value": {"k", "a", ""}, "not JSON": {"k", "a", "{"},
		"too large": {"k", "a", `"` + strings.Repeat("x", maxDocumentBytes) + `"`}, "long name": {"k", strings.Repeat("x", maxDocumentName+1), "1"},
		"long kind": {strings.Repeat("x", maxDocumentKind+1), "a", "1"}, "not UTF-8": {"k", "\xff", "1"},
	} {
		if err := l.PutDocument(t.Context(), x.kind, x.name, jsontext.Value(x.value), told("x")); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := l.DeleteDocument(t.Context(), "k", "none", told("x")); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleting what is not there: %v", err)
	}
	if n := len(all(t, l, SystemInstance)); n != 0 {
		t.Errorf("%d events tell of what was refused", n)
	}
}

func TestDocumentWithoutEvent(t *testing.T) {
	l := open(t, t.TempDir(), quiet(t))
	if err := l.PutDocument(t.Context(), "view", "a", jsontext.Value("1"), event.Draft{}); err != nil {
		t.Fatal(err)
	}
	if n := len(all(t, l, SystemInstance)); n != 0 || len(l.Documents("view")) != 1 {
		t.Errorf("%d events, documents %v", n, l.Documents("view"))
	}
}

func TestChangesOfDocumentsAreTold(t *testing.T) {
	l := open(t, t.TempDir(), quiet(t))
	changed := l.DocumentsChanged()
	select {
	case <-changed:
		t.Fatal("nothing has changed yet")
	default:
	}
	put(t, l, "key", "a", "1")
	<-changed // at the latest when the change is acknowledged
	changed = l.DocumentsChanged()
	if err := l.DeleteDocument(t.Context(), "key", "a", told("a")); err != nil {
		t.Fatal(err)
	}
	<-changed
}

func TestDocumentsByManyAtOnce(t *testing.T) {
	o := quiet(t)
	dir := t.TempDir()
	l := open(t, dir, o)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				put(t, l, "key", fmt.Sprintf("%d-%d", w, i), fmt.Sprint(i))
				if i%2 == 0 {
					if err := l.DeleteDocument(context.Background(), "key", fmt.Sprintf("%d-%d", w, i), told("x")); err != nil {
						t.Error(err)
					}
				}
				_ = l.Documents("key")
			}
		})
	}
	wg.Wait()
	want := stored(l, "key")
	if len(want) != 80 {
		t.Errorf("%d documents, want 80", len(want))
	}
	closeLog(t, l)
	if d := cmp.Diff(want, stored(open(t, dir, o), "key")); d != "" {
		t.Errorf("opened again (-before +after):\n%s", d)
	}
}

// TestDocumentAndItsEventAreOne fails every file operation once, cuts the power,
// and wants every acknowledged change with its event, and never one without the
// other.
func TestDocumentAndItsEventAreOne(t *testing.T) {
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		for k := 1; ; k++ {
			fs := vfstest.New()
			o := Options{FS: fs, Quiet: true}
			hook, hit := vfstest.FailAt(k, fault)
			fs.SetHook(hook)
			acked := map[string]bool{}
			l, err := Open("/data", o)
			for i := 0; err == nil && i < 4; i++ {
				name := fmt.Sprint(i)
				if l.PutDocument(context.Background(), "key", name, jsontext.Value("1"), told(name)) == nil {
					acked[name] = true
				}
				if i == 1 {
					_ = l.Seal(context.Background())
				}
			}
			what := fmt.Sprintf("operation %d fails with %v", k, fault)
			o.FS = fs.CrashClone(uint64(k), []int{0, 60, 100}[k%3])
			again, openErr := Open("/data", o)
			if openErr != nil {
				t.Fatalf("%s: %v", what, openErr)
			}
			got := map[string]bool{}
			for name := range again.Documents("key") {
				got[name] = true
			}
			events := map[string]bool{}
			for _, e := range all(t, again, SystemInstance) {
				events[*e.Subject] = true
			}
			if d := cmp.Diff(got, events); d != "" {
				t.Errorf("%s: documents and their events differ (-documents +events):\n%s", what, d)
			}
			for name := range acked {
				if !got[name] {
					t.Errorf("%s: document %s was acknowledged and is gone", what, name)
				}
			}
			closeLog(t, again)
			if l != nil {
				_ = l.Close()
			}
			if !hit() {
				break
			}
		}
	}
}

// TestLostDocumentsAreKnown takes the manifest and the write-ahead log away.
func TestLostDocumentsAreKnown(t *testing.T) {
	fs := vfstest.New()
	o, _ := reports(fs)
	l := open(t, "/data", o)
	put(t, l, "key", "a", "1")
	seal(t, l)
	closeLog(t, l)
	remove(t, fs, "/data/log/wal", "")
	l = open(t, "/data", o)
	if got := stored(l, "key"); len(got) != 1 || l.DocumentsLost() {
		t.Errorf("without the write-ahead log: documents %v, lost %v", got, l.DocumentsLost())
	}
	closeLog(t, l)
	remove(t, fs, "/data/log", "MANIFEST")
	for range 2 {
		l = open(t, "/data", o)
		if !l.DocumentsLost() {
			t.Error("nobody knows that documents are lost")
		}
		closeLog(t, l)
	}
}
