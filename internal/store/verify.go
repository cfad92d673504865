package store

import (
	"context"
	"errors"
	"io"
)

func (l *Log) Verify(ctx context.Context, progress func(done, total int64)) (VerifyReport, error) {
	return VerifyReport{}, errors.ErrUnsupported
}

func (l *Log) Backup(ctx context.Context, w io.Writer) error { return errors.ErrUnsupported }

func Restore(ctx context.Context, dir string, r io.Reader, opts Options) error {
	return errors.ErrUnsupported
}
