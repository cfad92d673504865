package exec

import (
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// idNode holds where an event's id passes a test. Ids that callers brought are
// a column; ids that the log made are computed from the position, so an exact
// one is turned round into its position instead.
type idNode struct {
	field query.Field
	test  *test
	// decoded says that the test is for exact ids and that made has all of
	// them that the log can have made.
	decoded bool
	made    []madeID
}

type madeID struct {
	position, recordedAt int64
}

func newIDNode(t *test, s *Snapshot) node {
	if t.operator == query.Exists {
		return constant(true)
	}
	n := &idNode{field: query.Field{Root: query.ID, Name: "id"}, test: t}
	exact := t.operator == query.Eq || t.operator == query.In
	if !exact || s.DecodeID == nil {
		return n
	}
	n.decoded = true
	for _, id := range t.equal {
		if position, recordedAt, ok := s.DecodeID(id); ok {
			n.made = append(n.made, madeID{position, recordedAt})
		}
	}
	return n
}

func (n *idNode) prune(ref *BlockRef) node {
	if !n.decoded {
		return n
	}
	for _, m := range n.made {
		if ref.FirstPosition <= m.position && m.position <= ref.LastPosition {
			return n
		}
	}
	return pruneByStrings(n, n.field, n.test, ref)
}

func (n *idNode) cost() int {
	if n.decoded {
		return costIDs
	}
	return costSearch
}

func (n *idNode) eval(r *reader, in column.Bitmap) (column.Bitmap, error) {
	v, err := r.block.Envelope(query.ID)
	if err != nil {
		return nil, err
	}
	found, err := r.bitmap()
	if err != nil {
		return nil, err
	}
	if err := selectText(r, found, in, v, n.test); err != nil || v.Valid == nil {
		return found, err
	}
	computed, err := r.copyOf(in)
	if err != nil {
		return nil, err
	}
	computed.AndNot(v.Valid)
	if n.decoded {
		return found, n.selectMade(r, found, computed)
	}
	return found, n.selectComputed(r, found, computed)
}

// selectMade selects the rows at the positions of the ids looked for.
func (n *idNode) selectMade(r *reader, dst, in column.Bitmap) error {
	if len(n.made) == 0 {
		return nil
	}
	positions, err := r.ints(query.Position)
	if err != nil {
		return err
	}
	recorded, err := r.ints(query.RecordedAt)
	if err != nil {
		return err
	}
	at, err := r.bitmap()
	if err != nil {
		return err
	}
	for _, m := range n.made {
		clear(at)
		selectInts(at, in, positions, span{m.position, m.position})
		for row := range at.All() {
			if recorded.Ints[row] == m.recordedAt {
				dst.Set(row)
			}
		}
	}
	return nil
}

// selectComputed selects the rows whose computed id passes.
func (n *idNode) selectComputed(r *reader, dst, in column.Bitmap) error {
	return r.eachID(in, func(row int, id string) error {
		if n.test.passesText(id) {
			dst.Set(row)
		}
		return nil
	})
}

// eachID calls fn with the rows of in and their ids, brought or made.
func (r *reader) eachID(in column.Bitmap, fn func(row int, id string) error) error {
	var events []event.Event
	rows := make([]int32, 0, pulse)
	flush := func() error {
		var err error
		if events, err = r.block.Events(events[:0], rows, column.Need{}); err != nil {
			return err
		}
		for i := range events {
			if err := fn(int(rows[i]), events[i].ID); err != nil {
				return err
			}
		}
		rows = rows[:0]
		return nil
	}
	err := r.eachRow(in, func(row int) error {
		if rows = append(rows, int32(row)); len(rows) < pulse {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}
