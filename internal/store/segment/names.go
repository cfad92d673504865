package segment

import (
	"encoding/json/jsontext"
	"strings"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// fixedNames are the Parquet names of the fixed columns.
var fixedNames = [column.FirstPath]string{
	column.ColPosition:      "position",
	column.ColSequence:      "sequence_number",
	column.ColTimestamp:     "timestamp",
	column.ColRecorded:      "recorded_at",
	column.ColSeverity:      "severity",
	column.ColStream:        "stream_id",
	column.ColType:          "event_type",
	column.ColActor:         "actor",
	column.ColSubject:       "subject",
	column.ColID:            "id",
	column.ColPayloadShape:  "payload#shape",
	column.ColPayloadRest:   "payload#rest",
	column.ColMetadataShape: "metadata#shape",
	column.ColMetadataRest:  "metadata#rest",
}

// pathName spells a path as the query language does: payload.geo.city,
// payload["dotted.key"].
func pathName(root query.Root, path []string) string {
	var b strings.Builder
	b.WriteString(rootNames[root])
	for _, key := range path {
		if isPlainKey(key) {
			b.WriteByte('.')
			b.WriteString(key)
			continue
		}
		quoted, err := jsontext.AppendQuote(nil, key)
		if err != nil { // only on invalid UTF-8, which no event holds
			quoted = []byte(`"` + strings.ToValidUTF8(key, "\uFFFD") + `"`)
		}
		b.WriteByte('[')
		// The Parquet library takes no comma in a name.
		b.WriteString(strings.ReplaceAll(string(quoted), ",", `\u002c`))
		b.WriteByte(']')
	}
	return b.String()
}

func isPlainKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return key != ""
}

// pathNames names path columns that are in order of falling frequency: the first
// of a path has the path's name, those of other kinds have the kind added.
func pathNames(paths []column.PathColumn) []string {
	names, taken := make([]string, len(paths)), map[string]bool{}
	for i, p := range paths {
		name := pathName(p.Root, p.Path)
		if taken[name] {
			name += "#" + kindNames[p.Kind]
		}
		taken[name] = true
		names[i] = name
	}
	return names
}
