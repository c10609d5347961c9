package web

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A sentence quotes answers, also of servers that the customer names, so not every address in it may be followed.
func TestOnlyKnownAddressesBecomeLinks(t *testing.T) {
	link := func(address string) Link { return Link{Text: address, URL: address} }
	for in, want := range map[string][]Link{
		"":                   nil,
		"No address at all.": {{Text: "No address at all."}},
		"Open https://console.cloud.google.com/billing, then try again.": {{Text: "Open "}, link("https://console.cloud.google.com/billing"), {Text: ", then try again."}},
		"https://acme.gcp.databricks.com (Settings)":                     {link("https://acme.gcp.databricks.com"), {Text: " (Settings)"}},
		"The version is https://login.elsewhere.example/x, wanted 6.x.":  {{Text: "The version is https://login.elsewhere.example/x, wanted 6.x."}},
		"https://google.com.elsewhere.example https://google.com@elsewhere.example https://notgoogle.com": {
			{Text: "https://google.com.elsewhere.example https://google.com@elsewhere.example https://notgoogle.com"},
		},
		"See https://elsewhere.example or https://cloud.google.com/iam.": {{Text: "See https://elsewhere.example or "}, link("https://cloud.google.com/iam"), {Text: "."}},
	} {
		if d := cmp.Diff(want, linkParts(in)); d != "" {
			t.Errorf("%q (-want +got):\n%s", in, d)
		}
	}
}
