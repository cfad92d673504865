package server

import (
	"encoding/json/v2"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/firnlog/firn/event"
)

// exchange is a request and what is expected of its answer.
type exchange struct {
	method, path, body string
	headers            []string
	status             int
	code               string // of a problem
	field              string // of its first fault
	says               string // somewhere in the body
	route              string // "METHOD pattern"; empty = no route
}

// exchanges tries every route with good and bad input, in order, before an
// instance "shop" with the events of setUpShop.
var exchanges = []exchange{
	// Instances.
	{method: "POST", path: "/v1/instances", body: `{"name":"audit","description":"who did what","retention_days":30,"validation":"off"}`, status: 201, says: `"retention_days":30,"validation":"off"`, route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `{"name":"audit"}`, status: 409, code: "already_exists", route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `{}`, status: 400, code: "malformed", field: "name", route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `{"name":""}`, status: 400, code: "malformed", route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `{"name":"a\u0007b"}`, status: 400, code: "malformed", route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `{"name":7}`, status: 400, code: "malformed", field: "name", says: "must be a string", route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `{"name":"x","retention":1}`, status: 400, code: "malformed", field: "retention", says: "retention_days", route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `{"name":"x","retention_days":-1}`, status: 400, code: "malformed", field: "retention_days", route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `{"name":"x","retention_days":1e99}`, status: 400, code: "malformed", field: "retention_days", says: "must be a whole number", route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `{"name":"x","validation":"maybe"}`, status: 400, code: "malformed", field: "validation", route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `{"name":"x","name":"y"}`, status: 400, code: "malformed", route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `{"name":`, status: 400, code: "malformed", route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `[]`, status: 400, code: "malformed", route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `{"name":"x"}`, headers: []string{"Content-Type", "text/plain"}, status: 415, code: "unsupported_media_type", field: "Content-Type", route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances", body: `"` + strings.Repeat("x", smallBody) + `"`, status: 413, code: "too_large", route: "POST /v1/instances"},
	{method: "GET", path: "/v1/instances", status: 200, says: `"name":"audit"`, route: "GET /v1/instances"},
	{method: "GET", path: "/v1/instances?limit=1", status: 400, code: "malformed", field: "limit", route: "GET /v1/instances"},
	{method: "GET", path: "/v1/instances/audit", status: 200, says: `"description":"who did what"`, route: "GET /v1/instances/{instance}"},
	{method: "GET", path: "/v1/instances/none", status: 404, code: "not_found", route: "GET /v1/instances/{instance}"},
	{method: "GET", path: "/v1/instances/audit", body: "{}", status: 400, code: "malformed", field: "body", route: "GET /v1/instances/{instance}"},
	{method: "PATCH", path: "/v1/instances/audit", body: `{"description":"changed","retention_days":0}`, status: 200, says: `"description":"changed"`, route: "PATCH /v1/instances/{instance}"},
	{method: "PATCH", path: "/v1/instances/audit", body: `{"name":"shop"}`, status: 409, code: "already_exists", route: "PATCH /v1/instances/{instance}"},
	{method: "PATCH", path: "/v1/instances/none", body: `{"name":"b"}`, status: 404, code: "not_found", route: "PATCH /v1/instances/{instance}"},
	{method: "PATCH", path: "/v1/instances/audit", body: `{"validation":"x"}`, status: 400, code: "malformed", field: "validation", route: "PATCH /v1/instances/{instance}"},
	{method: "PATCH", path: "/v1/instances/audit", body: `{"name":"` + strings.Repeat("x", smallBody) + `"}`, status: 413, code: "too_large", route: "PATCH /v1/instances/{instance}"},
	{method: "PATCH", path: "/v1/instances/audit", body: `x=1`, headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, code: "unsupported_media_type", route: "PATCH /v1/instances/{instance}"},
	{method: "GET", path: "/v1/instances/shop/stats", status: 200, says: `"events":6,"streams":2`, route: "GET /v1/instances/{instance}/stats"},
	{method: "GET", path: "/v1/instances/audit/stats", status: 200, says: `"first_timestamp":null`, route: "GET /v1/instances/{instance}/stats"},
	{method: "GET", path: "/v1/instances/none/stats", status: 404, code: "not_found", route: "GET /v1/instances/{instance}/stats"},
	{method: "GET", path: "/v1/instances/shop/stats?x", status: 400, code: "malformed", field: "x", route: "GET /v1/instances/{instance}/stats"},
	{method: "DELETE", path: "/v1/instances/audit?force=true", status: 400, code: "malformed", field: "force", route: "DELETE /v1/instances/{instance}"},
	{method: "DELETE", path: "/v1/instances/system", status: 400, code: "malformed", route: "DELETE /v1/instances/{instance}"},
	{method: "DELETE", path: "/v1/instances/audit", status: 204, route: "DELETE /v1/instances/{instance}"},
	{method: "DELETE", path: "/v1/instances/audit", status: 404, code: "not_found", route: "DELETE /v1/instances/{instance}"},

	// Streams.
	{method: "GET", path: "/v1/instances/shop/streams", status: 200, says: `{"stream_id":"user-1","last_sequence_number":4,"events":4}`, route: "GET /v1/instances/{instance}/streams"},
	{method: "GET", path: "/v1/instances/shop/streams?limit=1", status: 200, says: `"next_cursor":"`, route: "GET /v1/instances/{instance}/streams"},
	{method: "GET", path: "/v1/instances/shop/streams?prefix=user-2&limit=10000", status: 200, says: `{"streams":[{"stream_id":"user-2"`, route: "GET /v1/instances/{instance}/streams"},
	{method: "GET", path: "/v1/instances/shop/streams?cursor=dXNlci0x", status: 200, says: `{"streams":[{"stream_id":"user-2"`, route: "GET /v1/instances/{instance}/streams"},
	{method: "GET", path: "/v1/instances/shop/streams?cursor=*", status: 400, code: "malformed", field: "cursor", route: "GET /v1/instances/{instance}/streams"},
	{method: "GET", path: "/v1/instances/shop/streams?limit=0", status: 400, code: "malformed", field: "limit", route: "GET /v1/instances/{instance}/streams"},
	{method: "GET", path: "/v1/instances/none/streams", status: 404, code: "not_found", route: "GET /v1/instances/{instance}/streams"},

	// Appending.
	{method: "POST", path: "/v1/instances/other/events?auto_create=true", body: `{"event_type":"a"}`, status: 201, says: `"sequence_number":1,"position":1`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events?stream=s&expected_sequence=0", body: `[{"event_type":"a"},{"event_type":"b"}]`, status: 201, says: `"stream_id":"s","sequence_number":2`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events?stream=s&expected_sequence=7", body: `{"event_type":"a"}`, status: 409, code: "sequence_conflict", says: `"expected":7,"actual":2`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events?return=full", body: `{"event_type":"a","id":"mine","payload":{"n":1e3, "k":"\u0000"}}`, status: 201, says: `"payload":{"n":1e3,"k":"\u0000"},"metadata":{}`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events", body: `{"event_type":"a","id":"mine","payload":{"n":1e3,"k":"\u0000"}}`, status: 201, says: `"duplicate":true`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events", body: `[{"event_type":"a"},{"event_type":"b","id":"mine"}]`, status: 409, code: "id_conflict", field: "events[1].id", route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events", body: `[{"event_type":"a"},{"event_type":"b","payload":{"a":1,"a":2}}]`, status: 400, code: "malformed", field: "events[1].payload", says: `duplicate key \"a\"`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events", body: `{"event_type":"a","position":1}`, status: 400, code: "malformed", field: "events[0]", says: `\"position\" is set by the log`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events", body: `{"event_type":`, status: 400, code: "malformed", route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events?stream=" + strings.Repeat("x", 513), body: `{"event_type":"a"}`, status: 400, code: "malformed", field: "stream", route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events?expected_sequence=-1", body: `{"event_type":"a"}`, status: 400, code: "malformed", field: "expected_sequence", route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events?auto_create=yes", body: `{"event_type":"a"}`, status: 400, code: "malformed", field: "auto_create", route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events?return=some", body: `{"event_type":"a"}`, status: 400, code: "malformed", field: "return", route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events?autocreate=true", body: `{"event_type":"a"}`, status: 400, code: "malformed", field: "autocreate", says: "did you mean auto_create?", route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/none/events", body: `{"event_type":"a"}`, status: 404, code: "not_found", route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events", body: `{"event_type":"a"}`, headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, code: "unsupported_media_type", says: "-H 'Content-Type: application/json'", route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events", body: `{"event_type":"a"}`, headers: []string{"Content-Encoding", "br"}, status: 415, code: "unsupported_media_type", field: "Content-Encoding", route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events", body: `{"event_type":"a"}`, headers: []string{"Content-Type", "application/json; charset=latin1"}, status: 415, code: "unsupported_media_type", route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events", body: `{"event_type":"a"}`, headers: []string{"Content-Type", "Application/JSON; charset=UTF-8"}, status: 201, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events", body: `{"event_type":"a","payload":{"x":"` + strings.Repeat("x", 64<<10) + `"}}`, status: 413, code: "too_large", field: "events[0]", route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events", body: "{\"event_type\":\"a\"}\n\n{\"event_type\":\"b\"}", headers: []string{"Content-Type", "application/x-ndjson"}, status: 200, says: `{"count":2,"first_position":`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events", body: "{\"event_type\":\"a\"}\n{\"event_type\":7}\n", headers: []string{"Content-Type", "application/x-ndjson"}, status: 400, code: "malformed", field: "event_type", says: `"line":2`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events?return=full", body: "{}", headers: []string{"Content-Type", "application/x-ndjson"}, status: 400, code: "malformed", field: "return", route: "POST /v1/instances/{instance}/events"},

	// Imports.
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"started","job_id":"j-1","source":"orders.csv"}`, status: 204, route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"started","job_id":"j-1","source":"orders.csv"}`, status: 204, route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"completed","job_id":"j-1","total_records":12,"duplicates":3}`, status: 204, route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"failed","job_id":"j-1","error":"the disk is full"}`, status: 409, code: "id_conflict", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/imported/imports?auto_create=true", body: `{"state":"started","job_id":"j-2"}`, status: 204, route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/none/imports", body: `{"state":"started","job_id":"j-2"}`, status: 404, code: "not_found", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"job_id":"j"}`, status: 400, code: "malformed", field: "state", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"paused","job_id":"j"}`, status: 400, code: "malformed", field: "state", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"started"}`, status: 400, code: "malformed", field: "job_id", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"started","job_id":""}`, status: 400, code: "malformed", field: "job_id", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"started","job_id":"a/b"}`, status: 400, code: "malformed", field: "job_id", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"started","job_id":"ä"}`, status: 400, code: "malformed", field: "job_id", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"started","job_id":7}`, status: 400, code: "malformed", field: "job_id", says: "must be a string", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"started","jobid":"j"}`, status: 400, code: "malformed", field: "jobid", says: "did you mean job_id?", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"started","job_id":"j","total_records":1}`, status: 400, code: "malformed", field: "total_records", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"started","job_id":"j","error":"x"}`, status: 400, code: "malformed", field: "error", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"completed","job_id":"j"}`, status: 400, code: "malformed", field: "total_records", says: "is missing", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"completed","job_id":"j","total_records":-1}`, status: 400, code: "malformed", field: "total_records", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"completed","job_id":"j","total_records":1.5}`, status: 400, code: "malformed", field: "total_records", says: "must be a whole number", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"completed","job_id":"j","total_records":1,"duplicates":-1}`, status: 400, code: "malformed", field: "duplicates", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"failed","job_id":"j","error":"x","duplicates":1}`, status: 400, code: "malformed", field: "duplicates", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"failed","job_id":"j"}`, status: 400, code: "malformed", field: "error", says: "is missing", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"failed","job_id":"j","error":"` + strings.Repeat("x", maxImportError+1) + `"}`, status: 400, code: "malformed", field: "error", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"started","job_id":"` + strings.Repeat("x", maxImportJob+1) + `"}`, status: 400, code: "malformed", field: "job_id", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"started","job_id":"j","source":"` + strings.Repeat("x", maxImportSource+1) + `"}`, status: 400, code: "malformed", field: "source", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports?force=1", body: `{"state":"started","job_id":"j"}`, status: 400, code: "malformed", field: "force", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{"state":"started","job_id":"j","job_id":"k"}`, status: 400, code: "malformed", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `{`, status: 400, code: "malformed", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `[]`, status: 400, code: "malformed", route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `state=started`, status: 415, code: "unsupported_media_type", headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, route: "POST /v1/instances/{instance}/imports"},
	{method: "POST", path: "/v1/instances/shop/imports", body: `"` + strings.Repeat("x", smallBody) + `"`, status: 413, code: "too_large", route: "POST /v1/instances/{instance}/imports"},
	{method: "GET", path: "/v1/instances/shop/imports", status: 405, code: "method_not_allowed"},

	// The catalog, and what it makes of events.
	{method: "GET", path: "/v1/catalog", status: 200, says: `{"type":"CLICK","system":"querybook"`, route: "GET /v1/catalog"},
	{method: "GET", path: "/v1/catalog?limit=1", status: 400, code: "malformed", field: "limit", route: "GET /v1/catalog"},
	{method: "GET", path: "/v1/catalog/message.sent", status: 200, says: `"origin":"built-in"`, route: "GET /v1/catalog/{event_type}"},
	{method: "GET", path: "/v1/catalog/order.paid", status: 404, code: "not_found", says: "order.paid", route: "GET /v1/catalog/{event_type}"},
	{method: "GET", path: "/v1/catalog/message.sent?x=1", status: 400, code: "malformed", field: "x", route: "GET /v1/catalog/{event_type}"},
	{method: "PUT", path: "/v1/catalog/order.paid", body: `{"description":"A customer paid.","schema":{"type":"object","required":["total"],"properties":{"total":{"type":"number"}}}}`, status: 201, says: `{"type":"order.paid","system":"own","category":"order"`, route: "PUT /v1/catalog/{event_type}"},
	{method: "PUT", path: "/v1/catalog/order.paid", body: `{"description":"A customer paid us.","schema":{"type":"object","required":["total"],"properties":{"total":{"type":"number"}}}}`, status: 200, says: `"origin":"put"`, route: "PUT /v1/catalog/{event_type}"},
	{method: "PUT", path: "/v1/catalog/order.paid", body: `{"schema":{"type":"objekt"},"severity":"loud"}`, status: 400, code: "malformed", says: `"field":"description"`, route: "PUT /v1/catalog/{event_type}"},
	{method: "PUT", path: "/v1/catalog/a%0Ab", body: `{"description":"x"}`, status: 400, code: "malformed", field: "type", route: "PUT /v1/catalog/{event_type}"},
	{method: "PUT", path: "/v1/catalog/a%2Fb", body: `{"description":"x"}`, status: 201, says: `{"type":"a/b"`, route: "PUT /v1/catalog/{event_type}"},
	{method: "PUT", path: "/v1/catalog/x", body: `{`, status: 400, code: "malformed", field: "body", route: "PUT /v1/catalog/{event_type}"},
	{method: "PUT", path: "/v1/catalog/x", body: `type: x`, headers: []string{"Content-Type", "application/yaml"}, status: 415, code: "unsupported_media_type", route: "PUT /v1/catalog/{event_type}"},
	{method: "PUT", path: "/v1/catalog/x", body: `"` + strings.Repeat("x", smallBody) + `"`, status: 413, code: "too_large", route: "PUT /v1/catalog/{event_type}"},
	{method: "POST", path: "/v1/instances/other/events", body: `[{"event_type":"a"},{"event_type":"order.paid","payload":{"total":"12"}}]`, status: 201, says: `"warnings":[{"field":"events[1].payload.total","message":"must be a number, is a string"}]}`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events?return=full", body: `{"event_type":"order.paid"}`, status: 201, says: `}],"warnings":[{"field":"events[0].payload.total","message":"is missing"}]}`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/other/events", body: "{\"event_type\":\"a\"}\n\n{\"event_type\":\"order.paid\"}", headers: []string{"Content-Type", "application/x-ndjson"}, status: 200, says: `"duplicates":0,"warnings":[{"field":"payload.total","line":3,"message":"is missing"}]}`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances", body: `{"name":"strict","validation":"enforce"}`, status: 201, route: "POST /v1/instances"},
	{method: "POST", path: "/v1/instances/strict/events", body: `[{"event_type":"a"},{"event_type":"order.paid"},{"event_type":"order.paid","payload":{"total":true}}]`, status: 422, code: "invalid_payload", field: "events[1].payload.total", says: `"field":"events[2].payload.total"`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/strict/events", body: "{\"event_type\":\"a\"}\n\n{\"event_type\":\"order.paid\"}\n{\"event_type\":\"order.paid\"}", headers: []string{"Content-Type", "application/x-ndjson"}, status: 422, code: "invalid_payload", field: "payload.total", says: `"field":"payload.total","line":4,"message":"is missing"}],"line":3`, route: "POST /v1/instances/{instance}/events"},
	{method: "POST", path: "/v1/instances/strict/events", body: `{"event_type":"order.paid","payload":{"total":1}}`, status: 201, says: `"position":1`, route: "POST /v1/instances/{instance}/events"},
	{method: "DELETE", path: "/v1/instances/strict", status: 204, route: "DELETE /v1/instances/{instance}"},
	{method: "DELETE", path: "/v1/catalog/order.paid?x=1", status: 400, code: "malformed", field: "x", route: "DELETE /v1/catalog/{event_type}"},
	{method: "DELETE", path: "/v1/catalog/order.paid", status: 204, route: "DELETE /v1/catalog/{event_type}"},
	{method: "DELETE", path: "/v1/catalog/order.paid", status: 404, code: "not_found", route: "DELETE /v1/catalog/{event_type}"},
	{method: "DELETE", path: "/v1/catalog/message.sent", status: 404, code: "not_found", route: "DELETE /v1/catalog/{event_type}"},

	// Lists.
	{method: "GET", path: "/v1/instances/shop/events", status: 200, says: `"position":6`, route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?order=desc&limit=1", status: 200, says: `{"events":[{"id":"e6"`, route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?since=tomorrow", status: 400, code: "malformed", field: "since", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?type=", status: 400, code: "malformed", field: "type", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?type=a,,b", status: 400, code: "malformed", field: "type", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?type=a&type=b", status: 400, code: "malformed", field: "type", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?severity=bad", status: 400, code: "malformed", field: "severity", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?min_severity=9", status: 400, code: "malformed", field: "min_severity", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?where=%7B", status: 400, code: "malformed", field: "where", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?type=a&where=" + `%7B%22field%22:%22actor%22,%22operator%22:%22like%22%7D`, status: 400, code: "malformed", field: "where.operator", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?where=" + `%5B%7B%22field%22:%22actor%22,%22operator%22:%22like%22%7D%5D`, status: 400, code: "malformed", field: "where[0].operator", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?cursor=nonsense", status: 400, code: "malformed", field: "cursor", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?limit=10001", status: 400, code: "malformed", field: "limit", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?order=up", status: 400, code: "malformed", field: "order", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?q=%ff", status: 400, code: "malformed", field: "q", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?q=%", status: 400, code: "malformed", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events?a=1;b=2", status: 400, code: "malformed", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/none/events", status: 404, code: "not_found", route: "GET /v1/instances/{instance}/events"},
	{method: "GET", path: "/v1/instances/shop/events/e3", status: 200, says: `{"id":"e3"`, route: "GET /v1/instances/{instance}/events/{id}"},
	{method: "GET", path: "/v1/instances/shop/events/odd%2Fid%20%3F", status: 200, says: `{"id":"odd/id ?"`, route: "GET /v1/instances/{instance}/events/{id}"},
	{method: "GET", path: "/v1/instances/shop/events/e99", status: 404, code: "not_found", route: "GET /v1/instances/{instance}/events/{id}"},
	{method: "GET", path: "/v1/instances/shop/events/e3?full=1", status: 400, code: "malformed", field: "full", route: "GET /v1/instances/{instance}/events/{id}"},

	// Tail and export.
	{method: "GET", path: "/v1/instances/none/tail", status: 404, code: "not_found", route: "GET /v1/instances/{instance}/tail"},
	{method: "GET", path: "/v1/instances/shop/tail?after=-1", status: 400, code: "malformed", field: "after", route: "GET /v1/instances/{instance}/tail"},
	{method: "GET", path: "/v1/instances/shop/tail?after=9999", status: 400, code: "malformed", route: "GET /v1/instances/{instance}/tail"},
	{method: "GET", path: "/v1/instances/shop/tail", headers: []string{"Last-Event-ID", "x"}, status: 400, code: "malformed", field: "Last-Event-ID", route: "GET /v1/instances/{instance}/tail"},
	{method: "HEAD", path: "/v1/instances/shop/tail", status: 405},
	{method: "GET", path: "/v1/instances/shop/export", status: 200, says: "{\"id\":\"e1\"", route: "GET /v1/instances/{instance}/export"},
	{method: "GET", path: "/v1/instances/shop/export?format=csv", status: 200, says: "'=2+3", route: "GET /v1/instances/{instance}/export"},
	{method: "GET", path: "/v1/instances/shop/export?format=parquet", status: 200, says: "PAR1", route: "GET /v1/instances/{instance}/export"},
	{method: "GET", path: "/v1/instances/shop/export?format=xml", status: 400, code: "malformed", field: "format", route: "GET /v1/instances/{instance}/export"},
	{method: "GET", path: "/v1/instances/none/export", status: 404, code: "not_found", route: "GET /v1/instances/{instance}/export"},

	// Queries.
	{method: "POST", path: "/v1/query", body: `{"from":{"instance":"shop"},"reduce":{"type":"count"}}`, status: 200, says: `{"aggregation":{"value":6},"total":6,"stats":{"rows_scanned":`, route: "POST /v1/query"},
	{method: "POST", path: "/v1/query", body: `{"from":{"instance":"shop"},"select":["payload.n"],"limit":1}`, status: 200, says: `{"events":[{"payload":{"n":1}}],"total":6,"limit":1,"offset":0,"next_cursor":"`, route: "POST /v1/query"},
	{method: "POST", path: "/v1/query", body: `{"from":{"instance":"shop"},"where":[{"field":"actor","operator":"like","value":1}]}`, status: 400, code: "malformed", field: "where[0].operator", route: "POST /v1/query"},
	{method: "POST", path: "/v1/query", body: `{"from":{"instance":"none"}}`, status: 404, code: "not_found", route: "POST /v1/query"},
	{method: "POST", path: "/v1/query", body: `{`, status: 400, code: "malformed", route: "POST /v1/query"},
	{method: "POST", path: "/v1/query", body: `{}`, headers: []string{"Content-Type", "application/x-ndjson"}, status: 415, code: "unsupported_media_type", route: "POST /v1/query"},
	{method: "POST", path: "/v1/query", body: `{"from":"` + strings.Repeat("x", smallBody) + `"}`, status: 413, code: "too_large", route: "POST /v1/query"},

	// Purging.
	{method: "DELETE", path: "/v1/instances/shop/events", status: 400, code: "malformed", route: "DELETE /v1/instances/{instance}/events"},
	{method: "DELETE", path: "/v1/instances/shop/events?dry_run=true", status: 400, code: "malformed", route: "DELETE /v1/instances/{instance}/events"},
	{method: "DELETE", path: "/v1/instances/shop/events?stream=user-2&dry_run=true", status: 200, says: `{"count":2,"dry_run":true}`, route: "DELETE /v1/instances/{instance}/events"},
	{method: "DELETE", path: "/v1/instances/shop/events?stream=user-2", status: 200, says: `{"count":2,"dry_run":false}`, route: "DELETE /v1/instances/{instance}/events"},
	{method: "DELETE", path: "/v1/instances/shop/events?stream=user-2&dry_run=maybe", status: 400, code: "malformed", field: "dry_run", route: "DELETE /v1/instances/{instance}/events"},
	{method: "DELETE", path: "/v1/instances/none/events?type=a", status: 404, code: "not_found", route: "DELETE /v1/instances/{instance}/events"},

	// Keys: a server that is open makes none; TestKeys… have the rest.
	{method: "POST", path: "/v1/keys", body: `{"name":"a","permissions":["events:read"]}`, status: 403, code: "forbidden", says: "firn keys create", route: "POST /v1/keys"},
	{method: "POST", path: "/v1/keys", body: `{"permissions":["events:read"]}`, status: 400, code: "malformed", field: "name", route: "POST /v1/keys"},
	{method: "POST", path: "/v1/keys", body: `{"name":"a"}`, status: 400, code: "malformed", field: "permissions", route: "POST /v1/keys"},
	{method: "POST", path: "/v1/keys", body: `{"name":"a","permissions":["events:read","all"]}`, status: 400, code: "malformed", field: "permissions[1]", says: "metrics:read", route: "POST /v1/keys"},
	{method: "POST", path: "/v1/keys", body: `{"name":"a","permissions":"all"}`, status: 400, code: "malformed", field: "permissions", says: "must be an array of strings", route: "POST /v1/keys"},
	{method: "POST", path: "/v1/keys", body: `{"name":"a","permissions":["events:read"],"instances":[]}`, status: 400, code: "malformed", field: "instances", route: "POST /v1/keys"},
	{method: "POST", path: "/v1/keys", body: `{"name":"a","permissions":["events:read"],"instances":["shop","none"]}`, status: 400, code: "malformed", field: "instances[1]", route: "POST /v1/keys"},
	{method: "POST", path: "/v1/keys", body: `{"name":"a","permissions":["events:read"],"expires_at":"soon"}`, status: 400, code: "malformed", field: "expires_at", route: "POST /v1/keys"},
	{method: "POST", path: "/v1/keys", body: `{"name":"a","permissions":["events:read"],"expires_at":"2001-01-01T00:00:00Z"}`, status: 400, code: "malformed", field: "expires_at", says: "future", route: "POST /v1/keys"},
	{method: "POST", path: "/v1/keys", body: `{"name":"a","expires":"never"}`, status: 400, code: "malformed", field: "expires", says: "expires_at", route: "POST /v1/keys"},
	{method: "POST", path: "/v1/keys", body: "a", headers: []string{"Content-Type", "text/plain"}, status: 415, code: "unsupported_media_type", route: "POST /v1/keys"},
	{method: "POST", path: "/v1/keys", body: `"` + strings.Repeat("x", smallBody) + `"`, status: 413, code: "too_large", route: "POST /v1/keys"},
	{method: "GET", path: "/v1/keys", status: 200, says: `{"keys":[]}`, route: "GET /v1/keys"},
	{method: "GET", path: "/v1/keys?all=true", status: 400, code: "malformed", field: "all", route: "GET /v1/keys"},
	{method: "DELETE", path: "/v1/keys/none", status: 404, code: "not_found", route: "DELETE /v1/keys/{key}"},
	{method: "DELETE", path: "/v1/keys/none?x=1", status: 400, code: "malformed", route: "DELETE /v1/keys/{key}"},
	{method: "POST", path: "/v1/session", body: `{"key":"firn_wrong"}`, status: 401, code: "unauthorized", route: "POST /v1/session"},
	{method: "POST", path: "/v1/session", body: `{"token":"x"}`, status: 400, code: "malformed", field: "token", route: "POST /v1/session"},
	{method: "POST", path: "/v1/session", body: `key=x`, headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, code: "unsupported_media_type", route: "POST /v1/session"},
	{method: "POST", path: "/v1/session", body: `{"key":"` + strings.Repeat("x", smallBody) + `"}`, status: 413, code: "too_large", route: "POST /v1/session"},
	{method: "GET", path: "/v1/session", status: 200, says: `{"open":true,"permissions":["events:read",`, route: "GET /v1/session"},
	{method: "GET", path: "/v1/session?x=1", status: 400, code: "malformed", route: "GET /v1/session"},
	{method: "DELETE", path: "/v1/session?x=1", status: 400, code: "malformed", route: "DELETE /v1/session"},
	{method: "DELETE", path: "/v1/session", status: 204, route: "DELETE /v1/session"},
	{method: "GET", path: "/v1/instances", headers: []string{"Authorization", "Bearer firn_wrong"}, status: 401, code: "unauthorized", route: "GET /v1/instances"},
	{method: "GET", path: "/v1/instances", headers: []string{"Authorization", "Basic eDp5"}, status: 401, code: "unauthorized", field: "Authorization", route: "GET /v1/instances"},

	// Operations.
	{method: "GET", path: "/healthz", status: 200, says: `{"status":"ok"}`, route: "GET /healthz"},
	{method: "GET", path: "/healthz?x=1", status: 400, code: "malformed", route: "GET /healthz"},
	{method: "HEAD", path: "/healthz", status: 200, route: "GET /healthz"},
	{method: "GET", path: "/readyz?x=1", status: 400, code: "malformed", field: "x", route: "GET /readyz"},
	{method: "GET", path: "/readyz", status: 200, says: `{"status":"ok"}`, route: "GET /readyz"},
	{method: "GET", path: "/version?x=1", status: 400, code: "malformed", field: "x", route: "GET /version"},
	{method: "GET", path: "/version", status: 200, says: `"go":"go1.`, route: "GET /version"},
	{method: "GET", path: "/metrics?x=1", status: 400, code: "malformed", field: "x", route: "GET /metrics"},
	{method: "GET", path: "/metrics", status: 200, says: "firn_appended_events_total", route: "GET /metrics"},
	{method: "GET", path: "/openapi.json?x=1", status: 400, code: "malformed", field: "x", route: "GET /openapi.json"},
	{method: "GET", path: "/openapi.json", status: 200, says: `"openapi": "3.1.0"`, route: "GET /openapi.json"},

	// The viewer; viewer_test.go has the rest.
	{method: "GET", path: "/?instance=shop&q=anything", status: 200, says: "<title>Firn</title>", route: "GET /"},
	{method: "GET", path: "/", body: "{}", status: 400, code: "malformed", field: "body", route: "GET /"},
	{method: "GET", path: "/e/shop/e1", status: 200, says: "<title>Firn</title>", route: "GET /e/{instance}/{id}"},
	{method: "GET", path: "/e/shop/odd%2Fid%20%3F", status: 200, says: "<title>Firn</title>", route: "GET /e/{instance}/{id}"},
	{method: "GET", path: "/e/shop/none", status: 404, says: "<title>Firn</title>", route: "GET /e/{instance}/{id}"},
	{method: "GET", path: "/e/none/e1", status: 404, says: "<title>Firn</title>", route: "GET /e/{instance}/{id}"},
	{method: "GET", path: "/e/shop/e1", body: "{}", status: 400, code: "malformed", field: "body", route: "GET /e/{instance}/{id}"},
	{method: "GET", path: "/assets/viewer.js", status: 200, says: "function", route: "GET /assets/{file}"},
	{method: "GET", path: "/assets/none.js", status: 404, code: "not_found", route: "GET /assets/{file}"},
	{method: "GET", path: "/assets/viewer.js", body: "{}", status: 400, code: "malformed", field: "body", route: "GET /assets/{file}"},

	// No route.
	{method: "GET", path: "/v1", status: 404, code: "not_found"},
	{method: "GET", path: "/v1/instances/", status: 404, code: "not_found"},
	{method: "GET", path: "/v1//instances", status: 404, code: "not_found"},
	{method: "GET", path: "/v1/x/../instances", status: 404, code: "not_found"},
	{method: "POST", path: "/nothing", body: "{}", status: 404, code: "not_found"},
	{method: "PUT", path: "/v1/instances", body: "{}", status: 405, code: "method_not_allowed", says: "GET, HEAD, POST"},
	{method: "DELETE", path: "/v1/query", status: 405, code: "method_not_allowed"},
	{method: "OPTIONS", path: "/v1/query", status: 405, code: "method_not_allowed"},
}

// smallLimits makes it cheap to go beyond them.
var smallLimits = event.Limits{EventBytes: 32 << 10}

// setUpShop makes what exchanges expects.
func setUpShop(r *running) {
	r.t.Helper()
	events := make([]string, 0, 6)
	for i := 1; i <= 6; i++ {
		stream, id, actor := "user-1", fmt.Sprintf("e%d", i), "alice"
		if i%3 == 0 {
			stream = "user-2"
		}
		if i == 5 {
			id, actor = "odd/id ?", "=2+3"
		}
		events = append(events, fmt.Sprintf(`{"id":%q,"event_type":"order.placed","stream_id":%q,"actor":%q,"payload":{"n":%d}}`, id, stream, actor, i))
	}
	r.must(201, "POST", "/v1/instances/shop/events?auto_create=true", "["+strings.Join(events, ",")+"]")
}

func TestRoutes(t *testing.T) {
	r := startDelivering(t, Options{Limits: smallLimits})
	setUpShop(r)
	refuse(r)
	for _, x := range slices.Concat(exchanges, viewerExchanges(), targetExchanges()) {
		answer := r.ask(x.method, x.path, x.body, x.headers...)
		name := x.method + " " + x.path[:min(len(x.path), 80)]
		if answer.status != x.status {
			t.Errorf("%s: %s, want %d", name, answer, x.status)
			continue
		}
		if !saneID(answer.header.Get("X-Request-Id")) {
			t.Errorf("%s: no X-Request-Id", name)
		}
		if !strings.Contains(string(answer.body), x.says) {
			t.Errorf("%s: %s does not hold %q", name, answer, x.says)
		}
		if x.status < 400 || x.method == "HEAD" || strings.HasPrefix(answer.header.Get("Content-Type"), htmlMedia) {
			continue
		}
		p := answer.problem(t)
		if got := strings.TrimPrefix(p.Type, problemURN); x.code != "" && got != x.code {
			t.Errorf("%s: code %s, want %s", name, got, x.code)
		}
		if x.field != "" && (len(p.Errors) == 0 || p.Errors[0].Field != x.field) {
			t.Errorf("%s: %s does not blame %q", name, answer, x.field)
		}
		if x.status == 405 && answer.header.Get("Allow") == "" {
			t.Errorf("%s: no Allow", name)
		}
	}
}

type jsonObject = map[string]any

// unprovoked are documented statuses that no request can bring about at will, or
// that hold of every route; TestProblemOf and TestGate show that they are answered.
func unprovoked(route string, status int) bool {
	return status == 500 || status == 503 || status == 504 || status == 507 || status == 403 || status == 408 || status == 401 || status == 429
}

// TestDocumentHoldsWhatRoutesDo holds the document against the table of
// requests above, both ways.
func TestDocumentHoldsWhatRoutesDo(t *testing.T) {
	r := start(t, Options{})
	var raw struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	r.must(200, "GET", "/openapi.json", "").decode(t, &raw)
	documented := map[string][]int{}
	for path, item := range raw.Paths {
		for method, operation := range item {
			if method == "parameters" {
				continue
			}
			name := strings.ToUpper(method) + " " + path
			for status := range operation.(jsonObject)["responses"].(jsonObject) {
				n, err := strconv.Atoi(status)
				if err != nil {
					t.Fatalf("%s: status %q", name, status)
				}
				documented[name] = append(documented[name], n)
			}
		}
	}
	tried := map[string][]int{"GET /v1/instances/{instance}/tail": {200}, // TestTail…
		"POST /v1/keys": {201}, "DELETE /v1/keys/{key}": {204}, "POST /v1/targets/{name}/retry": {409}, "POST /v1/session": {200}, // TestKeys…, TestSession…
		"PUT /v1/catalog/{event_type}": {409},      // TestCatalogIsBounded
		"PUT /v1/views/{view}":         {404, 409}} // TestViews…
	for _, x := range slices.Concat(exchanges, viewerExchanges(), targetExchanges()) {
		if x.route == "" {
			continue
		}
		if !slices.Contains(documented[x.route], x.status) {
			t.Errorf("%s answers %d, which is not documented", x.route, x.status)
		}
		tried[x.route] = append(tried[x.route], x.status)
	}
	doors := map[string]bool{} // which show what they answer in tests of their own
	for _, row := range r.routes {
		doors[row.method+" "+strings.TrimSuffix(row.path, "{$}")] = row.door != nil
	}
	for route, statuses := range documented {
		if doors[route] {
			continue
		}
		for _, status := range statuses {
			if !slices.Contains(tried[route], status) && !unprovoked(route, status) {
				t.Errorf("%s: %d is documented, but no request of the table brings it about", route, status)
			}
		}
	}
	for route := range doors {
		if documented[route] == nil {
			t.Errorf("%s is served, but not documented", route)
		}
	}
	if got, want := len(documented), len(doors); got != want {
		t.Errorf("%d operations are documented, %d are served", got, want)
	}
}

// goodValues is a value for each parameter that passes its check.
var goodValues = map[string]string{
	"limit": "1", "order": "desc", "format": "ndjson", "severity": "error,3", "min_severity": "warning", "since": "now-1d", "until": "2030-01-01T00:00:00Z",
	"where": `{"field":"actor","operator":"exists"}`, "dry_run": "true", "after": "0", "images": "remote", "expected_sequence": "0", "auto_create": "false", "return": "receipt", "cursor": "",
	"dead_letter": "1",
}

// TestEveryParameterIsTaken asks every route with every parameter that its
// document names, and with one that it does not.
func TestEveryParameterIsTaken(t *testing.T) {
	r := startDelivering(t, Options{})
	setUpShop(r)
	refuse(r)
	for _, row := range routes() {
		if row.method == http.MethodPost && row.path != eventsPath || row.page {
			continue // no parameters
		}
		path := strings.NewReplacer("{instance}", "shop", "{id}", "e1", "{event_type}", "a.b", "{view}", "all", "{name}", "archive").Replace(row.path)
		body := ""
		if len(row.body) > 0 {
			body = `{"event_type":"a","stream_id":"fresh for ` + row.name + `"}`
		}
		switch row.name {
		case "getCatalogEntry":
			path = "/v1/catalog/message.sent"
		case "viewerMail":
			path = "/e/shop/mail/mail"
			r.must(201, "POST", "/v1/instances/shop/events", `{"id":"mail","event_type":"email","payload":{"body":"<p>hello</p>"}}`)
		}
		for _, p := range row.params {
			value, listed := goodValues[p.name]
			if listed && value == "" {
				continue // needs a page before
			}
			if !listed {
				value = "some"
			}
			if p.name == "expected_sequence" {
				body = `{"event_type":"a","stream_id":"never used"}`
			}
			query := "?" + p.name + "=" + url.QueryEscape(value)
			if row.name == "tail" { // it would not end
				if _, err := parseParams(query[1:], row.params); err != nil {
					t.Errorf("%s %s%s: %v", row.method, path, query, err)
				}
				continue
			}
			if row.name == "purgeEvents" && p.name == "dry_run" {
				query += "&type=none"
			}
			if answer := r.ask(row.method, path+query, body); answer.status >= 400 {
				t.Errorf("%s %s%s: %s", row.method, path, query, answer)
			}
		}
		answer := r.ask(row.method, path+"?unheard_of=1", body)
		if answer.status != 400 || !strings.Contains(string(answer.body), "unheard_of") {
			t.Errorf("%s %s: an unknown parameter is answered by %s", row.method, path, answer)
		}
	}
}

func TestParametersHaveDocumentedSchemas(t *testing.T) {
	all := start(t, Options{}).routes
	text, err := describe(all)
	if err != nil {
		t.Fatal(err)
	}
	var whole jsonObject
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	schemas := whole["components"].(jsonObject)["schemas"].(jsonObject)
	for _, row := range all {
		for _, name := range append([]string{row.bodySchema}, answerSchemas(row)...) {
			if name != "" && schemas[name] == nil {
				t.Errorf("%s %s: schema %s is not in openapi_schemas.json", row.method, row.path, name)
			}
		}
	}
}

func answerSchemas(row route) []string {
	var names []string
	for _, a := range row.answers {
		names = append(names, a.schema)
	}
	return names
}
