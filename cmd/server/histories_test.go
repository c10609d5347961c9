package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cloud.google.com/go/storage"
	"golang.org/x/oauth2"
	"google.golang.org/api/bigtableadmin/v2"
	"google.golang.org/api/iam/v1"

	"groundwork/app"
	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
	"groundwork/provisioner/steptest"
	"groundwork/wizard"
)

// historySteps is how many things happen in one history.
const historySteps = 20

// TestHistories lets random things happen to one or two onboardings of one project: answers change, runs meet faults, are
// retried and canceled, what is no longer needed is removed or kept, and everything is torn down. After each, cloud,
// inventory, and pages agree: nothing of ours is unlisted, and nothing of anyone else's was touched.
//
// HISTORIES is how many there are; HISTORY runs a single one, by its seed.
func TestHistories(t *testing.T) {
	t.Parallel()
	first, count := uint64(1), 10
	if n, err := strconv.Atoi(os.Getenv("HISTORIES")); err == nil {
		count = n
	}
	if seed, err := strconv.ParseUint(os.Getenv("HISTORY"), 10, 64); err == nil {
		first, count = seed, 1
	}
	for seed := first; seed < first+uint64(count); seed++ { //nolint:gosec // a count
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			h := newHistory(t, seed)
			t.Cleanup(func() {
				t.Log(strings.Join(h.log, "\n"))
				if t.Failed() {
					t.Logf("to reproduce: HISTORY=%d go run ./store/pgtest/pgserver -- go test ./cmd/server -run TestHistories -count=1", seed)
				}
			})
			for n := range historySteps {
				h.step(n)
				if h.compare(); t.Failed() {
					return
				}
			}
		})
	}
}

// history is what happens to the onboardings of one project.
type history struct {
	*timeless
	rand    *rand.Rand
	project sample // names the project and its owner
	owner   onboarding.Actor
	tenants []*lifetime
	before  []string // the cloud as it was before the first run
	log     []string
}

// lifetime is one onboarding of a history.
type lifetime struct {
	sample
	id    onboarding.ID
	kept  map[string]bool // what its customer decided to keep, by key
	began []string        // the cloud as it was when the latest run was approved
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{
		timeless: startTimeless(t), rand: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // repeatable on purpose
		project: sample{Customer: "History Sample", Name: "history", Region: "us-west1"},
	}
	h.owner = person(h.project.owner(), onboarding.RoleCustomer)
	h.seedProject()
	h.owner = h.identity(h.owner.Email, h.owner.Role)
	h.before = h.cloud.Snapshot()
	h.join("history")
	return h
}

func (h *history) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) say(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}

// seedProject makes the customer's project with what they had before us: data, a Spark account with roles of its own, an
// instance, and other people's bindings in the same roles as ours.
func (h *history) seedProject() {
	p := h.project.project()
	seedSampleCloud(h.cloud, h.project)
	h.cloud.AddServiceAccount(vendorProject, controlPlaneAccount("again"))
	for _, dataset := range []string{"sales", "returns"} {
		h.cloud.AddDataset(p, dataset, "US")
	}
	clients := h.clients()
	for _, bucket := range []string{p + "-landing", p + "-archive"} {
		h.must(clients.Storage.Bucket(bucket).Create(h.t.Context(), p, &storage.BucketAttrs{Location: "us-west1"}))
	}
	existing := existingSpark(p)
	h.cloud.AddServiceAccount(p, existing)
	h.cloud.SetAPI(p, "bigtableadmin.googleapis.com", true)
	_, err := clients.Bigtable.Projects.Instances.Create("projects/"+p, &bigtableadmin.CreateInstanceRequest{
		InstanceId: "features", Instance: &bigtableadmin.Instance{DisplayName: "Features"},
		Clusters: map[string]bigtableadmin.Cluster{"features-c1": {Location: "projects/" + p + "/locations/us-west1-a", ServeNodes: 1, DefaultStorageType: "SSD"}},
	}).Context(h.t.Context()).Do()
	h.must(err)
	_, err = clients.IAM.Projects.Roles.Create("projects/"+p, &iam.CreateRoleRequest{
		RoleId: "customers_own", Role: &iam.Role{Title: "Customer's own", IncludedPermissions: []string{"storage.buckets.get"}, Stage: "GA"},
	}).Context(h.t.Context()).Do()
	h.must(err)
	h.cloud.SetIAM("buckets/"+p+"-landing", "serviceAccount:"+existing, "roles/storage.objectViewer")
	h.cloud.SetIAM("projects/"+p, "serviceAccount:"+existing, "roles/bigquery.dataViewer")
	for on, role := range map[string]string{
		"buckets/" + p + "-landing": "roles/storage.objectViewer", "projects/" + p: "roles/bigquery.dataViewer", "projects/" + p + "/instances/features": "roles/bigtable.user",
		"projects/" + p + "/serviceAccounts/" + existing: "roles/iam.serviceAccountUser",
	} {
		h.cloud.SetIAM(on, "user:"+ben.Email, role)
	}
}

