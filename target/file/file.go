// Package file is the target that writes each event into a file of its own:
//
//	{file_dir}/{event_type}/{YYYYMMDD}/{HH_MM_SS}_{event_type}.json
//
// by the event's own timestamp in UTC. A file is there whole or not at all, no
// file is ever written over, and nothing is written outside file_dir, whatever an
// event's type is.
package file

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/firnlog/firn/target"
)

// Settings are what the configuration says of a file target.
type Settings struct {
	// Dir is the directory; it is made where it is missing. Default ./data/events.
	Dir string `json:"file_dir"`
}

// Kind is the kind of target for the list of what is built in.
func Kind() target.Kind {
	return target.NewKind("file", Settings{Dir: "./data/events"}, New)
}

// New makes a file target.
func New(s Settings, env target.Environment) (target.Target, error) {
	if s.Dir == "" {
		return nil, errors.New("file_dir is empty; want a directory")
	}
	return &files{dir: s.Dir, syncFile: (*os.File).Sync}, nil
}

// files is the target. Its files are made under temporary names in a directory
// that it alone uses (staging), and linked to their own when they are on disk.
type files struct {
	dir      string
	root     *os.Root // nil = not open
	staging  *staging
	names    names
	known    map[string]bool      // directories that are there
	syncFile func(*os.File) error // flushes a file or directory to disk
}

// Open makes the directory and removes what a crash left half made.
func (t *files) Open(context.Context) error {
	t.release()
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return fault(fmt.Errorf("file_dir: %w", err))
	}
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return fault(fmt.Errorf("file_dir: %w", err))
	}
	t.root = root
	if t.staging, err = openStaging(root); err != nil {
		t.release()
		return fault(fmt.Errorf("file_dir %s: %w", t.dir, err))
	}
	t.names, t.known = newNames(), map[string]bool{}
	return nil
}

// Close releases the directory.
func (t *files) Close() error {
	t.release()
	return nil
}

func (t *files) release() {
	if t.staging != nil {
		t.staging.close()
	}
	if t.root != nil {
		t.root.Close() // nothing was written through it
	}
	t.staging, t.root = nil, nil
}
