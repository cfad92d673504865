package app

import (
	"context"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/firnlog/firn/target"
)

// environment is what a command has around it. Results go to out, everything
// else (progress, summaries, warnings, errors) to err, so that a pipe carries
// results only.
type environment struct {
	ctx context.Context
	in  io.Reader
	out io.Writer
	err io.Writer

	inTerminal, outTerminal, errTerminal bool

	width   int  // columns of the terminal; 80 where there is none
	wide    bool // tables are not cut at the width
	color   bool // colour what goes to out
	getenv  func(string) string
	environ []string      // the same as NAME=value
	kinds   []target.Kind // of targets, that are built in
	version versionInfo
	command string // the command that runs, for error messages
}

// tableWidth is how wide a table may be: as wide as it is where no terminal
// cuts it.
func (env *environment) tableWidth() int {
	if env.outTerminal {
		return env.width
	}
	return 1 << 30
}

// terminal is the environment of a process.
func terminal(in, out, err *os.File) *environment {
	env := &environment{
		ctx: context.Background(), in: in, out: out, err: err, width: 80, getenv: os.Getenv, environ: os.Environ(),
		inTerminal:  term.IsTerminal(int(in.Fd())),
		outTerminal: term.IsTerminal(int(out.Fd())),
		errTerminal: term.IsTerminal(int(err.Fd())),
	}
	if env.outTerminal {
		if w, _, err := term.GetSize(int(out.Fd())); err == nil && w > 20 {
			env.width = w
		}
		env.color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return env
}
