package store

import (
	"context"
	"time"

	"github.com/firnlog/firn/query"
)

// removal is a purge or an application of retention: decided, recorded, and
// carried out on segments.
type removal struct {
	ID       string `json:"id"`
	Instance string `json:"instance"`
	// UpTo is the last position that it looks at.
	UpTo int64 `json:"up_to"`
	// Where is the condition of a purge as DSL JSON; empty = every event.
	Where string `json:"where,omitempty"`
	// Before is the recorded_at (milliseconds) below which retention removes; 0
	// = whatever its age.
	Before int64 `json:"before,omitempty"`
	// Protected says that the protected types of system stay, but for those
	// recorded before ProtectedBefore.
	Protected       bool  `json:"protected,omitempty"`
	ProtectedBefore int64 `json:"protected_before,omitempty"`
}

func (l *Log) discard(in *instance) error { return nil }

func (l *Log) Purge(ctx context.Context, instance string, where query.Condition, dryRun bool) (int64, error) {
	return 0, nil
}

func (l *Log) RetentionPreview(ctx context.Context, instance string, asOf time.Time) (int64, error) {
	return 0, nil
}

func (l *Log) ApplyRetention(ctx context.Context) error { return nil }

func (l *Log) ConfirmClock(ctx context.Context) error { return nil }
