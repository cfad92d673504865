package webdebug

import (
	"path"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// places finds locations in the application's own code, relative to the
// project's root. Each place is looked up once: a program has only so many.
type places struct {
	root   string // directory with a slash at its end; "" = by the module
	module string // the main module's path
	main   string // the main package's path from the module's root: /cmd/shop

	mu    sync.RWMutex
	known map[uintptr]*Location // by return address; nil = not the application's
}

func newPlaces(root string) *places {
	p := &places{known: map[uintptr]*Location{}}
	if root != "" {
		p.root = strings.TrimSuffix(filepath.ToSlash(root), "/") + "/"
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		p.module = info.Main.Path
		if rest, ok := strings.CutPrefix(info.Path, p.module+"/"); ok && p.module != "" {
			p.main = "/" + rest
		}
	}
	return p
}

// own is the package whose frames are never the application's.
var own = reflect.TypeFor[places]().PkgPath()

// caller is the innermost place of the application on the stack, nil if there
// is none near. Each frame costs, so it looks at a few first: the application
// itself, or a database driver below database/sql.
func (p *places) caller() *Location {
	const skip = 3 // runtime.Callers, caller, Span.add
	var near [4]uintptr
	n := runtime.Callers(skip, near[:])
	if l := p.first(near[:n]); l != nil || n < len(near) {
		return l
	}
	var far [24]uintptr
	n = runtime.Callers(skip+len(near), far[:])
	if l := p.first(far[:n]); l != nil || n < len(far) {
		return l
	}
	var all [64]uintptr
	return p.first(all[:runtime.Callers(skip+len(near)+len(far), all[:])])
}

func (p *places) first(stack []uintptr) *Location {
	p.mu.RLock()
	for i, pc := range stack {
		l, known := p.known[pc]
		if !known {
			p.mu.RUnlock()
			return p.learn(stack[i:])
		}
		if l != nil {
			p.mu.RUnlock()
			return l
		}
	}
	p.mu.RUnlock()
	return nil
}

// learn looks the addresses of a stack up, up to the application's first.
func (p *places) learn(stack []uintptr) *Location {
	for _, pc := range stack {
		if l := p.at(pc); l != nil {
			return l
		}
	}
	return nil
}

// at is the place of one return address, as runtime.Callers gives it.
func (p *places) at(pc uintptr) *Location {
	if pc == 0 {
		return nil
	}
	p.mu.RLock()
	found, known := p.known[pc]
	p.mu.RUnlock()
	if known {
		return found
	}
	frames := runtime.CallersFrames([]uintptr{pc})
	for more := true; more && found == nil; {
		var frame runtime.Frame
		frame, more = frames.Next()
		found = p.location(frame.Function, frame.File, frame.Line)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known[pc] = found
	return found
}

// function is where a function is defined; nil for what is no function of the
// application.
func (p *places) function(fn any) *Location {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.IsNil() {
		return nil
	}
	f := runtime.FuncForPC(v.Pointer())
	if f == nil {
		return nil
	}
	file, line := f.FileLine(f.Entry())
	return p.location(f.Name(), file, line)
}

// location is a place by what the compiler knows of it, nil if it is not the
// application's. With -trimpath too, a package's path says where it lies.
func (p *places) location(function, file string, line int) *Location {
	pkg := packageOf(function)
	if pkg == own {
		return nil
	}
	if p.root != "" {
		if rest, ok := strings.CutPrefix(file, p.root); ok {
			return &Location{File: "/" + rest, Line: line}
		}
		return nil
	}
	dir, ok := "", false
	switch {
	case pkg == "main":
		dir, ok = p.main, true
	case p.module != "" && strings.HasPrefix(pkg, p.module):
		dir = pkg[len(p.module):]
		if strings.HasSuffix(file, "_test.go") {
			dir = strings.TrimSuffix(dir, "_test")
		}
		ok = dir == "" || dir[0] == '/'
	}
	if !ok {
		return nil
	}
	return &Location{File: path.Join("/", dir, path.Base(file)), Line: line}
}

// packageOf is the package path in a function's name: all before the first dot
// behind the last slash. The linker writes dots in a path's last element as
// %2e.
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/')
	dot := strings.IndexByte(function[slash+1:], '.')
	if dot < 0 {
		return function
	}
	return strings.ReplaceAll(function[:slash+1+dot], "%2e", ".")
}
