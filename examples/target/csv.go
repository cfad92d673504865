package main

import (
	"context"
	"encoding/csv"
	"errors"
	"os"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// settings are what the configuration says beside `type: csv`.
type settings struct {
	Path string `json:"path"`
}

// csvKind is the type of target for app.Options.
func csvKind() target.Kind {
	return target.NewKind("csv", settings{Path: "./events.csv"}, func(s settings, _ target.Environment) (target.Target, error) {
		if s.Path == "" {
			return nil, errors.New("path is empty; want a file")
		}
		return &csvFile{path: s.Path}, nil
	})
}

// csvFile appends a row an event: timestamp, type, actor, payload.
type csvFile struct {
	path string
	file *os.File
}

// Open opens the file; package target calls it again after anything that failed.
func (c *csvFile) Open(context.Context) (err error) {
	c.Close() // every row in it is on disk
	c.file, err = os.OpenFile(c.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if errors.Is(err, os.ErrPermission) {
		return &target.PauseError{Err: err} // nothing that a quick retry would heal
	}
	return err
}

// Write writes all of a batch or says that nothing is written; then it comes
// again. What is reported as written is on disk.
func (c *csvFile) Write(_ context.Context, b target.Batch) (written int, err error) {
	if c.file == nil {
		return 0, errors.New("not open")
	}
	rows := csv.NewWriter(c.file)
	for _, e := range b.Events {
		actor := ""
		if e.Actor != nil {
			actor = *e.Actor
		}
		if err := rows.Write([]string{event.FormatTime(e.Timestamp), e.EventType, actor, string(e.Payload)}); err != nil {
			return 0, err
		}
	}
	if rows.Flush(); rows.Error() != nil {
		return 0, rows.Error()
	}
	if err := c.file.Sync(); err != nil {
		return 0, err
	}
	return len(b.Events), nil
}

// Close closes the file, also where Open failed.
func (c *csvFile) Close() error {
	if c.file == nil {
		return nil
	}
	err := c.file.Close()
	c.file = nil
	return err
}
