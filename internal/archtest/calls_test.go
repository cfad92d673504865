package archtest

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// rule forbids a call, outside the places that exist to make it.
type rule struct {
	why      string
	pkg      string   // import path of the function's package
	names    []string // functions; nil = every use of the package
	applies  func(pkg string) bool
	except   []string // packages or files
	alsoTest bool
}

func everywhere(string) bool { return true }

func inStore(pkg string) bool {
	return pkg == "internal/store" || strings.HasPrefix(pkg, "internal/store/")
}

var rules = []rule{
	{
		why: "files are reached through internal/store/vfs, so that tests can break the disk",
		pkg: "os",
		names: []string{
			"Create", "CreateTemp", "Open", "OpenFile", "OpenRoot", "ReadFile", "WriteFile", "ReadDir", "Mkdir", "MkdirAll", "MkdirTemp",
			"Remove", "RemoveAll", "Rename", "Truncate", "Link", "Symlink", "Chmod", "Chtimes", "Stat", "Lstat", "DirFS",
		},
		applies: inStore,
		except:  []string{"internal/store/vfs"},
	},
	{
		why:     "the store has one clock, Options.Now",
		pkg:     "time",
		names:   []string{"Now", "Since", "Until"},
		applies: func(pkg string) bool { return inStore(pkg) || pkg == "event" || pkg == "query" },
		except: []string{
			"internal/store/types.go", // the default of Options.Now
			// The monotonic clock, by which retention checks the other one.
			"internal/store/open.go", "internal/store/retention.go",
			"internal/store/exec", // how long a query took, which is measured and never stored
		},
	},
	{
		why:     "the older encoding/json takes duplicate keys and folds case: encoding/json/v2 and jsontext never do",
		pkg:     "encoding/json",
		applies: everywhere, alsoTest: true,
		except: []string{"internal/catalog/number.go"}, // its Number is what the schema library takes for one
	},
	{
		why:     "wait for a signal, a timer with a context, or a deadline",
		pkg:     "time",
		names:   []string{"Sleep"},
		applies: everywhere, alsoTest: true,
	},
	{
		why:     "the default client has no timeout and shares its state with everybody",
		pkg:     "net/http",
		names:   []string{"DefaultClient", "Get", "Post", "Head", "PostForm", "DefaultServeMux", "Handle", "HandleFunc"},
		applies: everywhere,
	},
	{
		why:     "a test that cannot run fails",
		pkg:     "testing",
		names:   []string{"Short"},
		applies: everywhere, alsoTest: true,
	},
	{
		why:     "unsafe memory has no place outside measured, tested spots",
		pkg:     "unsafe",
		applies: everywhere,
		except:  []string{"event/fault.go", "query/fold.go", "internal/store/column", "internal/store/segment", "internal/store/exec", "internal/store"},
	},
	{
		why:     "only main ends the process, and app.Main for it",
		pkg:     "os",
		names:   []string{"Exit"},
		applies: everywhere,
		except:  []string{"app/app.go", "test/gate"},
	},
}

func TestForbiddenCalls(t *testing.T) {
	for _, s := range sources(t) {
		for _, r := range rules {
			if s.test && !r.alsoTest || !r.applies(s.pkg) || slices.Contains(r.except, s.pkg) || slices.Contains(r.except, s.file) {
				continue
			}
			checkRule(t, s, r)
		}
	}
}

func checkRule(t *testing.T, s source, r rule) {
	t.Helper()
	local := localName(s, r.pkg)
	if local == "" {
		return
	}
	if r.names == nil {
		t.Errorf("%s: imports %s: %s", s.file, r.pkg, r.why)
		return
	}
	ast.Inspect(s.tree, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && id.Name == local && slices.Contains(r.names, sel.Sel.Name) {
			t.Errorf("%s: %s.%s: %s", s.at(sel.Pos()), local, sel.Sel.Name, r.why)
		}
		return true
	})
}

// localName is what a file calls an imported package, "" if it does not import it.
func localName(s source, pkg string) string {
	for i, imported := range s.imports() {
		if imported != pkg {
			continue
		}
		if name := s.tree.Imports[i].Name; name != nil {
			return name.Name
		}
		return pkg[strings.LastIndexByte(pkg, '/')+1:]
	}
	return ""
}

// TestNoSkips: a test that cannot run fails. (The gate of `make test` refuses
// skips at run time; this finds them before.)
func TestNoSkips(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
				if id, ok := sel.X.(*ast.Ident); ok && (id.Name == "t" || id.Name == "b" || id.Name == "f" || id.Name == "rt") {
					t.Errorf("%s: a test may not skip", s.at(sel.Pos()))
				}
			}
			return true
		})
	}
}

// TestNothingIsLeftUnbuilt finds skeletons.
func TestNothingIsLeftUnbuilt(t *testing.T) {
	for _, s := range sources(t) {
		if s.pkg == "internal/archtest" {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if ok && strings.Contains(lit.Value, "not built yet") {
				t.Errorf("%s: still a skeleton", s.at(lit.Pos()))
			}
			return true
		})
	}
}

// TestNamesOfTheField: packages are nouns of the field.
func TestNamesOfTheField(t *testing.T) {
	banned := []string{"util", "utils", "common", "helper", "helpers", "misc", "models", "types"}
	for _, s := range sources(t) {
		if slices.Contains(banned, s.tree.Name.Name) {
			t.Errorf("%s: a package named %s says nothing about what is inside", s.file, s.tree.Name.Name)
		}
	}
}
