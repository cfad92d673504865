package segment

import (
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"
	"sync/atomic"
)

// checkedFile reads a file and verifies the checksum of every block it touches.
type checkedFile struct {
	r         io.ReaderAt
	size      int64
	blockSize int64
	sums      checksumTable
	start     int64  // of the tail
	tail      []byte // verified
	read      atomic.Int64
}

// ReadAt implements io.ReaderAt.
func (f *checkedFile) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 || offset >= f.size {
		return 0, io.EOF
	}
	if offset >= f.start {
		n := copy(p, f.tail[offset-f.start:])
		if n < len(p) {
			return n, io.EOF
		}
		return n, nil
	}
	data, from, err := f.blocks(nil, offset, int64(len(p)))
	if err != nil {
		return 0, err
	}
	n := copy(p, data[offset-from:])
	if n < len(p) { // the tail follows
		m, err := f.ReadAt(p[n:], offset+int64(n))
		return n + m, err
	}
	return n, nil
}

// blocks reads and verifies the blocks that hold n bytes at offset, as far as
// they are before the tail, and returns them with the offset they start at. They
// are in buffer where that has room for them.
func (f *checkedFile) blocks(buffer []byte, offset, n int64) (data []byte, from int64, err error) {
	first := offset / f.blockSize
	from = first * f.blockSize
	to := min((offset+n+f.blockSize-1)/f.blockSize*f.blockSize, f.start)
	data = slices.Grow(buffer[:0], int(to-from))[:to-from]
	if err := readFull(f.r, data, from); err != nil {
		return nil, 0, err
	}
	f.read.Add(int64(len(data)))
	for i := int64(0); i*f.blockSize < int64(len(data)); i++ {
		block := data[i*f.blockSize : min((i+1)*f.blockSize, int64(len(data)))]
		if first+i >= int64(len(f.sums)) || crc32.Checksum(block, castagnoli) != f.sums[first+i] {
			return nil, 0, fmt.Errorf("bytes %d to %d do not match their checksum", from+i*f.blockSize, from+i*f.blockSize+int64(len(block))-1)
		}
	}
	return data, from, nil
}

// window reads ahead for one reader of a stretch of the file.
type window struct {
	file    *checkedFile
	counted *atomic.Int64 // bytes read are added to it
	data    []byte
	from    int64
}

// load makes the window hold n bytes at offset.
func (w *window) load(offset, n int64) error {
	if offset < 0 || n < 0 || offset+n > w.file.start {
		return fmt.Errorf("the footer points to %d bytes at %d, beyond the pages", n, offset)
	}
	if w.data == nil {
		w.data = *windows.Get().(*[]byte)
	}
	data, from, err := w.file.blocks(w.data, offset, n)
	if err != nil {
		w.data = w.data[:0]
		return err
	}
	w.data, w.from = data, from
	w.counted.Add(int64(len(data)))
	return nil
}

// windows has what closed windows had read into.
var windows = sync.Pool{New: func() any { return new([]byte) }}

// largestWindow is how many bytes one of windows has at most.
const largestWindow = 4 << 20

// close ends the use of what was read.
func (w *window) close() {
	if data := w.data[:0]; cap(data) > 0 && cap(data) <= largestWindow {
		windows.Put(&data)
	}
	w.data = nil
}

// ReadAt implements io.ReaderAt.
func (w *window) ReadAt(p []byte, offset int64) (int, error) {
	if offset < w.from || offset+int64(len(p)) > w.from+int64(len(w.data)) {
		if offset < 0 || offset >= w.file.start {
			return w.file.ReadAt(p, offset)
		}
		if err := w.load(offset, min(int64(len(p)), w.file.start-offset)); err != nil {
			return 0, err
		}
	}
	n := copy(p, w.data[offset-w.from:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
