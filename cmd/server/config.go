package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"groundwork/notify"
	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/web"
	"groundwork/wizard"
)

// fileProblems are the X_FILE variables whose file could not be read.
type fileProblems []string

// secretFiles gives a flag of the environment variable X its value from the file named by X_FILE, where neither the
// flag nor X is set. Line ends at the end of the file are not part of the value.
type secretFiles struct{ problems fileProblems }

// Validate is asked for by kong's Resolver.
func (s *secretFiles) Validate(*kong.Application) error { return nil }

// Resolve never fails: what it could not read is told with all other problems.
func (s *secretFiles) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, env := range flag.Envs {
		path := os.Getenv(env + "_FILE")
		if path == "" || os.Getenv(env) != "" || strings.HasSuffix(env, "_FILE") {
			continue
		}
		text, err := os.ReadFile(path) //nolint:gosec // the operator names it
		if err != nil {
			s.problems = append(s.problems, fmt.Sprintf("%s_FILE: %v. Name a file that this user can read", env, err))
			continue
		}
		return strings.TrimRight(string(text), "\r\n"), nil
	}
	return nil, nil //nolint:nilnil // kong: not found
}

// siteFlags is what serve needs to know of the outside; demo fills it in itself.
type siteFlags struct {
	Addr               string                   `help:"Address to listen on." env:"ADDR" default:"127.0.0.1:8080"`
	BaseURL            string                   `help:"The address that people open, https unless loopback." env:"BASE_URL"`
	DatabaseURL        string                   `help:"Postgres, as the login of workers, which can't become another role." env:"DATABASE_URL"`
	DatabasePassword   string                   `help:"The password for DATABASE_URL, kept apart from it." env:"DATABASE_PASSWORD"`
	CustomerURL        string                   `name:"database-customer-url" help:"Postgres, as the login of customers, which can't become staff." env:"DATABASE_CUSTOMER_URL"`
	CustomerPassword   string                   `name:"database-customer-password" help:"The password for DATABASE_CUSTOMER_URL, kept apart from it." env:"DATABASE_CUSTOMER_PASSWORD"`
	StaffURL           string                   `name:"database-staff-url" help:"Postgres, as the login of the vendor's people, which can't become another role." env:"DATABASE_STAFF_URL"`
	StaffPassword      string                   `name:"database-staff-password" help:"The password for DATABASE_STAFF_URL, kept apart from it." env:"DATABASE_STAFF_PASSWORD"`
	DatabasePlaintext  string                   `help:"private-network: the way to the database is a network that nobody else uses, and its certificate needn't be checked." env:"DATABASE_PLAINTEXT"`
	UnstatedAuthTime   bool                     `help:"Treat a sign-in as recent even if the identity provider doesn't state when it was." env:"UNSTATED_AUTH_TIME"`
	SecurityLogPeople  string                   `help:"hashed: the security log has a keyed hash in the place of each address." env:"SECURITY_LOG_PEOPLE"`
	KeysetInClear      bool                     `help:"Serve people with a keyset that no key service seals." env:"KEYSET_IN_CLEAR"`
	GoogleClientID     string                   `help:"OAuth client ID." env:"GOOGLE_CLIENT_ID"`
	GoogleClientSecret string                   `help:"OAuth client secret." env:"GOOGLE_CLIENT_SECRET"`
	GoogleIssuer       string                   `help:"OpenID issuer for signing in." env:"GOOGLE_ISSUER" default:"https://accounts.google.com"`
	GoogleRevokeURL    string                   `help:"Where tokens are revoked; empty: what the issuer announces." env:"GOOGLE_REVOKE_URL"`
	CloudEndpoint      string                   `help:"Send all Google Cloud calls to this address, for emulators." env:"GOOGLE_CLOUD_ENDPOINT"`
	EmulatorURL        string                   `name:"emulator" help:"Use a running emulator for sign-in, Google Cloud and workspaces; for trials only." env:"EMULATOR_URL"`
	Keys               keyFlags                 `embed:""`
	Keep               retentionFlags           `embed:""`
	Administrators     []string                 `help:"Email addresses of administrators." env:"ADMINISTRATORS"`
	Specialists        []string                 `help:"Email addresses of specialists." env:"SPECIALISTS"`
	SpecialistDomains  []string                 `help:"Domains whose people are specialists." env:"SPECIALIST_DOMAINS"`
	PersonalStaff      []string                 `help:"Email addresses of specialists and administrators whose account no organization manages." env:"PERSONAL_STAFF"`
	TrustedProxies     []string                 `help:"Networks of the proxies whose X-Forwarded-For is believed." env:"TRUSTED_PROXIES"`
	Vendor             string                   `help:"The vendor's name on the pages." env:"VENDOR_NAME" default:"Tecton"`
	WaitingTarget      time.Duration            `help:"What waits longer than this is colored in the specialists' list, and red after twice as long." env:"WAITING_TARGET" default:"24h"`
	SMTPURL            string                   `name:"smtp-url" help:"The mail server: smtp://user@host:587, or smtps://user@host:465. Without it no mail is sent." env:"SMTP_URL"`
	SMTPPassword       string                   `name:"smtp-password" help:"The password of the user in SMTP_URL." env:"SMTP_PASSWORD"`
	WebhookNetworks    []string                 `help:"Private networks that webhook endpoints may be in." env:"WEBHOOK_NETWORKS"`
	MailFrom           string                   `help:"The sender of mail, unless an administrator set another." env:"MAIL_FROM"`
	Inbox              *notify.Inbox            `kong:"-"` // the demo's, instead of a mail server
	Gallery            func() []web.GalleryPage `kong:"-"` // the pages that the demo shows with sample data; nil: none
	PageLimit          int                      `help:"Pages a minute that one person may open, or one address where nobody is signed in; -1: any number." env:"PAGE_LIMIT" default:"3000"`
	CloudLimit         int                      `help:"The same for pages that may ask Google." env:"CLOUD_LIMIT" default:"240"`
	MaxConns           int32                    `help:"Database connections of this process." env:"DATABASE_MAX_CONNS" default:"20"`
	Tests              testFlags                `kong:"-"`
}

