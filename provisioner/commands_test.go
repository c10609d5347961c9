package provisioner

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"groundwork/onboarding"
)

// Somebody with more rights pastes these commands into a shell: whatever the address holds, each is the words that it was
// made of, and nothing else runs.
func TestCommandsAreTheirWordsWhateverTheAddressHolds(t *testing.T) {
	t.Parallel()
	for _, caller := range []string{
		"ada@customer.example", "o'brien@customer.example", "x;touch ran;#@customer.example", "$(touch ran)`touch ran`@customer.example", `"\@customer.example`,
	} {
		p := &preflight{env: &Env{Caller: caller}, spec: onboarding.Spec{Project: "acme-data"}}
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(caller)
		for _, c := range []struct {
			command string
			last    []string // the words with the address
		}{
			{commandsFor([]string{"roles/viewer", "roles/editor"}, caller, "gcloud", "projects", "add-iam-policy-binding", "acme-data"), []string{"--member=user:" + caller, "--member=user:" + caller}},
			{p.makeOwner([]string{"acme-data.sales", "acme-data.hostname"}), []string{
				"GRANT `roles/bigquery.dataOwner` ON SCHEMA `acme-data`.`sales` TO \"user:" + quoted + `"`,
				"GRANT `roles/bigquery.dataOwner` ON SCHEMA `acme-data`.`hostname` TO \"user:" + quoted + `"`,
			}},
			{p.troubleshoot("", "storage.buckets.get"), []string{"--principal-email=" + caller}},
		} {
			dir := t.TempDir()
			cmd := exec.Command("bash", "-c", `gcloud() { printf '%s\0' "$@"; }; bq() { gcloud "$@"; }; `+c.command)
			cmd.Dir = dir
			out, err := cmd.Output()
			words := strings.Split(string(out), "\x00")
			words = slices.DeleteFunc(words, func(w string) bool { return !slices.Contains(c.last, w) })
			if err != nil || !slices.Equal(words, c.last) {
				t.Errorf("%s\nis read as %q (%v), want %q among them", c.command, strings.Split(string(out), "\x00"), err, c.last)
			}
			if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
				t.Errorf("%s\nran what the address holds", c.command)
			}
		}
	}
}
