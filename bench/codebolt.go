package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/firnlog/firn/bench/gen"
)

// codeboltCalls has WebSocket clients call appendEvent for a while. Each waits
// for the oldest of its calls once so many are under way, as a program does that
// appends what happens and not one event after another.
func codeboltCalls(ctx context.Context, c config, r *report) error {
	const connections, underWay, length = 8, 64, 5 * time.Second
	e, err := openFirn(ctx, c, filepath.Join(c.dir, "codebolt"))
	if err != nil {
		return err
	}
	defer e.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var calls atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for i := range connections {
		wg.Go(func() {
			client := codeboltClient{gen: gen.New(c.seed+uint64(i), c.streams)}
			if err := client.run(ctx, e.base, underWay, start.Add(length), &calls); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	r.row(fmt.Sprintf("Codebolt appendEvent, %d connections", connections),
		fmt.Sprintf("%.0f calls/s, %d under way a connection", float64(calls.Load())/took.Seconds(), underWay), "", "≥ 20,000 calls/s")
	return nil
}

type codeboltClient struct {
	gen   *gen.Generator
	ws    *websocket.Conn
	sent  int
	event []byte
	buf   []byte
}

func (c *codeboltClient) run(ctx context.Context, base string, underWay int, end time.Time, calls *atomic.Int64) error {
	ws, answer, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(base, "http")+"/codebolt?id=ws_bench", nil)
	if answer != nil && answer.Body != nil {
		_ = answer.Body.Close()
	}
	if err != nil {
		return err
	}
	defer ws.CloseNow()
	c.ws = ws
	for range underWay {
		if err := c.call(ctx); err != nil {
			return err
		}
	}
	for left := underWay; left > 0; {
		_, text, err := ws.Read(ctx)
		if err != nil {
			return err
		}
		if !bytes.Contains(text, []byte(`"success":true`)) {
			return fmt.Errorf("answer %s", text)
		}
		calls.Add(1)
		if time.Now().After(end) {
			left--
			continue
		}
		if err := c.call(ctx); err != nil {
			return err
		}
	}
	return ws.Close(websocket.StatusNormalClosure, "")
}

// call sends a call; the event of the dataset has all its members under names
// that the door takes.
func (c *codeboltClient) call(ctx context.Context) error {
	c.sent++
	c.buf = fmt.Appendf(c.buf[:0], `{"type":"eventLog.appendEvent","requestId":"%08d-0000-4000-8000-000000000000","params":{"instanceId":"bench",`, c.sent)
	c.event = c.gen.Append(c.event[:0])
	c.buf = append(c.buf, bytes.TrimSpace(c.event)[1:]...) // the rest of the object params
	c.buf = append(c.buf, '}')
	return c.ws.Write(ctx, websocket.MessageText, c.buf)
}
