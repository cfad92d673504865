package store

import (
	"encoding/binary"
	"encoding/json/v2"
	"fmt"
	"strings"
	"time"
)

// control is the change of instances, settings, documents or what is kept that a record
// makes. Exactly one field is set.
type control struct {
	Created *instanceRecord `json:"created,omitempty"`
	Updated *instanceRecord `json:"updated,omitempty"`
	Deleted string          `json:"deleted,omitempty"` // id of the instance
	Removal *removal        `json:"removal,omitempty"`
	// Document is put, or deleted where it has no value.
	Document *documentRecord `json:"document,omitempty"`
}

// instanceRecord is an instance as it is recorded, in control sections and in
// the manifest.
type instanceRecord struct {
	ID            string     `json:"id"`
	Name          string     `json:"name"`
	Description   string     `json:"description,omitempty"`
	CreatedAt     int64      `json:"created_at"` // milliseconds since the epoch
	UpdatedAt     int64      `json:"updated_at"`
	RetentionDays int        `json:"retention_days,omitempty"`
	Validation    Validation `json:"validation"`
	Key           []byte     `json:"key"` // of the ids that the log makes
}

func recordOf(in *identity, meta Instance) *instanceRecord {
	return &instanceRecord{
		ID: meta.ID, Name: meta.Name, Description: meta.Description,
		CreatedAt: meta.CreatedAt.UnixMilli(), UpdatedAt: meta.UpdatedAt.UnixMilli(),
		RetentionDays: meta.RetentionDays, Validation: meta.Validation, Key: in.key[:],
	}
}

func (r *instanceRecord) meta() Instance {
	return Instance{
		ID: r.ID, Name: r.Name, Description: r.Description,
		CreatedAt: millis(r.CreatedAt), UpdatedAt: millis(r.UpdatedAt),
		RetentionDays: r.RetentionDays, Validation: r.Validation,
	}
}

func (r *instanceRecord) identity() (identity, error) {
	u, err := parseUUID(r.ID)
	if err != nil {
		return identity{}, err
	}
	if len(r.Key) != 16 {
		return identity{}, fmt.Errorf("instance %s has a key of %d bytes instead of 16", r.ID, len(r.Key))
	}
	return newIdentity(u, [16]byte(r.Key)), nil
}

// section is the control as a section of a record.
func (c *control) section() []byte {
	text, err := json.Marshal(c)
	if err != nil {
		panic("store: control section: " + err.Error()) // its types can always be written
	}
	out := make([]byte, sectionHeader, sectionHeader+len(text))
	out[0] = sectionControl
	binary.LittleEndian.PutUint32(out[1:], uint32(len(text)))
	return append(out, text...)
}

func decodeControl(content []byte) (*control, error) {
	c := &control{}
	if err := json.Unmarshal(content, c); err != nil {
		return nil, recordError("control section: %w", err)
	}
	return c, nil
}

// The types of the log's own events in the instance system.
const (
	typeInstanceCreated  = "instance.created"
	typeInstanceUpdated  = "instance.updated"
	typeInstanceDeleted  = "instance.deleted"
	typePurged           = "event_logs.purged"
	typeRetentionChanged = "event_logs.retention_changed"
	typeRetentionApplied = "retention.applied"
)

// protectedPrefixes begin the types that survive purge in system.
var protectedPrefixes = []string{"api_key.", "auth.", "event_logs.", "retention."}

// Protected reports whether events of a type in the instance system survive
// purge.
func Protected(eventType string) bool { return hasAnyPrefix(eventType, protectedPrefixes) }

// ownTypes is the rest of Firn's own vocabulary (docs/event-types.md).
var ownTypes = map[string]bool{
	typeInstanceCreated: true, typeInstanceUpdated: true, typeInstanceDeleted: true,
	"target.connected": true, "target.disconnected": true, "target.dead_lettered": true, "target.gap": true,
	"target.retried": true, "target.replayed": true,
	"server.started": true, "server.stopped": true,
	"setting.updated": true, "setting.deleted": true,
	"backfill.started": true, "backfill.completed": true, "backfill.failed": true,
}

// ownType reports whether clients cannot append a type to system.
func ownType(t string) bool { return ownTypes[t] || Protected(t) }

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// now is the log's clock in whole milliseconds, UTC.
func (l *Log) now() time.Time { return l.opts.Now().UTC().Truncate(time.Millisecond) }
