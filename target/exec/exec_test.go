package exec_test

import (
	"bytes"
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/logtest"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/exec"
	"github.com/firnlog/firn/target/targettest"
)

func TestTarget(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	targettest.Run(t, func(t *testing.T) targettest.Place {
		dir := t.TempDir()
		program := filepath.Join(dir, "program")
		must(t, os.Symlink(self, program))
		s := settings("good", dir)
		s.Command = []string{program}
		return targettest.Place{
			Target: func(t testing.TB) target.Target { return newTarget(t, s, io.Discard) },
			Read:   func(t testing.TB) []targettest.Record { return records(readEvents(t, dir)) },
			Break: func(t testing.TB) func() {
				must(t, os.Rename(program, program+"-aside"))
				must(t, os.WriteFile(filepath.Join(dir, "broken"), nil, 0o600))
				return func() {
					must(t, os.Rename(program+"-aside", program))
					must(t, os.Remove(filepath.Join(dir, "broken")))
				}
			},
			Repeats: true, // what the last life did not acknowledge in time
		}
	})
}

func settings(mode, dir string) exec.Settings {
	s := *exec.Kind().Settings().(*exec.Settings)
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	s.Command, s.StopTimeout = []string{self}, 3*time.Minute
	s.AnswerTimeout = 3 * time.Minute
	s.Env = map[string]target.Secret{modeVariable: target.Secret(mode), dirVariable: target.Secret(dir),
		"GORACE": "atexit_sleep_ms=0"} // the race detector would sleep
	return s
}

func newTarget(t testing.TB, s exec.Settings, log io.Writer) target.Target {
	t.Helper()
	tgt, err := exec.New(s, target.Environment{Name: "mine", Logger: slog.New(slog.NewTextHandler(log, nil))})
	must(t, err)
	return tgt
}

func open(t testing.TB, s exec.Settings, log io.Writer) target.Target {
	t.Helper()
	tgt := newTarget(t, s, log)
	must(t, tgt.Open(t.Context()))
	t.Cleanup(func() { must(t, tgt.Close()) })
	return tgt
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func batch(first, n int64) target.Batch {
	b := target.Batch{Log: target.Identity{ID: "log", Epoch: 1}, Instance: target.Instance{ID: "i", Name: "i"}}
	for position := first; position < first+n; position++ {
		at := time.Date(2026, 1, 1, 0, 0, int(position), 0, time.UTC)
		b.Events = append(b.Events, event.Event{ID: strconv.FormatInt(position, 10), EventType: "a", Position: position,
			Timestamp: at, RecordedAt: at, Severity: event.Info, Payload: jsontext.Value(fmt.Sprintf(`{"n":%d}`, position))})
	}
	b.Through = first + n - 1
	return b
}

// rest is the batch behind its first n events.
func rest(b target.Batch, n int) target.Batch {
	b.Events = b.Events[n:]
	return b
}

// seen is an event as the plugin got it.
type seen struct {
	Type      string         `json:"event_type"`
	Timestamp time.Time      `json:"timestamp"`
	Position  int64          `json:"position"`
	Payload   jsontext.Value `json:"payload"`
}

func readEvents(t testing.TB, dir string) []seen {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "events"))
	if os.IsNotExist(err) {
		return nil
	}
	must(t, err)
	var all []seen
	for line := range bytes.Lines(text) {
		var e seen
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v\n%.200s", err, line)
		}
		all = append(all, e)
	}
	return all
}

func records(events []seen) []targettest.Record {
	var out []targettest.Record
	for _, e := range events {
		out = append(out, targettest.Record{Type: e.Type, Timestamp: e.Timestamp, Payload: string(e.Payload)})
	}
	return out
}

func positions(t testing.TB, dir string) []int64 {
	t.Helper()
	var out []int64
	for _, e := range readEvents(t, dir) {
		out = append(out, e.Position)
	}
	return out
}

func upTo(n int64) []int64 {
	var out []int64
	for i := range n {
		out = append(out, i+1)
	}
	return out
}

// anyNumber is of a plugin that may not come to its fifth event in a second.
const anyNumber = -1

