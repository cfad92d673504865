package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/firnlog/firn/internal/server/codebolt"
	"github.com/firnlog/firn/internal/server/door"
	"github.com/firnlog/firn/internal/server/happyview"
	"github.com/firnlog/firn/internal/server/querybook"
	"github.com/firnlog/firn/internal/server/webdebug"
)

// makeDoors is every front door that is built from package door.
func (s *Server) makeDoors() []*door.Door {
	hv, wd := s.opts.HappyView, s.opts.WebDebug
	hv.Now, hv.Keys = s.opts.Now, s.Keys()
	wd.Limits = s.opts.Limits
	return []*door.Door{
		happyview.New(s.log, hv), webdebug.New(s.log, wd), querybook.New(s.log, querybook.Options{Limits: s.opts.Limits}),
		codebolt.New(s.log, codebolt.Options{
			Memory: s.bodies.free, Limits: s.opts.Limits, Logger: s.logger, Now: s.opts.Now, WriteTimeout: s.opts.timing.write,
		}),
	}
}

// mount makes rows of the table from the routes of a door.
func mount(d *door.Door) []route {
	rows := make([]route, len(d.Routes))
	for i := range d.Routes {
		rows[i] = mountRoute(d, &d.Routes[i])
	}
	return rows
}

func mountRoute(d *door.Door, r *door.Route) route {
	row := route{method: r.Method, path: r.Path, name: r.Name, about: r.About, permission: permission(r.Permission), instance: r.Instance, key: r.Key, stream: r.Stream, door: d, bodySchema: r.Schema}
	for _, p := range r.Params {
		known := param{name: p.Name, about: p.About}
		if p.Integer {
			known.kind = integer
		}
		row.params = append(row.params, known)
	}
	if r.Body {
		row.body = []media{jsonMedia}
	}
	row.anyMedia = r.AnyMedia
	for _, a := range r.Answers {
		said := answer{status: a.Status, about: a.About, schema: a.Schema}
		if !a.Empty {
			said.media = []media{jsonMedia}
		}
		row.answers = append(row.answers, said)
	}
	row.serve = func(s *Server, w http.ResponseWriter, in *request) error {
		return r.Serve(w, &door.Request{Request: in.Request, Receive: func(max int64) ([]byte, func(), error) { return s.receiveFor(in, max) }})
	}
	return row
}

// receiveFor reads a body for a door.
func (s *Server) receiveFor(r *request, max int64) ([]byte, func(), error) {
	if !r.route.anyMedia {
		if _, err := mediaOf(r); err != nil {
			return nil, nil, err
		}
	}
	b, err := s.receive(r, max)
	if err != nil {
		return nil, nil, err
	}
	return b.bytes, b.release, nil
}

// refuse answers with a problem, in the shape of the door that the path is of.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, p *problem) {
	for _, d := range s.doors {
		for _, begin := range d.Paths {
			if strings.HasPrefix(r.URL.Path, begin) {
				p.setHeaders(w.Header())
				d.Fail(w, r, p.fault())
				return
			}
		}
	}
	p.write(w, requestID(w))
}

// fault is a problem as doors take it.
func (p *problem) fault() *door.Fault {
	f := &door.Fault{Status: p.Status, Code: strings.TrimPrefix(p.Type, problemURN), Message: p.Detail, Permission: p.RequiredPermission}
	if f.Message == "" {
		f.Message = p.Title
	}
	return f
}

// problemOfFault is what a door refuses with, as the server counts and logs it.
func problemOfFault(err error) *problem {
	var f *door.Fault
	if !errors.As(err, &f) {
		return nil
	}
	p := newProblem(f.Status, f.Code, http.StatusText(f.Status), f.Message)
	p.RequiredPermission = f.Permission
	if f.Code == "" {
		p.Type = problemURN + codeMalformed
	}
	return p
}
