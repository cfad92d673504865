// Package overload runs a real `firn serve` where there is too little: of disk,
// of memory, of time to stop. It must refuse what it cannot do, early and with
// the right status, go on with what it can, lose nothing that it acknowledged,
// and be well again when there is enough.
//
// It needs root (mount, control groups).
package overload

import (
	"os"
	"testing"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this needs root: it mounts a small file system and makes a control group. Run the tests as root, " +
			"or everything but this package: go test $(go list ./... | grep -v /test/overload)")
	}
}
