package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/firnlog/firn/internal/origin"
)

// guard refuses what a web page of another site made the user's browser send:
// requests to a Host name that is not ours (a name rebound to 127.0.0.1), and
// requests from an Origin that is neither our own nor allowed. Programs send
// neither header and pass.
func (s *Server) guard(r *http.Request) *problem {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !s.hostAllowed(r.Host, local) {
		p := forbidden("the Host header names none of this server's names; for a reverse proxy, add the name to server.allowed_hosts")
		p.Errors = []fieldError{{Field: "Host", Message: "is not one of this server's names"}}
		return p
	}
	if len(r.Header.Values("Origin")) > 0 {
		if !s.originsAllowed(r) {
			p := forbidden("pages of other sites may not ask this server; to allow one, add its origin to server.allowed_origins")
			p.Errors = []fieldError{{Field: "Origin", Message: "is not an allowed origin"}}
			return p
		}
		return nil
	}
	// No Origin: browsers leave it out of GETs, but say where they come from.
	site := r.Header.Get("Sec-Fetch-Site")
	if site == "" || site == "same-origin" || site == "none" {
		return nil
	}
	if r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Method == http.MethodGet {
		return nil // a link on another page, followed by a person
	}
	p := forbidden("pages of other sites may not ask this server")
	p.Errors = []fieldError{{Field: "Sec-Fetch-Site", Message: "must be same-origin or none"}}
	return p
}

// hostAllowed holds for loopback names and addresses, at any port (a tunnel may
// change it), for the address that the connection came to, and for allowed hosts.
func (s *Server) hostAllowed(hostport string, local net.Addr) bool {
	hostport = origin.Lower(hostport)
	if slices.ContainsFunc(s.opts.AllowedHosts, func(a string) bool { return origin.Lower(a) == hostport }) {
		return true
	}
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if slices.ContainsFunc(s.opts.AllowedHosts, func(a string) bool { return origin.Lower(a) == host }) {
		return true
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if err != nil {
		return false
	}
	if ip.Unmap().IsLoopback() {
		return true
	}
	at, ok := local.(*net.TCPAddr)
	return ok && at.AddrPort().Addr().Unmap() == ip.Unmap()
}
