package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// handler answers one call while the emulator's mutex is held; it must not wait. It returns what is sent as JSON
// (nil: an empty object), an [answer] for anything else, or an error, a [gerr] for one of Google's.
type handler func(*call) (any, error)

// router finds the handler of a host, method and path.
type router struct {
	hosts map[string]*host
}

type host struct {
	routes []route
	open   bool // no Google access token is asked for
	verbs  bool // has ":verb" patterns, so a name with a colon is an unknown method
}

type route struct {
	method  string // "" for any
	pattern string
	segs    []segment
	verb    string
	fn      handler
	open    bool
}

type segment struct {
	literal string
	name    string // of {name} or {name...}
	rest    bool
}

// handle serves "METHOD /path/{name}/{rest...}:verb" of a host. Names match one segment, unescaped; a literal
// wins over a name, a verb over none. A host "*.x" serves every host under x; "" every host that no other serves.
func (e *Emulator) handle(hostname, methodAndPattern string, fn handler) {
	e.addRoute(hostname, methodAndPattern, route{fn: fn})
}

// handleOpen is handle without the check for Google's access token.
func (e *Emulator) handleOpen(hostname, methodAndPattern string, fn handler) {
	e.addRoute(hostname, methodAndPattern, route{fn: fn, open: true})
}

// openHost frees a host of Google's access tokens: its handlers look at the request themselves.
func (e *Emulator) openHost(hostname string) { e.hostOf(hostname).open = true }

func (e *Emulator) hostOf(name string) *host {
	if e.router.hosts == nil {
		e.router.hosts = map[string]*host{}
	}
	h, ok := e.router.hosts[name]
	if !ok {
		h = &host{}
		e.router.hosts[name] = h
	}
	return h
}

var verbPattern = regexp.MustCompile(`:([a-zA-Z]+)$`)

func (e *Emulator) addRoute(hostname, methodAndPattern string, r route) {
	method, pattern, ok := strings.Cut(methodAndPattern, " ")
	if !ok {
		method, pattern = "", methodAndPattern
	}
	r.method, r.pattern = method, pattern
	if m := verbPattern.FindStringSubmatch(pattern); m != nil {
		r.verb, pattern = m[1], strings.TrimSuffix(pattern, m[0])
	}
	for _, s := range strings.Split(strings.TrimPrefix(pattern, "/"), "/") {
		switch {
		case strings.HasPrefix(s, "{") && strings.HasSuffix(s, "...}"):
			r.segs = append(r.segs, segment{name: s[1 : len(s)-4], rest: true})
		case strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}"):
			r.segs = append(r.segs, segment{name: s[1 : len(s)-1]})
		default:
			r.segs = append(r.segs, segment{literal: s})
		}
	}
	h := e.hostOf(hostname)
	h.verbs = h.verbs || r.verb != ""
	for _, o := range h.routes {
		if o.method == r.method && o.pattern == r.pattern {
			panic(fmt.Sprintf("emulator: %s on %q twice", methodAndPattern, hostname))
		}
	}
	h.routes = append(h.routes, r)
}

// find returns the host and the best route, or nil for either.
func (rt *router) find(hostname, method, escaped string) (*host, *route, map[string]string) {
	h := rt.hosts[hostname]
	for name := hostname; h == nil; {
		_, rest, ok := strings.Cut(name, ".")
		if !ok {
			h = rt.hosts[""]
			break
		}
		name = rest
		h = rt.hosts["*."+name]
	}
	if h == nil {
		return nil, nil, nil
	}
	var best *route
	var vars map[string]string
	for i := range h.routes {
		r := &h.routes[i]
		if r.method != "" && r.method != method && (r.method != http.MethodGet || method != http.MethodHead) {
			continue
		}
		v, ok := r.match(escaped, h.verbs)
		if ok && (best == nil || better(r, best)) {
			best, vars = r, v
		}
	}
	return h, best, vars
}

// better prefers the route that says more: a verb, then its literals from the left.
func better(a, b *route) bool {
	if (a.verb != "") != (b.verb != "") {
		return a.verb != ""
	}
	for i := range min(len(a.segs), len(b.segs)) {
		if ra, rb := a.segs[i].rank(), b.segs[i].rank(); ra != rb {
			return ra > rb
		}
	}
	return len(a.segs) > len(b.segs)
}

func (s segment) rank() int {
	switch {
	case s.rest:
		return 0
	case s.name != "":
		return 1
	default:
		return 2
	}
}

func (r *route) match(escaped string, verbs bool) (map[string]string, bool) {
	path := strings.TrimPrefix(escaped, "/")
	if r.verb != "" {
		var ok bool
		if path, ok = strings.CutSuffix(path, ":"+r.verb); !ok {
			return nil, false
		}
	} else if verbs && verbPattern.MatchString(path) && !r.segs[len(r.segs)-1].rest {
		return nil, false
	}
	parts := strings.Split(path, "/")
	vars := map[string]string{}
	for i, s := range r.segs {
		if s.rest {
			v, err := url.PathUnescape(strings.Join(parts[min(i, len(parts)):], "/"))
			if err != nil || v == "" {
				return nil, false
			}
			vars[s.name] = v
			return vars, true
		}
		if i >= len(parts) {
			return nil, false
		}
		v, err := url.PathUnescape(parts[i])
		if err != nil {
			return nil, false
		}
		if s.name == "" {
			if v != s.literal {
				return nil, false
			}
			continue
		}
		if v == "" {
			return nil, false
		}
		vars[s.name] = v
	}
	return vars, len(parts) == len(r.segs)
}
