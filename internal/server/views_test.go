package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firnlog/firn/internal/auth"
)

// viewExchanges is what requests for saved views are answered, for the table of
// exchanges.
var viewExchanges = []exchange{
	{method: "PUT", path: "/v1/views/slow%20ones", body: `{"instance":"shop","query":"q=payload.ms>100&live=1"}`, status: 201, says: `{"name":"slow ones","instance":"shop","query":"q=payload.ms>100&live=1"}`, route: "PUT /v1/views/{view}"},
	{method: "PUT", path: "/v1/views/slow%20ones", body: `{"instance":"shop","query":"q=payload.ms>200"}`, status: 200, says: `200"}`, route: "PUT /v1/views/{view}"},
	{method: "PUT", path: "/v1/views/all", body: `{"instance":"shop"}`, status: 201, says: `"query":""`, route: "PUT /v1/views/{view}"},
	{method: "PUT", path: "/v1/views/x", body: `{"query":"q=a"}`, status: 400, code: "malformed", field: "instance", route: "PUT /v1/views/{view}"},
	{method: "PUT", path: "/v1/views/x", body: `{"instance":"shop","query":"q=%zz"}`, status: 400, code: "malformed", field: "query", route: "PUT /v1/views/{view}"},
	{method: "PUT", path: "/v1/views/x", body: `{"instance":"shop","query":"` + strings.Repeat("q", maxViewQuery+1) + `"}`, status: 400, code: "malformed", field: "query", route: "PUT /v1/views/{view}"},
	{method: "PUT", path: "/v1/views/x", body: `{"instance":"shop","filter":"a"}`, status: 400, code: "malformed", field: "filter", route: "PUT /v1/views/{view}"},
	{method: "PUT", path: "/v1/views/a%07b", body: `{"instance":"shop"}`, status: 400, code: "malformed", field: "name", route: "PUT /v1/views/{view}"},
	{method: "PUT", path: "/v1/views/" + strings.Repeat("n", maxViewName+1), body: `{"instance":"shop"}`, status: 400, code: "malformed", field: "name", route: "PUT /v1/views/{view}"},
	{method: "PUT", path: "/v1/views/x", body: `"` + strings.Repeat("x", smallBody) + `"`, status: 413, code: "too_large", route: "PUT /v1/views/{view}"},
	{method: "PUT", path: "/v1/views/x", body: "a", headers: []string{"Content-Type", "text/plain"}, status: 415, code: "unsupported_media_type", route: "PUT /v1/views/{view}"},
	{method: "GET", path: "/v1/views", status: 200, says: `{"views":[{"name":"all",`, route: "GET /v1/views"},
	{method: "GET", path: "/v1/views?x=1", status: 400, code: "malformed", field: "x", route: "GET /v1/views"},
	{method: "GET", path: "/v1/views/slow%20ones", status: 200, says: `q=payload.ms>200`, route: "GET /v1/views/{view}"},
	{method: "GET", path: "/v1/views/none", status: 404, code: "not_found", route: "GET /v1/views/{view}"},
	{method: "GET", path: "/v1/views/all?x=1", status: 400, code: "malformed", field: "x", route: "GET /v1/views/{view}"},
	{method: "DELETE", path: "/v1/views/slow%20ones", status: 204, route: "DELETE /v1/views/{view}"},
	{method: "DELETE", path: "/v1/views/slow%20ones", status: 404, code: "not_found", route: "DELETE /v1/views/{view}"},
	{method: "DELETE", path: "/v1/views/all?x=1", status: 400, code: "malformed", field: "x", route: "DELETE /v1/views/{view}"},
}

func TestViewsAreForWhoMaySeeTheirInstance(t *testing.T) {
	r := start(t, Options{})
	shop := r.instance("shop")
	r.instance("audit")
	_, admin := r.key(auth.NewKey{})
	_, reader := r.key(auth.NewKey{Name: "reader", Permissions: auth.SetOf(auth.EventsRead), Instances: []string{shop}})
	_, keeper := r.key(auth.NewKey{Name: "keeper", Permissions: auth.SetOf(auth.EventsRead, auth.ViewsManage), Instances: []string{shop}})
	r.must(201, "PUT", "/v1/views/secret", `{"instance":"audit","query":"q=salary"}`, bearer(admin)...)
	r.must(201, "PUT", "/v1/views/mine", `{"instance":"`+shop+`","query":"live=1"}`, bearer(keeper)...)

	if got := string(r.must(200, "GET", "/v1/views", "", bearer(admin)...).body); !strings.Contains(got, "secret") || !strings.Contains(got, "mine") {
		t.Errorf("who may see all sees %s", got)
	}
	if got := string(r.must(200, "GET", "/v1/views", "", bearer(reader)...).body); strings.Contains(got, "secret") || strings.Contains(got, "audit") || !strings.Contains(got, "mine") {
		t.Errorf("who may see one instance sees %s", got)
	}
	r.must(404, "GET", "/v1/views/secret", "", bearer(reader)...)
	r.must(404, "PUT", "/v1/views/secret", `{"instance":"shop","query":""}`, bearer(keeper)...)
	r.must(404, "DELETE", "/v1/views/secret", "", bearer(keeper)...)
	r.must(404, "PUT", "/v1/views/new", `{"instance":"audit","query":""}`, bearer(keeper)...)
	r.must(403, "PUT", "/v1/views/mine", `{"instance":"shop","query":""}`, bearer(reader)...)
	r.must(401, "GET", "/v1/views", "")
	r.must(204, "DELETE", "/v1/views/mine", "", bearer(keeper)...)
	for _, eventType := range []string{"setting.updated", "setting.deleted"} {
		got := string(r.must(200, "GET", "/v1/instances/system/events?type="+eventType, "", bearer(admin)...).body)
		if !strings.Contains(got, `"subject":"view/mine"`) || !strings.Contains(got, `{"kind":"view","name":"mine"}`) {
			t.Errorf("%s: %s", eventType, got)
		}
	}
}

func TestViewsAreBounded(t *testing.T) {
	r := start(t, Options{})
	for i := range maxViews {
		r.must(201, "PUT", fmt.Sprintf("/v1/views/v%d", i), `{"instance":"shop"}`)
	}
	r.must(409, "PUT", "/v1/views/more", `{"instance":"shop"}`)
	r.must(200, "PUT", "/v1/views/v7", `{"instance":"shop","query":"q=a"}`)
}
