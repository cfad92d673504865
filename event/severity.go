package event

// Severity is the importance of an event, from Debug (1) to Emergency (8), the
// eight levels of RFC 5424 in rising order.
type Severity uint8

// The severities. The zero value stands for "not given" and is never stored.
const (
	Debug Severity = iota + 1
	Info
	Notice
	Warning
	Error
	Critical
	Alert
	Emergency
)

// SeverityNames lists the names in rising order, for messages.
const SeverityNames = "debug, info, notice, warning, error, critical, alert, emergency"

var severityNames = [...]string{"", "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}

// ParseSeverity finds a severity by its name, one of SeverityNames, or "warn"
// for Warning. Names are lower case; any other case is not recognised, so that
// a name has one spelling in every answer and every query.
func ParseSeverity(name string) (s Severity, ok bool) {
	switch name {
	case "debug":
		return Debug, true
	case "info":
		return Info, true
	case "notice":
		return Notice, true
	case "warning", "warn":
		return Warning, true
	case "error":
		return Error, true
	case "critical":
		return Critical, true
	case "alert":
		return Alert, true
	case "emergency":
		return Emergency, true
	}
	return 0, false
}

// SeverityOf is the severity of an importance from 1 (Debug) to 8 (Emergency).
func SeverityOf(importance int64) (s Severity, ok bool) {
	if importance < int64(Debug) || importance > int64(Emergency) {
		return 0, false
	}
	return Severity(importance), true
}

// Valid reports whether s is one of the eight severities.
func (s Severity) Valid() bool { return s >= Debug && s <= Emergency }

// String is the name of a severity, "unknown" for a value that is none.
func (s Severity) String() string {
	if !s.Valid() {
		return "unknown"
	}
	return severityNames[s]
}
