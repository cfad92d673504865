package event

import "encoding/json/jsontext"

// CompactObject checks that text is one JSON object as strictly as a payload is
// checked, and returns it compact: white space between tokens removed, all else
// byte for byte. What it returns is a slice of text if that is compact already,
// otherwise new. A zero field of lim is its default; EventBytes bounds the
// compact object. The error is an *InvalidError whose Path starts at the object.
func CompactObject(text []byte, lim Limits) (jsontext.Value, error) {
	v, bad := compactValue(text, lim, true, 0)
	if bad != nil {
		return nil, bad
	}
	return v, nil
}

// CompactValue is CompactObject for a JSON value of any type.
func CompactValue(text []byte, lim Limits) (jsontext.Value, error) {
	v, bad := compactValue(text, lim, false, 0)
	if bad != nil {
		return nil, bad
	}
	return v, nil
}

// compactValue is the compact form of the one value in text; around is the
// nesting around it.
func compactValue(text []byte, lim Limits, wantObject bool, around int) (jsontext.Value, *InvalidError) {
	p := borrowParser(lim)
	defer p.giveBack()
	p.begin(text)
	p.scan.around = around
	i := skipSpace(text, 0)
	if wantObject && KindOf(text[i:]) != '{' {
		return nil, p.notEvents(i, "the value", "an object")
	}
	v, end := p.scan.compact(i, p.limit)
	if end < 0 {
		return nil, p.scan.bad.invalid(text, i, nil)
	}
	if bad := p.scan.end(end); bad != nil {
		return nil, bad
	}
	if len(v) > p.limit {
		return nil, &InvalidError{Index: -1, Code: CodeEventTooLarge, Offset: i, Message: tooLarge(p.limit)}
	}
	return v, nil
}
