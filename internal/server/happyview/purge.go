package happyview

import (
	"bytes"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"net/http"
	"strings"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/server/door"
)

const maxFilter = 64 << 10 // bytes of a body

// purge decides on a purge and answers; the events go in the background.
func (v *view) purge(w http.ResponseWriter, r *door.Request) error {
	values, err := single(r.Request)
	if err != nil {
		return err
	}
	for name := range values {
		if name != "instance" { // a filter that is passed over would delete more than was meant
			return door.Bad("the parameter '" + printable(name) + "' is none of a purge; its filter is the body")
		}
	}
	body, release, err := r.Receive(maxFilter)
	if err != nil {
		return err
	}
	defer release()
	f, err := parseFilter(body)
	if err != nil {
		return err
	}
	where, err := f.condition()
	if err != nil {
		return err
	}
	named := v.instance(r.Request)
	instance, err := v.log.Instance(named)
	if err != nil {
		return said(named, "", err)
	}
	if instance.Name == firn.SystemInstance {
		if err := f.protected(); err != nil {
			return err
		}
	}
	job, err := v.log.BeginPurge(r.Context(), instance.ID, where)
	if err != nil {
		return said(named, "", err)
	}
	send(w, http.StatusAccepted, append(event.AppendQuoted([]byte(`{"job_id":`), job), '}'))
	return nil
}

// parseFilter reads the body of a purge. It is strict: what is passed over here
// would delete more than was meant.
func parseFilter(body []byte) (*filter, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, door.Bad("the body is empty; send {} to purge everything that is not protected")
	}
	f := new(filter)
	err := json.Unmarshal(body, f, json.RejectUnknownMembers(true))
	var broken *jsontext.SyntacticError
	var wrong *json.SemanticError
	switch {
	case err == nil && jsontext.Value(body).Kind() == '{':
		return f, nil
	case errors.As(err, &broken):
		return nil, door.Bad("the body is not valid JSON: " + broken.Err.Error())
	case !errors.As(err, &wrong) || wrong.JSONPointer == "":
		return nil, door.Bad("the body must be a JSON object")
	}
	name := printable(strings.TrimPrefix(string(wrong.JSONPointer), "/"))
	if errors.Is(wrong.Err, json.ErrUnknownName) {
		return nil, door.Bad("unknown filter '" + name + "'; known: event_type, category, severity, subject, before, after")
	}
	return nil, door.Bad("the filter '" + name + "' must be a string")
}