func existingSpark(project string) string { return "our-spark@" + project + ".iam.gserviceaccount.com" }

// join starts another onboarding of the same customer and project, and answers everything.
func (h *history) join(name string) {
	h.t.Helper()
	l := &lifetime{sample: h.project, kept: map[string]bool{}}
	l.Name = name
	ob, token, err := h.create(h.t.Context(), l.Customer, h.owner.Email, name, sam.Email, controlPlaneAccount(name))
	h.must(err)
	_, err = h.Store.AcceptInvite(h.t.Context(), token, h.owner)
	h.must(err)
	l.id = ob.ID
	vendor := ob.Vendor
	vendor.ServingProject, vendor.ServingNetwork = vendorProject, "serving-net"
	h.must(h.Store.UpdateVendor(h.t.Context(), person(sam.Email, onboarding.RoleSpecialist), ob.ID, vendor, nil))
	h.tenants = append(h.tenants, l)
	h.must(h.answers(l))
}

func (h *history) onboarding(l *lifetime) onboarding.Onboarding {
	h.t.Helper()
	ob, err := h.Store.Onboarding(h.t.Context(), h.owner, l.id)
	h.must(err)
	return ob
}

// pick returns one of the values.
func pick[T any](h *history, of ...T) T { return of[h.rand.IntN(len(of))] }

// some returns each of the values with a chance of one half.
func some[T any](h *history, of ...T) []T {
	return slices.DeleteFunc(of, func(T) bool { return h.rand.IntN(2) == 0 })
}

// answers answers every step again, by chance.
func (h *history) answers(l *lifetime) error {
	h.t.Helper()
	p := h.project.project()
	l.Redis = h.rand.IntN(3) == 0
	given := l.sample.answers()
	given["project"].Set("project", p)
	if !l.Redis {
		given["online-store"] = pick(h,
			url.Values{"store": {"bigtable"}, "zone": {"us-west1-b"}, "instance": {"tecton-" + l.Name}},
			url.Values{"store": {"bigtable"}, "zone": {"us-west1-a"}, "instance": {"second-" + l.Name}},
			url.Values{"store": {"bigtable_existing"}, "existing": {"features"}},
		)
	}
	if h.rand.IntN(2) == 0 {
		given["compute"].Set("secret_scope", "on")
	}
	if h.rand.IntN(2) == 0 {
		given["accounts"] = url.Values{"spark": {"existing"}, "spark_email": {existingSpark(p)}}
	}
	given["data-sources"] = url.Values{
		"datasets": {strings.Join(some(h, p+".sales", p+".returns"), "\n")},
		"projects": {strings.Join(some(h, p), "\n")},
		"buckets":  {strings.Join(some(h, "gs://"+p+"-landing", "gs://"+p+"-archive"), "\n")},
	}
	ob := h.onboarding(l)
	_, err := h.answer(h.t.Context(), h.owner, ob, given, len(h.Journey.Steps(wizard.Case{Vendor: ob.Vendor})))
	h.say("%s answers %v, %v, sources %v: %v", l.Name, given["online-store"], given["accounts"], given["data-sources"], err)
	return err
}

