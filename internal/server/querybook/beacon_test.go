package querybook_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/server"
)

const body = `[{"type":"CLICK","data":{"path":"/env/datadoc/1/","component":"DATADOC_PAGE","element":"FORMAT_BUTTON","aux":{}},"timestamp":1672531200123}]`

// TestABrowsersBeacon sends what a browser does, through a whole server.
func TestABrowsersBeacon(t *testing.T) {
	log, err := firn.Open(t.TempDir(), firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(log, server.Options{
		AllowedOrigins: []string{"https://querybook.example"}, Limits: event.Limits{BatchBytes: 100_000}, Logger: slog.New(slog.DiscardHandler),
	})
	web := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		web.Close()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	beacon := []string{"Content-Type", "text/plain;charset=UTF-8", "Origin", "https://querybook.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}
	post := func(path, body string, headers ...string) (int, string) {
		t.Helper()
		return send(t, web.URL+path, body, headers...)
	}
	for _, x := range []struct {
		path, body string
		headers    []string
		status     int
		says       string
	}{
		{"/ds/context_log/?uid=12", body, beacon, 200, `{"data":null,"host":"`},
		{"/ds/context_log/", body, nil, 200, `{"data":null`},
		{"/ds/context_log/", "[" + body[1:len(body)-1] + ",7]", beacon, 200, `"rejected":[{"index":1,"error":"must be an object`},
		{"/ds/context_log/", body, []string{"Content-Type", "application/json"}, 200, `{"data":null`},
		{"/ds/context_log/", body, []string{"Content-Type", "text/plain", "Origin", web.URL}, 200, `{"data":null`},
		{"/ds/context_log/", body, []string{"Content-Type", "text/plain", "Origin", "https://evil.example"}, 403, `"error":"pages of other sites`},
		{"/ds/context_log/", body, []string{"Content-Type", "text/plain", "Origin", "null"}, 403, `"error":"`},
		{"/ds/context_log/", body, []string{"Content-Type", "text/plain", "Sec-Fetch-Site", "cross-site"}, 403, `"error":"`},
		{"/ds/context_log/", "x", beacon, 400, `{"host":"`},
		{"/ds/context_log/", strings.Repeat(" ", 100_001), beacon, 413, `{"host":"`},
		{"/ds/other/", body, beacon, 404, `{"host":"`},
		{"/ds/context_log/more", body, beacon, 404, `{"host":"`},
	} {
		status, answer := post(x.path, x.body, x.headers...)
		if status != x.status || !strings.Contains(answer, x.says) || strings.Contains(answer, "traceback") {
			t.Errorf("%s %.50s %q: %d %s, want %d %s", x.path, x.body, x.headers, status, answer, x.status, x.says)
		}
	}
	if stats, err := log.InstanceStats(t.Context(), "querybook"); err != nil || stats.Events != 5 || stats.Streams != 2 {
		t.Errorf("%+v, %v", stats, err)
	}

	// With keys, the proxy in front adds one.
	_, secret, err := s.Keys().Create(context.Background(), auth.Owner(), auth.NewKey{Name: "querybook", Permissions: auth.SetOf(auth.EventsAppend)})
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := post("/ds/context_log/", body, beacon...); status != 401 || !strings.HasPrefix(answer, `{"host":"`) {
		t.Errorf("without a key: %d %s", status, answer)
	}
	if status, answer := post("/ds/context_log/", body, append(beacon, "Authorization", "Bearer "+secret)...); status != 200 {
		t.Errorf("with a key: %d %s", status, answer)
	}
}

// TestTheGuidesCommands runs the commands of docs/querybook.md, from top to
// bottom, with nothing changed but the server's address.
func TestTheGuidesCommands(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/querybook.md")
	if err != nil {
		t.Fatal(err)
	}
	log, err := firn.Open(t.TempDir(), firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server.New(log, server.Options{Logger: slog.New(slog.DiscardHandler)}).Handler())
	t.Cleanup(func() {
		web.Close()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	block := regexp.MustCompile("(?s)```sh\n(.*?)```\n(?:```output\n(.*?)\n```)?")
	ran := block.FindAllStringSubmatch(string(guide), -1)
	if len(ran) < 4 {
		t.Fatalf("only %d commands", len(ran))
	}
	for _, x := range ran {
		commands := strings.ReplaceAll(x[1], "http://127.0.0.1:7070", web.URL)
		out, err := exec.CommandContext(t.Context(), "bash", "-ec", `curl() { command curl --fail-with-body "$@"; }`+"\n"+commands).CombinedOutput()
		want := strings.ReplaceAll(regexp.QuoteMeta(x[2]), "…", ".*")
		if err != nil || !regexp.MustCompile("^"+want).Match(out) {
			t.Errorf("%v\n%s\nprints %s\nwant %s", err, commands, out, x[2])
		}
	}
}

func send(t *testing.T, url, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}
