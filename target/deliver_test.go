package target

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sameRows(t *testing.T, got, want []row) {
	t.Helper()
	if d := cmp.Diff(want, got, cmp.AllowUnexported(row{})); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
}

func TestDeliversInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.append("old", 5)
		s := &scripted{}
		ds := b.deliver(Spec{Name: "s", Kind: s.kind()})
		settle(time.Second)
		b.append("shop", 2500)
		b.append("old", 3)
		settle(time.Second)
		sameRows(t, of(s.written(), "shop"), positions("shop", 2500))
		sameRows(t, of(s.written(), "old"), positions("old", 8)[5:])
		sameRows(t, of(s.written(), "system"), []row{})
		want := Status{Name: "s", Type: "scripted", State: Running, Delivered: 2503}
		if d := cmp.Diff([]Status{want}, ds.Status()); d != "" {
			t.Errorf("status (-want +got):\n%s", d)
		}
		if n := len(b.system(typeConnected)); n != 1 {
			t.Errorf("%d events %s, want 1", n, typeConnected)
		}
	})
}
