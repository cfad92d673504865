package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/internal/store/wal"
)

const walDir = "/data/wal"

// small files, so that a short workload has several.
var small = wal.Options{FileSize: 4096}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// history is what a client of the log knows: what it sent, and what it was told.
type history struct {
	acked   map[uint64]string // by LSN
	sent    map[string]bool   // bodies
	refused map[string]bool   // bodies of groups that were told not to be stored
	n       int               // bodies made
}

func newHistory() *history {
	return &history{acked: map[uint64]string{}, sent: map[string]bool{}, refused: map[string]bool{}}
}

func (h *history) clone() *history {
	c := newHistory()
	for k, v := range h.acked {
		c.acked[k] = v
	}
	for k := range h.sent {
		c.sent[k] = true
	}
	for k := range h.refused {
		c.refused[k] = true
	}
	return c
}

// group makes a group of so many records of various sizes.
func (h *history) group(records int) (*wal.Group, []string) {
	var g wal.Group
	var bodies []string
	for range records {
		h.n++
		body := fmt.Sprintf("record %d %s", h.n, bytes.Repeat([]byte{byte('a' + h.n%26)}, h.n*37%300))
		h.sent[body] = true
		bodies = append(bodies, body)
		g.Append([]byte(body))
	}
	return &g, bodies
}

// append writes and syncs a group and notes what it is told.
func (h *history) append(l *wal.Log, records int) error {
	g, bodies := h.group(records)
	first, err := l.Write(g)
	if err != nil {
		if !errors.Is(err, wal.ErrFailed) {
			for _, b := range bodies {
				h.refused[b] = true
			}
		}
		return err
	}
	if err := l.Sync(); err != nil {
		return err
	}
	for i, b := range bodies {
		h.acked[first+uint64(i)] = b
	}
	return nil
}

// workload appends groups until the log fails or all is done, and closes it.
func (h *history) workload(l *wal.Log, groups int) error {
	for i := range groups {
		if err := h.append(l, 1+i%3); errors.Is(err, wal.ErrFailed) {
			break
		}
	}
	return l.Close()
}

// read opens the log in m and collects its records.
func read(m *vfstest.FS, opts wal.Options) (*wal.Log, wal.Recovery, map[uint64]string, error) {
	got := map[uint64]string{}
	var last uint64
	l, rec, err := wal.Open(m, walDir, opts, func(r wal.Record) error {
		if r.LSN <= last {
			return fmt.Errorf("record %d came after %d", r.LSN, last)
		}
		last = r.LSN
		got[r.LSN] = string(r.Body)
		return nil
	})
	return l, rec, got, err
}

// check says how what was recovered, without damage, breaks the promises.
func (h *history) check(rec wal.Recovery, got map[uint64]string) error {
	if len(rec.Damage) > 0 {
		return fmt.Errorf("damage where there is none: %+v", rec.Damage)
	}
	for lsn, body := range h.acked {
		if g, ok := got[lsn]; !ok || g != body {
			return fmt.Errorf("record %d was acknowledged as %q and is %q (there: %v)", lsn, body, g, ok)
		}
	}
	return h.checkSent(got)
}

// checkSent says whether something is there that nobody sent, or that was
// refused, or whether numbers are missing.
func (h *history) checkSent(got map[uint64]string) error {
	for lsn, body := range got {
		switch {
		case !h.sent[body]:
			return fmt.Errorf("record %d, %q, was never sent", lsn, body)
		case h.refused[body]:
			return fmt.Errorf("record %d, %q, was told not to be stored", lsn, body)
		case lsn > uint64(len(got)):
			return fmt.Errorf("record %d is there, but only %d records", lsn, len(got))
		}
	}
	return nil
}

// checkAfter opens the log that a crash left, checks it, appends to it, and
// checks that what was served and what was appended survives one more crash.
func (h *history) checkAfter(m *vfstest.FS) error {
	l, rec, got, err := read(m, small)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if err := h.check(rec, got); err != nil {
		return err
	}
	h = h.clone()
	h.n = 1_000_000
	h.acked = got
	if l.NextLSN() != uint64(len(got))+1 {
		return fmt.Errorf("next LSN %d after %d records", l.NextLSN(), len(got))
	}
	if err := h.append(l, 2); err != nil {
		return fmt.Errorf("append after recovery: %w", err)
	}
	_, rec, got, err = read(m.CrashClone(1, 0), small)
	if err != nil {
		return fmt.Errorf("open again: %w", err)
	}
	return h.check(rec, got)
}

// logIn makes a log of so many groups, closed or left as a crash leaves it.
func logIn(t testing.TB, groups int, closed bool) (*vfstest.FS, *history) {
	t.Helper()
	m, h := vfstest.New(), newHistory()
	l, _, _, err := read(m, small)
	must(t, err)
	for i := range groups {
		must(t, h.append(l, 1+i%3))
	}
	if closed {
		must(t, l.Close())
	}
	return m, h
}
