package discovery

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// drain reads a body to its end and puts a fresh reader in its place; nil for no body.
func drain(body *io.ReadCloser) ([]byte, error) {
	if *body == nil || *body == http.NoBody {
		return nil, nil
	}
	b, err := io.ReadAll(*body)
	if cerr := (*body).Close(); err == nil {
		err = cerr
	}
	*body = io.NopCloser(bytes.NewReader(b))
	return b, err
}

// Handler returns a handler that lets next answer and reports everything that the documents forbid in a request or in
// its answer. It changes nothing on the way.
func (d *Documents) Handler(next http.Handler, report func(error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := drain(&r.Body)
		if err != nil {
			report(fmt.Errorf("read request: %w", err))
			return
		}
		asked := r.Clone(r.Context())
		m, err := d.CheckRequest(asked, body)
		if err != nil {
			report(err)
		}
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r)
		if err := d.CheckResponse(m, asked, rec.status, w.Header(), rec.body.Bytes()); err != nil {
			report(err)
		}
	})
}

type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer beneath.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
