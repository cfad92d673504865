package store

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/wal"
)

// restoreDir is where a restore puts its files until it is complete.
const restoreDir = "log.restoring"

// Restore makes the log in dir/log (where there must be none) from a backup.
// Nothing is there before all of it is checked and on disk. The restored log
// has a new epoch: cursors of the log as it was beyond the backup are noticed.
func Restore(ctx context.Context, dir string, r io.Reader, opts Options) error {
	opts = opts.withDefaults()
	x := &restoring{ctx: ctx, fs: opts.FS, dir: filepath.Join(dir, restoreDir), sums: map[string]string{}}
	final := filepath.Join(dir, logDir)
	if err := refuseExisting(opts.FS, final); err != nil {
		return err
	}
	if err := vfs.RemoveAll(opts.FS, x.dir); err != nil {
		return fmt.Errorf("restore: an earlier attempt cannot be cleared: %w", err)
	}
	if err := x.run(r); err != nil {
		return errors.Join(fmt.Errorf("restore: %w", err), vfs.RemoveAll(opts.FS, x.dir))
	}
	if err := opts.FS.Rename(x.dir, final); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return opts.FS.SyncDir(dir)
}

// refuseExisting refuses a directory that has anything in it.
func refuseExisting(fsys vfs.FS, dir string) error {
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if len(names) > 0 {
		return fmt.Errorf("restore: %s is not empty: %w; restore into another directory, or move it away first", dir, ErrExists)
	}
	return fsys.Remove(dir)
}

type restoring struct {
	ctx     context.Context
	fs      vfs.FS
	dir     string
	sums    map[string]string
	info    backupInfo
	records map[string][][]byte // by name without the suffix
	dirs    []string            // to be synced
}

func (x *restoring) run(r io.Reader) error {
	x.records = map[string][][]byte{}
	in := tar.NewReader(r)
	complete := false
	for {
		if err := x.ctx.Err(); err != nil {
			return context.Cause(x.ctx)
		}
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("this is no backup of firn, or it is cut off: %w", err)
		}
		if complete {
			return fmt.Errorf("%w: %q follows the end of the backup", ErrDamaged, head.Name)
		}
		if complete, err = x.entry(head, in); err != nil {
			return fmt.Errorf("%s: %w", head.Name, err)
		}
	}
	if !complete {
		return fmt.Errorf("%w: the backup is cut off", ErrDamaged)
	}
	return x.finish()
}

var restorable = regexp.MustCompile(`^(wal/[0-9a-z.-]+|instances/[0-9a-f-]{36}/(segments|ids)/[0-9a-z.-]+)$`)

var recordLists = regexp.MustCompile(`^(MANIFEST|instances/[0-9a-f-]{36}/streams)\.records$`)

// entry takes one entry; last says that it was the end.
func (x *restoring) entry(head *tar.Header, r io.Reader) (last bool, err error) {
	if head.Typeflag != tar.TypeReg {
		return false, fmt.Errorf("%w: it is not a regular file", ErrDamaged)
	}
	if x.info.Version == 0 && head.Name != backupHead {
		return false, fmt.Errorf("this is no backup of firn: it begins with %q", head.Name)
	}
	sum := sha256.New()
	body := io.TeeReader(r, sum)
	switch {
	case head.Name == backupHead:
		err = x.begin(body)
	case head.Name == backupEnd:
		return true, x.checkSums(r)
	case recordLists.MatchString(head.Name):
		var list [][]byte
		if err = json.UnmarshalRead(body, &list); err == nil {
			x.records[head.Name[:len(head.Name)-len(recordsSuffix)]] = list
		}
	case restorable.MatchString(head.Name):
		err = x.file(head.Name, body)
	default:
		err = fmt.Errorf("%w: a backup has no such file", ErrDamaged)
	}
	x.sums[head.Name] = hex.EncodeToString(sum.Sum(nil))
	return false, err
}

func (x *restoring) begin(r io.Reader) error {
	if err := json.UnmarshalRead(r, &x.info); err != nil {
		return err
	}
	if x.info.Version > backupVersion {
		return fmt.Errorf("backup of version %d: %w", x.info.Version, ErrNewer)
	}
	if x.info.Version < 1 {
		return fmt.Errorf("%w: a backup of version %d", ErrDamaged, x.info.Version)
	}
	return nil
}

func (x *restoring) checkSums(r io.Reader) error {
	want := map[string]string{}
	if err := json.UnmarshalRead(r, &want); err != nil {
		return err
	}
	for name, sum := range want {
		if x.sums[name] != sum {
			return fmt.Errorf("%w: %s is missing or is not what was backed up", ErrDamaged, name)
		}
	}
	if len(want) != len(x.sums) {
		return fmt.Errorf("%w: the backup has %d files, its end says %d", ErrDamaged, len(x.sums), len(want))
	}
	return nil
}

// file writes one file durably, but for its name.
func (x *restoring) file(name string, r io.Reader) error {
	to := filepath.Join(x.dir, filepath.FromSlash(name))
	dir := filepath.Dir(to)
	if !slices.Contains(x.dirs, dir) {
		if err := x.fs.MkdirAll(dir); err != nil {
			return err
		}
		x.dirs = append(x.dirs, dir)
	}
	f, err := x.fs.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// finish writes the journals and makes the names durable.
func (x *restoring) finish() error {
	manifest, ok := x.records[manifestName]
	if !ok || len(manifest) == 0 {
		return fmt.Errorf("%w: the backup has no manifest", ErrDamaged)
	}
	epoch := &edit{Epoch: x.info.Epoch + 1}
	x.records[manifestName] = append(manifest, epoch.encode())
	for name, records := range x.records {
		if len(records) == 0 {
			continue
		}
		to := filepath.Join(x.dir, filepath.FromSlash(name))
		if err := x.fs.MkdirAll(filepath.Dir(to)); err != nil {
			return err
		}
		j, _, err := wal.OpenJournal(x.fs, filepath.Dir(to), filepath.Base(to), wal.JournalOptions{}, func([]byte) error { return nil })
		if err != nil {
			return err
		}
		if err := j.Rewrite(slices.Values(records)); err != nil {
			return err
		}
	}
	for _, dir := range x.dirs {
		if err := x.fs.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}
