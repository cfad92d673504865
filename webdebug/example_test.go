package webdebug_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/firnlog/firn/webdebug"
)

func Example() {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })

	debug := webdebug.New(webdebug.Options{Server: os.Getenv("FIRN_SERVER"), App: "shop"})
	defer func() { _ = debug.Close(context.Background()) }()
	server := &http.Server{Addr: ":8080", Handler: debug.Handler(mux), ReadHeaderTimeout: time.Minute}
	_ = server
}

// server stands in for Firn in the examples: it prints the scheme's events.
func server() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		var scheme webdebug.Scheme
		_ = scheme.UnmarshalJSON(text)
		for _, e := range scheme.Events[1 : len(scheme.Events)-1] {
			fmt.Println(e.Type, e.Payload)
			for _, nested := range e.Nested {
				fmt.Println("  ", nested.Type, nested.Payload)
			}
		}
		w.WriteHeader(http.StatusCreated)
	}))
}

// visit serves one request.
func visit(h http.HandlerFunc) {
	firn := server()
	defer firn.Close()
	debug := webdebug.New(webdebug.Options{Server: firn.URL})
	defer func() { _ = debug.Close(context.Background()) }()
	debug.Handler(h).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

func ExampleAdd() {
	visit(func(_ http.ResponseWriter, r *http.Request) {
		webdebug.Add(r.Context(), webdebug.AccessCheck{
			Access: webdebug.Grant, Control: "article:helloWorld", Object: "user:admin", Action: "publish",
		}).Tag("acl").Importance(webdebug.Notice)
	})
	// Output:
	// access_check {"access":"GRANT","control":"article:helloWorld","object":"user:admin","action":"publish"}
}

func ExampleStart() {
	visit(func(_ http.ResponseWriter, r *http.Request) {
		ctx, span := webdebug.Start(r.Context(), webdebug.Listener{Name: "WelcomeNewUser", Group: "mail"})
		webdebug.Add(ctx, webdebug.Email{Subject: "Welcome", Body: "Hello", From: "a@example.com", To: []string{"b@example.com"}})
		span.End(nil)

		_, span = webdebug.Start(r.Context(), webdebug.Query{Target: "redis", Query: "GET user:1", Syntax: "text"})
		span.End(errors.New("no connection"))
	})
	// Output:
	// event {"name":"WelcomeNewUser","group":"mail"}
	//    email {"subject":"Welcome","body":"Hello","from":"a@example.com","to":["b@example.com"]}
	// query {"target":"redis","query":"GET user:1","syntax":"text"}
	//    log {"message":"no connection"}
}

func ExampleWrapLog() {
	logger := slog.New(webdebug.WrapLog(slog.DiscardHandler, slog.LevelDebug))
	visit(func(_ http.ResponseWriter, r *http.Request) {
		logger.InfoContext(r.Context(), "the cart is empty", "user", 12)
	})
	// Output:
	// log {"message":"the cart is empty","context":"{\"user\":12}"}
}
