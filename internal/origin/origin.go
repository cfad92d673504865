// Package origin reads what a browser says of the page that asks: the header
// Origin, and the sites that a configuration allows.
package origin

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Origin is scheme, host and port, compared exactly. The port is always there, also
// where it is the scheme's own.
type Origin struct{ Scheme, Host, Port string }

// Parse reads scheme://host or scheme://host:port and nothing more: no user,
// path, query or fragment, and not "null". Letters are compared in lower case, as
// browsers write them.
func Parse(text string) (o Origin, ok bool) {
	scheme, rest, found := strings.Cut(Lower(text), "://")
	if !found || (scheme != "http" && scheme != "https") {
		return Origin{}, false
	}
	o = Origin{Scheme: scheme}
	o.Host, o.Port, ok = SplitHost(rest, scheme)
	return o, ok
}

// SplitHost takes host or host:port, in lower case, apart; without a port it is
// the scheme's.
func SplitHost(hostport, scheme string) (host, port string, ok bool) {
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

// Lower lowers ASCII letters alone: others that fold to them are not them.
func Lower(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// Check says what is wrong with a site that a configuration allows, "" for nothing.
// A slash may end it.
func Check(text string) string {
	trimmed := strings.TrimSuffix(text, "/")
	if _, ok := Parse(trimmed); ok {
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
	case !isHostName(Lower(u.Hostname())) && net.ParseIP(u.Hostname()) == nil:
		return "must name the host as browsers do, in letters of ASCII (xn--…)"
	default:
		return "must be scheme://host or scheme://host:port, with a port from 1 to 65535"
	}
}
