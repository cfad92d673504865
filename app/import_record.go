package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"
	"uuid"

	"github.com/firnlog/firn/client"
)

// job is what the instance system has been told of an import.
type job struct {
	id string
	// begun says that its beginning is recorded; old, that the server has no
	// place for that: it is older than this program.
	begun, old bool
}

// record imports, and has it recorded in the instance system that it began and
// how it ended. An import that is interrupted says nothing more: only its
// beginning is there, and that of the one that goes on.
func (im *importing) record(ctx context.Context) error {
	im.job.id = uuid.NewV7().String()
	err := im.begin(ctx, false)
	if err == nil {
		err = im.run(ctx)
	}
	if !im.job.begun || ctx.Err() != nil {
		return err
	}
	if err != nil {
		im.recordFailure(ctx, err)
		return err
	}
	done := client.Import{State: client.ImportCompleted, Records: im.stored, Duplicates: im.duplicates}
	if err := im.insist(ctx, func() error { return im.tell(ctx, done, false) }); err != nil {
		return &unrecordedError{err}
	}
	return nil
}

// begin records the beginning, once. Where there is no instance yet, it waits
// for the first batch, which may make it.
func (im *importing) begin(ctx context.Context, first bool) error {
	if im.job.begun || im.job.old {
		return nil
	}
	create := first && im.Create
	err := im.insist(ctx, func() error { return im.tell(ctx, client.Import{State: client.ImportStarted}, create) })
	var answered *client.Error
	if errors.As(err, &answered) && answered.Status == http.StatusNotFound {
		im.job.old = first // or there is no instance, as the batch is about to hear
		return nil
	}
	im.job.begun = err == nil
	return err
}

// recordFailure is tried for a moment only: a server that is gone is often why
// the import failed.
func (im *importing) recordFailure(ctx context.Context, failure error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	text := strings.ReplaceAll(im.explain(failure).Error(), im.name, filepath.Base(im.name))
	if err := im.tell(ctx, client.Import{State: client.ImportFailed, Error: atMost(text, 4096)}, false); err != nil {
		im.env.say(fmt.Sprintf("firn: that the import failed is not recorded in system: %v", im.session.explain(err, im.Instance)))
	}
}

func (im *importing) tell(ctx context.Context, said client.Import, create bool) error {
	said.Job, said.Source = im.job.id, atMost(filepath.Base(im.name), 512)
	return im.session.client.RecordImport(ctx, im.Instance, said, create)
}

// atMost is text in UTF-8, cut to so many bytes.
func atMost(text string, bytes int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= bytes {
		return text
	}
	return strings.ToValidUTF8(text[:bytes], "") // half a character is none
}

// unrecordedError is the end of an import that stored everything.
type unrecordedError struct{ err error }

func (e *unrecordedError) Error() string { return e.err.Error() }
func (e *unrecordedError) Unwrap() error { return e.err }
