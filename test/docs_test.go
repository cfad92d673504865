package test

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestDocs pastes the commands of README.md and docs/*.md, every block fenced
// with sh, into one shell a document, as a reader does, against a server of its
// own. The address 127.0.0.1:7070 is that server's. Comments before a block say
// what a reader does with his hands:
//
//	<!-- test: background until TEXT -->  run it in another terminal; TEXT must appear there
//	<!-- test: restart -->                stop the server and start it again first
//	<!-- test: fails -->                  the block shows an error: it must fail
//
// Blocks of other languages are not run.
func TestDocs(t *testing.T) {
	top, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob(filepath.Join(top, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]string{filepath.Join(top, "README.md")}, documents...) {
		if filepath.Base(name) == "http-api.md" {
			continue // internal/server pastes that one, and compares what comes back
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			steps := readSteps(t, string(text))
			if len(steps) > 0 {
				runDocument(t, top, steps)
			}
		})
	}
}

// step is one block of a document.
type step struct {
	line  int
	code  string
	until string // run in the background until this appears
	again bool   // restart the server before
	fails bool
}

var testComment = regexp.MustCompile(`^<!-- test: (background until (.+)|restart|fails) -->$`)

func readSteps(t *testing.T, text string) []step {
	t.Helper()
	var steps []step
	var next step
	inside, language := false, ""
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		switch m := testComment.FindStringSubmatch(line); {
		case !inside && m != nil:
			next.until, next.again, next.fails = m[2], m[1] == "restart", m[1] == "fails"
		case !inside && strings.HasPrefix(line, "<!-- test:"):
			t.Fatalf("line %d: %s is no comment that this test knows", n, line)
		case !inside && strings.HasPrefix(line, "```"):
			inside, language, next.line = true, strings.TrimPrefix(line, "```"), n
		case inside && line == "```":
			if language == "sh" {
				steps = append(steps, next)
			}
			inside, next = false, step{}
		case inside && language == "sh":
			next.code += line + "\n"
		}
	}
	return steps
}

// reader is somebody who follows a document.
type reader struct {
	t      *testing.T
	dir    string // where the commands are pasted
	env    []string
	server *daemon
	shell  *shell
}

func runDocument(t *testing.T, top string, steps []step) {
	r := &reader{t: t, dir: t.TempDir()}
	bin := filepath.Join(r.dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "firn"), "./cmd/firn")
	build.Dir = top
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	r.env = append(os.Environ(), "HOME="+r.dir, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GOMODCACHE="+goEnv(t, "GOMODCACHE"), "GOCACHE="+goEnv(t, "GOCACHE"), "GOPATH="+goEnv(t, "GOPATH"))
	r.start("127.0.0.1:0")
	defer func() { r.stop() }()
	r.shell = startShell(t, r.dir, append(r.env, "FIRN_SERVER="+r.server.url))
	defer r.shell.close()
	var behind []*background
	for _, s := range steps {
		if strings.HasPrefix(s.code, "make ") {
			continue // the reader has done that: a server runs
		}
		r.step(s, &behind)
	}
	for _, b := range behind {
		b.wait(t)
	}
}

func (r *reader) step(s step, behind *[]*background) {
	r.t.Helper()
	if s.again {
		address := strings.TrimPrefix(r.server.url, "http://")
		r.stop()
		r.start(address)
	}
	code := strings.ReplaceAll(s.code, "http://127.0.0.1:7070", r.server.url)
	if s.until != "" {
		*behind = append(*behind, runBehind(r.t, r.dir, append(r.env, "FIRN_SERVER="+r.server.url), code, s))
		return
	}
	out, status := r.shell.run(r.t, code)
	if (status != "0") != s.fails {
		r.t.Fatalf("line %d: exit status %s\n%s\n%s", s.line, status, code, out)
	}
	r.t.Logf("line %d:\n%s%s", s.line, code, out)
}

func (r *reader) start(listen string) {
	r.t.Helper()
	cmd := exec.Command(filepath.Join(r.dir, "bin", "firn"), "serve", "--listen", listen)
	cmd.Dir, cmd.Env = r.dir, r.env
	server, err := startDaemon(cmd)
	if err != nil {
		r.t.Fatal(err)
	}
	r.server = server
}

func (r *reader) stop() {
	r.t.Helper()
	if err := r.server.end(os.Interrupt); err != nil {
		r.t.Errorf("the server ended with %v\n%s", err, r.server.report())
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// shell is a bash that lives as long as the document: what is exported in one
// block is known in the next.
type shell struct {
	cmd *exec.Cmd
	in  *bufio.Writer
	out *bufio.Reader
}

func startShell(t *testing.T, dir string, env []string) *shell {
	t.Helper()
	cmd := exec.Command("bash", "--norc", "--noprofile")
	cmd.Dir, cmd.Env = dir, env
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return &shell{cmd, bufio.NewWriter(in), bufio.NewReader(out)}
}

const endMark = "==end-of-block=="

// run pastes a block and returns what appeared and the status of its last
// failed command, or of its last one.
func (s *shell) run(t *testing.T, code string) (out, status string) {
	t.Helper()
	s.in.WriteString("failed=0; trap 'failed=$?' ERR; set -o pipefail\n{\n" + code + "} </dev/null\n" + "echo \"" + endMark + "$failed\"\n")
	if err := s.in.Flush(); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if before, code, found := strings.Cut(strings.TrimSuffix(line, "\n"), endMark); found {
			b.WriteString(before)
			return b.String(), code
		}
		b.WriteString(line)
		if err != nil {
			t.Fatalf("the shell ended: %v\n%s", err, b.String())
		}
	}
}

func (s *shell) close() {
	s.in.WriteString("exit 0\n")
	s.in.Flush()
	s.cmd.Wait()
}

// background is a block in another terminal.
type background struct {
	step  step
	found chan bool
	stop  context.CancelFunc
}

// runBehind starts a block in another terminal.
func runBehind(t *testing.T, dir string, env []string, code string, s step) *background {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "bash", "-c", "exec "+strings.TrimSpace(code))
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &background{step: s, found: make(chan bool, 1), stop: cancel}
	go func() {
		defer cmd.Wait()
		lines := bufio.NewScanner(out)
		found := false
		for lines.Scan() {
			if !found && bytes.Contains(lines.Bytes(), []byte(s.until)) {
				found = true
				b.found <- true
			}
		}
		if !found {
			b.found <- false
		}
	}()
	return b
}

// wait fails the test if the text never appeared.
func (b *background) wait(t *testing.T) {
	t.Helper()
	defer b.stop()
	if !<-b.found {
		t.Errorf("line %d: %q never appeared in:\n%s", b.step.line, b.step.until, b.step.code)
	}
}
