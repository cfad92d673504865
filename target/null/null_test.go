package null

import (
	"testing"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

func TestTakesEverything(t *testing.T) {
	k := Kind()
	to, err := k.New(k.Settings(), target.Environment{Name: "null"})
	if err != nil {
		t.Fatal(err)
	}
	if err := to.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := to.Write(t.Context(), target.Batch{Events: make([]event.Event, 7)}); n != 7 || err != nil {
		t.Errorf("Write: %d, %v; want 7", n, err)
	}
	if err := to.Close(); err != nil {
		t.Error(err)
	}
}
