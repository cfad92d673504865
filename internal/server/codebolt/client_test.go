package codebolt_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/logtest"
	"github.com/firnlog/firn/internal/server"
)

// whole is a whole server of a test.
type whole struct {
	*server.Server
	t      *testing.T
	port   string
	logged *logtest.Buffer
	stop   func()
}

// serve starts a server as firn serve does: on both loopback families.
func serve(t *testing.T) *whole {
	t.Helper()
	log, err := firn.Open(t.TempDir(), firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return serveLog(t, log, server.Options{})
}

// serveLog starts a server before a log that it closes.
func serveLog(t *testing.T, log *firn.Log, opts server.Options) *whole {
	t.Helper()
	w := &whole{t: t, logged: &logtest.Buffer{}}
	opts.Listen = []string{"localhost:0"}
	opts.Logger = slog.New(slog.NewTextHandler(w.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.Server = server.New(log, opts)
	if err := w.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.port = w.URL()[strings.LastIndex(w.URL(), ":")+1:]
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() {
		w.stop()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// node prepares a program of testdata/client that connects to the server.
func (w *whole) node(program string, env ...string) *exec.Cmd {
	w.t.Helper()
	if _, err := os.Stat("testdata/client/node_modules/ws"); err != nil {
		w.t.Fatalf("the client's libraries are missing; run test/setup.sh: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	w.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "node", program)
	cmd.Dir = "testdata/client"
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "CODEBOLT_SERVER_URL=localhost", "SOCKET_PORT=" + w.port}, env...)
	return cmd
}

// environment is what a process of a developer may have: large, secret, odd.
func environment() []string {
	return append([]string{
		"agentId=a;b", "agentTask=find 50% of a&b; then 1? ü \"x\"", "parentId=%zz",
		"AWS_SECRET=hunter2", "LS_COLORS=" + strings.Repeat("*.tar=01;31:", 10_000), "ODD=\x7f%=&;",
	}, strings.Split(strings.Repeat("VARIABLE=value,", 20), ",")[:20]...)
}

// TestTheDocumentsExamples runs every example of the document, verbatim.
func TestTheDocumentsExamples(t *testing.T) {
	w := serve(t)
	if out, err := w.node("examples.js").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheRealClientsBehaviour(t *testing.T) {
	for name, env := range map[string][]string{
		"/codebolt":                      nil,
		"/codebolt, a large environment": environment(),
		"/plugin":                        append(environment(), "IS_PLUGIN=true", "pluginId=p", "pluginToken=eyJhbGciOiJIUzI1NiJ9"),
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(t)
			if out, err := w.node("behaviour.js", env...).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			w.stop()
			for _, secret := range []string{"hunter2", "agentTask", "01;31", "eyJ"} {
				if strings.Contains(w.logged.String(), secret) {
					t.Errorf("%s of the query string is in the log", secret)
				}
			}
		})
	}
}

// TestTheGuidesExample runs the program of docs/codebolt.md.
func TestTheGuidesExample(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/codebolt.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(info string) string {
		_, rest, _ := strings.Cut(string(guide), "\n```"+info+"\n")
		text, _, ok := strings.Cut(rest, "```")
		if !ok {
			t.Fatalf("the guide has no block %s", info)
		}
		return text
	}
	cmd := serve(t).node("-")
	cmd.Args = []string{"node", "--input-type=module", "-"}
	cmd.Stdin = strings.NewReader(block("js"))
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != block("output") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTokensThatAreKeys connects to a server that has keys.
func TestTokensThatAreKeys(t *testing.T) {
	w := serve(t)
	_, secret, err := w.Keys().Create(t.Context(), auth.Owner(), auth.NewKey{Name: "reader", Permissions: auth.SetOf(auth.EventsRead)})
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := w.Keys().Create(t.Context(), auth.Owner(), auth.NewKey{Name: "appender", Permissions: auth.SetOf(auth.EventsAppend)})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		env  []string
		says string
	}{
		{nil, "refused: Unexpected server response: 401"},
		{[]string{"threadToken=eyJhbGciOiJIUzI1NiJ9"}, "refused: Unexpected server response: 401"},
		{[]string{"threadToken=firn_" + strings.Repeat("x", 40)}, "refused: Unexpected server response: 401"},
		{[]string{"threadToken=" + other}, "ready: false the API key lacks the permission events:read"},
		{append(environment(), "threadToken="+secret), "ready: true"},
		{[]string{"IS_PLUGIN=true", "pluginToken=" + secret}, "ready: true"},
	} {
		if line := w.firstLine("stays.js", x.env...); !strings.HasPrefix(line, x.says) {
			t.Errorf("%.60s: %s, want %s", x.env, line, x.says)
		}
	}
	w.stop()
	if strings.Contains(w.logged.String(), secret) {
		t.Error("a key is in the log")
	}
}

// firstLine starts a program and returns what it first says.
func (w *whole) firstLine(program string, env ...string) string {
	w.t.Helper()
	cmd := w.node(program, env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	return strings.TrimSpace(line)
}

// TestTheClientHearsOfTheEnd stops the server under a client.
func TestTheClientHearsOfTheEnd(t *testing.T) {
	w := serve(t)
	cmd := w.node("stays.js")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil || line != "ready: true \n" {
		t.Fatalf("%q, %v", line, err)
	}
	w.stop()
	if rest, err := io.ReadAll(lines); err != nil || string(rest) != "closed: 1001 the server is stopping\n" {
		t.Errorf("%q, %v", rest, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestPagesOfOtherSitesAreRefused upgrades as a browser would.
func TestPagesOfOtherSitesAreRefused(t *testing.T) {
	w := serve(t)
	for _, x := range []struct {
		host, origin, upgrade string
		status                int
	}{
		{"", "", "websocket", 101},
		{"", w.URL(), "websocket", 101},
		{"", "https://evil.example", "websocket", 403},
		{"", "null", "websocket", 403},
		{"evil.example", "", "websocket", 403},
		{"evil.example", "http://evil.example", "websocket", 403},
		{"", "", "", 426},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL()+"/codebolt?id=ws_1&secret=hunter2", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = x.host
		for name, value := range map[string]string{
			"Origin": x.origin, "Upgrade": x.upgrade, "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		} {
			if value != "" {
				req.Header.Set(name, value)
			}
		}
		answer, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != 101 {
			text, _ := io.ReadAll(answer.Body)
			if strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), `"success":false`) {
				t.Errorf("%+v is answered by %s", x, text)
			}
		}
		_ = answer.Body.Close()
		if answer.StatusCode != x.status {
			t.Errorf("%+v: status %d", x, answer.StatusCode)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}
