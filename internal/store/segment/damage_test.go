package segment

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/column/columntest"
)

// readEvents opens data and reads all its events.
func readEvents(data []byte) ([]string, error) {
	s, err := Open("flipped.parquet", memoryFile{bytes.NewReader(data)}, int64(len(data)), nil)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, g := range s.Groups() {
		for r, err := range column.Rows(g.Block(), nil) {
			if err != nil {
				return nil, err
			}
			texts = append(texts, string(r.Payload)+string(r.Metadata)+r.StreamID+r.EventType)
		}
	}
	return texts, nil
}

// Every byte is under a checksum: a flipped bit anywhere is found by Verify, and
// what is read nevertheless is right.
func TestFlippedBitsAreFound(t *testing.T) {
	t.Parallel()
	data, _ := write(t, columntest.NewSampler(1).Rows(300))
	want, err := readEvents(data)
	if err != nil {
		t.Fatal(err)
	}
	const seed = 7
	r := rand.New(rand.NewPCG(seed, seed))
	for range 2000 {
		bit := r.IntN(8 * len(data))
		flipped := bytes.Clone(data)
		flipped[bit/8] ^= 1 << (bit % 8)
		if got, err := readEvents(flipped); err != nil {
			checkDamage(t, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: bit %d flipped gives other events:\n%s", seed, bit, diff)
		}
		s, err := Open("flipped.parquet", memoryFile{bytes.NewReader(flipped)}, int64(len(flipped)), nil)
		if err == nil {
			err = s.Verify(context.Background())
		}
		if err == nil {
			t.Fatalf("seed %d: Verify did not find flipped bit %d of %d", seed, bit, 8*len(data))
		}
		checkDamage(t, err)
	}
}

func TestCutFilesAreRefused(t *testing.T) {
	t.Parallel()
	data, _ := write(t, columntest.NewSampler(1).Rows(50))
	for n := 0; n < len(data); n += 1 + n/100 {
		_, err := Open("cut.parquet", memoryFile{bytes.NewReader(data[:n])}, int64(n), nil)
		if err == nil {
			t.Fatalf("a file cut to %d of %d bytes was opened", n, len(data))
		}
		checkDamage(t, err)
	}
}

func checkDamage(t *testing.T, err error) {
	t.Helper()
	var d *DamageError
	if !errors.As(err, &d) || !strings.Contains(err.Error(), ".parquet") {
		t.Fatalf("error %v does not name the damaged file", err)
	}
	if d.First != 0 && (d.First != 1 || !strings.Contains(err.Error(), "positions 1 to ")) {
		t.Fatalf("error %v does not name the positions", err)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	f := newFileWriter(&out, testInstance, true)
	f.doc.Format = FormatVersion + 1
	rows := columntest.NewSampler(1).Rows(3)
	for i := range rows {
		if err := f.append(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.close(); err != nil {
		t.Fatal(err)
	}
	_, err := Open("new.parquet", memoryFile{bytes.NewReader(out.Bytes())}, int64(out.Len()), nil)
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "new.parquet") {
		t.Fatalf("error %v, want ErrNewer with the file's name", err)
	}
}

func FuzzOpen(f *testing.F) {
	data, _ := write(f, columntest.NewSampler(1).Rows(20))
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte("PAR1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Open("fuzz.parquet", memoryFile{bytes.NewReader(data)}, int64(len(data)), nil)
		if err == nil {
			err = s.Verify(t.Context())
		}
		_ = err // must not panic
	})
}
