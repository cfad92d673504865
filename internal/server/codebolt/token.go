package codebolt

import (
	"strconv"
	"strings"
)

// keyPrefix is how a key of Firn's begins. The tokens that Codebolt's own
// server hands out are no keys and are passed over.
const keyPrefix = "firn_"

// key finds the Firn key that a client brings as threadToken or pluginToken in
// the query string of its URL, "" if there is none. The string holds the
// client's environment and values that nobody has encoded, so it is searched,
// not parsed: nothing in it is an error. It must never be logged.
func key(rawQuery string) string {
	for pair := range strings.SplitSeq(rawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name != "threadToken" && name != "pluginToken" {
			continue
		}
		if value = decoded(value); strings.HasPrefix(value, keyPrefix) {
			return value
		}
	}
	return ""
}

// decoded resolves percent-encoding where it is right and leaves the rest.
func decoded(text string) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if octet, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(octet))
				i += 2
				continue
			}
		}
		out = append(out, text[i])
	}
	return string(out)
}
