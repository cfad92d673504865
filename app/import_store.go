package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/firnlog/firn/client"
)

// store appends a batch. With --skip-bad what the log refuses for the sake of
// one event is stored without that event.
func (im *importing) store(ctx context.Context, b *batch, lines []parsed) error {
	if len(lines) == 0 {
		return nil
	}
	if err := im.begin(ctx, true); err != nil {
		return err
	}
	im.batches++
	size := len(lines)
	for at := 0; at < len(lines); {
		part := *b
		end := min(at+size, len(lines))
		part.events = b.events[at:end]
		err := im.append(ctx, part)
		if err == nil {
			at, size = end, size*2
			continue
		}
		refused := eventIndex(err)
		if !im.SkipBad || refused < 0 || refused >= len(part.events) || !refusal(err) {
			return im.atLine(err, lines[at:end], lines)
		}
		if refused > 0 { // what stands before it, and then it
			size = refused
			continue
		}
		im.pass(&badRecord{lines[at].line, refusalText(err)})
		at, size = at+1, max(1, size/2)
	}
	last := lines[len(lines)-1]
	im.lastLine = last.line
	im.bar.set(last.offset)
	im.bar.say(fmt.Sprintf("%s, %s", filepath.Base(im.name), counted(im.stored+im.duplicates, "event")))
	return nil
}

// pass counts a record that is passed over, and keeps the first ones to show.
func (im *importing) pass(bad error) {
	const shown = 20
	if im.badCount++; im.badCount <= shown {
		im.bad = append(im.bad, bad)
	}
}

// refusal reports whether the log has read the events and will not have one.
func refusal(err error) bool {
	var answered *client.Error
	if !errors.As(err, &answered) {
		return true // found before it was sent
	}
	switch answered.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

func refusalText(err error) error {
	var answered *client.Error
	if !errors.As(err, &answered) {
		return plainEventError(err)
	}
	if answered.Detail != "" {
		return errors.New(answered.Detail)
	}
	return errors.New(answered.Title)
}

// patience is how long an import waits for a server that is gone to come back.
const patience = 2 * time.Minute

// append sends one batch and counts what came of it. The events have ids, so
// that nothing is stored twice.
func (im *importing) append(ctx context.Context, b batch) error {
	return im.insist(ctx, func() error {
		receipts, err := im.session.append(ctx, b)
		for _, r := range receipts {
			if r.Duplicate {
				im.duplicates++
			} else {
				im.stored++
			}
		}
		return err
	})
}

// insist does what may be done twice, and tries it again while the server is
// gone or busy.
func (im *importing) insist(ctx context.Context, do func() error) error {
	var gone time.Time
	for pause := 250 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := do()
		if err == nil {
			if !gone.IsZero() {
				im.env.say("firn: the server is back; the import goes on")
			}
			return nil
		}
		if im.session.local || !transient(err) || ctx.Err() != nil {
			return err
		}
		if gone.IsZero() {
			gone = time.Now()
			im.env.say(fmt.Sprintf("firn: the server does not answer (%v); trying again for %s", im.session.explain(err, im.Instance), brief(patience)))
		} else if time.Since(gone) > patience {
			return err
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
	}
}

// transient reports whether the same batch may be stored when it is sent again.
func transient(err error) bool {
	var answered *client.Error
	if errors.As(err, &answered) {
		return answered.Status == http.StatusTooManyRequests || answered.Status == http.StatusServiceUnavailable ||
			answered.Status == http.StatusBadGateway || answered.Status == http.StatusGatewayTimeout
	}
	return eventIndex(err) < 0 && !errors.Is(err, context.Canceled)
}

// atLine says which line an error of the log is about, and of an id that two
// records of the batch have, which line has it first.
func (im *importing) atLine(err error, sent, all []parsed) error {
	i := eventIndex(err)
	if i < 0 || i >= len(sent) {
		return err
	}
	bad := sent[i]
	im.ownIDs = strings.HasPrefix(bad.draft.ID, "import-")
	for _, other := range all {
		if other.line < bad.line && other.draft.ID == bad.draft.ID {
			return fmt.Errorf("%s:%d: %w (line %d has the same id)", im.name, bad.line, err, other.line)
		}
	}
	return fmt.Errorf("%s:%d: %w", im.name, bad.line, err)
}
