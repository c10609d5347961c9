package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// The system sees every onboarding. Who acts as it works for nobody in particular: the background, the operator's
// commands, and in the store what a person may cause and not read. A page or an entry point has a person's rights.
func TestOnlyTheBackgroundActsAsTheSystem(t *testing.T) {
	t.Parallel()
	may := map[string]string{
		"app/people.go":             "whoever takes an invitation is no member yet, and ends the access of an earlier account",
		"app/retention.go":          "the background: what expires",
		"cmd/server/auditcmd.go":    "a command of the operator's",
		"cmd/server/doctorcmd.go":   "a command of the operator's",
		"cmd/server/securitylog.go": "what a command of the operator's did",
		"web/eventwords.go":         "how the system is called",
		"web/gallery.go":            "sample data",
		"web/words.go":              "how the system is called",
	}
	for _, room := range []string{"app", "cmd/server", "handlers", "notify", "vault", "web", "wizard"} {
		err := filepath.WalkDir(filepath.Join("../..", room), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			name, _ := filepath.Rel("../..", path)
			found := false
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && (s.Sel.Name == "System" || s.Sel.Name == "RoleSystem") {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "onboarding" {
						found = true
					}
				}
				return true
			})
			if found && may[name] == "" {
				t.Errorf("%s acts as the system: take the actor's rights", name)
			}
			if !found && may[name] != "" {
				t.Errorf("%s doesn't act as the system any more", name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
