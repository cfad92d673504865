// Package test runs the command firn from outside, as scripts that read like a
// terminal, and the commands of the documentation as they stand.
package test

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/firnlog/firn/app"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/console"
	plugin "github.com/firnlog/firn/target/exec"
	"github.com/firnlog/firn/target/file"
	"github.com/firnlog/firn/target/mysql"
	"github.com/firnlog/firn/target/ndjson"
	"github.com/firnlog/firn/target/null"
	"github.com/firnlog/firn/target/postgres"
	"github.com/firnlog/firn/target/sqlite"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"firn": func() {
			app.Main(app.Options{Version: "v0.0.0-test", Targets: []target.Kind{
				console.Kind(), plugin.Kind(), file.Kind(), mysql.Kind(), ndjson.Kind(), null.Kind(), postgres.Kind(), sqlite.Kind(),
			}})
		},
	})
}

// TestScripts runs testdata/script. Beside the commands of testscript there are
//
//	serve [flags]   starts `firn serve` on a free port with ./data, sets FIRN_SERVER and ADDRESS
//	stop            interrupts it, as Ctrl-C does, and waits: its report is then stderr
//	crash           ends it as kill -9 does
//	newer FILE      makes a file of the log one that a later version of firn wrote
//	damage FILE     flips one bit in the middle of a file
func TestScripts(t *testing.T) {
	var running sync.Map // of script to *daemon
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: false,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("FIRN_SERVER", "http://127.0.0.1:1") // nobody
			env.Defer(func() {
				if d, ok := running.Load(env.WorkDir); ok {
					d.(*daemon).cmd.Process.Kill()
					<-d.(*daemon).ended
				}
			})
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": func(ts *testscript.TestScript, neg bool, args []string) {
				d, err := startDaemon(scriptCommand(ts, args))
				ts.Check(err)
				ts.Setenv("FIRN_SERVER", d.url)
				ts.Setenv("ADDRESS", strings.TrimPrefix(d.url, "http://"))
				running.Store(ts.Getenv("WORK"), d)
			},
			"stop": func(ts *testscript.TestScript, neg bool, args []string) {
				endDaemon(ts, &running, os.Interrupt, neg)
			},
			"crash": func(ts *testscript.TestScript, neg bool, args []string) {
				endDaemon(ts, &running, syscall.SIGKILL, true)
			},
			"newer":  func(ts *testscript.TestScript, neg bool, args []string) { changeFile(ts, args, laterVersion) },
			"damage": func(ts *testscript.TestScript, neg bool, args []string) { changeFile(ts, args, flipBit) },
		},
	})
}

func changeFile(ts *testscript.TestScript, args []string, change func([]byte)) {
	if len(args) != 1 {
		ts.Fatalf("usage: command FILE")
	}
	name := ts.MkAbs(args[0])
	if found, err := filepath.Glob(name); err == nil && len(found) > 0 {
		name = found[0]
	}
	b, err := os.ReadFile(name)
	ts.Check(err)
	change(b)
	ts.Check(os.WriteFile(name, b, 0o600))
}

// laterVersion changes the version in both headers of a file, as
// docs/storage-format.md has them, and their checksums with it.
func laterVersion(b []byte) {
	for _, at := range []int{0, 512} {
		header := b[at : at+84]
		binary.LittleEndian.PutUint32(header[8:], 99)
		binary.LittleEndian.PutUint32(header[80:], crc32.Checksum(header[:80], crc32.MakeTable(crc32.Castagnoli)))
	}
}

func flipBit(b []byte) { b[len(b)/2] ^= 0x10 }

// scriptCommand is `firn serve` as a script runs it.
func scriptCommand(ts *testscript.TestScript, args []string) *exec.Cmd {
	firn := "firn"
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if info, err := os.Stat(filepath.Join(dir, "firn")); err == nil && !info.IsDir() {
			firn = filepath.Join(dir, "firn")
			break
		}
	}
	if !slices.Contains(args, "--listen") {
		args = append([]string{"--listen", "127.0.0.1:0"}, args...)
	}
	cmd := exec.Command(firn, append([]string{"serve"}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("WORK"))
	for _, name := range []string{"EVENT_LOG_RETENTION_DAYS", "EVENT_LOGGER_NAME", "FIRN_STORE_DATA"} { // which a script may set
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

func endDaemon(ts *testscript.TestScript, running *sync.Map, sig os.Signal, mayFail bool) {
	d, ok := running.LoadAndDelete(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("no server runs")
	}
	err := d.(*daemon).end(sig)
	ts.Logf("[server]\n%s", d.(*daemon).report())
	if err != nil && !mayFail {
		ts.Fatalf("the server ended with %v", err)
	}
}

// daemon is a running server.
type daemon struct {
	cmd   *exec.Cmd
	url   string
	ended chan struct{} // closed when all it said has been read

	mu   sync.Mutex
	said strings.Builder
}

var servesOn = regexp.MustCompile(` on (http://[^ ]+)`)

// startDaemon starts a server and waits until it says where it listens.
func startDaemon(cmd *exec.Cmd) (*daemon, error) {
	d := &daemon{cmd: cmd, ended: make(chan struct{})}
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = os.Stdout
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	urls := make(chan string, 1)
	go func() {
		defer close(d.ended)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			d.mu.Lock()
			d.said.WriteString(lines.Text() + "\n")
			d.mu.Unlock()
			if m := servesOn.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case urls <- m[1]:
				default:
				}
			}
		}
	}()
	select {
	case d.url = <-urls:
		return d, nil
	case <-d.ended:
		return nil, &endedEarly{d.report(), cmd.Wait()}
	case <-time.After(5 * time.Minute):
		cmd.Process.Kill()
		return nil, &endedEarly{d.report(), nil}
	}
}

type endedEarly struct {
	said string
	err  error
}

func (e *endedEarly) Error() string { return "the server did not start: " + e.said }
func (e *endedEarly) Unwrap() error { return e.err }

func (d *daemon) report() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said.String()
}

// end sends a signal and waits.
func (d *daemon) end(sig os.Signal) error {
	if err := d.cmd.Process.Signal(sig); err != nil {
		return err
	}
	<-d.ended
	return d.cmd.Wait()
}
