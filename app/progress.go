package app

import (
	"io"

	"github.com/schollz/progressbar/v3"
)

// progress is a bar on a terminal, and nothing anywhere else.
type progress struct{ bar *progressbar.ProgressBar }

// newProgress shows a bar of total bytes, a counter where total is not known
// (below 0), or nothing where standard error is no terminal.
func (env *environment) newProgress(total int64, doing string) *progress {
	if !env.errTerminal {
		return &progress{}
	}
	return &progress{progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(env.err),
		progressbar.OptionSetDescription(doing),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100_000_000), // 100 ms
		progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSpinnerType(14),
	)}
}

func (p *progress) set(n int64) {
	if p.bar != nil {
		_ = p.bar.Set64(n) // a bar that cannot be drawn is no fault of the work
	}
}

func (p *progress) limit(total int64) {
	if p.bar != nil && total > 0 {
		p.bar.ChangeMax64(total)
	}
}

func (p *progress) say(doing string) {
	if p.bar != nil {
		p.bar.Describe(doing)
	}
}

// done takes the bar away.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
		_ = p.bar.Exit()
	}
}

// counting passes on what is written and shows how much it is.
type counting struct {
	to  io.Writer
	n   int64
	bar *progress
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += int64(n)
	c.bar.set(c.n)
	return n, err
}
