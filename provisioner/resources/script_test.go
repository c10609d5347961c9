package resources_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner/steptest"
)

// shell runs plan.sh with Google's own clients against the emulated cloud, whose time passes faster than ours.
type shell struct {
	w    *steptest.World
	path string
	env  []string
}

func newShell(t *testing.T, w *steptest.World) *shell {
	t.Helper()
	for _, name := range []string{"gcloud", "bq", "curl"} {
		if _, err := exec.LookPath(name); err != nil {
			// Only machines that have Google's tools can run this: they are large and not everybody's.
			t.Skipf("%s is not installed; install the Google Cloud CLI (https://cloud.google.com/sdk/docs/install)", name)
		}
	}
	dir := t.TempDir()
	module, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	script := w.Export("plan.sh")
	for _, host := range []string{"bigtableadmin", "storage"} {
		script = strings.ReplaceAll(script, "https://"+host+".googleapis.com/", w.URL()+"/_/"+host+".googleapis.com/")
	}
	files := map[string]string{
		"token":   w.Cloud.Token(steptest.Owner),
		"plan.sh": script,
		// Without it, bq fetches the document from the address that it is given.
		"bigqueryrc": "discovery_file = " + filepath.Join(strings.TrimSpace(string(module)), "bigquery", "v2", "bigquery-api.json") + "\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &shell{w: w, path: filepath.Join(dir, "plan.sh")}
	s.env = append(os.Environ(), "CLOUDSDK_CONFIG="+dir, "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true", "CLOUDSDK_SURVEY_DISABLE_PROMPTS=true",
		"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true", "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE="+filepath.Join(dir, "token"), "BIGQUERYRC="+filepath.Join(dir, "bigqueryrc"))
	for service, path := range map[string]string{
		"IAM": "iam.googleapis.com/", "CLOUDRESOURCEMANAGER": "cloudresourcemanager.googleapis.com/", "STORAGE": "storage.googleapis.com/storage/v1/",
		"BIGTABLEADMIN": "bigtableadmin.googleapis.com/", "SERVICEUSAGE": "serviceusage.googleapis.com/", "BIGQUERY": "bigquery.googleapis.com/",
	} {
		s.env = append(s.env, "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+service+"="+w.URL()+"/_/"+path)
	}
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	go func() {
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-tick.C:
				_ = w.Clock.Sleep(ctx, 250*time.Millisecond)
			case <-ctx.Done():
				return
			}
		}
	}()
	return s
}

// command is the script, started in a group of its own so that it can be killed with what it started.
func (s *shell) command(args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(s.w.T.Context(), "bash", append([]string{s.path}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, &said, &said
	return cmd, &said
}

func (s *shell) run(args ...string) string {
	s.w.T.Helper()
	cmd, said := s.command(args...)
	if err := cmd.Run(); err != nil {
		s.w.T.Fatalf("the script: %v\n%s", err, said)
	}
	return said.String()
}

// killAfter kills the script once it has made so many changes, and reports whether it was still at work.
func (s *shell) killAfter(changes int) bool {
	s.w.T.Helper()
	mark := s.w.Mark()
	cmd, said := s.command()
	if err := cmd.Start(); err != nil {
		s.w.T.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				s.w.T.Fatalf("the script ended by itself: %v\n%s", err, said)
			}
			return false
		case <-time.After(5 * time.Millisecond):
			if len(s.w.Changes(mark)) >= changes {
				if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
					s.w.T.Fatal(err)
				}
				<-ended
				return true
			}
		}
	}
}

// leavesNothing fails unless a run after the script only checks.
func (s *shell) leavesNothing() {
	s.w.T.Helper()
	for _, line := range s.w.Plan().Tasks {
		if line.Action != onboarding.ActionNone && line.Action != onboarding.ActionCheck && line.Name != "handover" && len(line.ByHand) == 0 {
			s.w.T.Errorf("the plan still wants to %s %s (%s) %s", line.Action, line.Name, line.Remark(), line.Problem)
		}
	}
	mark := s.w.Mark()
	s.w.Succeeds(s.w.Run())
	for _, c := range s.w.Changes(mark) {
		if !strings.Contains(c.Path, "/secrets/") {
			s.w.T.Errorf("the run changed %s %s", c.Method, c.Path)
		}
	}
}

