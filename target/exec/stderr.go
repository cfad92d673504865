package exec

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/firnlog/firn/internal/inert"
)

// What a program says on its standard error goes to Firn's log, so many lines a
// window and so many bytes a line.
const (
	windowLines  = 100
	windowLength = 10 * time.Second
	stderrLine   = 4 << 10
)

// stderrLog writes a program's standard error to the log.
type stderrLog struct {
	logger *slog.Logger

	mu      sync.Mutex
	latest  string
	since   time.Time // when the window began
	lines   int       // of this window
	skipped int       // not yet told
}

// read logs lines until there are no more.
func (s *stderrLog) read(r io.Reader) {
	lines := bufio.NewReaderSize(r, stderrLine)
	rest := false // of a line that was too long
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 && !rest {
			s.line(line, time.Now())
		}
		if rest = errors.Is(err, bufio.ErrBufferFull); err != nil && !rest {
			return
		}
	}
}

func (s *stderrLog) line(line []byte, now time.Time) {
	if line[len(line)-1] == '\n' {
		line = line[:len(line)-1]
	}
	text := inert.Text(cut(string(line), stderrLine))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest = text; now.Sub(s.since) >= windowLength {
		s.tellSkipped()
		s.since, s.lines = now, 0
	}
	if s.lines++; s.lines > windowLines {
		s.skipped++
		return
	}
	s.logger.Warn("plugin", "stderr", text)
}

// summary tells what was left out last.
func (s *stderrLog) summary() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tellSkipped()
}

func (s *stderrLog) tellSkipped() {
	if s.skipped > 0 {
		s.logger.Warn("plugin: too much on standard error", "lines_left_out", s.skipped)
		s.skipped = 0
	}
}

// last is the program's last line, shortened.
func (s *stderrLog) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cut(s.latest, 200)
}
