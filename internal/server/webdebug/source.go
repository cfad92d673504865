package webdebug

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/firnlog/firn/internal/server/door"
)

// The locations of events name files of the application, relative to its root.
// Where the server is told of that root, it shows the lines around a place, and
// nothing outside of it.

const (
	sourceLines = 1_000    // of one answer
	sourceWidth = 4_000    // bytes shown of a line
	sourceBytes = 16 << 20 // of a file
)

// source is a part of a file. The root is told to nobody.
type source struct {
	File  string   `json:"file"`
	From  int      `json:"from"`
	Lines []string `json:"lines"`
	Last  int      `json:"last"` // the file's last line
}

func (p *profiler) sourceRoute() door.Route {
	return door.Route{
		Method: "GET", Path: "/debug/source", Name: "getDebugSource", Permission: "events:read", Instance: instanceOf,
		About: "Web debug: lines of a file that a location names, from below webdebug.project_root.",
		Params: []door.Param{{Name: "file", About: "The file, relative to the root of the project: /app/Article.php."},
			{Name: "from", About: "The first line; 1 if not given.", Integer: true},
			{Name: "to", About: "The last line; 1,000 lines at most.", Integer: true},
			{Name: "instance", About: "The instance of the event; debug if not given."}},
		Answers: []door.Answer{{Status: 200, About: "The lines.", Schema: "DebugSource"},
			{Status: 404, About: "No such file below the project's root, or the server was told of none."}},
		Serve: p.serveSource,
	}
}

func (p *profiler) serveSource(w http.ResponseWriter, r *door.Request) error {
	if p.disabled {
		return errDisabled
	}
	if err := checkParams(r.Request, "file", "from", "to", "instance"); err != nil {
		return err
	}
	given := r.URL.Query()
	from, err := lineOf(given, "from", 1)
	if err != nil {
		return err
	}
	to, err := lineOf(given, "to", from+sourceLines-1)
	if err != nil {
		return err
	}
	if to < from || to-from >= sourceLines {
		return door.Bad("to: must be from " + strconv.Itoa(from) + " to " + strconv.Itoa(from+sourceLines-1) + ", 1,000 lines at most")
	}
	found, err := p.source(given.Get("file"), from, to)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, found)
}

// lineOf reads a parameter that is a line's number.
func lineOf(given url.Values, name string, otherwise int) (int, error) {
	if !given.Has(name) {
		return otherwise, nil
	}
	const most = 1_000_000_000
	n, err := strconv.Atoi(given.Get(name))
	if err != nil || n < 1 || n > most {
		return 0, door.Bad(name + ": must be the number of a line, from 1")
	}
	return n, nil
}

// source reads lines of a file below the root. Links that lead out of it, like
// names that do, are files that are not there.
func (p *profiler) source(file string, from, to int) (*source, error) {
	missing := func(why string) error {
		return &door.Fault{Status: http.StatusNotFound, Code: "not_found", Message: why}
	}
	if p.root == "" {
		return nil, missing("no files are shown here: the setting webdebug.project_root is empty")
	}
	none := missing("there is no text file " + shown(file) + " below the root of the project")
	name := filepath.FromSlash(strings.TrimLeft(file, "/"))
	if !filepath.IsLocal(name) {
		return nil, none
	}
	root, err := os.OpenRoot(p.root)
	if err != nil {
		return nil, missing("the directory that webdebug.project_root names cannot be opened")
	}
	defer root.Close()
	about, err := root.Stat(name)
	if err != nil || !about.Mode().IsRegular() {
		return nil, none
	}
	if about.Size() > sourceBytes {
		return nil, missing("the file " + shown(file) + " is too large to be shown, over 16 MiB")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, none
	}
	defer f.Close()
	out := &source{File: file, From: from, Lines: []string{}}
	if err := out.read(bufio.NewReader(io.LimitReader(f, sourceBytes)), to); err != nil {
		return nil, none
	}
	return out, nil
}

// read reads on to the end of a file, and keeps its lines from s.From to to.
func (s *source) read(in *bufio.Reader, to int) error {
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			s.Last++
			if bytes.IndexByte(line, 0) >= 0 {
				return fs.ErrInvalid // no text
			}
			if s.Last >= s.From && s.Last <= to {
				text := bytes.TrimRight(line, "\r\n")
				s.Lines = append(s.Lines, strings.ToValidUTF8(string(text[:min(len(text), sourceWidth)]), "\ufffd"))
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
