package server

import (
	_ "embed"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

func openAPIRoutes() []route {
	return []route{{method: "GET", path: "/openapi.json", name: "openapi", permission: anyKey, about: "This document.",
		answers: []answer{{status: 200, about: "OpenAPI 3.1.", media: []media{jsonMedia}}},
		serve:   (*Server).openAPI}}
}

// openAPISchemas are the JSON Schemas of bodies and answers, by name.
//
//go:embed openapi_schemas.json
var openAPISchemas []byte

func (s *Server) openAPI(w http.ResponseWriter, r *request) error {
	document, err := s.document()
	if err != nil {
		return err
	}
	return s.answerText(w, r, jsonMedia, string(document))
}

type object = map[string]any

// describe is the OpenAPI document of a route table.
func describe(all []route) ([]byte, error) {
	paths := object{}
	for i := range all {
		r := &all[i]
		path := strings.TrimSuffix(r.path, "{$}")
		item, ok := paths[path].(object)
		if !ok {
			item = object{}
			if named := pathParams(r.path); len(named) > 0 {
				item["parameters"] = named
			}
			paths[path] = item
		}
		item[strings.ToLower(r.method)] = r.describe()
	}
	return json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{"title": "Firn", "version": "1",
			"description": "An append-only, durable, queryable, live event log. Unknown and repeated parameters are refused; " +
				"every answer bears X-Request-Id; what is not a success is an RFC 9457 problem.",
			"license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"}},
		"servers": []any{object{"url": "http://127.0.0.1:7070"}},
		"paths":   paths,
		"components": object{
			"schemas": jsontext.Value(openAPISchemas),
			"securitySchemes": object{
				"key":     object{"type": "http", "scheme": "bearer"},
				"session": object{"type": "apiKey", "in": "cookie", "name": cookieName},
			},
		},
	}, json.Deterministic(true), jsontext.WithIndent("  "))
}

var wildcard = regexp.MustCompile(`\{(\w+)\}`)

func pathParams(path string) []any {
	about := map[string]string{"instance": "The instance's id, else its name.", "id": "The event's id.", "key": "The key's id.", "view": "The view's name.", "event_type": "The event type; percent-encoded where it has slashes."}
	var named []any
	for _, match := range wildcard.FindAllStringSubmatch(path, -1) {
		named = append(named, object{"name": match[1], "in": "path", "required": true,
			"description": about[match[1]], "schema": object{"type": "string"}})
	}
	return named
}

// describe is the operation object of a route.
func (r *route) describe() object {
	operation := object{"operationId": r.name, "summary": r.about, "responses": r.describeAnswers()}
	if r.permission != open {
		operation["description"] = "Permission: " + string(r.permission)
		operation["security"] = []any{object{}, object{"key": []any{}}, object{"session": []any{}}}
	}
	var parameters []any
	for _, p := range r.params {
		parameters = append(parameters, p.describe("query"))
	}
	for _, p := range r.headers {
		parameters = append(parameters, p.describe("header"))
	}
	if parameters != nil {
		operation["parameters"] = parameters
	}
	if len(r.body) > 0 {
		content := object{}
		for _, kind := range r.body {
			content[kind] = schemaOf(kind, r.bodySchema)
		}
		operation["requestBody"] = object{"required": true, "content": content}
	}
	return operation
}

// schemaOf refers to a schema where the media type is one JSON text; of others
// it describes a line or says that it is text.
func schemaOf(kind media, name string) object {
	switch {
	case kind == jsonMedia && name != "":
		return object{"schema": object{"$ref": "#/components/schemas/" + name}}
	case kind == jsonMedia:
		return object{"schema": object{"type": "object"}}
	default:
		return object{"schema": object{"type": "string"}}
	}
}

// describeAnswers lists the route's own answers and those that its kind has.
func (r *route) describeAnswers() object {
	answers := object{}
	for _, a := range r.allAnswers() {
		described := object{"description": a.about}
		content := object{}
		for _, kind := range a.media {
			content[kind] = schemaOf(kind, a.schema)
		}
		if a.status >= 400 {
			content[problemMedia] = object{"schema": object{"$ref": "#/components/schemas/Problem"}}
		}
		if len(content) > 0 {
			described["content"] = content
		}
		answers[strconv.Itoa(a.status)] = described
	}
	return answers
}

// allAnswers is every status that the route can answer with.
func (r *route) allAnswers() []answer {
	all := append([]answer(nil), r.answers...)
	add := func(status int, about string) {
		for _, a := range all {
			if a.status == status {
				return
			}
		}
		all = append(all, answer{status: status, about: about})
	}
	add(400, "The request is malformed; errors names each fault.")
	add(403, "The Host or Origin header is not allowed, or the key lacks the permission (required_permission).")
	add(500, "Something broke in the server; the outcome is unknown.")
	if len(r.body) > 0 {
		add(408, "The body stalled.")
		add(413, "The body, or something in it, is over its limit.")
		add(415, "The media type or encoding is not taken here.")
	}
	if r.permission != open {
		add(401, "A key is needed, or it is wrong, revoked or has expired.")
		add(429, "The key makes more requests than it may; Retry-After says when to ask again.")
		add(503, "The server is busy, stopping or out of order; Retry-After says when to ask again.")
	}
	return all
}

func (p param) describe(in string) object {
	schema := object{"type": "string"}
	switch p.kind {
	case integer:
		schema = object{"type": "integer", "minimum": p.min}
		if p.max > 0 {
			schema["maximum"] = p.max
		}
	case boolean:
		schema = object{"type": "boolean"}
	case enum:
		schema["enum"] = p.oneOf
	case list, severities:
		return object{"name": p.name, "in": in, "description": p.about + " Commas separate several.",
			"style": "form", "explode": false, "schema": object{"type": "array", "items": schema}}
	case text, jsonText, severity:
	}
	return object{"name": p.name, "in": in, "description": p.about, "schema": schema}
}
