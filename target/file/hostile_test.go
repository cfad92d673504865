package file_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/targettest"
)

// TestTypesAsNames shows how types become names.
func TestTypesAsNames(t *testing.T) {
	long := strings.Repeat("x", 256)
	for eventType, want := range map[string]string{
		"message.received":       "message.received",
		"../../x":                "%2E.%2F..%2Fx",
		"a/b":                    "a%2Fb",
		".":                      "%2E",
		"..":                     "%2E.",
		".hidden":                "%2Ehidden",
		"dots..":                 "dots..",
		"nul\x00":                "nul%00",
		"100%":                   "100%25",
		"é":                      "%C3%A9",
		long:                     strings.Repeat("x", 103) + "~85e62acd750c4eb5",
		strings.Repeat("/", 200): strings.Repeat("%2F", 34) + "~",
	} {
		dir := t.TempDir()
		write(t, open(t, dir), 1, at(eventType, "2024-01-01T00:00:01Z"))
		got := paths(t, dir)
		if len(got) != 1 || !strings.HasPrefix(got[0], want) || !strings.Contains(got[0], "/20240101/00_00_01_") {
			t.Errorf("type %.40q is at %q, want below %q", eventType, got, want)
		}
	}
}

// TestNothingLeaves writes every odd type next to a directory that must stay as
// it is.
func TestNothingLeaves(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "a", "b", "events")
	tgt := open(t, dir)
	for i, e := range targettest.Hostile() {
		write(t, tgt, int64(i+1), e)
	}
	var outside []string
	must(t, filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if name == dir {
			return fs.SkipDir
		}
		outside = append(outside, strings.TrimPrefix(name, top))
		return err
	}))
	if diff := gocmp.Diff([]string{"", "/a", "/a/b"}, outside); diff != "" {
		t.Errorf("outside file_dir (-want +got):\n%s", diff)
	}
	if got, want := len(readAll(t, dir)), len(targettest.Hostile()); got != want {
		t.Errorf("%d files, want %d", got, want)
	}
}

// TestSymbolicLinks: links that somebody has planted in file_dir lead nowhere,
// pause the target with a word about which, and lose no event.
func TestSymbolicLinks(t *testing.T) {
	for name, plant := range map[string]func(dir, outside string) (string, error){
		"a type":                func(dir, out string) (string, error) { return "a", os.Symlink(out, filepath.Join(dir, "a")) },
		"upwards":               func(dir, out string) (string, error) { return "a", os.Symlink("../outside", filepath.Join(dir, "a")) },
		"a day":                 plantDay,
		"the staging directory": func(dir, out string) (string, error) { return ".firn", os.Symlink(out, filepath.Join(dir, ".firn")) },
		"no directory": func(dir, out string) (string, error) {
			return "a", os.WriteFile(filepath.Join(dir, "a"), nil, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			dir, outside := filepath.Join(top, "events"), filepath.Join(top, "outside")
			must(t, os.Mkdir(dir, 0o700))
			must(t, os.Mkdir(outside, 0o700))
			must(t, os.WriteFile(filepath.Join(outside, "1.tmp"), []byte("theirs"), 0o600))
			planted, err := plant(dir, outside)
			must(t, err)

			tgt := newTarget(t, dir)
			defer tgt.Close()
			if err = tgt.Open(t.Context()); err == nil {
				var n int
				n, err = tgt.Write(t.Context(), batch(1, at("b", "2024-01-01T00:00:01Z"), at("a", "2024-01-01T00:00:01Z")))
				if n != 1 {
					t.Errorf("%d written, want the first of two", n)
				}
			}
			if _, ok := errors.AsType[*target.PauseError](err); !ok || !strings.Contains(err.Error(), planted) {
				t.Errorf("error %v; want a PauseError that names %s", err, planted)
			}
			entries, err := os.ReadDir(outside)
			must(t, err)
			if len(entries) != 1 {
				t.Errorf("outside file_dir: %v", entries)
			}

			must(t, os.RemoveAll(filepath.Join(dir, planted)))
			must(t, tgt.Open(t.Context()))
			write(t, tgt, 1, at("b", "2024-01-01T00:00:01Z"), at("a", "2024-01-01T00:00:01Z"))
			if diff := gocmp.Diff([]string{"b/20240101/00_00_01_b.json", "a/20240101/00_00_01_a.json"}, paths(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func plantDay(dir, outside string) (string, error) {
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o700); err != nil {
		return "", err
	}
	return "a/20240101", os.Symlink(outside, filepath.Join(dir, "a/20240101"))
}

// TestTakenNames: what others have put under an event's name stays as it is; a
// pipe is not waited for, a link not followed.
func TestTakenNames(t *testing.T) {
	dir := t.TempDir()
	day := filepath.Join(dir, "a/20240101")
	must(t, os.MkdirAll(day, 0o700))
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("theirs"), 0o600))
	must(t, syscall.Mkfifo(filepath.Join(day, "00_00_01_a.json"), 0o600))
	must(t, os.Symlink(secret, filepath.Join(day, "00_00_01_a-2.json")))
	must(t, os.Mkdir(filepath.Join(day, "00_00_01_a-3.json"), 0o700))
	must(t, os.WriteFile(filepath.Join(day, "00_00_01_a-4.json"), nil, 0o600))
	tgt := open(t, dir)
	write(t, tgt, 1, at("a", "2024-01-01T00:00:01Z"))
	content, err := os.ReadFile(filepath.Join(day, "00_00_01_a-5.json"))
	must(t, err)
	if !strings.Contains(string(content), `"type": "a"`) {
		t.Errorf("content %s", content)
	}
	if content, err = os.ReadFile(secret); err != nil || string(content) != "theirs" {
		t.Errorf("what the link leads to is now %q, %v", content, err)
	}
}

// TestLeftovers: what a crash left half made goes at Open; what another target
// is making, and what is not ours, stays.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	open(t, dir) // another target of the same directory
	must(t, os.MkdirAll(filepath.Join(dir, ".firn/2"), 0o700))
	theirs := filepath.Join(dir, ".firn/1/5.tmp")
	left := filepath.Join(dir, ".firn/2/17.tmp")
	note := filepath.Join(dir, ".firn/2/note.txt")
	for _, name := range []string{theirs, left, note} {
		must(t, os.WriteFile(name, []byte("half"), 0o600))
	}
	tgt := open(t, dir)
	for name, want := range map[string]bool{theirs: true, left: false, note: true} {
		if _, err := os.Lstat(name); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", name, err == nil, want)
		}
	}
	must(t, os.Remove(theirs))
	must(t, os.Remove(note))
	write(t, tgt, 1, at("a", "2024-01-01T00:00:01Z"))
	if got := len(readAll(t, dir)); got != 1 {
		t.Errorf("%d files", got)
	}
}