// problems lists everything that is missing or wrong, each as a sentence that names the variable.
func (f *siteFlags) problems() []string {
	var out []string
	missing := func(name, value, hint string) {
		if value == "" {
			out = append(out, name+" is missing. "+hint)
		}
	}
	missing("DATABASE_URL", f.DatabaseURL, "Set it to postgres://groundwork_worker@host:5432/groundwork, with the password in DATABASE_PASSWORD or DATABASE_PASSWORD_FILE")
	missing("BASE_URL", f.BaseURL, "Set it to the https address that customers open")
	if f.EmulatorURL == "" {
		missing("GOOGLE_CLIENT_ID", f.GoogleClientID, "Create an OAuth client of type web application in the Cloud console and copy its ID")
		missing("GOOGLE_CLIENT_SECRET", f.GoogleClientSecret, "Copy it from the same OAuth client, or name a file in GOOGLE_CLIENT_SECRET_FILE")
	}
	out = append(out, f.Keys.problems()...)
	out = append(out, f.Keep.problems()...)
	if len(f.Administrators)+len(f.Specialists)+len(f.SpecialistDomains) == 0 {
		out = append(out, "ADMINISTRATORS is missing. Name at least one address in ADMINISTRATORS or SPECIALISTS, or a domain in SPECIALIST_DOMAINS")
	}
	for _, a := range slices.Concat(f.Administrators, f.Specialists, f.PersonalStaff) {
		if strings.Count(a, "@") != 1 {
			out = append(out, fmt.Sprintf("%q in ADMINISTRATORS, SPECIALISTS, or PERSONAL_STAFF is not an email address. Separate addresses with commas", a))
		}
	}
	for _, d := range f.SpecialistDomains {
		if strings.Contains(d, "@") || !strings.Contains(d, ".") {
			out = append(out, fmt.Sprintf("%q in SPECIALIST_DOMAINS is not a domain. Write it as vendor.example", d))
		}
		if domain := strings.ToLower(strings.TrimSpace(d)); wizard.PublicMail(domain) {
			out = append(out, fmt.Sprintf("Anyone can get an address at %s in SPECIALIST_DOMAINS, and would then see every onboarding. Name your people in SPECIALISTS instead", domain))
		}
	}
	for _, p := range f.TrustedProxies {
		if _, problem := trustedProxy(p); problem != "" && strings.TrimSpace(p) != "" {
			out = append(out, problem)
		}
	}
	if f.BaseURL != "" {
		u, err := url.Parse(f.BaseURL)
		switch {
		case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
			out = append(out, "BASE_URL is not an address. Write it as https://onboarding.vendor.example")
		case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil:
			out = append(out, "BASE_URL must be a bare origin, without a path, a query, or a user")
		case u.Scheme == "http" && !loopbackURL(f.BaseURL):
			out = append(out, "BASE_URL is plain http. Sign-in cookies need https: put the server behind TLS and write https://")
		}
	}
	for _, n := range f.WebhookNetworks {
		if _, problem := privateNetwork(n); problem != "" && strings.TrimSpace(n) != "" {
			out = append(out, problem)
		}
	}
	if f.SMTPURL != "" {
		if _, problem := notify.ParseSMTP(f.SMTPURL, f.SMTPPassword); problem != "" {
			out = append(out, problem)
		}
	}
	if f.MailFrom != "" && strings.Count(f.MailFrom, "@") != 1 {
		out = append(out, "MAIL_FROM is not an email address. Write it as onboarding@vendor.example")
	}
	if f.SecurityLogPeople != "" && f.SecurityLogPeople != hashedPeople {
		out = append(out, "SECURITY_LOG_PEOPLE is "+f.SecurityLogPeople+". Leave it out, or write hashed to keep addresses out of the security log")
	}
	if f.WaitingTarget < 0 {
		out = append(out, "WAITING_TARGET is below zero. Write how long an onboarding may wait, such as 24h")
	}
	if f.DatabaseURL != "" {
		if u, err := url.Parse(f.DatabaseURL); err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
			out = append(out, "DATABASE_URL is not a Postgres address. Write it as postgres://user@host:5432/database")
		}
	}
	out = append(out, plaintextProblems("DATABASE_URL", f.DatabaseURL, f.DatabasePlaintext)...)
	for _, l := range []struct{ setting, address, password, login string }{
		{"DATABASE_CUSTOMER", f.CustomerURL, f.CustomerPassword, store.CustomerLogin},
		{"DATABASE_STAFF", f.StaffURL, f.StaffPassword, store.StaffLogin},
	} {
		if l.address != "" {
			out = append(out, plaintextProblems(l.setting+"_URL", l.address, f.DatabasePlaintext)...)
		} else if l.password != "" {
			out = append(out, l.setting+"_PASSWORD is set without "+l.setting+"_URL. Set it to postgres://"+l.login+"@host:5432/groundwork")
		}
	}
	if f.BaseURL != "" && !loopbackURL(f.BaseURL) && f.Keys.KMSKey == "" && !f.KeysetInClear {
		out = append(out, "KMS_KEY is missing. Seal the keyset with a Cloud KMS key, or set KEYSET_IN_CLEAR=true if anyone who can read the keyset's file may open customers’ access")
	}
	out = append(out, f.emulationProblems()...)
	out = append(out, addressProblems(f.EmulatorURL, map[string]string{"GOOGLE_ISSUER": f.GoogleIssuer, "GOOGLE_CLOUD_ENDPOINT": f.CloudEndpoint, "GOOGLE_REVOKE_URL": f.GoogleRevokeURL})...)
	slices.Sort(out)
	return out
}

