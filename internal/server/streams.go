package server

import (
	"encoding/base64"
	"net/http"
)

func streamRoutes() []route {
	return []route{{method: "GET", path: instancePath + "/streams", name: "listStreams", permission: eventsRead,
		about: "Lists the streams of an instance by name, with their last sequence number and how many events are kept.",
		params: []param{
			{name: "prefix", about: "Only names that begin so."},
			{name: "limit", about: "Streams in one answer.", kind: integer, min: 1, max: 10_000},
			{name: "cursor", about: "next_cursor of the page before."},
		},
		answers: []answer{{status: 200, about: "A page of streams.", media: []media{jsonMedia}, schema: "Streams"},
			{status: 404, about: "No such instance."}},
		serve: (*Server).listStreams}}
}

// listStreams pages by name: the cursor is the last name, in base64url.
func (s *Server) listStreams(w http.ResponseWriter, r *request) error {
	limit := int(r.params.integer("limit", 1_000))
	after, err := base64.RawURLEncoding.DecodeString(r.params["cursor"])
	if err != nil {
		return malformed("cursor", "is none that this server gave")
	}
	streams, err := s.log.Streams(r.Context(), r.PathValue("instance"), r.params["prefix"], string(after), limit+1)
	if err != nil {
		return err
	}
	more := len(streams) > limit
	if more {
		streams = streams[:limit]
	}
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.raw(`{"streams":[`)
	for i, stream := range streams {
		if i > 0 {
			out.raw(",")
		}
		out.raw("{")
		out.member("stream_id")
		out.text(stream.Name)
		out.member("last_sequence_number")
		out.integer(stream.LastSequence)
		out.member("events")
		out.integer(stream.Events)
		out.raw("}")
	}
	out.raw("]")
	if more {
		out.member("next_cursor")
		out.text(base64.RawURLEncoding.EncodeToString([]byte(streams[limit-1].Name)))
	}
	out.raw("}\n")
	return out.finish(http.StatusOK)
}
