package client

import (
	"bufio"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Chunk acknowledges some lines of a streamed append: they are on disk.
type Chunk struct {
	Count         int64 `json:"count"`
	FirstPosition int64 `json:"first_position"`
	LastPosition  int64 `json:"last_position"`
	Duplicates    int64 `json:"duplicates"`
	// Warnings name what is stored although it is not what the schema of its
	// event type says, each with its Line.
	Warnings []FieldError `json:"warnings"`
}

// AppendNDJSON streams events, one JSON object a line, and calls each with
// every acknowledgement as it comes, while the body is still being sent. Chunks
// are atomic, the whole is not: after an error, what was acknowledged is
// stored, and *Error.FirstLineNotStored, where it is set, says from which line
// on nothing is. It is sent once only; lines that bear ids can be sent again.
// each may be nil.
func (c *Client) AppendNDJSON(ctx context.Context, instance string, lines io.Reader, opts AppendOptions, each func(Chunk) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	response, err := c.send(ctx, call{method: http.MethodPost, path: []string{"v1", "instances", instance, "events"},
		query: opts.values(), kind: "application/x-ndjson"}, lines)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answers := bufio.NewScanner(response.Body)
	answers.Buffer(nil, 1<<20)
	for answers.Scan() {
		var answer struct {
			Chunk
			Error              *wireError `json:"error"`
			FirstLineNotStored int64      `json:"first_line_not_stored"`
		}
		if err := json.Unmarshal(answers.Bytes(), &answer); err != nil {
			return fmt.Errorf("append: %w: %w", errAnswer, err)
		}
		if answer.Error != nil {
			e := answer.Error.error()
			e.FirstLineNotStored = answer.FirstLineNotStored
			return e
		}
		if each == nil {
			continue
		}
		if err := each(answer.Chunk); err != nil {
			return err
		}
	}
	if err := answers.Err(); err != nil {
		return errors.Join(errors.New("append: the connection was lost; what is stored beyond the last acknowledgement is unknown"), err)
	}
	return nil
}
