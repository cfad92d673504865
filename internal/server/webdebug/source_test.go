package webdebug_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/firnlog/firn/internal/server/webdebug"
)

// project makes a project beside a file that is nobody's business.
func project(t *testing.T) (root string) {
	t.Helper()
	outside := t.TempDir()
	root = filepath.Join(outside, "project")
	lines := make([]string, 40)
	for i := range lines {
		lines[i] = "line " + strconv.Itoa(i+1)
	}
	for name, text := range map[string]string{
		"secret.txt": "the secret", "project/app/Article.php": strings.Join(lines, "\n") + "\n", "project/app/crlf.php": "a\r\nb",
		"project/empty.txt": "", "project/picture.bin": "a\x00b", "project/latin.php": "caf\xe9\n",
		"project/wide.js": strings.Repeat("x", 10_000), "project/etc/passwd": "of the project\n",
	} {
		path := filepath.Join(outside, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"out.txt": "../secret.txt", "up": "..", "absolute": outside, "in.php": "app/Article.php"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func sourceOf(d *desk, file, from, to string) (status int, text string) {
	q := url.Values{"file": {file}}
	if from != "" {
		q.Set("from", from)
	}
	if to != "" {
		q.Set("to", to)
	}
	return d.ask("GET", "/debug/source?"+q.Encode(), "")
}

func TestSourceShowsLinesOfTheProject(t *testing.T) {
	root := project(t)
	d := open(t, webdebug.Options{ProjectRoot: root})
	d.ask("POST", "/debug/schemes", `{"id":"a","version":1,"events":[]}`)
	for _, c := range []struct{ file, from, to, want string }{
		{"/app/Article.php", "18", "20", `{"file":"/app/Article.php","from":18,"lines":["line 18","line 19","line 20"],"last":40}`},
		{"/app/Article.php", "1", "1", `{"file":"/app/Article.php","from":1,"lines":["line 1"],"last":40}`},
		{"/app/Article.php", "39", "45", `{"file":"/app/Article.php","from":39,"lines":["line 39","line 40"],"last":40}`},
		{"/app/Article.php", "50", "53", `{"file":"/app/Article.php","from":50,"lines":[],"last":40}`},
		{"app/crlf.php", "", "", `{"file":"app/crlf.php","from":1,"lines":["a","b"],"last":2}`},
		{"/empty.txt", "", "", `{"file":"/empty.txt","from":1,"lines":[],"last":0}`},
		{"/latin.php", "", "", `{"file":"/latin.php","from":1,"lines":["caf�"],"last":1}`},
		{"/in.php", "2", "2", `{"file":"/in.php","from":2,"lines":["line 2"],"last":40}`},
		{"/etc/passwd", "", "", `{"file":"/etc/passwd","from":1,"lines":["of the project"],"last":1}`}, // of the project's own
	} {
		status, text := sourceOf(d, c.file, c.from, c.to)
		if status != 200 || text != c.want {
			t.Errorf("%s %s–%s: %d %s, want %s", c.file, c.from, c.to, status, text, c.want)
		}
		if strings.Contains(text, root) {
			t.Errorf("%s: the answer %s tells the root", c.file, text)
		}
	}
	if status, text := sourceOf(d, "/wide.js", "", ""); status != 200 || len(text) > 5_000 {
		t.Errorf("a wide line: %d, %d bytes", status, len(text))
	}
}

// TestSourceNeverLeavesTheRoot is the rule of paths: no "..", absolute path or
// link escapes the root of the project.
func TestSourceNeverLeavesTheRoot(t *testing.T) {
	root := project(t)
	d := open(t, webdebug.Options{ProjectRoot: root})
	d.ask("POST", "/debug/schemes", `{"id":"a","version":1,"events":[]}`)
	secret := filepath.Join(filepath.Dir(root), "secret.txt")
	if _, err := os.Stat(secret); err != nil {
		t.Fatal(err) // else the test could not fail
	}
	for _, file := range []string{
		"/../secret.txt", "../secret.txt", "/app/../../secret.txt", "/./../secret.txt", secret, "/" + secret, "//" + secret,
		"/out.txt", "/up/secret.txt", "/absolute/secret.txt", "/app", "/", "", ".", "/none.php", "/picture.bin", "/app/Article.php\x00", `..\secret.txt`,
	} {
		status, text := sourceOf(d, file, "", "")
		if status != 404 || strings.Contains(text, "the secret") {
			t.Errorf("%q: %d %s, want 404", file, status, text)
		}
		if strings.Contains(file, root) == false && strings.Contains(text, root) {
			t.Errorf("%q: the answer %s tells the root", file, text)
		}
	}
}

func TestSourceRefusesWhatIsNoLine(t *testing.T) {
	d := open(t, webdebug.Options{ProjectRoot: project(t)})
	for _, c := range [][2]string{{"0", ""}, {"-1", ""}, {"x", ""}, {"1", "1001"}, {"5", "4"}, {"", "0"}, {"99999999999999999999", ""}} {
		if status, text := sourceOf(d, "/app/Article.php", c[0], c[1]); status != 400 {
			t.Errorf("from %s to %s: %d %s, want 400", c[0], c[1], status, text)
		}
	}
	if status, text := d.ask("GET", "/debug/source?path=/a", ""); status != 400 || !strings.Contains(text, "path") {
		t.Errorf("a misspelled parameter: %d %s", status, text)
	}
}

func TestSourceWithoutARoot(t *testing.T) {
	for _, c := range []struct {
		opts   webdebug.Options
		status int
		says   string
	}{
		{webdebug.Options{}, 404, "webdebug.project_root"},
		{webdebug.Options{ProjectRoot: filepath.Join(t.TempDir(), "none")}, 404, "webdebug.project_root"},
		{webdebug.Options{ProjectRoot: project(t), Disabled: true}, 403, "webdebug.enabled"},
	} {
		if status, text := sourceOf(open(t, c.opts), "/app/Article.php", "", ""); status != c.status || !strings.Contains(text, c.says) {
			t.Errorf("%+v: %d %s, want %d about %s", c.opts, status, text, c.status, c.says)
		}
	}
}
