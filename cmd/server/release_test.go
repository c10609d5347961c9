package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The release build, which the Dockerfile makes, has no emulator, no sample data and no private Postgres in it.
func TestTheReleaseBuildHasNoEmulator(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the program")
	}
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	tags := regexp.MustCompile(`go build .*-tags (\S+)`).FindSubmatch(dockerfile)
	if tags == nil || !strings.Contains(","+string(tags[1])+",", ",release,") {
		t.Fatalf("the Dockerfile doesn't build a release: %s", tags)
	}
	binary := filepath.Join(t.TempDir(), "groundwork")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-tags", string(tags[1]), "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	symbols, err := exec.CommandContext(t.Context(), "go", "tool", "nm", binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(symbols), "groundwork/store.") {
		t.Fatal("the binary has no symbols to look at")
	}
	for _, absent := range []string{"groundwork/emulator", "groundwork/store/devpg", "main.demoCmd", "main.seeder", "main.emulatorCmd", "groundwork/web.samples"} {
		if i := strings.Index(string(symbols), absent); i >= 0 {
			t.Errorf("it has %s: %s", absent, strings.SplitN(string(symbols[i:]), "\n", 2)[0])
		}
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{"Kim Administrator", "Choose an account to continue as", "sample-token-shown-once"} {
		if strings.Contains(string(content), absent) {
			t.Errorf("it has the text %q", absent)
		}
	}
	for _, command := range []string{"demo", "emulator"} {
		if out, err := exec.CommandContext(t.Context(), binary, command).CombinedOutput(); err == nil || !strings.Contains(string(out), "unexpected argument "+command) {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	serve := exec.CommandContext(t.Context(), binary, "serve")
	serve.Env = []string{"EMULATOR_URL=http://127.0.0.1:9191", "BASE_URL=http://127.0.0.1:8080"}
	if out, err := serve.CombinedOutput(); err == nil || !strings.Contains(string(out), "EMULATOR_URL is for trials") {
		t.Errorf("serve with an emulator: %v\n%s", err, out)
	}
}
