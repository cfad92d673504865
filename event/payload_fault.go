package event

import "fmt"

// Fault is one place where an event's payload is not what the schema of its
// type says.
type Fault struct {
	Index   int    // of the event in its batch; 0 where there is no batch
	Path    string // such as payload.headers[2].key
	Message string // what is wrong there and what would be right
}

// String is one line such as events[3].payload.total: is missing.
func (f Fault) String() string { return fmt.Sprintf("events[%d].%s: %s", f.Index, f.Path, f.Message) }