// step lets one thing happen.
func (h *history) step(n int) {
	h.t.Helper()
	if len(h.tenants) == 1 && h.rand.IntN(10) == 0 {
		h.say("%d: another onboarding", n)
		h.join("again")
		return
	}
	l := pick(h, h.tenants...)
	latest, err := h.App.LatestRun(h.t.Context(), h.owner, l.id)
	if err != nil && onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		h.t.Fatal(err)
	}
	stopped := latest.State == onboarding.RunFailed || latest.State == onboarding.RunBlocked
	h.say("%d: %s, %s", n, l.Name, h.onboarding(l).Status)
	switch chance := h.rand.IntN(100); {
	case stopped && chance < 30:
		h.retry(l)
	case stopped && chance < 40:
		h.say("cancel: %v", h.allowed(h.App.Cancel(h.t.Context(), h.owner, l.id)))
	case chance < 55:
		_ = h.allowed(h.answers(l))
	case chance < 85:
		h.run(l, onboarding.RunProvision)
	case chance < 90:
		h.run(l, onboarding.RunVerify)
	default:
		h.run(l, onboarding.RunTeardown)
	}
}

// allowed is a refusal that a person may get; anything else fails the history.
func (h *history) allowed(err error) error {
	h.t.Helper()
	switch onboarding.ErrorCode(err) {
	case "", onboarding.CodeConflict, onboarding.CodeStale, onboarding.CodePlanChanged, onboarding.CodeSignIn, onboarding.CodeForbidden, onboarding.CodeNotFound:
	default:
		h.t.Errorf("nobody may read this: %v", err)
	}
	return err
}

// run consents, reads the plan, decides, approves, and executes with a fault or without.
func (h *history) run(l *lifetime, kind onboarding.RunKind) {
	h.t.Helper()
	ctx := h.t.Context()
	h.must(h.consent(ctx, h.owner, l.id, h.onboarding(l).Project))
	r, err := h.App.Review(ctx, h.owner, l.id, kind)
	if err != nil || r.Refusal != nil {
		h.say("%s: %v, %v", kind, h.allowed(err), r.Refusal)
		return
	}
	if r.Problem == nil {
		h.shown(l, r)
	}
	in := app.Approval{Kind: kind, Version: r.Journey.Onboarding.Version, Hash: r.Plan.Hash(), Decisions: map[string]onboarding.Decision{}}
	for _, line := range r.Plan.Tasks {
		delete(l.kept, line.Key)
		if line.Decidable() {
			in.Erase = append(in.Erase, line.Key)
		}
		switch {
		case line.Decidable() && h.rand.IntN(2) == 0:
			in.Decisions[line.Key] = pick(h, onboarding.DecisionRemove, onboarding.DecisionKeep)
		case kind == onboarding.RunTeardown && line.Action == onboarding.ActionDelete && line.HoldsData:
			d := pick(h, onboarding.DecisionRemove, onboarding.DecisionRemove, onboarding.DecisionKeep, onboarding.DecisionLater)
			in.Decisions[line.Key], l.kept[line.Key] = d, d == onboarding.DecisionKeep
		}
	}
	l.began = h.cloud.Snapshot()
	fault := h.fault(l)
	_, err = h.App.Approve(ctx, h.owner, l.id, in)
	if err != nil {
		h.say("%s with %s isn't approved: %v", kind, fault, h.allowed(err))
		h.calm()
		return
	}
	run, err := h.App.LatestRun(ctx, h.owner, l.id)
	h.must(err)
	run = h.work(h.owner, run.ID)
	h.calm()
	h.say("%s with %s, decisions %v: %s%s", kind, fault, in.Decisions, run.State, trouble(run))
	h.ran(l, run)
}

