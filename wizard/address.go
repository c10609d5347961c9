package wizard

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// cutScheme cuts "https://" and the like off; false when there is none.
func cutScheme(s string) (string, bool) {
	if i := strings.Index(s, "://"); i > 0 && !strings.ContainsAny(s[:i], "/?#@ ") {
		return s[i+3:], true
	}
	return s, false
}

// console reads an address of Google's consoles; false when s isn't one.
func console(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" {
		return nil, false
	}
	switch u.Hostname() {
	case "console.cloud.google.com", "console.developers.google.com", "storage.cloud.google.com":
		return u, true
	}
	return nil, false
}

// segmentAfter is the path segment that follows prefix, without the console's ";tab=…".
func segmentAfter(path, prefix string) string {
	_, rest, ok := strings.Cut(path, prefix)
	if !ok {
		return ""
	}
	rest, _, _ = strings.Cut(rest, "/")
	rest, _, _ = strings.Cut(rest, ";")
	return rest
}

// CIDR reads an IPv4 range such as 10.20.0.0/24, in its canonical form.
// Source: RFC 4632; RFC 6890 for the ranges that can't be peered.
func CIDR(s string) (string, string) {
	s = strings.TrimSpace(s)
	if m := clean("IP range", s, false, 0); m != "" {
		return "", m
	}
	ip, bits, ok := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(ip)
	switch {
	case s == "":
		return "", "Enter an IP range"
	case err == nil && addr.Is6():
		return "", "Enter an IPv4 range, for example 10.20.0.0/24"
	case !ok && err == nil:
		return "", fmt.Sprintf("Add the size of the range, for example %s/24", ip)
	case err != nil:
		return "", "Enter an IPv4 range, for example 10.20.0.0/24"
	}
	n, err := strconv.Atoi(bits)
	if err != nil || n < 0 || n > 32 || bits != strconv.Itoa(n) {
		return "", fmt.Sprintf("“/%s” isn’t a size. Use a number from 8 to 32 after the slash, for example %s/24", brief(bits), ip)
	}
	prefix := netip.PrefixFrom(addr, n)
	switch {
	case n == 0:
		return "", "That is the whole internet. Enter only the range of the Redis network"
	case n < 8:
		return "", "That range is too large to peer. Use a number from 8 to 32 after the slash"
	case prefix.Masked() != prefix:
		return "", fmt.Sprintf("%s is an address inside a range. Use %s", s, prefix.Masked())
	case overlapsAny(prefix):
		return "", fmt.Sprintf("%s is reserved for other uses and can’t be peered. Enter the range of the Redis network", s)
	}
	return prefix.String(), ""
}

// reserved are the ranges that no network can have.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
}

func overlapsAny(p netip.Prefix) bool {
	for _, r := range reserved {
		if r.Overlaps(p) {
			return true
		}
	}
	return false
}

// HostPort reads an endpoint as host:port. The host must be a name, since the endpoint is checked over TLS.
func HostPort(s string) (string, string) {
	s = strings.TrimSpace(s)
	if m := clean("Endpoint", s, false, 300); m != "" {
		return "", m
	}
	if rest, ok := cutScheme(s); ok {
		host, _, _ := strings.Cut(rest, "/")
		if strings.Contains(rest, "@") {
			return "", "Leave out the scheme and the password. Enter host:port"
		}
		return "", "Leave out the scheme. Enter " + brief(host)
	}
	if strings.Contains(s, "@") {
		return "", "Leave out the user and the password. Enter host:port"
	}
	i := strings.LastIndex(s, ":")
	if s == "" || i < 0 || strings.HasSuffix(s, "]") {
		return "", "Enter the endpoint as host:port, for example " + exampleEndpoint
	}
	host, port := strings.ToLower(s[:i]), s[i+1:]
	if m := publicHost(host); m != "" {
		return "", m
	}
	if port == "" {
		return "", "Add the port after the host name, for example " + exampleEndpoint
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 || port != strconv.Itoa(n) {
		return "", fmt.Sprintf("“%s” isn’t a port. Use a number from 1 to 65535", brief(port))
	}
	return host + ":" + port, ""
}

const exampleEndpoint = "redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345"

var ipLike = regexp.MustCompile(`^(?i:(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*)\.?$`)

// publicHost is what is wrong with a host name that is to be dialed later: it must be a full public name.
// Which address it leads to is checked when it is dialed.
func publicHost(host string) string {
	switch {
	case host == "":
		return "Enter the host name"
	case strings.ContainsAny(host, "[]") || strings.Contains(host, ":") || ipLike.MatchString(host):
		return "Enter the host name, not an IP address"
	case strings.HasSuffix(host, "."):
		return "Remove the dot at the end of the host name"
	case host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".internal"):
		return "Enter a host name that can be reached from outside, not " + brief(host)
	}
	if m := foreign(host); m != "" {
		return m
	}
	if !domainShape.MatchString(host) || len(host) > 253 {
		return fmt.Sprintf("“%s” isn’t a host name. Copy the whole address", brief(host))
	}
	return ""
}

