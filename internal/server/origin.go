package server

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// origin is what a browser says of the page that asks: scheme, host and port,
// compared exactly. The port is always there, also where it is the scheme's own.
type origin struct{ scheme, host, port string }

// parseOrigin reads scheme://host or scheme://host:port and nothing more: no user,
// path, query or fragment, and not "null". Letters are compared in lower case, as
// browsers write them.
func parseOrigin(text string) (o origin, ok bool) {
	scheme, rest, found := strings.Cut(lowered(text), "://")
	if !found || (scheme != "http" && scheme != "https") {
		return origin{}, false
	}
	o = origin{scheme: scheme}
	o.host, o.port, ok = splitHost(rest, scheme)
	return o, ok
}

// splitHost takes host or host:port apart; without a port it is the scheme's.
func splitHost(hostport, scheme string) (host, port string, ok bool) {
	host = hostport
	if end := strings.LastIndexByte(hostport, ':'); end > strings.LastIndexByte(hostport, ']') {
		if host, port = hostport[:end], hostport[end+1:]; !isPort(port) {
			return "", "", false
		}
	}
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	if inside, bracketed := strings.CutPrefix(host, "["); bracketed {
		inside, closed := strings.CutSuffix(inside, "]")
		address, err := netip.ParseAddr(inside)
		if !closed || err != nil || !address.Is6() || address.Zone() != "" {
			return "", "", false
		}
		return "[" + address.String() + "]", port, true
	}
	return host, port, isHostName(host)
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == text
}

// isHostName takes what stands in URLs for a name or an IPv4 address: letters,
// digits, '-', '_', '.'. A name of other letters is in its xn-- form there.
func isHostName(host string) bool {
	for i := range len(host) {
		switch c := host[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return host != ""
}

// lowered lowers ASCII letters alone: others that fold to them are not them.
func lowered(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// originsAllowed holds if every Origin header of a request is that of a page of
// this server, or one of server.allowed_origins.
func (s *Server) originsAllowed(r *http.Request) bool {
	for _, text := range r.Header.Values("Origin") {
		from, ok := parseOrigin(text)
		if !ok || !(s.isAllowedOrigin(from) || isOwnOrigin(from, r)) {
			return false
		}
	}
	return true
}

func (s *Server) isAllowedOrigin(from origin) bool {
	for _, allowed := range s.opts.AllowedOrigins {
		if o, ok := parseOrigin(strings.TrimSuffix(allowed, "/")); ok && o == from {
			return true
		}
	}
	return false
}

// isOwnOrigin compares with the name under which the server was asked, which has
// been checked. The scheme is the one that the proxy names; where there is no
// word of it, a proxy may speak TLS for us.
func isOwnOrigin(from origin, r *http.Request) bool {
	host, port, ok := splitHost(lowered(r.Host), from.scheme)
	if !ok || host != from.host || port != from.port {
		return false
	}
	if told := r.Header.Get("X-Forwarded-Proto"); told != "" {
		return lowered(told) == from.scheme
	}
	return r.TLS == nil || from.scheme == "https"
}

// checkOrigin says what is wrong with an allowed origin, "" for nothing.
func checkOrigin(text string) string {
	trimmed := strings.TrimSuffix(text, "/")
	if _, ok := parseOrigin(trimmed); ok {
		return ""
	}
	u, err := url.Parse(trimmed)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "":
		return "must be scheme://host or scheme://host:port, such as https://app.example"
	case u.Scheme != "http" && u.Scheme != "https":
		return "must begin with http:// or https://"
	case u.User != nil:
		return "must be without a user: pages have none in their origin"
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return "must end behind the host or its port: an origin is of all pages of a site"
	case !isHostName(lowered(u.Hostname())) && net.ParseIP(u.Hostname()) == nil:
		return "must name the host as browsers do, in letters of ASCII (xn--…)"
	default:
		return "must be scheme://host or scheme://host:port, with a port from 1 to 65535"
	}
}