// retry consents and resumes the latest run.
func (h *history) retry(l *lifetime) {
	h.t.Helper()
	ctx := h.t.Context()
	h.must(h.consent(ctx, h.owner, l.id, h.onboarding(l).Project))
	p, err := h.App.Progress(ctx, h.owner, l.id)
	h.must(err)
	if p.NewHash != "" && h.rand.IntN(2) == 0 {
		_, err = h.App.ApproveChanged(ctx, h.owner, l.id, p.NewHash)
	} else {
		_, err = h.App.Retry(ctx, h.owner, l.id)
	}
	if err != nil {
		h.say("retry: %v", h.allowed(err))
		return
	}
	run := h.work(h.owner, p.Run.ID)
	h.say("retry: %s%s", run.State, trouble(run))
	h.ran(l, run)
}

// trouble is what stopped a run.
func trouble(run onboarding.Run) string {
	var out strings.Builder
	for _, t := range run.Tasks {
		if t.State == onboarding.TaskFailed || t.State == onboarding.TaskBlocked {
			fmt.Fprintf(&out, "\n   %s %s %s: %s", t.Name, t.State, t.Code, t.Message)
		}
	}
	return out.String()
}

// calm ends faults.
func (h *history) calm() {
	h.cloud.RemoveRule(0)
	h.ledger.rest()
}

// fault lets one thing go wrong, or nothing, and names it.
func (h *history) fault(l *lifetime) string {
	after := h.rand.IntN(2) == 0
	rule := func(name string, r emulator.Rule) string {
		if r.Match.Host == "" {
			r.Match.Host = "*.googleapis.com"
		}
		h.cloud.AddRule(r)
		return fmt.Sprintf("%s (%s %s, skip %d, after the effect %v)", name, r.Match.Method, r.Match.Path, r.Skip, r.AfterEffect)
	}
	where := pick(h,
		emulator.Match{Method: "POST"}, emulator.Match{Method: "PUT"}, emulator.Match{Method: "PATCH"}, emulator.Match{Method: "DELETE"}, emulator.Match{Path: "*/instances*", Method: "POST"},
		emulator.Match{Path: "*etIamPolicy"}, emulator.Match{Path: "*/iam"}, emulator.Match{Path: "*/datasets/*", Method: "PATCH"}, emulator.Match{Path: "*/serviceAccounts", Method: "POST"}, emulator.Match{},
	)
	n := h.rand.IntN(12)
	switch h.rand.IntN(18) {
	case 0:
		return rule("a 503", emulator.Rule{Match: where, Status: 503, Times: 1 + h.rand.IntN(3), AfterEffect: after, Skip: h.rand.IntN(4)})
	case 1:
		return rule("a reset", emulator.Rule{Match: where, Reset: true, Times: 1, AfterEffect: after, Skip: h.rand.IntN(4)})
	case 2:
		return rule("429s", emulator.Rule{Match: where, Status: 429, Reason: "rateLimitExceeded", Times: 3, Headers: map[string]string{"Retry-After": "2"}})
	case 3:
		return rule("a refusal for good", emulator.Rule{Match: where, Status: 403, Reason: "forbidden", Skip: h.rand.IntN(6)})
	case 4:
		return rule("a bad request", emulator.Rule{Match: where, Status: 400, Reason: "invalid", Skip: h.rand.IntN(6)})
	case 5:
		return rule("an error for good", emulator.Rule{Match: where, Status: 500, HTML: true, AfterEffect: after, Skip: h.rand.IntN(6)})
	case 6:
		return rule("a conflict", emulator.Rule{Match: where, Status: 409, Reason: "conflict", Times: 2, Skip: h.rand.IntN(4)})
	case 7:
		return rule("an operation that fails", emulator.Rule{Match: emulator.Match{Path: "*/instances", Method: "POST"}, Fails: &emulator.Status{Code: 8, Message: "The zone is out of capacity."}})
	case 8:
		h.ledger.interfere("start", n, func() { h.cloud.RevokeTokens(h.owner.Email) })
		return fmt.Sprintf("access withdrawn at task %d", n)
	case 9:
		h.ledger.interfere("start", n, func() { h.must(h.App.Cancel(h.t.Context(), h.owner, l.id)) })
		return fmt.Sprintf("a cancel at task %d", n)
	case 10:
		kind := pick(h, "note", "note", "finish", "start")
		h.ledger.interfere(kind, n, h.ledger.lose)
		return fmt.Sprintf("the worker lost at %s %d", kind, n)
	case 11:
		h.ledger.interfere("end", 0, h.ledger.lose)
		return "the worker lost at the end"
	default:
		return "no fault"
	}
}

