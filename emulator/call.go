package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"google.golang.org/api/storage/v1"
)

// maxBody is the largest body that is read, in bytes.
const maxBody = 64 << 20

// call is one request while it is answered.
type call struct {
	*http.Request
	e       *Emulator
	host    string
	route   *route
	vars    map[string]string // of the route's pattern, unescaped
	query   url.Values
	body    []byte
	now     time.Time
	person  string        // email address of the token's person or service account; "" without a token
	token   accessToken   // zero without a token
	header  http.Header   // added to the answer
	checked []string      // permissions that were asked for, "storage.buckets.get on buckets/b"
	speed   time.Duration // of the operation that the call starts; negative: it never ends
	fails   *Status       // how that operation ends, when a rule says so
}

// Call is one line of the call log.
type Call struct {
	At      time.Time `json:"at"`
	Person  string    `json:"person,omitempty"`
	Method  string    `json:"method"`
	Host    string    `json:"host"`
	Path    string    `json:"path"` // with the query, without secrets
	Status  int       `json:"status"`
	Checked []string  `json:"checked,omitempty"` // "storage.buckets.get on buckets/b", "… on projects/p: denied"
	Changed bool      `json:"changed,omitempty"` // something in the cloud is different now
	Rule    int64     `json:"rule,omitempty"`    // the fault rule that matched
	Error   string    `json:"error,omitempty"`   // the message of Google's error
}

// answer is what is sent.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// jsonAnswer is v as JSON.
func jsonAnswer(status int, v any) answer {
	if v == nil {
		v = struct{}{}
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("emulator: an answer of %T does not marshal: %v", v, err))
	}
	return answer{Status: status, Header: http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, Body: buf.Bytes()}
}

// Calls is a copy of the call log, oldest first.
func (e *Emulator) Calls() []Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Call(nil), e.calls...)
}

// serve answers one request of the cloud or of sign-in.
func (e *Emulator) serve(w http.ResponseWriter, r *http.Request, hostname string) {
	h, rt, vars := e.router.find(hostname, r.Method, r.URL.EscapedPath())
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
			http.Error(w, "the body could not be read", http.StatusBadRequest)
			return
		}
	}
	c := &call{
		Request: r, e: e, host: hostname, vars: vars, query: r.URL.Query(), body: body, now: e.now(),
		header: http.Header{},
	}
	var rule *Rule
	var latency time.Duration
	e.lock(func() {
		c.authenticate()
		rule, latency = e.takeRule(c)
	})
	if latency > 0 && !wait(r, latency) {
		return
	}
	if rule != nil && rule.breaks() && !rule.AfterEffect {
		e.lock(func() { _ = e.log(c, answer{Status: rule.Status}, rule, nil) })
		rule.send(w, r, answer{})
		return
	}
	a := e.answer(c, h, rt, rule)
	if rule != nil && rule.breaks() {
		rule.send(w, r, a)
		return
	}
	a.write(w, r)
}

func (e *Emulator) lock(fn func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	fn()
}

// answer runs the handler and journals what it did.
func (e *Emulator) answer(c *call, h *host, rt *route, rule *Rule) (a answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.speed = e.cfg.Speed
	if rule != nil {
		c.fails = rule.Fails
		if rule.Operation != 0 {
			c.speed = time.Duration(rule.Operation)
		}
		if bucket, name, ok := strings.Cut(rule.Writes, "/"); ok {
			c.store(storage.Object{Bucket: bucket, Name: name}, []byte("written meanwhile"))
		}
	}
	v, err := c.run(h, rt)
	a = c.render(v, err)
	if cerr := e.log(c, a, rule, err); cerr != nil {
		return fail("UNAVAILABLE", "The service is currently unavailable.").answer(c.host)
	}
	return a
}

func (c *call) run(h *host, rt *route) (v any, err error) {
	if h == nil {
		return nil, &gerr{HTTP: 404, Status: "NOT_FOUND", Message: fmt.Sprintf("Host %s is not served here.", c.host)}
	}
	if rt == nil {
		return nil, &gerr{HTTP: 404, Status: "NOT_FOUND", Message: fmt.Sprintf("%s %s on %s: method not found.", c.Method, c.URL.Path, c.host)}
	}
	c.route = rt
	if !h.open && !rt.open {
		if err := c.authorized(); err != nil {
			return nil, err
		}
		if err := c.consumer(); err != nil {
			return nil, err
		}
	}
	return rt.fn(c)
}

// render turns what a handler returned into what is sent.
func (c *call) render(v any, err error) answer {
	var a answer
	var g *gerr
	switch {
	case errors.As(err, &g):
		a = g.answer(c.host)
	case err != nil:
		a = (&gerr{HTTP: 500, Status: "INTERNAL", Message: err.Error()}).answer(c.host)
	default:
		var ok bool
		if a, ok = v.(answer); !ok {
			a = jsonAnswer(http.StatusOK, v)
		}
	}
	if a.Header == nil {
		a.Header = http.Header{}
	}
	for k, v := range c.header {
		a.Header[k] = v
	}
	return a
}

// secrets are query parameters that the log does not show.
var secrets = []string{"code", "access_token", "token", "client_secret", "state", "nonce", "code_challenge", "upload_id"}

// log commits the call and what it changed; mu is held.
func (e *Emulator) log(c *call, a answer, rule *Rule, err error) error {
	path := c.URL.EscapedPath()
	if c.URL.RawQuery != "" {
		q := c.URL.Query()
		for _, s := range secrets {
			if q.Has(s) {
				q.Set(s, "…")
			}
		}
		path += "?" + q.Encode()
	}
	l := Call{
		At: c.now, Person: c.person, Method: c.Method, Host: c.host, Path: path, Status: a.Status,
		Checked: c.checked, Changed: e.journal.changedCloud(),
	}
	if err != nil {
		l.Error = err.Error()
	}
	if rule != nil {
		l.Rule = rule.ID
	}
	return e.commit(&l)
}

func (a answer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for k, v := range a.Header {
		h[k] = v
	}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	w.WriteHeader(a.Status)
	if r.Method != http.MethodHead && a.Status != http.StatusNoContent {
		_, _ = w.Write(a.Body)
	}
}

// wait is false when the client went away first.
func wait(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// v is a value of the route's pattern.
func (c *call) v(name string) string { return c.vars[name] }

var unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)

// read decodes the body into a pointer; like Google it refuses names that the type doesn't have.
func (c *call) read(v any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	return decodeStrict(c.body, v)
}

func decodeStrict(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if d.More() {
			return fail("INVALID_ARGUMENT", "Invalid JSON payload received. Expected end of input.")
		}
		return nil
	}
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		msg := fmt.Sprintf("Invalid JSON payload received. Unknown name %q: Cannot find field.", m[1])
		return fail("INVALID_ARGUMENT", "%s", msg).with(map[string]any{
			"@type":           "type.googleapis.com/google.rpc.BadRequest",
			"fieldViolations": []any{map[string]string{"description": msg}},
		})
	}
	var te *json.UnmarshalTypeError
	if errors.As(err, &te) {
		return fail("INVALID_ARGUMENT", "Invalid value at '%s' (%s), %s", te.Field, te.Type, te.Value)
	}
	return fail("INVALID_ARGUMENT", "Invalid JSON payload received. %s", strings.TrimPrefix(err.Error(), "json: "))
}

// emptyAnswer is 204 without a body.
func emptyAnswer() answer { return answer{Status: http.StatusNoContent} }

// decodeLoose decodes what may hold more than v.
func decodeLoose(raw []byte, v any) error { return json.Unmarshal(raw, v) }
