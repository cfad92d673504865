package server

import (
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"

	firn "github.com/firnlog/firn"
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
	failed := false
	select {
	case <-s.log.Failed():
		failed = true
	default:
	}
	health := s.log.Health()
	if p := unready(health, failed, s.draining.Err() != nil); p != nil {
		return p
	}
	// How much is lost to damage is told, but not of what: anybody may ask.
	if n := health.LostRanges; n > 0 {
		return s.answerText(w, r, jsonMedia, fmt.Sprintf(`{"status":"ok","lost_ranges":%d}`+"\n", n))
	}
	return s.answerText(w, r, jsonMedia, `{"status":"ok"}`+"\n")
}

// unready is why appends are refused, as far as that has a reason of the server's;
// it is an error only where it is not nil.
func unready(health firn.Health, failed, stopping bool) error {
	p := newProblem(http.StatusServiceUnavailable, codeNotReady, "The server is not ready", "")
	for _, ill := range []struct {
		holds          bool
		where, message string
	}{
		{failed, "log", "a write to the disk failed; appends are refused (503) and the server stops; its log says more"},
		{health.NoSpace, "disk", "is full: appends are refused (507) until there is room again; what is stored is served"},
		{stopping, "server", "is stopping"},
	} {
		if ill.holds {
			p.Errors = append(p.Errors, fieldError{Field: ill.where, Message: ill.message})
		}
	}
	if len(p.Errors) == 0 {
		return nil
	}
	p.Detail = p.Errors[0].Field + ": " + p.Errors[0].Message
	return p
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
