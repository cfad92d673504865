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
