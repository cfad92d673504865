// Package exec is the target that hands events to a program of yours, in any
// language. Firn starts it and writes a line for each event to its standard input:
//
//	{"n":1,"event":{…}}
//
// and the program answers on its standard output, when it is done with them:
//
//	{"ack":1}                          all up to 1, but for those it refused
//	{"refuse":1,"message":"why"}       this one, for good
//
// The numbers begin at 1 in each life of the program. docs/target-exec.md is the
// protocol for those who write programs.
package exec

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/firnlog/firn/target"
)

// Settings are what the configuration says of an exec target.
type Settings struct {
	// Command is the program and its arguments. No shell reads it. A program named
	// without / is looked for in PATH.
	Command []string `json:"command"`
	// Dir is the program's working directory; "" = Firn's.
	Dir string `json:"dir"`
	// Env are variables of the program's environment, beside the few of Firn's that
	// it inherits.
	Env map[string]target.Secret `json:"env"`
	// InheritEnv names more variables of Firn's environment for it.
	InheritEnv []string `json:"inherit_env"`
	// AnswerTimeout is how long it may be silent about events it was given before
	// it is killed and started again. Default 20 s.
	AnswerTimeout time.Duration `json:"answer_timeout"`
	// StopTimeout is how long it may go on when its input has ended. Default 2 s.
	StopTimeout time.Duration `json:"stop_timeout"`
}

// Kind is the kind of target for the list of what is built in.
func Kind() target.Kind {
	return target.NewKind("exec", Settings{AnswerTimeout: 20 * time.Second, StopTimeout: 2 * time.Second}, New)
}

// New makes an exec target.
func New(s Settings, env target.Environment) (target.Target, error) {
	var errs []error
	if len(s.Command) == 0 || s.Command[0] == "" {
		errs = append(errs, errors.New(`command is empty; want a list, as ["python3", "plugin.py"]`))
	}
	if slices.ContainsFunc(s.Command, func(arg string) bool { return strings.Contains(arg, "\x00") }) {
		errs = append(errs, errors.New("command holds a NUL, which no argument can"))
	}
	for name := range s.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			errs = append(errs, fmt.Errorf("env has a variable %q, which cannot be", name))
		}
	}
	if s.AnswerTimeout < time.Second {
		errs = append(errs, fmt.Errorf("answer_timeout is %s; want at least 1s", s.AnswerTimeout))
	}
	if s.StopTimeout < 0 {
		errs = append(errs, fmt.Errorf("stop_timeout is %s; want 0s or more", s.StopTimeout))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if env.Logger == nil {
		env.Logger = slog.New(slog.DiscardHandler)
	}
	return &plugin{settings: s, name: env.Name, logger: env.Logger.With("target", env.Name)}, nil
}

// plugin is the target: a program in one of its lives.
type plugin struct {
	settings Settings
	name     string
	logger   *slog.Logger
	life     *life // nil = it does not run
}

// Open starts the program where it does not run. One that runs and has done
// nothing wrong goes on: what it works at need not be given to it again.
func (t *plugin) Open(ctx context.Context) error {
	if t.life != nil && t.life.over() {
		t.end(0)
	}
	if t.life != nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	l, err := start(t.settings, t.name, t.logger)
	if err != nil {
		err = fmt.Errorf("start plugin: %w", err)
		for _, known := range []error{fs.ErrNotExist, fs.ErrPermission, errNotFound, syscall.ENOEXEC, syscall.ENOTDIR} {
			if errors.Is(err, known) {
				return &target.PauseError{Err: err}
			}
		}
		return err
	}
	t.life = l
	return nil
}

// Write gives the program the events and waits for its answers. Of a Write that
// was cancelled it remembers what it has given, so that a slow program gets
// nothing twice.
func (t *plugin) Write(ctx context.Context, b target.Batch) (written int, err error) {
	if t.life == nil {
		return 0, errors.New("the plugin is not running")
	}
	written, err = t.life.deliver(ctx, b, t.settings.AnswerTimeout)
	if _, ok := errors.AsType[*pluginError](err); ok {
		t.end(0)
	}
	return written, err
}

// Close ends the program: its input ends, and if that is not enough, it and
// everything it has started in its process group are killed.
func (t *plugin) Close() error {
	if t.life != nil {
		t.end(t.settings.StopTimeout)
	}
	return nil
}

func (t *plugin) end(patience time.Duration) {
	t.life.end(patience)
	t.life = nil
}

// pluginError is something the program did wrong: it is started again.
type pluginError struct{ message string }

func (e *pluginError) Error() string { return e.message }

func wrong(format string, args ...any) error {
	return &pluginError{"plugin: " + fmt.Sprintf(format, args...)}
}
