package handlers

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alexedwards/scs/v2"

	"groundwork/onboarding"
)

func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/", "/o/ob_a?x=1#y", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil", "/%2f/evil.example", "/..//evil.example", "", "/signin/callback"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := localPath(next)
		base, err := url.Parse("https://onboarding.vendor.example/signin")
		if err != nil {
			t.Fatal(err)
		}
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.HasPrefix(got, "/\\") {
			t.Errorf("%q leads to %q (%v)", next, got, err)
		}
	})
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "a=%ff", "a=%00", "a", "&&&", "a=1;b=2", "%", strings.Repeat("a=1&", 600)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		form, err := parseForm(nil, r)
		if err != nil {
			if status := statusOf(err); status != 400 && status != 413 {
				t.Errorf("status %d", status)
			}
			return
		}
		for k, values := range form {
			for _, v := range append(values, k) {
				if !utf8.ValidString(v) {
					t.Errorf("%q passed", v)
				}
			}
		}
	})
}

func TestEachCodeHasItsStatus(t *testing.T) {
	for code, status := range map[onboarding.Code]int{
		onboarding.CodeInvalid: 422, onboarding.CodeNotFound: 404, onboarding.CodeStale: 409, onboarding.CodeForbidden: 403, onboarding.CodeGone: 410,
		onboarding.CodeUnavailable: 503, onboarding.CodeInternal: 500, onboarding.CodeConflict: 409, onboarding.CodeSignIn: 409, onboarding.CodeCloud: 502,
	} {
		err := fmt.Errorf("wrapped: %w", onboarding.Errorf(code, "A sentence."))
		if got := statusOf(err); got != status {
			t.Errorf("%s is %d, want %d", code, got, status)
		}
		if got := sentence(err); (code == onboarding.CodeInternal) == (got == "A sentence.") {
			t.Errorf("%s says %q", code, got)
		}
	}
	if got := statusOf(fmt.Errorf("read: %w", context.DeadlineExceeded)); got != 503 {
		t.Errorf("a deadline is %d", got)
	}
}

// A cell begins no formula, also where a spreadsheet splits it, and nothing but apostrophes is put into it.
func FuzzCell(f *testing.F) {
	for _, s := range []string{"Acme;=1+1", "Acme\t=1", "a;b", "a; =1", "a-b;c", "a\r\n+1", "a;;@x", "a;\uff1d1", "", "Acme", "=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "'=x", "\u00a0=1", "é", "\uff1d1+1", "\uff20x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := cell(text)
		if first, _ := utf8.DecodeRuneInString(got); got != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
			t.Errorf("%q becomes %q", text, got)
		}
		for _, part := range strings.FieldsFunc(got, func(r rune) bool { return strings.ContainsRune(";\t\r\n", r) }) {
			if first, _ := utf8.DecodeRuneInString(part); strings.ContainsRune("=+-@＝＋－＠", first) {
				t.Errorf("%q becomes %q, of which %q is a cell", text, got, part)
			}
		}
		if strings.ReplaceAll(got, "'", "") != strings.ReplaceAll(text, "'", "") || !strings.ContainsAny(text, "=+-@＝＋－＠\t\r\n") && got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

// What somebody puts in place of a sealed value opens as nothing, and neither does one that was sealed under another name.
func FuzzSealedSession(f *testing.F) {
	s := Server{}
	var err error
	if s.flash, err = newFlashSealer("a client's secret"); err != nil {
		f.Fatal(err)
	}
	other, err := newFlashSealer("another secret")
	if err != nil {
		f.Fatal(err)
	}
	// Sealed once: a nonce of each process' own would make another value of it in each worker.
	good, err := hex.DecodeString("b69f5cb6bd822044403965d4a2bfd2cc32da5124e11eb26896d4c279958b0aea1b07dc")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, keyInvite)
	f.Add(good, keyLink)
	f.Add(other.aead.Seal(nil, nil, []byte(`"token"`), []byte(keyInvite)), keyInvite)
	f.Add([]byte{}, keyInvite)
	f.Add([]byte(`"token"`), keyInvite)
	s.sessions = scs.New()
	f.Fuzz(func(t *testing.T, sealed []byte, key string) {
		ctx, err := s.sessions.Load(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		s.sessions.Put(ctx, key, sealed)
		var token string
		if opened := s.popSealed(ctx, key, &token); opened != (bytes.Equal(sealed, good) && key == keyInvite) {
			t.Errorf("%x under %q opened %v as %q", sealed, key, opened, token)
		}
		if s.sessions.Exists(ctx, key) {
			t.Error("it can be taken twice")
		}
	})
}

// Who forwards, and what they say, names an address; one that nobody trusted said is never taken.
func FuzzForwardedFor(f *testing.F) {
	for _, c := range [][2]string{{"10.0.0.7:1", "203.0.113.9"}, {"198.51.100.1:1", "203.0.113.9"}, {"10.0.0.7:1", "192.0.2.66, 203.0.113.9, 10.1.1.1"}, {"@", "x"}, {"[::ffff:10.0.0.7]:1", "::ffff:10.1.1.1,,"}, {"[2001:db8::1%eth0]:1", "fe80::1%eth0"}} {
		f.Add(c[0], c[1])
	}
	trusted := netip.MustParsePrefix("10.0.0.0/8")
	f.Fuzz(func(t *testing.T, from, header string) {
		s := &Server{Config: Config{Proxies: []netip.Prefix{trusted}}}
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/"}, Header: http.Header{"X-Forwarded-For": {header}}, RemoteAddr: from}
		got := ""
		s.throughProxies(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = client(r) })).ServeHTTP(nil, r.WithContext(t.Context()))
		direct := &http.Request{Method: http.MethodGet, URL: r.URL, Header: http.Header{}, RemoteAddr: from}
		own := ""
		s.throughProxies(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { own = client(r) })).ServeHTTP(nil, direct.WithContext(t.Context()))
		if got == own {
			return
		}
		host, _, _ := net.SplitHostPort(from)
		if peer, err := netip.ParseAddr(host); err != nil || !trusted.Contains(peer.Unmap()) {
			t.Errorf("%q isn't trusted, and says that it forwards for %q: %q", from, header, got)
		}
		if _, err := netip.ParseAddr(got); err != nil {
			t.Errorf("%q forwards for %q: %q is no address", from, header, got)
		}
	})
}
