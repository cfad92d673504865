package client

import (
	"context"
	"encoding/json/jsontext"
	"net/http"
)

// EventType is what the catalog knows of an event type.
type EventType struct {
	Type        string         `json:"type"`
	System      string         `json:"system,omitzero"` // whose type it is
	Category    string         `json:"category,omitzero"`
	Description string         `json:"description"`
	Severity    string         `json:"severity,omitzero"` // what such events usually have
	Subject     *string        `json:"subject,omitzero"`  // what the subject names; nil = there is none
	Schema      jsontext.Value `json:"schema,omitzero"`   // JSON Schema 2020-12 of the payload
	Origin      string         `json:"origin,omitzero"`   // built-in, file or put
}

// Catalog lists the event types that the server knows, by name.
func (c *Client) Catalog(ctx context.Context) ([]EventType, error) {
	var answer struct {
		Types []EventType `json:"types"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: []string{"v1", "catalog"}, repeatable: true}, nil, &answer)
	return answer.Types, err
}

// EventType returns what the catalog knows of a type.
func (c *Client) EventType(ctx context.Context, eventType string) (EventType, error) {
	var found EventType
	err := c.json(ctx, call{method: http.MethodGet, path: []string{"v1", "catalog", eventType}, repeatable: true}, nil, &found)
	return found, err
}

// PutEventType adds a type to the catalog, or replaces it, for all instances.
// The document is a JSON object with a description and, if you like, a schema,
// severity, subject and system.
func (c *Client) PutEventType(ctx context.Context, eventType string, document jsontext.Value) (EventType, error) {
	var stored EventType
	err := c.json(ctx, call{method: http.MethodPut, path: []string{"v1", "catalog", eventType}, repeatable: true}, document, &stored)
	return stored, err
}

// DeleteEventType removes a type that was put; what it replaced is there again.
func (c *Client) DeleteEventType(ctx context.Context, eventType string) error {
	return c.json(ctx, call{method: http.MethodDelete, path: []string{"v1", "catalog", eventType}}, nil, nil)
}
