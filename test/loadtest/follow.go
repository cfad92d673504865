package loadtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// ErrGone says that a server has stopped before it was asked.
var ErrGone = errors.New("the server has stopped")

// Follow reads the tail of an instance after a position until the server ends
// it, and calls each with the position of every event. Farewell says that the
// server has told that it stops. ErrGone if it had stopped before.
func Follow(ctx context.Context, url, instance string, after int64, each func(position int64)) (farewell bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/v1/instances/%s/tail?after=%d", url, instance, after), nil)
	if err != nil {
		return false, err
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrGone, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusServiceUnavailable:
		return false, ErrGone
	default:
		return false, fmt.Errorf("tail of %s: the server answered %s", instance, resp.Status)
	}
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 8<<20)
	kind, id := "", int64(0)
	for in.Scan() {
		field, value, _ := strings.Cut(in.Text(), ": ")
		switch {
		case field == "event":
			kind = value
		case field == "id":
			if id, err = strconv.ParseInt(value, 10, 64); err != nil {
				return false, fmt.Errorf("tail of %s: id %q", instance, value)
			}
		case field == "data" && kind == "":
			each(id)
		case field == "data" && kind == "bye":
			farewell = true
		case field == "data":
			return false, fmt.Errorf("tail of %s: an event of type %s: %s", instance, kind, value)
		case in.Text() == "":
			kind = ""
		}
	}
	return farewell, in.Err()
}
