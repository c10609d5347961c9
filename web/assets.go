package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed static
var static embed.FS

// asset is a file as it is served.
type asset struct {
	kind   string // Content-Type
	body   []byte
	packed []byte // gzip; nil where it doesn't help
}

// assets reads the embedded files once: by is keyed by hashed name, name leads from the plain to the hashed one.
var assets = sync.OnceValue(func() (a struct {
	by   map[string]asset
	name map[string]string
},
) {
	a.by, a.name = map[string]asset{}, map[string]string{}
	files, err := fs.ReadDir(static, "static")
	if err != nil {
		panic(err) // the files are part of the program
	}
	add := func(name string, body []byte) {
		sum := sha256.Sum256(body)
		ext := path.Ext(name)
		hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:])[:10] + ext
		kind := mime.TypeByExtension(ext)
		switch ext { // the system's table may differ or be missing
		case ".woff2":
			kind = "font/woff2"
		case ".js":
			kind = "text/javascript; charset=utf-8"
		case ".css":
			kind = "text/css; charset=utf-8"
		case ".svg":
			kind = "image/svg+xml"
		}
		f := asset{kind: kind, body: body}
		if ext != ".woff2" {
			var b bytes.Buffer
			w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a valid constant
			_, _ = w.Write(body)                                  // a buffer never fails
			_ = w.Close()
			f.packed = b.Bytes()
		}
		a.by[hashed], a.name[name] = f, hashed
	}
	var css []string
	for _, f := range files {
		body, err := static.ReadFile("static/" + f.Name())
		if err != nil {
			panic(err)
		}
		if path.Ext(f.Name()) == ".css" {
			css = append(css, f.Name()) // after the fonts, whose hashed names it needs
			continue
		}
		add(f.Name(), body)
	}
	for _, name := range css {
		body, err := static.ReadFile("static/" + name)
		if err != nil {
			panic(err)
		}
		text := string(body)
		for plain, hashed := range a.name {
			text = strings.ReplaceAll(text, `url("`+plain+`")`, `url("`+hashed+`")`)
		}
		add(name, []byte(text))
	}
	return a
})

// Asset is the address of a static file, with its content's hash: Asset("app.css") is "/assets/app.1f0c….css".
// A name that isn't among the files gives an address that answers 404.
func Asset(name string) string {
	if hashed, ok := assets().name[name]; ok {
		return "/assets/" + hashed
	}
	return "/assets/" + name
}

// ContentSecurityPolicy allows what our own files do and nothing inline. Sign-in starts from a link, since
// form-action also holds for the redirects of a form. Trusted types are not asked for: htmx swaps by innerHTML without
// a policy of its own, and one of ours that lets everything pass would hold nothing that script-src doesn't.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// Assets serves the static files below /assets/. A name holds its content's hash, so browsers may keep it for ever.
func Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := assets().by[strings.TrimPrefix(r.URL.Path, "/assets/")]
		switch {
		case !ok:
			http.NotFound(w, r)
			return
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Only GET and HEAD are answered here.", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		body := f.body
		if f.packed != nil {
			h.Set("Vary", "Accept-Encoding")
			if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				h.Set("Content-Encoding", "gzip")
				body = f.packed
			}
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(body) // the reader has gone; nothing to tell them
		}
	})
}
