package provisioner

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"groundwork/onboarding"
)

func TestGuardRefusesWhatLeadsInside(t *testing.T) {
	for _, address := range []string{
		"127.0.0.1:443", "127.1.2.3:443", "[::1]:443", "0.0.0.0:443", "[::]:443", "0.1.2.3:443",
		"10.0.0.1:443", "172.16.0.1:443", "172.31.255.255:443", "192.168.1.1:443",
		"169.254.169.254:443", "[fe80::1%eth0]:443", "[fe80::1]:443", "[fec0::1]:443", "[fc00::1]:443", "[fd00:ec2::254]:443",
		"100.64.0.1:443", "100.127.255.255:443", "224.0.0.1:443", "[ff02::1]:443", "255.255.255.255:443", "240.0.0.1:443",
		"192.0.0.1:443", "192.0.2.1:443", "198.18.0.1:443", "198.51.100.1:443", "203.0.113.1:443",
		"[::ffff:169.254.169.254]:443", "[::ffff:a9fe:a9fe]:443", "[::ffff:8.8.8.8]:443", "[::127.0.0.1]:443",
		"[64:ff9b::169.254.169.254]:443", "[64:ff9b::a9fe:a9fe]:443", "[64:ff9b:1::1]:443",
		"[2002:a9fe:a9fe::1]:443", "[2001::1]:443", "[2001:db8::1]:443", "[100::1]:443",
		"not-an-address", "example.com:443",
	} {
		if err := control("tcp", address, nil); err == nil {
			t.Errorf("%s is let through", address)
		} else if onboarding.ErrorCode(err) != onboarding.CodeInvalid {
			t.Errorf("%s: %v, want CodeInvalid", address, err)
		}
	}
	for _, address := range []string{"8.8.8.8:443", "34.160.0.1:443", "100.128.0.1:443", "172.32.0.1:443", "[2607:f8b0:4005:80a::200e]:443"} {
		if err := control("tcp", address, nil); err != nil {
			t.Errorf("%s is refused: %v", address, err)
		}
	}
}

func TestGuardHTTPRefusesByForm(t *testing.T) {
	g := &Guard{}
	client := g.HTTP(".gcp.databricks.com", "handover.vendor.example")
	for _, address := range []string{
		"http://1234.7.gcp.databricks.com/", "https://1234.7.gcp.databricks.com:8443/", "https://1234.7.gcp.databricks.com.evil.example/",
		"https://good@1234.7.gcp.databricks.com/", "https://1234.7.gcp.databricks.com@evil.example/", "https://1234.7.gcp.databricks.com./",
		"https://gcp.databricks.com/", "https://.gcp.databricks.com.evil.example/", "https://evil.example/#.gcp.databricks.com",
		"https://evilgcp.databricks.com/", "https://x.handover.vendor.example/", "https://127.1/", "https://2130706433/", "https://0x7f.1/", "https://[::1]/", "file:///etc/passwd",
	} {
		res, err := client.Get(address)
		if err == nil {
			_ = res.Body.Close()
		}
		var refusal *onboarding.Error
		if !errors.As(err, &refusal) && (err == nil || !strings.Contains(err.Error(), "unsupported protocol")) {
			t.Errorf("%s: %v, want a refusal", address, err)
		}
	}
	// Without a list of hosts the resolved address decides; a name for an inner address and odd spellings of one.
	for _, address := range []string{"https://localhost/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://[::ffff:127.0.0.1]/", "https://169.254.169.254/"} {
		res, err := g.HTTP().Get(address)
		if err == nil {
			_ = res.Body.Close()
			t.Errorf("%s was reached", address)
		}
	}
}

func TestGuardFollowsNoRedirectAndUsesTheDialMap(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "https://169.254.169.254/", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, r.Host)
	}))
	defer inner.Close()
	g := &Guard{Dials: map[string]string{".gcp.databricks.com": inner.URL}}
	client := g.HTTP(".gcp.databricks.com")
	res, err := client.Get("https://1234.7.gcp.databricks.com/api")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if string(body) != "1234.7.gcp.databricks.com" {
		t.Errorf("the stand-in saw the host %q", body)
	}
	if res, err = client.Get("https://1234.7.gcp.databricks.com/away"); err != nil || res.StatusCode != http.StatusFound {
		t.Fatalf("redirect: %v %v", res, err)
	}
	_ = res.Body.Close()
	// The map stands in for its own names alone, and only after the address passed.
	for _, address := range []string{"https://evil.example/", "https://1234.7.gcp.databricks.com:9999/", inner.URL, strings.Replace(inner.URL, "http:", "https:", 1)} {
		if res, err := client.Get(address); err == nil {
			_ = res.Body.Close()
			t.Errorf("%s was reached", address)
		}
	}

	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer secure.Close()
	at, _ := url.Parse(secure.URL)
	g = &Guard{Dials: map[string]string{"redis.example": at.Host}}
	conn, err := g.Dial(t.Context(), "tcp", "redis.example:12000")
	if err != nil {
		t.Fatalf("dial by the map: %v", err)
	}
	if err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(t.Context()); err != nil { //nolint:gosec // the test's own server
		t.Errorf("TLS through the map: %v", err)
	}
	_ = conn.Close()
}

func TestGuardDialRefusesPortsAndInnerAddresses(t *testing.T) {
	for _, address := range []string{"redis.example", "redis.example:22", "redis.example:0", "redis.example:65536", "redis.example:-1", "redis.example:1e3", "127.0.0.1:6379", "localhost:6379", "[::1]:6379", "169.254.169.254:8080"} {
		conn, err := (&Guard{}).Dial(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			t.Errorf("%s was reached", address)
		}
	}
	if _, err := (&Guard{}).Dial(t.Context(), "unix", "/var/run/x:1234"); err == nil {
		t.Error("a socket was reached")
	}
}

func FuzzOnlyPublicAddressesPass(f *testing.F) {
	for _, s := range []string{"8.8.8.8", "127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := netip.ParseAddr(s)
		if err != nil || !public(a) {
			return
		}
		if u := a.Unmap(); u.IsLoopback() || u.IsPrivate() || u.IsLinkLocalUnicast() || u.IsMulticast() || u.IsUnspecified() || u != a {
			t.Errorf("%s passes", s)
		}
	})
}
