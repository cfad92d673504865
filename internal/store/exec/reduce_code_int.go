package exec

import (
	"context"
	"math/bits"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// Integers and instants are numbered through a table where those of a block lie
// close together, as most do, else through a map.

// tableLeast is how far apart the keys of a table may lie for however few
// lookups; else it is a few times as many as there are lookups.
const tableLeast = 1 << 12

// intCodes finds the number of each integer key that occurs, which is made
// when the key occurs first.
type intCodes struct {
	least int64
	table []uint32 // 1 + number, by key - least; nil: seen
	seen  map[int64]uint32
	// number makes the number of a key that has none yet.
	number func(key int64) uint32
}

// newIntCodes is for so many lookups of keys from least to most.
func (r *reader) newIntCodes(lookups int, least, most int64, number func(key int64) uint32) (*intCodes, error) {
	c := &intCodes{least: least, number: number}
	if width := uint64(most) - uint64(least); width < uint64(max(tableLeast, 4*lookups)) {
		if err := r.Charge(int64(width+1) * 4); err != nil {
			return nil, err
		}
		c.table = make([]uint32, width+1)
		return c, nil
	}
	c.seen = map[int64]uint32{}
	return c, nil
}

func (c *intCodes) of(key int64) uint32 {
	if c.table != nil {
		to := &c.table[key-c.least]
		if *to == 0 {
			*to = 1 + c.number(key)
		}
		return *to - 1
	}
	code, ok := c.seen[key]
	if !ok {
		code = c.number(key)
		c.seen[key] = code
	}
	return code
}

// codeInts numbers the values that an integer vector holds of some rows.
func (n *numbering) codeInts(fr *fieldReader, v *column.Vector, rows column.Bitmap, codes []uint32) error {
	least, most := v.Extent(rows)
	if least > most {
		return nil
	}
	known, err := fr.r.newIntCodes(fr.r.rows, least, most, func(i int64) uint32 {
		return n.number(string(appendInt(nil, i, fr.field)))
	})
	if err != nil {
		return err
	}
	if known.table != nil {
		return n.codeByTable(fr, v, rows, codes, known)
	}
	return fr.r.eachRow(rows, func(row int) error {
		if v.Valid == nil || v.Valid.Get(row) {
			codes[row] = known.of(v.Ints[row])
		}
		return n.fault
	})
}

// codeByTable is codeInts where the integers lie close together.
func (n *numbering) codeByTable(fr *fieldReader, v *column.Vector, rows column.Bitmap, codes []uint32, known *intCodes) error {
	for w, m := range rows {
		if w%(pulse/64) == 0 && fr.r.ctx.Err() != nil {
			return context.Cause(fr.r.ctx)
		}
		for m &= word(v.Valid, w); m != 0; m &= m - 1 {
			row := w<<6 + bits.TrailingZeros64(m)
			if code := known.table[v.Ints[row]-known.least]; code > 0 {
				codes[row] = code - 1
			} else if codes[row] = known.of(v.Ints[row]); n.fault != nil {
				return n.fault
			}
		}
	}
	return nil
}

// Instants are looked up in steps, a minute or the bucket itself where that is
// shorter: time buckets begin on whole steps of every zone in use since 1972.
// Those before that are looked up one by one.
const (
	second     = int64(time.Second / time.Microsecond)
	minute     = 60 * second
	wholeSteps = 3 * 365 * 24 * 60 * minute // since 1970
)

// bucketStep is the step, in microseconds, of a bucket.
func bucketStep(b query.Bucket) int64 {
	if b.Unit == 's' {
		return int64(b.Count) * second
	}
	return minute
}

// codeBuckets numbers the time buckets of some rows. A time zone is slow to ask,
// so it is asked once a step that occurs.
func (r *reader) codeBuckets(key query.GroupKey, rows column.Bitmap, zone *time.Location) (*coding, error) {
	if c := r.oneBucket(key, zone); c != nil {
		return c, nil
	}
	v, err := r.ints(key.Field.Root)
	if err != nil {
		return nil, err
	}
	whole, unit := bucketStep(key.Bucket), int64(1)
	if key.Field.Root == query.RecordedAt {
		unit = 1000
	}
	step, from := whole/unit, wholeSteps/whole
	n := r.newNumbering()
	bucketOf := func(micros int64) uint32 {
		start := key.Bucket.Start(micros, zone)
		return n.number(borrowed(event.AppendQuoted(nil, key.Bucket.Format(start, zone))))
	}
	codes, err := r.newCodes()
	if err != nil {
		return nil, err
	}
	least, most := v.Extent(rows)
	if least > most {
		return &coding{n: 0, codes: codes, appendText: n.appendText}, nil
	}
	known, err := r.newIntCodes(r.rows, max(least/step, from), most/step, func(m int64) uint32 { return bucketOf(m * whole) })
	if err != nil {
		return nil, err
	}
	err = r.eachRow(rows, func(row int) error {
		m := v.Ints[row] / step
		switch {
		case m < from:
			codes[row] = bucketOf(v.Ints[row] * unit)
		case known.table != nil && known.table[m-known.least] > 0:
			codes[row] = known.table[m-known.least] - 1
			return nil
		default:
			codes[row] = known.of(m)
		}
		return n.fault
	})
	return &coding{n: len(n.texts), codes: codes, appendText: n.appendText}, err
}

// oneBucket is the coding of a block whose rows are all in one time bucket, as its
// statistics tell; nil of any other.
func (r *reader) oneBucket(key query.GroupKey, zone *time.Location) *coding {
	least, most := r.ref.MinTimestamp, r.ref.MaxTimestamp
	if key.Field.Root == query.RecordedAt {
		least, most = r.ref.MinRecorded*1000, r.ref.MaxRecorded*1000
	}
	start := key.Bucket.Start(least, zone)
	if key.Bucket.Start(most, zone) != start {
		return nil
	}
	if zone != nil { // where the clocks are put back, an earlier bucket may go on
		if _, until := time.UnixMicro(least).In(zone).ZoneBounds(); !until.IsZero() && until.UnixMicro() <= most {
			return nil
		}
	}
	text := event.AppendQuoted(nil, key.Bucket.Format(start, zone))
	return &coding{n: 1, appendText: func(dst []byte, _ uint32) []byte { return append(dst, text...) }}
}
