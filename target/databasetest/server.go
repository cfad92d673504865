// Package databasetest starts the real servers that the SQL targets are tested
// with: the distribution's PostgreSQL and MariaDB, each on a free port of
// loopback with its data in a temporary directory, stopped by its process's id.
package databasetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Server is a database server of a test's own.
type Server struct {
	Port int
	// Socket is the directory of its Unix socket.
	Socket string

	name    string
	command func() *exec.Cmd
	ready   string // a line of its log that says that it answers
	dir     string
	owner   *syscall.Credential // whom it runs as, where the server refuses root
	running *exec.Cmd
	ended   chan struct{} // closed when running's process has ended
}

// patience is how long a server may take to start or to stop. It is long: a
// loaded machine is no failure.
const patience = 2 * time.Minute

// newServer makes a directory that the server's user owns, with a certificate,
// and finds a port.
func newServer(name, account, ready string) (*Server, error) {
	dir, err := os.MkdirTemp("", "firn-"+name+"-")
	if err != nil {
		return nil, err
	}
	s := &Server{name: name, ready: ready, dir: dir, Socket: dir}
	if s.Port, err = freePort(); err != nil {
		return nil, err
	}
	if os.Getuid() != 0 {
		return s, s.certify()
	}
	u, err := user.Lookup(account)
	if err != nil {
		return nil, fmt.Errorf("%s does not run as root, and its account is missing (test/setup.sh installs it): %w", name, err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	s.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return nil, err
	}
	return s, s.certify()
}

func freePort() (int, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// Address is where it listens.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// as makes a command run as the server's user, in its directory, and end with
// the test's process.
func (s *Server) as(cmd *exec.Cmd) *exec.Cmd {
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=America/New_York"} // a clock that is not UTC
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// initialise runs the program that makes an empty database.
func (s *Server) initialise(program string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // one of the server's own programs
	if out, err := s.as(cmd).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

// Start starts it, again after Stop or Kill, and returns when it answers.
func (s *Server) Start() error {
	cmd := s.as(s.command())
	log, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.running, s.ended = cmd, make(chan struct{})
	ready := make(chan string, 1)
	go func() {
		defer close(s.ended)
		read(log, s.ready, ready)
		_ = cmd.Wait() // how it ends is the tests' doing
	}()
	select {
	case said := <-ready:
		if said != "" {
			return fmt.Errorf("%s did not start: %s", s.name, said)
		}
		return nil
	case <-time.After(patience):
		s.Kill()
		return fmt.Errorf("%s did not start within %s", s.name, patience)
	}
}

// read reads a server's log to its end, and reports on ready: "" when the line
// is there that says so, the end of the log when it ends before.
func read(log io.Reader, line string, ready chan<- string) {
	var last []string
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if strings.Contains(lines.Text(), line) && ready != nil {
			ready <- ""
			ready = nil
		}
		last = append(last, lines.Text())
		last = last[max(0, len(last)-20):]
	}
	if ready != nil {
		ready <- strings.Join(last, "\n")
	}
}

// Stop stops it in an orderly way and waits for its end.
func (s *Server) Stop() error {
	if s.running == nil {
		return nil
	}
	// SIGINT is PostgreSQL's fast shutdown and nothing to MariaDB, SIGTERM the other
	// way round.
	signal := syscall.SIGTERM
	if s.name == "postgres" {
		signal = syscall.SIGINT
	}
	if err := s.running.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.ended:
		s.running = nil
		return nil
	case <-time.After(patience):
		s.Kill()
		return fmt.Errorf("%s did not stop within %s", s.name, patience)
	}
}

// Kill kills it and its children at once, as a crash does, and waits for their
// end.
func (s *Server) Kill() {
	if s.running == nil {
		return
	}
	children := childrenOf(s.running.Process.Pid)
	_ = s.running.Process.Kill()
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.ended // its log has no writer any more: the children have ended too
	s.running = nil
}

// Pause stops its processes where they are, Resume lets them go on.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal syscall.Signal) {
	pid := s.running.Process.Pid
	for _, pid := range append(childrenOf(pid), pid) {
		_ = syscall.Kill(pid, signal)
	}
}

// Remove stops it and removes its files.
func (s *Server) Remove() error {
	return errors.Join(s.Stop(), os.RemoveAll(s.dir))
}

// childrenOf lists the processes whose parent is pid.
func childrenOf(pid int) []int {
	var children []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		_, fields, _ := strings.Cut(string(text), ") ")
		f := strings.Fields(fields)
		if len(f) < 2 || f[1] != strconv.Itoa(pid) {
			continue
		}
		if child, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			children = append(children, child)
		}
	}
	return children
}

// Main runs a package's tests with a server, for TestMain:
//
//	goleak.VerifyTestMain(databasetest.Main{M: m, Server: &server, Start: databasetest.Postgres}, databasetest.IgnoreProxies())
type Main struct {
	M interface{ Run() int }
	// Start starts the server, which is then where Server points to.
	Start  func() (*Server, error)
	Server **Server
}

// Run starts the server, runs the tests and removes it.
func (m Main) Run() int {
	s, err := m.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*m.Server = s
	code := m.M.Run()
	if err := s.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
