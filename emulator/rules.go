package emulator

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Match says which calls a rule is for; an empty field matches all.
type Match struct {
	Method string `json:"method,omitempty"`
	Host   string `json:"host,omitempty"` // "storage.googleapis.com", or with * for any characters
	Path   string `json:"path,omitempty"` // unescaped, without the query; * stands for any characters, also /
	Regexp string `json:"regexp,omitempty"`
	Person string `json:"person,omitempty"` // email address
	Body   string `json:"body,omitempty"`   // a part of the request's body
}

// Rule is a fault: what the matching calls meet. Times given as JSON are nanoseconds or "2s".
type Rule struct {
	ID    int64 `json:"id,omitempty"` // set by AddRule
	Match Match `json:"match"`
	// Skip lets that many matching calls through first.
	Skip int `json:"skip,omitempty"`
	// Times is how often the rule acts; 0: always.
	Times int `json:"times,omitempty"`
	// AfterEffect: the change happens, the answer is lost and replaced.
	AfterEffect bool `json:"after_effect,omitempty"`

	// Status, Body, Headers and HTML replace the answer. Without Body, Google's error for Status is made of Reason
	// and Message.
	Status  int               `json:"status,omitempty"`
	Reason  string            `json:"reason,omitempty"`
	Message string            `json:"message,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"` // JSON; a JSON string is sent as its text
	Headers map[string]string `json:"headers,omitempty"`
	HTML    bool              `json:"html,omitempty"` // Google's HTML error page instead of JSON
	Size    int               `json:"size,omitempty"` // answer with that many bytes of blanks in front

	Latency   Duration `json:"latency,omitempty"`
	Reset     bool     `json:"reset,omitempty"`     // the connection is reset
	Hang      bool     `json:"hang,omitempty"`      // no answer until the client gives up
	Operation Duration `json:"operation,omitempty"` // the operation that the call starts takes this long; negative: never ends

	Fails *Status `json:"fails,omitempty"` // the operation that the call starts ends with this error, without an effect

	// Writes is an object, "bucket/name", that somebody writes just before the call takes effect.
	Writes string `json:"writes,omitempty"`

	Hits int `json:"hits,omitempty"` // how often it matched
}

// Duration is a time.Duration that JSON may also give as "2s".
type Duration time.Duration

// UnmarshalJSON reads "2s" or nanoseconds.
func (d *Duration) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		v, err := time.ParseDuration(strings.Trim(string(raw), `"`))
		*d = Duration(v)
		return err
	}
	return json.Unmarshal(raw, (*int64)(d))
}

// AddRule adds a fault and returns its id. The first rule that matches a call and is not used up acts.
func (e *Emulator) AddRule(r Rule) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seq++
	r.ID, r.Hits = int64(e.seq), 0
	e.rules.put(ruleKey(r.ID), r)
	_ = e.commit(nil)
	return r.ID
}

// RemoveRule takes a fault away; 0 takes all away.
func (e *Emulator) RemoveRule(id int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if id == 0 {
		e.rules.clear()
	} else {
		e.rules.delete(ruleKey(id))
	}
	_ = e.commit(nil)
}

// Rules are the faults with how often each matched.
func (e *Emulator) Rules() []Rule {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []Rule
	for _, k := range e.rules.keys("") {
		r, _ := e.rules.get(k)
		out = append(out, r)
	}
	return out
}

// SetLatency changes Config.Latency.
func (e *Emulator) SetLatency(d time.Duration) { e.lock(func() { e.cfg.Latency = d }) }

// SetSpeed changes Config.Speed, for operations started from now on.
func (e *Emulator) SetSpeed(d time.Duration) { e.lock(func() { e.cfg.Speed = d }) }

// SetPropagation changes Config.Propagation.
func (e *Emulator) SetPropagation(d time.Duration) { e.lock(func() { e.cfg.Propagation = d }) }

func ruleKey(id int64) string { return fmt.Sprintf("%012d", id) }

// takeRule counts the call against the rules and returns the one that acts, and the latency; mu is held.
func (e *Emulator) takeRule(c *call) (*Rule, time.Duration) {
	latency := e.cfg.Latency
	if !strings.Contains(c.host, ".") || net.ParseIP(c.host) != nil {
		latency = 0 // sign-in in the browser
	}
	for _, k := range e.rules.keys("") {
		r, _ := e.rules.get(k)
		if !r.Match.matches(c) {
			continue
		}
		r.Hits++
		if r.Times > 0 && r.Hits > r.Skip+r.Times {
			continue
		}
		e.rules.put(k, r)
		if r.Hits <= r.Skip {
			continue
		}
		return &r, latency + time.Duration(r.Latency)
	}
	return nil, latency
}

func (m Match) matches(c *call) bool {
	return (m.Method == "" || m.Method == c.Method) &&
		(m.Host == "" || glob(m.Host, c.host)) &&
		(m.Path == "" || glob(m.Path, c.URL.Path)) &&
		(m.Person == "" || strings.EqualFold(m.Person, c.person)) &&
		(m.Body == "" || strings.Contains(string(c.body), m.Body)) &&
		(m.Regexp == "" || matchRegexp(m.Regexp, c.URL.Path))
}

// glob matches * with any run of characters.
func glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}

func matchRegexp(pattern, s string) bool {
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(s)
}

// breaks reports whether the rule replaces the answer, rather than only delaying it.
func (r *Rule) breaks() bool {
	return r.Status != 0 || len(r.Body) > 0 || r.Reset || r.Hang || r.Size > 0
}

// send sends the fault. real is the answer that would have been sent, when there is one.
func (r *Rule) send(w http.ResponseWriter, req *http.Request, real answer) {
	switch {
	case r.Hang:
		<-req.Context().Done()
		return
	case r.Reset:
		reset(w)
		return
	}
	a := r.answer(real)
	if r.Size > 0 {
		a.Body = append([]byte(strings.Repeat(" ", r.Size)), a.Body...)
	}
	for k, v := range r.Headers {
		a.Header.Set(k, v)
	}
	a.write(w, req)
}

func (r *Rule) answer(real answer) answer {
	status := r.Status
	if status == 0 {
		status = http.StatusOK
	}
	json8 := http.Header{"Content-Type": {"application/json; charset=UTF-8"}}
	switch {
	case r.HTML:
		return answer{Status: status, Header: http.Header{"Content-Type": {"text/html; charset=UTF-8"}}, Body: fmt.Appendf(nil,
			"<!DOCTYPE html>\n<html lang=en>\n<title>Error %d (%s)!!1</title>\n<p><b>%d.</b> <ins>That’s an error.</ins>\n<p>The server encountered a temporary error and could not complete your request.<p>Please try again in 30 seconds.\n",
			status, http.StatusText(status), status)}
	case len(r.Body) > 0:
		var text string
		if json.Unmarshal(r.Body, &text) == nil {
			return answer{Status: status, Header: json8, Body: []byte(text)}
		}
		return answer{Status: status, Header: json8, Body: r.Body}
	case r.Status == 0:
		return real
	case r.Status < 300:
		return answer{Status: status, Header: json8, Body: []byte("{}")}
	}
	msg := r.Message
	if msg == "" {
		msg = http.StatusText(status)
	}
	return (&gerr{HTTP: status, Reason: r.Reason, Message: msg}).answer("")
}

// reset closes the connection with a TCP reset where it can.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = conn.Close()
}

func (d Duration) d() time.Duration { return time.Duration(d) }
