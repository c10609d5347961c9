package gcp

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The tables of traps and stories are true: each test that they name exists, and each sentence that the first quotes is in
// the code.
func TestTheTableOfTrapsIsTrue(t *testing.T) {
	const root = "../.."
	var code, tests strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root:
			return filepath.SkipDir
		}
		into := &code
		switch {
		case strings.HasSuffix(path, "_test.go"):
			into = &tests
		case !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".templ"):
			return nil
		}
		b, err := os.ReadFile(path)
		into.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(root + "/docs/traps.md")
	if err != nil {
		t.Fatal(err)
	}
	stories, err := os.ReadFile(root + "/docs/stories.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(table)+string(stories), -1)
	for _, m := range names {
		if !strings.Contains(tests.String(), "func "+m[1]+"(t *testing.T)") {
			t.Errorf("there is no test %s", m[1])
		}
	}
	for n := 1; n <= 24; n++ { // the small inputs
		if !regexp.MustCompile(fmt.Sprintf("(?m)^\\| %d \\|.*`Test", n)).Match(table) {
			t.Errorf("no test covers the small input %d", n)
		}
	}
	for n := 1; n <= 25; n++ {
		if !regexp.MustCompile(fmt.Sprintf("(?m)^\\| %d \\|.*`Test", n)).Match(stories) {
			t.Errorf("no test covers the story %d", n)
		}
	}
	quotes := regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(string(table), -1)
	for _, m := range quotes {
		for part := range strings.SplitSeq(m[1], "…") {
			if part = strings.Trim(part, " ,."); !strings.Contains(code.String(), part) {
				t.Errorf("nobody reads %q", part)
			}
		}
	}
	if len(names) < 30 || len(quotes) < 30 {
		t.Errorf("%d tests and %d sentences were found", len(names), len(quotes))
	}
}
