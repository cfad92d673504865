package exec

import (
	"bufio"
	"errors"
	"log/slog"
	"os"
	osexec "os/exec"
	"slices"
	"sync"
	"syscall"
	"time"
)

var errNotFound = osexec.ErrNotFound

const (
	// maxLine is the most bytes of an answer.
	maxLine = 64 << 10
	// lastWords is how long the output of a program that has ended is waited for,
	// where something it started keeps it open.
	lastWords = time.Second
)

// life is one run of the program. Goroutines read what it says; all else is done
// by whoever calls.
type life struct {
	cmd    *osexec.Cmd
	stdin  *os.File
	stdout *os.File
	stderr *os.File

	answers chan []byte   // its lines; closed when there are no more
	ending  chan struct{} // closed when answers are of no interest any more
	dead    chan struct{} // closed when it has ended
	exit    error         // how; valid when dead is closed
	readers sync.WaitGroup
	mu      sync.Mutex
	reaped  bool  // its process id may be another's
	garbled error // why its output is no longer read; valid when answers is closed
	said    *stderrLog

	ledger ledger
	queue  queue
	out    []byte        // of a line begun
	waited time.Duration // for its next answer, so far
}

// start starts the program.
func start(s Settings, name string, logger *slog.Logger) (*life, error) {
	cmd := osexec.Command(s.Command[0], s.Command[1:]...) //nolint:gosec,noctx // the operator names it, no shell reads it; it lives until it is ended
	cmd.Dir, cmd.Env = s.Dir, environment(s, name, os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	l := &life{
		cmd: cmd, answers: make(chan []byte), ending: make(chan struct{}), dead: make(chan struct{}),
		said: &stderrLog{logger: logger},
	}
	var ours, theirs [3]*os.File
	err := pipes(&ours, &theirs)
	if err == nil {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs[0], theirs[1], theirs[2]
		err = cmd.Start()
	}
	for i := range theirs {
		if theirs[i] != nil {
			theirs[i].Close()
		}
		if err != nil && ours[i] != nil {
			ours[i].Close()
		}
	}
	if err != nil {
		return nil, err
	}
	l.stdin, l.stdout, l.stderr = ours[0], ours[1], ours[2]
	l.readers.Go(l.readAnswers)
	l.readers.Go(func() { l.said.read(l.stderr) })
	go l.await()
	logger.Info("plugin started", "command", s.Command[0], "pid", cmd.Process.Pid)
	return l, nil
}

// pipes makes the three pipes of a program: ours are the ends that stay here.
func pipes(ours, theirs *[3]*os.File) error {
	for i := range ours {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		if ours[i], theirs[i] = r, w; i == 0 {
			ours[i], theirs[i] = w, r
		}
	}
	return nil
}

// await waits for the program's end, and ends what it has left behind in its
// process group while that group's id cannot belong to anybody else.
func (l *life) await() {
	if reapFirst {
		l.exit = l.cmd.Wait()
		_ = syscall.Kill(-l.cmd.Process.Pid, syscall.SIGKILL) // nobody there is fine
	} else {
		awaitExit(l.cmd.Process.Pid)
		l.mu.Lock()
		_ = syscall.Kill(-l.cmd.Process.Pid, syscall.SIGKILL)
		l.exit = l.cmd.Wait() // at once: it has ended
		l.reaped = true
		l.mu.Unlock()
	}
	// What it said last is still in the pipes, and who else holds them does not count.
	until := time.Now().Add(lastWords)
	_ = l.stdout.SetReadDeadline(until) // they are pipes, which have deadlines, or closed
	_ = l.stderr.SetReadDeadline(until)
	close(l.dead)
}

// readAnswers passes the program's lines on, one at a time: a program that says
// more than anybody asks for has to wait.
func (l *life) readAnswers() {
	defer close(l.answers)
	lines := bufio.NewReaderSize(l.stdout, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			l.garbled = wrong("answered a line of more than %d bytes: %s", maxLine, shown(line))
			return
		}
		if err != nil {
			return // also where a line was begun: it is no answer
		}
		select {
		case l.answers <- slices.Clone(line[:len(line)-1]):
		case <-l.ending:
		}
	}
}

// over reports whether the program has ended.
func (l *life) over() bool {
	select {
	case <-l.dead:
		return true
	default:
		return false
	}
}

// end ends the program's input and, when it does not end by itself in time, it.
// When it returns, nothing of the life goes on.
func (l *life) end(patience time.Duration) {
	close(l.ending)
	l.stdin.Close()
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-l.dead:
		case <-timer.C:
		}
	}
	if !l.over() {
		l.kill()
	}
	<-l.dead
	l.stdout.Close()
	l.readers.Wait()
	l.stderr.Close()
	l.said.summary()
}

// kill kills the program and its process group.
func (l *life) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.reaped {
		_ = syscall.Kill(-l.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// death says how the program ended, when it has.
func (l *life) death() error {
	<-l.dead
	l.readers.Wait() // its last words
	how := "exit status 0"
	if l.exit != nil {
		how = l.exit.Error()
	}
	if words := l.said.last(); words != "" {
		return wrong("it ended (%s); its last words: %s", how, words)
	}
	return wrong("it ended (%s)", how)
}
