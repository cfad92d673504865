package webdebug

import (
	"net/http"
	"time"
)

// Options configures a Collector. The zero value collects nothing.
type Options struct {
	// Server is where Firn listens, such as http://127.0.0.1:7070. Empty, the
	// collector is off.
	Server string
	// Key is the API key, sent as Authorization: Bearer; it needs
	// events:append. Default: none.
	Key string
	// App names the application: the stream that its schemes go to. Default:
	// the server's default stream.
	App string
	// Instance is where schemes are kept. Default: the server's, debug.
	Instance string
	// Only says which requests are collected. It is asked once a request,
	// before the application sees it. Default: all.
	Only func(*http.Request) bool
	// API is what X-Http-Debug-Api says: what a debug client puts the id
	// behind, relative to the application's origin or absolute. Default: the
	// address on Server.
	API string

	// Root is the directory of the project's root as the compiler saw it: code
	// in it is the application's, and locations are relative to it. Default:
	// the code and the root of the main module.
	Root string
	// Redact are names of headers, parameters and form fields, in any case,
	// whose values are replaced by "[redacted]" before anything leaves the
	// process; Cookie among them means all cookies. An empty list that is not
	// nil redacts nothing here. Default (nil): Authorization,
	// Proxy-Authorization, Cookie, Set-Cookie, X-Api-Key, password, passwd,
	// secret, token, api_key.
	Redact []string
	// Memory adds to each response how many bytes of heap the whole process
	// held at its end. It costs some microseconds a request.
	Memory bool

	// BodyBytes is how much of a request's body is looked at, as the
	// application reads it; of a form or a JSON object the fields are recorded.
	// Default 16 KiB; negative = never.
	BodyBytes int
	// TextBytes is where a single text (a query, a mail) is cut. Default 64
	// KiB.
	TextBytes int
	// MaxEvents is how many events of one request are recorded; what comes
	// after is counted, and the last event says how many. Default 2,000.
	MaxEvents int

	// Queue is how many schemes wait to be sent at most; more are dropped and
	// counted. Together they hold 64 MiB at most. Default 256.
	Queue int
	// RetryFor is how long a scheme is tried again. Default 1 minute.
	RetryFor time.Duration
	// HTTP sends the schemes. Default: a client of its own, with timeouts.
	HTTP *http.Client
	// OnError is told when sending begins to fail, and of each scheme that is
	// given up. It may be called by several goroutines at once. Default:
	// nothing is told; see Stats.
	OnError func(error)
}

// maxRequestBytes bounds the texts of one request's events.
const maxRequestBytes = 4 << 20

func (o Options) withDefaults() Options {
	if o.Only == nil {
		o.Only = func(*http.Request) bool { return true }
	}
	if o.Redact == nil {
		o.Redact = []string{
			"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key",
			"password", "passwd", "secret", "token", "api_key",
		}
	}
	if o.BodyBytes == 0 {
		o.BodyBytes = 16 << 10
	}
	if o.TextBytes <= 0 {
		o.TextBytes = 64 << 10
	}
	if o.MaxEvents <= 0 {
		o.MaxEvents = 2_000
	}
	if o.Queue <= 0 {
		o.Queue = 256
	}
	if o.RetryFor <= 0 {
		o.RetryFor = time.Minute
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{
			Timeout: 10 * time.Second,
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: senders,
				IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
			},
			// The protocol's receiver answers itself; a redirect would carry
			// the scheme elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	return o
}
