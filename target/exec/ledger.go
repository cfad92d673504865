package exec

import (
	"bytes"
	"encoding/json/v2"
	"strings"
	"sync/atomic"

	"github.com/firnlog/firn/internal/inert"
)

// maxIdle is how many answers in a row may say nothing new.
const maxIdle = 1000

// ledger is what a program was given and what it has answered. Its answers are
// believed only where they can be true.
type ledger struct {
	given    atomic.Int64     // all numbers up to this one were given to it
	answered int64            // all up to this one are acknowledged or refused
	refused  map[int64]string // refused and not yet reported, with the reason
	idle     int
}

// answer is a line of the program.
type answer struct {
	Ack     *int64  `json:"ack"`
	Refuse  *int64  `json:"refuse"`
	Message *string `json:"message"`
}

// take enters an answer. moved says that more is answered than before.
func (l *ledger) take(line []byte) (moved bool, err error) {
	var a answer
	err = json.Unmarshal(line, &a, json.RejectUnknownMembers(true))
	if err != nil || (a.Ack == nil) == (a.Refuse == nil) || a.Ack != nil && a.Message != nil {
		return false, wrong(`answered %s; want {"ack":n} or {"refuse":n,"message":"why"}`, shown(line))
	}
	before := l.answered
	if a.Ack != nil {
		err = l.ack(*a.Ack)
	} else {
		err = l.refuse(*a.Refuse, a.Message)
	}
	if err != nil {
		return false, err
	}
	for l.refused[l.answered+1] != "" {
		l.answered++
	}
	if moved = l.answered > before; moved || a.Refuse != nil {
		l.idle = 0
	} else if l.idle++; l.idle > maxIdle {
		return false, wrong("%d answers in a row say nothing new; the last is %s", l.idle, shown(line))
	}
	return moved, nil
}

func (l *ledger) ack(n int64) error {
	switch given := l.given.Load(); {
	case n > given:
		return wrong("acknowledged event %d; only %d were given to it", n, given)
	case n < l.answered || n < 1:
		return wrong("acknowledged event %d after %d; acknowledgements never go back", n, l.answered)
	}
	l.answered = n
	return nil
}

func (l *ledger) refuse(n int64, message *string) error {
	switch given := l.given.Load(); {
	case n > given || n < 1:
		return wrong("refused event %d; %d were given to it", n, given)
	case l.refused[n] != "":
		return wrong("refused event %d twice", n)
	case n <= l.answered:
		return wrong("refused event %d, which it has answered before", n)
	}
	reason := "the plugin gave no reason"
	if message != nil && strings.TrimSpace(*message) != "" {
		reason = inert.Text(cut(*message, 1000))
	}
	if l.refused == nil {
		l.refused = map[int64]string{}
	}
	l.refused[n] = reason
	return nil
}

// shown is a line of the program for a message.
func shown(line []byte) string {
	if len(bytes.TrimSpace(line)) == 0 {
		return "an empty line"
	}
	return inert.Text(cut(string(line), 100))
}

// cut shortens a text to about n bytes, and makes it valid.
func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n] + "…"
	}
	return strings.ToValidUTF8(s, "\ufffd")
}
