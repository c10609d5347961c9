package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/store"
	"groundwork/store/devpg"
)

// long makes the fault suite take its time: 20 measured kills, a worker stopped for 15 s, servers whose clocks are wrong.
var long = os.Getenv("LONG") != ""

// promised is the most that something may take: to the letter with LONG=1, which has the machine for itself, and five
// times that beside other tests.
func promised(d time.Duration) time.Duration {
	if long {
		return d
	}
	return 5 * d
}

// installation is Groundwork as a vendor runs it: servers that share one Postgres, and the cloud.
type installation struct {
	t       *testing.T // of the test that goes on
	root    *testing.T // the processes live as long as this one
	dir     string
	pg      *devpg.Server
	cloud   string
	env     []string
	servers []*server
	kim     *visitor
	n       int
	want    []string // the changes of a run that nothing disturbs
}

// server is one process that serves and works.
type server struct {
	*process
	addr  string
	ahead time.Duration // its clock
}

// wrong are the clocks of the servers when it is [long]: the database's and the cloud's are right.
var wrong = []time.Duration{10 * time.Minute, -10 * time.Minute}

func install(t *testing.T, speed, latency time.Duration, servers int) *installation {
	t.Helper()
	if _, err := devpg.Binaries(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	in := &installation{t: t, root: t, dir: dataDir(t), cloud: freeAddr(t)}
	in.startPostgres()
	t.Cleanup(func() { _ = in.pg.Stop() })
	if err := in.pg.EnsureDatabase(t.Context(), "groundwork"); err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context(), in.pg.URL(devpg.Owner, "groundwork")); err != nil {
		t.Fatal(err)
	}
	keyset, err := exec.Command(binary, "keygen").Output()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"emulator", "--world", "--addr", in.cloud, "--speed", speed.String(), "--latency", latency.String()}
	for i := range servers {
		in.servers = append(in.servers, &server{addr: freeAddr(t), ahead: wrong[i%len(wrong)]})
		args = append(args, "--sites", "http://"+in.servers[len(in.servers)-1].addr)
	}
	start(t, nil, args...)
	eventually(t, "the emulator", func() bool {
		resp, err := http.Get("http://" + in.cloud + "/.well-known/openid-configuration")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	in.env = []string{
		"DATABASE_URL=" + in.pg.URL(store.WorkerLogin, "groundwork"), "DATABASE_CUSTOMER_URL=" + in.pg.URL(store.CustomerLogin, "groundwork"), "DATABASE_STAFF_URL=" + in.pg.URL(store.StaffLogin, "groundwork"),
		"EMULATOR_URL=http://" + in.cloud,
		"KEYSET=" + string(keyset), "ADMINISTRATORS=kim@vendor.example", "TRUSTED_PROXIES=127.0.0.1/32",
	}
	for _, s := range in.servers {
		in.serve(s)
	}
	in.kim = newVisitor(t, "kim@vendor.example")
	in.kim.open(in.at(0) + "/admin")
	in.kim.follow("Sign in")
	in.kim.signIn()
	return in
}

func (in *installation) at(i int) string { return "http://" + in.servers[i].addr }

func (in *installation) startPostgres() {
	in.t.Helper()
	var err error
	if in.pg, err = devpg.Start(in.t.Context(), devpg.Config{Dir: filepath.Join(in.dir, "pg"), Fast: true}); err != nil {
		in.t.Fatal(err)
	}
}

// serve starts a server, and waits until it answers.
func (in *installation) serve(s *server) {
	in.t.Helper()
	s.process = start(in.root, append([]string{aheadOf(s.ahead), "ADDR=" + s.addr, "BASE_URL=http://" + s.addr}, in.env...), "serve")
	ready(in.t, "http://"+s.addr)
}

// seed puts something into the cloud.
func (in *installation) seed(what string, value any) {
	in.t.Helper()
	body, err := json.Marshal(value)
	if err != nil {
		in.t.Fatal(err)
	}
	resp, err := http.Post("http://"+in.cloud+"/_emulator/"+what, "application/json", bytes.NewReader(body))
	if err != nil {
		in.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		in.t.Fatalf("seed %s: %s", what, resp.Status)
	}
}

func query[T any](in *installation, sql string, args ...any) ([]T, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, in.pg.URL(devpg.Owner, "groundwork"))
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[T])
}

func look[T any](in *installation, sql string, args ...any) T {
	in.t.Helper()
	got, err := query[T](in, sql, args...)
	if err != nil || len(got) != 1 {
		in.t.Fatalf("%s: %d rows, %v", sql, len(got), err)
	}
	return got[0]
}

