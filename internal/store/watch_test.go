package store

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// names are the instances of heads as NAME:LAST, with - where one is deleted.
func headNames(t *testing.T, heads []Head, err error) []string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range heads {
		name := h.Instance.Name + ":" + string(rune('0'+h.Last))
		if h.Deleted {
			name += "-"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestWatch(t *testing.T) {
	l, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if _, err := l.CreateInstance(t.Context(), Instance{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	w := l.Watch()
	defer w.Close()
	closed := l.Watch()
	take := func(want ...string) {
		t.Helper()
		heads, err := w.Take()
		if d := cmp.Diff(want, headNames(t, heads, err)); d != "" {
			t.Errorf("news (-want +got):\n%s", d)
		}
	}
	<-w.News()
	take("a:0", "b:0", "system:2")
	take()
	put := func(instance string, n int) {
		t.Helper()
		if _, err := l.Append(t.Context(), AppendRequest{Instance: instance, Events: samples(n)}); err != nil {
			t.Fatal(err)
		}
	}
	put("a", 3)
	put("a", 2)
	<-w.News()
	take("a:5")
	name := "c"
	if _, err := l.UpdateInstance(t.Context(), "a", InstanceUpdate{Name: &name}); err != nil {
		t.Fatal(err)
	}
	<-w.News()
	take("c:5", "system:3")
	if err := l.DeleteInstance(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	<-w.News()
	take("c:5-", "system:4")
	if got := headNames(t, l.Heads(), nil); strings.Join(got, " ") != "b:0 system:4" {
		t.Errorf("heads %v", got)
	}
	closed.Close()
	closed.Close()
	put("b", 1)
	if heads, err := closed.Take(); len(headNames(t, heads, err)) != 3 { // as it was made
		t.Errorf("a closed watch gets news: %v", heads)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	<-w.News()
	if _, err := w.Take(); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestReadDoesNotWait: Read tells at once that nothing is new, and ends a
// delivery at the size that was asked for.
func TestReadDoesNotWait(t *testing.T) {
	l, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Append(t.Context(), AppendRequest{Instance: "a", Events: samples(20), AutoCreate: true}); err != nil {
		t.Fatal(err)
	}
	s := subscribe(t, l, SubscribeRequest{Instance: "a", Bytes: 1})
	for want := int64(1); want <= 20; want++ {
		d, _, err := s.Read(t.Context(), 10)
		if err != nil || len(d.Events) != 1 || d.Position != want {
			t.Fatalf("%d events up to %d, %v; want one, up to %d", len(d.Events), d.Position, err, want)
		}
	}
	if d, more, err := s.Read(t.Context(), 10); err != nil || len(d.Events) != 0 || d.Position != 20 || more {
		t.Errorf("at the end: %d events up to %d, more %v, %v", len(d.Events), d.Position, more, err)
	}
}
