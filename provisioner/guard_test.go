package provisioner

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"

	"groundwork/onboarding"
)

// names is a name server: what each name leads to, one answer for each time it is asked, the last for ever.
type names map[string][][]string

// serve makes the test's process ask the names, and no server, until the test ends.
func (n names) serve(t *testing.T) {
	t.Helper()
	var mu sync.Mutex
	asked := map[string]int{}
	usual := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = usual })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			var size [2]byte
			if _, err := io.ReadFull(server, size[:]); err != nil {
				return
			}
			raw := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(server, raw); err != nil {
				return
			}
			var m dnsmessage.Message
			if err := m.Unpack(raw); err != nil {
				t.Errorf("name server: %v", err)
				return
			}
			m.Response, m.RCode, m.Additionals = true, dnsmessage.RCodeNameError, nil
			q := m.Questions[0]
			name := strings.TrimSuffix(strings.ToLower(q.Name.String()), ".")
			if answers, ok := n[name]; ok {
				m.RCode = dnsmessage.RCodeSuccess
				mu.Lock()
				turn := min(asked[name], len(answers)-1)
				if q.Type == dnsmessage.TypeA {
					asked[name]++
				}
				mu.Unlock()
				for _, text := range answers[turn] {
					a := netip.MustParseAddr(text)
					header := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, Type: q.Type}
					switch {
					case q.Type == dnsmessage.TypeA && a.Is4():
						m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: a.As4()}})
					case q.Type == dnsmessage.TypeAAAA && a.Is6():
						m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
					}
				}
			}
			out, err := m.Pack()
			if err != nil {
				t.Errorf("name server: %v", err)
				return
			}
			_, _ = server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
		}()
		return client, nil
	}}
}

