package ndjson

import (
	"cmp"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
)

// fileName is a file of one day.
type fileName struct {
	day        string // YYYY-MM-DD
	number     int    // from 1
	compressed bool   // with zstd
}

var namePattern = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:-([1-9][0-9]{0,8}))?\.ndjson(\.zst)?$`)

func parseName(name string) (n fileName, ok bool) {
	m := namePattern.FindStringSubmatch(name)
	if m == nil {
		return n, false
	}
	n = fileName{day: m[1], number: 1, compressed: m[3] != ""}
	if m[2] != "" {
		n.number, _ = strconv.Atoi(m[2]) // at most nine digits
	}
	return n, n.String() == name
}

func (n fileName) String() string {
	name := n.day
	if n.number > 1 {
		name = fmt.Sprintf("%s-%d", n.day, n.number)
	}
	if n.compressed {
		return name + ".ndjson.zst"
	}
	return name + ".ndjson"
}

// list returns the target's files, by day and number. What is not a regular file
// of such a name is not ours.
func (t *lines) list() ([]fileName, error) {
	entries, err := fs.ReadDir(t.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var names []fileName
	for _, e := range entries {
		if n, ok := parseName(e.Name()); ok && e.Type().IsRegular() {
			names = append(names, n)
		}
	}
	slices.SortFunc(names, func(a, b fileName) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.number, b.number))
	})
	return names, nil
}

// last returns the file of a day with the highest number, the zero name where
// there is none.
func last(names []fileName, day string) (found fileName) {
	for _, n := range names {
		if n.day == day && (n.number > found.number || n.number == found.number && n.compressed) {
			found = n
		}
	}
	return found
}
