package store

import (
	"fmt"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/wal"
)

// report tells an operator something.
func (l *Log) report(severity event.Severity, format string, args ...any) {
	l.opts.Report(Report{Severity: severity, Message: fmt.Sprintf(format, args...)})
}

func (l *Log) reportWAL(r wal.Recovery) {
	if r.Torn != nil {
		l.report(event.Warning, "write-ahead log: bytes %d–%d of %s were being written when the process ended and never acknowledged; they are kept in %s (%s)",
			r.Torn.Offset, r.Torn.End, r.Torn.File, r.Torn.Quarantine, r.Torn.Reason)
	}
	l.reportDamage("write-ahead log", r.Damage)
}

func (l *Log) reportJournal(name string, r wal.JournalRecovery) {
	if r.FellBack {
		l.report(event.Error, "%s: the newest snapshot is damaged; the generation before it was read instead, and nothing is lost", name)
	}
	if r.Torn != nil {
		l.report(event.Warning, "%s: bytes %d–%d of %s were being written when the process ended and are cut", name, r.Torn.Offset, r.Torn.End, r.Torn.File)
	}
	l.reportDamage(name, r.Damage)
}

func (l *Log) reportDamage(name string, damage []wal.Damage) {
	for _, d := range damage {
		lost := "no record is lost"
		if d.FirstLost <= d.LastLost {
			lost = fmt.Sprintf("records %d–%d are lost", d.FirstLost, d.LastLost)
		}
		l.report(event.Critical, "%s: bytes %d–%d of %s are damaged (%s): %s", name, d.Offset, d.End, d.File, d.Reason, lost)
	}
}