// warnings are the choices that make a public site weaker than it is by default.
func (f *siteFlags) warnings() (out []string) {
	if loopbackURL(f.BaseURL) {
		return nil
	}
	if f.Keys.KMSKey == "" { // as KEYSET_IN_CLEAR says
		out = append(out, "the keyset is not sealed by a key service: anyone who can read its file can open tokens; set KMS_KEY")
	}
	if f.UnstatedAuthTime {
		out = append(out, "a sign-in counts as recent although the identity provider doesn't state when it was: anyone who finds a browser that is signed in to Google can approve runs; turn on “Session age claims” in the OAuth client and unset UNSTATED_AUTH_TIME")
	}
	return out
}

// plaintextProblems keeps the database's password and rows from a network that others may listen on, and from a server that
// only says that it is the database: off this machine, the connection is encrypted and its certificate checked.
func plaintextProblems(setting, address, plaintext string) []string {
	if plaintext != "" && plaintext != "private-network" {
		return []string{"DATABASE_PLAINTEXT is " + plaintext + ". Leave it out, or write private-network if nobody else uses the network between this server and the database"}
	}
	u, err := url.Parse(address)
	if address == "" || err != nil || plaintext != "" {
		return nil
	}
	hosts := u.Query()["host"]
	if len(hosts) == 0 {
		hosts = strings.Split(u.Host, ",")
	}
	local := func(host string) bool {
		name := (&url.URL{Host: host}).Hostname()
		return host == "" || strings.HasPrefix(host, "/") || name == "localhost" || net.ParseIP(name).IsLoopback()
	}
	for _, host := range hosts {
		if !local(host) && u.Query().Get("sslmode") != "verify-full" {
			return []string{setting + " leaves this machine without checking who answers. Add sslmode=verify-full (and sslrootcert, unless a public authority signed the certificate), or set DATABASE_PLAINTEXT=private-network if nobody else uses that network"}
		}
	}
	return nil
}

