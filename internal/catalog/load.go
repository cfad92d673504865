package catalog

import (
	"embed"
	"encoding/json/jsontext"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/firnlog/firn/event"
)

// maxFile is the most bytes of a data file.
const maxFile = 1 << 20

//go:embed data/*.yaml
var data embed.FS

// builtIn is the built-in entries by type. They are read once: entries never
// change, so all catalogs share them.
var builtIn = sync.OnceValues(func() (map[string]Entry, error) {
	dir, err := fs.Sub(data, "data")
	if err != nil {
		return nil, err
	}
	l := newLoader()
	l.directory(dir, OriginBuiltIn)
	return l.entries, l.err()
})

// loader reads data files.
type loader struct {
	mistakes
	entries map[string]Entry
	files   map[string]string // type → the file that has it
}

func newLoader() *loader {
	return &loader{entries: map[string]Entry{}, files: map[string]string{}}
}

// directory reads the data files at the top of a directory, in the order of
// their names. Other files are left alone.
func (l *loader) directory(dir fs.FS, origin Origin) {
	l.file, l.eventType = "", ""
	items, err := fs.ReadDir(dir, ".")
	if err != nil {
		l.add("", "the directory of the catalog: %v", err)
		return
	}
	for _, item := range items {
		name := item.Name()
		switch path.Ext(name) {
		case ".yaml", ".yml", ".json":
		default:
			continue
		}
		if item.IsDir() || strings.HasPrefix(name, ".") {
			continue
		}
		l.file, l.eventType = name, ""
		if text, ok := l.read(dir, item); ok {
			l.parseFile(text, origin)
		}
	}
}

// read reads a whole file, unless it is too large.
func (l *loader) read(dir fs.FS, item fs.DirEntry) (text []byte, ok bool) {
	info, err := fs.Stat(dir, item.Name())
	if err != nil {
		l.add("", "%v", err)
		return nil, false
	}
	if info.Size() > maxFile {
		l.add("", "is %d bytes long; the most is %d: divide it", info.Size(), maxFile)
		return nil, false
	}
	text, err = fs.ReadFile(dir, item.Name())
	if err != nil {
		l.add("", "%v", err)
		return nil, false
	}
	return text, true
}

// fileKeys are the keys of a data file.
var fileKeys = []string{"system", "types"}

// parseFile reads the entries of one data file, whose name is l.file.
func (l *loader) parseFile(text []byte, origin Origin) {
	if path.Ext(l.file) != ".json" {
		converted, err := jsonOfYAML(text)
		if err != nil {
			l.add("", "%v", err)
			return
		}
		text = converted
	}
	object, err := event.CompactObject(text, event.Limits{})
	if err != nil {
		l.refused(text, err)
		return
	}
	given := Entry{System: ownSystem, Origin: origin}
	var types jsontext.Value
	for f := event.WalkMembers(object); f.Next(); {
		switch key := event.Unquoted(f.Key); key {
		case "system":
			given.System = l.text(key, f.Value, maxSystem)
		case "types":
			types = f.Value
		default:
			l.add("", "%s", unknown(key, "key of a data file", fileKeys))
		}
	}
	if event.KindOf(types) != '[' {
		l.add("types", "must be a list of entries")
		return
	}
	index := 0
	for t := event.WalkElements(types); t.Next(); index++ {
		l.entry(t.Value, string(event.AppendPathIndex([]byte("types"), index)), given)
	}
}

// entry reads one entry of a data file.
func (l *loader) entry(object jsontext.Value, at string, given Entry) {
	l.eventType = ""
	if event.KindOf(object) != '{' {
		l.add(at, "must be an entry: an object with %s", strings.Join(entryKeys[:7], ", "))
		return
	}
	if name, ok := event.Member(object, "type"); ok && event.KindOf(name) == '"' {
		l.eventType = event.Unquoted(name)
	}
	before := len(l.list)
	e := parseEntry(&l.mistakes, object, given)
	if len(l.list) > before {
		if l.eventType == "" { // say where the entry without a name is
			for i := before; i < len(l.list); i++ {
				l.list[i].Path = strings.TrimSuffix(at+"."+l.list[i].Path, ".")
			}
		}
		return
	}
	if other, twice := l.files[e.Type]; twice {
		l.add("", "is in %s already; a type has one entry", other)
		return
	}
	l.entries[e.Type], l.files[e.Type] = e, l.file
}
