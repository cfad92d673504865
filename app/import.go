package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/event"
)

type importCommand struct {
	connection
	Instance    string `short:"i" required:"" placeholder:"NAME" help:"Instance, by id or name; made if it does not exist (--no-create refuses that)."`
	Create      bool   `default:"true" negatable:"" help:"Make the instance if it does not exist."`
	Format      string `enum:"auto,ndjson,csv" default:"auto" placeholder:"FORMAT" help:"ndjson or csv (default: by the file's name, else ndjson)."`
	Batch       int    `default:"5000" placeholder:"N" help:"Events a batch, stored together (default: 5000)."`
	SkipBad     bool   `help:"Pass over lines that cannot be events, report them, and go on."`
	CheckFields bool   `default:"true" negatable:"" help:"Stop where the first ${checked_records} records (or all of a shorter file) never have a field that a flag names; --no-check-fields only warns at the end."`
	Delimiter   string `placeholder:"CHAR" help:"What separates the cells of CSV: one character, or tab (default: found out from the first line)."`
	CSVText     bool   `name:"csv-text" help:"Take every CSV cell as text; without it, numbers, true and false are what they look like."`
	mapping
	File string `arg:"" help:"The file; - is standard input."`
}

func (c *importCommand) Help() string {
	return `Examples:
  firn import -i shop backup.ndjson                  what firn export wrote
  go test -json std | firn import -i go-tests \
      --time-field Time --type-field Action --stream-field Package -
  firn import -i web --type request --time-field ts --time-format unix \
      --actor-field user access.csv

Each line is an event, and importing the same file again, or on after it was
interrupted, stores nothing twice: a line that brings no id gets one that follows
from the file's content. A line that cannot be an event stops the import and is
named; mend it and run the same command again, or give --skip-bad. The instance
system records that an import began (backfill.started), and that it is done or
failed; one that was interrupted leaves its beginning only.`
}

// Run imports until the end of the file.
func (c *importCommand) Run(env *environment) error {
	if c.Batch < 1 || c.Batch > 100_000 {
		return usagef("--batch must be 1 to 100000")
	}
	name, in, size, err := c.file(env)
	if err != nil {
		return err
	}
	defer in.Close()
	src, err := c.source(env, in, name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	imp := &importing{importCommand: c, env: env, session: s, name: name, src: src, regular: size >= 0, watch: c.watch(), bar: env.newProgress(size, "importing "+filepath.Base(name))}
	err = imp.record(env.ctx)
	imp.bar.done()
	imp.report(err)
	if err != nil {
		return imp.explain(err)
	}
	return nil
}

func (c *importCommand) file(env *environment) (name string, in io.ReadCloser, size int64, err error) {
	if c.File == "-" {
		if env.inTerminal {
			return "", nil, 0, usagef("standard input is this terminal: give a file, or pipe something in")
		}
		return "stdin", io.NopCloser(env.in), -1, nil
	}
	f, err := os.Open(c.File)
	if err != nil {
		return "", nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory: give a file", c.File)
	}
	if err != nil {
		return "", nil, 0, errors.Join(err, f.Close())
	}
	size = info.Size()
	if !info.Mode().IsRegular() {
		size = -1
	}
	return c.File, f, size, nil
}

func (c *importCommand) source(env *environment, file io.Reader, name string) (source, error) {
	in := bufio.NewReaderSize(file, 256<<10)
	if err := refuseBinary(in, name); err != nil {
		return nil, err
	}
	format, delimiter := c.Format, rune(0)
	switch extension := strings.ToLower(filepath.Ext(name)); {
	case format != "auto":
	case extension == ".csv", extension == ".tsv":
		format = "csv"
	}
	if format != "csv" {
		return newNDJSON(in, c.split()), nil
	}
	switch {
	case c.Delimiter == "tab" || c.Delimiter == `\t`:
		delimiter = '\t'
	case utf8.RuneCountInString(c.Delimiter) == 1 && !strings.Contains("\"\r\n\ufffd", c.Delimiter):
		delimiter, _ = utf8.DecodeRuneInString(c.Delimiter)
	case c.Delimiter != "":
		return nil, usagef("--delimiter %q: one character, such as ';', or tab", c.Delimiter)
	}
	src, err := newCSV(in, !c.foreign(), c.CSVText, delimiter)
	if err != nil {
		return nil, err
	}
	if c.Delimiter == "" && src.in.Comma != ',' {
		env.say(fmt.Sprintf("firn: %s: the cells are separated by %q; --delimiter says otherwise", name, src.in.Comma))
	}
	if c.foreign() {
		return src, c.mapping.inHeader(src.header)
	}
	return src, nil
}

// importing is one run of an import.
type importing struct {
	*importCommand
	env     *environment
	session *session
	name    string
	src     source
	regular bool // the file is one, and can be read ahead
	bar     *progress
	parser  event.Parser
	job     job

	stored, duplicates int64
	batches            int
	watch              *fieldWatch // nil where no field is mapped
	bad                []error     // the first of them
	badCount           int64
	lastLine           int // that has been stored
	// ownIDs says that the id of a conflict was made by the import.
	ownIDs bool
}

// parsed is a record that is an event, or the fault of one that is not.
type parsed struct {
	draft  event.Draft
	line   int
	offset int64
	err    error
}

// linger is how long an event waits for its batch to fill, so that what comes
// in slowly through a pipe is seen at once.
const linger = 500 * time.Millisecond

// run reads and parses in one goroutine and stores in this one, so that a batch
// is read while another is on its way to the disk.
func (im *importing) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan parsed, 2*im.Batch)
	go func() {
		defer close(events)
		im.read(ctx, events)
	}()
	b := batch{instance: im.Instance, create: im.Create}
	var lines []parsed
	full := time.NewTimer(linger)
	defer full.Stop()
	for {
		select {
		case p, more := <-events:
			if !more {
				if err := im.store(ctx, &b, lines); err != nil {
					return err
				}
				return im.finish(ctx)
			}
			if p.err != nil {
				if err := im.refuse(p, ctx, &b, lines); err != nil {
					return err
				}
				continue
			}
			if len(lines) == 0 {
				full.Reset(linger)
			}
			lines = append(lines, p)
			b.events = append(b.events, p.draft)
			if len(lines) < im.Batch && !tooLarge(&b, p) {
				continue
			}
		case <-full.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := im.store(ctx, &b, lines); err != nil {
			return err
		}
		b.events, b.bytes, lines = b.events[:0], 0, lines[:0]
	}
}

