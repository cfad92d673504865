// Package webdebug shows what one request of a web application did: its
// parameters, queries, log lines, templates, emails and access checks, nested
// and timed, as a scheme of the web debug protocol that a Firn server keeps.
//
// An application is instrumented in three lines:
//
//	debug := webdebug.New(webdebug.Options{Server: os.Getenv("FIRN_SERVER"), App: "shop"})
//	defer debug.Close(context.Background())
//	http.ListenAndServe(":8080", debug.Handler(mux))
//
// From then on every answer carries the headers X-Http-Debug-Id and
// X-Http-Debug-Api, which a debug client joins to find the scheme. What happens
// inside a request is found through its context:
//
//   - [WrapDriver] and [WrapConnector] record the queries of a database/sql driver,
//   - [WrapLog] records the lines of a slog.Logger,
//   - [Execute] and [ExecuteTemplate] record templates,
//   - [WrapMiddleware] records a middleware with all that happens inside it,
//   - [Add] records one event, [Start] one that has others inside.
//
// It never gets in the way of the application: nothing waits for the server,
// what does not fit is dropped and counted ([Collector.Stats]), and where
// nothing is collected nothing is allocated. An empty Server turns all of it
// off.
//
// A scheme shows a request's inside to whoever knows its id. Use
// [Options.Only] to collect the requests of people who may see it.
package webdebug
