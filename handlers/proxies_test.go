package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestTheClientBehindProxies(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	for _, c := range []struct {
		name    string
		trusted []netip.Prefix
		from    string
		headers http.Header
		want    string
	}{
		{"nobody is trusted", nil, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "10.0.0.7"},
		{"made up by the client itself", trusted, "198.51.100.1:1", http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "198.51.100.1"},
		{"one proxy", trusted, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "203.0.113.9"},
		{"a proxy on this machine", trusted, "127.0.0.1:1", http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "203.0.113.9"},
		{"a proxy at a Unix socket", trusted, "@", http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "203.0.113.9"},
		{"a Unix socket, where loopback isn't trusted", trusted[1:], "@", http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "127.0.0.1"},
		{"made up, then appended to", trusted, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"192.0.2.66, 203.0.113.9"}}, "203.0.113.9"},
		{"a chain of proxies", trusted, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"192.0.2.66, 203.0.113.9, 10.2.2.2, 10.1.1.1"}}, "203.0.113.9"},
		{"two headers", trusted, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"192.0.2.66", "203.0.113.9, 10.1.1.1"}}, "203.0.113.9"},
		{"a made-up proxy before the client", trusted, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"192.0.2.66, 10.9.9.9, 203.0.113.9"}}, "203.0.113.9"},
		{"only proxies", trusted, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"10.2.2.2, 10.1.1.1"}}, "10.0.0.7"},
		{"no header", trusted, "10.0.0.7:1", nil, "10.0.0.7"},
		{"an empty header", trusted, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"", " , ,"}}, "10.0.0.7"},
		{"not an address", trusted, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"203.0.113.9, unknown"}}, "10.0.0.7"},
		{"not an address further left", trusted, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"<script>, 203.0.113.9"}}, "203.0.113.9"},
		{"with a port", trusted, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"203.0.113.9:4711"}}, "10.0.0.7"},
		{"a decimal address", trusted, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"3405803785"}}, "10.0.0.7"},
		{"IPv6", trusted, "[2001:db8:1::7]:1", http.Header{"X-Forwarded-For": {"2001:db8:2::9, 2001:db8:1::8"}}, "2001:db8:2::9"},
		{"IPv6 that isn't trusted", trusted, "[2001:db8:2::7]:1", http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "2001:db8:2::7"},
		{"a mapped proxy", trusted, "[::ffff:10.0.0.7]:1", http.Header{"X-Forwarded-For": {"203.0.113.9, ::ffff:10.1.1.1"}}, "203.0.113.9"},
		{"a zone", trusted, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"203.0.113.9, 2001:db8:1::8%eth0"}}, "203.0.113.9"},
		{"other headers", trusted, "10.0.0.7:1", http.Header{"X-Real-Ip": {"192.0.2.66"}, "Forwarded": {"for=192.0.2.66"}, "True-Client-Ip": {"192.0.2.66"}}, "10.0.0.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Server{Config: Config{Proxies: c.trusted}}
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.RemoteAddr = c.from
			for name, values := range c.headers {
				r.Header[name] = values
			}
			got := ""
			s.throughProxies(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = client(r) })).ServeHTTP(httptest.NewRecorder(), r)
			if got != c.want {
				t.Errorf("the client is %q, want %q", got, c.want)
			}
		})
	}
}