// tooLarge adds an event to the size of its batch and says when that is
// enough for one request.
func tooLarge(b *batch, p parsed) bool {
	b.bytes += len(p.draft.Payload) + len(p.draft.Metadata) + len(p.draft.EventType) + len(p.draft.StreamID) + 200
	return b.bytes > 8<<20
}

// refuse deals with a record that is no event: it ends the import, after what
// came before it has been stored, or is counted.
func (im *importing) refuse(p parsed, ctx context.Context, b *batch, lines []parsed) error {
	var bad *badRecord
	if im.SkipBad && errors.As(p.err, &bad) {
		im.pass(p.err)
		return nil
	}
	var absent *absentField
	if errors.As(p.err, &absent) {
		return p.err // what came before it is as wrong
	}
	if err := im.store(ctx, b, lines); err != nil {
		return err
	}
	return p.err
}

// finish makes the instance of a file that had no event, so that it is there
// whether the file was empty or not.
func (im *importing) finish(ctx context.Context) error {
	if im.batches > 0 {
		return nil
	}
	if err := im.begin(ctx, true); err != nil {
		return err
	}
	_, err := im.session.client.Instance(ctx, im.Instance)
	var answered *client.Error
	if im.Create && errors.As(err, &answered) && answered.Status == http.StatusNotFound {
		_, err = im.session.createInstance(ctx, im.Instance, settings{})
	}
	return err
}

// read parses record after record. Those of a regular file wait until it is
// known that they have the fields that the flags name, so that nothing is
// stored that was meant otherwise.
func (im *importing) read(ctx context.Context, out chan<- parsed) {
	const maxHeld = 16 << 20 // bytes
	var held []parsed
	size := 0
	send := func(all ...parsed) bool {
		for _, p := range all {
			select {
			case out <- p:
			case <-ctx.Done():
				return false
			}
		}
		return true
	}
	for {
		p, err := im.next()
		p.err = err
		ended := errors.Is(err, io.EOF)
		if fault := im.watch.check(ended); fault != nil {
			send(parsed{line: p.line, err: fault})
			return
		}
		if ended {
			send(held...)
			return
		}
		held, size = append(held, p), size+len(p.draft.Payload)
		var bad *badRecord
		final := err != nil && !errors.As(err, &bad)
		if !final && im.regular && size < maxHeld && im.watch.undecided() {
			continue
		}
		if !send(held...) || final {
			return
		}
		held, size = held[:0], 0
	}
}

