package ndjson

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/firnlog/firn/target"
)

// maxOpen is how many days are kept open: a log that is read from its beginning
// has events of many.
const maxOpen = 16

// dayFile is the file that a day's events are appended to.
type dayFile struct {
	name fileName
	file *os.File
	size int64
}

// Write appends the batch's lines. What is reported as written survives a power
// cut. A line of which only a part could be written is cut off again, at the
// latest by the next Open.
func (t *lines) Write(ctx context.Context, b target.Batch) (written int, err error) {
	if t.root == nil {
		return 0, errors.New("ndjson target is not open")
	}
	for written < len(b.Events) {
		if err := ctx.Err(); err != nil {
			return written, err
		}
		day := b.Events[written].RecordedAt.UTC().Format("2006-01-02")
		t.out = t.out[:0]
		n := written
		for n < len(b.Events) && len(t.out) < 8<<20 && (n == written || t.sameDay(&b, n)) {
			t.out = append(b.Events[n].AppendJSON(t.out), '\n')
			n++
		}
		if err := t.append(day); err != nil {
			return written, fault(fmt.Errorf("file_dir %s: %w", t.settings.Dir, err))
		}
		written = n
	}
	if cap(t.out) > 32<<20 {
		t.out = nil
	}
	return written, nil
}

// sameDay reports whether the n-th event was recorded on the day of the one
// before it.
func (t *lines) sameDay(b *target.Batch, n int) bool {
	const day = 86_400
	at, before := b.Events[n].RecordedAt.Unix(), b.Events[n-1].RecordedAt.Unix()
	return floor(at, day) == floor(before, day)
}

func floor(a, b int64) int64 {
	if a < 0 {
		return (a - b + 1) / b
	}
	return a / b
}

// append appends t.out to a day's file, on disk.
func (t *lines) append(day string) error {
	f, err := t.fileOf(day)
	if err != nil {
		return err
	}
	if _, err := f.file.Write(t.out); err != nil {
		return errors.Join(err, f.file.Truncate(f.size)) // the line's end may be missing
	}
	if err := syncData(f.file); err != nil {
		return err
	}
	f.size += int64(len(t.out))
	return nil
}

// fileOf returns the open file of a day, a further one where the last is full or
// compressed.
func (t *lines) fileOf(day string) (*dayFile, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.open[day]
	if f != nil && f.size < t.settings.MaxFileBytes {
		return f, nil
	}
	if f != nil {
		delete(t.open, day)
		f.file.Close()
		t.wakeCompressor()
	}
	if len(t.open) >= maxOpen {
		for day, f := range t.open {
			delete(t.open, day)
			f.file.Close()
			break
		}
	}
	names, err := t.list()
	if err != nil {
		return nil, err
	}
	f, err = t.create(day, last(names, day))
	if err != nil {
		return nil, err
	}
	if t.open[day] = f; f.size == 0 {
		t.wakeCompressor() // a new day: one before may be over
	}
	return f, nil
}

// create opens the file that follows the last one of its day, or that one.
func (t *lines) create(day string, before fileName) (*dayFile, error) {
	name := fileName{day: day, number: max(1, before.number)}
	flags := os.O_WRONLY | os.O_APPEND | syscall.O_NOFOLLOW
	if before.number > 0 && !before.compressed && !t.closed[before] {
		file, err := t.root.OpenFile(name.String(), flags, 0)
		if err != nil {
			return nil, err
		}
		info, err := file.Stat()
		if err == nil && info.Size() < t.settings.MaxFileBytes {
			return &dayFile{name, file, info.Size()}, nil
		}
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
	}
	if before.number > 0 {
		name.number++
	}
	file, err := t.root.OpenFile(name.String(), flags|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := t.syncDir(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &dayFile{name, file, 0}, nil
}

func (t *lines) syncDir() error {
	d, err := t.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
