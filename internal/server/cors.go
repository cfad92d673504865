package server

import (
	"net/http"

	"github.com/firnlog/firn/internal/origin"
)

// share lets the page of an allowed origin (server.allowed_origins) read the
// answer to what it asks; the guard has let it in. Other pages are refused before,
// and those of this server need no word. It reports whether that was all there was
// to answer: a browser's question, before the request itself, whether it may ask.
func (s *Server) share(w http.ResponseWriter, r *http.Request) (answered bool) {
	from, ok := origin.Parse(r.Header.Get("Origin"))
	if !ok || !s.isAllowedOrigin(from) {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Set("Access-Control-Expose-Headers", requestIDHeader+", "+lostHeader+", Location, Retry-After")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID, "+requestIDHeader)
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
