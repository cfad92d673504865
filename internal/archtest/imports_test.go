package archtest

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of this module a package may import. What is not
// here may not be imported, and a package that is not here may not exist. Arrows
// point from the edge to the core only.
var arrows = map[string][]string{
	"event": {"internal/spelling"},
	"query": {"event", "internal/spelling"},

	// What a mistyped name was meant to be, in messages.
	"internal/spelling": {},

	// What makes text of strangers harmless to look at.
	"internal/inert":  {},
	"internal/screen": {"event", "internal/inert"},

	"internal/store/vfs":     {},
	"internal/store/eventid": {},
	"internal/store/idrun":   {},
	"internal/store/wal":     {"internal/store/vfs"},
	"internal/store/column":  {"event", "query"},
	"internal/store/segment": {"query", "internal/store/column", "internal/store/eventid"},
	"internal/store/exec":    {"event", "query", "internal/store/column"},
	"internal/store": {
		"event", "query", "internal/store/column", "internal/store/eventid", "internal/store/exec",
		"internal/store/idrun", "internal/store/segment", "internal/store/vfs", "internal/store/wal", "internal/inert",
	},

	// Which pages a browser may ask for: the server's guard and the configuration.
	"internal/origin": {},

	// What the readers of YAML files share.
	"internal/plainyaml": {"event"},
	"internal/catalog":   {"event", "internal/plainyaml", "internal/spelling"},

	"web": {}, // the viewer's files

	// The root package joins the parts of the log; nobody else sees the store.
	".": {"event", "query", "internal/store", "internal/store/exec"},

	// Where events also go: the delivery reads the log, a target only gets batches.
	"target": {".", "event", "query", "internal/store/vfs", "internal/store/wal"},
	// Each target is small and knows no other; the SQL ones share what is no SQL.
	"target/table":        {"event", "target"},
	"target/sqlite":       {"event", "target", "target/table"},
	"target/postgres":     {"event", "target", "target/table"},
	"target/mysql":        {"event", "target", "target/table"},
	"target/null":         {"target"},
	"target/console":      {"event", "target", "internal/inert", "internal/screen"},
	"target/databasetest": {"event", "target"},

	"target/file":       {"event", "target"},
	"target/exec":       {"event", "target", "internal/inert"},
	"target/ndjson":     {"target"},
	"target/targettest": {"event", "target"},

	// For other people's programs.
	"client":          {"event"},
	"client/slogfirn": {"event"},
	"webdebug":        {"event"},

	// Each front door is thin: it knows firn.Log and what all doors share.
	"internal/auth":             {"event", "internal/inert"},
	"internal/server/door":      {},
	"internal/server/happyview": {".", "event", "query", "internal/auth", "internal/server/door"},
	"internal/server/webdebug":  {".", "event", "query", "internal/server/door"},
	"internal/server/codebolt":  {".", "event", "query", "internal/auth", "internal/server/door"},
	"internal/server/querybook": {".", "event", "internal/server/door"},
	"internal/server": {
		".", "event", "query", "web", "internal/auth", "internal/catalog", "internal/inert", "internal/origin", "internal/server/door", "internal/spelling", "target",
		"internal/server/codebolt", "internal/server/happyview", "internal/server/querybook", "internal/server/webdebug",
	},

	// The configuration ends in typed options and what the targets are.
	"internal/config": {"event", "query", "target", "internal/origin", "internal/plainyaml", "internal/spelling"},

	"app": {
		".", "client", "event", "query", "target", "internal/auth", "internal/catalog", "internal/config", "internal/inert", "internal/screen",
		"internal/server", "internal/server/happyview", "internal/server/webdebug", "internal/spelling",
	},
	"cmd/firn": {"app", "target", "target/console", "target/exec", "target/file", "target/mysql", "target/ndjson", "target/null", "target/postgres", "target/sqlite"}, // what is built in

	// What tests are made of: only tests may import it.
	"query/querytest":                  {"event", "query"},
	"query/conformance":                {"event", "query"},
	"internal/cputest":                 {},
	"internal/logtest":                 {},
	"internal/store/vfs/vfstest":       {"internal/store/vfs"},
	"internal/store/column/columntest": {"event", "query", "internal/store/column"},

	// What the end-to-end tests share speaks HTTP to a child process, as others do;
	// a directory with old events is made beforehand.
	"test/loadtest": {".", "event"},

	"internal/archtest": {},
	"test":              {},
	"test/crash":        {},
	"test/overload":     {},
	"test/powercut":     {},
	"test/stop":         {},
	"test/gate":         {},
	"test/targets":      {},
	"test/linear":       {},
}

