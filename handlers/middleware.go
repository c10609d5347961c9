package handlers

import (
	"cmp"
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httprate"
	"golang.org/x/text/unicode/norm"

	"groundwork/onboarding"
	"groundwork/web"
)

const (
	maxForm = 64 << 10
	maxKeys = 500
)

// note is what a request gathers for its one log line.
type note struct {
	id      string
	err     error
	stack   []byte
	gone    bool            // the client went away
	session context.Context // holds the session once it is loaded; nil before
	role    onboarding.Role
	watch   watched
	w       middleware.WrapResponseWriter
}

func (n *note) wrote() bool { return n.w != nil && n.w.Status() != 0 }

type noteKey struct{}

func noteOf(ctx context.Context) *note {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		return n
	}
	return &note{}
}

var requestIDs = base32.StdEncoding.WithPadding(base32.NoPadding)

// identify gives the request an id of our own; one that the client sends is not taken over into our logs.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b [10]byte
		if _, err := io.ReadFull(s.Rand, b[:]); err != nil {
			http.Error(w, "Try again in a moment.", http.StatusServiceUnavailable)
			return
		}
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		n := &note{id: "req_" + strings.ToLower(requestIDs.EncodeToString(b[:])), w: ww}
		ww.Header().Set("X-Request-Id", n.id)
		next.ServeHTTP(ww, r.WithContext(context.WithValue(r.Context(), noteKey{}, n)))
	})
}

// logged writes one line a request. It names the route's pattern and never the path or query: those hold invite
// tokens and sign-in codes. (httplog logs both.)
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		defer func() {
			n := noteOf(r.Context())
			status := n.w.Status()
			switch {
			case n.gone:
				status = 499
			case status == 0:
				status = http.StatusOK
			}
			s.noteSecurity(r, n, status)
			level := slog.LevelInfo
			if status >= http.StatusInternalServerError {
				level = slog.LevelError
			}
			if !s.Logger.Enabled(r.Context(), level) {
				return
			}
			attrs := []slog.Attr{
				slog.String("request_id", n.id),
				slog.String("method", r.Method),
				slog.String("route", chi.RouteContext(r.Context()).RoutePattern()),
				slog.Int("status", status),
				slog.Int("bytes", n.w.BytesWritten()),
				slog.Float64("ms", float64(time.Since(start).Microseconds())/1000),
			}
			if id := chi.URLParam(r, "id"); id != "" && len(id) <= 64 {
				attrs = append(attrs, slog.String("onboarding", id))
			}
			if n.role != "" {
				attrs = append(attrs, slog.String("role", string(n.role)))
			}
			if n.err != nil {
				attrs = append(attrs, slog.String("error", n.err.Error()))
			}
			if n.stack != nil {
				attrs = append(attrs, slog.String("stack", string(n.stack)))
			}
			s.Logger.LogAttrs(r.Context(), level, "request", attrs...)
		}()
		next.ServeHTTP(w, r)
	})
}

// recovered turns a panic into the error page; a connection that was told to abort goes on aborting.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			noteOf(r.Context()).stack = debug.Stack()
			s.fail(w, r, fmt.Errorf("panic: %v", p))
			if noteOf(r.Context()).wrote() && noteOf(r.Context()).w.Status() < http.StatusInternalServerError {
				panic(http.ErrAbortHandler) // half an answer must not look whole
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func (s *Server) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", web.ContentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // no-referrer makes browsers send Origin: null with our own forms
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store") // but for assets, which say otherwise
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		if s.secure {
			h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		next.ServeHTTP(w, r)
	})
}

// rightHost answers only for the address that we are configured with. Another loopback name of the same port is
// led there, since people type either.
func (s *Server) rightHost(next http.Handler) http.Handler {
	want := strings.ToLower(s.base.Host)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(r.Host)
		if host == want || host == want+defaultPort(s.base.Scheme) {
			next.ServeHTTP(w, r)
			return
		}
		if u := (&url.URL{Host: host}); r.Method == http.MethodGet && loopback(u.Hostname()) && loopback(s.base.Hostname()) && u.Port() == s.base.Port() {
			http.Redirect(w, r, s.BaseURL+r.URL.RequestURI(), http.StatusTemporaryRedirect) //nolint:gosec // begins with our own address
			return
		}
		s.fail(w, r, &statusError{status: http.StatusMisdirectedRequest, message: "We don't serve this address. Open the link that you were sent."})
	})
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return ":443"
	}
	return ":80"
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// sameOrigin refuses posts from other sites, by the headers that browsers send. The library lets a request pass that
// has neither Origin nor Sec-Fetch-Site, because it comes from no browser; with a cookie on it, we don't believe that.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	const message = "This form was sent from another site, so nothing was done. Open our own page and try again."
	protect := http.NewCrossOriginProtection()
	protect.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, onboarding.Errorf(onboarding.CodeForbidden, message))
	}))
	checked := protect.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
		if !safe && r.Header.Get("Cookie") != "" && r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" {
			s.fail(w, r, onboarding.Errorf(onboarding.CodeForbidden, message))
			return
		}
		checked.ServeHTTP(w, r)
	})
}

