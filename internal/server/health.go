package server

import (
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
)

func healthRoutes() []route {
	return []route{
		{method: "GET", path: "/healthz", name: "healthz", permission: open, about: "Says that the process answers.",
			answers: []answer{{status: 200, about: "It does.", media: []media{jsonMedia}, schema: "Health"}}, serve: (*Server).healthz},
		{method: "GET", path: "/readyz", name: "readyz", permission: open, about: "Says whether appends and queries are taken, and if not, why.",
			answers: []answer{{status: 200, about: "They are.", media: []media{jsonMedia}, schema: "Health"},
				{status: 503, about: "They are not."}}, serve: (*Server).readyz},
		{method: "GET", path: "/version", name: "version", permission: open, about: "Says which build this is.",
			answers: []answer{{status: 200, about: "The build.", media: []media{jsonMedia}, schema: "Version"}}, serve: (*Server).version},
	}
}

func (s *Server) healthz(w http.ResponseWriter, r *request) error {
	return s.answerText(w, r, jsonMedia, `{"status":"ok"}`+"\n")
}

func (s *Server) answerText(w http.ResponseWriter, r *request, kind media, text string) error {
	out := s.answerWith(w, r, kind)
	defer out.close()
	out.raw(text)
	return out.finish(http.StatusOK)
}

func (s *Server) readyz(w http.ResponseWriter, r *request) error {
	p := newProblem(http.StatusServiceUnavailable, codeNotReady, "The server is not ready", "")
	select {
	case <-s.log.Failed():
		p.Errors = append(p.Errors, fieldError{Field: "log", Message: "a write to the disk failed; appends are refused and the server stops; its log says more"})
	default:
	}
	if s.draining.Err() != nil {
		p.Errors = append(p.Errors, fieldError{Field: "server", Message: "is stopping"})
	}
	if len(p.Errors) > 0 {
		p.Detail = p.Errors[0].Field + ": " + p.Errors[0].Message
		return p
	}
	// How much is lost to damage is told, but not of what: anybody may ask.
	if n := len(s.log.Lost()); n > 0 {
		return s.answerText(w, r, jsonMedia, fmt.Sprintf(`{"status":"ok","lost_ranges":%d}`+"\n", n))
	}
	return s.answerText(w, r, jsonMedia, `{"status":"ok"}`+"\n")
}

func (s *Server) version(w http.ResponseWriter, r *request) error {
	build := buildVersion(s.opts.Version)
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.raw("{")
	for _, fact := range [][2]string{{"version", build.version}, {"commit", build.commit}, {"go", runtime.Version()},
		{"os", runtime.GOOS}, {"arch", runtime.GOARCH}} {
		out.member(fact[0])
		out.text(fact[1])
	}
	out.raw("}\n")
	return out.finish(http.StatusOK)
}

type build struct{ version, commit string }

// buildVersion is what the toolchain stamped into the binary, unless the
// program says otherwise.
func buildVersion(told string) build {
	b := build{version: told, commit: "unknown"} // without -buildvcs it is
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.version == "" {
		b.version = info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			b.commit = setting.Value
		}
	}
	return b
}
