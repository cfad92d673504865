package webdebug

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
)

// Collector collects what requests do and sends it to a Firn server. A nil
// Collector, and one without a server, collects nothing and costs nothing. It
// may be used by many goroutines at once.
type Collector struct {
	opts   Options
	api    []string // the value of X-Http-Debug-Api
	places *places
	sender *sender
	counts counts
}

// Stats are a collector's figures since it was made.
type Stats struct {
	Sent          int64 // schemes that the server has
	Dropped       int64 // schemes lost: the queue was full, or the server could not be reached in time
	Refused       int64 // schemes lost: the server does not want them
	Retries       int64 // attempts that failed and were or will be made again
	Waiting       int   // schemes that wait to be sent
	DroppedEvents int64 // events lost: too many in a request, or after its end
	LastError     string
}

type counts struct {
	sent, dropped, refused, retries, droppedEvents atomic.Int64
	lastError                                      atomic.Pointer[string]
}

// New makes a collector. It does not connect yet, and it never stands in the
// way of the application's start: a Server that is no URL is told to OnError
// and counts as off.
func New(o Options) *Collector {
	c := &Collector{opts: o.withDefaults()}
	if o.Server == "" {
		return c
	}
	base, err := url.Parse(strings.TrimSuffix(o.Server, "/"))
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		// Not the URL itself, in which there may be a password.
		c.failed(fmt.Errorf("webdebug: Options.Server must be a URL such as http://127.0.0.1:7070; nothing is collected"))
		return c
	}
	api := o.API
	if api == "" {
		api = readAddress(*base, o.Instance)
	}
	c.api = []string{api}
	c.places = newPlaces(o.Root)
	c.sender = startSender(c, postAddress(*base, o))
	return c
}

// readAddress is what a debug client puts a scheme's id behind.
func readAddress(base url.URL, instance string) string {
	base.User = nil // it goes to browsers
	query := "?id="
	if instance != "" {
		query = "?instance=" + url.QueryEscape(instance) + "&id="
	}
	return base.String() + "/_profile/" + query
}

// postAddress is where schemes are sent.
func postAddress(base url.URL, o Options) string {
	address := base.JoinPath("debug", "schemes")
	query := url.Values{}
	if o.App != "" {
		query.Set("app", o.App)
	}
	if o.Instance != "" {
		query.Set("instance", o.Instance)
	}
	address.RawQuery = query.Encode()
	return address.String()
}

func (c *Collector) on() bool { return c != nil && c.sender != nil }

// Close sends what waits, until the context ends or five seconds have passed,
// and stops the collector's goroutines; requests are not collected any more.
// If schemes were lost by the haste, which are counted as dropped, it returns
// an error. Closing twice is harmless.
func (c *Collector) Close(ctx context.Context) error {
	if !c.on() {
		return nil
	}
	return c.sender.close(ctx)
}

// Stats returns the collector's figures.
func (c *Collector) Stats() Stats {
	if c == nil {
		return Stats{}
	}
	s := Stats{
		Sent: c.counts.sent.Load(), Dropped: c.counts.dropped.Load(), Refused: c.counts.refused.Load(),
		Retries: c.counts.retries.Load(), DroppedEvents: c.counts.droppedEvents.Load(),
	}
	if c.sender != nil {
		s.Waiting = len(c.sender.queue)
	}
	if text := c.counts.lastError.Load(); text != nil {
		s.LastError = *text
	}
	return s
}

// failed remembers an error and tells it.
func (c *Collector) failed(err error) {
	text := err.Error()
	c.counts.lastError.Store(&text)
	c.opts.OnError(err)
}