// TestFaults: each thing a plugin can do wrong at its fifth event ends its life
// with a word about what it was; what it had acknowledged is written, and the
// next life goes on behind it.
func TestFaults(t *testing.T) {
	for mode, want := range map[string]struct {
		written int // in the first life
		message string
	}{
		"dies":           {4, `it ended (exit status 3); its last words: out of \u001b[31mluck`},
		"dies after all": {5, "it ended (exit status 0)"},
		"hangs":          {anyNumber, "for 1s (answer_timeout); it was given 12"},
		"never reads":    {0, "no answer to event 1 for 1s (answer_timeout); it was given 12"},
		"garbage":        {4, `answered hello; want {"ack":n} or {"refuse":n,"message":"why"}`},
		"empty line":     {4, "answered an empty line"},
		"both":           {4, `answered {"ack":5,"refuse":5}`},
		"no number":      {4, `answered {"ack":"5"}`},
		"unknown member": {4, `answered {"ack":5,"of":6}`},
		"endless line":   {4, "answered a line of more than 65536 bytes: xxx"},
		"ahead":          {4, "acknowledged event 1000; only 12 were given to it"},
		"backwards":      {4, "acknowledged event 2 after 4; acknowledgements never go back"},
		"zero":           {0, "acknowledged event 0 after 0"},
		"negative":       {4, "refused event -1; 12 were given to it"},
		"refuses ahead":  {4, "refused event 1000; 12 were given to it"},
		"refuses twice":  {4, "refused event 7 twice"},
		"refuses acked":  {4, "refused event 4, which it has answered before"},
		"floods":         {4, `1001 answers in a row say nothing new; the last is {"ack":4}`},
		"closes output":  {4, "closed its standard output and goes on"},
		"closes input":   {0, "closed its standard input and goes on"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := settings(mode, dir)
			if strings.Contains(want.message, "answer_timeout") {
				s.AnswerTimeout = time.Second
			}
			tgt := open(t, s, io.Discard)
			b := batch(1, 12)
			if mode == "closes input" { // more than a pipe holds
				b.Events[1].Payload = jsontext.Value(`{"large":"` + strings.Repeat("x", 1<<20) + `"}`)
			}
			written, err := tgt.Write(t.Context(), b)
			if want.written != anyNumber && written != want.written || err == nil || !strings.HasPrefix(err.Error(), "plugin: ") || !strings.Contains(err.Error(), want.message) {
				t.Errorf("%d written, %v; want %d and: %s", written, err, want.written, want.message)
			}
			if _, err := tgt.Write(t.Context(), rest(b, written)); err == nil {
				t.Error("Write without Open after a fault succeeds")
			}
			if s.AnswerTimeout == time.Second { // in which a busy machine may not come to answer
				must(t, tgt.Close())
				s.AnswerTimeout = time.Minute
				tgt = open(t, s, io.Discard)
			}
			must(t, tgt.Open(t.Context()))
			n, err := tgt.Write(t.Context(), rest(b, written))
			if written+n != 12 || err != nil {
				t.Errorf("%d of 12 written after the second life, %v", written+n, err)
			}
			got := slices.Compact(slices.Sorted(slices.Values(positions(t, dir))))
			if diff := cmp.Diff(upTo(12), got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRefusals: refused events are told one at a time, with the plugin's words,
// and the others are given to it once.
func TestRefusals(t *testing.T) {
	for mode, want := range map[string]struct {
		refused []int64
		message string
		kept    bool // the plugin writes down also what it refuses
	}{
		"refuses":              {[]int64{5}, `refused by the plugin: no thanks\u001b`, false},
		"refuses more":         {[]int64{1, 2, 5, 40}, "refused by the plugin: no thanks", false},
		"refuses early always": {[]int64{3, 13, 23, 33}, "refused by the plugin: three", true},
	} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir()
			tgt := open(t, settings(mode, dir), io.Discard)
			b := batch(1, 40)
			var refused []int64
			for len(b.Events) > 0 {
				n, err := tgt.Write(t.Context(), b)
				b = rest(b, n)
				refusal, ok := errors.AsType[*target.RefusedError](err)
				if err != nil && !ok {
					t.Fatal(err)
				}
				if ok {
					if refusal.Error() != want.message {
						t.Errorf("refused with %q, want %q", refusal, want.message)
					}
					refused = append(refused, b.Events[0].Position)
					b = rest(b, 1)
				}
			}
			if diff := cmp.Diff(want.refused, refused); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			expected := slices.DeleteFunc(upTo(40), func(n int64) bool { return !want.kept && slices.Contains(refused, n) })
			if diff := cmp.Diff(expected, positions(t, dir)); diff != "" {
				t.Errorf("given to it (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCancelledWriteIsRemembered: a plugin that is slower than a Write may last
// keeps its events, and is given none twice.
func TestCancelledWriteIsRemembered(t *testing.T) {
	dir := t.TempDir()
	gate := filepath.Join(dir, "gate")
	must(t, syscall.Mkfifo(gate, 0o600))
	tgt := open(t, settings("waits", dir), io.Discard)
	b := batch(1, 12)
	ctx, cancel := context.WithCancel(t.Context())
	opened := make(chan *os.File)
	go func() {
		w, err := os.OpenFile(gate, os.O_WRONLY, 0) // opens when the plugin waits at its fifth event
		if err != nil {
			t.Error(err)
		}
		cancel()
		opened <- w
	}()
	written, err := tgt.Write(ctx, b)
	if written > 4 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d written, %v", written, err)
	}
	(<-opened).Close()
	must(t, tgt.Open(t.Context()))
	for b = rest(b, written); len(b.Events) > 0; {
		part := b
		part.Events = part.Events[:min(3, len(part.Events))] // smaller batches, as delivery then sends
		n, err := tgt.Write(t.Context(), part)
		must(t, err)
		b = rest(b, n)
	}
	if diff := cmp.Diff(upTo(12), positions(t, dir)); diff != "" {
		t.Errorf("given to it (-want +got):\n%s", diff)
	}
	if lives := countLines(t, dir, "lives"); lives != 1 {
		t.Errorf("%d lives, want 1", lives)
	}
}

// TestAnotherInstance: what was given of one instance and not reported does not
// stand for another's events.
func TestAnotherInstance(t *testing.T) {
	dir := t.TempDir()
	tgt := open(t, settings("refuses", dir), io.Discard)
	first := batch(1, 8)
	if n, err := tgt.Write(t.Context(), first); n != 4 || err == nil {
		t.Fatalf("%d, %v", n, err)
	}
	second := batch(6, 3) // the positions that the plugin has of the other
	second.Instance.ID = "other"
	if n, err := tgt.Write(t.Context(), second); n != 3 {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := tgt.Write(t.Context(), rest(first, 5)); n != 3 {
		t.Fatalf("%d, %v", n, err)
	}
	if diff := cmp.Diff([]int64{1, 2, 3, 4, 6, 7, 8, 6, 7, 8, 6, 7, 8}, positions(t, dir)); diff != "" {
		t.Errorf("given to it (-want +got):\n%s", diff)
	}
}

// TestChildren: what a plugin has started in its process group ends with it; what
// has run away from that holds nothing up.
func TestChildren(t *testing.T) {
	for _, mode := range []string{"has children", "has runaways"} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir()
			for _, pipe := range []string{"alive", "started"} {
				must(t, syscall.Mkfifo(filepath.Join(dir, pipe), 0o600))
			}
			tgt := newTarget(t, settings(mode, dir), io.Discard)
			must(t, tgt.Open(t.Context()))
			done := make(chan struct{})
			go func() {
				defer close(done)
				n, err := tgt.Write(context.Background(), batch(1, 1))
				if (n != 1) != (mode == "has runaways") {
					t.Errorf("%d written, %v", n, err)
				}
			}()
			alive, err := os.Open(filepath.Join(dir, "alive")) // opens when the child runs
			must(t, err)
			defer alive.Close()
			started, err := os.OpenFile(filepath.Join(dir, "started"), os.O_WRONLY, 0)
			must(t, err)
			must(t, started.Close())
			<-done
			must(t, tgt.Close())
			if mode == "has runaways" {
				pid, err := os.ReadFile(filepath.Join(dir, "child"))
				must(t, err)
				id, err := strconv.Atoi(strings.TrimSpace(string(pid)))
				must(t, err)
				must(t, syscall.Kill(id, syscall.SIGKILL)) // it is still there
			}
			if rest, err := io.ReadAll(alive); err != nil || len(rest) > 0 { // ends when the child has
				t.Errorf("%q, %v", rest, err)
			}
		})
	}
}

// TestIgnoresTheEnd: a plugin that goes on when its input ends is killed.
func TestIgnoresTheEnd(t *testing.T) {
	dir := t.TempDir()
	s := settings("ignores the end", dir)
	s.StopTimeout = 10 * time.Millisecond
	tgt := newTarget(t, s, io.Discard)
	must(t, tgt.Open(t.Context()))
	if n, err := tgt.Write(t.Context(), batch(1, 1)); n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	must(t, tgt.Close())
	must(t, tgt.Close())
}

// TestStandardError: what a plugin says there is in the log, made harmless, cut,
// and only so much of it.
func TestStandardError(t *testing.T) {
	dir, log := t.TempDir(), &logtest.Buffer{}
	tgt := newTarget(t, settings("chatters", dir), log)
	must(t, tgt.Open(t.Context()))
	if n, err := tgt.Write(t.Context(), batch(1, 3)); n != 3 {
		t.Fatalf("%d, %v", n, err)
	}
	must(t, tgt.Close())
	text := log.String()
	if !strings.Contains(text, `line 7 \\u001b[2J\\u202eyyy`) {
		t.Errorf("no line 7 in:\n%.2000s", text)
	}
	logged, leftOut := strings.Count(text, "stderr="), 0
	for _, m := range regexp.MustCompile(`lines_left_out=(\d+)`).FindAllStringSubmatch(text, -1) { // of each window
		n, err := strconv.Atoi(m[1])
		must(t, err)
		leftOut += n
	}
	if logged < 100 || logged > 1500 || logged+leftOut != 3000 {
		t.Errorf("%d lines of 3000 are in the log, which says that %d are not:\n%s", logged, leftOut, text[max(0, len(text)-500):])
	}
	for line := range strings.Lines(text) {
		if len(line) > 6000 || strings.ContainsAny(line, "\x1b\u202e") {
			t.Errorf("line %.200q of %d bytes", line, len(line))
		}
	}
}

// TestEnvironment: of Firn's variables a plugin gets those that programs need,
// and those that are named.
func TestEnvironment(t *testing.T) {
	t.Setenv("FIRN_API_KEY", "firn_secret")
	t.Setenv("AWS_SECRET", "secret")
	t.Setenv("WANTED", "wanted")
	t.Setenv("HOME", "/home/of/somebody")
	dir := t.TempDir()
	s := settings("tells its environment", dir)
	s.InheritEnv, s.Dir = []string{"WANTED", "NOT_THERE"}, dir
	s.Env["HOME"], s.Env["TOKEN"] = "/elsewhere", "t=1"
	tgt := open(t, s, io.Discard)
	if n, err := tgt.Write(t.Context(), batch(1, 1)); n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "environment"))
	must(t, err)
	got := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		got[name] = value
	}
	for name, want := range map[string]string{"WANTED": "wanted", "HOME": "/elsewhere", "TOKEN": "t=1", "PATH": os.Getenv("PATH"), "FIRN_TARGET": "mine"} {
		if got[name] != want {
			t.Errorf("%s=%q, want %q", name, got[name], want)
		}
	}
	allowed := []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PWD",
		"WANTED", "TOKEN", "FIRN_TARGET", "GORACE", modeVariable, dirVariable}
	for name := range maps.Keys(got) {
		if !slices.Contains(allowed, name) {
			t.Errorf("it got %s=%q", name, got[name])
		}
	}
	wd, err := os.ReadFile(filepath.Join(dir, "wd"))
	must(t, err)
	if resolved, err := filepath.EvalSymlinks(dir); err != nil || string(wd) != resolved && string(wd) != dir {
		t.Errorf("it works in %s, want %s", wd, dir)
	}
}

