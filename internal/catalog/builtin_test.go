package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/catalog"
)

// documented are the types that the documents of the systems and the facts
// about them name, with the severity where they say one.
var documented = map[string]string{
	"whatshooked": `whatsapp.connected whatsapp.disconnected whatsapp.pair.success whatsapp.pair.failed
		whatsapp.qr.code whatsapp.qr.timeout whatsapp.qr.error whatsapp.pair.event
		message.received message.sent message.failed message.delivered message.read
		hook.triggered hook.success hook.failed`,
	"happyview": `lexicon.created:info lexicon.updated:info lexicon.deleted:info record.created:info record.deleted:info
		script.executed:info script.error:error user.created:info user.deleted:info user.bootstrapped:info
		user.permissions_updated:info user.super_transferred:warning auth.permission_denied:error
		api_key.created:info api_key.revoked:info script_variable.upserted:info script_variable.deleted:info
		hook.executed:info hook.dead_lettered:error backfill.started:info backfill.completed:info backfill.failed:error
		jetstream.connected:info jetstream.disconnected:warning
		backfill.cancelling:info record.skipped:info plugin.log:info plugin.added:info plugin.removed:info plugin.reloaded:info
		plugin.secrets_updated:info api_client.created:info api_client.updated:info api_client.deleted:info
		domain.created:info domain.deleted:info domain.primary_changed:info labeler.added:info labeler.updated:info
		labeler.deleted:info labeler.connected:info labeler.disconnected:warning setting.updated:info setting.deleted:info
		delegation.account_linked:info delegation.account_unlinked:info delegation.delegate_added:info
		delegation.delegate_removed:info dpop_key.provisioned:info dpop_session.created:info dpop_session.deleted:info
		script.log script.dead_lettered space.access_granted space.access_revoked space.moderator_read
		space_inspector.enabled space_inspector.disabled event_logs.purged:warning event_logs.retention_changed:warning`,
	"querybook": `API WEBSOCKET VIEW CLICK`,
	"webdebug": `log query request middleware template email event access_check response
		scheme accessCheck`,
	"firn": `instance.created instance.updated instance.deleted retention.applied
		target.connected target.disconnected target.dead_lettered target.gap target.retried target.discarded target.replayed server.started server.stopped`,
}

