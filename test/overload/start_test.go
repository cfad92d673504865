package overload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/firnlog/firn/test/loadtest"
)

// TestStartOnAFullDisk kills the server under load, takes the last byte of its
// disk, what it kept for itself included, and starts it: it serves everything
// that was acknowledged, says that the disk is full, and takes appends again by
// itself when there is room; how long that took is in the log.
func TestStartOnAFullDisk(t *testing.T) {
	rounds := loadtest.Rounds(t, "FIRN_FULLSTART_ROUNDS", 10, 3)
	h := newFullDisk(t)
	h.serve.Args = []string{"--seal-rows", "5000", "--seal-age", "1h"} // the write-ahead log has it all
	h.ledger.NoReserve = true
	slowest := time.Duration(0)
	for n := range rounds {
		took, err := h.startFull(t.Context())
		if err != nil {
			t.Fatalf("round %d: %v\n%s", n, err, h.server.Log())
		}
		slowest = max(slowest, took)
	}
	t.Logf("%d starts on a full disk, appends taken %v after the space came at the latest; %v", rounds, slowest.Round(time.Millisecond), h.ledger.Tally())
}

// startFull is one round; it returns how long healing took.
func (h *fullDisk) startFull(ctx context.Context) (healed time.Duration, err error) {
	before := h.ledger.Answers()
	stop := h.load(ctx)
	err = h.ledger.Await(ctx, func(a loadtest.Answers) bool { return a.Acked > before.Acked+50 })
	h.server.Kill()
	if err := errors.Join(err, stop()); err != nil {
		return 0, err
	}
	kept, err := filepath.Glob(filepath.Join(h.volume.data(), "log", "reserve-*"))
	if err != nil {
		return 0, err
	}
	for _, file := range kept {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
	}
	if err := h.volume.fill(); err != nil {
		return 0, err
	}
	if err := h.start(ctx); err != nil {
		return 0, fmt.Errorf("start on a full disk: %w", err)
	}
	if err := h.check(ctx); err != nil {
		return 0, fmt.Errorf("on a full disk: %w", err)
	}
	if err := h.notReady(ctx); err != nil {
		return 0, err
	}
	stop = h.load(ctx)
	defer stop()
	err = h.ledger.Await(ctx, func(a loadtest.Answers) bool { return a.Refused > before.Refused })
	if err != nil {
		return 0, fmt.Errorf("nothing is refused on a full disk: %w", err)
	}
	began := time.Now()
	if err := h.healed(ctx, h.volume.free); err != nil {
		return 0, fmt.Errorf("when there is room: %w", err)
	}
	healed = time.Since(began)
	if err := stop(); err != nil {
		return 0, err
	}
	return healed, h.check(ctx)
}

// notReady waits until the server says that it is not ready.
func (h *fullDisk) notReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.server.URL+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return fmt.Errorf("readiness on a full disk: %w", err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusServiceUnavailable {
			return nil
		}
	}
}
