// Command firn is the event log of your system in one binary. What it does is
// in package app; what is built in beyond that is listed here and nowhere else.
package main

import (
	"github.com/firnlog/firn/app"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/console"
	"github.com/firnlog/firn/target/exec"
	"github.com/firnlog/firn/target/file"
	"github.com/firnlog/firn/target/mysql"
	"github.com/firnlog/firn/target/ndjson"
	"github.com/firnlog/firn/target/null"
	"github.com/firnlog/firn/target/postgres"
	"github.com/firnlog/firn/target/sqlite"
)

func main() {
	app.Main(app.Options{Targets: []target.Kind{
		console.Kind(),
		exec.Kind(),
		file.Kind(),
		mysql.Kind(),
		ndjson.Kind(),
		null.Kind(),
		postgres.Kind(),
		sqlite.Kind(),
	}})
}
