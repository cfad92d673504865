package query

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"shop", "orders", "event_type"}
	for name, want := range map[string]string{"shpo": "shop", "sho": "shop", "Order": "orders", "evnet_tpye": "event_type", "x": "", "": ""} {
		got, ok := Nearest(name, known)
		if got != want || ok != (want != "") {
			t.Errorf("Nearest(%q) = %q, %v, want %q", name, got, ok, want)
		}
	}
}