// emulationProblems keeps a site that people reach from signing anyone in at an emulator, or from sending their access to
// anything but Google.
func (f *siteFlags) emulationProblems() (out []string) {
	if f.EmulatorURL != "" && !hasTrials {
		return []string{"EMULATOR_URL is for trials, and this is a release build. Unset it to use Google"}
	}
	if f.BaseURL == "" || loopbackURL(f.BaseURL) {
		return nil
	}
	if f.EmulatorURL != "" {
		out = append(out, "EMULATOR_URL is for trials on this machine, and BASE_URL is public. Unset EMULATOR_URL to use Google, or set BASE_URL to a loopback address such as http://127.0.0.1:8080")
	}
	if f.CloudEndpoint != "" {
		out = append(out, "GOOGLE_CLOUD_ENDPOINT would receive the customers’ access to Google Cloud, and BASE_URL is public. Unset GOOGLE_CLOUD_ENDPOINT to use Google")
	}
	return out
}

// addressProblems checks where tokens and codes are sent: by https, or to this machine. An emulator is on this machine.
func addressProblems(emulator string, addresses map[string]string) (out []string) {
	if emulator != "" && !loopbackURL(emulator) {
		out = append(out, "EMULATOR_URL must be a loopback address such as http://127.0.0.1:9191. Leave it out to use Google itself")
	}
	for name, v := range addresses {
		if u, err := url.Parse(v); v != "" && (err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopbackURL(v))) {
			out = append(out, name+" must be an https address, or http on loopback")
		}
	}
	return out
}

// trustedProxy reads one network or address of TRUSTED_PROXIES; a sentence says what to correct.
func trustedProxy(text string) (netip.Prefix, string) {
	text = strings.TrimSpace(text)
	p, err := netip.ParsePrefix(text)
	if addr, bare := netip.ParseAddr(text); bare == nil && addr.Zone() == "" {
		p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	switch {
	case err != nil || p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Sprintf("%q in TRUSTED_PROXIES is not a network. Write networks as 10.0.0.0/8 or 2001:db8::/32, separated by commas", text)
	case p.Bits() == 0:
		return netip.Prefix{}, fmt.Sprintf("%q in TRUSTED_PROXIES covers everyone, so anyone could claim any address. Name your proxies' own networks", text)
	}
	return p.Masked(), ""
}

// privateNetworks are those that an organization uses for itself: RFC 1918, RFC 6598 and RFC 4193. Loopback and link-local
// addresses aren't among them. The guard refuses the metadata servers that are in these networks.
var privateNetworks = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("fc00::/7"),
}

