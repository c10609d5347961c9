package main

import (
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestTrustedProxies(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", " 10.1.2.3/8 ": "10.0.0.0/8", "127.0.0.1": "127.0.0.1/32", "::1": "::1/128", "2001:db8::/32": "2001:db8::/32",
		"0.0.0.0/0": "everyone", "::/0": "everyone", "10.0.0.0/33": "not a network", "proxy.example": "not a network", "": "not a network",
		"fe80::1%eth0": "not a network", "::ffff:10.0.0.0/104": "not a network", "::ffff:10.0.0.1": "not a network", "10.0.0.0-10.0.0.9": "not a network",
	} {
		p, problem := trustedProxy(text)
		if problem == "" && p.String() != want || problem != "" && !strings.Contains(problem, want) {
			t.Errorf("%q gives %v, %q; want %s", text, p, problem, want)
		}
	}
	f := siteFlags{TrustedProxies: []string{"10.0.0.0/8", "nonsense", "::/0"}}
	told := 0
	for _, problem := range f.problems() {
		if strings.Contains(problem, "TRUSTED_PROXIES") {
			told++
		}
	}
	if told != 2 {
		t.Errorf("%d problems are told, want 2: %q", told, f.problems())
	}
}

func TestWebhookNetworksAreAnOrganizationsOwn(t *testing.T) {
	for text, want := range map[string]string{
		"10.20.0.0/16": "10.20.0.0/16", " 10.20.1.2/16 ": "10.20.0.0/16", "192.168.0.0/16": "192.168.0.0/16", "fd12::/48": "fd12::/48", "10.0.0.0/8": "10.0.0.0/8",
		"8.0.0.0/5": "", "0.0.0.0/0": "", "127.0.0.0/8": "", "169.254.0.0/16": "", "::1/128": "", "::ffff:10.0.0.0/104": "", "10.0.0.1": "", "vendor": "", "8.8.8.0/24": "",
	} {
		p, problem := privateNetwork(text)
		if (problem == "") != (want != "") || problem == "" && p.String() != want {
			t.Errorf("%q gives %v, %q; want %q", text, p, problem, want)
		}
	}
	f := siteFlags{WebhookNetworks: []string{"10.20.0.0/16", "169.254.0.0/16"}}
	if got := f.webhookNetworks(); len(got) != 1 {
		t.Errorf("allowed: %v", got)
	}
	if !slices.ContainsFunc(f.problems(), func(p string) bool {
		return strings.Contains(p, `"169.254.0.0/16" in WEBHOOK_NETWORKS is not a private network`)
	}) {
		t.Errorf("problems %q", f.problems())
	}
}

// A domain where anybody gets an address would make everybody a specialist.
func TestNoPublicMailDomainMakesSpecialists(t *testing.T) {
	for domain, refused := range map[string]bool{
		"vendor.example": false, "mail.vendor.example": false, "gmail.com": true, " GoogleMail.com ": true, "outlook.com": true, "hotmail.co.uk": true,
		"yahoo.com": true, "icloud.com": true, "proton.me": true, "vendor-gmail.com": false,
	} {
		f := siteFlags{SpecialistDomains: []string{domain}}
		said := slices.ContainsFunc(f.problems(), func(p string) bool {
			return strings.Contains(p, "in SPECIALIST_DOMAINS, and would then see every onboarding") && strings.Contains(p, "SPECIALISTS instead")
		})
		if said != refused {
			t.Errorf("%q: refused %v, want %v", domain, said, refused)
		}
	}
}

// Tokens and codes go by https, or stay on this machine.
func TestAddressesThatTokensGoTo(t *testing.T) {
	for address, good := range map[string]bool{
		"": true, "https://accounts.google.com": true, "http://127.0.0.1:9191": true, "http://localhost:9191": true, "http://[::1]:9191": true,
		"http://accounts.google.com": false, "ftp://127.0.0.1": false, "http://127.evil.example": false, "http://127.0.0.1.evil.example": false,
		"http://localhost.evil.example": false, "accounts.google.com": false, "https://": false, "http://127.0.0.1@evil.example": false,
	} {
		if got := addressProblems("", map[string]string{"GOOGLE_ISSUER": address}); (len(got) == 0) != good {
			t.Errorf("%q: %q", address, got)
		}
	}
	for _, c := range []string{"https://emulator.example", "http://127.evil.example"} {
		if len(addressProblems(c, nil)) == 0 {
			t.Errorf("the emulator %s is taken", c)
		}
	}
}

