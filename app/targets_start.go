package app

import (
	"log/slog"
	"path/filepath"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/target"
)

// targetsDir is where targets have their cursors and dead letters, in the data
// directory.
const targetsDir = "targets"

// startTargets begins to deliver the log of a data directory to targets. Close
// ends it, in bounded time, before the log is closed.
func startTargets(env *environment, log *firn.Log, data string, specs []target.Spec, logger *slog.Logger) (*target.Deliveries, error) {
	return target.Deliver(log, specs, target.Options{Dir: filepath.Join(data, targetsDir), Stdout: env.out, Logger: logger})
}