func (im *importing) next() (parsed, error) {
	r, err := im.src.next()
	if err != nil {
		return parsed{}, err
	}
	p := parsed{line: r.line, offset: r.offset}
	text := r.text
	switch {
	case im.foreign():
		im.watch.saw(r.members)
		text, err = im.mapping.event(r.members)
	case im.split():
		text, err = im.mapping.retime(r.members)
	}
	if err != nil {
		return p, &badRecord{r.line, err}
	}
	im.parser.DropServerFields = true
	d, err := im.parser.AppendLine(nil, text)
	if err != nil {
		return p, &badRecord{r.line, plainEventError(err)}
	}
	p.draft = d[0]
	if p.draft.ID == "" {
		p.draft.ID = r.id
	}
	if p.draft.StreamID == "" {
		p.draft.StreamID = im.mapping.Stream
	}
	return p, nil
}

// plainEventError leaves out the index of the event: the line says it.
func plainEventError(err error) error {
	var bad *event.InvalidError
	if errors.As(err, &bad) {
		one := *bad
		one.Index = -1
		return &one
	}
	return err
}

// report says what came of it, also when it ended early.
func (im *importing) report(err error) {
	for _, bad := range im.bad {
		im.env.say("firn: " + im.name + ":" + strings.TrimPrefix(bad.Error(), "line "))
	}
	if more := im.badCount - int64(len(im.bad)); more > 0 {
		im.env.say(fmt.Sprintf("firn: … and %s more", counted(more, "bad line")))
	}
	if err == nil {
		im.watch.warn(im.env, im.name)
	}
	summary := fmt.Sprintf("imported %s into %s", counted(im.stored, "event"), im.Instance)
	if im.duplicates > 0 {
		summary += fmt.Sprintf(", %s there already", were(im.duplicates))
	}
	if im.badCount > 0 {
		summary += fmt.Sprintf(", passed over %s", counted(im.badCount, "bad line"))
	}
	if err != nil {
		summary += fmt.Sprintf(", up to line %d", im.lastLine)
	}
	im.env.say(summary)
	if err == nil && im.job.old {
		im.env.say("firn: the server is of an older version, and does not record imports in the instance system")
	}
}

func were(n int64) string {
	if n == 1 {
		return "1 was"
	}
	return grouped(n) + " were"
}

// explain says how to go on.
func (im *importing) explain(err error) error {
	const again = "Run the same command again to go on: what is stored is not stored twice."
	var bad *badRecord
	var invalid *event.InvalidError
	switch {
	case errors.As(err, &bad) && errors.As(err, &invalid) && invalid.Code == event.CodeUnknownField && !im.foreign():
		return hint(fmt.Errorf("%s:%d: %w", im.name, bad.line, bad.err),
			"If these are records of another program, say which field is which: --type-field FIELD (or --type TYPE for all),\n--time-field FIELD, --stream-field FIELD and so on; the rest goes to the payload.")
	case errors.As(err, &bad):
		return hint(fmt.Errorf("%s:%d: %w", im.name, bad.line, bad.err), "Mend the line, or give --skip-bad to pass over it.\n%s", again)
	case isIDConflict(err) && !im.ownIDs:
		return hint(err, "Another event has this id: another record of the file, or one that the log holds already.\n--skip-bad passes over such records and names each. An event never changes once stored.")
	case isIDConflict(err):
		return hint(err, "The log holds another event under this id. Was the file imported before with other --…-field flags?\nThen import it into an instance of its own: an event never changes once stored.")
	case errors.As(err, new(*absentField)):
		return hint(err, "Nothing was stored. Mend the flag, or give --no-check-fields if only later records have the field.")
	case errors.Is(err, context.Canceled):
		return hint(errors.New("interrupted"), again)
	}
	explained := im.session.explain(err, im.Instance)
	if errors.As(err, new(*unrecordedError)) {
		return hint(fmt.Errorf("all is stored, but system could not be told that the import is done: %w", explained), again)
	}
	var f *failure
	if errors.As(explained, &f) {
		return explained
	}
	return hint(explained, again)
}

// say prints a line for a person.
func (env *environment) say(line string) { fmt.Fprintln(env.err, escape(line)) }
