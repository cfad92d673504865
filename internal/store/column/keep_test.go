package column

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/query"
)

// Keep leaves what a builder with the plan would have made of the same rows.
func TestKeepIsWhatThePlanWouldHaveMade(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var rows []Row
		for i := range rapid.IntRange(1, 60).Draw(t, "rows") {
			rows = append(rows, Row{
				Position: int64(i + 1), SequenceNumber: int64(i + 1), StreamID: "s", EventType: "t",
				Payload: []byte(smallObject(t, 0)), Metadata: []byte(smallObject(t, 1)),
			})
		}
		kept := NewBuilder(Meta{})
		appendRows(t, kept, rows)
		plan := &Plan{columns: map[string]bool{}}
		for _, p := range kept.paths {
			plan.columns[p.key()] = rapid.Bool().Draw(t, "column")
		}
		for i := range kept.objects {
			plan.shapes[i] = map[string]bool{}
			for _, skeleton := range kept.cols[shapeCol(kept.objects[i].root)].dict {
				plan.shapes[i][skeleton] = rapid.IntRange(0, 3).Draw(t, "shape") > 0
			}
		}
		want := NewPlannedBuilder(Meta{}, plan)
		appendRows(t, want, rows)
		if err := kept.Keep(plan); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(contentOf(want), contentOf(kept)); diff != "" {
			t.Fatalf("columns (-planned +kept):\n%s", diff)
		}
	})
}

func appendRows(t *rapid.T, b *Builder, rows []Row) {
	t.Helper()
	for i := range rows {
		if err := b.Append(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// contentOf spells what a file is made of: every value of every column, and what
// is said of the rest.
func contentOf(b *Builder) map[string][]string {
	all := map[string][]string{}
	for i, p := range b.cols {
		name := fmt.Sprint(i)
		if c := Col(i); c >= FirstPath {
			name = fmt.Sprintf("%q", b.paths[c-FirstPath].key())
		}
		for k := range p.n {
			var v any
			switch p.kind {
			case Int:
				v = p.ints[k]
			case Double:
				v = p.doubles[k]
			case Bool:
				v = p.bools[k]
			default:
				v = p.text(k)
			}
			all[name] = append(all[name], fmt.Sprintf("%d: %v", p.Row(k), v))
		}
		v := p.Vector(b.rows) // which must be sound
		if v.Valid != nil && v.Valid.Count() != p.n {
			all[name] = append(all[name], "its vector has other rows")
		}
	}
	for _, root := range []query.Root{query.Payload, query.Metadata} {
		paths, whole := b.Spill(root)
		spill := []string{fmt.Sprintf("%d rows whole", whole)}
		for _, p := range paths {
			spill = append(spill, fmt.Sprintf("%q", p))
		}
		slices.Sort(spill)
		all[fmt.Sprintf("rest of %d", root)] = spill
	}
	return all
}