// A public site uses Google itself: an emulator signs anyone in as anyone, and a foreign endpoint receives live tokens.
func TestPublicSiteRefusesEmulation(t *testing.T) {
	const public, local = "https://onboarding.vendor.example", "http://127.0.0.1:8080"
	for _, c := range []struct {
		name, base, emulator, cloud string
		refused                     []string
	}{
		{name: "Google itself", base: public},
		{name: "an emulator behind a public address", base: public, emulator: "http://127.0.0.1:9191", refused: []string{"EMULATOR_URL"}},
		{name: "an emulator on loopback", base: local, emulator: "http://127.0.0.1:9191"},
		{name: "a foreign endpoint behind a public address", base: public, cloud: "https://cloud.example", refused: []string{"GOOGLE_CLOUD_ENDPOINT"}},
		{name: "an endpoint that only looks like loopback", base: public, cloud: "https://127.0.0.1.evil.example", refused: []string{"GOOGLE_CLOUD_ENDPOINT"}},
		{name: "a local endpoint behind a public address", base: public, cloud: "http://[::1]:9191", refused: []string{"GOOGLE_CLOUD_ENDPOINT"}},
		{name: "a foreign endpoint on loopback", base: "http://localhost:8080", cloud: "https://cloud.example"},
		{name: "a base that only looks like loopback", base: "https://localhost.evil.example", emulator: "http://localhost:1", refused: []string{"EMULATOR_URL"}},
		{name: "both, reported at once", base: public, emulator: "http://127.0.0.1:9191", cloud: "https://cloud.example", refused: []string{"EMULATOR_URL", "GOOGLE_CLOUD_ENDPOINT"}},
	} {
		f := siteFlags{BaseURL: c.base, EmulatorURL: c.emulator, CloudEndpoint: c.cloud}
		var refused []string
		for _, p := range f.problems() {
			if name, rest, _ := strings.Cut(p, " "); strings.Contains(rest, "BASE_URL is public. Unset "+name) {
				refused = append(refused, name)
			}
		}
		if !slices.Equal(refused, c.refused) {
			t.Errorf("%s: refused %q, want %q", c.name, refused, c.refused)
		}
	}
}

// What the environment holds is told in sentences that name the variable, or is safe to serve with.
func FuzzConfig(f *testing.F) {
	for _, c := range [][4]string{
		{"https://onboarding.vendor.example", "postgres://groundwork_app@db:5432/groundwork", "root@vendor.example", "10.0.0.0/8"},
		{"http://127.evil.example", "postgres://app:secret@db/x", "a@b@c", "0.0.0.0/0"},
		{"http://127.0.0.1:8080", "host=db user=app", "", "x"},
		{"http://[::1]:1", "", "vendor.example", ""},
		{"https://good@evil.example/x?y#z", "postgresql://db", "@", "::ffff:10.0.0.0/104"},
		{"http://localhost.evil.example", "postgres://%zz", "\x00", "fe80::1%eth0"},
		{"javascript:alert(1)", "\xff", " a@b ", "10.0.0.0/8 "},
	} {
		f.Add(c[0], c[1], c[2], c[3])
	}
	f.Fuzz(func(t *testing.T, base, database, person, proxy string) {
		c := siteFlags{
			BaseURL: base, DatabaseURL: database, GoogleClientID: "x", GoogleClientSecret: "x", GoogleIssuer: googleIssuer, Administrators: []string{person}, TrustedProxies: []string{proxy},
		}
		said := strings.Join(c.problems(), "\n")
		if !strings.Contains(said, "BASE_URL") {
			u, err := url.Parse(base)
			if err != nil {
				t.Fatalf("%q is taken: %v", base, err)
			}
			at, notIP := netip.ParseAddr(u.Hostname())
			here := u.Hostname() == "localhost" || notIP == nil && at.IsLoopback()
			if u.Scheme != "https" && !(u.Scheme == "http" && here) || u.User != nil || u.Host == "" || u.RawQuery != "" {
				t.Errorf("%q is taken", base)
			}
		}
		if !strings.Contains(said, "ADMINISTRATORS") && strings.Count(person, "@") != 1 {
			t.Errorf("%q is taken for a person", person)
		}
		for _, p := range c.trustedProxies() {
			if strings.Contains(said, "TRUSTED_PROXIES") || p.Bits() == 0 || p != p.Masked() || p.Addr().Is4In6() {
				t.Errorf("%q is trusted as %v, and %q is said", proxy, p, said)
			}
		}
		with := withPassword(database, "p@ss:w/rd")
		if before, err := url.Parse(database); err == nil && before.User != nil && !strings.Contains(said, "DATABASE_URL") {
			after, err := url.Parse(with)
			if err != nil {
				t.Fatalf("%q with a password is %q: %v", database, with, err)
			}
			had, has := before.User.Password()
			if got, _ := after.User.Password(); has && got != had || !has && got != "p@ss:w/rd" || after.Host != before.Host || after.User.Username() != before.User.Username() || after.Path != before.Path {
				t.Errorf("%q with a password is %q", database, with)
			}
		}
	})
}

