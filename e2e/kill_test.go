package e2e

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"groundwork/store/pgtest"
)

// freeAddr is a loopback address that nobody listened on a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// process is a running command of the program.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	log *lines
}

func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t, exec.Command(binary, args...), &lines{}}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr, p.cmd.Stdout = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", args[0], p.log.tail(30))
		}
	})
	return p
}

func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	_ = p.cmd.Wait()
}

func ready(t *testing.T, base string) {
	t.Helper()
	eventually(t, base+" to be ready", func() bool {
		resp, err := http.Get(base + "/healthz/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// made counts what was made in the cloud, by what it is.
func made(all []call) map[string]int {
	creates := []struct{ what, method, path string }{
		{"bucket", "POST", `^/storage/v1/b$`},
		{"service account", "POST", `/serviceAccounts$`},
		{"custom role", "POST", `/roles$`},
		{"Bigtable instance", "POST", `/instances$`},
	}
	out := map[string]int{}
	for _, c := range all {
		path, _, _ := strings.Cut(c.Path, "?")
		for _, want := range creates {
			if c.Changed && c.Method == want.method && regexp.MustCompile(want.path).MatchString(path) {
				out[want.what]++
			}
		}
	}
	return out
}

func wantEachOnce(t *testing.T, all []call) {
	t.Helper()
	got := made(all)
	for _, what := range []string{"bucket", "service account", "custom role", "Bigtable instance"} {
		if got[what] != 1 {
			t.Errorf("%s was made %d times, want once", what, got[what])
		}
	}
}

// minters are those who may make tokens of an account in the cloud, by its lines of what exists.
func minters(t *testing.T, cloud string) (all []string) {
	t.Helper()
	resp, err := http.Get(cloud + "/_emulator/snapshot")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var lines []string
	if err := json.NewDecoder(resp.Body).Decode(&lines); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if strings.Contains(line, "roles/iam.serviceAccountTokenCreator") {
			all = append(all, line)
		}
	}
	return all
}

// A server that is killed in mid-run is replaced by another one: the run ends, and nothing is made twice. One that is killed
// during the rehearsal leaves the temporary role to the next, which takes it back.
func TestKilledServerIsReplaced(t *testing.T) {
	db := pgtest.NewDatabase(t)
	keyset, err := exec.Command(binary, "keygen").Output()
	if err != nil {
		t.Fatal(err)
	}
	first, second, cloud := freeAddr(t), freeAddr(t), freeAddr(t)
	start(t, nil, "emulator", "--world", "--addr", cloud, "--speed", "4s", "--sites", "http://"+first, "--sites", "http://"+second)
	eventually(t, "the emulator", func() bool {
		resp, err := http.Get("http://" + cloud + "/.well-known/openid-configuration")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	serve := func(addr string) *process {
		return start(t, []string{
			"ADDR=" + addr, "BASE_URL=http://" + addr, "DATABASE_URL=" + db.WorkerURL, "DATABASE_CUSTOMER_URL=" + db.CustomerURL, "DATABASE_STAFF_URL=" + db.StaffURL, "EMULATOR_URL=http://" + cloud,
			"KEYSET=" + string(keyset), "ADMINISTRATORS=kim@vendor.example",
		}, "serve")
	}
	one := serve(first)
	ready(t, "http://"+first)

	kim := newVisitor(t, "kim@vendor.example")
	kim.open("http://" + first + "/admin")
	kim.follow("Sign in")
	kim.signIn()
	kim.open("/admin/new")
	kim.submit("Create the invitation", "customer", "Kill Test", "owner_email", "ada@customer.example", "proposed_name", "acme-prod",
		"control_plane_account", "tecton-acme-prod-control-plane@tecton-demo-control.iam.gserviceaccount.com")
	invite := regexp.MustCompile(`http://[^"<\s]*/i/[\w-]+`).FindString(kim.body)
	if invite == "" {
		kim.fatal("no invite link")
	}
	ada := newVisitor(t, "ada@customer.example")
	ada.rehearse = true
	progress := ada.onboard(invite, "acme-data-prod")
	// Google knows the temporary role late, so the rehearsal waits for it.
	late, err := http.Post("http://"+cloud+"/_emulator/rules", "application/json", strings.NewReader(`{"match":{"host":"iamcredentials.googleapis.com"},"status":403,"times":3}`))
	if err != nil || late.StatusCode >= 300 {
		t.Fatalf("a rule for the cloud: %v, %v", late, err)
	}
	late.Body.Close()

	// The instance takes four seconds: the run is in the middle of it when its server dies.
	eventually(t, "the instance's creation", func() bool { return made(calls(t, "http://"+cloud))["Bigtable instance"] == 1 })
	two := serve(second)
	ready(t, "http://"+second)
	one.kill()
	killed := time.Now()
	before := len(calls(t, "http://"+cloud))
	eventually(t, "the other server's first call", func() bool { return len(calls(t, "http://"+cloud)) > before })
	t.Logf("first call of the other server %v after the kill", time.Since(killed).Round(10*time.Millisecond))

	serve(first)
	ready(t, "http://"+first)
	eventually(t, "the rehearsal", func() bool {
		return slices.ContainsFunc(calls(t, "http://"+cloud), func(c call) bool { return strings.Contains(c.Path, ":generateAccessToken") })
	})
	two.kill()
	killed = time.Now()
	if len(minters(t, "http://"+cloud)) != 1 {
		t.Fatalf("when its server was killed, the temporary role was given to %q", minters(t, "http://"+cloud))
	}

	ada.at = nil
	eventually(t, "the end of the run", func() bool {
		ada.open("http://" + first + progress)
		return strings.Contains(ada.body, "outputs.json") || strings.Contains(ada.body, "See what was created")
	})
	t.Logf("the run ended %v after the kill", time.Since(killed).Round(10*time.Millisecond))
	wantEachOnce(t, calls(t, "http://"+cloud))
	if left := minters(t, "http://"+cloud); len(left) > 0 {
		t.Errorf("after the run, the temporary role is still given to %q", left)
	}
	ada.open("http://" + first + progress)
	if !strings.Contains(ada.page.Find("main").Text(), "accepted: remove roles/iam.serviceAccountTokenCreator on serviceAccounts/") {
		t.Error("the page doesn't say that the temporary role was removed")
	}
}

// A demo that is killed hard leaves no process behind, finds its cloud and its run again, and ends the run.
func TestKilledDemoGoesOn(t *testing.T) {
	dir := dataDir(t)
	site, cloud := freeAddr(t), freeAddr(t)
	args := []string{"--speed", "4s", "--no-samples", "--addr", site, "--cloud-addr", cloud}
	d := startDemo(t, dir, args...)
	ada := newVisitor(t, "ada@customer.example")
	progress := ada.onboard(d.InviteURL, "acme-data-prod")
	eventually(t, "the instance's creation", func() bool { return made(d.calls(t))["Bigtable instance"] == 1 })
	log := d.calls(t)
	d.kill(t)

	postgres := filepath.Join(dir, "demo", "postgres", "data")
	eventually(t, "the end of its Postgres", func() bool { return len(processesWith(t, postgres)) == 0 })

	again := startDemo(t, dir, args...)
	if now := again.calls(t); len(now) < len(log) {
		t.Errorf("the cloud forgot: %d calls in its log, %d before the kill", len(now), len(log))
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the page at last: %d %s %s", ada.status, ada.at, strings.Join(strings.Fields(ada.page.Find("main").Text()), " "))
		}
	})
	eventually(t, "the end of the run", func() bool {
		ada.open(again.URL + progress)
		return strings.Contains(ada.body, "outputs.json") || strings.Contains(ada.body, "See what was created")
	})
	wantEachOnce(t, again.calls(t))
}

// processesWith lists the processes whose command line names the text.
func processesWith(t *testing.T, text string) []string {
	t.Helper()
	var out []string
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Skip("no /proc on this system: the test looks for orphans there")
	}
	for _, e := range entries {
		if strings.Trim(e.Name(), "0123456789") != "" {
			continue
		}
		cmd, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err == nil && strings.Contains(string(cmd), text) {
			out = append(out, e.Name()+" "+strings.ReplaceAll(string(cmd), "\x00", " "))
		}
	}
	return out
}

// Ctrl-C stops everything that the demo started.
func TestDemoStopsEverything(t *testing.T) {
	dir := dataDir(t)
	began := time.Now()
	d := startDemo(t, dir, "--no-samples")
	t.Logf("ready %v after the start", time.Since(began).Round(10*time.Millisecond))
	if err := d.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("the demo ended with %v", err)
	}
	if took, most := time.Since(stopped), promised(10*time.Second); took > most {
		t.Errorf("stopping took %v, want at most %v", took, most)
	}
	// Postgres' watcher looks every tenth of a second.
	eventually(t, "the end of everything it started", func() bool { return len(processesWith(t, filepath.Join(dir, "demo"))) == 0 })
	for name, url := range map[string]string{"site": d.URL, "cloud": d.CloudURL} {
		if resp, err := http.Get(url); err == nil {
			resp.Body.Close()
			t.Errorf("the %s still answers", name)
		}
	}
}

// Without configuration, serve says everything that is missing at once.
func TestServeTellsAllProblemsAtOnce(t *testing.T) {
	cmd := exec.Command(binary, "serve")
	cmd.Env = []string{"BASE_URL=http://onboarding.vendor.example", "SPECIALIST_DOMAINS=@vendor"}
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("serve started")
	}
	for _, want := range []string{"DATABASE_URL is missing", "GOOGLE_CLIENT_ID is missing", "GOOGLE_CLIENT_SECRET is missing", "KEYSET is missing", "BASE_URL is plain http", `"@vendor" in SPECIALIST_DOMAINS`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("serve did not say %q; it said:\n%s", want, out)
		}
	}
}
