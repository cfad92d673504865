package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// firnEngine is a real `firn serve`, spoken to over HTTP on loopback.
type firnEngine struct {
	cmd     *exec.Cmd
	base    string
	dir     string
	version string
	client  *http.Client
}

// buildFirn builds the command as it is released.
func buildFirn(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "firn-bin")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "./cmd/firn")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
}

// openFirn starts a server on dir with an instance "bench".
func openFirn(ctx context.Context, c config, dir string, flags ...string) (*firnEngine, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	e := &firnEngine{dir: dir, base: "http://" + address, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	e.cmd = exec.Command(c.binary, append([]string{"serve", "--data", dir, "--listen", address}, flags...)...)
	logFile, err := os.OpenFile(dir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	e.cmd.Stdout, e.cmd.Stderr = logFile, logFile
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	if err := e.ready(ctx); err != nil {
		e.Close()
		return nil, err
	}
	out, err := exec.CommandContext(ctx, c.binary, "version").Output()
	if err != nil {
		e.Close()
		return nil, err
	}
	e.version = strings.TrimSpace(strings.SplitN(string(out), "\n", 2)[0])
	if err := e.create(ctx, "bench"); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

func (e *firnEngine) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		_, err := e.call(ctx, "GET", "/readyz", "", nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server did not get ready: %w (log: %s.log)", err, e.dir)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func (e *firnEngine) create(ctx context.Context, name string) error {
	_, err := e.call(ctx, "POST", "/v1/instances", "application/json", []byte(`{"name":"`+name+`"}`))
	if err != nil && strings.Contains(err.Error(), "409") {
		return nil
	}
	return err
}

// call does one request and returns the body of a success.
func (e *firnEngine) call(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, e.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := e.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, out)
	}
	return out, nil
}

func (e *firnEngine) Version() string {
	return e.version + " (server, durable NDJSON over HTTP on loopback)"
}

// Load posts one batch a request, one client, the next after the answer.
func (e *firnEngine) Load(ctx context.Context, batches [][]byte) (time.Duration, error) {
	start := time.Now()
	for _, b := range batches {
		if _, err := e.call(ctx, "POST", "/v1/instances/bench/events", "application/x-ndjson", b); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// Settle waits until full heads are sealed.
func (e *firnEngine) Settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Minute, errors.New("sealing did not catch up in 5 minutes"))
	defer cancel()
	for {
		head, err := e.metric(ctx, "firn_head_events")
		if err != nil || head < 250_000 {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (e *firnEngine) metric(ctx context.Context, name string) (float64, error) {
	out, err := e.call(ctx, "GET", "/metrics", "", nil)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(out)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(rest), 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}

// answer is the part of a query's answer that the benchmark compares.
type answer struct {
	Events      []struct{} `json:"events"`
	Aggregation any        `json:"aggregation"`
}

func (e *firnEngine) Ask(ctx context.Context, q question) (string, error) {
	out, err := e.call(ctx, "POST", "/v1/query", "application/json", []byte(q.dsl))
	if err != nil {
		return "", err
	}
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		return "", err
	}
	switch q.shape {
	case "number":
		return number(a.Aggregation.(map[string]any)["value"]), nil
	case "pairs":
		var all []string
		for _, g := range a.Aggregation.([]any) {
			group := g.(map[string]any)
			all = append(all, fmt.Sprintf("%v=%s", group["group"].(map[string]any)["event_type"], number(group["value"])))
		}
		slices.Sort(all)
		return strings.Join(all, " "), nil
	}
	return fmt.Sprintf("%d rows", len(a.Events)), nil
}

func (e *firnEngine) Bytes() (int64, error) {
	return dirBytes(filepath.Join(e.dir, "log", "instances"))
}

// rss is the server's resident memory now, and its peak.
func (e *firnEngine) rss() (now, peak int64, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", e.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		fields := strings.Fields(s.Text())
		if len(fields) < 2 {
			continue
		}
		kb, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			now = kb << 10
		case "VmHWM:":
			peak = kb << 10
		}
	}
	return now, peak, s.Err()
}

// Close stops the server with SIGTERM and waits.
func (e *firnEngine) Close() error {
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return e.cmd.Wait()
}
