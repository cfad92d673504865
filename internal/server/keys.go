package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/auth"
)

const keysPath = "/v1/keys"

func keyRoutes() []route {
	return []route{
		{method: "POST", path: keysPath, name: "createKey", permission: keysManage,
			about: "Makes an API key that may do no more than the one that asks. The first key is made on the machine: firn keys create.",
			body:  []media{jsonMedia}, bodySchema: "NewKey",
			answers: []answer{{status: 201, about: "The key, with its secret: nobody can read it again.", media: []media{jsonMedia}, schema: "CreatedKey"}},
			serve:   (*Server).createKey},
		{method: "GET", path: keysPath, name: "listKeys", permission: keysManage,
			about:   "Lists the keys that reach no further than the one that asks, revoked ones too, newest first.",
			answers: []answer{{status: 200, about: "The keys, without their secrets.", media: []media{jsonMedia}, schema: "Keys"}},
			serve:   (*Server).listKeys},
		{method: "DELETE", path: keysPath + "/{key}", name: "revokeKey", permission: keysManage,
			about:   "Revokes a key for good; what is open with it ends within a second.",
			answers: []answer{{status: 204, about: "It is revoked."}, {status: 404, about: "No such key."}},
			serve:   (*Server).revokeKey},
	}
}

// keyBody is the body of POST /v1/keys.
type keyBody struct {
	Name        string    `json:"name"`
	Permissions []string  `json:"permissions"`
	Instances   *[]string `json:"instances"`
	ExpiresAt   *string   `json:"expires_at"`
}

func (s *Server) createKey(w http.ResponseWriter, r *request) error {
	var given keyBody
	if err := s.receiveJSON(r, &given); err != nil {
		return err
	}
	wanted, err := s.newKey(r, &given)
	if err != nil {
		return err
	}
	made, secret, err := s.Keys().Create(r.Context(), r.caller, wanted)
	if err != nil {
		return err
	}
	w.Header().Set("Location", keysPath+"/"+made.ID)
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	s.writeKey(out, made, secret, s.Keys().Namesakes(r.caller, made)...)
	out.raw("\n")
	return out.finish(http.StatusCreated)
}

func (s *Server) newKey(r *request, given *keyBody) (auth.NewKey, error) {
	wanted := auth.NewKey{Name: given.Name}
	var err error
	if wanted.Permissions, err = auth.ParseSet(given.Permissions); err != nil {
		return wanted, err
	}
	if given.ExpiresAt != nil {
		if wanted.ExpiresAt, err = time.Parse(time.RFC3339, *given.ExpiresAt); err != nil {
			return wanted, malformed("expires_at", "must be a time such as 2030-01-31T12:00:00Z")
		}
	}
	if given.Instances == nil {
		return wanted, nil
	}
	if len(*given.Instances) == 0 {
		return wanted, malformed("instances", "is empty; name at least one, or leave it out for all")
	}
	for i, name := range *given.Instances {
		in, err := s.visible(r.caller, name)
		if errors.Is(err, firn.ErrNotFound) && ownInstance(name) && r.caller.Everywhere() {
			in, err = s.makeOwn(r.Context(), name) // so that a door's key can be for nothing else
		}
		if err != nil {
			return wanted, malformed(fmt.Sprintf("instances[%d]", i), "there is no instance %s", printable(name))
		}
		wanted.Instances = append(wanted.Instances, in.ID)
	}
	return wanted, nil
}

// makeOwn makes an instance that Firn makes itself, unless somebody else does.
func (s *Server) makeOwn(ctx context.Context, name string) (firn.Instance, error) {
	in, err := s.log.CreateInstance(ctx, firn.Instance{Name: name})
	if errors.Is(err, firn.ErrExists) {
		return s.log.Instance(name)
	}
	return in, err
}

func (s *Server) listKeys(w http.ResponseWriter, r *request) error {
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.raw(`{"keys":[`)
	for i, k := range s.Keys().List(r.caller) {
		if err := out.room(); err != nil {
			return err
		}
		if i > 0 {
			out.raw(",")
		}
		s.writeKey(out, k, "")
	}
	out.raw("]}\n")
	return out.finish(http.StatusOK)
}

func (s *Server) revokeKey(w http.ResponseWriter, r *request) error {
	if _, err := s.Keys().Revoke(r.Context(), r.caller, r.PathValue("key")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// writeKey writes a key; one that has just been made with its secret, and a
// warning of the other good keys of its name.
func (s *Server) writeKey(out *writer, k *auth.Key, secret string, namesakes ...*auth.Key) {
	out.raw("{")
	out.member("id")
	out.text(k.ID)
	out.member("name")
	out.text(k.Name)
	if secret != "" {
		out.member("key")
		out.text(secret)
	}
	out.member("key_prefix")
	out.text(k.Prefix)
	out.member("permissions")
	out.texts(k.Permissions.Names())
	out.member("instances")
	s.writeInstances(out, k)
	out.member("created_at")
	out.instant(k.CreatedAt)
	out.member("expires_at")
	out.instantOrNull(k.ExpiresAt)
	out.member("last_used_at")
	out.instantOrNull(k.LastUsed())
	out.member("revoked_at")
	out.instantOrNull(k.RevokedAt)
	if len(namesakes) > 0 {
		out.member("warnings")
		out.raw(`[{"field":"name","message":`)
		out.text(warnOfNamesakes(namesakes))
		out.raw("}]")
	}
	out.raw("}")
}

// warnOfNamesakes names the newest of other keys of a name. Whoever replaces a key
// has two for a while, so that is no fault.
func warnOfNamesakes(namesakes []*auth.Key) string {
	const most = 5
	var prefixes []string
	for _, k := range namesakes[:min(len(namesakes), most)] {
		prefixes = append(prefixes, k.Prefix+"…")
	}
	if len(namesakes) > most {
		prefixes = append(prefixes, "…")
	}
	return "other keys have this name and stay good until they are revoked: " + strings.Join(prefixes, ", ")
}

// writeInstances writes the names of a key's instances, the id of one that is
// gone, and null for every instance.
func (s *Server) writeInstances(out *writer, k *auth.Key) {
	if len(k.Instances) == 0 {
		out.raw("null")
		return
	}
	names := make([]string, len(k.Instances))
	for i, id := range k.Instances {
		names[i] = id
		if in, err := s.log.Instance(id); err == nil {
			names[i] = in.Name
		}
	}
	out.texts(names)
}

// texts writes an array of strings.
func (w *writer) texts(values []string) {
	w.raw("[")
	for i, value := range values {
		if i > 0 {
			w.raw(",")
		}
		w.text(value)
	}
	w.raw("]")
}
