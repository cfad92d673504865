// Package web is the viewer: its sources, its build, which is committed so that
// building Firn needs no Node, and the build embedded. README.md says how the
// sources are laid out; dist/ is made of them by `npm run build`.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"path"
	"sync"
)

//go:embed dist
var dist embed.FS

// An Asset is one file of the viewer.
type Asset struct {
	// Type is its media type.
	Type string
	// Plain and Gzip are its bytes, as they are and compressed. They are not to
	// be changed.
	Plain, Gzip []byte
	// ETag is a strong validator of Plain, with its quotes; that of Gzip differs.
	ETag, GzipETag string
}

// types are the media types of what a build holds.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
}

// Policy is the Content-Security-Policy of the viewer's pages: scripts, styles
// and data of this server only, frames of it only, nobody frames it, and no text
// becomes markup or script (Trusted Types without any policy).
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

var assets = sync.OnceValues(load)

// Assets are the files of the build by their paths, "index.html" and
// "assets/…". The error is a fault of the build.
func Assets() (map[string]Asset, error) { return assets() }

func load() (map[string]Asset, error) {
	all := map[string]Asset{}
	err := fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		kind, ok := types[path.Ext(name)]
		if !ok {
			return fmt.Errorf("web: %s: a file of a kind that the viewer has no media type for", name)
		}
		content, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		all[name[len("dist/"):]] = newAsset(kind, content)
		return nil
	})
	if _, ok := all["index.html"]; err == nil && !ok {
		err = fmt.Errorf("web: dist has no index.html; run `npm run build` in web/")
	}
	return all, err
}

func newAsset(kind string, content []byte) Asset {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is a valid one
	_, _ = w.Write(content)                                    // a bytes.Buffer takes everything
	_ = w.Close()
	sum := sha256.Sum256(content)
	tag := base64.RawURLEncoding.EncodeToString(sum[:12])
	return Asset{Type: kind, Plain: content, Gzip: packed.Bytes(), ETag: `"` + tag + `"`, GzipETag: `"` + tag + `-gz"`}
}