func postsOnly(r *http.Request) bool { return r.Method == http.MethodPost }

// throughProxies finds the client behind the proxies that we trust, by X-Forwarded-For alone.
func (s *Server) throughProxies(next http.Handler) http.Handler {
	if len(s.Proxies) == 0 {
		return next
	}
	var prefixes []string
	for _, p := range s.Proxies {
		prefixes = append(prefixes, p.String())
	}
	forwarded := middleware.ClientIPFromXFF(prefixes...)(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := net.SplitHostPort(r.RemoteAddr); err != nil { // a Unix socket: on this machine, as loopback is
			local := *r
			local.RemoteAddr = "127.0.0.1:0"
			r = &local
		}
		forwarded.ServeHTTP(w, r)
	})
}

// client is the address that a request comes from: the connection's, or behind trusted proxies the last one in
// X-Forwarded-For that isn't theirs. Where that can't be read, all of the proxy's requests are one client's.
func client(r *http.Request) string {
	if ip := middleware.GetClientIP(r.Context()); ip != "" {
		return ip
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// ofKnownLength refuses a request whose body comes in chunks, and closes its connection. Browsers send forms with their
// length. Of a request with both a length and chunks, Go has dropped the length by now: a proxy in front of us may have
// read the other one, and what it takes for the next request would be somebody else's (RFC 9112, section 6.3).
func (s *Server) ofKnownLength(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chunked := len(r.TransferEncoding) > 0
		if chunked || !r.ProtoAtLeast(1, 1) { // in HTTP/1.0 Go ignores chunks, and a proxy may not
			w.Header().Set("Connection", "close")
		}
		if chunked {
			s.fail(w, r, &statusError{http.StatusLengthRequired, "This address accepts only forms of a known length. Send it from our page. If you did, something between your browser and this server changed it: try another network.", nil})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// oneSession refuses a request with two session cookies: one of them was put there by somebody else, and which one a
// browser sends first says nothing.
func (s *Server) oneSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.CookiesNamed(s.sessions.Cookie.Name)) > 1 {
			s.fail(w, r, badRequest("Your browser sent two sign-ins at once. Delete this site's cookies in the browser, then sign in again.", nil))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// person is whose session a request is in, else the client.
func (s *Server) person(r *http.Request) string {
	return cmp.Or(s.sessions.GetString(r.Context(), keyEmail), client(r)) // no client's address has an @
}

// limited allows so many requests a minute of one requester, as who names them. counts chooses the requests that count;
// nil counts all.
func (s *Server) limited(class string, perMinute int, who func(*http.Request) string, counts func(*http.Request) bool) func(http.Handler) http.Handler {
	if perMinute < 0 {
		return func(next http.Handler) http.Handler { return next }
	}
	none := httprate.ResponseHeaders{RetryAfter: "Retry-After"}
	limit := httprate.LimitBy(perMinute, time.Minute, func(r *http.Request) (string, error) {
		return class + " " + httprate.CanonicalizeIP(who(r)), nil
	}, httprate.WithResponseHeaders(none), httprate.WithLimitHandler(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, &statusError{status: http.StatusTooManyRequests, message: "That was a lot of requests at once. Nothing is lost. Wait a minute, then reload the page or send the form again."})
	}))
	return func(next http.Handler) http.Handler {
		all := limit(next)
		if counts == nil {
			return all
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if counts(r) {
				all.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

type formKey struct{}

// readForm reads the whole form of a post before anything else happens, so that no handler meets half a body,
// another type, text that isn't UTF-8, or more fields than any page of ours has.
func (s *Server) readForm(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		form, err := parseForm(w, r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), formKey{}, form)))
	})
}

func parseForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if kind := r.Header.Get("Content-Type"); kind != "" || r.ContentLength != 0 {
		media, params, err := mime.ParseMediaType(kind)
		if charset := strings.ToLower(params["charset"]); err != nil || media != "application/x-www-form-urlencoded" || (charset != "" && charset != "utf-8") {
			return nil, &statusError{http.StatusUnsupportedMediaType, "This address accepts only ordinary forms. Send it from our page.", err}
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, &statusError{http.StatusRequestEntityTooLarge, "That is more text than this page accepts. Go back and shorten it.", err}
	case err != nil:
		return nil, badRequest("The form arrived incomplete. Go back and send it again.", err)
	}
	if strings.Count(string(body), "&") >= maxKeys {
		return nil, badRequest("The form has too many fields. Go back and send it again.", nil)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, badRequest("The form could not be read. Go back and send it again.", err)
	}
	for key, values := range form {
		for i, v := range append(values, key) {
			if !utf8.ValidString(v) {
				return nil, badRequest("The form contains characters that aren't text. Go back, remove them, and send it again.", nil)
			}
			if i < len(values) {
				values[i] = norm.NFC.String(v) // one way to write each letter, so that what looks the same is the same
			}
		}
	}
	return form, nil
}