// slowCloud takes 20 seconds to make known what was made, of its own time.
func slowCloud(w *steptest.World) {
	const d = emulator.Duration(20 * time.Second)
	for _, p := range []string{"acme-data", "acme-warehouse"} {
		w.Cloud.SetProjectPropagation(p, emulator.Propagation{Accounts: d, APIs: d, Roles: d, Bindings: d})
	}
}

// The script says what it would do and does nothing, then does all that a run does though Google takes its time, and
// does it again after a teardown, when the custom role is there and deleted.
func TestTheScriptDoesWhatTheRunDoes(t *testing.T) {
	t.Parallel()
	w := world(t, func(s *onboarding.Spec) { s.RequesterPays = true })
	billing(t, w)
	w.Cloud.SetIAM("projects/acme-warehouse", "user:"+steptest.Owner, "") // so another project has to pay
	w.Cloud.SetIAM("projects/acme-warehouse", "user:"+steptest.Owner, "roles/bigquery.admin")
	w.Cloud.SetIAM("projects/acme-warehouse", "user:"+steptest.Owner, "roles/resourcemanager.projectIamAdmin")
	w.Cloud.SetIAM("buckets/acme-landing", "user:"+steptest.Owner, "roles/storage.admin")
	slowCloud(w)
	s := newShell(t, w)
	mark := w.Mark()
	said := s.run("--dry-run")
	if changes := w.Changes(mark); len(changes) > 0 {
		t.Errorf("--dry-run changed %s %s", changes[0].Method, changes[0].Path)
	}
	for _, want := range []string{"Would run: gcloud iam service-accounts create", "Would run: bq", "storage/v1/b", "Nothing was changed."} {
		if !strings.Contains(said, want) {
			t.Errorf("--dry-run doesn't say %q:\n%s", want, said)
		}
	}
	if said = s.run(); !strings.Contains(said, "Not yet. Google says:") {
		t.Errorf("Google answered at once:\n%s", said)
	}
	s.leavesNothing()
	mark = w.Mark()
	s.run()
	for _, c := range w.Changes(mark) {
		if c.Method == http.MethodPatch || strings.HasSuffix(c.Path, "/instances") || strings.HasSuffix(c.Path, "/b") || strings.HasSuffix(c.Path, "/serviceAccounts") {
			t.Errorf("the second time changed %s %s", c.Method, c.Path)
		}
	}
	w.Spec.EraseData = true
	w.Succeeds(w.Teardown(nil))
	w.Spec.EraseData = false
	s.run()
	s.leavesNothing()
}

// The script is killed again and again, each time some changes further; then it goes on to the end. LONG=1 kills it
// after every single change.
func TestTheScriptSurvivesKills(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	slowCloud(w)
	s := newShell(t, w)
	kills := 0
	if os.Getenv("LONG") != "" {
		for after := 1; s.killAfter(after); after++ {
			kills++
		}
	} else {
		for _, after := range []int{2, 4, 8} {
			if s.killAfter(after) {
				kills++
			}
		}
		s.run()
	}
	t.Logf("killed %d times", kills)
	if kills < 3 {
		t.Errorf("killed %d times, want 3 or more", kills)
	}
	s.leavesNothing()
}

// T8: without billing nothing passes by waiting.
func TestTheScriptStopsAtOnceWithoutBilling(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.Cloud.SetBilling("acme-data", false)
	s := newShell(t, w)
	cmd, said := s.command()
	if err := cmd.Run(); err == nil || !strings.Contains(said.String(), "Billing must be enabled for activation") || strings.Contains(said.String(), "Not yet.") {
		t.Errorf("%v, said:\n%s", err, said)
	}
}

// What somebody else made is left alone, and so is what can't be waited for.
func TestTheScriptStopsAtWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	w := world(t, nil)
	w.MakeBucket(steptest.Owner, "acme-data", w.Spec.Bucket())
	s := newShell(t, w)
	cmd, said := s.command()
	if err := cmd.Run(); err == nil || !strings.Contains(said.String(), "gs://"+w.Spec.Bucket()+" exists but wasn't created by this onboarding") {
		t.Errorf("%v, said:\n%s", err, said)
	}
	if got := w.Plan(); !strings.Contains(got.Tasks[1].Problem, "was not created by this onboarding") {
		t.Errorf("the bucket's line says %q", got.Tasks[1].Problem)
	}
}
