package main

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"

	"modernc.org/sqlite"

	"github.com/firnlog/firn/webdebug"
)

// shop is the application.
type shop struct {
	db    *sql.DB
	pages *template.Template
}

//go:embed templates/*.html
var templates embed.FS

func init() {
	// The driver, recording its queries.
	sql.Register("sqlite-debug", webdebug.WrapDriver(&sqlite.Driver{}, "sqlite", "sql"))
}

const articles = `
CREATE TABLE articles (id INTEGER PRIMARY KEY, title TEXT NOT NULL, price INTEGER NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, article INTEGER NOT NULL, email TEXT NOT NULL);
INSERT INTO articles (title, price) VALUES ('Snow shovel', 2900), ('Ice axe', 8900), ('Firn gliders', 14900)`

func openShop() (*shop, error) {
	db, err := sql.Open("sqlite-debug", ":memory:")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	if _, err := db.Exec(articles); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	pages, err := template.ParseFS(templates, "templates/*.html")
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &shop{db: db, pages: pages}, nil
}

func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.list)
	mux.HandleFunc("GET /articles/{id}", s.article)
	mux.HandleFunc("POST /orders", s.order)
	mux.HandleFunc("GET /broken", s.broken)
	return webdebug.WrapMiddleware("visitor", visitor)(mux)
}

// visitor is a middleware that knows who is there.
func visitor(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		webdebug.SetSession(r.Context(), webdebug.Param{Key: "visitor", Value: "guest"})
		next.ServeHTTP(w, r)
	})
}

// page is what a template is rendered with.
type page struct {
	Title    string
	Articles []article
	Request  string // where what this request did can be read; "" = nowhere
}

type article struct {
	ID    int64
	Title string
	Price int64 // cents
}

// Euros is the price in whole euros.
func (a article) Euros() int64 { return a.Price / 100 }

func (s *shop) list(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, "Everything for firn", "SELECT id, title, price FROM articles ORDER BY title")
}

func (s *shop) article(w http.ResponseWriter, r *http.Request) {
	webdebug.Add(r.Context(), webdebug.AccessCheck{
		Access: webdebug.Grant, Object: "user:guest", Control: "article:" + r.PathValue("id"), Action: "read",
	})
	s.render(w, r, "Article", "SELECT id, title, price FROM articles WHERE id = ?", r.PathValue("id"))
}

// render shows the articles that a query finds.
func (s *shop) render(w http.ResponseWriter, r *http.Request, title, query string, args ...any) {
	found, err := s.articles(r.Context(), query, args...)
	if err != nil {
		slog.ErrorContext(r.Context(), "no articles", "error", err)
		http.Error(w, "The shop has a problem.", http.StatusInternalServerError)
		return
	}
	if len(found) == 0 {
		slog.WarnContext(r.Context(), "nothing found", "query", query)
		http.NotFound(w, r)
		return
	}
	slog.DebugContext(r.Context(), "articles found", "count", len(found))
	p := page{Title: title, Articles: found}
	if id := w.Header().Get("X-Http-Debug-Id"); id != "" {
		p.Request = w.Header().Get("X-Http-Debug-Api") + id
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := webdebug.ExecuteTemplate(r.Context(), s.pages, w, "page.html", p); err != nil {
		slog.ErrorContext(r.Context(), "no page", "error", err)
	}
}

func (s *shop) articles(ctx context.Context, query string, args ...any) (found []article, err error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a article
		if err := rows.Scan(&a.ID, &a.Title, &a.Price); err != nil {
			return nil, err
		}
		found = append(found, a)
	}
	return found, rows.Err()
}

func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	ctx, span := webdebug.Start(r.Context(), webdebug.Listener{Name: "shop.order", Group: "app"})
	span.DefinedIn(s.order)
	err := s.save(ctx, r.FormValue("article"), r.FormValue("email"))
	span.End(err)
	if err != nil {
		http.Error(w, "The order was not taken.", http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *shop) save(ctx context.Context, article, email string) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO orders (article, email) VALUES (?, ?)", article, email); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	// A real shop would send it.
	webdebug.Add(ctx, webdebug.Email{
		Subject: "Your order", From: "shop@example.com", To: []string{email},
		Body: "<h1>Thank you!</h1><p>Your order is on its way.</p>", Attachments: []string{"invoice.pdf"},
	}).Tag("mail:order").Success(true)
	return nil
}

// broken asks for a table that is not there.
func (s *shop) broken(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, "Broken", "SELECT id, title, price FROM no_such_table")
}
