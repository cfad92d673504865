package store

import (
	"context"
	"sync/atomic"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/exec"
)

// segmentMeta is what the manifest knows of a segment.
type segmentMeta struct {
	Name         string `json:"name"`
	First        int64  `json:"first"`
	Last         int64  `json:"last"`
	Rows         int    `json:"rows"`
	Bytes        int64  `json:"bytes"`
	MinTimestamp int64  `json:"min_timestamp"`
	MaxTimestamp int64  `json:"max_timestamp"`
	MinRecorded  int64  `json:"min_recorded"`
	MaxRecorded  int64  `json:"max_recorded"`
}

// segmentFile is a segment of an instance.
type segmentFile struct {
	meta segmentMeta
	refs atomic.Int64
	gone atomic.Bool // delete the file when nobody holds it
}

func (s *segmentFile) hold() { s.refs.Add(1) }
func (s *segmentFile) drop() { s.refs.Add(-1) }

// blocks are the segment's row groups.
func (s *segmentFile) blocks(dst []exec.BlockRef) []exec.BlockRef { return dst }

// runMeta is what the manifest knows of an id run.
type runMeta struct {
	Name  string `json:"name"`
	Keys  int64  `json:"keys"`
	Bytes int64  `json:"bytes"`
}

type runFile struct {
	meta runMeta
	refs atomic.Int64
	gone atomic.Bool
}

func (r *runFile) hold() { r.refs.Add(1) }
func (r *runFile) drop() { r.refs.Add(-1) }

// sealedEvent finds an event in the segments of a view by its id.
func (l *Log) sealedEvent(ctx context.Context, in *instance, v *view, id string, key *callerID) (*event.Event, error) {
	return nil, nil
}
