package loadtest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
)

// Get reads a resource of the API, below /v1.
func Get(ctx context.Context, url, path string, answer any) error {
	return ask(ctx, http.MethodGet, url+"/v1"+path, nil, http.StatusOK, answer)
}

// Delete deletes a resource of the API, below /v1.
func Delete(ctx context.Context, url, path string, answer any) error {
	return ask(ctx, http.MethodDelete, url+"/v1"+path, nil, http.StatusOK, answer)
}

// Post sends JSON to the API, below /v1, and reads the answer with a status.
func Post(ctx context.Context, url, path string, body []byte, status int, answer any) error {
	return ask(ctx, http.MethodPost, url+"/v1"+path, body, status, answer)
}

func ask(ctx context.Context, method, url string, body []byte, status int, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	hc, end := newClient()
	defer end()
	if err := do(hc, req, status, answer); err != nil {
		return fmt.Errorf("%s %s: %w", method, req.URL.RequestURI(), err)
	}
	return nil
}
