package discovery

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// Transport returns a transport that lets base do the work (nil: http.DefaultTransport) and reports everything
// that the documents forbid in a request or in its answer. It changes nothing on the way.
func (d *Documents) Transport(base http.RoundTripper, report func(error)) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return transport{d, base, report}
}

type transport struct {
	docs   *Documents
	base   http.RoundTripper
	report func(error)
}

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := drain(&req.Body)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	m, err := t.docs.CheckRequest(req, body)
	if err != nil {
		t.report(err)
	}
	if body != nil {
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	res, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	got, err := drain(&res.Body)
	if err != nil {
		return nil, fmt.Errorf("read response: %w", err)
	}
	if err := t.docs.CheckResponse(m, req, res.StatusCode, res.Header, got); err != nil {
		t.report(err)
	}
	return res, nil
}

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

// Handler returns a handler that lets next answer and reports everything that the documents forbid, for clients
// whose transport can't be wrapped: gcloud and its like.
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
