package server

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

// The bounds of what an import says of itself, in bytes.
const (
	maxImportJob    = 64
	maxImportSource = 512
	maxImportError  = 4096
)

func importRoutes() []route {
	return []route{{method: "POST", path: instancePath + "/imports", name: "recordImport", permission: eventsAppend,
		about: "Records in the instance system that an import into the instance has begun, is done or has failed: backfill.started, backfill.completed, backfill.failed. " +
			"Sending it again records nothing twice.",
		params: []param{{name: "auto_create", kind: boolean, about: "true makes the instance if there is none of that name."}},
		body:   []media{jsonMedia}, bodySchema: "Import",
		answers: []answer{{status: 204, about: "It is recorded."}, {status: 404, about: "No such instance."},
			{status: 409, about: "The job has said something else of this before: it begins once, and ends once."},
			{status: 507, about: "The disk is full; nothing was recorded."}},
		serve: (*Server).recordImport}}
}

// importBody is the body of POST /v1/instances/{instance}/imports; what is nil
// was not given.
type importBody struct {
	State        *string `json:"state"`
	JobID        *string `json:"job_id"`
	Source       *string `json:"source"`
	TotalRecords *int64  `json:"total_records"`
	Duplicates   *int64  `json:"duplicates"`
	Error        *string `json:"error"`
}

// check refuses what does not belong to the state, so that each of the three
// events has the members of its type.
func (b *importBody) check() error {
	state := deref(b.State)
	completed, failed := state == "completed", state == "failed"
	switch {
	case b.State == nil:
		return malformed("state", "is missing; one of started, completed, failed")
	case state != "started" && !completed && !failed:
		return malformed("state", "must be one of started, completed, failed")
	case b.JobID == nil:
		return malformed("job_id", "is missing; a name of your own for this one run, such as a UUID")
	case !jobName(*b.JobID):
		return malformed("job_id", "must be 1 to %d of the characters A–Z a–z 0–9 . _ -", maxImportJob)
	case len(deref(b.Source)) > maxImportSource:
		return malformed("source", "is %d bytes long; the most is %d", len(*b.Source), maxImportSource)
	case completed && b.TotalRecords == nil:
		return malformed("total_records", "is missing; how many events the import has stored")
	case !completed && b.TotalRecords != nil:
		return malformed("total_records", "belongs to the state completed only")
	case deref(b.TotalRecords) < 0:
		return malformed("total_records", "must be 0 or more")
	case !completed && b.Duplicates != nil:
		return malformed("duplicates", "belongs to the state completed only")
	case deref(b.Duplicates) < 0:
		return malformed("duplicates", "must be 0 or more")
	case failed && deref(b.Error) == "":
		return malformed("error", "is missing; why the import failed")
	case !failed && b.Error != nil:
		return malformed("error", "belongs to the state failed only")
	case len(deref(b.Error)) > maxImportError:
		return malformed("error", "is %d bytes long; the most is %d", len(*b.Error), maxImportError)
	}
	return nil
}

func jobName(s string) bool {
	return s != "" && len(s) <= maxImportJob && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == "" // every character is one of them, or Trim stops
}

// event is the event that a body asks for. Its id follows from the instance and
// the job, so that what is sent again is a duplicate, and a job that has ended
// does not end otherwise.
func (b *importBody) event(in firn.Instance) event.Draft {
	d := event.Draft{EventType: "backfill." + *b.State, Subject: &in.ID, ID: "import." + in.ID + "." + *b.JobID + ".end"}
	p := event.AppendQuoted([]byte(`{"job_id":`), *b.JobID)
	switch *b.State {
	case "started":
		d.ID = strings.TrimSuffix(d.ID, "end") + "begin"
	case "completed":
		// One file is the one repository that the import has read.
		p = strconv.AppendInt(append(p, `,"total_repos":1,"total_records":`...), *b.TotalRecords, 10)
	case "failed":
		d.Severity = event.Error
		p = event.AppendQuoted(append(p, `,"error":`...), *b.Error)
	}
	if b.Duplicates != nil {
		p = strconv.AppendInt(append(p, `,"duplicates":`...), *b.Duplicates, 10)
	}
	if b.Source != nil {
		p = event.AppendQuoted(append(p, `,"source":`...), *b.Source)
	}
	d.Payload = append(event.AppendQuoted(append(p, `,"instance":`...), in.Name), '}')
	return d
}

func (s *Server) recordImport(w http.ResponseWriter, r *request) error {
	var given importBody
	if err := s.receiveJSON(r, &given); err != nil {
		return err
	}
	if err := given.check(); err != nil {
		return err
	}
	create, err := s.mayCreate(r)
	if err != nil {
		return err
	}
	in, err := s.visible(r.caller, r.PathValue("instance"))
	if create && errors.Is(err, firn.ErrNotFound) {
		in, err = s.makeOwn(r.Context(), r.PathValue("instance"))
	}
	if err != nil {
		return err
	}
	if _, err := s.log.Record(r.Context(), r.by(given.event(in))); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
