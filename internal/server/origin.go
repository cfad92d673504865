package server

import (
	"net/http"
	"strings"

	"github.com/firnlog/firn/internal/origin"
)

// originsAllowed holds if every Origin header of a request is that of a page of
// this server, or one of server.allowed_origins.
func (s *Server) originsAllowed(r *http.Request) bool {
	for _, text := range r.Header.Values("Origin") {
		from, ok := origin.Parse(text)
		if !ok || !(s.isAllowedOrigin(from) || isOwnOrigin(from, r)) {
			return false
		}
	}
	return true
}

func (s *Server) isAllowedOrigin(from origin.Origin) bool {
	for _, allowed := range s.opts.AllowedOrigins {
		if o, ok := origin.Parse(strings.TrimSuffix(allowed, "/")); ok && o == from {
			return true
		}
	}
	return false
}

// isOwnOrigin compares with the name under which the server was asked, which has
// been checked. The scheme is the one that the proxy names; where there is no
// word of it, a proxy may speak TLS for us.
func isOwnOrigin(from origin.Origin, r *http.Request) bool {
	host, port, ok := origin.SplitHost(origin.Lower(r.Host), from.Scheme)
	if !ok || host != from.Host || port != from.Port {
		return false
	}
	if told := r.Header.Get("X-Forwarded-Proto"); told != "" {
		return origin.Lower(told) == from.Scheme
	}
	return r.TLS == nil || from.Scheme == "https"
}
