package discovery

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// system are the parameters that every Google API takes although not each document lists them.
var system = []string{"$.xgafv", "$alt", "$fields", "$key", "access_token", "alt", "fields", "key", "prettyPrint", "upload_id", "uploadType", "upload_protocol"}

// CheckRequest finds the method that a request calls and checks its parameters and its body, which is given
// apart because reading r.Body would use it up. The address may be Google's own or an emulator's with the
// prefix /_/<host>/. nil, nil: the address isn't in any document and needn't be (sign-in, Cloud Storage's
// XML reads, a workspace of Databricks).
func (d *Documents) CheckRequest(r *http.Request, body []byte) (*Method, error) {
	host, path := address(r)
	if !d.covers(host, path) {
		return nil, nil
	}
	m, captured := d.find(r.Method, host, path)
	if m == nil {
		return nil, fmt.Errorf("%s %s%s: no discovery document has this method", r.Method, host, path)
	}
	c := &checker{m: m, request: true}
	query := r.URL.Query()
	for i, name := range m.names {
		text, err := url.PathUnescape(captured[i])
		if err != nil {
			c.failf("parameter %s: %v", name, err)
			continue
		}
		c.parameter(name, []string{text})
	}
	for name, values := range query {
		if p := m.params[name]; p == nil || p.Location != "query" {
			if !slices.Contains(system, name) {
				c.failf("unknown parameter %q", name)
			}
			continue
		}
		c.parameter(name, values)
	}
	for name, p := range m.params {
		if p.Required && p.Location == "query" && !query.Has(name) {
			c.failf("required parameter %q is missing", name)
		}
	}
	c.requestBody(r, body)
	if err := c.err(); err != nil {
		return m, fmt.Errorf("request %s (%s %s): %w", m.ID, r.Method, r.URL.RequestURI(), err)
	}
	return m, nil
}

// address gives the host that a request is for and its escaped path.
func address(r *http.Request) (host, path string) {
	host, path = r.Host, r.URL.EscapedPath()
	if host == "" {
		host = r.URL.Host
	}
	if rest, ok := strings.CutPrefix(path, "/_/"); ok {
		host, path, _ = strings.Cut(rest, "/")
		path = "/" + path
	}
	return host, path
}

func (d *Documents) covers(host, path string) bool {
	switch host {
	case "storage.googleapis.com":
		return strings.HasPrefix(path, "/storage/") || strings.HasPrefix(path, "/upload/") || strings.HasPrefix(path, "/resumable/upload/")
	case "www.googleapis.com":
		return !strings.HasPrefix(path, "/oauth2/")
	case "oauth2.googleapis.com", "accounts.google.com", "openidconnect.googleapis.com":
		return false
	}
	return d.hosts[host] || strings.HasSuffix(host, ".googleapis.com")
}

func (d *Documents) find(verb, host, path string) (*Method, []string) {
	for _, m := range d.methods {
		// A resumable upload goes on by PUT to the address that its POST gave.
		if m.verb != verb && !(m.upload && verb == http.MethodPut) {
			continue
		}
		if !slices.Contains(m.hosts, host) {
			continue
		}
		groups := m.path.FindStringSubmatch(path)
		if groups == nil || !m.fits(groups[1:]) {
			continue
		}
		return m, groups[1:]
	}
	return nil, nil
}

// Find gives the method that a host serves at an escaped path; nil when no document has it.
func (d *Documents) Find(verb, host, path string) *Method {
	m, _ := d.find(verb, host, path)
	return m
}

// fits reports whether the captured names have the form of the method's parameters; it keeps
// "v1/{+name}" of projects apart from that of organizations.
func (m *Method) fits(captured []string) bool {
	for i, name := range m.names {
		p := m.params[name]
		if p == nil || p.Pattern == "" {
			continue
		}
		text, err := url.PathUnescape(captured[i])
		if err != nil {
			return false
		}
		if ok, err := regexp.MatchString(p.Pattern, text); err != nil || !ok {
			return false
		}
	}
	return true
}

func (c *checker) parameter(name string, values []string) {
	p := c.m.params[name]
	if p == nil {
		return
	}
	if len(values) > 1 && !p.Repeated {
		c.failf("parameter %s: given %d times", name, len(values))
	}
	for _, v := range values {
		var err error
		switch p.Type {
		case "boolean":
			_, err = strconv.ParseBool(v)
		case "integer":
			_, err = strconv.ParseInt(v, 10, 64)
		case "number":
			_, err = strconv.ParseFloat(v, 64)
		default:
			err = checkText(p, v)
		}
		if err != nil {
			c.failf("parameter %s: %v", name, err)
		}
	}
}

func (c *checker) requestBody(r *http.Request, body []byte) {
	if c.m.upload {
		switch r.URL.Query().Get("uploadType") {
		case "multipart":
			first, err := firstPart(r.Header.Get("Content-Type"), body)
			if err != nil {
				c.failf("multipart upload: %v", err)
				return
			}
			body = first
		case "resumable":
			if r.URL.Query().Has("upload_id") {
				return // a piece
			}
		default:
			return
		}
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return // an empty message: whether something in it was required shows below only when there is a body
	}
	if c.m.request == "" {
		if string(bytes.TrimSpace(body)) != "{}" {
			c.failf("takes no body, got %s", clip(body))
		}
		return
	}
	v, err := decode(body)
	if err != nil {
		c.failf("body: %v", err)
		return
	}
	c.value("body", &schema{Ref: c.m.request}, v)
}

