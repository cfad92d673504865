package server

import (
	"fmt"
	"mime"
	"net/http"
	"strings"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

func exportRoutes() []route {
	return []route{{method: "GET", path: instancePath + "/export", name: "export", permission: eventsRead, stream: true,
		about: "Streams every matching event in append order, from one snapshot and without limit. An answer that is cut off is not whole.",
		params: filterParams(param{name: "format", kind: enum, oneOf: []string{"ndjson", "csv", "parquet"},
			about: "ndjson (the default), csv or parquet."}),
		answers: []answer{{status: 200, about: "The events.", media: []media{ndjsonMedia, csvMedia, parquetMedia}},
			{status: 404, about: "No such instance."}},
		serve: (*Server).export}}
}

// exporter writes events in one format. close ends the file.
type exporter interface {
	write(events []event.Event) error
	close() error
}

func (s *Server) export(w http.ResponseWriter, r *request) error {
	q, err := s.filterQuery(r, "")
	if err != nil {
		return err
	}
	instance, err := s.log.Instance(r.PathValue("instance"))
	if err != nil {
		return err
	}
	format, kind := "ndjson", ndjsonMedia
	switch r.params["format"] {
	case "csv":
		format, kind = "csv", csvMedia+"; charset=utf-8"
	case "parquet":
		format, kind = "parquet", parquetMedia
	}
	out := s.answerWith(w, r, kind)
	defer out.close()
	w.Header().Set("Content-Disposition",
		mime.FormatMediaType("attachment", map[string]string{"filename": instance.ID + "." + format}))
	lost, err := s.log.InstanceLost(instance.ID)
	if err != nil {
		return err
	}
	if len(lost) > 0 {
		w.Header().Set(lostHeader, spellRanges(lost))
	}
	to := newExporter(format, out)
	if err := s.log.Scan(r.Context(), instance.ID, q.Where, 0, to.write); err != nil {
		return err
	}
	if err := to.close(); err != nil {
		return err
	}
	return out.finish(http.StatusOK)
}

// lostHeader names ranges of positions that an export lacks because damage has
// taken them: 21-40, 81-90. Of very many it names the first.
const lostHeader = "Firn-Lost"

func spellRanges(ranges []firn.Gap) string {
	const most = 100
	var text []string
	for _, g := range ranges[:min(len(ranges), most)] {
		text = append(text, fmt.Sprintf("%d-%d", g.First, g.Last))
	}
	if len(ranges) > most {
		text = append(text, "...")
	}
	return strings.Join(text, ", ")
}

func newExporter(format string, out *writer) exporter {
	switch format {
	case "csv":
		return newCSVExport(out)
	case "parquet":
		return newParquetExport(out)
	default:
		return ndjsonExport{out}
	}
}

type ndjsonExport struct{ out *writer }

func (x ndjsonExport) write(events []event.Event) error {
	for i := range events {
		x.out.buf = append(events[i].AppendJSON(x.out.buf), '\n')
		if err := x.out.room(); err != nil {
			return err
		}
	}
	return nil
}

func (x ndjsonExport) close() error { return nil }