// WorkspaceSuffix ends the host of every Databricks workspace on Google Cloud.
const WorkspaceSuffix = ".gcp.databricks.com"

const exampleWorkspace = "https://1234567890123456.7.gcp.databricks.com"

var workspaceLabels = regexp.MustCompile(`^(?:[0-9]{1,20}\.[0-9]{1,2}|[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$`)

// WorkspaceURL reads the address of a Databricks workspace on Google Cloud and gives "https://<host>". A pasted
// page of the workspace is understood: its path and query are left out.
// Source: docs.databricks.com/gcp/en/workspace/workspace-details.
func WorkspaceURL(s string) (string, string) {
	s = strings.TrimSpace(s)
	if m := clean("Workspace address", s, false, 4096); m != "" {
		return "", m
	}
	if strings.Contains(s, `\`) {
		return "", "Remove the backslash. Enter an address such as " + exampleWorkspace
	}
	scheme, rest, ok := strings.Cut(s, "://")
	switch {
	case !ok && (strings.HasPrefix(s, "/") || strings.HasPrefix(strings.ToLower(s), "http")):
		return "", "Enter an address that starts with https://, such as " + exampleWorkspace
	case !ok:
		rest = s
		if i := strings.IndexAny(rest, ":/?#"); i >= 0 && rest[i] == ':' && !digitsUpTo(rest[i+1:]) {
			return "", "Enter an address that starts with https://, such as " + exampleWorkspace // javascript:, data:
		}
	case strings.EqualFold(scheme, "http"):
		return "", "Use https:// instead of http://"
	case !strings.EqualFold(scheme, "https"):
		return "", "Enter an address that starts with https://, such as " + exampleWorkspace
	}
	head := rest
	if i := strings.Index(rest, "/"); i >= 0 {
		head = rest[:i]
	}
	host := head
	if i := strings.IndexAny(head, "?#"); i >= 0 {
		host = head[:i]
	}
	switch {
	case strings.Contains(head, "@"):
		return "", "Remove the user name before the @. Enter only the workspace’s address"
	case host == "":
		return "", "Enter the workspace address, such as " + exampleWorkspace
	}
	host = strings.ToLower(host)
	if bare, port, found := strings.Cut(host, ":"); found && strings.Contains(bare, ".") && !strings.Contains(bare, "[") {
		return "", fmt.Sprintf("Remove the port “:%s” from the address", brief(port))
	}
	if m := publicHost(host); m != "" {
		return "", m
	}
	labels, ok := strings.CutSuffix(host, WorkspaceSuffix)
	switch {
	case ok && (labels == "accounts" || labels == "docs" || labels == "www"):
		return "", "That is Databricks’ own page, not a workspace. Open the workspace and copy its address, such as " + exampleWorkspace
	case ok && workspaceLabels.MatchString(labels):
		return "https://" + host, ""
	case strings.HasSuffix(host, ".azuredatabricks.net") || strings.HasSuffix(host, ".cloud.databricks.com"):
		return "", "That workspace isn’t on Google Cloud. Enter one whose address ends with " + WorkspaceSuffix
	case host == WorkspaceSuffix[1:]:
		return "", "Enter the whole address of the workspace, such as " + exampleWorkspace
	}
	return "", fmt.Sprintf("“%s” isn’t a Databricks workspace on Google Cloud. Its address ends with %s", brief(host), WorkspaceSuffix)
}

// digitsUpTo reports whether s is digits up to the end or to a path: a port.
func digitsUpTo(s string) bool {
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		s = s[:i]
	}
	return s == "" || allDigits.MatchString(strings.TrimPrefix(s, "-"))
}

// HTTPSURL reads an https address with a public host, such as a presigned one; its query is kept as it is.
func HTTPSURL(s string) (string, string) { return httpsURL(s, publicHost) }

// httpsURL reads an https address on the usual port; host says what is wrong with its host.
func httpsURL(s string, host func(string) string) (string, string) {
	s = strings.TrimSpace(s)
	if m := clean("Address", s, false, 4096); m != "" {
		return "", m
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || strings.ContainsAny(s, "\\ "):
		return "", "Enter an address that starts with https://"
	case u.Scheme == "http":
		return "", "Use https:// instead of http://"
	case u.Scheme != "https" || u.Host == "":
		return "", "Enter an address that starts with https://"
	case u.User != nil:
		return "", "Remove the user name before the @"
	}
	if m := host(strings.ToLower(u.Hostname())); m != "" {
		return "", m
	}
	if p := u.Port(); p != "" && p != "443" {
		return "", "Remove the port from the address"
	}
	if u.Fragment != "" {
		return "", "Remove the part after the #"
	}
	return s, ""
}
