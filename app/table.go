package app

import (
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// table is text in columns for a person. The last column takes the room that
// is left and is cut there; so are others that are longer than most.
type table struct {
	columns []column
	rows    [][]string
}

type column struct {
	title string
	right bool // numbers
	max   int  // 0 = no bound of its own
}

// add appends a row. Cells are escaped here, once.
func (t *table) add(cells ...string) {
	row := make([]string, len(t.columns))
	for i := range row {
		if i < len(cells) {
			row[i] = escape(cells[i])
		}
	}
	t.rows = append(t.rows, row)
}

const gutter = "  "

// print writes the table, at most width columns wide.
func (t *table) print(w io.Writer, width int) error {
	widths := t.widths(width)
	var b strings.Builder
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.title
	}
	t.line(&b, titles, widths)
	for _, row := range t.rows {
		t.line(&b, row, widths)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *table) widths(width int) []int {
	widths := make([]int, len(t.columns))
	left := width
	for i, c := range t.columns {
		widths[i] = uniseg.StringWidth(c.title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], uniseg.StringWidth(row[i]))
		}
		if c.max > 0 {
			widths[i] = min(widths[i], max(c.max, uniseg.StringWidth(c.title)))
		}
		if last := i == len(t.columns)-1; last {
			widths[i] = min(widths[i], max(left, 20))
		}
		left -= widths[i] + len(gutter)
	}
	return widths
}

func (t *table) line(b *strings.Builder, cells []string, widths []int) {
	var line strings.Builder
	for i, cell := range cells {
		if i > 0 {
			line.WriteString(gutter)
		}
		cell = cut(cell, widths[i])
		pad := strings.Repeat(" ", widths[i]-uniseg.StringWidth(cell))
		if t.columns[i].right {
			line.WriteString(pad + cell)
		} else {
			line.WriteString(cell + pad)
		}
	}
	b.WriteString(strings.TrimRight(line.String(), " "))
	b.WriteByte('\n')
}

// cut shortens text to a width on the terminal and says so with an ellipsis.
func cut(s string, width int) string {
	if uniseg.StringWidth(s) <= width {
		return s
	}
	var b strings.Builder
	used, state, rest := 0, -1, s
	for rest != "" {
		var cluster string
		var w int
		cluster, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used+w > width-1 {
			break
		}
		b.WriteString(cluster)
		used += w
	}
	return b.String() + "…"
}
