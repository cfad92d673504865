package segment

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// compressWindow is how far back the compressor looks, in bytes: over the whole
// of a page, but for those of one value that is larger. It keeps twice as much,
// which with the library's 8 MiB would be the most of what sealing needs.
const compressWindow = 2 * pageBytes

// Pages of a sealed file are compressed fast, those of a merged one well: a
// tenth smaller for half as much time again (BenchmarkWrite).
var (
	fast = &compressor{level: zstd.SpeedDefault}
	well = &compressor{level: zstd.SpeedBetterCompression}
)

// compressor compresses pages with zstd whose encoders need little memory.
type compressor struct {
	level    zstd.EncoderLevel
	encoders sync.Pool
}

// encode compresses a page into dst.
func (c *compressor) encode(dst, src []byte) ([]byte, error) {
	e, ok := c.encoders.Get().(*zstd.Encoder)
	if !ok {
		var err error
		e, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(c.level), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(compressWindow), zstd.WithZeroFrames(true), zstd.WithEncoderCRC(false))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
	}
	defer c.encoders.Put(e)
	return e.EncodeAll(src, dst[:0]), nil
}