// run is one customer's run.
type run struct {
	in            *installation
	id            string
	name, project string
	owns          *visitor
	progress      string
}

// customer makes a customer with a project of their own, who goes through the pages and starts the run.
func (in *installation) customer() *run {
	in.t.Helper()
	r := in.planned()
	r.owns.approve(r.project)
	r.begun()
	return r
}

// begun finds the run that the customer started.
func (r *run) begun() {
	r.in.t.Helper()
	r.progress = r.owns.at.Path
	r.id = look[string](r.in, `SELECT id FROM runs WHERE onboarding = $1`, strings.Split(r.progress, "/")[2])
}

// planned makes a customer with a project of their own, who goes through the pages to the plan.
func (in *installation) planned() *run {
	in.t.Helper()
	in.n++
	name := fmt.Sprintf("fault-%03d", in.n)
	email, project := "it@"+name+".example", name+"-data"
	control := "tecton-" + name + "-control-plane@tecton-demo-control.iam.gserviceaccount.com"
	in.seed("people", map[string]any{"email": email, "name": name, "domain": name + ".example"})
	in.seed("accounts", map[string]any{"project": "tecton-demo-control", "email": control})
	in.seed("projects", map[string]any{
		"id": project, "name": name, "billing": true, "iam": map[string]string{"user:" + email: "roles/owner"},
		"apis": []string{
			"cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com", "iam.googleapis.com", "storage.googleapis.com",
			"bigquery.googleapis.com", "orgpolicy.googleapis.com", "cloudbilling.googleapis.com",
		},
	})
	in.seed("datasets", map[string]any{"project": project, "dataset": "sales", "location": "US"})
	in.kim.open(in.at(0) + "/admin/new")
	in.kim.submit("Create the invitation", "customer", name, "owner_email", email, "proposed_name", name, "control_plane_account", control)
	invite := regexp.MustCompile(`http://[^"<\s]*/i/[\w-]+`).FindString(in.kim.body)
	if invite == "" {
		in.kim.fatal("no invite link")
	}
	owner := newVisitor(in.t, email)
	owner.from = fmt.Sprintf("10.0.%d.%d", in.n>>8, in.n&255) // so that the limits are those of as many people
	owner.reachPlan(invite, project)
	return &run{in: in, name: name, project: project, owns: owner}
}

// midway waits until the cloud makes the instance: tasks are done, one waits, others come after it.
func (r *run) midway() {
	r.in.t.Helper()
	eventually(r.in.t, "the instance's creation", func() bool { return made(r.calls())["Bigtable instance"] == 1 })
}

func (r *run) calls() []call {
	return slices.DeleteFunc(calls(r.in.t, "http://"+r.in.cloud), func(c call) bool { return !strings.Contains(c.Path, r.name) })
}

// changes is what the run changed in the cloud: canary objects and what is before the run aside, names made equal.
func (r *run) changes() []string {
	var out []string
	for _, c := range r.calls() {
		path, _, _ := strings.Cut(c.Path, "?")
		if c.Changed && !strings.Contains(c.Path, "groundwork-canary") && !strings.HasPrefix(path, "/upload/") {
			plain := strings.NewReplacer(r.name, "NAME", strings.ReplaceAll(r.name, "-", "_"), "NAME").Replace(c.Method + " " + c.Host + path)
			out = append(out, plain)
		}
	}
	slices.Sort(out)
	return out
}

func (r *run) state() string {
	got, err := query[string](r.in, `SELECT state FROM runs WHERE id = $1`, r.id)
	if err != nil || len(got) == 0 {
		return "" // the database is away
	}
	return got[0]
}

func (r *run) epoch() int { return look[int](r.in, `SELECT epoch FROM runs WHERE id = $1`, r.id) }

// owner is the server that has the run.
func (r *run) owner() (has, other *server) {
	r.in.t.Helper()
	worker := look[int64](r.in, `SELECT worker FROM runs WHERE id = $1`, r.id)
	for _, s := range r.in.servers {
		if s.worker() == worker {
			has = s
		} else {
			other = s
		}
	}
	if has == nil {
		r.in.t.Fatalf("no server is worker %d", worker)
	}
	return has, other
}

var worksAs = regexp.MustCompile(`"executing runs","worker":(\d+)`)

