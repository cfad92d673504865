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
		l.report(event.Warning, "write-ahead log: bytes %d–%d of %s were not written whole when the process ended (%s): unless the disk has lost what it had said was written, nobody was told that they are stored; %s",
			r.Torn.Offset, r.Torn.End, r.Torn.File, r.Torn.Reason, keptIn(r.Torn))
	}
	l.reportDamage("write-ahead log", r.Damage)
}

func (l *Log) reportJournal(name string, r wal.JournalRecovery) {
	if r.FellBack {
		l.report(event.Error, "%s: the newest snapshot is damaged; the generation before it was read instead, and nothing is lost", name)
	}
	if r.Torn != nil {
		l.report(event.Warning, "%s: bytes %d–%d of %s were not written whole when the process ended; %s", name, r.Torn.Offset, r.Torn.End, r.Torn.File, keptIn(r.Torn))
	}
	l.reportDamage(name, r.Damage)
}

// keptIn says where torn bytes are.
func keptIn(t *wal.Torn) string {
	if t.Quarantine == "" {
		return "they are set aside before the next write"
	}
	return "they are kept in " + t.Quarantine
}

func (l *Log) reportDamage(name string, damage []wal.Damage) {
	for _, d := range damage {
		lost := "no record is lost"
		if d.FirstLost <= d.LastLost {
			lost = fmt.Sprintf("records %d–%d are lost", d.FirstLost, d.LastLost)
		}
		if d.Newest {
			lost += "; they are the newest, and may have been acknowledged or not"
		}
		l.report(event.Critical, "%s: bytes %d–%d of %s are damaged (%s): %s", name, d.Offset, d.End, d.File, d.Reason, lost)
	}
}
