// Package client asks a Firn server over HTTP. It stands on the standard
// library and package event alone.
//
//	c, err := client.New("http://127.0.0.1:7070", client.Options{})
//	receipts, err := c.Append(ctx, "shop", []event.Draft{{EventType: "order.placed"}}, client.AppendOptions{AutoCreate: true})
//
// A Client is safe for use by many goroutines at once. Errors that the server
// answered are *Error.
package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options configures a Client. The zero value is the default.
type Options struct {
	// Key is the API key, sent as Authorization: Bearer. Default: none.
	Key string
	// HTTP sends the requests. It must have no Timeout if Tail, Export or
	// AppendNDJSON are used. Default: a client of its own.
	HTTP *http.Client
	// Attempts is how often a request is sent at most when its outcome is
	// unknown (a lost connection, a 5xx) or the server is busy. With more than
	// one, Append gives every event that has no id a new one, so that sending
	// it again stores nothing twice. Default 4; 1 = never again, and no ids.
	Attempts int
	// Backoff is the wait before the second attempt; it doubles, with jitter,
	// up to a hundred times that. A server's Retry-After goes before it.
	// Default 100 ms.
	Backoff time.Duration
	// Silence is how long a Tail may bring nothing, not even a sign of life,
	// before the connection is taken for lost. Default 45 s.
	Silence time.Duration
	// UserAgent names the program. Default "firn-client".
	UserAgent string
}

// Client asks one server.
type Client struct {
	base *url.URL
	opts Options
}

// New makes a client of the server at a base URL such as
// http://127.0.0.1:7070. It does not connect yet.
func New(baseURL string, opts Options) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(baseURL, "/"))
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("firn server %q: must be a URL such as http://127.0.0.1:7070", baseURL)
	}
	if opts.Attempts == 0 {
		opts.Attempts = 4
	}
	if opts.Backoff == 0 {
		opts.Backoff = 100 * time.Millisecond
	}
	if opts.Silence == 0 {
		opts.Silence = 45 * time.Second
	}
	if opts.UserAgent == "" {
		opts.UserAgent = "firn-client"
	}
	if opts.HTTP == nil {
		opts.HTTP = &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 64, IdleConnTimeout: 90 * time.Second,
			WriteBufferSize: 64 << 10, ReadBufferSize: 64 << 10, DisableCompression: true,
			ResponseHeaderTimeout: 0, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
		}}
	}
	return &Client{base: base, opts: opts}, nil
}

// Close drops idle connections. The client may be used on.
func (c *Client) Close() { c.opts.HTTP.CloseIdleConnections() }

// call is one request before it is sent.
type call struct {
	method string
	path   []string // segments, not escaped
	query  url.Values
	header http.Header
	body   []byte // sent again at every attempt
	kind   string // its media type
	// repeatable says that sending it twice does no more than sending it once.
	repeatable bool
}

// do sends a request, again where that is safe and may help, and returns a
// success or an error. The caller closes the body.
func (c *Client) do(ctx context.Context, what call) (response *http.Response, err error) {
	err = c.repeat(ctx, what, func(body io.Reader) error {
		response, err = c.send(ctx, what, body) //nolint:bodyclose // the caller does
		return err
	})
	return response, err
}

// ask is do that reads the answer too: one that is cut off is asked for again.
func (c *Client) ask(ctx context.Context, what call) (text []byte, err error) {
	err = c.repeat(ctx, what, func(body io.Reader) error {
		response, err := c.send(ctx, what, body)
		if err != nil {
			return err
		}
		if text, err = readAll(response); err != nil {
			return fmt.Errorf("the answer was cut off: %w", err)
		}
		return nil
	})
	return text, err
}

// repeat attempts what a call says, and again where that is safe and may help.
func (c *Client) repeat(ctx context.Context, what call, attempt func(body io.Reader) error) error {
	for n := 1; ; n++ {
		var body io.Reader
		if what.body != nil {
			body = bytes.NewReader(what.body)
		}
		err := attempt(body)
		if err == nil || n >= c.opts.Attempts || !mayRepeat(err, what.repeatable) {
			return err
		}
		if waited := wait(ctx, c.pause(err, n)); waited != nil {
			return errors.Join(err, waited)
		}
	}
}

// send sends once.
func (c *Client) send(ctx context.Context, what call, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, what.method, c.url(what), body)
	if err != nil {
		return nil, err
	}
	for name, values := range what.header {
		request.Header[name] = values
	}
	request.Header.Set("User-Agent", c.opts.UserAgent)
	if what.kind != "" {
		request.Header.Set("Content-Type", what.kind)
	}
	if c.opts.Key != "" {
		request.Header.Set("Authorization", "Bearer "+c.opts.Key)
	}
	response, err := c.opts.HTTP.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return response, nil
	}
	defer response.Body.Close()
	return nil, readError(response)
}

func (c *Client) url(what call) string {
	u := *c.base
	var path, raw strings.Builder
	path.WriteString(u.Path)
	raw.WriteString(u.EscapedPath())
	for _, segment := range what.path {
		path.WriteString("/" + segment)
		raw.WriteString("/" + escapeSegment(segment))
	}
	u.Path, u.RawPath = path.String(), raw.String()
	u.RawQuery = what.query.Encode()
	return u.String()
}

// escapeSegment escapes a path segment so that "." and ".." stay names.
func escapeSegment(segment string) string {
	if segment == "." || segment == ".." {
		return strings.ReplaceAll(segment, ".", "%2E")
	}
	return url.PathEscape(segment)
}

// mayRepeat says whether a request that failed so may be sent again: what the
// server refused for being busy always, what has an unknown outcome only if
// repeating it is safe.
func mayRepeat(err error, repeatable bool) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var answered *Error
	if !errors.As(err, &answered) {
		return repeatable
	}
	switch answered.Status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable:
		return repeatable || answered.RetryAfter > 0
	case http.StatusInternalServerError, http.StatusBadGateway:
		return repeatable
	default:
		return false
	}
}

// pause is how long to wait before the next attempt.
func (c *Client) pause(err error, attempt int) time.Duration {
	var answered *Error
	if errors.As(err, &answered) && answered.RetryAfter > 0 {
		return min(answered.RetryAfter, time.Minute)
	}
	full := min(c.opts.Backoff<<min(attempt-1, 20), 100*c.opts.Backoff)
	return full/2 + rand.N(full/2+1)
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// readAll reads a whole answer that is expected to be small enough to hold.
func readAll(response *http.Response) ([]byte, error) {
	defer response.Body.Close()
	if n := response.ContentLength; n > 0 && n < 64<<20 {
		text := make([]byte, n)
		_, err := io.ReadFull(response.Body, text)
		return text, err
	}
	return io.ReadAll(response.Body)
}
