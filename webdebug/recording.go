package webdebug

import (
	"encoding/json/jsontext"
	"fmt"
	"slices"
	"sync"
	"time"
)

// recording is what one request has done so far. Goroutines of the request
// share it; what they add after finish is not taken.
type recording struct {
	collector *Collector
	id        string
	start     time.Time

	mu      sync.Mutex
	closed  bool
	dropped int     // events for which there was no room
	session []Param // told by the application
	*buffers
}

// buffers are what a recording is written into. They go round: once a
// recording is closed and written as a scheme, nobody else has them.
type buffers struct {
	entries []entry // in the order they were added
	text    []byte  // payloads, one after another
	request []byte  // payload of the request event, open until the end, and of the response
}

// entryBytes is about how large an entry is.
const entryBytes = 160

// entry is an event that is being recorded.
type entry struct {
	typ                   string
	payload               []byte
	tags                  []string
	at                    time.Duration // since the recording's start
	took                  time.Duration // negative: not measured
	calledFrom, definedIn *Location
	parent                int32 // index, or -1 for an event of the scheme itself
	level                 int8
	importance            int8
	success               int8 // 1, -1, 0 = nothing said
}

// add records an event inside parent and returns its index, or false where
// there is no room or the request is over.
func (r *recording) add(parent int32, p Payload, e entry) (int32, bool) {
	e.typ = p.debugType()
	limit := r.collector.opts.TextBytes
	if c, ok := p.(Custom); ok {
		// It calls the application's code, which must not find r locked.
		e.payload = c.appendPayload(nil, limit)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		r.collector.counts.droppedEvents.Add(1)
		return 0, false
	}
	before := len(r.text)
	if len(r.entries) >= r.collector.opts.MaxEvents || before+len(e.payload) > maxRequestBytes {
		r.dropped++
		return 0, false
	}
	if e.payload == nil {
		r.text = p.appendPayload(r.text, limit)
	} else {
		r.text = append(r.text, e.payload...)
	}
	if len(r.text) > maxRequestBytes {
		r.text = r.text[:before]
		r.dropped++
		return 0, false
	}
	e.payload = r.text[before:len(r.text):len(r.text)]
	if e.at == 0 {
		e.at = time.Since(r.start)
	}
	return r.put(parent, e), true
}

// put appends an entry, no deeper than MaxNesting: what would be deeper stands
// beside its parent.
func (r *recording) put(parent int32, e entry) int32 {
	if parent >= 0 && r.entries[parent].level >= MaxNesting {
		parent = r.entries[parent].parent
	}
	e.parent, e.level = parent, 1
	if parent >= 0 {
		e.level = r.entries[parent].level + 1
	}
	r.entries = append(r.entries, e)
	return int32(len(r.entries) - 1)
}

// change lets f change an entry while the request lasts.
func (r *recording) change(index int32, f func(*entry)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		f(&r.entries[index])
	}
}

// scheme is what was recorded. It may be called once the recording is closed.
func (r *recording) scheme() Scheme {
	order := make([]int32, len(r.entries))
	for i := range order {
		order[i] = int32(i)
	}
	// A query is added when it has ended, and belongs where it began.
	slices.SortStableFunc(order, func(a, b int32) int { return int(r.entries[a].at - r.entries[b].at) })
	nested := make(map[int32][]int32)
	for _, i := range order {
		parent := r.entries[i].parent
		nested[parent] = append(nested[parent], i)
	}
	return Scheme{ID: r.id, Version: Version, Events: r.events(nested, -1)}
}

func (r *recording) events(nested map[int32][]int32, parent int32) []Event {
	if len(nested[parent]) == 0 {
		return nil
	}
	events := make([]Event, 0, len(nested[parent]))
	for _, i := range nested[parent] {
		in := &r.entries[i]
		e := Event{
			Type: in.typ, Payload: jsontext.Value(in.payload), Tags: in.tags, Importance: Importance(in.importance),
			Time: r.start.Add(in.at), CalledFrom: in.calledFrom, DefinedIn: in.definedIn, Nested: r.events(nested, i),
		}
		if in.took >= 0 {
			// Whole milliseconds, to the nearest: what took 0.6 ms is no 0.
			took := in.took.Round(time.Millisecond)
			e.Duration = &took
		}
		if in.success != 0 {
			success := in.success > 0
			e.Success = &success
		}
		events = append(events, e)
	}
	return events
}

var spareBuffers = sync.Pool{New: func() any { return new(buffers) }}

// giveBack ends a recording. What grew large is left to the garbage collector.
func (r *recording) giveBack() {
	b := r.buffers
	r.buffers = nil
	if cap(b.entries) > 1<<10 || cap(b.text) > 64<<10 || cap(b.request) > 64<<10 {
		return
	}
	clear(b.entries)
	*b = buffers{entries: b.entries[:0], text: b.text[:0], request: b.request[:0]}
	spareBuffers.Put(b)
}

// size is about how many bytes the recording holds.
func (r *recording) size() int64 {
	return int64(cap(r.text) + cap(r.request) + cap(r.entries)*entryBytes)
}

// dropReport is the line that tells of events that were not recorded.
func (r *recording) dropReport() Log {
	return Log{Message: fmt.Sprintf("webdebug: %d more events were not recorded", r.dropped)}
}
