package store

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/wal"
)

// What damage to the disk has taken is remembered: every answer that may lack
// something says so, a subscription is told the range, and the positions are
// never given again. A lost range ends when its file is brought back, or when
// retention would have removed its events.

// lostRange is a range of positions whose events cannot be read any more.
type lostRange struct {
	Gap
	// Recorded is at least the recorded_at (milliseconds) of every event in it.
	Recorded int64 `json:"recorded,omitempty"`
	// Segment is the file that has them, which is in quarantine or missing; nil
	// where the write-ahead log had them.
	Segment *segmentMeta `json:"segment,omitempty"`
	// Removals are the conditions of what was removed meanwhile: they hold for
	// the file too, should it come back.
	Removals []string `json:"removals,omitempty"`
}

// changedLosses are lost ranges without those that were found, and with more.
func changedLosses(lost []lostRange, found []Gap, more []lostRange) []lostRange {
	if len(found)+len(more) == 0 {
		return lost
	}
	lost = slices.DeleteFunc(slices.Clone(lost), func(r lostRange) bool { return slices.Contains(found, r.Gap) })
	lost = append(lost, more...)
	slices.SortFunc(lost, func(a, b lostRange) int { return cmp.Compare(a.First, b.First) })
	return lost
}

// gaps are the lost ranges without the rest, neighbours as one.
func gaps(lost []lostRange) []Gap {
	all := make([]Gap, len(lost))
	for i, r := range lost {
		all[i] = r.Gap
	}
	return join(all, 0)
}

// without is what of a range is in none of some others, which are in order.
func (r lostRange) without(others []Gap) (rest []lostRange) {
	for _, g := range others {
		if g.Last < r.First || g.First > r.Last {
			continue
		}
		if g.First > r.First {
			before := r
			before.Last = g.First - 1
			rest = append(rest, before)
		}
		r.First = g.Last + 1
	}
	if r.First <= r.Last {
		rest = append(rest, r)
	}
	return rest
}

// known are the ranges of an instance that are no news: removed or lost.
func (v *version) known() []Gap {
	return join(sorted(append(slices.Clone(v.removed), gaps(v.lost)...)), 0)
}

// LostRange is a range of an instance's positions that damage has taken.
type LostRange struct {
	Instance string // name
	Gap
	// File had the events; it is in the quarantine directory, or missing. Empty
	// where the write-ahead log had them.
	File string
}

// Lost are the lost ranges of all instances, by name and position.
func (l *Log) Lost() []LostRange {
	var out []LostRange
	for _, in := range l.all() {
		name := in.info().Name
		for _, r := range in.current().version.lost {
			at := LostRange{Instance: name, Gap: r.Gap}
			if r.Segment != nil {
				at.File = r.Segment.Name
			}
			out = append(out, at)
		}
	}
	slices.SortFunc(out, func(a, b LostRange) int {
		return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.First, b.First))
	})
	return out
}

// InstanceLost are the lost ranges of one instance, neighbours as one.
func (l *Log) InstanceLost(instance string) ([]Gap, error) {
	in, err := l.instance(instance)
	if err != nil {
		return nil, err
	}
	return gaps(in.current().version.lost), nil
}

// leap is how many positions are left out where the write-ahead log has lost
// its newest records: more than can have been in memory and not in segments, so
// that none of them is given again.
const leap = 1 << 30

// leapOver leaves positions out in every instance that may have had events in
// lost records of the write-ahead log which nothing after them tells of.
func (l *Log) leapOver(lost []wal.Damage) {
	last := uint64(0)
	for _, d := range lost {
		if d.FirstLost <= d.LastLost {
			last = max(last, d.LastLost)
		}
	}
	if last == 0 {
		return
	}
	for _, in := range l.byID {
		if in.replayed > last {
			continue // it has gone on since
		}
		v := *in.view
		from := v.last + 1
		if known := v.version.known(); len(known) == 0 || known[len(known)-1].Last < from {
			in.lose(lostRange{Gap: Gap{First: from, Last: from + leap - 1}, Recorded: l.now().UnixMilli()})
		}
	}
}

