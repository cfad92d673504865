package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// ErrNotLoopback refuses to listen where others than this machine's users
// reach the log while there are no keys that would keep them out.
var ErrNotLoopback = errors.New("only loopback addresses can be listened on while no API key exists: whoever reaches the port could read and write every event; use localhost:7070 or 127.0.0.1:7070, or make a key first with firn keys create --data DIR (docs/access.md)")

// Listen opens the addresses of the options. Run does it where the caller has
// not; calling it before tells of a taken port early, and Addrs which port 0
// became. On an error nothing is open.
func (s *Server) Listen(ctx context.Context) error {
	s.listening.Lock()
	defer s.listening.Unlock()
	if s.listeners != nil {
		return nil
	}
	if err := s.opts.Validate(); err != nil {
		return err
	}
	if s.invalid != nil {
		return s.invalid
	}
	var open []net.Listener
	for _, address := range s.opts.Listen {
		listeners, err := listen(ctx, address, s.Open())
		open = append(open, listeners...)
		if err != nil {
			for _, l := range open {
				_ = l.Close() // the first error is the one to tell
			}
			return err
		}
	}
	s.listeners = open
	return nil
}

// Probe reports what keeps a log that has no key yet from being served at these
// addresses. It leaves nothing open.
func Probe(ctx context.Context, addresses []string) error {
	for _, address := range addresses {
		listeners, err := listen(ctx, address, true)
		for _, l := range listeners {
			_ = l.Close() // nobody has connected
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// listen opens one address, one of the loopback where nothing else will do: two
// sockets for localhost, of which IPv6 may be missing on this machine.
func listen(ctx context.Context, address string, loopback bool) ([]net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: must be host:port", address)
	}
	if host != "localhost" {
		if loopback {
			if err := loopbackOnly(ctx, host); err != nil {
				return nil, fmt.Errorf("listen on %s: %w", address, err)
			}
		}
		l, err := listenTCP(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		return []net.Listener{l}, nil
	}
	four, err := listenTCP(ctx, "tcp4", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, err
	}
	port = strconv.Itoa(four.Addr().(*net.TCPAddr).Port)
	six, err := listenTCP(ctx, "tcp6", net.JoinHostPort("::1", port))
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES) {
		return []net.Listener{four}, err
	}
	if err != nil { // no IPv6 here
		return []net.Listener{four}, nil //nolint:nilerr // one loopback family will do
	}
	return []net.Listener{four, six}, nil
}

func listenTCP(ctx context.Context, network, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, network, address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: the port is in use by another process; stop that one or choose another port: %w", address, syscall.EADDRINUSE)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listen on %s: not permitted; ports below 1024 need rights of their own: %w", address, syscall.EACCES)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}

// loopbackOnly fails unless every address of host is of this machine's
// loopback.
func loopbackOnly(ctx context.Context, host string) error {
	if host == "" {
		return ErrNotLoopback
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if !ip.Unmap().IsLoopback() {
			return ErrNotLoopback
		}
		return nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return fmt.Errorf("no address is known for the host: %w", err)
	}
	for _, ip := range ips {
		if !ip.Unmap().IsLoopback() {
			return ErrNotLoopback
		}
	}
	return nil
}
