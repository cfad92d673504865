package store

import (
	"fmt"
	"sync"
	"testing"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// TestStreamsAreOfOneMoment lists streams while batches are appended that each
// have an event of an old stream and the first one of a new stream: neither is
// listed without the other.
func TestStreamsAreOfOneMoment(t *testing.T) {
	l := open(t, "/data", Options{FS: vfstest.New(), Quiet: true})
	create(t, l, "app")
	others := samples(1_000) // sorting them takes a while, in which somebody comes to wait
	for i := range others {
		others[i].StreamID = fmt.Sprintf("other-%d", i)
	}
	appendTo(t, l, "app", others...)
	const batches = 40
	done := make(chan error, 1)
	go func() {
		for n := range batches {
			old, fresh := sample(0), sample(0)
			old.StreamID, fresh.StreamID = "an old one", fmt.Sprint("new-", n)
			if _, err := l.Append(t.Context(), AppendRequest{Instance: "app", Events: []event.Draft{old, fresh}}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	var listers sync.WaitGroup
	for range 8 {
		listers.Go(func() {
			for last := int64(0); last < batches && !t.Failed(); {
				streams, err := l.Streams(t.Context(), "app", "", "", 10_000)
				if err != nil {
					t.Error(err)
					return
				}
				last = 0
				if streams[0].Name == "an old one" {
					last = streams[0].LastSequence
					streams = streams[1:]
				}
				if n := int64(len(streams) - len(others)); n != last {
					t.Errorf("%d events of the old stream, and %d new streams", last, n)
				}
			}
		})
	}
	check(t, <-done)
	listers.Wait()
}
