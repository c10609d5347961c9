package main

import (
	"strings"
	"testing"
)

func TestTrustedProxies(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", " 10.1.2.3/8 ": "10.0.0.0/8", "127.0.0.1": "127.0.0.1/32", "::1": "::1/128", "2001:db8::/32": "2001:db8::/32",
		"0.0.0.0/0": "everybody", "::/0": "everybody", "10.0.0.0/33": "not a network", "proxy.example": "not a network", "": "not a network",
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
