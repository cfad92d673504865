// Package spelling finds what a mistyped name was probably meant to be, for
// messages that ask "did you mean …?".
package spelling

import "strings"

// longest is the length in bytes of the longest name that is looked at: those
// that people type are shorter, and the work grows with the square of it.
const longest = 64

// Nearest is the one of known that name was probably meant to be, whatever the
// case of its letters: at most a third of name differs, and of several that are
// as near it is the first. ok is false if none is near.
func Nearest(name string, known []string) (best string, ok bool) {
	if len(name) > longest {
		return "", false
	}
	least := 1 + len(name)/3
	for _, k := range known {
		if d := Distance(strings.ToLower(name), strings.ToLower(k)); d < least {
			best, least, ok = k, d, true
		}
	}
	return best, ok
}

// Distance is the number of bytes to insert, remove, replace or swap with their
// neighbour to make b of a. It takes len(a) times len(b) steps.
func Distance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
