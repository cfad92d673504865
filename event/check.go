package event

import (
	"encoding/json/jsontext"
	"fmt"
	"time"
	"unicode/utf8"
)

// Check makes sure of a draft given in Go what ParseBatch makes sure of one
// given as JSON. Payload and metadata become compact, the timestamp is cut to
// the microsecond and put in UTC; nothing that is missing is filled in. Whoever
// stores drafts may trust a checked one. The error is an *InvalidError with
// Index -1; the draft may then have been changed in part.
func (d *Draft) Check(lim Limits) error {
	lim = lim.WithDefaults()
	if bad := d.checkTexts(lim); bad != nil {
		return bad
	}
	if d.Severity != 0 && !d.Severity.Valid() {
		return &InvalidError{Index: -1, Path: "severity", Code: CodeInvalidSeverity, Offset: -1,
			Message: fmt.Sprintf("%d is no importance; want 1 (debug) to 8 (emergency), or 0 for the default", d.Severity)}
	}
	if !d.Timestamp.IsZero() {
		t := d.Timestamp.UTC().Round(0)
		if year := t.Year(); year < 0 || year > 9999 {
			return &InvalidError{Index: -1, Path: "timestamp", Code: CodeInvalidTime, Offset: -1, Message: errTimeRange.Error()}
		}
		if t = time.UnixMicro(t.UnixMicro()).UTC(); t.IsZero() {
			// Some nanoseconds above zero must not become "not given".
			return &InvalidError{Index: -1, Path: "timestamp", Code: CodeInvalidTime, Offset: -1, Message: errTimeZero.Error()}
		}
		d.Timestamp = t
	}
	var bad *InvalidError
	if d.Payload, bad = checkObject(d.Payload, "payload", lim); bad != nil {
		return bad
	}
	if d.Metadata, bad = checkObject(d.Metadata, "metadata", lim); bad != nil {
		return bad
	}
	if len(d.Payload)+len(d.Metadata) > lim.EventBytes {
		return &InvalidError{Index: -1, Code: CodeEventTooLarge, Offset: -1, Message: tooLarge(lim.EventBytes)}
	}
	return nil
}

// checkTexts checks the strings of a draft.
func (d *Draft) checkTexts(lim Limits) *InvalidError {
	if d.EventType == "" {
		return missingType(-1)
	}
	for _, t := range []struct {
		path string
		text *string
		most int
	}{
		{"id", &d.ID, MaxID},
		{"stream_id", &d.StreamID, MaxStream},
		{"event_type", &d.EventType, MaxType},
		{"actor", d.Actor, lim.EventBytes},
		{"subject", d.Subject, lim.EventBytes},
	} {
		switch {
		case t.text == nil:
		case len(*t.text) > t.most:
			return &InvalidError{Index: -1, Path: t.path, Code: CodeTooLong, Offset: -1,
				Message: fmt.Sprintf("is %d bytes long; the most is %d", len(*t.text), t.most)}
		case !utf8.ValidString(*t.text):
			return &InvalidError{Index: -1, Path: t.path, Code: CodeInvalidUTF8, Offset: -1,
				Message: "is not valid UTF-8"}
		}
	}
	return nil
}

// checkObject checks and compacts a payload or metadata; empty stays nil.
func checkObject(v jsontext.Value, path string, lim Limits) (jsontext.Value, *InvalidError) {
	if len(v) == 0 {
		return nil, nil
	}
	compact, bad := compactValue(v, lim, true, 0)
	if bad == nil {
		return compact, nil
	}
	bad.Offset = -1
	switch {
	case bad.Path == "":
		bad.Path = path
	case bad.Path[0] == '[':
		bad.Path = path + bad.Path
	default:
		bad.Path = path + "." + bad.Path
	}
	return nil, bad
}