// testArrows are the arrows that only tests may follow.
var testArrows = map[string][]string{
	"internal/store/exec":       {"internal/store/segment"},
	"internal/server/codebolt":  {"internal/catalog", "internal/server"},
	"internal/server/querybook": {"internal/auth", "internal/catalog", "internal/server", "query"},
	"internal/server/happyview": {"internal/server"},
	"internal/server/webdebug":  {"internal/auth", "internal/catalog", "internal/server", "webdebug"},
	"client":                    {".", "internal/catalog", "internal/server"},
	"target/ndjson":             {"event"},
	"target/null":               {"event"},
	"test":                      {"app", "target", "target/console", "target/exec", "target/file", "target/mysql", "target/ndjson", "target/null", "target/postgres", "target/sqlite"},
	"test/crash":                {"client", "event"},
	"test/linear":               {".", "client", "event", "internal/server", "query"},
}

func TestImportsFollowTheArrows(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		seen[s.pkg] = true
		allowed, known := arrows[s.pkg]
		if !known {
			t.Errorf("%s: package %s is not in the import map (internal/archtest/imports_test.go): add it, with what it may import", s.file, s.pkg)
			continue
		}
		if s.test {
			allowed = append(append(slices.Clone(allowed), testArrows[s.pkg]...), s.pkg)
		}
		for _, imported := range s.imports() {
			target, ours := inModule(imported)
			if ours && forTests(target) && (s.test || forTests(s.pkg)) {
				continue
			}
			if ours && !slices.Contains(allowed, target) {
				t.Errorf("%s: %s may not import %s", s.file, s.pkg, target)
			}
		}
	}
	for pkg := range arrows {
		if !seen[pkg] {
			t.Errorf("the import map names %s, which does not exist", pkg)
		}
	}
}

// TestEveryArrowIsFollowed keeps the map a picture of what is there: what it
// allows and nobody does is a door left open.
func TestEveryArrowIsFollowed(t *testing.T) {
	type arrow struct{ from, to string }
	followed, byTests := map[arrow]bool{}, map[arrow]bool{}
	for _, s := range sources(t) {
		for _, imported := range s.imports() {
			if target, ours := inModule(imported); ours && s.test {
				byTests[arrow{s.pkg, target}] = true
			} else if ours {
				followed[arrow{s.pkg, target}] = true
			}
		}
	}
	for pkg, targets := range arrows {
		for _, target := range targets {
			if !followed[arrow{pkg, target}] {
				t.Errorf("the import map lets %s import %s, which it does not: take it out of arrows", pkg, target)
			}
		}
	}
	for pkg, targets := range testArrows {
		for _, target := range targets {
			if !byTests[arrow{pkg, target}] {
				t.Errorf("the import map lets tests of %s import %s, which they do not: take it out of testArrows", pkg, target)
			}
		}
	}
}

// forTests reports whether a package exists for tests: its name ends in test,
// as those of the standard library's do.
func forTests(pkg string) bool {
	return strings.HasSuffix(path.Base(pkg), "test") && strings.Contains(pkg, "/") || pkg == "query/conformance"
}