// lose notes during recovery what is lost.
func (in *instance) lose(r lostRange) {
	in.losses = append(in.losses, r.without(in.view.version.known())...)
}

// settle makes what recovery has found lost part of the instance: its positions
// go on behind all lost ones. The manifest has it before anything is appended.
func (l *Log) settle(in *instance) error {
	in.view.last = max(in.view.last, lastLost(in.losses), lastLost(in.view.version.lost))
	if len(in.losses) == 0 {
		return nil
	}
	for _, r := range in.losses {
		l.report(event.Critical, "instance %q: positions %d to %d are lost, as far as there were events", in.meta.Name, r.First, r.Last)
	}
	if err := l.keepNumbers(in, in.allSealedNumbers()); err != nil {
		return err
	}
	losses := in.losses
	in.losses = nil
	return l.amend(in, contentEdit{Lost: losses, Numbers: markOf(in.numbers)}, func(n *version) {})
}

func lastLost(lost []lostRange) int64 {
	if len(lost) == 0 {
		return 0
	}
	return lost[len(lost)-1].Last
}

// amend commits a change of an instance's contents that leaves all files where
// they are, and shows it to readers; maintenance is held, but for recovery.
func (l *Log) amend(in *instance, change contentEdit, also func(n *version)) error {
	change.Instance = in.id
	if err := l.commit(&edit{Contents: []contentEdit{change}}); err != nil {
		return err
	}
	n := in.current().version.with(func(n *version) {
		n.lost = changedLosses(n.lost, change.Found, change.Lost)
		if change.Removed != nil {
			n.removed = change.Removed
		}
		n.unindexed = changedIndex(n.unindexed, change.Unindexed, change.Indexed)
		also(n)
	})
	in.replace(n, func(v *view) { v.events = n.rows() + int64(v.headRows()) })
	return nil
}

// expireLost ends lost ranges whose events retention would have removed: they
// are removed now. Maintenance is held.
func (l *Log) expireLost(in *instance, before int64) error {
	v := in.current().version
	change := contentEdit{Removed: slices.Clone(v.removed)}
	for _, r := range v.lost {
		if r.Recorded > 0 && r.Recorded < before {
			change.Found = append(change.Found, r.Gap)
			change.Removed = append(change.Removed, r.Gap)
		}
	}
	if len(change.Found) == 0 {
		return nil
	}
	change.Removed = join(sorted(change.Removed), 0)
	l.report(event.Notice, "instance %q: %d lost ranges are older than its retention and no longer told of", in.info().Name, len(change.Found))
	return l.amend(in, change, func(*version) {})
}

// removedWhileLost notes a removal in the lost ranges that have a file.
func removedWhileLost(lost []lostRange, where string) (change contentEdit) {
	for _, r := range lost {
		if r.Segment == nil {
			continue
		}
		change.Found = append(change.Found, r.Gap)
		if !slices.Contains(r.Removals, where) {
			r.Removals = append(slices.Clone(r.Removals), where)
		}
		change.Lost = append(change.Lost, r)
	}
	return change
}

// mayComeBack reports whether a range of positions holds a lost segment.
func (v *version) mayComeBack(first, last int64) bool {
	return slices.ContainsFunc(v.lost, func(r lostRange) bool {
		return r.Segment != nil && r.First <= last && first <= r.Last
	})
}

// lostAt is the error for an event that is at a lost position, nil for others.
func (v *version) lostAt(position int64) error {
	for _, r := range v.lost {
		if r.First <= position && position <= r.Last {
			return fmt.Errorf("%w: positions %d to %d are lost, position %d among them", ErrDamaged, r.First, r.Last, position)
		}
	}
	return nil
}
