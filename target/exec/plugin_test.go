package exec_test

import (
	"bufio"
	"bytes"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// The test binary is the plugin, where FIRN_TEST_PLUGIN says so: it appends what
// it is given to {dir}/events and acknowledges it, but for the fault that it is
// named, in the first of its lives only.
const (
	modeVariable = "FIRN_TEST_PLUGIN"
	dirVariable  = "FIRN_TEST_DIR"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(modeVariable); mode != "" {
		runPlugin(mode, os.Getenv(dirVariable))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// given is a line of the protocol.
type given struct {
	N     int64          `json:"n"`
	Event jsontext.Value `json:"event"`
}

func runPlugin(mode, dir string) {
	lives := appendTo(filepath.Join(dir, "lives"), []byte(mode+"\n"))
	behave := faults[mode]
	if lives > 1 && !strings.HasSuffix(mode, "always") {
		behave = nil
	}
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return
		}
		if err != nil {
			fail("half a line: %q, %v", line, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "broken")); err == nil {
			fail("broken")
		}
		var g given
		if err := json.Unmarshal(line, &g); err != nil {
			fail("%q: %v", line, err)
		}
		if behave != nil && behave(g, dir) {
			continue
		}
		keep(g, dir)
		fmt.Printf("{\"ack\":%d}\n", g.N)
	}
}

// keep writes down an event.
func keep(g given, dir string) { appendTo(filepath.Join(dir, "events"), append(g.Event, '\n')) }

// faults are what a plugin does with an event instead; true = that is all.
var faults = map[string]func(g given, dir string) bool{
	"good": nil,
	"dies": func(g given, _ string) bool {
		if g.N == 5 {
			fmt.Fprintln(os.Stderr, "out of \x1b[31mluck")
			os.Exit(3)
		}
		return false
	},
	"dies after all": func(g given, dir string) bool {
		keep(g, dir)
		if g.N == 5 {
			fmt.Println(`{"ack":5}`)
			os.Exit(0)
		}
		return true
	},
	"hangs": func(g given, _ string) bool {
		if g.N == 5 {
			select {}
		}
		return false
	},
	"never reads":    func(given, string) bool { select {} },
	"garbage":        once(5, "hello\n"),
	"empty line":     once(5, "\n"),
	"both":           once(5, `{"ack":5,"refuse":5}`+"\n"),
	"no number":      once(5, `{"ack":"5"}`+"\n"),
	"unknown member": once(5, `{"ack":5,"of":6}`+"\n"),
	"endless line":   once(5, strings.Repeat("x", 1<<17)),
	"ahead":          once(5, `{"ack":1000}`+"\n"),
	"backwards":      once(5, `{"ack":2}`+"\n"),
	"zero":           once(1, `{"ack":0}`+"\n"),
	"negative":       once(5, `{"refuse":-1}`+"\n"),
	"refuses ahead":  once(5, `{"refuse":1000}`+"\n"),
	"refuses twice":  once(5, `{"refuse":7}`+"\n"+`{"refuse":7}`+"\n"),
	"refuses acked":  once(5, `{"refuse":4}`+"\n"),
	"floods": func(g given, _ string) bool {
		for g.N == 5 {
			fmt.Println(`{"ack":4}`)
		}
		return false
	},
	"closes output": func(g given, _ string) bool {
		if g.N == 5 {
			os.Stdout.Close()
			select {}
		}
		return false
	},
	"closes input": func(g given, dir string) bool {
		os.Stdin.Close()
		select {}
	},
	"refuses":      refuse("no thanks\x1b", 5),
	"refuses more": refuse("no thanks", 1, 2, 5, 40),
	"refuses early always": func(g given, dir string) bool { // and acknowledges late
		switch keep(g, dir); {
		case g.N%10 == 3:
			fmt.Printf("{\"refuse\":%d,\"message\":\"three\"}\n", g.N)
		case g.N%10 == 0:
			fmt.Printf("{\"ack\":%d}\n", g.N)
		}
		return true
	},
	"waits": func(g given, dir string) bool {
		if g.N == 5 {
			gate, err := os.Open(filepath.Join(dir, "gate")) // a pipe
			if err != nil {
				fail("%v", err)
			}
			io.ReadAll(gate)
		}
		return false
	},
	"has children": func(g given, dir string) bool {
		leaveChild(dir, false)
		return false
	},
	"has runaways": func(g given, dir string) bool {
		leaveChild(dir, true)
		os.Exit(3)
		return true
	},
	"ignores the end": func(g given, dir string) bool {
		keep(g, dir)
		fmt.Printf("{\"ack\":%d}\n", g.N)
		select {}
	},
	"chatters": func(g given, dir string) bool {
		for i := range 1000 {
			fmt.Fprintf(os.Stderr, "line %d \x1b[2J\u202e%s\n", i, strings.Repeat("y", i*10))
		}
		return false
	},
	"tells its environment": func(g given, dir string) bool {
		appendTo(filepath.Join(dir, "environment"), []byte(strings.Join(os.Environ(), "\n")))
		wd, _ := os.Getwd()
		appendTo(filepath.Join(dir, "wd"), []byte(wd))
		return false
	},
}

// once answers one event with something of its own.
func once(n int64, text string) func(given, string) bool {
	return func(g given, _ string) bool {
		if g.N == n {
			fmt.Print(text)
		}
		return g.N == n
	}
}

func refuse(message string, numbers ...int64) func(given, string) bool {
	return func(g given, _ string) bool {
		for _, n := range numbers {
			if g.N == n {
				text, _ := json.Marshal(message)
				fmt.Printf("{\"refuse\":%d,\"message\":%s}\n", n, text)
				return true
			}
		}
		return false
	}
}

// leaveChild starts a program that holds the plugin's output and the pipe
// {dir}/alive open for ever.
func leaveChild(dir string, runaway bool) {
	child := osexec.Command("sh", "-c", `echo $$ >"$0/child"; exec sleep 100000 3>"$0/alive"`, dir)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: runaway}
	if err := child.Start(); err != nil {
		fail("%v", err)
	}
	if _, err := os.Open(filepath.Join(dir, "started")); err != nil { // a pipe: the test lets it go on
		fail("%v", err)
	}
}

func appendTo(name string, text []byte) (lines int) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		fail("%v", err)
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		fail("%v", err)
	}
	all, err := os.ReadFile(name)
	if err != nil {
		fail("%v", err)
	}
	return bytes.Count(all, []byte{'\n'})
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(4)
}