// worker is the number by which the process claims runs now.
func (s *server) worker() int64 {
	all := worksAs.FindAllStringSubmatch(s.log.String(), -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(all[len(all)-1][1], 10, 64) // digits
	return n
}

// succeeds waits for the end, and sees in the cloud's history and in the ledger that nothing was made twice, nothing
// done again, and nothing written by a worker that had lost the run.
func (r *run) succeeds() {
	t := r.in.t
	t.Helper()
	deadline := time.Now().Add(patience)
	for r.state() != "succeeded" {
		if time.Now().After(deadline) {
			tasks, _ := query[string](r.in, `SELECT name || ' ' || state || ' ' || message || ' ' || operator FROM tasks WHERE run = $1 ORDER BY position`, r.id)
			t.Fatalf("the run is %q after %v:\n%s", r.state(), patience, strings.Join(tasks, "\n"))
		}
		time.Sleep(50 * time.Millisecond) // between two looks at other processes
	}
	got := r.changes()
	if r.in.want == nil {
		if r.in.want = got; len(got) < 10 {
			t.Fatalf("an undisturbed run changed little: %q", got)
		}
	}
	if !slices.Equal(got, r.in.want) {
		t.Errorf("the changes of %s differ from an undisturbed run's:\n%s", r.name, difference(got, r.in.want))
	}
	for what, sql := range map[string]string{
		"work on a task that was done": `SELECT count(*) FROM task_events d JOIN task_events l ON l.run = d.run AND l.task = d.task AND l.id > d.id AND d.kind = 'done' WHERE d.run = $1`,
		"writes under an old epoch":    `SELECT count(*) FROM task_events a JOIN task_events b ON b.run = a.run AND b.task = a.task AND b.id > a.id AND b.epoch < a.epoch WHERE a.run = $1`,
		"open tasks":                   `SELECT count(*) FROM tasks WHERE run = $1 AND state <> 'done'`,
	} {
		if n := look[int](r.in, sql, r.id); n != 0 {
			t.Errorf("%s: %d %s", r.name, n, what)
		}
	}
}

// difference is what only one of two sorted lists holds.
func difference(got, want []string) string {
	count := map[string]int{}
	for _, g := range got {
		count[g]++
	}
	for _, w := range want {
		count[w]--
	}
	var out []string
	for line, n := range count {
		if n != 0 {
			out = append(out, fmt.Sprintf("%+d %s", n, line))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// takenOver waits until another worker works on the run, and returns how long after the moment its first call came.
func (r *run) takenOver(epoch int, since time.Time) time.Duration {
	t := r.in.t
	t.Helper()
	var claimed []time.Time
	eventually(t, "another worker", func() bool {
		var err error
		claimed, err = query[time.Time](r.in, `SELECT at FROM task_events WHERE run = $1 AND epoch > $2 ORDER BY id LIMIT 1`, r.id, epoch)
		return err == nil && len(claimed) == 1
	})
	var took time.Duration
	eventually(t, "its first call", func() bool {
		for _, c := range r.calls() {
			if c.At.After(claimed[0]) {
				took = c.At.Sub(since)
				return true
			}
		}
		return false
	})
	return took
}

// TestFaults lets processes die, stop and lose their database in the middle of runs.
func TestFaults(t *testing.T) {
	in := install(t, 1500*time.Millisecond, 20*time.Millisecond, 2)
	calm := in.customer()
	calm.succeeds()

	kills := 1
	if long {
		kills = 20
	}
	t.Run("kill -9", func(t *testing.T) {
		in.t = t
		var all []time.Duration
		for range kills {
			r := in.customer()
			r.midway()
			epoch := r.epoch()
			has, _ := r.owner()
			at := time.Now()
			has.kill()
			all = append(all, r.takenOver(epoch, at))
			in.serve(has)
			r.succeeds()
		}
		slices.Sort(all)
		t.Attr("kill-slowest", fmt.Sprintf("%.3f", all[len(all)-1].Seconds()))
		t.Logf("first task resumed after: median %v, slowest %v of %d", all[len(all)/2].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond), len(all))
		if slowest, most := all[len(all)-1], promised(2*time.Second); slowest > most {
			t.Errorf("the first task was resumed %v after the kill, want at most %v", slowest, most)
		}
	})

	t.Run("SIGTERM", func(t *testing.T) {
		in.t = t
		r := in.customer()
		r.midway()
		epoch := r.epoch()
		has, _ := r.owner()
		at := time.Now()
		if err := has.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := has.cmd.Wait(); err != nil {
			t.Errorf("it ended with %v", err)
		}
		if took, most := time.Since(at), promised(10*time.Second); took > most {
			t.Errorf("stopping took %v, want at most %v", took, most)
		}
		t.Logf("stopped in %v, first task resumed after %v", time.Since(at).Round(time.Millisecond), r.takenOver(epoch, at).Round(time.Millisecond))
		if strings.Contains(has.log.String(), "Job errored") {
			t.Errorf("a graceful stop is told as an error:\n%s", has.log.tail(20))
		}
		in.serve(has)
		r.succeeds()
		if n := look[int](in, `SELECT (SELECT deaths FROM runs WHERE id = $1) + count(*) FROM tasks WHERE run = $1 AND attempt <> 1`, r.id); n != 0 {
			t.Errorf("a graceful stop used up %d attempts", n)
		}
	})

	t.Run("SIGSTOP", func(t *testing.T) {
		in.t = t
		in.seed("settings", map[string]string{"speed": "5s"})
		defer in.seed("settings", map[string]string{"speed": "1s"})
		r := in.customer()
		r.midway()
		epoch := r.epoch()
		has, _ := r.owner()
		before := has.worker()
		at := time.Now()
		if err := has.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		took := r.takenOver(epoch, at)
		t.Attr("stop-resumed", fmt.Sprintf("%.3f", took.Seconds()))
		t.Logf("first task resumed %v after the stop", took.Round(time.Millisecond))
		if most := promised(10 * time.Second); took > most {
			t.Errorf("the first task was resumed %v after the stop, want at most %v", took, most)
		}
		asleep := 6 * time.Second
		if long {
			asleep = 15 * time.Second
		}
		time.Sleep(time.Until(at.Add(asleep))) // the pause is the fault
		epoch = r.epoch()
		if err := has.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the woken process to work again", func() bool { return has.worker() > before })
		if !long && r.epoch() != epoch {
			t.Error("the woken process took the run back")
		}
		r.succeeds()
	})

	for _, fault := range []struct {
		name string
		do   func(t *testing.T)
	}{
		{"fast restart of Postgres", func(t *testing.T) {
			if err := in.pg.Stop(); err != nil {
				t.Fatal(err)
			}
			in.startPostgres()
		}},
		{"immediate restart of Postgres", func(t *testing.T) {
			if err := syscall.Kill(in.pg.PID(), syscall.SIGQUIT); err != nil {
				t.Fatal(err)
			}
			<-in.pg.Done()
			if err := in.pg.Stop(); err != nil {
				t.Fatal(err)
			}
			in.startPostgres()
		}},
		{"all connections cut", func(*testing.T) {
			if n := look[int](in, `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename IN ($1, $2, $3)`, store.WorkerLogin, store.CustomerLogin, store.StaffLogin); n == 0 {
				t.Error("no connection was cut")
			}
		}},
		{"silent Postgres", func(t *testing.T) {
			const silence = 30 * time.Second
			signal := func(sig syscall.Signal) {
				for _, pid := range append(children(t, in.pg.PID()), in.pg.PID()) {
					_ = syscall.Kill(pid, sig) // a session that has ended is fine
				}
			}
			signal(syscall.SIGSTOP)
			time.Sleep(silence) // the silence is the fault
			signal(syscall.SIGCONT)
		}},
		{"kill of all workers", func(*testing.T) {
			for _, s := range in.servers {
				s.kill()
			}
			look[int](in, `INSERT INTO sessions (token, data, expiry) VALUES ('expired', '', now() - interval '1 day') RETURNING 1`)
			for _, s := range in.servers {
				in.serve(s)
			}
			eventually(in.t, "the end of an expired session", func() bool {
				left, err := query[int](in, `SELECT 1 FROM sessions WHERE token = 'expired'`)
				return err == nil && len(left) == 0
			})
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			if fault.name == "silent Postgres" && !long {
				t.Skip("set LONG=1: a silence that means something takes half a minute")
			}
			in.t = t
			r := in.customer()
			r.midway()
			at := time.Now()
			fault.do(t)
			t.Logf("the fault took %v", time.Since(at).Round(time.Millisecond))
			r.succeeds()
			t.Logf("the run ended %v after it", time.Since(at).Round(time.Millisecond))
			for i := range in.servers {
				ready(t, in.at(i))
			}
		})
	}
}

// children are the processes that a process started.
func children(t *testing.T, parent int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Skip("no /proc on this system: the test looks for the sessions of Postgres there")
	}
	var out []int
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it ended in the meantime
		}
		var state string
		var ppid int
		_, after, _ := strings.Cut(string(stat), ") ")
		if _, err := fmt.Sscan(after, &state, &ppid); err == nil && ppid == parent {
			pid, _ := strconv.Atoi(strings.Split(path, "/")[2]) // the pattern has digits there
			out = append(out, pid)
		}
	}
	return out
}

