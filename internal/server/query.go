package server

import (
	"net/http"
	"strconv"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/query"
)

func queryRoutes() []route {
	return []route{{method: "POST", path: "/v1/query", name: "query", permission: eventsRead,
		about: "Answers a query of the query language from one snapshot, and says what it cost.",
		body:  []media{jsonMedia}, bodySchema: "Query",
		answers: []answer{{status: 200, about: "Events, or an aggregation.", media: []media{jsonMedia}, schema: "QueryResult"},
			{status: 404, about: "No such instance."},
			{status: 504, about: "The query was stopped at its time limit."}},
		serve: (*Server).query}}
}

func (s *Server) query(w http.ResponseWriter, r *request) error {
	if _, err := mediaOf(r); err != nil {
		return err
	}
	b, err := s.receive(r, smallBody)
	if err != nil {
		return err
	}
	q, err := query.Parse(b.bytes, s.opts.Now())
	b.release()
	if err != nil {
		return err
	}
	in, err := s.visible(r.caller, q.Instance)
	if err != nil {
		return err
	}
	if !r.caller.Everywhere() {
		q.Instance = in.ID // nothing changes places between this look and the query's
	}
	result, err := s.log.Query(r.Context(), q)
	if err != nil {
		return err
	}
	held, err := s.holdAnswer(result.Bytes)
	if err != nil {
		return err
	}
	defer held.end()
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	if err := out.result(q, result); err != nil {
		return err
	}
	return out.finish(http.StatusOK)
}

// result writes the answer of a query (docs/query-language.md).
func (w *writer) result(q *query.Query, result *firn.Result) error {
	w.raw("{")
	if len(q.Reduce) > 0 {
		w.member("aggregation")
		w.raw(string(result.Aggregation))
		w.total(result)
	} else if err := w.page(q, result); err != nil {
		return err
	}
	w.lost(result.Lost)
	w.stats(result.Stats)
	w.raw("}\n")
	return nil
}

// lost writes the member "lost", the ranges of positions that damage has taken,
// if there are any.
func (w *writer) lost(ranges []firn.Gap) {
	if len(ranges) == 0 {
		return
	}
	w.member("lost")
	w.raw("[")
	for i, g := range ranges {
		if i > 0 {
			w.raw(",")
		}
		w.raw("{")
		w.member("first")
		w.integer(g.First)
		w.member("last")
		w.integer(g.Last)
		w.raw("}")
	}
	w.raw("]")
}

func (w *writer) total(result *firn.Result) {
	if result.Total != nil {
		w.member("total")
		w.integer(*result.Total)
	}
}

// page writes events, whole or selected, and how the page lies.
func (w *writer) page(q *query.Query, result *firn.Result) error {
	if q.Select == nil {
		if err := w.events(result.Events); err != nil {
			return err
		}
	} else {
		w.member("events")
		w.raw("[")
		for i, selected := range result.Selected {
			if err := w.room(); err != nil {
				return err
			}
			if i > 0 {
				w.raw(",")
			}
			w.buf = append(w.buf, selected...)
		}
		w.raw("]")
	}
	w.total(result)
	w.member("limit")
	w.integer(int64(result.Limit))
	w.member("offset")
	w.integer(int64(result.Offset))
	if result.NextCursor != "" {
		w.member("next_cursor")
		w.text(result.NextCursor)
	}
	return nil
}

func (w *writer) stats(stats firn.Stats) {
	w.member("stats")
	w.raw("{")
	for _, figure := range []struct {
		name  string
		value int64
	}{
		{"rows_scanned", stats.RowsScanned}, {"segments_scanned", int64(stats.SegmentsScanned)},
		{"segments_skipped", int64(stats.SegmentsSkipped)}, {"bytes_read", stats.BytesRead},
	} {
		w.member(figure.name)
		w.integer(figure.value)
	}
	w.member("elapsed_ms")
	w.buf = strconv.AppendFloat(w.buf, float64(stats.Elapsed.Microseconds())/1e3, 'f', 3, 64)
	w.raw("}")
}
