package app

import (
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/firnlog/firn/internal/auth"
)

const description = `The event log of your system: append-only, durable, queryable, live.

A first round:
  firn serve                                           # a log in ./data, on localhost:7070
  firn instances create shop
  firn append -i shop --type order.paid '{"total": 12}'
  firn query -i shop --where 'payload.total>10'
  firn tail -i shop --follow`

// commands is the whole command line.
type commands struct {
	Serve   serveCommand   `cmd:"" group:"run" help:"Serve a data directory over HTTP."`
	Config  configCommand  `cmd:"" group:"run" help:"Check and show the configuration of a server."`
	Doctor  doctorCommand  `cmd:"" group:"run" help:"Check directory, disk, limits, port, server and clock."`
	Version versionCommand `cmd:"" group:"run" help:"Say which build this is, and which the server is."`

	Append appendCommand `cmd:"" group:"events" help:"Append events."`
	Import importCommand `cmd:"" group:"events" help:"Import a file or a stream of NDJSON or CSV."`
	Query  queryCommand  `cmd:"" group:"events" help:"Ask, with flags or in the query language."`
	Tail   tailCommand   `cmd:"" group:"events" help:"Show the latest events, and follow what arrives."`
	Export exportCommand `cmd:"" group:"events" help:"Write events to NDJSON, CSV or Parquet."`

	Instances instancesCommand `cmd:"" group:"log" help:"List, create, change and delete instances."`
	Streams   streamsCommand   `cmd:"" group:"log" help:"List an instance's streams."`
	Stats     statsCommand     `cmd:"" group:"log" help:"Count what an instance holds."`
	Purge     purgeCommand     `cmd:"" group:"log" help:"Delete the events that match a filter."`
	Keys      keysCommand      `cmd:"" group:"log" help:"List, create and revoke API keys."`
	Catalog   catalogCommand   `cmd:"" group:"log" help:"List, show, add and delete event types."`
	Targets   targetsCommand   `cmd:"" group:"log" help:"See where events also go, and have it tried again."`
	Retention retentionCommand `cmd:"" group:"log" help:"See what retention would delete, and give it a word it waits for."`

	Verify  verifyCommand  `cmd:"" group:"disk" help:"Read everything and check every checksum and number."`
	Backup  backupCommand  `cmd:"" group:"disk" help:"Write a consistent copy of a log, also while it is served."`
	Restore restoreCommand `cmd:"" group:"disk" help:"Make a log from a backup."`

	Completion completionCommand `cmd:"" group:"run" help:"Print a script that completes commands and flags in your shell."`
}

var groups = []kong.Group{
	{Key: "events", Title: "Events:"},
	{Key: "log", Title: "The log:"},
	{Key: "run", Title: "Running:"},
	{Key: "disk", Title: "The directory:"},
	{Key: "filter", Title: "Which events:"},
	{Key: "shape", Title: "What of them:"},
	{Key: "mapping", Title: "From other records (what no flag names goes to the payload):"},
	{Key: "where", Title: "Which log:"},
}

// connection says which log a command speaks to.
type connection struct {
	Server string `group:"where" placeholder:"URL" help:"Speak to this server (default: $$FIRN_SERVER, else ${default_server})."`
	Data   string `group:"where" placeholder:"DIR" type:"path" help:"Open this data directory itself; no server may have it open."`
	Key    string `group:"where" name:"api-key" placeholder:"KEY" help:"API key of the server; better in $$FIRN_API_KEY, where other users do not see it."`
}

// defaultServer is where a command looks for a server that is told nothing.
const defaultServer = "http://127.0.0.1:7070"

// vars are the values that help texts show.
var vars = kong.Vars{"checked_records": strconv.Itoa(checkedRecords), "default_server": defaultServer, "default_limit": "1000", "permissions": strings.Join(auth.All().Names(), ", ")}

// output says in which form results are written.
type output struct {
	Output string `short:"o" enum:"auto,table,ndjson,json,csv" default:"auto" placeholder:"FORM" help:"table, ndjson, json or csv (default: table on a terminal, ndjson in a pipe)."`
	Wide   bool   `help:"Do not cut tables and lines at the width of the terminal, and leave no column out."`
}

// form is the form to write, with auto decided.
func (o *output) form(env *environment) string {
	env.wide = o.Wide
	switch {
	case o.Output != "auto":
		return o.Output
	case env.outTerminal:
		return "table"
	default:
		return "ndjson"
	}
}

// printHelp prints kong's help and then what the command's Help adds, as it
// stands: examples keep their lines.
func printHelp(o kong.HelpOptions, ctx *kong.Context) error {
	node := ctx.Model.Node
	if selected := ctx.Selected(); selected != nil {
		node = selected
	}
	detail := node.Detail
	node.Detail = ""
	if node == ctx.Model.Node {
		summary, rest, _ := strings.Cut(node.Help, "\n\n")
		node.Help, detail = summary, rest
	}
	if err := kong.DefaultHelpPrinter(o, ctx); err != nil {
		return err
	}
	if detail = strings.TrimSpace(detail); detail == "" {
		return nil
	}
	_, err := io.WriteString(ctx.Stdout, "\n"+detail+"\n")
	return err
}

// versionInfo is what is known of this build.
type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Time    string `json:"time,omitempty"`
	Go      string `json:"go"`
}

// version is stamped in by the Makefile.
var version string

func describeVersion(given string) versionInfo {
	v := versionInfo{Version: "devel", Commit: "unknown"} // without -buildvcs it is
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Go = info.GoVersion
		if info.Main.Version != "" && info.Main.Version != "(devel)" {
			v.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Commit = s.Value
			case "vcs.time":
				v.Time = s.Value
			}
		}
	}
	for _, name := range []string{version, given} {
		if name != "" {
			v.Version = name
		}
	}
	return v
}

func (v versionInfo) String() string {
	s := fmt.Sprintf("firn %s (commit %.12s", v.Version, v.Commit)
	if v.Time != "" {
		s += ", " + v.Time
	}
	return s + ") " + v.Go
}
