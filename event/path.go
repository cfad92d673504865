package event

import "strconv"

// AppendPathKey appends a step into an object to a JSON path, as queries spell
// it: payload.geo, or payload["dotted.key"] where the key is not made of
// letters, digits, '_', '-' and '$' alone. An empty path gets no leading dot.
func AppendPathKey(path []byte, key string) []byte {
	if !plainKey(key) {
		path = append(path, '[')
		path = AppendQuoted(path, key)
		return append(path, ']')
	}
	if len(path) > 0 {
		path = append(path, '.')
	}
	return append(path, key...)
}

// AppendPathIndex appends a step into an array to a JSON path: items[0].
func AppendPathIndex(path []byte, index int) []byte {
	path = append(path, '[')
	path = strconv.AppendInt(path, int64(index), 10)
	return append(path, ']')
}

func plainKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '_', c == '-', c == '$':
		default:
			return false
		}
	}
	return key != ""
}