// items is the inventory of one onboarding, as the system sees it.
func (h *history) items(l *lifetime) []onboarding.Item {
	h.t.Helper()
	items, err := h.Store.Inventory(h.t.Context(), onboarding.System, l.id)
	h.must(err)
	return items
}

func lineOf(p onboarding.PlannedTask) []string {
	return steptest.Lines(onboarding.Item{Key: p.Key, Resource: p.Resource, Desired: p.Desired})
}

// shown compares a plan, as the page shows it, with the cloud.
func (h *history) shown(l *lifetime, r app.Review) {
	h.t.Helper()
	now := h.cloud.Snapshot()
	listed := map[string]bool{}
	for _, line := range r.Plan.Tasks {
		listed[line.Key] = line.Action == onboarding.ActionDelete || line.Stays != ""
		there := 0
		lines := lineOf(line)
		for _, one := range lines {
			if slices.Contains(now, one) {
				there++
			}
		}
		wrong := ""
		switch {
		case line.Problem != "" || r.Kind == onboarding.RunVerify || len(lines) == 0:
		case r.Kind == onboarding.RunProvision && !line.Unwanted && len(line.Guide) > 0, line.Action == onboarding.ActionCheck, line.Action == onboarding.ActionGuide:
		case line.Action == onboarding.ActionCreate && there > 0:
			wrong = "is to be created, and is there"
		case r.Kind == onboarding.RunProvision && !line.Unwanted && line.Action == onboarding.ActionNone && there < len(lines) && !made(line):
			wrong = "is said to be there, and isn't"
		case line.Absent && there > 0:
			wrong = "is said to be gone, and is there"
		case line.Action == onboarding.ActionDelete && !line.Absent && there == 0:
			wrong = "is to be removed, and isn't there"
		}
		if wrong != "" {
			h.t.Errorf("%s's %s plan: %s %s: %+v", l.Name, r.Kind, line.Resource, wrong, line)
		}
	}
	if r.Kind == onboarding.RunTeardown {
		for _, i := range h.items(l) {
			if i.Ours() && i.State == onboarding.ItemPresent && !listed[i.Key] {
				h.t.Errorf("%s's teardown doesn't list %s", l.Name, i.Key)
			}
		}
	}
}

// made reports whether a line is about something that no snapshot shows, such as a guide or a check.
func made(line onboarding.PlannedTask) bool {
	step, _, _ := strings.Cut(string(line.Name), "/")
	return slices.Contains([]string{"redis", "databricks-check", "verify", "handover"}, step)
}

// ran compares what a run says with the cloud.
func (h *history) ran(l *lifetime, run onboarding.Run) {
	h.t.Helper()
	now := h.cloud.Snapshot()
	if run.State != onboarding.RunSucceeded {
		return
	}
	for _, line := range run.Plan.Tasks {
		i := slices.IndexFunc(run.Tasks, func(t onboarding.Task) bool { return t.Name == line.Name })
		left := run.Tasks[i].Left
		for _, one := range lineOf(line) {
			switch is := slices.Contains(now, one); {
			case run.Kind == onboarding.RunProvision && !line.Unwanted && !made(line) && !is:
				h.t.Errorf("%s's run made everything, and this isn't there: %s", l.Name, one)
			case line.Action == onboarding.ActionDelete && left == "" && is:
				h.t.Errorf("%s's %s says that this was removed, and it is there: %s", l.Name, run.Kind, one)
			}
		}
	}
}

