package app

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// table is text in columns for a person. Where it is wider than the terminal,
// columns that say the same in every row are left out, the widest are cut, and
// at last the columns at the end are left out; a note says which.
type table struct {
	columns []column
	rows    [][]string
	wide    bool // print everything, however wide
}

type column struct {
	title string
	right bool // numbers
	max   int  // 0 = no bound of its own
	// spare may be left out where it is the same in every row.
	spare bool
	// whole is cut after the others: an id is of no use in parts.
	whole bool
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

// print writes the table, at most width columns wide, and returns what to say
// of what is not in it, "" if all is.
func (t *table) print(w io.Writer, width int) (note string, err error) {
	if len(t.columns) == 0 {
		return "", nil
	}
	widths, note := t.fit(width)
	var b strings.Builder
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.title
	}
	t.line(&b, titles, widths)
	for _, row := range t.rows {
		t.line(&b, row, widths)
	}
	_, err = io.WriteString(w, b.String())
	return note, err
}

// fit is the width of each column, 0 = left out.
func (t *table) fit(width int) (widths []int, note string) {
	widths = make([]int, len(t.columns))
	for i, c := range t.columns {
		title := uniseg.StringWidth(c.title)
		widths[i] = max(title, 1)
		for _, row := range t.rows {
			widths[i] = max(widths[i], uniseg.StringWidth(row[i]))
		}
		if c.max > 0 && !t.wide {
			widths[i] = min(widths[i], max(c.max, title))
		}
		if !t.wide && i < len(t.columns)-1 {
			widths[i] = min(widths[i], width) // and less later; the sum stays small
		}
	}
	if t.wide || total(widths) <= width {
		return widths, ""
	}
	var same, omitted []string
	for i, c := range t.columns {
		if value, constant := t.constant(i); c.spare && constant && total(widths) > width {
			widths[i] = 0
			if value != "" {
				same = append(same, c.title+" "+cut(value, 30))
			}
		}
	}
	t.shrink(widths, width, false)
	t.shrink(widths, width, true)
	for i := len(widths) - 1; i > 0 && total(widths) > width; i-- {
		if widths[i] > 0 {
			widths[i] = 0
			omitted = append([]string{t.columns[i].title}, omitted...)
		}
	}
	return widths, leftOut(same, omitted)
}

func leftOut(same, omitted []string) string {
	var parts []string
	if len(same) > 0 {
		parts = append(parts, "the same in every row: "+strings.Join(same, ", "))
	}
	const shown = 5
	if n := len(omitted); n > shown {
		omitted = append(omitted[:shown:shown], fmt.Sprintf("%d more", n-shown))
	}
	if len(omitted) > 0 {
		parts = append(parts, "no room for: "+strings.Join(omitted, ", "))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, "; ") + " (--wide shows all)"
}

// total is the width of a line.
func total(widths []int) int {
	sum := -len(gutter)
	for _, w := range widths {
		if w > 0 {
			sum += w + len(gutter)
		}
	}
	return sum
}

// constant reports whether a column says the same in all of several rows.
func (t *table) constant(i int) (value string, ok bool) {
	for _, row := range t.rows {
		if row[i] != t.rows[0][i] {
			return "", false
		}
	}
	if len(t.rows) < 2 {
		return "", false
	}
	return t.rows[0][i], true
}

// shrink cuts the widest column, and again, until the line fits or none can be
// cut.
func (t *table) shrink(widths []int, width int, whole bool) {
	const least = 8
	for total(widths) > width {
		widest, next := -1, least
		for i, w := range widths {
			switch {
			case w <= least || t.columns[i].whole != whole:
			case widest < 0 || w > widths[widest]:
				if widest >= 0 {
					next = max(next, widths[widest])
				}
				widest = i
			default:
				next = max(next, w)
			}
		}
		if widest < 0 {
			return
		}
		excess := total(widths) - width
		if next == widths[widest] {
			next-- // two of one width take turns
		}
		widths[widest] = max(widths[widest]-excess, next)
	}
}

func (t *table) line(b *strings.Builder, cells []string, widths []int) {
	var line strings.Builder
	for i, cell := range cells {
		if widths[i] == 0 {
			continue
		}
		if line.Len() > 0 {
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
