package vault_test

import (
	"go/types"
	"os"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// opener is the shape of whatever opens a sealed value, be it the vault's method or an interface's.
const (
	opener = "groundwork/onboarding.SealedTo []byte gives groundwork/onboarding.Secret error"
	bound  = "groundwork/onboarding.SealedTo []byte gives groundwork/onboarding.Secret string error" // and says to which address
)

func TestOnlyTheProvisionerOpens(t *testing.T) {
	all, err := packages.Load(&packages.Config{
		Context: t.Context(), Dir: "..", Env: os.Environ(),
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports | packages.NeedExportFile,
	}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	shape := func(f *types.Func) string {
		s := f.Signature()
		var parts []string
		for v := range s.Params().Variables() {
			parts = append(parts, types.TypeString(v.Type(), nil))
		}
		parts = append(parts, "gives")
		for v := range s.Results().Variables() {
			parts = append(parts, types.TypeString(v.Type(), nil))
		}
		return strings.Join(parts, " ")
	}
	where := map[string]int{}
	for _, p := range all {
		if _, err := os.ReadDir(p.Dir); err != nil { // so that a new file there makes go test look again
			t.Error(err)
		}
		for _, e := range p.Errors {
			t.Errorf("%s: %v", p.PkgPath, e)
		}
		for id, used := range p.TypesInfo.Uses {
			f, ok := used.(*types.Func)
			if !ok || shape(f) != opener && shape(f) != bound {
				continue
			}
			where[p.PkgPath]++
			if p.PkgPath != "groundwork/provisioner" && p.PkgPath != "groundwork/vault" {
				t.Errorf("%s opens a sealed value: let the provisioner do it, which records it", p.Fset.Position(id.Pos()))
			}
		}
	}
	// The consent, the secrets of a run, those that are encrypted for the vendor, those that sign messages to it; and the vault's own
	// opening and resealing: a new place has to record what it opens.
	if where["groundwork/provisioner"] != 4 || where["groundwork/vault"] != 2 {
		t.Errorf("opened in %v; see that each place records its use, then count it here", where)
	}
}
