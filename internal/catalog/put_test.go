package catalog_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/internal/catalog"
)

const ours = `{"description":"Ours.","schema":{"required":["ours"]}}`

func TestPutOverridesAndDeleteBringsBack(t *testing.T) {
	c, err := catalog.Load(files("f.yaml", "types: [{type: message.sent, description: A file's.}]"))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		eventType string
		before    catalog.Origin
		created   bool
	}{
		{"log", catalog.OriginBuiltIn, false},
		{"message.sent", catalog.OriginFile, false},
		{"order.paid", "", true},
	} {
		was, _ := c.Lookup(x.eventType)
		if was.Origin != x.before {
			t.Errorf("%s: origin %q at first, want %q", x.eventType, was.Origin, x.before)
		}
		var committed catalog.Entry
		e, created, err := c.Put(x.eventType, []byte(ours), func(e catalog.Entry) error {
			committed = e
			if now, _ := c.Lookup(x.eventType); now.Origin != x.before {
				t.Errorf("%s is shown before it is committed", x.eventType)
			}
			return nil
		})
		if err != nil || created != x.created {
			t.Fatalf("%s: created %v, error %v", x.eventType, created, err)
		}
		if now, _ := c.Lookup(x.eventType); now.Origin != catalog.OriginPut || string(now.AppendJSON(nil)) != string(e.AppendJSON(nil)) || string(committed.AppendJSON(nil)) != string(e.AppendJSON(nil)) {
			t.Errorf("%s: put %s, committed %s, shown %s", x.eventType, e.AppendJSON(nil), committed.AppendJSON(nil), now.AppendJSON(nil))
		}
		if got := lines(c.Validate(x.eventType, []byte(`{}`))); got != "payload.ours: is missing\n" {
			t.Errorf("%s: faults %s", x.eventType, got)
		}
		if _, created, err := c.Put(x.eventType, e.AppendJSON(nil), nil); err != nil || created {
			t.Errorf("%s: putting back what was read: created %v, error %v", x.eventType, created, err)
		}
		if err := c.Delete(x.eventType, nil); err != nil {
			t.Fatal(err)
		}
		if now, _ := c.Lookup(x.eventType); now.Origin != x.before {
			t.Errorf("%s: origin %q after delete, want %q", x.eventType, now.Origin, x.before)
		}
		if err := c.Delete(x.eventType, nil); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("%s: deleted twice: %v", x.eventType, err)
		}
	}
}

func TestWhatIsNotCommittedIsNotShown(t *testing.T) {
	c := load(t)
	full := errors.New("disk full")
	if _, _, err := c.Put("t", []byte(ours), func(catalog.Entry) error { return full }); !errors.Is(err, full) {
		t.Errorf("error of put %v", err)
	}
	if _, ok := c.Lookup("t"); ok {
		t.Error("shown all the same")
	}
	if _, _, err := c.Put("t", []byte(`{}`), func(catalog.Entry) error { t.Error("a mistake is committed"); return nil }); err == nil {
		t.Error("an entry without description is taken")
	}
	if _, _, err := c.Put("t", []byte(ours), nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete("t", func() error { return full }); !errors.Is(err, full) {
		t.Errorf("error of delete %v", err)
	}
	if _, ok := c.Lookup("t"); !ok {
		t.Error("gone all the same")
	}
}

func TestMistakesInDocuments(t *testing.T) {
	for _, x := range []struct{ eventType, document, want string }{
		{"t", ``, `"t": `},
		{"t", `[]`, `"t": the value must be an object, is an array (at column 1)`},
		{"t", `{"description":"A.","description":"B."}`, `"t": duplicate key "description" (at column 21)`},
		{"t", `{"description":"A."} x`, `"t": `},
		{"t", `{"type":"u","description":"A."}`, `"t": type: is "u", but the entry is for "t"; leave it out, or say the same`},
		{"t", `{"description":"A.","name":"x"}`, `"t": "name" is no key of an entry; one of type, system, category, description, severity, subject, schema, origin`},
		{"", ours, `type: is empty`},
		{strings.Repeat("x", 257), ours, `type: is 257 bytes long; the most is 256`},
		{"a\nb", ours, `type: has a line break or another control character`},
		{"a\xffb", ours, `type: is not valid UTF-8`},
		{"t", `{"description":"` + strings.Repeat("x", 2001) + `"}`, `"t": description: is 2001 bytes long; the most is 2000`},
	} {
		_, _, err := load(t).Put(x.eventType, []byte(x.document), nil)
		var bad *catalog.InvalidError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%.60q %.60s:\n got %v\nwant %s", x.eventType, x.document, err, x.want)
		}
	}
}

func TestPutIsBounded(t *testing.T) {
	c := load(t)
	n := len(c.List())
	for i := range catalog.MaxPut {
		if _, _, err := c.Put(fmt.Sprintf("t.%d", i), []byte(`{"description":"One of many."}`), nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := c.Put("one.more", []byte(ours), nil); !errors.Is(err, catalog.ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	if _, _, err := c.Put("t.7", []byte(ours), nil); err != nil {
		t.Errorf("replacing one: %v", err)
	}
	if got := len(c.List()); got != n+catalog.MaxPut {
		t.Errorf("%d entries, want %d", got, n+catalog.MaxPut)
	}
}

// TestReadersNeverSeeHalfAChange: the entry and its schema change together,
// and the list is always in order.
func TestReadersNeverSeeHalfAChange(t *testing.T) {
	c := load(t)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if e, ok := c.Lookup("log"); !ok || (e.Description == "Ours.") != (e.Origin == catalog.OriginPut) {
					t.Errorf("half a change: %s", e.AppendJSON(nil))
					return
				}
				if got := lines(c.Validate("log", []byte(`{}`))); got != "payload.ours: is missing\n" && got != "payload.message: is missing\n" {
					t.Errorf("faults %q", got)
					return
				}
				list := c.List()
				for i := range list[1:] {
					if list[i].Type >= list[i+1].Type {
						t.Errorf("%s stands before %s", list[i].Type, list[i+1].Type)
						return
					}
				}
			}
		})
	}
	for range 200 {
		if _, _, err := c.Put("log", []byte(ours), nil); err != nil {
			t.Error(err)
		}
		if err := c.Delete("log", nil); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wg.Wait()
}

func TestListIsEveryEntry(t *testing.T) {
	c := load(t)
	var listed, found []string
	for _, e := range c.List() {
		listed = append(listed, string(e.AppendJSON(nil)))
		same, _ := c.Lookup(e.Type)
		found = append(found, string(same.AppendJSON(nil)))
	}
	if diff := cmp.Diff(listed, found); diff != "" {
		t.Errorf("list and lookup differ:\n%s", diff)
	}
}
