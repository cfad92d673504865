package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

// maxHeaderBytes bounds a request's line and headers together: Codebolt's client
// sends the whole environment of its process in the line.
const maxHeaderBytes = 1 << 20

// Run serves until ctx ends or the log fails. Then it stops accepting, tells
// subscribers where to resume, waits at most 10 s for what runs, and returns:
// nil after ctx, the log's error after a failure of the log. A server runs
// once.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Listen(ctx); err != nil {
		return err
	}
	hs := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: s.opts.timing.header,
		IdleTimeout:       s.opts.timing.idle,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       withConnection,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
	if err := s.noteRetention(ctx); err != nil && ctx.Err() == nil {
		s.logger.Error("the retention in force was not recorded", "error", err)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for _, l := range s.listeners {
		group.Go(func() error {
			if err := hs.Serve(connections{l}); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
			return nil
		})
	}
	sweeping, stopSweeping := context.WithCancel(groupCtx)
	group.Go(func() error { s.sweep(sweeping); return nil })
	group.Go(func() error { s.gate.Run(sweeping); return nil })
	group.Go(func() error {
		defer stopSweeping()
		err := s.waitForEnd(groupCtx)
		s.stop(hs) //nolint:contextcheck // ctx has ended
		return err
	})
	s.logger.Info("serving", "url", s.URL())
	s.record("server.started") //nolint:contextcheck // in its own time
	err := group.Wait()
	s.record("server.stopped") //nolint:contextcheck // ctx has ended
	s.logger.Info("stopped")
	return err
}

// record notes a start or a stop in the instance system. A log that takes it no
// more has told so already.
func (s *Server) record(eventType string) {
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.timing.drain)
	defer cancel()
	payload := event.AppendQuoted([]byte(`{"version":`), buildVersion(s.opts.Version).version)
	payload = append(event.AppendQuoted(append(payload, `,"url":`...), s.URL()), '}')
	if _, err := s.log.Record(ctx, event.Draft{EventType: eventType, Payload: payload}); err != nil {
		s.logger.Debug("not recorded", "event_type", eventType, "error", err)
	}
}

// waitForEnd waits until the server has to stop and says why: nil when it was
// asked to.
func (s *Server) waitForEnd(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.log.Failed():
		err := s.log.Err()
		s.logger.Error("the log refuses appends; stopping", "error", err)
		if err == nil {
			err = firn.ErrFailed
		}
		return err
	}
}

// stop drains: no new connection, tails and streamed appends end, WebSockets are
// closed behind their last answer, requests that run have until the drain time,
// then every connection is closed.
func (s *Server) stop(hs *http.Server) {
	s.drain()
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.timing.drain)
	defer cancel()
	var doors sync.WaitGroup
	defer doors.Wait()
	for _, d := range s.doors {
		if d.Shutdown != nil {
			doors.Go(func() { d.Shutdown(ctx) })
		}
	}
	if err := hs.Shutdown(ctx); err != nil {
		s.logger.Warn("requests were still running at the end of the drain time and are cut off",
			"drain", s.opts.timing.drain)
		_ = hs.Close() // closing is all that is left to do
	}
}

// sweep applies retention at once and then hourly, until ctx ends. A sweep
// that fails is told and tried again at the next hour.
func (s *Server) sweep(ctx context.Context) {
	ticker := time.NewTicker(s.opts.timing.retention)
	defer ticker.Stop()
	for {
		if err := s.log.ApplyRetention(ctx); err != nil && ctx.Err() == nil {
			s.logger.Error("retention was not applied", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