// privateNetwork reads one network of WEBHOOK_NETWORKS; a sentence says what to correct.
func privateNetwork(text string) (netip.Prefix, string) {
	p, err := netip.ParsePrefix(strings.TrimSpace(text))
	inside := func(n netip.Prefix) bool { return n.Bits() <= p.Bits() && n.Contains(p.Addr()) }
	if err != nil || !slices.ContainsFunc(privateNetworks, inside) {
		return netip.Prefix{}, fmt.Sprintf("%q in WEBHOOK_NETWORKS is not a private network. Write networks such as 10.20.0.0/16 or fd12:3456::/48, separated by commas", text)
	}
	return p.Masked(), ""
}

// webhookNetworks are the private networks that webhook endpoints may be in.
func (f *siteFlags) webhookNetworks() []netip.Prefix {
	var out []netip.Prefix
	for _, text := range f.WebhookNetworks {
		if p, problem := privateNetwork(text); problem == "" {
			out = append(out, p)
		}
	}
	return out
}

// settings are the settings that the environment gives, for where no administrator saved others. A flag that has its
// default is left out: it gives nothing that the declaration doesn't.
func (f *siteFlags) settings() map[string]string {
	out := map[string]string{}
	for name, value := range map[string]string{
		onboarding.SettingBrand:           f.Vendor,
		onboarding.SettingMailFrom:        f.MailFrom,
		onboarding.SettingWaitingTarget:   onboarding.SpanText(f.WaitingTarget),
		onboarding.SettingConsentTTL:      onboarding.SpanText(f.Keep.ConsentTTL),
		onboarding.SettingInviteRetention: onboarding.SpanText(f.Keep.InviteRetention),
		onboarding.SettingRetention:       onboarding.SpanText(f.Keep.Retention),
	} {
		if value != (onboarding.Settings{}).Value(name) && (name != onboarding.SettingWaitingTarget || f.WaitingTarget > 0) {
			out[name] = value
		}
	}
	if smtp := f.smtp(); smtp != nil {
		out[onboarding.MailServer] = smtp.Server()
	} else if f.Inbox != nil {
		out[onboarding.MailServer] = "the demo’s inbox"
	}
	return out
}

// smtp is the mail server; nil for none. The flags were checked by problems().
func (f *siteFlags) smtp() *notify.SMTP {
	if f.SMTPURL == "" {
		return nil
	}
	server, _ := notify.ParseSMTP(f.SMTPURL, f.SMTPPassword)
	return server
}

// trustedProxies are the networks of TRUSTED_PROXIES; the flags were checked by problems().
func (f *siteFlags) trustedProxies() []netip.Prefix {
	var out []netip.Prefix
	for _, text := range f.TrustedProxies {
		if p, problem := trustedProxy(text); problem == "" {
			out = append(out, p)
		}
	}
	return out
}

// loopbackURL reports whether an address is on this machine.
func loopbackURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	h := u.Hostname()
	return h == "localhost" || net.ParseIP(h).IsLoopback()
}

// withPassword adds the password to a database address that has none.
func withPassword(address, password string) string {
	u, err := url.Parse(address)
	if err != nil || password == "" || u.User == nil {
		return address
	}
	if _, has := u.User.Password(); has {
		return address
	}
	u.User = url.UserPassword(u.User.Username(), password)
	return u.String()
}

// testFlags are what only tests choose.
type testFlags struct {
	Dials   map[string]string             // see [provisioner.Guard]
	Backoff func(tries int) time.Duration // of deliveries
}
