package wal

import (
	"errors"
	"fmt"

	"github.com/firnlog/firn/internal/store/vfs"
)

// Verify reads the log in dir without changing it and gives every good record,
// in order, to fn (which may be nil). It is for a log that nobody writes to; an
// open one has a method.
func Verify(fsys vfs.FS, dir string, fn func(Record) error) (Report, error) {
	fl, err := load(fsys, walNaming(dir), Identity{})
	if err != nil {
		return Report{}, err
	}
	rep := Report{Damage: fl.damage}
	if n := len(fl.list); n > 0 {
		last := fl.list[n-1]
		t, err := surveyFile(fsys, last)
		if err != nil {
			return rep, fmt.Errorf("wal: %s: %w", last.name, err)
		}
		last.size, last.doubt, last.upTo = t.good, t.doubt(), t.upTo
		if t.torn != nil {
			rep.Torn = tornAt(last, t.torn, "")
		}
	}
	return rep, rep.read(fsys, fl.list, fn)
}

func surveyFile(fsys vfs.FS, lf *logFile) (tail, error) {
	f, err := fsys.Open(lf.name)
	if err != nil {
		return tail{}, err
	}
	defer f.Close()
	return survey(f, lf)
}

// Verify is the function Verify for what is synced of an open log.
func (l *Log) Verify(fn func(Record) error) (rep Report, err error) {
	held, release := l.Snapshot()
	defer func() { err = errors.Join(err, release()) }()
	sizes := make(map[string]int64, len(held))
	for _, f := range held {
		sizes[f.Name] = f.Size
	}
	fl, err := load(l.fsys, l.names, l.identity)
	if err != nil {
		return rep, err
	}
	rep.Damage = fl.damage
	list := fl.list[:0]
	for _, lf := range fl.list {
		if size, ok := sizes[lf.name]; ok { // else it was begun after the snapshot
			lf.size = size
			list = append(list, lf)
		}
	}
	return rep, rep.read(l.fsys, list, fn)
}

// read goes through the files up to their sizes.
func (rep *Report) read(fsys vfs.FS, list []*logFile, fn func(Record) error) error {
	t := tracker{fn: func(_ placed, rec Record) error {
		rep.Records++
		if fn == nil {
			return nil
		}
		return fn(rec)
	}}
	if len(list) > 0 && list[0].hdrOK {
		t.last = list[0].hdr.firstLSN - 1 // what is before was removed
	}
	for i, lf := range list {
		if err := t.file(fsys, lf, lf.size, t.following(list[i+1:])); err != nil {
			return fmt.Errorf("wal: %s: %w", lf.name, err)
		}
		rep.Bytes += lf.size
	}
	rep.Files = len(list)
	rep.LastLSN = t.last
	rep.Damage = append(rep.Damage, t.damage...)
	return nil
}
