package handlers

import (
	"bytes"
	"context"
	"mime"
	"net/http"
	"strconv"
	"sync"

	"github.com/a-h/templ"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// draw draws a page into a buffer and then sends it: a page that cannot be drawn is an error, never half a page.
func (s *Server) draw(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer buffers.Put(buf)
	// The page that says that the time is up is drawn when it is.
	if err := page.Render(context.WithoutCancel(r.Context()), buf); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	_, err := w.Write(buf.Bytes())
	if err != nil {
		noteOf(r.Context()).gone = true
	}
	return nil
}

// seeOther sends the browser on with a GET.
func seeOther(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// attach makes the answer a file to keep, of a media type of text.
func attach(h http.Header, kind, name string) {
	h.Set("Content-Type", kind+"; charset=utf-8")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
}

// download sends a file to keep.
func download(w http.ResponseWriter, v *visit, kind, name string, body []byte) {
	attach(w.Header(), kind, name)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if _, err := w.Write(body); err != nil {
		noteOf(v.Context()).gone = true
	}
}
