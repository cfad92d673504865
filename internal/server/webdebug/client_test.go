package webdebug_test

import (
	"context"
	"encoding/json/v2"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	door "github.com/firnlog/firn/internal/server/webdebug"
	"github.com/firnlog/firn/webdebug"
)

// TestClient: what an application records arrives, and comes back under the two
// headers of its answer.
func TestClient(t *testing.T) {
	d := open(t, door.Options{})
	failed := make(chan error, 10)
	collector := webdebug.New(webdebug.Options{Server: d.url, App: "shop", OnError: func(err error) { failed <- err }})
	log := slog.New(webdebug.WrapLog(slog.DiscardHandler, slog.LevelInfo))
	app := httptest.NewServer(collector.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := webdebug.Start(r.Context(), webdebug.Middleware{Name: "session"})
		webdebug.Add(ctx, webdebug.AccessCheck{Access: webdebug.Grant, Control: "article:2", Object: "user:admin", Action: "publish"})
		log.ErrorContext(ctx, "it breaks", "user_id", 12345)
		span.End(nil)
		_, _ = io.WriteString(w, "hello")
	})))
	defer app.Close()
	request, err := http.NewRequestWithContext(t.Context(), "GET", app.URL+"/articles/2?full=1&token=sesame", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer sesame")
	request.Header.Set("Cookie", "session=sesame")
	answer, err := app.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	for collector.Stats().Sent == 0 { // Close has no patience with a busy machine
		select {
		case err := <-failed:
			t.Fatal(err)
		default:
			runtime.Gosched()
		}
	}
	if err := collector.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}

	api, id := answer.Header.Get("X-Http-Debug-Api"), answer.Header.Get("X-Http-Debug-Id")
	path, ours := strings.CutPrefix(api, d.url)
	status, text := d.ask("GET", path+id, "")
	if !ours || status != 200 {
		t.Fatalf("%s%s: %d %s", api, id, status, text)
	}
	var scheme webdebug.Scheme
	if err := json.Unmarshal([]byte(text), &scheme); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if got := outline(scheme.Events); scheme.ID != id || !strings.Contains(got, "request") || !strings.Contains(got, "middleware(access_check log)") {
		t.Errorf("scheme %s: %s", scheme.ID, got)
	}
	if strings.Contains(text, "sesame") {
		t.Errorf("a secret came through: %s", text)
	}
	again, err := json.Marshal(scheme)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, string(again)); diff != "" {
		t.Errorf("the client writes it otherwise: %s", diff)
	}
}

// outline is the types of events, those of nested ones in brackets.
func outline(events []webdebug.Event) string {
	var names []string
	for _, e := range events {
		name := e.Type
		if len(e.Nested) > 0 {
			name += "(" + outline(e.Nested) + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}
