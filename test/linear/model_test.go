package linear

import (
	"fmt"
	"strings"

	"github.com/anishathalye/porcupine"
)

// streams is how many streams a history has.
const streams = 3

// tag names an event for good: it is its id, and says its stream.
type tag struct {
	stream int
	name   string
}

// input is what a client asks for.
type input struct {
	op       op
	stream   int    // of readStream
	events   []tag  // of an append
	expected *int64 // of an append
}

type op int

const (
	appendEvents op = iota
	readStream      // the events of one stream, by query
	readAll         // the events of the instance, in order of position
	readNumbers     // the last number of each stream
)

// output is what a client was told.
type output struct {
	// unknown says that the client was cut off: it was told nothing. The numbers
	// are those that its events have in the end, whoever stored them.
	unknown bool
	// numbers are those of the events that were appended, or of the streams.
	numbers    []int64
	positions  []int64 // of the events that were appended
	duplicates []bool
	// conflict says that the append was refused, because the stream is at actual.
	conflict bool
	actual   int64
	text     string // what was read
}

// log is what the log should be: the events in order of position, each as
// "stream:name,".
type log struct {
	text   string
	last   [streams]int64
	events int64
}

func (t tag) String() string { return fmt.Sprintf("%d:%s,", t.stream, t.name) }

// of is the events of one stream.
func (l log) of(stream int) string {
	var b strings.Builder
	prefix := fmt.Sprint(stream, ":")
	for _, e := range strings.SplitAfter(l.text, ",") {
		if strings.HasPrefix(e, prefix) {
			b.WriteString(e)
		}
	}
	return b.String()
}

// number is the number of an event in its stream, 0 if it is not there.
func (l log) number(t tag) (n int64) {
	at := strings.Index(l.text, t.String())
	if at < 0 || at > 0 && l.text[at-1] != ',' {
		return 0
	}
	before := log{text: l.text[:at]}.of(t.stream)
	return int64(strings.Count(before, ",")) + 1
}

// position is the position of an event, 0 if it is not there.
func (l log) position(t tag) int64 {
	if l.number(t) == 0 {
		return 0
	}
	return int64(strings.Count(l.text[:strings.Index(l.text, t.String())], ",")) + 1
}

// model is the meaning of the operations.
var model = porcupine.Model{
	Init: func() any { return log{} },
	Step: func(state, in, out any) (bool, any) {
		l, i, o := state.(log), in.(input), out.(output)
		switch i.op {
		case readStream:
			return o.text == l.of(i.stream), l
		case readAll:
			return o.text == l.text, l
		case readNumbers:
			for s, n := range l.last {
				if o.numbers[s] != n {
					return false, l
				}
			}
			return true, l
		}
		return l.append(i, o)
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v -> %+v", in, out) },
}

// append is what an append does, and whether the client may be told so.
func (l log) append(i input, o output) (bool, log) {
	if len(i.events) == 1 {
		if n := l.number(i.events[0]); n > 0 { // looked up before expected_sequence
			return o.unknown || !o.conflict && o.duplicates[0] && o.numbers[0] == n && o.positions[0] == l.position(i.events[0]), l
		}
	}
	if last := l.last[i.events[0].stream]; i.expected != nil && *i.expected != last {
		return o.conflict && o.actual == last, l
	}
	if o.conflict {
		return false, l
	}
	for at, e := range i.events {
		l.last[e.stream]++
		l.events++
		// No write fails here, so that positions have no gap either.
		if o.numbers[at] != l.last[e.stream] || o.positions[at] != l.events || o.duplicates[at] {
			return false, l
		}
	}
	var b strings.Builder
	b.WriteString(l.text)
	for _, e := range i.events {
		b.WriteString(e.String())
	}
	l.text = b.String()
	return true, l
}
