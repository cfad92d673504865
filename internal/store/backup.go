package store

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"time"
)

// A backup is a tar stream: first backupHead, then the files of the log in their
// places, where the manifest and the last numbers of the streams are plain lists
// of records, and at the end the sums of all that came before, so that a backup
// that was cut off is noticed.

const (
	backupVersion = 1
	backupHead    = "firn-backup.json"
	backupEnd     = "firn-backup-sums.json"
	// recordsSuffix marks the records of a journal as a JSON array of base64.
	recordsSuffix = ".records"
)

// backupInfo is the first entry of a backup.
type backupInfo struct {
	Version   int       `json:"firn_backup"`
	Identity  string    `json:"identity"`
	Epoch     int64     `json:"epoch"`
	CreatedAt time.Time `json:"created_at"`
	Bytes     int64     `json:"bytes"` // of the files, about
}

// Backup writes a consistent copy of the log to w as a tar stream, while
// appends go on: everything acknowledged before the call is in it.
func (l *Log) Backup(ctx context.Context, w io.Writer) error {
	if l.isClosed() {
		return ErrClosed
	}
	b := &backupWriter{ctx: ctx, tar: tar.NewWriter(w), log: l, sums: map[string]string{}, at: l.now()}
	h := l.holdAll()
	defer h.release()
	info := backupInfo{Version: backupVersion, Identity: h.state.identity, Epoch: h.state.epoch, CreatedAt: b.at}
	for _, f := range h.wal {
		info.Bytes += f.Size
	}
	for _, x := range h.instances {
		info.Bytes += x.view.version.bytes()
	}
	if err := b.json(backupHead, info); err != nil {
		return err
	}
	var manifest [][]byte
	for _, c := range h.state.contents {
		c.streams, c.numbers = nil, nil // restored journals are others
	}
	for rec := range h.state.snapshot() {
		manifest = append(manifest, rec)
	}
	if err := b.records(manifestName+recordsSuffix, manifest); err != nil {
		return err
	}
	for _, x := range h.instances {
		if err := b.instance(x); err != nil {
			return err
		}
	}
	for _, f := range h.wal {
		if err := b.file(path.Join(walDir, filepath.Base(f.Name)), f.Name, f.Size); err != nil {
			return err
		}
	}
	if err := b.json(backupEnd, b.sums); err != nil {
		return err
	}
	return b.tar.Close()
}

type backupWriter struct {
	ctx  context.Context
	tar  *tar.Writer
	log  *Log
	at   time.Time
	sums map[string]string // SHA-256 by name
}

func (b *backupWriter) instance(x heldInstance) error {
	dir := path.Join(instancesDir, x.in.id)
	if err := b.records(path.Join(dir, streamsName+recordsSuffix), slices.Collect(x.in.recordsOf(slices.Values(x.streams)))); err != nil {
		return err
	}
	for _, s := range x.view.version.segments {
		if err := b.file(path.Join(dir, segmentsDir, s.meta.Name), s.path(), s.meta.Bytes); err != nil {
			return err
		}
	}
	for _, r := range x.view.version.runs {
		if err := b.file(path.Join(dir, idsDir, r.meta.Name), r.path(), r.meta.Bytes); err != nil {
			return err
		}
	}
	return nil
}

// json writes an entry of its own.
func (b *backupWriter) json(name string, v any) error {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	return b.entry(name, int64(len(text)), bytes.NewReader(text))
}

// records writes a list of records as a JSON array of base64 strings.
func (b *backupWriter) records(name string, records [][]byte) error { return b.json(name, records) }

// file writes the first size bytes of a file.
func (b *backupWriter) file(name, from string, size int64) error {
	f, err := b.log.opts.FS.Open(from)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	err = b.entry(name, size, io.NewSectionReader(f, 0, size))
	return errors.Join(err, f.Close())
}

func (b *backupWriter) entry(name string, size int64, r io.Reader) error {
	if err := b.ctx.Err(); err != nil {
		return context.Cause(b.ctx)
	}
	head := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: size, ModTime: b.at, Format: tar.FormatPAX}
	if err := b.tar.WriteHeader(head); err != nil {
		return fmt.Errorf("backup: %s: %w", name, err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(b.tar, sum), r)
	if err == nil && n != size {
		err = fmt.Errorf("%w: it has %d bytes instead of %d", ErrDamaged, n, size)
	}
	if err != nil {
		return fmt.Errorf("backup: %s: %w", name, err)
	}
	b.sums[name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}
