package store

import (
	"context"
	"sync"
)

// background is the goroutines that work behind the log's back.
type background struct {
	ctx context.Context
	wg  sync.WaitGroup
}

func newBackground() (*background, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	return &background{ctx: ctx}, cancel
}

func (b *background) Go(run func(ctx context.Context)) {
	b.wg.Go(func() { run(b.ctx) })
}

func (b *background) Wait() { b.wg.Wait() }

func (l *Log) maintain(ctx context.Context) { <-ctx.Done() }