// inModule turns an import path of this module into its directory.
func inModule(imported string) (dir string, ours bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

// libraries says which packages may use which module that is not ours. A
// module that is not here may not be used by anything but tests.
var libraries = map[string][]string{
	"github.com/parquet-go/parquet-go":         {"internal/store/segment", "internal/server"},
	"github.com/klauspost/compress":            {"internal/store/segment", "internal/server", "target/ndjson"},
	"github.com/prometheus/client_golang":      {"internal/server"},
	"github.com/alecthomas/kong":               {"app"},
	"github.com/schollz/progressbar/v3":        {"app"},
	"github.com/goccy/go-yaml":                 {"internal/catalog", "internal/config", "internal/plainyaml"},
	"github.com/santhosh-tekuri/jsonschema/v6": {"internal/catalog"},
	"golang.org/x/sync":                        {"internal/store", "internal/server"},
	"golang.org/x/sys":                         {"internal/store/vfs", "target/file", "target/ndjson", "target/exec"},
	"golang.org/x/term":                        {"app", "target/console"},
	"github.com/coder/websocket":               {"internal/server/codebolt"},
	"github.com/rivo/uniseg":                   {"app"},
	"github.com/cespare/xxhash/v2":             {"internal/store"},
	"modernc.org/sqlite":                       {"target/sqlite", "test/targets"},
	"github.com/jackc/pgx/v5":                  {"target/postgres", "test/targets"},
	"github.com/go-sql-driver/mysql":           {"target/mysql", "test/targets"},
}

// testLibraries are the modules that tests may use besides.
var testLibraries = []string{
	"github.com/google/go-cmp",
	"github.com/rogpeppe/go-internal",
	"pgregory.net/rapid",
	"go.uber.org/goleak",
	"github.com/anishathalye/porcupine",
	"github.com/parquet-go/parquet-go",
	"github.com/klauspost/compress",
	"github.com/google/uuid",
	"golang.org/x/sync",
	"golang.org/x/sys",
	"github.com/Shopify/toxiproxy/v2",
	"github.com/rs/zerolog",
}

func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports() {
			if _, ours := inModule(imported); ours || !strings.Contains(imported, ".") {
				continue
			}
			if (s.test || forTests(s.pkg)) && slices.ContainsFunc(testLibraries, func(m string) bool { return within(imported, m) }) {
				continue
			}
			if !libraryAllowed(imported, s.pkg) {
				t.Errorf("%s: %s may not use %s", s.file, s.pkg, imported)
			}
		}
	}
}

func libraryAllowed(imported, pkg string) bool {
	for lib, users := range libraries {
		if within(imported, lib) && slices.Contains(users, pkg) {
			return true
		}
	}
	return false
}

func within(imported, lib string) bool {
	return imported == lib || strings.HasPrefix(imported, lib+"/")
}

// TestLightPackagesStayLight guards what lands in other people's binaries.
func TestLightPackagesStayLight(t *testing.T) {
	allowed := map[string][]string{
		"client":          {module + "/client", module + "/event", module + "/internal/spelling"},
		"client/slogfirn": {module + "/client/slogfirn", module + "/event", module + "/internal/spelling"},
		"webdebug":        {module + "/webdebug", module + "/event", module + "/internal/spelling"},
		"query":           {module + "/query", module + "/event", module + "/internal/spelling"},
		"event":           {module + "/event", module + "/internal/spelling"},
	}
	for pkg, allowed := range allowed {
		t.Run(pkg, func(t *testing.T) {
			cmd := exec.Command("go", "list", "-deps", "./"+pkg)
			cmd.Dir = root(t)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("go list: %v", err)
			}
			for dep := range strings.Lines(string(out)) {
				dep = strings.TrimSpace(dep)
				first, _, _ := strings.Cut(dep, "/")
				if !strings.Contains(first, ".") {
					continue // the standard library
				}
				if !slices.ContainsFunc(allowed, func(m string) bool { return within(dep, m) }) {
					t.Errorf("%s drags in %s", path.Join(module, pkg), dep)
				}
			}
		})
	}
}
