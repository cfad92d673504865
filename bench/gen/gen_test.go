package gen

import (
	"bytes"
	"testing"
)

func TestSameSeedSameBytes(t *testing.T) {
	a, b := New(7, 10_000), New(7, 10_000)
	var x, y []byte
	for range 5_000 {
		x, y = a.Append(x), b.Append(y)
	}
	if !bytes.Equal(x, y) {
		t.Fatal("the same seed gave other bytes")
	}
	if mean := len(x) / 5_000; mean < 280 || mean > 340 {
		t.Fatalf("an event is %d bytes on average, want about 310", mean)
	}
}
