package auth

import (
	"math"
	"sync"
	"time"
)

// limiter lets each of many come so often: a bucket each, which holds burst
// tokens and gets rate of them a second. Its memory is bounded: beyond most
// buckets that are in use, newcomers share one.
type limiter[K comparable] struct {
	rate  float64 // tokens a second
	burst float64
	most  int

	mu      sync.Mutex
	buckets map[K]*bucket
	others  bucket
}

type bucket struct {
	tokens float64
	at     time.Time // when tokens was right
}

func newLimiter[K comparable](rate, burst float64, most int) *limiter[K] {
	return &limiter[K]{rate: rate, burst: burst, most: most, buckets: map[K]*bucket{}, others: bucket{tokens: burst}}
}

// take takes a token of k, or says how long until there is one.
func (l *limiter[K]) take(k K, now time.Time) (again time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(k, now)
	l.fill(b, now)
	if b.tokens >= 1 {
		b.tokens--
		return 0, true
	}
	return time.Duration(math.Ceil((1 - b.tokens) / l.rate * float64(time.Second))), false
}

// fill gives a bucket what it has got since. A clock that goes back gives
// nothing and takes nothing.
func (l *limiter[K]) fill(b *bucket, now time.Time) {
	if passed := now.Sub(b.at); passed > 0 {
		b.tokens = min(l.burst, b.tokens+passed.Seconds()*l.rate)
	}
	b.at = now
}

func (l *limiter[K]) bucket(k K, now time.Time) *bucket {
	if b := l.buckets[k]; b != nil {
		return b
	}
	if len(l.buckets) >= l.most {
		l.forget(now)
	}
	if len(l.buckets) >= l.most {
		return &l.others
	}
	b := &bucket{tokens: l.burst, at: now}
	l.buckets[k] = b
	return b
}

// forget drops the buckets that are full again: they say nothing.
func (l *limiter[K]) forget(now time.Time) {
	for k, b := range l.buckets {
		if l.fill(b, now); b.tokens >= l.burst {
			delete(l.buckets, k)
		}
	}
}
