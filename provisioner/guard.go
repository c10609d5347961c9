package provisioner

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"groundwork/onboarding"
)

// Guard dials addresses that customers supply. It refuses whatever leads inside: loopback, private, link-local,
// carrier-grade, multicast and reserved addresses, and IPv6 forms that hide an IPv4 address in them, judged by
// the resolved address at the moment of dialing. It follows no redirect and asks no proxy. The zero Guard is ready.
type Guard struct {
	// HTTPPorts that [Guard.HTTP] may reach. nil: 443.
	HTTPPorts []int
	// Private are networks that may be reached although they lead inside; nil: none.
	Private []netip.Prefix
	// Dials stands in for addresses in demos and tests; empty in production. The key is a host's name, or a
	// suffix that begins with a dot; the value is "127.0.0.1:9191", dialed instead, or "http://127.0.0.1:9191",
	// spoken to without TLS, the Host kept. Port and suffix are checked before, the resolved address is not.
	Dials map[string]string
}

func refused(format string, args ...any) error {
	return &onboarding.Error{
		Code: onboarding.CodeInvalid, Message: "This address cannot be reached from here: enter a public address.",
		Err: fmt.Errorf("guard: "+format, args...),
	}
}

// maxGuarded bounds an answer of an address that a customer supplied, unpacked; what is asked for has a hundredth.
const maxGuarded = 8 << 20

// HTTP is a client for https addresses whose host is one of hosts, or ends with one that begins with a dot;
// without hosts, any public one. Answers are cut off after 30 seconds, and after 8 MB with an error.
func (g *Guard) HTTP(hosts ...string) *http.Client {
	t := &http.Transport{
		DialContext:            g.dialHTTP,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  20 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        30 * time.Second,
		ForceAttemptHTTP2:      true,
	}
	return &http.Client{Transport: guarded{g, hosts, t}, Timeout: 30 * time.Second, CheckRedirect: noRedirects}
}

type guarded struct {
	g     *Guard
	hosts []string
	base  http.RoundTripper
}

func (t guarded) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.g.checkURL(req.URL, t.hosts); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	if to := t.g.mapped(req.URL.Hostname()); strings.HasPrefix(to, "http://") {
		req = req.Clone(req.Context())
		if req.Host == "" {
			req.Host = req.URL.Host
		}
		req.URL.Scheme, req.URL.Host = "http", strings.TrimPrefix(to, "http://")
	}
	res, err := t.base.RoundTrip(req)
	if err == nil {
		res.Body = http.MaxBytesReader(nil, res.Body, maxGuarded)
	}
	return res, err
}

func (g *Guard) checkURL(u *url.URL, hosts []string) error {
	host := strings.ToLower(u.Hostname())
	port := 443
	if p := u.Port(); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil {
			return refused("port %q", p)
		}
		port = n
	}
	allowed := g.HTTPPorts
	if allowed == nil {
		allowed = []int{443}
	}
	switch {
	case u.Scheme != "https":
		return refused("scheme %q", u.Scheme)
	case u.User != nil:
		return refused("user information in the address")
	case host == "" || strings.HasSuffix(host, ".") || strings.ContainsFunc(u.Hostname(), notInHosts):
		return refused("host %q", host)
	case !slices.Contains(allowed, port):
		return refused("port %d", port)
	case len(hosts) > 0 && !slices.ContainsFunc(hosts, func(h string) bool { return matches(host, h) }):
		return refused("host %q", host)
	}
	return nil
}

// notInHosts reports whether no host name and no address is written with r. Letters that are mapped to ASCII on the way
// to the name server are among them.
func notInHosts(r rune) bool {
	return r != '-' && r != '.' && r != ':' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

func matches(host, want string) bool {
	want = strings.ToLower(want)
	if strings.HasPrefix(want, ".") {
		return strings.HasSuffix(host, want) && len(host) > len(want)
	}
	return host == want
}

// mapped returns what stands in for a host, "" if nothing does. An exact name goes before a suffix.
func (g *Guard) mapped(host string) string {
	host = strings.ToLower(host)
	if to, ok := g.Dials[host]; ok {
		return to
	}
	best := ""
	for k := range g.Dials {
		if strings.HasPrefix(k, ".") && matches(host, k) && len(k) > len(best) {
			best = k
		}
	}
	return g.Dials[best]
}

// dialHTTP dials what RoundTrip let pass.
func (g *Guard) dialHTTP(ctx context.Context, network, address string) (net.Conn, error) {
	for _, to := range g.Dials {
		if to == "http://"+address { // RoundTrip put it there
			return (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, network, address)
		}
	}
	return g.dial(ctx, network, address)
}

// Dial connects over TCP to host:port, the port 443 or at least 1024; for Redis, over which the caller speaks TLS.
func (g *Guard) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, refused("address: %w", err)
	}
	if n, err := strconv.Atoi(port); err != nil || n != 443 && n < 1024 || n > 65535 {
		return nil, refused("port %q", port)
	}
	return g.dial(ctx, network, address)
}

func (g *Guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if !strings.HasPrefix(network, "tcp") {
		return nil, refused("network %q", network)
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, refused("address: %w", err)
	}
	d := net.Dialer{Timeout: 10 * time.Second, Control: g.control}
	if to := g.mapped(host); to != "" {
		d.Control = nil
		address = strings.TrimPrefix(to, "http://")
	}
	return d.DialContext(ctx, network, address)
}

// control judges the address that the system is about to connect to, after the name was resolved: a name that
// resolves differently the second time changes nothing.
func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return refused("address %q: %w", address, err)
	}
	if !g.allows(at.Addr()) {
		return refused("%s leads inside", at.Addr())
	}
	return nil
}

// metadata are the servers that give a machine's own credentials to whoever asks, as far as they are in networks that may be
// allowed: AWS, Google Cloud, and Alibaba Cloud.
var metadata = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("100.100.100.200")}

func (g *Guard) allows(a netip.Addr) bool {
	return public(a) || !slices.Contains(metadata, a) && slices.ContainsFunc(g.Private, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Check says why an address would be refused, before it is dialed. A name that can't be resolved now is refused too.
func (g *Guard) Check(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return refused("address: %w", err)
	}
	if err := g.checkURL(u, nil); err != nil || g.mapped(u.Hostname()) != "" {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(wait, "ip", u.Hostname())
	if err != nil {
		return &onboarding.Error{Code: onboarding.CodeInvalid, Message: "The name " + u.Hostname() + " can't be resolved: check its spelling.", Err: fmt.Errorf("guard: %w", err)}
	}
	for _, a := range found {
		if !g.allows(a.Unmap()) {
			return refused("%s leads inside", a)
		}
	}
	return nil
}

// inside is what is not the public internet, beyond what netip knows by name.
// Sources: https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry.
var inside = func() []netip.Prefix {
	var all []netip.Prefix
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}()

var globalV6 = netip.MustParsePrefix("2000::/3")

func public(a netip.Addr) bool {
	if a.Zone() != "" || a.Is4In6() {
		return false
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !globalV6.Contains(a) {
		return false
	}
	return !slices.ContainsFunc(inside, func(p netip.Prefix) bool { return p.Contains(a) })
}
