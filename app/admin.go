package app

import (
	"bufio"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	firn "github.com/firnlog/firn"
)

// The administration socket of a running server: a Unix socket in the data
// directory that only its owner can open. What needs the whole log (backup,
// verify) goes through it, so that it works while the log is served, and so do
// the keys that only the owner of the machine makes.

// adminSocket is its name in the data directory.
const adminSocket = "admin.sock"

// listenAdmin serves the socket of dir until it is closed. The lock of the
// log is held, so a socket file that is there is a leftover.
func listenAdmin(ctx context.Context, dir string, log *firn.Log, owner http.Handler) (io.Closer, error) {
	name, err := socketName(dir)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "unix", name)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(name, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	srv := &http.Server{Handler: adminHandler(log, owner), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(l) }() // ends when the server is closed
	return srv, nil
}

// socketName is the socket's path, relative to the working directory where
// that is shorter: the kernel takes about a hundred bytes.
func socketName(dir string) (string, error) {
	name := filepath.Join(dir, adminSocket)
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, name); err == nil && len(rel) < len(name) {
			name = rel
		}
	}
	const most = 103
	if len(name) > most {
		return "", fmt.Errorf("the path of a Unix socket may have %d bytes, and %s has %d", most, name, len(name))
	}
	return name, nil
}

// adminHandler is what the log itself does, and the API as owner has it.
func adminHandler(log *firn.Log, owner http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/", owner)
	mux.HandleFunc("POST /backup", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Firn-Error")
		if err := log.Backup(r.Context(), w); err != nil {
			w.Header().Set("Firn-Error", err.Error())
		}
	})
	mux.HandleFunc("POST /verify", func(w http.ResponseWriter, r *http.Request) {
		out := http.NewResponseController(w)
		report, err := log.Verify(r.Context(), func(done, total int64) {
			_ = json.MarshalWrite(w, verifyMessage{Done: done, Total: total}) // who is gone needs no progress
			io.WriteString(w, "\n")
			_ = out.Flush()
		})
		last := verifyMessage{Report: &report}
		if err != nil {
			last = verifyMessage{Error: err.Error()}
		}
		_ = json.MarshalWrite(w, last) // an answer that is cut off is an error at the other end
		io.WriteString(w, "\n")
	})
	mux.HandleFunc("POST /confirm-clock", func(w http.ResponseWriter, r *http.Request) {
		if err := log.ConfirmClock(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	return mux
}

// verifyMessage is a line of the answer to /verify: progress, then the report
// or an error.
type verifyMessage struct {
	Done, Total int64
	Report      *firn.VerifyReport
	Error       string
}

// admin speaks to the socket of a running server.
type admin struct{ http *http.Client }

// dialAdmin finds the server that has dir open.
func dialAdmin(dir string) (*admin, error) {
	name, err := socketName(dir)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.Dial("unix", name)
	if err != nil {
		return nil, err
	}
	conn.Close()
	t := transport(func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "unix", name) })
	return &admin{&http.Client{Transport: t}}, nil
}

func (a *admin) post(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://firn"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("the running server answers %s to %s: is it another version?", resp.Status, path)
	}
	return resp, nil
}

func (a *admin) backup(ctx context.Context, w io.Writer) error {
	resp, err := a.post(ctx, "/backup")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return err
	}
	if text := resp.Trailer.Get("Firn-Error"); text != "" {
		return errors.New(text)
	}
	return nil
}

func (a *admin) confirmClock(ctx context.Context) error {
	resp, err := a.post(ctx, "/confirm-clock")
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func (a *admin) verify(ctx context.Context, progress func(done, total int64)) (firn.VerifyReport, error) {
	resp, err := a.post(ctx, "/verify")
	if err != nil {
		return firn.VerifyReport{}, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var m verifyMessage
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return firn.VerifyReport{}, err
		}
		switch {
		case m.Error != "":
			return firn.VerifyReport{}, errors.New(m.Error)
		case m.Report != nil:
			return *m.Report, nil
		default:
			progress(m.Done, m.Total)
		}
	}
	if err := lines.Err(); err != nil {
		return firn.VerifyReport{}, err
	}
	return firn.VerifyReport{}, errors.New("the server stopped before the end")
}
