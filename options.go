package firn

import (
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store"
)

// Options configures Open. The zero value is the default.
type Options struct {
	SealAge  time.Duration // seal events at this age (few ones of many instances later); default 5 m
	SealRows int           // seal an instance's head at this many events; default 250,000
	Limits   event.Limits
	// QueryMemory is the budget in bytes that all running queries share.
	// Default: the smaller of 256 MiB and a quarter of the process's memory limit.
	QueryMemory int64
	// QueryTimeout stops a query. Default 30 s.
	QueryTimeout time.Duration
	// Report is told what an operator should know: recovered tails, damage,
	// quarantined files, failed background work. It may be called by many
	// goroutines at once. Default: nothing is told.
	Report func(Report)
	// Now is the clock; default time.Now. Tests set it.
	Now func() time.Time
	// SystemRetention, where it is not nil, is the retention in days of the
	// instance system (0 = for ever), above the setting that is stored.
	SystemRetention *int
	// ProtectedDays is how many days the protected types of the instance system
	// (api_key.*, auth.*, event_logs.*, retention.*) are kept at least, purges and
	// shorter retentions notwithstanding. Default, and the least: 365.
	ProtectedDays int
	// Catalog says what the payloads of event types must look like; what becomes
	// of those that do not is each instance's Validation. Default: nothing is
	// validated.
	Catalog Validator
}

func (o Options) store() store.Options {
	return store.Options{
		SealAge: o.SealAge, SealRows: o.SealRows, Limits: o.Limits,
		QueryMemory: o.QueryMemory, QueryTimeout: o.QueryTimeout, Report: o.Report, Now: o.Now,
		SystemRetention: o.SystemRetention, ProtectedDays: o.ProtectedDays,
	}
}

// Report is one thing an operator should know: a Severity and a Message of one
// line, with the exact range where something was lost.
type Report = store.Report