// compare compares cloud, inventories, statuses, and pages.
func (h *history) compare() {
	h.t.Helper()
	now := h.cloud.Snapshot()
	var all []onboarding.Item
	for _, l := range h.tenants {
		all = append(all, h.items(l)...)
	}
	for _, wrong := range steptest.Compare(h.before, now, all) {
		h.t.Errorf("this %s", wrong)
	}
	for _, l := range h.tenants {
		h.compareOne(l, now)
	}
}

func (h *history) compareOne(l *lifetime, now []string) {
	h.t.Helper()
	ob, items := h.onboarding(l), h.items(l)
	ours := slices.DeleteFunc(slices.Clone(items), func(i onboarding.Item) bool { return !i.Ours() || i.State == onboarding.ItemIntended })
	if len(ours) > 0 && !ob.Locked {
		h.t.Errorf("%s isn't locked, and has %d things, such as %s", l.Name, len(ours), ours[0].Resource)
	}
	if ob.Status == onboarding.StatusTornDown {
		if ob.Locked {
			h.t.Errorf("%s is torn down, and locked", l.Name)
		}
		for _, i := range ours {
			h.t.Errorf("%s is torn down, and this is %s: %s", l.Name, i.State, i.Resource)
		}
		for _, i := range items {
			stays := l.kept[i.Key] || i.Elsewhere || i.Step == "enable-apis" || strings.HasPrefix(i.Step, "databricks-secret-scope")
			for _, line := range steptest.Lines(i) {
				if slices.Contains(now, line) && !slices.Contains(h.before, line) && i.State != onboarding.ItemRemoved && !stays {
					h.t.Errorf("%s is torn down, nobody kept this, and it is there: %s (%s, %s)", l.Name, line, i.Origin, i.State)
				}
			}
		}
	}
	h.pages(l, ob, ours, now)
}

// pages reads what the customer reads.
func (h *history) pages(l *lifetime, ob onboarding.Onboarding, ours []onboarding.Item, now []string) {
	h.t.Helper()
	path := "/o/" + string(l.id)
	for _, page := range []string{"", "/check", "/progress", "/runs", "/plan", "/plan?kind=teardown"} {
		status, text := h.page(h.owner.Email, path+page)
		if status >= 500 {
			h.t.Errorf("%s is %d: %s", page, status, text)
		}
		added := slices.DeleteFunc(slices.Clone(now), func(line string) bool { return slices.Contains(l.began, line) })
		says := func(words string) bool { return strings.Contains(text, words) }
		switch {
		case says("Nothing is created yet") && len(ours) > 0:
			h.t.Errorf("%s says that nothing is created yet, and %s is", page, ours[0].Resource)
		case page == "/progress" && says("Nothing was made.") && len(added) > 0 && l.began != nil:
			h.t.Errorf("%s says that nothing was made, and this was: %v", page, added)
		case page == "/progress" && says("What we made is removed") && ob.Status != onboarding.StatusTornDown:
			h.t.Errorf("%s says that everything is removed, and the status is %s", page, ob.Status)
		case page == "/progress" && says("Not everything is removed"):
			for _, i := range ours {
				if !says(i.Resource) {
					h.t.Errorf("%s says that not everything is removed, without %s", page, i.Resource)
				}
			}
		}
	}
}

// clients are Google's, with the owner's access.
func (h *history) clients() *gcp.Clients {
	h.t.Helper()
	c, err := gcp.New(h.t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: h.cloud.Token(h.owner.Email)}), h.google, nil)
	h.must(err)
	return c
}
