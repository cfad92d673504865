package exec

import (
	"context"
	"errors"

	"github.com/firnlog/firn/query"
)

func (e *engine) reduce(ctx context.Context, q *query.Query, res *Result) error {
	return errors.New("reduce: not built yet")
}
