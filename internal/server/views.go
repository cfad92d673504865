package server

import (
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/firnlog/firn/internal/auth"
)

// Saved views are addresses of the viewer under a name, for everybody who may
// see their instance.

const (
	viewsPath = "/v1/views"
	// viewKind is the kind of the documents that hold views, each under its name.
	viewKind     = "view"
	maxViews     = 1_000
	maxViewQuery = 8 << 10
	maxViewName  = 128

	viewsManage = permission(auth.ViewsManage)
)

func viewRoutes() []route {
	one := answer{status: 200, about: "The view.", media: []media{jsonMedia}, schema: "View"}
	path := viewsPath + "/{view}"
	return []route{
		{method: "GET", path: viewsPath, name: "listViews", permission: eventsRead,
			about:   "Lists the saved views of instances that the caller may see, by name.",
			answers: []answer{{status: 200, about: "All views.", media: []media{jsonMedia}, schema: "Views"}},
			serve:   (*Server).listViews},
		{method: "GET", path: path, name: "getView", permission: eventsRead,
			about: "One saved view.", answers: []answer{one, {status: 404, about: "No such view."}}, serve: (*Server).getView},
		{method: "PUT", path: path, name: "putView", permission: viewsManage,
			about: "Saves a view of the viewer under a name, for everybody; replaces the one that has it.",
			body:  []media{jsonMedia}, bodySchema: "NewView",
			answers: []answer{one, {status: 201, about: "The view, whose name was free.", media: []media{jsonMedia}, schema: "View"},
				{status: 404, about: "The key may not see the instance of the view, or of the one that has the name."},
				{status: 409, about: "There are as many views as the log keeps."}},
			serve: (*Server).putView},
		{method: "DELETE", path: path, name: "deleteView", permission: viewsManage,
			about:   "Deletes a saved view, for everybody.",
			answers: []answer{{status: 204, about: "It is gone."}, {status: 404, about: "No such view."}},
			serve:   (*Server).deleteView},
	}
}

// view is a saved view, as it is stored and told.
type view struct {
	Name     string `json:"name"`
	Instance string `json:"instance"` // by id or name
	// Query is the query string of the viewer's address without the instance.
	Query string `json:"query"`
}

// viewOf reads a stored view; ok is false for what is none.
func viewOf(name string, document jsontext.Value) (v view, ok bool) {
	err := json.Unmarshal(document, &v)
	v.Name = name
	return v, err == nil
}

// maySee reports whether a view is there for the caller: one of an instance
// that they may not see is not.
func (s *Server) maySee(caller auth.Caller, v view) bool {
	if caller.Everywhere() {
		return true
	}
	_, err := s.visible(caller, v.Instance)
	return err == nil
}

func (s *Server) listViews(w http.ResponseWriter, r *request) error {
	stored := s.log.Documents(viewKind)
	views := []view{}
	for _, name := range slices.Sorted(maps.Keys(stored)) {
		if v, ok := viewOf(name, stored[name]); ok && s.maySee(r.caller, v) {
			views = append(views, v)
		}
	}
	return s.answerView(w, r, http.StatusOK, map[string][]view{"views": views})
}

func (s *Server) getView(w http.ResponseWriter, r *request) error {
	v, ok := s.findView(r)
	if !ok {
		return noView(r)
	}
	return s.answerView(w, r, http.StatusOK, v)
}

func (s *Server) findView(r *request) (view, bool) {
	name := r.PathValue("view")
	document, ok := s.log.Documents(viewKind)[name]
	if !ok {
		return view{}, false
	}
	v, ok := viewOf(name, document)
	return v, ok && s.maySee(r.caller, v)
}

func noView(r *request) *problem {
	return newProblem(http.StatusNotFound, codeNotFound, "Not found", fmt.Sprintf("there is no view %s", printable(r.PathValue("view"))))
}

func (s *Server) putView(w http.ResponseWriter, r *request) error {
	var given struct {
		Instance string `json:"instance"`
		Query    string `json:"query"`
	}
	if err := s.receiveJSON(r, &given); err != nil {
		return err
	}
	v := view{Name: r.PathValue("view"), Instance: given.Instance, Query: given.Query}
	if err := v.check(); err != nil {
		return err
	}
	stored := s.log.Documents(viewKind)
	_, replaces := stored[v.Name]
	if replaces {
		if _, seen := s.findView(r); !seen {
			return noView(r) // the name is taken by a view of an instance that the key is not for
		}
	} else if len(stored) >= maxViews {
		return newProblem(http.StatusConflict, codeViewsFull, "There are too many views", fmt.Sprintf("the log keeps %d views; delete one", maxViews))
	}
	if !r.caller.Everywhere() {
		if _, err := s.visible(r.caller, v.Instance); err != nil {
			return err
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := s.log.PutDocument(context.WithoutCancel(r.Context()), viewKind, v.Name, text, r.changed("setting.updated", viewKind, v.Name)); err != nil {
		return err
	}
	if replaces {
		return s.answerView(w, r, http.StatusOK, v)
	}
	w.Header().Set("Location", viewsPath+"/"+url.PathEscape(v.Name))
	return s.answerView(w, r, http.StatusCreated, v)
}

// check refuses what the viewer could not open again.
func (v view) check() error {
	if utf8.RuneCountInString(v.Name) > maxViewName || !utf8.ValidString(v.Name) || strings.ContainsFunc(v.Name, unicode.IsControl) {
		return malformed("name", "must be 1 to %d characters, none of them a control character", maxViewName)
	}
	if v.Instance == "" {
		return malformed("instance", "is missing; a view is of an instance")
	}
	if len(v.Instance) > maxViewQuery || len(v.Query) > maxViewQuery {
		return malformed("query", "must be at most %d bytes", maxViewQuery)
	}
	if _, err := url.ParseQuery(v.Query); err != nil {
		return malformed("query", "must be the query string of an address of the viewer, without the ?")
	}
	return nil
}

func (s *Server) deleteView(w http.ResponseWriter, r *request) error {
	v, ok := s.findView(r)
	if !ok {
		return noView(r)
	}
	if err := s.log.DeleteDocument(context.WithoutCancel(r.Context()), viewKind, v.Name, r.changed("setting.deleted", viewKind, v.Name)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) answerView(w http.ResponseWriter, r *request, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	out := s.answerWith(w, r, jsonMedia)
	defer out.close()
	out.raw(string(text))
	out.raw("\n")
	return out.finish(status)
}
