package app

import (
	"context"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	firn "github.com/firnlog/firn"
)

type verifyCommand struct {
	Data   string `default:"./data" type:"path" placeholder:"DIR" help:"The data directory (default: ./data). It may be served meanwhile."`
	Output string `short:"o" enum:"text,json" default:"text" placeholder:"FORM" help:"text or json (default: text)."`
}

func (c *verifyCommand) Help() string {
	return `Reads every file of the log and checks every checksum, the numbers of every
stream and the ranges of positions. Nothing is changed. Exit code 1 means that
something is wrong, and every finding names its file and its exact range.`
}

// Run verifies the log itself, or asks the server that has it open.
func (c *verifyCommand) Run(env *environment) error {
	if err := hasLog(c.Data); err != nil {
		return err
	}
	bar := env.newProgress(1, "verifying")
	start := time.Now()
	progress := func(done, total int64) { bar.limit(total); bar.set(done) }
	var report firn.VerifyReport
	err := withLog(c.Data, func(log *firn.Log) (err error) {
		report, err = log.Verify(env.ctx, progress)
		return err
	}, func(a *admin) (err error) {
		report, err = a.verify(env.ctx, progress)
		return err
	})
	bar.done()
	if err != nil {
		return err
	}
	if c.Output == "json" {
		err = env.printJSON(verifyJSON(report))
	} else {
		for _, p := range report.Problems {
			fmt.Fprintln(env.out, escape(fmt.Sprintf("%s: %s", p.File, p.Message)))
		}
		fmt.Fprintf(env.out, "%s, %s, %s, %s, %s read in %s\n", counted(report.Events, "event"), counted(int64(report.Instances), "instance"),
			counted(int64(report.Segments), "segment"), counted(int64(report.WALFiles), "write-ahead file"), byteSize(report.Bytes), brief(time.Since(start)))
	}
	if err != nil {
		return err
	}
	if n := len(report.Problems); n > 0 {
		return hint(fmt.Errorf("%s found in %s", counted(int64(n), "problem"), shortPath(c.Data)),
			"What is not named is whole and stays readable. Keep the directory as it is, and restore a backup beside it\nto get back what is missing; docs/operations.md says how.")
	}
	if c.Output == "text" {
		fmt.Fprintln(env.out, "everything is whole")
	}
	return nil
}

func verifyJSON(r firn.VerifyReport) jsontext.Value {
	o := object{}
	o.put("instances", number(int64(r.Instances)))
	o.put("segments", number(int64(r.Segments)))
	o.put("wal_files", number(int64(r.WALFiles)))
	o.put("events", number(r.Events))
	o.put("bytes", number(r.Bytes))
	problems := []jsontext.Value{}
	for _, p := range r.Problems {
		one := object{}
		one.put("file", quote(p.File))
		one.put("message", quote(p.Message))
		problems = append(problems, one.close())
	}
	o.put("problems", jsonList(problems))
	return o.close()
}

type backupCommand struct {
	Data  string `default:"./data" type:"path" placeholder:"DIR" help:"The data directory (default: ./data). It may be served meanwhile."`
	File  string `name:"output" short:"o" default:"-" placeholder:"FILE" help:"Where to write; - is standard output (default)."`
	Force bool   `help:"Replace the file if it is there."`
}

func (c *backupCommand) Help() string {
	return `Examples:
  firn backup -o firn.tar
  firn backup --data /var/lib/firn | ssh vault 'cat > firn.tar'

The copy is consistent: everything acknowledged when it began is in it. Appends go
on meanwhile. firn restore makes a log of it.`
}

// Run writes a tar of the log itself, or asks the server that has it open.
func (c *backupCommand) Run(env *environment) error {
	if err := hasLog(c.Data); err != nil {
		return err
	}
	if c.File == "-" && env.outTerminal {
		return usagef("a backup is no text for a terminal: give a file with --output, or pipe it on")
	}
	bar := env.newProgress(-1, "backing up")
	var written int64
	err := writeFile(env, c.File, c.Force, func(w io.Writer) error {
		out := &counting{to: w, bar: bar}
		defer func() { written = out.n }()
		return withLog(c.Data,
			func(log *firn.Log) error { return log.Backup(env.ctx, out) },
			func(a *admin) error { return a.backup(env.ctx, out) })
	})
	bar.done()
	if err != nil {
		return err
	}
	if c.File != "-" {
		env.say(fmt.Sprintf("backed up %s to %s, %s", shortPath(c.Data), c.File, byteSize(written)))
	}
	return nil
}

type restoreCommand struct {
	Data string `default:"./data" type:"path" placeholder:"DIR" help:"The directory to make the log in; it must hold none (default: ./data)."`
	File string `arg:"" help:"The backup; - is standard input."`
}

func (c *restoreCommand) Help() string {
	return `Examples:
  firn restore firn.tar --data ./restored
  firn verify --data ./restored

Readers that kept a position of the old log are told that this is another one.`
}

// Run makes a log from a backup.
func (c *restoreCommand) Run(env *environment) error {
	in, size := env.in, int64(-1)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			size = info.Size()
		}
		in = f
	} else if env.inTerminal {
		return usagef("standard input is this terminal: give a file, or pipe a backup in")
	}
	bar := env.newProgress(size, "restoring")
	err := firn.Restore(env.ctx, c.Data, io.TeeReader(in, &counting{to: io.Discard, bar: bar}))
	bar.done()
	if errors.Is(err, firn.ErrExists) {
		return hint(fmt.Errorf("restore into %s: %w", shortPath(c.Data), err), "Give an empty directory with --data: a log is never overwritten.")
	}
	if err != nil {
		return fmt.Errorf("restore into %s: %w", shortPath(c.Data), err)
	}
	env.say(fmt.Sprintf("restored into %s; check it with: firn verify --data %s", shortPath(c.Data), shortPath(c.Data)))
	return nil
}

// hasLog fails where there is no log: commands that read make none.
func hasLog(dir string) error {
	if err := noFile(dir); err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(dir, "log"))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return hint(fmt.Errorf("there is no log in %s", shortPath(dir)), "Give its directory with --data. `firn serve --data DIR` makes one.")
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no directory", filepath.Join(shortPath(dir), "log"))
	}
	return nil
}

// noFile refuses a file where a directory is needed.
func noFile(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return usagef("--data %s: is a file; a log is a directory", shortPath(dir))
	}
	return nil
}

// withLog opens the log of a directory, or, where a server has it open,
// speaks to that server.
func withLog(dir string, own func(*firn.Log) error, served func(*admin) error) error {
	log, err := firn.Open(dir, firn.Options{})
	if errors.Is(err, firn.ErrLocked) {
		if a, dialErr := dialAdmin(dir); dialErr == nil {
			return served(a)
		}
	}
	if err != nil {
		return explainOpen(dir, err)
	}
	err = own(log)
	if closeErr := log.Close(); closeErr != nil && !errors.Is(err, context.Canceled) {
		err = errors.Join(err, closeErr)
	}
	return err
}
