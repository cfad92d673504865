package ndjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// unproven is how much of a file's end a crash can have hit: more than one Write
// writes before it flushes.
const unproven = 32 << 20

// mend cuts off what a crash has left behind the last whole line of a file: part
// of a line, or the zeros that a file system shows where content never reached the
// disk. None of it was reported as written. Where whole lines would go too, they
// are put aside.
func (t *lines) mend(name fileName) error {
	f, err := t.root.OpenFile(name.String(), os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	from := max(0, info.Size()-unproven)
	tail := make([]byte, info.Size()-from)
	if _, err := f.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	sound := tail
	if zero := bytes.IndexByte(sound, 0); zero >= 0 { // JSON spells it \u0000
		sound = sound[:zero]
	}
	sound = sound[:bytes.LastIndexByte(sound, '\n')+1]
	if len(sound) == 0 && from > 0 {
		return fmt.Errorf("%s: no line ends in its last %d bytes; want lines of JSON: move it away", name, unproven)
	}
	torn := tail[len(sound):]
	if len(torn) == 0 {
		return nil
	}
	if bytes.IndexByte(torn, '\n') >= 0 {
		if err := t.putAside(name, torn); err != nil {
			return err
		}
	}
	if err := f.Truncate(from + int64(len(sound))); err != nil {
		return err
	}
	t.logger.Warn("cut off what was not written to its end", "file", name.String(), "bytes", len(torn))
	return f.Sync()
}

// putAside keeps what is cut off in {file}.cut, {file}.cut-2 and so on.
func (t *lines) putAside(name fileName, torn []byte) error {
	for n := 1; ; n++ {
		aside := name.String() + ".cut"
		if n > 1 {
			aside = fmt.Sprintf("%s-%d", aside, n)
		}
		f, err := t.root.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		_, err = f.Write(torn)
		t.logger.Warn("put aside what may be damaged", "file", aside)
		return errors.Join(err, f.Sync(), f.Close(), t.syncDir())
	}
}
