package segment

import (
	"context"
	"fmt"
	"io"

	"github.com/firnlog/firn/internal/store/column"
)

// Merge writes the rows of segments of one instance, which are in order of
// position, to one new segment, row group by row group: its memory is that of
// Write. With keep, only the rows that keep returns for a block are written
// (nil = all of the block): that is how retention and purge rewrite. Positions
// stay what they are. ErrEmpty if nothing is kept.
func Merge(ctx context.Context, w io.Writer, segments []*Segment, keep func(column.Block) (column.Bitmap, error)) (Info, error) {
	if len(segments) == 0 {
		return Info{}, ErrEmpty
	}
	first := segments[0].info
	f := newFileWriter(w, Instance{ID: first.InstanceID, Key: first.Key}, true)
	f.codec = well
	last, rows := int64(0), 0
	for _, s := range segments {
		rows += s.info.Rows
	}
	f.expect(rows)
	for _, s := range segments {
		if s.info.InstanceID != first.InstanceID || s.info.Key != first.Key {
			return Info{}, fmt.Errorf("segment %s is of another instance than %s", s.name, segments[0].name)
		}
		if s.info.FirstPosition <= last {
			return Info{}, fmt.Errorf("segment %s starts at position %d, not after %d", s.name, s.info.FirstPosition, last)
		}
		last = s.info.LastPosition
		for _, g := range s.Groups() {
			if err := f.copyGroup(ctx, g, keep); err != nil {
				return Info{}, err
			}
		}
	}
	return f.close()
}

// copyGroup appends a row group's rows. They are not in order of position, so
// that all of them must go into one row group.
func (f *fileWriter) copyGroup(ctx context.Context, g Group, keep func(column.Block) (column.Bitmap, error)) error {
	b := g.Block()
	var rows column.Bitmap
	if keep != nil {
		var err error
		if rows, err = keep(b); err != nil {
			return err
		}
	}
	kept := g.Rows
	if rows != nil {
		kept = rows.Count()
	}
	content := g.seg.doc.Groups[g.index].Sizes.Sum() * int64(kept) / int64(max(g.Rows, 1))
	if f.builder.Rows() > 0 && !f.takes(kept, content) {
		if err := f.endGroup(); err != nil {
			return err
		}
	}
	n := 0
	for r, err := range column.Rows(b, rows) {
		if err != nil {
			return err
		}
		if n++; n%rowsBetweenChecks == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		f.doc.Info.Content += int64(r.Content())
		f.toCome--
		if err := f.builder.Append(r); err != nil {
			return fmt.Errorf("segment: merging %s: %w", g.seg.name, err)
		}
	}
	if f.full() {
		return f.endGroup()
	}
	return nil
}

const rowsBetweenChecks = 4096
