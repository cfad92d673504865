// Command firn here is a firn with one more type of target: csv, beside those of
// the standard firn that are wanted.
package main

import (
	"github.com/firnlog/firn/app"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/console"
	"github.com/firnlog/firn/target/file"
)

func main() {
	app.Main(app.Options{Targets: []target.Kind{csvKind(), console.Kind(), file.Kind()}})
}
