package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A process's clock may be wrong, so it decides nothing that servers share: they go by the database's, which the store
// tells. Here is who still asks a process's clock, and why it may. Durations are measured by the monotonic clock, which
// nobody sets.
func TestNoProcessClockDecidesWhatServersShare(t *testing.T) {
	t.Parallel()
	may := map[string]string{
		"app/settings.go":                      "how long this process uses the settings that it read: measured",
		"handlers/events.go":                   "the deadline of a socket",
		"handlers/export.go":                   "the deadline of a socket",
		"handlers/middleware.go":               "how long a request took: measured",
		"notify/mail.go":                       "when the demo's mail arrived: kept in memory, and shown on the demo's page alone",
		"notify/notify.go":                     "how long a try took: measured",
		"provisioner/env.go":                   "the clock of a step that a test calls by itself: a service gives its own",
		"provisioner/ledgertest/ledgertest.go": "a ledger for tests",
		"provisioner/resources/resp.go":        "the deadline of a socket",
		"store/clock.go":                       "how long ago the database's clock was read: measured",
		"store/worker.go":                      "how long ago this worker's heartbeats and looks were: measured",
	}
	asked := map[string][]string{}
	for _, room := range []string{"app", "cmd/server", "handlers", "notify", "onboarding", "provisioner", "store", "vault", "web", "wizard"} {
		err := filepath.WalkDir(filepath.Join("../..", room), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && (s.Sel.Name == "Now" || s.Sel.Name == "Until") {
					name, _ := filepath.Rel("../..", path)
					asked[name] = append(asked[name], fmt.Sprintf("line %d", set.Position(n.Pos()).Line))
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(asked)) {
		if may[file] == "" {
			t.Errorf("%s asks this process's clock (%s): take the store's, which is the database's", file, strings.Join(asked[file], ", "))
		}
		delete(may, file)
	}
	for file := range may {
		t.Errorf("%s doesn't ask this process's clock any more", file)
	}
}
