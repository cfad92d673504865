package happyview

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/server/door"
)

func (v *view) keyRoutes() []door.Route {
	return []door.Route{
		{Method: "POST", Path: "/admin/api-keys", Name: "happyviewCreateKey", Permission: string(auth.KeysManage),
			About: "HappyView: makes an API key that may do no more than the one that asks.",
			Body:  true, Schema: "HappyViewNewKey",
			Answers: []door.Answer{{Status: 201, About: "The key: nobody can read it again.", Schema: "HappyViewCreatedKey"}},
			Serve:   v.createKey},
		{Method: "GET", Path: "/admin/api-keys", Name: "happyviewListKeys", Permission: string(auth.KeysManage),
			About:   "HappyView: lists API keys, newest first.",
			Answers: []door.Answer{{Status: 200, About: "The keys, without their secrets.", Schema: "HappyViewKeys"}},
			Serve:   v.listKeys},
		{Method: "DELETE", Path: "/admin/api-keys/{id}", Name: "happyviewRevokeKey", Permission: string(auth.KeysManage),
			About: "HappyView: revokes an API key.",
			Answers: []door.Answer{{Status: 204, About: "It is revoked.", Empty: true},
				{Status: 404, About: "No such key."}},
			Serve: v.revokeKey},
		{Method: "GET", Path: "/admin/permissions", Name: "happyviewListPermissions", Permission: door.Any,
			About:   "HappyView: the permissions that a key can have.",
			Answers: []door.Answer{{Status: 200, About: "All of them.", Schema: "HappyViewPermissions"}},
			Serve:   listPermissions},
	}
}

// newKey is the body of POST /admin/api-keys.
type newKey struct {
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
}

func (v *view) createKey(w http.ResponseWriter, r *door.Request) error {
	body, release, err := r.Receive(maxFilter)
	if err != nil {
		return err
	}
	defer release()
	var given newKey
	if err := json.Unmarshal(body, &given); err != nil {
		return door.Bad(`the body must be a JSON object {"name": text, "permissions": [texts]}`)
	}
	permissions, err := auth.ParseSet(firnNames(given.Permissions))
	if err != nil {
		return refusedKey(err)
	}
	caller := auth.CallerOf(r.Context())
	wanted := auth.NewKey{Name: given.Name, Permissions: permissions}
	if own := caller.Key(); own != nil { // it reaches no further than the one that asks
		wanted.Instances, wanted.ExpiresAt = own.Instances, own.ExpiresAt
	}
	made, secret, err := v.opts.Keys.Create(r.Context(), caller, wanted)
	if err != nil {
		return refusedKey(err)
	}
	text, err := json.Marshal(struct {
		ID          string   `json:"id"`
		Name        string   `json:"name"`
		Key         string   `json:"key"`
		KeyPrefix   string   `json:"key_prefix"`
		Permissions []string `json:"permissions"`
	}{made.ID, made.Name, secret, made.Prefix, made.Permissions.Names()})
	if err != nil {
		return err
	}
	send(w, http.StatusCreated, text)
	return nil
}

// firnNames puts Firn's permission in the place of HappyView's three for keys.
func firnNames(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		if out[i] = name; strings.HasPrefix(name, "api-keys:") {
			out[i] = string(auth.KeysManage)
		}
	}
	return out
}

// refusedKey is why a key was not made, in the words of this door.
func refusedKey(err error) error {
	var grant *auth.GrantError
	var field *auth.FieldError
	switch {
	case errors.As(err, &grant) && len(grant.Permissions) > 0:
		return &door.Fault{Status: http.StatusForbidden, Message: "Cannot grant API key permission you don't have: " + strings.Join(grant.Permissions, ", ")}
	case errors.As(err, &field):
		return door.Bad(field.Error())
	}
	return err
}

func (v *view) listKeys(w http.ResponseWriter, r *door.Request) error {
	type row struct {
		ID          string         `json:"id"`
		Name        string         `json:"name"`
		KeyPrefix   string         `json:"key_prefix"`
		Permissions []string       `json:"permissions"`
		CreatedAt   jsontext.Value `json:"created_at"`
		LastUsedAt  jsontext.Value `json:"last_used_at"`
		RevokedAt   jsontext.Value `json:"revoked_at"`
	}
	rows := []row{}
	for _, k := range v.opts.Keys.List(auth.CallerOf(r.Context())) {
		rows = append(rows, row{k.ID, k.Name, k.Prefix, k.Permissions.Names(), instant(k.CreatedAt), instant(k.LastUsed()), instant(k.RevokedAt)})
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	send(w, http.StatusOK, text)
	return nil
}

// instant is a time as JSON, null for none.
func instant(at time.Time) jsontext.Value {
	if at.IsZero() {
		return jsontext.Value("null")
	}
	return append(event.AppendMillis([]byte{'"'}, at.UnixMilli()), '"')
}

func (v *view) revokeKey(w http.ResponseWriter, r *door.Request) error {
	id := r.PathValue("id")
	_, err := v.opts.Keys.Revoke(r.Context(), auth.CallerOf(r.Context()), id)
	if errors.Is(err, auth.ErrNotFound) {
		return &door.Fault{Status: http.StatusNotFound, Message: "api key '" + printable(id) + "' not found"}
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// about says what a permission is for, in HappyView's words where it has one.
var about = map[auth.Permission]struct{ name, description, category string }{
	auth.EventsRead:      {"View Events", "Read and query events", "System"},
	auth.EventsAppend:    {"Append Events", "Store events", "System"},
	auth.EventsPurge:     {"Purge Events", "Delete events by filter", "System"},
	auth.InstancesManage: {"Manage Instances", "Make, change and delete instances", "System"},
	auth.KeysManage:      {"Manage API Keys", "Make, list and revoke API keys", "API Keys"},
	auth.CatalogManage:   {"Manage Catalog", "Change the catalog of event types", "System"},
	auth.TargetsManage:   {"Manage Targets", "See and retry targets", "System"},
	auth.ViewsManage:     {"Manage Views", "Change the saved views of the viewer", "System"},
	auth.MetricsRead:     {"View Metrics", "Read metrics", "System"},
}

func listPermissions(w http.ResponseWriter, _ *door.Request) error {
	type row struct {
		Key         string `json:"key"`
		Name        string `json:"name"`
		Description string `json:"description"`
		Category    string `json:"category"`
	}
	var rows []row
	for _, p := range auth.Permissions() {
		rows = append(rows, row{string(p), about[p].name, about[p].description, about[p].category})
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	send(w, http.StatusOK, text)
	return nil
}
