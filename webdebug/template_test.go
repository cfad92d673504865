package webdebug_test

import (
	htmltemplate "html/template"
	"net/http"
	"net/http/httptest"
	"testing"
	texttemplate "text/template"

	"github.com/firnlog/firn/webdebug"
)

func TestTemplates(t *testing.T) {
	html := htmltemplate.Must(htmltemplate.New("page.html").Parse(`<b>{{.}}</b>{{define "part"}}{{.Missing}}{{end}}`))
	text := texttemplate.Must(texttemplate.New("mail.txt").Parse("Hello {{.}}"))
	a := newApp(t, webdebug.Options{})
	var failed error
	render := func(w http.ResponseWriter, r *http.Request) {
		_ = webdebug.Execute(r.Context(), html, w, "<Ada>")
		_ = webdebug.Execute(r.Context(), text, w, "Ada")
		failed = webdebug.ExecuteTemplate(r.Context(), html, w, "part", 1)
	}
	_, scheme := a.run(get("/"), render)
	if got := outline(scheme.Events); got != "request template template template[log] response" || failed == nil {
		t.Errorf("events: %s, error %v", got, failed)
	}
	if e := scheme.Events[1]; string(e.Payload) != `{"name":"page.html"}` || !*e.Success || e.Duration == nil || e.CalledFrom.File != "/webdebug/template_test.go" {
		t.Errorf("template: %+v", e)
	}
	if e := scheme.Events[3]; string(e.Payload) != `{"name":"part"}` || *e.Success {
		t.Errorf("failed template: %+v", e)
	}
	w := httptest.NewRecorder()
	render(w, get("/"))
	if got := w.Body.String(); got != "<b>&lt;Ada&gt;</b>Hello Ada" {
		t.Errorf("not collected, it renders %q", got)
	}
}