// TestGuard is the table of addresses that a customer might supply. With -v it prints each with its verdict and why.
func TestGuard(t *testing.T) {
	names{
		"inner.1.gcp.databricks.com":     {{"10.0.0.1"}},
		"meta.1.gcp.databricks.com":      {{"169.254.169.254"}},
		"loop.1.gcp.databricks.com":      {{"127.0.0.1"}},
		"loop6.1.gcp.databricks.com":     {{"::1"}},
		"mapped.1.gcp.databricks.com":    {{"::ffff:10.0.0.1"}},
		"nat64.1.gcp.databricks.com":     {{"64:ff9b::a9fe:a9fe"}},
		"several.1.gcp.databricks.com":   {{"10.0.0.1", "192.168.0.1", "fd00::1"}},
		"metadata.google.internal":       {{"169.254.169.254"}},
		"metadata":                       {{"169.254.169.254"}},
		"instance-data.ec2.internal":     {{"169.254.169.254"}},
		"127.0.0.1.names.example":        {{"127.0.0.1"}},
		"redis.inside.customer.example":  {{"10.20.0.3"}},
		"redis.inside6.customer.example": {{"fd00::3"}},
	}.serve(t)
	workspaces, anything := (&Guard{}).HTTP(".gcp.databricks.com", "handover.vendor.example"), (&Guard{}).HTTP()
	get := func(client *http.Client) func(string) error {
		return func(address string) error {
			res, err := client.Get(address)
			if err == nil {
				res.Body.Close()
			}
			return err
		}
	}
	dial := func(address string) error {
		conn, err := (&Guard{}).Dial(t.Context(), "tcp", address)
		if err == nil {
			conn.Close()
		}
		return err
	}
	resolved := func(address string) error { return (&Guard{}).control("tcp", address, nil) }
	allowed := func(address string) error { // its form alone: nothing is dialed
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		return (&Guard{}).checkURL(u, []string{".gcp.databricks.com", "handover.vendor.example"})
	}
	private := &Guard{Private: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16")}}
	wide := &Guard{Private: []netip.Prefix{netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("100.64.0.0/10")}}
	openedWide := func(address string) error { return wide.control("tcp", address, nil) }
	opened := func(address string) error { return private.control("tcp", address, nil) }
	checked := func(address string) error { return private.Check(t.Context(), address) }
	var printed strings.Builder
	for _, c := range []struct {
		kind      string
		ask       func(string) error
		pass      bool
		addresses []string
	}{
		{"resolved to the public internet", resolved, true, []string{
			"8.8.8.8:443", "34.160.0.1:443", "100.63.255.255:443", "100.128.0.1:443", "172.15.255.255:443", "172.32.0.1:443", "192.169.0.1:443", "169.253.255.255:443",
			"223.255.255.255:443", "[2607:f8b0:4005:80a::200e]:443",
		}},
		{"resolved to an allowed network", openedWide, true, []string{"[fd12:3456::1]:443", "100.64.0.1:443"}},
		{"resolved to a metadata server in an allowed network", openedWide, false, []string{"[fd00:ec2::254]:443", "[fd20:ce::254]:443", "100.100.100.200:443"}},
		{"resolved to loopback", resolved, false, []string{"127.0.0.1:443", "127.1.2.3:443", "127.255.255.255:443", "[::1]:443"}},
		{"resolved to a private network", resolved, false, []string{"10.0.0.1:443", "172.16.0.1:443", "172.31.255.255:443", "192.168.1.1:443", "[fc00::1]:443", "[fd00:ec2::254]:443"}},
		{"resolved to a link-local address", resolved, false, []string{"169.254.169.254:443", "169.254.0.1:443", "[fe80::1]:443", "[fec0::1]:443"}},
		{"with a zone", resolved, false, []string{"[fe80::1%eth0]:443", "[2607:f8b0:4005:80a::200e%eth0]:443"}},
		{"resolved to a carrier's network", resolved, false, []string{"100.64.0.1:443", "100.127.255.255:443"}},
		{"multicast, broadcast", resolved, false, []string{"224.0.0.1:443", "239.255.255.255:443", "255.255.255.255:443", "[ff02::1]:443", "[ff0e::1]:443"}},
		{"unspecified", resolved, false, []string{"0.0.0.0:443", "0.1.2.3:443", "[::]:443"}},
		{"reserved, for tests and documents", resolved, false, []string{
			"192.0.0.1:443", "192.0.2.1:443", "192.88.99.1:443", "198.18.0.1:443", "198.51.100.1:443", "203.0.113.1:443", "240.0.0.1:443", "[2001:db8::1]:443", "[3fff::1]:443", "[100::1]:443", "[5f00::1]:443", "[4000::1]:443",
		}},
		{"IPv4 hidden in IPv6: mapped", resolved, false, []string{"[::ffff:169.254.169.254]:443", "[::ffff:a9fe:a9fe]:443", "[::ffff:8.8.8.8]:443", "[::127.0.0.1]:443", "[::ffff:0:127.0.0.1]:443"}},
		{"IPv4 hidden in IPv6: NAT64", resolved, false, []string{"[64:ff9b::169.254.169.254]:443", "[64:ff9b::a9fe:a9fe]:443", "[64:ff9b:1::1]:443"}},
		{"IPv4 hidden in IPv6: 6to4, Teredo", resolved, false, []string{"[2002:a9fe:a9fe::1]:443", "[2002:7f00:1::]:443", "[2001:0:a9fe:a9fe::1]:443"}},
		{"in a private network that is allowed", opened, true, []string{"10.20.0.3:443", "8.8.8.8:443"}},
		{"in another one", opened, false, []string{"10.21.0.1:443", "127.0.0.1:443", "169.254.169.254:443", "[::ffff:10.20.0.3]:443"}},
		{"checked before it is saved", checked, true, []string{"https://redis.inside.customer.example/hook", "https://10.20.0.3/", "https://8.8.8.8/"}},
		{"checked, and refused", checked, false, []string{
			"https://inner.1.gcp.databricks.com/", "https://metadata.google.internal/", "https://127.0.0.1/", "https://several.1.gcp.databricks.com/", "https://unknown.1.gcp.databricks.com/",
			"http://redis.inside.customer.example/", "https://redis.inside.customer.example:8443/", "https://me@redis.inside.customer.example/", "not an address",
		}},
		{"not resolved", resolved, false, []string{"not-an-address", "example.com:443", ":443", ""}},

		{"a workspace, the handover's address", allowed, true, []string{"https://1234.7.gcp.databricks.com/api", "https://acme.gcp.databricks.com:443/", "HTTPS://1234.7.GCP.Databricks.COM/", "https://handover.vendor.example/put?signature=1"}},
		{"another scheme", get(workspaces), false, []string{"http://1234.7.gcp.databricks.com/", "file:///etc/passwd", "gopher://1234.7.gcp.databricks.com/", "ftp://1234.7.gcp.databricks.com/", "javascript:alert(1)"}},
		{"another port", get(workspaces), false, []string{"https://1234.7.gcp.databricks.com:8443/", "https://1234.7.gcp.databricks.com:22/", "https://1234.7.gcp.databricks.com:80/", "https://1234.7.gcp.databricks.com:65536/", "https://1234.7.gcp.databricks.com:-1/", "https://1234.7.gcp.databricks.com:1e3/"}},
		{"user information", get(workspaces), false, []string{"https://good@1234.7.gcp.databricks.com/", "https://1234.7.gcp.databricks.com@evil.example/", "https://1234.7.gcp.databricks.com:443@evil.example/", "https://@1234.7.gcp.databricks.com/"}},
		{"a suffix trick", get(workspaces), false, []string{
			"https://1234.7.gcp.databricks.com.evil.example/", "https://evilgcp.databricks.com/", "https://gcp.databricks.com/", "https://.gcp.databricks.com/", "https://.gcp.databricks.com.evil.example/",
			"https://x.handover.vendor.example/", "https://evilhandover.vendor.example/",
		}},
		{"a fragment, query or backslash trick", get(workspaces), false, []string{"https://evil.example#.gcp.databricks.com", "https://evil.example?.gcp.databricks.com", `https://evil.example\.gcp.databricks.com/`, "https://evil.example%2f.gcp.databricks.com/", "https://evil.example%00.gcp.databricks.com/"}},
		{"a trailing dot", get(workspaces), false, []string{"https://1234.7.gcp.databricks.com./", "https://handover.vendor.example./"}},
		{"look-alikes and letters that map to others", get(workspaces), false, []string{
			"https://1234.7.gcp.dаtabricks.com/", "https://1234.7.gcp.databric\u212as.com/", "https://1234.7.gcp.databricks。com/", "https://evil.example／.gcp.databricks.com/", "https://evil.example／@1234.7.gcp.databricks.com/",
			"https://evil.example⁄.gcp.databricks.com/", "https://xn--gcp.dtabricks-8nk.com/", "https://ⓖcp.databricks.com/",
		}},
		{"an address instead of a name", get(workspaces), false, []string{"https://127.1/", "https://2130706433/", "https://0x7f.1/", "https://017700000001/", "https://[::1]/", "https://[::ffff:169.254.169.254]/", "https://[fe80::1%25eth0]/"}},
		{"a name that leads inside", get(workspaces), false, []string{
			"https://inner.1.gcp.databricks.com/", "https://meta.1.gcp.databricks.com/", "https://loop.1.gcp.databricks.com/", "https://loop6.1.gcp.databricks.com/", "https://mapped.1.gcp.databricks.com/",
			"https://nat64.1.gcp.databricks.com/", "https://several.1.gcp.databricks.com/", "https://unknown.1.gcp.databricks.com/",
		}},
		{"odd spellings and names, where any host may be", get(anything), false, []string{
			"https://localhost/", "https://LOCALHOST/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://017700000001/", "https://[::ffff:127.0.0.1]/", "https://[::]/", "https://0/", "https://169.254.169.254/",
			"https://metadata.google.internal/", "https://METADATA.google.internal/", "https://metadata/", "https://instance-data.ec2.internal/", "https://127.0.0.1.names.example/",
		}},

		{"Redis: another port", dial, false, []string{"redis.example", "redis.example:", "redis.example:22", "redis.example:0", "redis.example:1023", "redis.example:65536", "redis.example:-1", "redis.example:1e3", "redis.example:redis"}},
		{"Redis: leads inside", dial, false, []string{
			"127.0.0.1:6379", "localhost:6379", "[::1]:6379", "[::ffff:127.0.0.1]:6379", "169.254.169.254:8080", "0.0.0.0:6379", "10.0.0.1:6379", "metadata.google.internal:8080", "redis.inside.customer.example:12000", "redis.inside6.customer.example:12000",
		}},
	} {
		for _, address := range c.addresses {
			err := c.ask(address)
			if (err == nil) != c.pass {
				t.Errorf("%s: %s: %v", c.kind, address, err)
			}
			verdict, why := "allowed", "public"
			if err != nil {
				verdict, why = "refused", err.Error()
				var refusal *onboarding.Error
				if errors.As(err, &refusal) && refusal.Err != nil {
					why = refusal.Err.Error()
				} else if c.kind != "another scheme" && !strings.Contains(why, "no such host") && !strings.Contains(why, "lookup") && !strings.Contains(why, "parse") && !strings.Contains(why, "invalid") {
					t.Errorf("%s: %s is refused by something else than the guard: %v", c.kind, address, err)
				}
			}
			fmt.Fprintf(&printed, "\n%-42s %-60s %s: %s", c.kind, address, verdict, why)
		}
	}
	t.Log(printed.String())
}

// The first look at a name leads to the public internet, the second inside: who looks and then dials is led inside.
func TestANameThatChangesItsMindLeadsNowhere(t *testing.T) {
	inside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	var reached atomic.Int32
	go func() {
		for {
			conn, err := inside.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(inside.Addr().String())
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	flips := [][]string{{"93.184.215.14"}, {"127.0.0.1"}}
	names{"flips.1.gcp.databricks.com": flips, "flips.redis.example": flips}.serve(t)
	for host, reach := range map[string]func() error{
		"flips.1.gcp.databricks.com": func() error {
			res, err := (&Guard{HTTPPorts: []int{n}}).HTTP(".gcp.databricks.com").Get("https://flips.1.gcp.databricks.com:" + port + "/")
			if err == nil {
				res.Body.Close()
			}
			return err
		},
		"flips.redis.example": func() error {
			conn, err := (&Guard{}).Dial(t.Context(), "tcp", "flips.redis.example:"+port)
			if err == nil {
				conn.Close()
			}
			return err
		},
	} {
		first, err := net.DefaultResolver.LookupNetIP(t.Context(), "ip4", host)
		if err != nil || len(first) != 1 || !public(first[0]) {
			t.Fatalf("the first look at %s gives %v, %v", host, first, err)
		}
		if err := reach(); onboarding.ErrorCode(err) != onboarding.CodeInvalid {
			t.Errorf("%s: %v, want a refusal", host, err)
		}
	}
	if reached.Load() != 0 {
		t.Errorf("%d connections came inside", reached.Load())
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
	if _, err := (&Guard{}).Dial(t.Context(), "unix", "/var/run/x:1234"); err == nil {
		t.Error("a socket was reached")
	}
}

func TestGuardBoundsWhatItWaitsForAndReads(t *testing.T) {
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/headers" {
			w.Header().Set("X-Much", strings.Repeat("a", 1<<20))
			return
		}
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	client := (&Guard{Dials: map[string]string{"x.example": endless.URL}}).HTTP()
	res, err := client.Get("https://x.example/")
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if err == nil || n > maxGuarded {
		t.Errorf("%d bytes were read, error %v", n, err)
	}
	if res, err := client.Get("https://x.example/headers"); err == nil {
		res.Body.Close()
		t.Error("1 MB of headers was read")
	}
	transport := client.Transport.(guarded).base.(*http.Transport)
	if transport.Proxy != nil {
		t.Error("a proxy of the environment is asked")
	}
	for name, d := range map[string]time.Duration{"whole": client.Timeout, "headers": transport.ResponseHeaderTimeout, "TLS": transport.TLSHandshakeTimeout} {
		if d <= 0 || d > 30*time.Second {
			t.Errorf("the %s may take %s", name, d)
		}
	}
}

// dialed is where the product makes its own way to the network, and why it may. Each address that a customer supplies
// goes through the guard.
var dialed = map[string]string{
	"provisioner/guard.go http.Client":                 "the guard",
	"provisioner/guard.go http.Transport":              "the guard",
	"provisioner/guard.go net.Dialer":                  "the guard",
	"provisioner/gcp/clients.go http.Client":           "Google's own addresses",
	"provisioner/gcp/clients.go http.DefaultTransport": "Google's own addresses",
	"provisioner/service.go http.DefaultTransport":     "Google's own addresses",
	"provisioner/service.go http.Client":               "where Google revokes tokens, by configuration",
	"provisioner/access.go http.Client":                "where Google refreshes tokens, by configuration",
	"cmd/server/doctorcmd.go http.Client":              "the issuer, by configuration",
	"cmd/server/health.go http.DefaultClient":          "the health command asks the server of this machine",
}

// TestNothingDialsBesideTheGuard reads the product's source for whatever opens connections.
func TestNothingDialsBesideTheGuard(t *testing.T) {
	calls := map[string][]string{ // what dials when it is named
		"net":                              {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix"},
		"crypto/tls":                       {"Dial", "DialWithDialer"},
		"net/http":                         {"Get", "Head", "Post", "PostForm", "DefaultClient", "DefaultTransport"},
		"github.com/redis/go-redis/v9":     {"NewClient", "NewClusterClient", "NewUniversalClient", "NewFailoverClient", "NewFailoverClusterClient", "NewRing", "NewSentinelClient", "Dial"},
		"golang.org/x/net/proxy":           {"Dial", "FromEnvironment", "SOCKS5"},
		"golang.org/x/net/websocket":       {"Dial", "DialConfig"},
		"github.com/coder/websocket":       {"Dial"},
		"github.com/gorilla/websocket":     {"DefaultDialer"},
		"net/smtp":                         {"Dial", "SendMail"},
		"net/rpc":                          {"Dial", "DialHTTP"},
		"golang.org/x/crypto/ssh":          {"Dial"},
		"golang.org/x/net/context/ctxhttp": {"Get", "Do", "Post"},
	}
	types := map[string][]string{"net": {"Dialer"}, "crypto/tls": {"Dialer"}, "net/http": {"Client", "Transport"}} // what dials when one is made
	found := map[string]bool{}
	files := 0
	for _, root := range []string{"../cmd", "../handlers", "../onboarding", "../provisioner", "../store", "../vault", "../web", "../wizard"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/steptest/") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			files++
			imports := map[string]string{}
			for _, i := range file.Imports {
				from, _ := strconv.Unquote(i.Path.Value)
				name := filepath.Base(from)
				if from == "github.com/redis/go-redis/v9" {
					name = "redis"
				}
				if i.Name != nil {
					name = i.Name.Name
				}
				imports[name] = from
			}
			note := func(e ast.Expr, dials map[string][]string) {
				if s, ok := e.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && slices.Contains(dials[imports[x.Name]], s.Sel.Name) {
						pkg := strings.TrimSuffix(imports[x.Name], "/v9")
						pkg = strings.TrimPrefix(filepath.Base(pkg), "go-")
						found[strings.TrimPrefix(path, "../")+" "+pkg+"."+s.Sel.Name] = true
					}
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					note(n, calls)
				case *ast.CompositeLit:
					note(n.Type, types)
				case *ast.ValueSpec:
					note(n.Type, types)
				case *ast.CallExpr:
					if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "new" && len(n.Args) == 1 {
						note(n.Args[0], types)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 80 {
		t.Fatalf("only %d files were read", files)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(dialed)), slices.Sorted(maps.Keys(found))); diff != "" {
		t.Errorf("what opens connections; let the guard dial what a customer supplies, or say in this test whose address it is (-known +found):\n%s", diff)
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

func FuzzOnlyWorkspacesPass(f *testing.F) {
	for _, s := range []string{
		"https://1234.7.gcp.databricks.com/api", "https://good@1234.7.gcp.databricks.com/", "https://x.gcp.databricks.com.evil.example", "https://evil.example#.gcp.databricks.com",
		"https://1.gcp.databricks.com:443", "https://[::1]/", "https://evil.example／.gcp.databricks.com", "https://1.gcp.databric\u212as.com", "HTTPS://A.GCP.DATABRICKS.COM?x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := url.Parse(s)
		if err != nil || (&Guard{}).checkURL(u, []string{".gcp.databricks.com"}) != nil {
			return
		}
		host := strings.ToLower(u.Hostname())
		if u.Scheme != "https" || u.User != nil || u.Port() != "" && u.Port() != "443" && strings.TrimLeft(u.Port(), "0") != "443" || !strings.HasSuffix(host, ".gcp.databricks.com") {
			t.Fatalf("%q passes", s)
		}
		for _, r := range host {
			if r >= 0x80 || r <= ' ' || strings.ContainsRune(`/\?#@%`, r) {
				t.Errorf("%q passes with %q in its host", s, r)
			}
		}
		if strings.ContainsAny(strings.TrimPrefix(u.String(), "https://")[:len(u.Host)], `/\?#@`) {
			t.Errorf("%q is read with another host by others", s)
		}
	})
}
