package server

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/web"
)

// viewerExchanges tries every page of the viewer, for the table of exchanges.
func viewerExchanges() []exchange {
	all := slices.Concat(viewExchanges, mailExchanges)
	for _, name := range viewerPages {
		all = append(all,
			exchange{method: "GET", path: "/" + name + "?instance=shop", status: 200, says: "<title>Firn</title>", route: "GET /" + name},
			exchange{method: "GET", path: "/" + name, body: "{}", status: 400, code: "malformed", field: "body", route: "GET /" + name})
	}
	return all
}

func TestViewerPagesAreConfined(t *testing.T) {
	r := start(t, Options{})
	setUpShop(r)
	for _, path := range []string{"/", "/e/shop/e1", "/e/shop/none", "/targets"} {
		h := r.ask("GET", path, "").header
		for _, want := range []string{
			"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-src 'self'", "frame-ancestors 'none'",
			"base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
		} {
			if !strings.Contains(h.Get("Content-Security-Policy"), want) {
				t.Errorf("%s: Content-Security-Policy %q has no %s", path, h.Get("Content-Security-Policy"), want)
			}
		}
		if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("%s: Content-Security-Policy %q", path, h.Get("Content-Security-Policy"))
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestViewerFilesAreAskedForAgainCheaply(t *testing.T) {
	r := start(t, Options{})
	all, err := web.Assets()
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range all {
		path := "/" + strings.TrimSuffix(name, viewerIndex)
		plain := r.ask("GET", path, "", "Accept-Encoding", "identity")
		if plain.status != 200 || !bytes.Equal(plain.body, file.Plain) || plain.header.Get("Content-Type") != file.Type {
			t.Errorf("%s: %d, %d bytes of %s, want %d of %s", path, plain.status, len(plain.body), plain.header.Get("Content-Type"), len(file.Plain), file.Type)
		}
		packed := r.ask("GET", path, "", "Accept-Encoding", "br, gzip;q=0.5")
		if got := unzipped(t, packed.body); !bytes.Equal(got, file.Plain) || packed.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: the compressed file is another", path)
		}
		if packed.header.Get("ETag") == plain.header.Get("ETag") {
			t.Errorf("%s: both encodings have the ETag %s", path, plain.header.Get("ETag"))
		}
		again := r.ask("GET", path, "", "Accept-Encoding", "gzip", "If-None-Match", packed.header.Get("ETag"))
		if again.status != http.StatusNotModified || len(again.body) > 0 {
			t.Errorf("%s: asked again: %s", path, again)
		}
		if refused := r.ask("GET", path, "", "Accept-Encoding", "gzip;q=0"); refused.header.Get("Content-Encoding") != "" {
			t.Errorf("%s: gzip to who refuses it", path)
		}
	}
}

func unzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// TestViewerTellsNobodyWhatIsThere: who may not read an event learns nothing of
// it from the status of its page.
func TestViewerTellsNobodyWhatIsThere(t *testing.T) {
	r := start(t, Options{})
	shop := r.instance("shop")
	r.instance("audit")
	_, reader := r.key(auth.NewKey{Name: "reader", Permissions: auth.SetOf(auth.EventsRead), Instances: []string{shop}})
	_, writer := r.key(auth.NewKey{Name: "writer", Permissions: auth.SetOf(auth.EventsAppend)})
	for _, c := range []struct {
		key, path string
		want      int
	}{
		{"", "/e/shop/e1", 401}, {"", "/e/shop/none", 401}, {"", "/e/none/e1", 401}, {"", "/", 200}, {"", "/keys", 200},
		{reader, "/e/shop/e1", 200}, {reader, "/e/shop/none", 404}, {reader, "/e/audit/e1", 404}, {reader, "/e/none/e1", 404},
		{writer, "/e/shop/e1", 404}, {"firn_wrong", "/e/shop/e1", 401},
	} {
		var headers []string
		if c.key != "" {
			headers = bearer(c.key)
		}
		if got := r.ask("GET", c.path, "", headers...); got.status != c.want {
			t.Errorf("%s with the key %.12q: %d, want %d", c.path, c.key, got.status, c.want)
		}
	}
}