// TestSoak kills servers at random while runs go on: SOAK_KILLS times, else not at all.
func TestSoak(t *testing.T) {
	total, err := strconv.Atoi(os.Getenv("SOAK_KILLS"))
	if err != nil {
		t.Skip("set SOAK_KILLS, or use make soak: it takes about a second a kill")
	}
	const batch = 6
	in := install(t, 3*time.Second, 50*time.Millisecond, 2)
	calm := in.customer()
	calm.succeeds()
	killed, runs, putAside, began := 0, 0, 0, time.Now()
	for killed < total {
		var open []*run
		for range batch {
			open = append(open, in.customer())
		}
		for killed < total && slices.ContainsFunc(open, func(r *run) bool { return r.state() != "succeeded" }) {
			time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond) // the moment of the kill is the fault
			s := in.servers[rand.IntN(len(in.servers))]
			if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			_ = s.cmd.Wait()
			killed++
			in.serve(s)
			// What more than ten workers died in, without one task getting done, is put aside: the customer tries again.
			for _, r := range open {
				if r.state() == "failed" {
					putAside++
					r.owns.open(in.at(0) + r.progress)
					r.owns.submit("Retry")
				}
			}
		}
		for _, r := range open {
			r.succeeds()
		}
		runs += batch
		t.Logf("%d kills, %d runs, %d put aside and tried again, %v", killed, runs, putAside, time.Since(began).Round(time.Second))
	}
}

