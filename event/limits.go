package event

// Limits bounds what is accepted. The zero value of a field is its default.
type Limits struct {
	// EventBytes is the most bytes of compact payload and metadata together.
	// Default 4 MiB.
	EventBytes int
	// BatchBytes is the most bytes of one batch's JSON. Default 64 MiB.
	BatchBytes int
	// BatchEvents is the most events of one batch. Default 100,000.
	BatchEvents int
}

// Fixed bounds of an event, whatever the Limits.
const (
	MaxID       = 128  // bytes of an id
	MaxStream   = 512  // bytes of a stream name
	MaxType     = 256  // bytes of an event type
	MaxDepth    = 128  // nesting of payload or metadata, the object itself counted
	MaxNumber   = 1000 // characters of a number literal
	MaxExponent = 1000 // absolute exponent of a number literal
)

// WithDefaults returns l with every unset field at its default.
func (l Limits) WithDefaults() Limits {
	if l.EventBytes == 0 {
		l.EventBytes = 4 << 20
	}
	if l.BatchBytes == 0 {
		l.BatchBytes = 64 << 20
	}
	if l.BatchEvents == 0 {
		l.BatchEvents = 100_000
	}
	return l
}
