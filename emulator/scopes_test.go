package emulator

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"groundwork/emulator/discovery"
)

var update = flag.Bool("update", false, "write scopes.json from Google's discovery documents")

var routeName = regexp.MustCompile(`\{[^}]+\}`)

// scopes.json holds what Google's documents say of every route that is served; -update writes it.
func TestScopesAreGoogles(t *testing.T) {
	docs, err := discovery.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	groups := map[string]*scopeGroup{}
	for _, host := range sortedKeys(e.router.hosts) {
		for _, r := range e.router.hosts[host].routes {
			m := docs.Find(r.method, host, routeName.ReplaceAllString(r.pattern, "sample"))
			if r.open || m == nil {
				continue
			}
			scopes := slices.DeleteFunc(slices.Clone(m.Scopes), func(s string) bool { return s == CloudPlatform })
			if len(scopes) == len(m.Scopes) {
				t.Errorf("%s takes %v, without cloud-platform", m.ID, m.Scopes)
			}
			if len(scopes) == 0 {
				continue
			}
			key := strings.Join(scopes, " ")
			if groups[key] == nil {
				groups[key] = &scopeGroup{Scopes: scopes}
			}
			groups[key].Routes = append(groups[key].Routes, host+" "+r.method+" "+r.pattern)
		}
	}
	var list []*scopeGroup
	for _, k := range sortedKeys(groups) {
		slices.Sort(groups[k].Routes)
		list = append(list, groups[k])
	}
	want, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("scopes.json", want, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(scopesJSON, want) {
		t.Error("scopes.json is not what Google's documents say; run this test with -update and read the change")
	}
}
