package server

import (
	"maps"
	"net/http"
	"net/url"
	"slices"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

const instancePath = "/v1/instances/{instance}"

func instanceRoutes() []route {
	one := answer{status: 200, about: "The instance.", media: []media{jsonMedia}, schema: "Instance"}
	missing := answer{status: 404, about: "No such instance."}
	taken := answer{status: 409, about: "Another instance has the name."}
	return []route{
		{method: "POST", path: "/v1/instances", name: "createInstance", permission: instancesManage,
			about: "Makes an instance: a container of streams.", body: []media{jsonMedia}, bodySchema: "NewInstance",
			answers: []answer{{status: 201, about: "The instance; Location is its path.", media: []media{jsonMedia}, schema: "Instance"}, taken},
			serve:   (*Server).createInstance},
		{method: "GET", path: "/v1/instances", name: "listInstances", permission: eventsRead,
			about:   "Lists the instances by name.",
			answers: []answer{{status: 200, about: "All instances.", media: []media{jsonMedia}, schema: "Instances"}},
			serve:   (*Server).listInstances},
		{method: "GET", path: instancePath, name: "getInstance", permission: eventsRead,
			about: "One instance, by its id, else by its name.", answers: []answer{one, missing}, serve: (*Server).getInstance},
		{method: "PATCH", path: instancePath, name: "updateInstance", permission: instancesManage,
			about: "Changes the members that are given.", body: []media{jsonMedia}, bodySchema: "InstanceUpdate",
			answers: []answer{one, missing, taken}, serve: (*Server).updateInstance},
		{method: "DELETE", path: instancePath, name: "deleteInstance", permission: instancesManage,
			about:   "Deletes an instance and all of its events, and frees the disk.",
			answers: []answer{{status: 204, about: "It is gone."}, missing}, serve: (*Server).deleteInstance},
		{method: "GET", path: instancePath + "/stats", name: "instanceStats", permission: eventsRead,
			about:   "What an instance holds: counts, bytes, first and last times, events by type and severity.",
			answers: []answer{{status: 200, about: "The figures.", media: []media{jsonMedia}, schema: "InstanceStats"}, missing},
			serve:   (*Server).instanceStats},
	}
}

// instanceBody is the body of POST and PATCH; what is nil was not given.
type instanceBody struct {
	Name          *string `json:"name"`
	Description   *string `json:"description"`
	RetentionDays *int    `json:"retention_days"`
	Validation    *string `json:"validation"`
}

func (b *instanceBody) check() error {
	if b.RetentionDays != nil && *b.RetentionDays < 0 {
		return malformed("retention_days", "must be 0 (for ever) or more")
	}
	if b.Validation != nil && !slices.Contains([]string{"off", "warn", "enforce"}, *b.Validation) {
		return malformed("validation", "must be one of off, warn, enforce")
	}
	return nil
}

func (s *Server) createInstance(w http.ResponseWriter, r *request) error {
	var given instanceBody
	if err := s.receiveJSON(r, &given); err != nil {
		return err
	}
	if err := given.check(); err != nil {
		return err
	}
	if given.Name == nil {
		return malformed("name", "is missing; an instance needs a name")
	}
	if !r.caller.Everywhere() {
		return forbidden("the API key is for some instances only, and a new one is none of them")
	}
	made, err := s.log.CreateInstance(r.Context(), firn.Instance{
		Name: *given.Name, Description: deref(given.Description),
		RetentionDays: deref(given.RetentionDays), Validation: firn.Validation(deref(given.Validation)),
	})
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/instances/"+url.PathEscape(made.ID))
	return s.answerInstance(w, r, http.StatusCreated, made)
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func (s *Server) getInstance(w http.ResponseWriter, r *request) error {
	found, err := s.log.Instance(r.PathValue("instance"))
	if err != nil {
		return err
	}
	return s.answerInstance(w, r, http.StatusOK, found)
}

func (s *Server) updateInstance(w http.ResponseWriter, r *request) error {
	var given instanceBody
	if err := s.receiveJSON(r, &given); err != nil {
		return err
	}
	if err := given.check(); err != nil {
		return err
	}
	update := firn.InstanceUpdate{Name: given.Name, Description: given.Description, RetentionDays: given.RetentionDays}
	if given.Validation != nil {
		update.Validation = new(firn.Validation(*given.Validation))
	}
	changed, err := s.log.UpdateInstance(r.Context(), r.PathValue("instance"), update)
	if err != nil {
		return err
	}
	return s.answerInstance(w, r, http.StatusOK, changed)
}

func (s *Server) deleteInstance(w http.ResponseWriter, r *request) error {
	if err := s.log.DeleteInstance(r.Context(), r.PathValue("instance")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) listInstances(w http.ResponseWriter, r *request) error {
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.raw(`{"instances":[`)
	first := true
	for _, in := range s.log.Instances() {
		if !r.caller.Sees(in.ID) {
			continue
		}
		if !first {
			out.raw(",")
		}
		first = false
		s.instance(out, in)
	}
	out.raw("]}\n")
	return out.finish(http.StatusOK)
}

func (s *Server) answerInstance(w http.ResponseWriter, r *request, status int, in firn.Instance) error {
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	s.instance(out, in)
	out.raw("\n")
	return out.finish(status)
}

// instance writes an instance with the retention that holds for it: for system
// that may be another than the stored one (EVENT_LOG_RETENTION_DAYS), and some of
// its events are kept for longer.
func (s *Server) instance(w *writer, in firn.Instance) {
	isSystem := in.Name == firn.SystemInstance
	if isSystem {
		in.RetentionDays = s.log.SystemRetention()
	}
	w.raw("{")
	w.member("id")
	w.text(in.ID)
	w.member("name")
	w.text(in.Name)
	w.member("description")
	w.text(in.Description)
	w.member("created_at")
	w.instant(in.CreatedAt)
	w.member("updated_at")
	w.instant(in.UpdatedAt)
	w.member("retention_days")
	w.integer(int64(in.RetentionDays))
	if isSystem {
		w.member("protected_days")
		w.integer(int64(s.log.ProtectedDays()))
	}
	w.member("validation")
	w.text(string(in.Validation))
	w.raw("}")
}

func (s *Server) instanceStats(w http.ResponseWriter, r *request) error {
	stats, err := s.log.InstanceStats(r.Context(), r.PathValue("instance"))
	if err != nil {
		return err
	}
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.raw("{")
	for _, figure := range []struct {
		name  string
		value int64
	}{
		{"events", stats.Events}, {"streams", stats.Streams}, {"bytes_on_disk", stats.BytesOnDisk},
		{"first_position", stats.FirstPosition}, {"last_position", stats.LastPosition},
	} {
		out.member(figure.name)
		out.integer(figure.value)
	}
	out.member("first_timestamp")
	out.instantOrNull(stats.First)
	out.member("last_timestamp")
	out.instantOrNull(stats.Last)
	out.member("by_type")
	out.raw("{")
	for _, name := range sortedKeys(stats.ByType) {
		out.member(name)
		out.integer(stats.ByType[name])
	}
	out.raw("}")
	out.member("by_severity")
	out.raw("{")
	for severity := event.Debug; severity <= event.Emergency; severity++ {
		if n := stats.BySeverity[severity]; n > 0 {
			out.member(severity.String())
			out.integer(n)
		}
	}
	out.raw("}")
	out.lost(stats.Lost)
	out.raw("}\n")
	return out.finish(http.StatusOK)
}

func sortedKeys(m map[string]int64) []string {
	return slices.Sorted(maps.Keys(m))
}
