package server

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/web"
)

// The viewer is a page of files without data; what it shows, it asks of the API
// like any other client. So the files are open to everybody, and the path of an
// event only tells those who may see it whether it is there.

const (
	htmlMedia   media = "text/html"
	assetMedia  media = "text/javascript" // and text/css, image/svg+xml
	viewerIndex       = "index.html"
)

// viewerPages are the first segments of paths that the viewer makes pages of:
// web/src/pages/pages.ts has the same.
var viewerPages = []string{"targets", "catalog", "retention", "keys", "figures", "requests"}

func viewerRoutes() []route {
	whole := answer{status: 200, about: "The page.", media: []media{htmlMedia}}
	rows := []route{
		{method: "GET", path: "/{$}", name: "viewer", permission: open, page: true,
			about: "The viewer, a page for the browser. Its parameters are its own.", answers: []answer{whole}, serve: (*Server).viewerPage},
		{method: "GET", path: "/e/{instance}/{id}", name: "viewerEvent", permission: open, page: true,
			about: "The viewer at one event.",
			answers: []answer{whole, {status: 401, about: "The page, which asks for a key.", media: []media{htmlMedia}},
				{status: 404, about: "The page, which says that there is no such event.", media: []media{htmlMedia}}},
			serve: (*Server).viewerEvent},
		{method: "GET", path: "/assets/{file}", name: "viewerFile", permission: open, page: true,
			about:   "A file of the viewer.",
			answers: []answer{{status: 200, about: "The file.", media: []media{assetMedia}}, {status: 404, about: "No such file."}},
			serve:   (*Server).viewerFile},
	}
	for _, name := range viewerPages {
		rows = append(rows, route{method: "GET", path: "/" + name, name: "viewerPage_" + name, permission: open, page: true,
			about: "The viewer's page: " + name + ".", answers: []answer{whole}, serve: (*Server).viewerPage})
	}
	return rows
}

func (s *Server) viewerPage(w http.ResponseWriter, r *request) error {
	return s.answerAsset(w, r, viewerIndex, http.StatusOK)
}

func (s *Server) viewerFile(w http.ResponseWriter, r *request) error {
	return s.answerAsset(w, r, "assets/"+r.PathValue("file"), http.StatusOK)
}

// viewerEvent is the page whose status says whether the event is there.
func (s *Server) viewerEvent(w http.ResponseWriter, r *request) error {
	return s.answerAsset(w, r, viewerIndex, s.viewerStatus(r))
}

// viewerStatus is 200 where the caller may read the event, 404 where it is not
// there for them, 401 where nobody knows who they are: a link from elsewhere
// comes without the cookie (SameSite=Strict), and then the page asks again.
func (s *Server) viewerStatus(r *request) int {
	caller, err := s.identify(r)
	if err != nil {
		return http.StatusUnauthorized
	}
	if !caller.May(auth.EventsRead) {
		return http.StatusNotFound
	}
	in, err := s.visible(caller, r.PathValue("instance"))
	if err == nil {
		_, err = s.log.Get(r.Context(), in.ID, r.PathValue("id"))
	}
	if err == nil {
		return http.StatusOK
	}
	if p, known := problemOf(err); known && p.Status < 500 {
		return http.StatusNotFound
	}
	return http.StatusOK // the page tells what is wrong
}

// answerAsset answers with a file. Its name stays the same from build to build,
// so browsers keep it and ask whether it has changed.
func (s *Server) answerAsset(w http.ResponseWriter, r *request, name string, status int) error {
	all, err := web.Assets()
	if err != nil {
		return err
	}
	file, ok := all[name]
	if !ok {
		return newProblem(http.StatusNotFound, codeNotFound, "Not found", "the viewer has no such file")
	}
	h := w.Header()
	h.Set("Content-Type", file.Type)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", web.Policy)
	content, tag := file.Plain, file.ETag
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		content, tag = file.Gzip, file.GzipETag
		h.Set("Content-Encoding", "gzip")
	}
	if status == http.StatusOK {
		h.Set("ETag", tag)
		if strings.Contains(r.Header.Get("If-None-Match"), tag) {
			h.Del("Content-Encoding")
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(content) // the browser is gone: nobody to tell
	}
	return nil
}

// acceptsGzip reports whether a header Accept-Encoding takes gzip; one that
// gives it the weight 0 does not.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		n, err := strconv.ParseFloat(q, 64)
		return !ok || err != nil || n > 0
	}
	return false
}