// TestRunTakesItsCriticalPath compares a run with the calls that have to wait for each other: from the same run at
// two latencies follows how many those are, and what is added to them; then many runs at once. LONG=1 runs it.
func TestRunTakesItsCriticalPath(t *testing.T) {
	if !long {
		t.Skip("set LONG=1: it needs a machine that does nothing else")
	}
	in := install(t, 0, 0, 1)
	latency := func(d time.Duration) {
		in.seed("settings", map[string]string{"latency": d.String(), "speed": "0s"})
	}
	took := func(r *run) time.Duration {
		r.succeeds()
		return time.Duration(look[float64](in, `SELECT extract(epoch FROM finished_at - created_at)::float8 FROM runs WHERE id = $1`, r.id) * float64(time.Second))
	}
	measure := func(d time.Duration) []time.Duration {
		latency(d)
		var all []time.Duration
		for range 10 {
			all = append(all, took(in.customer()))
		}
		slices.Sort(all)
		return all
	}
	const low, high = 100 * time.Millisecond, 200 * time.Millisecond
	short, full := measure(low), measure(high)
	calls := float64(full[len(full)/2]-short[len(short)/2]) / float64(high-low)
	ratio := func(d time.Duration) float64 { return float64(d) / (calls * float64(high)) }
	median, slowest := ratio(full[len(full)/2]), ratio(full[len(full)-1])
	t.Logf("%.1f calls of %v wait for each other: the run took %.2f of them, at most %.2f", calls, high, median, slowest)
	t.Attr("run-median", fmt.Sprintf("%.3f", median))
	t.Attr("run-slowest", fmt.Sprintf("%.3f", slowest))
	if median > 1.5 {
		t.Errorf("a run takes %.2f of its critical path", median)
	}

	many := 200
	if n, err := strconv.Atoi(os.Getenv("RUNS_AT_ONCE")); err == nil {
		many = n
	}
	latency(0)
	var runs []*run
	for range many {
		runs = append(runs, in.planned())
	}
	latency(high)
	var group sync.WaitGroup
	for _, r := range runs {
		group.Go(func() { r.owns.approve(r.project) })
	}
	group.Wait()
	var all []time.Duration
	for _, r := range runs {
		r.begun()
		all = append(all, took(r))
	}
	slices.Sort(all)
	p95 := ratio(all[len(all)*95/100])
	t.Logf("%d runs at once took %.2f of it, p95 %.2f", many, ratio(all[len(all)/2]), p95)
	t.Attr("runs-p95", fmt.Sprintf("%.3f", p95))
	t.Attr("runs", strconv.Itoa(many))
}
