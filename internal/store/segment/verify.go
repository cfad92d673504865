package segment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/firnlog/firn/internal/store/column"
)

// Verify reads the whole segment and checks every checksum, that every page can
// be decoded, that every event's text can be put together, and every number:
// positions strictly increase and keep within their ranges, sequence numbers
// increase with them in each stream. It needs memory for one row group. The
// error is a *DamageError, or the context's.
func (s *Segment) Verify(ctx context.Context) (err error) {
	defer s.guard(&err)
	if err := s.verifyBlocks(ctx); err != nil {
		return err
	}
	last := int64(0)
	for i, g := range s.Groups() {
		if g.FirstPosition <= last || g.LastPosition < g.FirstPosition {
			return s.damaged(fmt.Errorf("row group %d holds positions %d to %d after %d", i, g.FirstPosition, g.LastPosition, last))
		}
		last = g.LastPosition
		if err := s.verifyGroup(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// verifyBlocks reads all bytes before the tail.
func (s *Segment) verifyBlocks(ctx context.Context) error {
	const stretch = 64
	for from := int64(0); from < s.file.start; from += stretch * s.file.blockSize {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, _, err := s.file.blocks(nil, from, min(stretch*s.file.blockSize, s.file.start-from)); err != nil {
			return s.damaged(err)
		}
	}
	var magic [4]byte
	if _, err := s.file.ReadAt(magic[:], 0); err != nil && !errors.Is(err, io.EOF) || string(magic[:]) != "PAR1" {
		return s.damaged(errors.New("it does not start as a Parquet file does"))
	}
	return nil
}

func (s *Segment) verifyGroup(ctx context.Context, g Group) error {
	b := column.NewBuilder(column.Meta{}) // its ranges must be those of the group
	previous := map[string]int64{}
	var sized column.Sizes
	n := 0
	for r, err := range column.Rows(g.Block(), nil) {
		if err != nil {
			return s.damaged(err)
		}
		if n++; n%rowsBetweenChecks == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if r.SequenceNumber <= previous[r.StreamID] {
			return s.damaged(fmt.Errorf("position %d has number %d of stream %q after number %d", r.Position, r.SequenceNumber, r.StreamID, previous[r.StreamID]))
		}
		previous[r.StreamID] = r.SequenceNumber
		sized.Add(n-1, int64(r.Content()))
		r.Payload, r.Metadata = nil, nil
		if err := b.Append(r); err != nil {
			return s.damaged(err)
		}
	}
	if got := ranges(b); got != g.Ranges {
		return s.damaged(fmt.Errorf("rows have ranges %+v, the footer says %+v", got, g.Ranges))
	}
	if want := g.seg.doc.Groups[g.index].Sizes; !slices.Equal(sized.Total, want.Total) || !slices.Equal(sized.Most, want.Most) || !slices.Equal(sized.Large, want.Large) {
		return s.damaged(errors.New("rows do not have the sizes that the footer says"))
	}
	return s.verifyPositions(b)
}

// verifyPositions checks that no position occurs twice, and that in each stream
// numbers and positions increase together.
func (s *Segment) verifyPositions(b *column.Builder) error {
	position := b.Column(column.ColPosition).Vector(b.Rows()).Ints
	sequence := b.Column(column.ColSequence).Vector(b.Rows()).Ints
	streams := b.Column(column.ColStream).Vector(b.Rows())
	last, latest := int64(0), map[string]int64{}
	for _, row := range rowOrder(b, false) {
		if position[row] <= last {
			return s.damaged(fmt.Errorf("position %d occurs twice", position[row]))
		}
		last = position[row]
		stream := streams.Text(int(row))
		if sequence[row] <= latest[stream] {
			return s.damaged(fmt.Errorf("position %d has number %d of stream %q after number %d", last, sequence[row], stream, latest[stream]))
		}
		latest[stream] = sequence[row]
	}
	return nil
}