// TestCannotStart: a program that is not there pauses the target.
func TestCannotStart(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	must(t, os.WriteFile(plain, []byte("x"), 0o600))
	for name, s := range map[string]exec.Settings{
		"no such program":   {Command: []string{"firn-has-no-such-program"}},
		"no such file":      {Command: []string{filepath.Join(dir, "none")}},
		"not executable":    {Command: []string{plain}},
		"no such directory": {Command: []string{"/bin/true"}, Dir: filepath.Join(dir, "none")},
	} {
		s.AnswerTimeout = time.Second
		tgt := newTarget(t, s, io.Discard)
		err := tgt.Open(t.Context())
		if _, ok := errors.AsType[*target.PauseError](err); !ok {
			t.Errorf("%s: %v, want a PauseError", name, err)
		}
		must(t, tgt.Close())
	}
}

func TestSettings(t *testing.T) {
	for want, s := range map[string]exec.Settings{
		"command is empty":        {AnswerTimeout: time.Second},
		"command holds a NUL":     {AnswerTimeout: time.Second, Command: []string{"a", "b\x00"}},
		"answer_timeout is 1ms":   {AnswerTimeout: time.Millisecond, Command: []string{"a"}},
		"stop_timeout is -1s":     {AnswerTimeout: time.Second, StopTimeout: -time.Second, Command: []string{"a"}},
		`env has a variable "a="`: {AnswerTimeout: time.Second, Command: []string{"a"}, Env: map[string]target.Secret{"a=": ""}},
	} {
		if _, err := exec.New(s, target.Environment{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want: %s", err, want)
		}
	}
}

func countLines(t testing.TB, dir, name string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	must(t, err)
	return bytes.Count(text, []byte{'\n'})
}
