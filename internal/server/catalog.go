package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/catalog"
)

const (
	catalogPath = "/v1/catalog"
	// catalogKind is the kind of the documents that hold the user's own entries,
	// each under its event type.
	catalogKind = "catalog"
)

func catalogRoutes() []route {
	one := answer{status: 200, about: "The entry.", media: []media{jsonMedia}, schema: "CatalogEntry"}
	path := catalogPath + "/{event_type}"
	return []route{
		{method: "GET", path: catalogPath, name: "listCatalog", permission: anyKey,
			about:   "Lists the event types that Firn knows, by name. Others are as welcome.",
			answers: []answer{{status: 200, about: "All entries.", media: []media{jsonMedia}, schema: "Catalog"}},
			serve:   (*Server).listCatalog},
		{method: "GET", path: path, name: "getCatalogEntry", permission: anyKey,
			about: "What Firn knows of an event type.", answers: []answer{one, {status: 404, about: "The catalog does not know the type."}},
			serve: (*Server).getCatalogEntry},
		{method: "PUT", path: path, name: "putCatalogEntry", permission: catalogManage,
			about: "Adds an event type of your own, or replaces one, for all instances. It holds from the answer on; what is stored stays.",
			body:  []media{jsonMedia}, bodySchema: "NewCatalogEntry",
			answers: []answer{one,
				{status: 201, about: "The entry of a type that the catalog did not know.", media: []media{jsonMedia}, schema: "CatalogEntry"},
				{status: 409, about: "The catalog has as many types of yours as it can hold."}},
			serve: (*Server).putCatalogEntry},
		{method: "DELETE", path: path, name: "deleteCatalogEntry", permission: catalogManage,
			about:   "Removes an event type of your own; what it replaced, built in or from a file, is there again.",
			answers: []answer{{status: 204, about: "It is gone."}, {status: 404, about: "No type of yours has that name."}},
			serve:   (*Server).deleteCatalogEntry},
	}
}

// newCatalog is the catalog with the entries that are stored in the log. One
// that is not understood is reported and left out: events are not refused for it.
func newCatalog(log *firn.Log, opts *Options) (*catalog.Catalog, error) {
	c := opts.Catalog
	if c == nil {
		var err error
		if c, err = catalog.Load(); err != nil {
			return nil, fmt.Errorf("the catalog: %w", err)
		}
	}
	for eventType, document := range log.Documents(catalogKind) {
		if _, _, err := c.Put(eventType, document, nil); err != nil {
			opts.Logger.Error("an event type in the log's own catalog is left out", "event_type", eventType, "error", err)
		}
	}
	return c, nil
}

func (s *Server) listCatalog(w http.ResponseWriter, r *request) error {
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.raw(`{"types":[`)
	for i, e := range s.catalog.List() {
		if err := out.room(); err != nil {
			return err
		}
		if i > 0 {
			out.raw(",")
		}
		out.buf = e.AppendJSON(out.buf)
	}
	out.raw("]}\n")
	return out.finish(http.StatusOK)
}

func (s *Server) getCatalogEntry(w http.ResponseWriter, r *request) error {
	e, ok := s.catalog.Lookup(r.PathValue("event_type"))
	if !ok {
		return newProblem(http.StatusNotFound, codeNotFound, "Not found",
			fmt.Sprintf("the catalog does not know the event type %s; such events are welcome nevertheless", printable(r.PathValue("event_type"))))
	}
	return s.answerEntry(w, r, e, http.StatusOK)
}

func (s *Server) answerEntry(w http.ResponseWriter, r *request, e catalog.Entry, status int) error {
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.buf = append(e.AppendJSON(out.buf), '\n')
	return out.finish(status)
}

func (s *Server) putCatalogEntry(w http.ResponseWriter, r *request) error {
	if err := r.mayChange("the catalog"); err != nil {
		return err
	}
	if _, err := mediaOf(r); err != nil {
		return err
	}
	b, err := s.receive(r, smallBody)
	if err != nil {
		return err
	}
	defer b.release()
	e, created, err := s.catalog.Put(r.PathValue("event_type"), b.bytes, func(e catalog.Entry) error {
		return s.log.PutDocument(context.WithoutCancel(r.Context()), catalogKind, e.Type, e.AppendJSON(nil), r.changed("setting.updated", catalogKind, e.Type))
	})
	if err != nil {
		return err
	}
	if !created {
		return s.answerEntry(w, r, e, http.StatusOK)
	}
	w.Header().Set("Location", catalogPath+"/"+url.PathEscape(e.Type))
	return s.answerEntry(w, r, e, http.StatusCreated)
}

func (s *Server) deleteCatalogEntry(w http.ResponseWriter, r *request) error {
	if err := r.mayChange("the catalog"); err != nil {
		return err
	}
	eventType := r.PathValue("event_type")
	err := s.catalog.Delete(eventType, func() error {
		return s.log.DeleteDocument(context.WithoutCancel(r.Context()), catalogKind, eventType, r.changed("setting.deleted", catalogKind, eventType))
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// problemOfCatalog maps the errors of the catalog; nil for others.
func problemOfCatalog(err error) *problem {
	var bad *catalog.InvalidError
	switch {
	case errors.As(err, &bad):
		p := newProblem(http.StatusBadRequest, codeMalformed, "The entry is malformed", err.Error())
		for _, m := range bad.Mistakes {
			field := m.Path
			if field == "" {
				field = "body"
			}
			p.Errors = append(p.Errors, fieldError{Field: field, Message: m.Message})
		}
		return p
	case errors.Is(err, catalog.ErrFull):
		return newProblem(http.StatusConflict, codeCatalogFull, "The catalog is full", err.Error())
	case errors.Is(err, catalog.ErrNotFound):
		return newProblem(http.StatusNotFound, codeNotFound, "Not found", err.Error())
	}
	return nil
}
