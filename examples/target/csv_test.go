package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/targettest"
)

// TestTarget runs the suite that Firn's own targets pass.
func TestTarget(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Place {
		path := filepath.Join(t.TempDir(), "events.csv")
		var latest *csvFile
		return targettest.Place{
			Target: func(t testing.TB) target.Target {
				latest = newTarget(t, path)
				return latest
			},
			Read: func(t testing.TB) []targettest.Record {
				var records []targettest.Record
				for _, row := range read(t, path) {
					at, err := time.Parse(time.RFC3339Nano, row[0])
					must(t, err)
					records = append(records, targettest.Record{Type: row[1], Timestamp: at, Payload: row[3]})
				}
				return records
			},
			Break: func(t testing.TB) func() { // the file cannot be written to, and a directory is in its place
				latest.file.Close()
				aside := path + "-aside"
				os.Rename(path, aside) // it may not be there yet
				must(t, os.Mkdir(path, 0o700))
				return func() {
					must(t, os.Remove(path))
					os.Rename(aside, path)
				}
			},
			Repeats: true,
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newTarget(t testing.TB, path string) *csvFile {
	t.Helper()
	kind := csvKind()
	s := kind.Settings().(*settings)
	s.Path = path
	tgt, err := kind.New(s, target.Environment{Name: "csv"})
	must(t, err)
	return tgt.(*csvFile)
}

func read(t testing.TB, path string) [][]string {
	t.Helper()
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	must(t, err)
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	must(t, err)
	return rows
}

// TestFirn builds this firn, serves a configuration that names the new type, and
// appends an event.
func TestFirn(t *testing.T) {
	dir := t.TempDir()
	firn := filepath.Join(dir, "firn")
	if out, err := exec.Command("go", "build", "-o", firn, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	must(t, os.WriteFile(filepath.Join(dir, "firn.yaml"), []byte("targets:\n  - type: csv\n    path: out.csv\n"), 0o600))
	serve := exec.Command(firn, "serve", "--config", "firn.yaml", "--listen", "127.0.0.1:0")
	serve.Dir = dir
	out, err := serve.StdoutPipe()
	must(t, err)
	serve.Stderr = serve.Stdout
	must(t, serve.Start())
	lines := bufio.NewScanner(out)
	url := ""
	for url == "" && lines.Scan() {
		t.Log(lines.Text())
		url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(lines.Text())
	}
	said := make(chan string)
	go func() {
		var rest strings.Builder
		for lines.Scan() {
			fmt.Fprintln(&rest, lines.Text())
		}
		said <- rest.String()
	}()
	answer, err := http.Post(url+"/v1/instances/shop/events?auto_create=true", "application/json",
		strings.NewReader(`{"type": "order.placed", "actor": "ann", "data": {"total": 12.50}, "timestamp": "2026-01-02T03:04:05Z"}`))
	must(t, err)
	answer.Body.Close()
	path := filepath.Join(dir, "out.csv")
	for deadline := time.Now().Add(time.Minute); len(read(t, path)) == 0 && time.Now().Before(deadline); {
	}
	must(t, serve.Process.Signal(os.Interrupt))
	rest := <-said
	if err := serve.Wait(); err != nil {
		t.Errorf("firn serve: %v\n%s", err, rest)
	}
	if got, want := fmt.Sprint(read(t, path)), `[[2026-01-02T03:04:05.000Z order.placed ann {"total":12.50}]]`; got != want {
		t.Errorf("out.csv has %s, want %s\n%s", got, want, rest)
	}
}