func TestTheDatabaseIsAuthenticatedOffThisMachine(t *testing.T) {
	for _, c := range []struct {
		url, plaintext string
		refused        bool
	}{
		{"postgres://u@localhost/g", "", false},
		{"postgres://u@127.0.0.1:5432/g?sslmode=disable", "", false},
		{"postgres:///g?host=/run/postgresql", "", false},
		{"postgres://u@[::1]:5432/g", "", false},
		{"postgres://u@db.example/g?sslmode=verify-full", "", false},
		{"postgres://u@db.example/g", "", true},
		{"postgres://u@db.example/g?sslmode=require", "", true},
		{"postgres://u@db.example/g?sslmode=verify-ca", "", true},
		{"postgres://u@localhost,db.example/g", "", true},
		{"postgres:///g?host=db.example", "", true},
		{"postgres://u@db:5432/g?sslmode=disable", "private-network", false},
		{"postgres://u@db:5432/g?sslmode=disable", "yes", true},
	} {
		if refused := len(plaintextProblems("DATABASE_URL", c.url, c.plaintext)) > 0; refused != c.refused {
			t.Errorf("%s with %q: refused %v", c.url, c.plaintext, refused)
		}
		f := siteFlags{DatabaseURL: c.url, DatabasePlaintext: c.plaintext}
		if told := strings.Contains(strings.Join(f.problems(), " "), "DATABASE_"+"URL leaves") || strings.Contains(strings.Join(f.problems(), " "), "DATABASE_PLAINTEXT is"); told != c.refused {
			t.Errorf("serve with %s, %q: told %v", c.url, c.plaintext, told)
		}
	}
}

func TestAPublicSiteNeedsASealedKeyset(t *testing.T) {
	for _, c := range []struct {
		base, kms string
		clear     bool
		refused   bool
	}{
		{"https://onboarding.vendor.example", "", false, true},
		{"https://onboarding.vendor.example", "", true, false},
		{"https://onboarding.vendor.example", "projects/p/locations/l/keyRings/r/cryptoKeys/k", false, false},
		{"http://127.0.0.1:8080", "", false, false},
	} {
		f := siteFlags{BaseURL: c.base, KeysetInClear: c.clear, Keys: keyFlags{kmsFlags: kmsFlags{KMSKey: c.kms}}}
		if told := strings.Contains(strings.Join(f.problems(), " "), "KMS_KEY is missing"); told != c.refused {
			t.Errorf("%+v: told %v", c, told)
		}
	}
}

func TestAPublicSiteWarnsOfItsWeakerChoices(t *testing.T) {
	kms := keyFlags{kmsFlags: kmsFlags{KMSKey: "projects/p/locations/l/keyRings/r/cryptoKeys/k"}}
	for _, c := range []struct {
		flags siteFlags
		told  []string // what each warning names
	}{
		{siteFlags{BaseURL: "https://onboarding.vendor.example", Keys: kms}, nil},
		{siteFlags{BaseURL: "https://onboarding.vendor.example", Keys: kms, UnstatedAuthTime: true}, []string{"UNSTATED_AUTH_TIME"}},
		{siteFlags{BaseURL: "https://onboarding.vendor.example", KeysetInClear: true}, []string{"KMS_KEY"}},
		{siteFlags{BaseURL: "http://127.0.0.1:8080", UnstatedAuthTime: true}, nil},
	} {
		got := c.flags.warnings()
		if len(got) != len(c.told) {
			t.Errorf("%+v: %q", c.flags, got)
			continue
		}
		for i, name := range c.told {
			if !strings.Contains(got[i], name) {
				t.Errorf("%q doesn't name %s", got[i], name)
			}
		}
	}
}

// Compose passes every setting on: one that it forgets can't be set.
func TestComposePassesEverySetting(t *testing.T) {
	compose, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	image := []string{"ADDR", "EMULATOR_URL", "GOOGLE_CLOUD_ENDPOINT"} // set by the image; for trials; the same
	var c cli
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, command := range parser.Model.Children {
		if command.Name != "serve" {
			continue
		}
		for _, flag := range command.Flags {
			for _, env := range flag.Envs {
				seen++
				if !slices.Contains(image, env) && !strings.Contains(string(compose), "\n      "+env+":") && !strings.Contains(string(compose), "\n      "+env+"_FILE:") {
					t.Errorf("docker-compose.yml doesn't pass %s", env)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("serve has %d settings", seen)
	}
}
