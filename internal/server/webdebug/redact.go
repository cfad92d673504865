package webdebug

import (
	"strings"

	"github.com/firnlog/firn/event"
)

const redacted = `"[redacted]"`

// redactor replaces secrets. Everything else stays byte for byte. It takes the
// lists of parameters of the protocol, [{"key": k, "value": v}], and objects,
// {k: v}, which some emitters write instead.
type redactor map[string]bool // lower case

func newRedactor(keys []string) redactor {
	r := redactor{}
	for _, key := range keys {
		r[strings.ToLower(key)] = true
	}
	return r
}

// secret reports whether the value of a key is a secret: of the key as a whole,
// or of one of the names that forms put into it, as in user[password] or
// user.password.
func (r redactor) secret(key []byte) bool {
	name := strings.ToLower(strings.TrimSpace(event.Unquoted(key)))
	if r[name] || !strings.ContainsAny(name, "[.") {
		return r[name]
	}
	for part := range strings.FieldsFuncSeq(name, func(c rune) bool { return strings.ContainsRune("[].", c) }) {
		if r[part] {
			return true
		}
	}
	return false
}

// object is a payload, or what is like one, without its secrets: text itself
// where there are none to look for.
func (r redactor) object(text []byte) []byte {
	if event.KindOf(text) != '{' || !holdsParams(text) {
		return text
	}
	out := append(make([]byte, 0, len(text)), '{')
	for m := event.WalkMembers(text); m.Next(); {
		out = appendKey(out, m.Key)
		out = append(out, r.member(m.Key, m.Value)...)
	}
	return append(out, '}')
}

// member is the value of a member of a payload without its secrets.
func (r redactor) member(key, value []byte) []byte {
	switch {
	case isOneOf(key, "cookies"):
		return appendAll(nil, value, false)
	case isParams(key):
		return r.appendNamed(nil, value)
	}
	return value
}

func holdsParams(object []byte) bool {
	for m := event.WalkMembers(object); m.Next(); {
		if isParams(m.Key) || isOneOf(m.Key, "cookies") {
			return true
		}
	}
	return false
}

func isParams(key []byte) bool { return isOneOf(key, "headers", "query", "body", "session") }

// isOneOf compares in upper or lower case: what a struct of Go becomes where
// nobody said better is {"Key": k, "Value": v}.
func isOneOf(key []byte, names ...string) bool {
	for _, name := range names {
		if event.EqualQuoted(key, name) || (len(key) >= len(name)+len(`""`) && strings.EqualFold(event.Unquoted(key), name)) {
			return true
		}
	}
	return false
}

// appendAll appends a value without any of the values in it; names stay. inList
// says that an object is one of a list: its key or name is a name.
func appendAll(dst, value []byte, inList bool) []byte {
	switch event.KindOf(value) {
	case '[':
		dst = append(dst, '[')
		for e := event.WalkElements(value); e.Next(); {
			dst = appendAll(appendComma(dst), e.Value, true)
		}
		return append(dst, ']')
	case '{':
		dst = append(dst, '{')
		for m := event.WalkMembers(value); m.Next(); {
			dst = appendKey(dst, m.Key)
			if inList && isName(m.Key) && event.KindOf(m.Value) == '"' {
				dst = append(dst, m.Value...)
				continue
			}
			dst = append(dst, redacted...)
		}
		return append(dst, '}')
	case 'n':
		return append(dst, value...)
	default:
		return append(dst, redacted...)
	}
}

// appendNamed appends a value without the values of secret keys in it, however
// deep.
func (r redactor) appendNamed(dst, value []byte) []byte {
	switch event.KindOf(value) {
	case '[':
		dst = append(dst, '[')
		for e := event.WalkElements(value); e.Next(); {
			dst = r.appendNamed(appendComma(dst), e.Value)
		}
		return append(dst, ']')
	case '{':
		hidden := r.hidesValue(value)
		dst = append(dst, '{')
		for m := event.WalkMembers(value); m.Next(); {
			dst = appendKey(dst, m.Key)
			if r.secret(m.Key) || (hidden && isOneOf(m.Key, "value")) {
				dst = append(dst, redacted...)
				continue
			}
			dst = r.appendNamed(dst, m.Value)
		}
		return append(dst, '}')
	default:
		return append(dst, value...)
	}
}

// hidesValue reports whether an object is a parameter whose key is secret.
func (r redactor) hidesValue(object []byte) bool {
	for m := event.WalkMembers(object); m.Next(); {
		if isName(m.Key) && event.KindOf(m.Value) == '"' && r.secret(m.Value) {
			return true
		}
	}
	return false
}

func isName(key []byte) bool { return isOneOf(key, "key", "name") }

// appendKey appends a key as it is spelled, behind a comma where one is due.
func appendKey(dst, key []byte) []byte {
	return append(append(appendComma(dst), key...), ':')
}

// appendComma appends a comma unless an object or array begins.
func appendComma(dst []byte) []byte {
	if n := len(dst); n > 0 && dst[n-1] != '{' && dst[n-1] != '[' {
		return append(dst, ',')
	}
	return dst
}