func load(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryDocumentedTypeIsBuiltIn(t *testing.T) {
	want, got := map[string][]string{}, map[string][]string{}
	severities := map[string]string{}
	for system, list := range documented {
		for name := range strings.FieldsSeq(list) {
			name, severity, _ := strings.Cut(name, ":")
			want[system] = append(want[system], name)
			severities[name] = severity
		}
		slices.Sort(want[system])
	}
	for _, e := range load(t).List() {
		got[e.System] = append(got[e.System], e.Type)
		if s := severities[e.Type]; s != "" && s != e.Severity.String() {
			t.Errorf("%s is %s, documented is %s", e.Type, e.Severity, s)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types by system (-documented +catalog):\n%s", diff)
	}
}

func TestBuiltInEntriesReadWell(t *testing.T) {
	c := load(t)
	for _, e := range c.List() {
		if !strings.HasSuffix(e.Description, ".") || strings.ToUpper(e.Description[:1]) != e.Description[:1] && e.Type != "accessCheck" {
			t.Errorf("%s: %q is no sentence", e.Type, e.Description)
		}
		if e.Origin != catalog.OriginBuiltIn {
			t.Errorf("%s: origin %q", e.Type, e.Origin)
		}
		if e.Category() != event.Category(e.Type) {
			t.Errorf("%s: category %q", e.Type, e.Category())
		}
		if faults := c.Validate(e.Type, []byte(`{"never documented":[1,{"a":null}]}`)); slices.ContainsFunc(faults, func(f catalog.Fault) bool { return !strings.HasSuffix(f.Message, "is missing") }) {
			t.Errorf("%s is closed to keys that it does not know: %v", e.Type, faults)
		}
	}
}

// examples are payloads of the documents, and what the programs were seen to
// send, that must be right as they are.
var examples = []struct{ eventType, payload string }{
	{"message.received", `{"account_id":"acc1","from":"+1234567890","message":"Hello, world!"}`},
	{"message.received", `{"account_id":"acc1","from":"+1234567890","message":"Hello, world!","media":{"type":"image"},"n":1}`},
	{"whatsapp.qr.code", `{"account_id":"acc1","code":"2@…"}`},
	{"hook.failed", `{}`},

	{"lexicon.created", `{"revision":1,"has_script":true,"source":"manual"}`},
	{"lexicon.updated", `{"revision":7,"has_script":false,"has_index_hook":true,"source":"manual"}`},
	{"lexicon.deleted", `{}`},
	{"record.created", `{"collection":"com.example.feed.like","did":"did:plc:abc123","rkey":"3k","error":"database is locked"}`},
	{"script.executed", `{"method":"com.example.get","duration_ms":3.25,"response_size":17,"response":{"a":[1]},"params":{"limit":"3"}}`},
	{"script.error", `{"error":"attempt to index nil","script_source":"return x.y","input":null,"caller_did":"did:plc:abc123","method":"com.example.get"}`},
	{"user.created", `{"template":"viewer","permissions":["events:read"]}`},
	{"user.created", `{"template":null,"permissions":[]}`},
	{"user.permissions_updated", `{"granted":["events:read"],"revoked":[]}`},
	{"auth.permission_denied", `{"required_permission":"events:read","user_id":"u1","count":12}`},
	{"api_key.created", `{"name":"ci","permissions":["events:read"],"key_prefix":"hv_12345678"}`},
	{"hook.dead_lettered", `{"lexicon_id":"com.example.feed.like","action":"create","collection":"c","attempts":3,"error":"timeout"}`},
	{"backfill.completed", `{"job_id":"j1","total_repos":0,"total_records":12345678901234567890}`},
	{"setting.updated", `{"value":"30"}`},
	{"event_logs.retention_changed", `{"from":30,"to":0}`},

	{"API", `{"method":"PUT","route":"/table/<schema_name>/<table_name>/sync/","params":{"schema_name":"a","table_name":"b"}}`},
	{"WEBSOCKET", `{"route":"/query_execution/connect","args":[],"kwargs":{}}`},
	{"VIEW", `{"path":"/env/"}`},
	{"CLICK", `{"path":"/env/datadoc/1/","component":"DATADOC_PAGE","element":"FORMAT_BUTTON","aux":{}}`},

	{"scheme", `{"id":"6f1c2cde-70e7-4f0a-a9a8-1d7f11a3cb8d","version":1,"events":12}`},
	{"log", `{"message":"User X is logged in admin panel","context":"{\"user_id\": 12345}"}`},
	{"query", `{"target":"mysql","query":"SELECT * FROM articles WHERE ID = 2;","syntax":"sql"}`},
	{"query", `{"target":"mongodb","query":"{ status: \"A\", qty: { $lt: 30 } }","syntax":"json"}`},
	{"request", `{"method":"POST","uri":"/api/hello?foo=bar","headers":[{"key":"accept","value":"text/html"},{"key":"cache-control","value":"no-cache"}],` +
		`"query":[{"key":"foo","value":"bar"}],"body":[{"key":"foo","value":"bar"}],"cookies":[{"key":"PHPSESS","value":"[redacted]"}],` +
		`"session":[{"key":"userid","value":21114},{"key":"views_count","value":23}]}`},
	{"request", `{"target":"http","query":[]}`}, // the official example has a query's payload here
	{"response", `{}`},
	{"response", `{"memoryPeak":1000000}`},
	{"response", `{"memory_peak":1000000}`},
	{"middleware", `{"name":"\\Illuminate\\Routing\\Middleware\\ThrottleRequests"}`},
	{"template", `{"name":"/resources/templates/header.twig"}`},
	{"email", `{"subject":"Welcome to our forum","body":"<h1>Hello John</h1>","from":"no-reply@example.com",` +
		`"to":["john_doe@example.com","admin@example.com"],"cc":["a@example.com"],"bcc":[],"reply_to":"contact@forum.example.com","attachments":["payment-info.pdf"]}`},
	{"email", `{"subject":"s","body":"b","from":"a@example.com","to":"b@example.com","replyTo":"c@example.com"}`},
	{"event", `{"name":"ConsoleHandler::onCommand","group":"kernel"}`},
	{"event", `{"anything":{"name":1}}`}, // Codebolt's type for an event without one
	{"access_check", `{"access":"DENIED","control":"Cockpit","object":"R2-D2"}`},
	{"access_check", `{"access":"GRANT","control":"Engines","object":"R2-D2"}`},
	{"accessCheck", `{"access":"GRANT","control":"article:helloWorld","object":"user:admin","action":"publish"}`},

	{"instance.created", `{"name":"shop","description":"","retention_days":0,"validation":"warn"}`},
	{"retention.applied", `{"instance":"shop","retention_days":30,"removed":12,"before":"2026-01-31T15:04:05Z"}`},
	{"event_logs.purged", `{"instance":"shop","where":{"field":"event_type","operator":"eq","value":"log"},"removed":3}`},

	{"page_view", `{"no type of the catalog":1}`},
}

func TestExamplesOfTheDocumentsAreRight(t *testing.T) {
	c := load(t)
	for _, x := range examples {
		if faults := c.Validate(x.eventType, []byte(x.payload)); faults != nil {
			t.Errorf("%s %s: %v", x.eventType, x.payload, faults)
		}
	}
}
