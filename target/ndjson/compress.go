package ndjson

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
)

const (
	// settled is how long nothing was written to a day that is over before it is
	// compressed: a late instance may still have events of it.
	settled = 10 * time.Minute
	// look is how often the directory is looked at for such days.
	look = 5 * time.Minute
	// temporary is what a file is called while it is being compressed.
	temporary = ".tmp"
)

// compressOver compresses what is over until ctx is: now, when it is woken, and
// from time to time.
func (t *lines) compressOver(ctx context.Context, wake chan struct{}) {
	timer := time.NewTicker(look)
	defer timer.Stop()
	for {
		if err := t.compressAll(ctx); err != nil && ctx.Err() == nil {
			t.logger.Error("compress files that are over", "file_dir", t.settings.Dir, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-timer.C:
		}
	}
}

func (t *lines) wakeCompressor() {
	select {
	case t.wake <- struct{}{}:
	default: // it is awake, or there is none
	}
}

// compressAll compresses every file that is over.
func (t *lines) compressAll(ctx context.Context) error {
	for {
		name, err := t.nextOver()
		if err != nil || name.number == 0 {
			return err
		}
		err = t.compressOne(ctx, name)
		t.mu.Lock()
		delete(t.closed, name)
		t.mu.Unlock()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// nextOver finds a file that nothing more is written to, and sees to it that
// nothing will be.
func (t *lines) nextOver() (fileName, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	names, err := t.list()
	if err != nil {
		return fileName{}, err
	}
	for _, name := range names {
		if name.compressed {
			continue
		}
		over, err := t.isOver(name, names)
		if err != nil {
			return fileName{}, err
		}
		if over {
			if f := t.open[name.day]; f != nil && f.name == name {
				delete(t.open, name.day)
				f.file.Close()
			}
			t.closed[name] = true
			return name, nil
		}
	}
	return fileName{}, nil
}

// isOver reports whether a file is followed by a further one, or is of a day that
// is over and has settled.
func (t *lines) isOver(name fileName, names []fileName) (bool, error) {
	if l := last(names, name.day); l.number > name.number || l.compressed {
		return true, nil
	}
	now := t.now().UTC()
	if name.day >= now.Format("2006-01-02") {
		return false, nil
	}
	info, err := t.root.Lstat(name.String())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && now.Sub(info.ModTime()) >= settled, err
}

// compressOne replaces a file by its compressed form. A crash leaves the one or the
// other, or both.
func (t *lines) compressOne(ctx context.Context, name fileName) error {
	compressed := name
	compressed.compressed = true
	if _, err := t.root.Lstat(compressed.String()); err == nil {
		return t.dropCompressed(ctx, name, compressed)
	}
	in, err := t.root.OpenFile(name.String(), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	half := compressed.String() + temporary
	out, err := t.root.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(compress(ctx, out, in), out.Sync(), out.Close()); err != nil {
		return errors.Join(err, t.root.Remove(half))
	}
	if err := t.root.Rename(half, compressed.String()); err != nil {
		return err
	}
	if err := t.syncDir(); err != nil {
		return err
	}
	return t.dropCompressed(ctx, name, compressed)
}

// dropCompressed removes a file whose compressed form holds the same: it is read
// again before.
func (t *lines) dropCompressed(ctx context.Context, name, compressed fileName) error {
	plain, err := t.sum(ctx, name)
	if err != nil {
		return err
	}
	packed, err := t.sum(ctx, compressed)
	if err != nil {
		return err
	}
	if plain != packed {
		return fmt.Errorf("is not what %s holds: one of them was changed; move one away", compressed)
	}
	if err := t.root.Remove(name.String()); err != nil {
		return err
	}
	return t.syncDir()
}

func compress(ctx context.Context, out io.Writer, in io.Reader) error {
	z, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	_, err = io.Copy(z, &cancelled{ctx, in})
	return errors.Join(err, z.Close())
}

// sum is a hash of what a file holds.
func (t *lines) sum(ctx context.Context, name fileName) (uint64, error) {
	f, err := t.root.OpenFile(name.String(), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var h maphash.Hash
	h.SetSeed(t.seed)
	var in io.Reader = &cancelled{ctx, f}
	if name.compressed {
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return 0, err
		}
		defer z.Close()
		in = z
	}
	if _, err := io.Copy(&h, in); err != nil {
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	return h.Sum64(), nil
}

// cancelled is a reader that ends with its context.
type cancelled struct {
	ctx context.Context
	in  io.Reader
}

func (c *cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.in.Read(p)
}
