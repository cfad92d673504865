package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// TestTwoHoldTheLogAtOnce holds a log of many instances twice at a time, as a
// backup and a verification do: neither waits for the other for ever.
func TestTwoHoldTheLogAtOnce(t *testing.T) {
	l := open(t, "/data", Options{FS: vfstest.New(), Quiet: true})
	for i := range 30 {
		create(t, l, fmt.Sprint("instance-", i))
	}
	var holders sync.WaitGroup
	for range 4 {
		holders.Go(func() {
			for range 200 {
				l.holdAll().release()
			}
		})
	}
	done := make(chan struct{})
	go func() {
		holders.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("they wait for each other")
	}
}
