// Package app is the body of the command firn: its command line, its output,
// and the joining of the log with the HTTP server. Another module builds its
// own firn, with more built in, by calling Main.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/firnlog/firn/target"
)

// Options says what is built in beyond the standard firn. The zero value is
// the standard firn.
type Options struct {
	// Version is what `firn version` prints. Default: what the build knows.
	Version string
	// Targets are the kinds of targets that a configuration may name.
	Targets []target.Kind
}

// Exit codes of the command.
const (
	exitOK      = 0
	exitFailure = 1 // it was tried and did not work
	exitUsage   = 2 // it was not tried: the command line makes no sense
)

// Main runs the command line of this process and exits: 0 for success, 1 for a
// failure, 2 for a command line that makes no sense. SIGINT and SIGTERM stop
// what runs in good order; a second one stops it at once.
func Main(o Options) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // from here on a signal does what it does by default
	}()
	code := run(ctx, o, terminal(os.Stdin, os.Stdout, os.Stderr), os.Args[1:])
	os.Exit(code)
}

// run is Main without the process: it returns the exit code.
func run(ctx context.Context, o Options, env *environment, args []string) (code int) {
	env.ctx, env.command, env.version, env.kinds = ctx, "firn", describeVersion(o.Version), o.Targets
	var cli commands
	exited := false
	parser, err := kong.New(&cli,
		kong.Name("firn"),
		kong.Description(description),
		kong.Writers(env.out, env.err),
		kong.Exit(func(c int) { exited, code = true, c }),
		kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: min(env.width, 100)}),
		kong.ExplicitGroups(groups),
		kong.Bind(env),
		vars,
	)
	if err != nil {
		panic("app: the command line's struct is wrong: " + err.Error())
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exited {
		return code
	}
	if err != nil {
		return env.fail(&usageError{plainFlagError{err}})
	}
	env.command = parsed.Selected().FullPath()
	if err := parsed.Run(env); err != nil {
		return env.fail(err)
	}
	return exitOK
}

// usageError is a command line that makes no sense.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// plainFlagError is an error of the command line's parser in the words of
// who types it.
type plainFlagError struct{ error }

var flagTexts = []struct {
	said  *regexp.Regexp
	plain string
}{
	{regexp.MustCompile(`(--[a-z-]+): expected .* value but got "(-[0-9.]+)" \(short flag\); perhaps try .*`), `$1: "$2" looks like a flag; a negative number is written $1=$2`},
	{regexp.MustCompile(`expected a valid 64 bit u?int but got (".*")`), `must be a whole number, not $1`},
	{regexp.MustCompile(`expected a float but got (".*").*|expected a valid 64 bit float but got (".*")`), `must be a number, not $1$2`},
	{regexp.MustCompile(`expected duration but got (".*"): time: .*`), `must be a time such as 90s, 15m or 24h, not $1`},
}

func (e plainFlagError) Error() string {
	text := e.error.Error()
	for _, t := range flagTexts {
		text = t.said.ReplaceAllString(text, t.plain)
	}
	return text
}

func (e plainFlagError) Unwrap() error { return e.error }

// failure is an error with a hint at what to do about it.
type failure struct {
	err  error
	hint string
}

func (e *failure) Error() string { return e.err.Error() }
func (e *failure) Unwrap() error { return e.err }

func hint(err error, format string, args ...any) error {
	return &failure{err, fmt.Sprintf(format, args...)}
}

// errSilent ends the command with exit code 1 when everything has been said.
var errSilent = errors.New("failed")

// fail prints an error as a person reads it and returns the exit code.
func (env *environment) fail(err error) int {
	if errors.Is(err, errSilent) {
		return exitFailure
	}
	if errors.Is(err, context.Canceled) && env.ctx.Err() != nil {
		fmt.Fprintln(env.err, "firn: interrupted")
		return exitFailure
	}
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return exitFailure
	}
	fmt.Fprintln(env.err, "firn: "+escapeLines(err.Error()))
	var f *failure
	if errors.As(err, &f) {
		for line := range strings.Lines(f.hint) {
			fmt.Fprintln(env.err, "  "+strings.TrimRight(line, "\n"))
		}
	}
	var u *usageError
	if errors.As(err, &u) {
		var p *kong.ParseError
		command := env.command
		if errors.As(err, &p) && p.Context.Selected() != nil {
			command = p.Context.Selected().FullPath()
		}
		fmt.Fprintf(env.err, "  See `%s --help`.\n", command)
		return exitUsage
	}
	return exitFailure
}
