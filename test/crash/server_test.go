package crash

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"sync"
	"time"
)

// child is a running `firn serve`.
type child struct {
	cmd   *exec.Cmd
	url   string
	log   *lockedBuffer
	ended chan struct{}
}

// Recovery must not take longer.
const startTimeout = 30 * time.Second

var announced = regexp.MustCompile(`on (http://\S+)`)

// start runs a server on a free port and waits until it says where it listens.
func start(ctx context.Context, binary, data string) (*child, error) {
	// Sealing and compaction go on under the load, so that they are killed too.
	cmd := exec.Command(binary, "serve", "--data", data, "--listen", "127.0.0.1:0",
		"--seal-rows", "2000", "--seal-age", "1s")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, log: &lockedBuffer{}, ended: make(chan struct{})}
	urls := make(chan string, 1)
	go func() {
		defer close(c.ended)
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			c.log.add(lines.Text())
			if m := announced.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case urls <- m[1]:
				default:
				}
			}
		}
		_ = cmd.Wait() // killed, as a rule
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case c.url = <-urls:
		return c, nil
	case <-c.ended:
		return nil, fmt.Errorf("firn serve ended:\n%s", c.log)
	case <-ctx.Done():
		c.kill()
		return nil, errors.Join(fmt.Errorf("firn serve does not listen:\n%s", c.log), ctx.Err())
	}
}

// kill ends the server at once and waits until it is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.ended
}

// lockedBuffer collects lines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) add(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.WriteString(line + "\n")
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
