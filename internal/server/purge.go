package server

import "net/http"

func purgeRoutes() []route {
	return []route{{method: "DELETE", path: eventsPath, name: "purgeEvents", permission: eventsPurge,
		about:  "Deletes the events that match the filters, of which there must be at least one, and frees the disk.",
		params: filterParams(param{name: "dry_run", kind: boolean, about: "true only counts what would be deleted."}),
		answers: []answer{{status: 200, about: "How many events it was, or would be.", media: []media{jsonMedia}, schema: "Purged"},
			{status: 404, about: "No such instance."}},
		serve: (*Server).purgeEvents}}
}

func (s *Server) purgeEvents(w http.ResponseWriter, r *request) error {
	q, err := s.filterQuery(r, "")
	if err != nil {
		return err
	}
	dryRun := r.params.boolean("dry_run")
	if len(r.params) == 0 || (len(r.params) == 1 && r.params.has("dry_run")) {
		return malformed("", "at least one filter is needed; to delete everything, delete the instance or give until=now")
	}
	n, err := s.log.Purge(r.Context(), r.PathValue("instance"), q.Where, dryRun)
	if err != nil {
		return err
	}
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.raw("{")
	out.member("count")
	out.integer(n)
	out.member("dry_run")
	if dryRun {
		out.raw("true}\n")
	} else {
		out.raw("false}\n")
	}
	return out.finish(http.StatusOK)
}
