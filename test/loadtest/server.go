package loadtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Serve says how to run a server. Binary and Data are needed.
type Serve struct {
	Binary, Data string
	// Args are further arguments. Default: small, early seals, so that sealing
	// and compaction go on under the load.
	Args []string
	// Env are further variables of its environment, NAME=value.
	Env []string
	// Cgroup is the directory of a control group that the server is put into.
	Cgroup string
}

// StartTimeout is how long a start may take, recovery included.
const StartTimeout = 3 * time.Minute

// Server is a running `firn serve`.
type Server struct {
	URL     string
	Started time.Duration // what it took until it listened, recovery included

	data  string
	cmd   *exec.Cmd
	log   *lines
	ended chan struct{}
	state *os.ProcessState // when it has ended
}

// RefusedError says that a server ended instead of listening.
type RefusedError struct{ Log string }

func (e *RefusedError) Error() string { return "firn serve ended:\n" + e.Log }

var announced = regexp.MustCompile(`on (http://\S+)`)

// Start runs a server on a free port and waits until it says where it listens.
func Start(ctx context.Context, s Serve) (*Server, error) {
	began := time.Now()
	c, urls, err := s.start()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, StartTimeout)
	defer cancel()
	select {
	case c.URL = <-urls:
		c.Started = time.Since(began)
		return c, nil
	case <-c.ended:
		return nil, &RefusedError{Log: c.Log()}
	case <-ctx.Done():
		c.Kill()
		return nil, errors.Join(fmt.Errorf("firn serve does not listen:\n%s", c.log), ctx.Err())
	}
}

func (s Serve) start() (*Server, <-chan string, error) {
	args := s.Args
	if args == nil {
		args = []string{"--seal-rows", "2000", "--seal-age", "1s"}
	}
	cmd := exec.Command(s.Binary, append([]string{"serve", "--data", s.Data, "--listen", "127.0.0.1:0"}, args...)...)
	if s.Cgroup != "" {
		// It is in the group before it is firn, so that all of its memory counts.
		script := `echo $$ >"$0" && exec "$@"`
		cmd = exec.Command("sh", append([]string{"-c", script, filepath.Join(s.Cgroup, "cgroup.procs")}, cmd.Args...)...)
	}
	cmd.Env = append(os.Environ(), s.Env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	c := &Server{data: s.Data, cmd: cmd, log: &lines{}, ended: make(chan struct{})}
	urls := make(chan string, 1)
	go func() {
		defer close(c.ended)
		in := bufio.NewScanner(stderr)
		for in.Scan() {
			c.log.add(in.Text())
			if m := announced.FindStringSubmatch(in.Text()); m != nil {
				select {
				case urls <- m[1]:
				default:
				}
			}
		}
		_ = cmd.Wait() // its state is what counts
		c.state = cmd.ProcessState
	}()
	return c, urls, nil
}

// Kill ends the server at once and waits until it is gone.
func (c *Server) Kill() {
	_ = c.cmd.Process.Kill() // it may be gone already
	<-c.ended
}

// Terminate asks the server to stop.
func (c *Server) Terminate() error { return c.cmd.Process.Signal(syscall.SIGTERM) }

// Wait waits until the server has ended and returns its exit code, -1 after a
// signal. Where it has not ended with ctx it is killed.
func (c *Server) Wait(ctx context.Context) (code int, err error) {
	select {
	case <-c.ended:
		return c.state.ExitCode(), nil
	case <-ctx.Done():
		c.Kill()
		return -1, fmt.Errorf("firn serve does not end:\n%s", c.log)
	}
}

// Ended is closed when the server's process has ended.
func (c *Server) Ended() <-chan struct{} { return c.ended }

// Log is what the server has written to standard error.
func (c *Server) Log() string { return c.log.String() }

// Verify has `firn verify` read everything of the running server.
func (c *Server) Verify(ctx context.Context, binary string) error {
	out, err := exec.CommandContext(ctx, binary, "verify", "--data", c.data).CombinedOutput()
	if err != nil {
		return fmt.Errorf("firn verify: %w\n%s", err, out)
	}
	return nil
}

// lines collects what a server writes.
type lines struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.WriteString(line + "\n")
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