// boundary of a multipart body; gcloud puts it in single quotes, which is against the rules and works at Google.
var boundary = regexp.MustCompile(`^multipart/related;.*boundary=["']?([^"';]+)`)

func firstPart(contentType string, body []byte) ([]byte, error) {
	m := boundary.FindStringSubmatch(contentType)
	if m == nil {
		return nil, fmt.Errorf("no boundary in %q", contentType)
	}
	part, err := multipart.NewReader(bytes.NewReader(body), m[1]).NextPart()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(part)
}

// CheckResponse checks the answer to a call of m, which r made. m nil: nothing is known of the address, nothing is checked.
func (d *Documents) CheckResponse(m *Method, r *http.Request, status int, header http.Header, body []byte) error {
	if m == nil {
		return nil
	}
	c := &checker{m: m}
	switch {
	case r.Method == http.MethodHead:
	case status >= 400:
		c.failure(r, status, body)
	case status == http.StatusPermanentRedirect || status == http.StatusNotModified:
	case r.URL.Query().Get("alt") == "media" && m.mediaDown:
	case m.upload && len(body) == 0 && (header.Get("Location") != "" || header.Get("X-Http-Status-Code-Override") != ""):
	case m.response == "":
		if len(bytes.TrimSpace(body)) > 0 {
			c.failf("has no response, got %s", clip(body))
		}
	default:
		if mt, _, _ := mime.ParseMediaType(header.Get("Content-Type")); mt != "application/json" {
			c.failf("Content-Type is %q", header.Get("Content-Type"))
		}
		v, err := decode(body)
		if err != nil {
			c.failf("body: %v", err)
			break
		}
		c.value("body", &schema{Ref: m.response}, v)
	}
	if err := c.err(); err != nil {
		return fmt.Errorf("response %d of %s (%s %s): %w", status, m.ID, r.Method, r.URL.RequestURI(), err)
	}
	return nil
}

// envelope is Google's error, the old JSON APIs' and the new ones' together.
// Source: https://cloud.google.com/apis/design/errors#http_mapping
var envelope = map[string]*schema{
	"Envelope": {Type: "object", Properties: map[string]*schema{"error": {Ref: "Error"}}},
	"Error": {Type: "object", Properties: map[string]*schema{
		"code": {Type: "integer"}, "message": {Type: "string"}, "status": {Type: "string"},
		"errors":  {Type: "array", Items: &schema{Ref: "Item"}},
		"details": {Type: "array", Items: &schema{Type: "object", AdditionalProperties: &schema{Type: "any"}}},
	}},
	"Item": {Type: "object", Properties: map[string]*schema{
		"domain": {Type: "string"}, "reason": {Type: "string"}, "message": {Type: "string"}, "location": {Type: "string"},
		"locationType": {Type: "string"}, "extendedHelp": {Type: "string"}, "debugInfo": {Type: "string"},
	}},
}

func (c *checker) failure(r *http.Request, status int, body []byte) {
	if r.URL.Query().Get("alt") == "media" {
		return // Cloud Storage answers a failed download in plain words
	}
	v, err := decode(body)
	if err != nil {
		c.failf("error body: %v", err)
		return
	}
	e := &checker{m: &Method{ID: c.m.ID, schemas: envelope}}
	e.value("body", &schema{Ref: "Envelope"}, v)
	c.errs = append(c.errs, e.errs...)
	var got struct {
		Error struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
			Details []struct {
				Type string `json:"@type"`
			} `json:"details"`
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return // said above, field by field
	}
	if got.Error.Code != status {
		c.failf("error.code is %d, the status %d", got.Error.Code, status)
	}
	if got.Error.Message == "" {
		c.failf("error.message is empty")
	}
	for i, detail := range got.Error.Details {
		if !strings.HasPrefix(detail.Type, "type.googleapis.com/") {
			c.failf("error.details[%d] has no @type", i)
		}
	}
}

func decode(body []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("%w in %s", err, clip(body))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("more than one JSON value in %s", clip(body))
	}
	return v, nil
}

func checkText(s *schema, text string) error {
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		return fmt.Errorf("%q is none of %s", text, strings.Join(s.Enum, ", "))
	}
	if s.Pattern != "" {
		if ok, err := regexp.MatchString(s.Pattern, text); err != nil || !ok {
			return fmt.Errorf("%q does not match %s", text, s.Pattern)
		}
	}
	var err error
	switch s.Format {
	case "int64", "int32":
		_, err = strconv.ParseInt(text, 10, 64)
	case "uint64", "uint32":
		_, err = strconv.ParseUint(text, 10, 64)
	case "date-time", "google-datetime":
		_, err = time.Parse(time.RFC3339Nano, text)
	case "google-duration":
		if !strings.HasSuffix(text, "s") {
			return fmt.Errorf("%q is no duration in seconds", text)
		}
		_, err = strconv.ParseFloat(strings.TrimSuffix(text, "s"), 64)
	case "byte":
		// The documents say "byte" for both alphabets of base64; Google's parsers take either, padded or not.
		_, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(text), "="))
	}
	if err != nil {
		return fmt.Errorf("want %s: %w", s.Format, err)
	}
	return nil
}

func clip(b []byte) string {
	const most = 200
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}
