package main

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/wizard"
)

// tenant is one customer of a running site, who does what the pages let them do.
type tenant struct {
	t     *testing.T
	d     seeder
	s     sample
	owner onboarding.Actor
	id    onboarding.ID
}

// joins is a customer who accepted the invite and answered everything.
func joins(t *testing.T, d seeder, s sample) *tenant {
	t.Helper()
	seedSampleCloud(d.cloud, s)
	c := &tenant{t: t, d: d, s: s, owner: person(s.owner(), onboarding.RoleCustomer)}
	ob, token, err := d.create(t.Context(), s.Customer, s.owner(), s.Name, sam.Email, controlPlaneAccount(s.Name))
	c.must(err)
	_, err = d.Store.AcceptInvite(t.Context(), token, c.owner)
	c.must(err)
	c.id = ob.ID
	vendor := ob.Vendor
	vendor.ServingProject, vendor.ServingNetwork = vendorProject, "serving-net" // for Redis
	c.must(d.Store.UpdateVendor(t.Context(), person(sam.Email, onboarding.RoleSpecialist), ob.ID, vendor, nil))
	c.answers(s.answers())
	return c
}

func (c *tenant) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *tenant) onboarding() onboarding.Onboarding {
	c.t.Helper()
	ob, err := c.d.Store.Onboarding(c.t.Context(), c.owner, c.id)
	c.must(err)
	return ob
}

func (c *tenant) answers(given map[string]url.Values) {
	c.t.Helper()
	ob := c.onboarding()
	_, err := c.d.answer(c.t.Context(), c.owner, ob, given, len(c.d.Journey.Steps(wizard.Case{Vendor: ob.Vendor})))
	c.must(err)
}

// review consents and opens the plan.
func (c *tenant) review(kind onboarding.RunKind) app.Review {
	c.t.Helper()
	c.must(c.d.consent(c.t.Context(), c.owner, c.id, c.onboarding().Project))
	r, err := c.d.App.Review(c.t.Context(), c.owner, c.id, kind)
	c.must(err)
	c.must(r.Refusal)
	return r
}

// approve approves a plan as it was shown, and waits for the run.
func (c *tenant) approve(r app.Review, change func(*app.Approval, onboarding.Plan)) onboarding.Run {
	c.t.Helper()
	in := app.Approval{Kind: r.Kind, Version: r.Journey.Onboarding.Version, Hash: r.Plan.Hash()}
	if change != nil {
		change(&in, r.Plan)
	}
	_, err := c.d.App.Approve(c.t.Context(), c.owner, c.id, in)
	c.must(err)
	run, err := c.d.Store.LatestRun(c.t.Context(), c.owner, c.id)
	c.must(err)
	run, err = c.d.settled(c.t.Context(), c.owner, run.ID)
	c.must(err)
	if run.State != onboarding.RunSucceeded {
		c.t.Fatalf("the %s run is %s: %+v", run.Kind, run.State, run.Tasks)
	}
	return run
}

// erasingAll decides that everything is deleted that may hold data.
func erasingAll(in *app.Approval, plan onboarding.Plan) {
	in.Decisions = map[string]onboarding.Decision{}
	for _, line := range plan.Tasks {
		if line.Action == onboarding.ActionDelete && line.HoldsData {
			in.Decisions[line.Key] = onboarding.DecisionRemove
		}
	}
}

// exists reports whether the cloud holds anything of that name.
func (c *tenant) exists(part string) bool {
	return slices.ContainsFunc(c.d.cloud.Snapshot(), func(r string) bool { return strings.Contains(r, part) })
}

// Stories 4, 5 and 15: what earlier answers asked for is torn down, and the result doesn't hide what stays.
func TestATeardownFollowsTheInventoryAndTellsTheTruth(t *testing.T) {
	d := startSample(t, pgtest.NewDatabase(t))
	s := sample{Customer: "Switched Sample", Name: "switched", Region: "us-west1"}
	c := joins(t, d, s)
	c.approve(c.review(onboarding.RunProvision), nil)
	s.Redis = true
	c.answers(s.answers())
	c.approve(c.review(onboarding.RunProvision), nil)
	const instance, bucket = "instances/tecton-switched", "gs://tecton-switched-dataplane"
	if !c.exists(instance) {
		t.Fatal("the instance is gone before the teardown")
	}

	r := c.review(onboarding.RunTeardown)
	line := func(resource string) onboarding.PlannedTask {
		i := slices.IndexFunc(r.Plan.Tasks, func(t onboarding.PlannedTask) bool {
			return strings.HasSuffix(t.Resource, resource) && len(t.Makes) > 0
		})
		if i < 0 {
			t.Fatalf("the teardown's plan doesn't list %s", resource)
		}
		return r.Plan.Tasks[i]
	}
	if got := line(instance); got.Action != onboarding.ActionDelete || !got.HoldsData || !strings.Contains(got.Cost, "$470 a month") {
		t.Errorf("the instance's line: %+v", got)
	}
	_, err := d.App.Approve(t.Context(), c.owner, c.id, app.Approval{Kind: r.Kind, Version: r.Journey.Onboarding.Version, Hash: r.Plan.Hash(), Decisions: map[string]onboarding.Decision{"bucket another": onboarding.DecisionKeep}})
	if onboarding.ErrorCode(err) != onboarding.CodePlanChanged {
		t.Errorf("keeping what isn't in the plan: %v", err)
	}

	// Pressed twice, in two tabs, with different answers about the data: one teardown.
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			_, err := d.App.Approve(t.Context(), c.owner, c.id, app.Approval{
				Kind: r.Kind, Version: r.Journey.Onboarding.Version, Hash: r.Plan.Hash(), Decisions: []map[string]onboarding.Decision{nil, {line(bucket).Key: onboarding.DecisionKeep}}[i%2],
			})
			if err != nil {
				t.Errorf("press %d: %v", i, err)
			}
		})
	}
	group.Wait()
	run, err := d.Store.LatestRun(t.Context(), c.owner, c.id)
	c.must(err)
	run, err = d.settled(t.Context(), c.owner, run.ID)
	c.must(err)
	page, err := d.Store.Runs(t.Context(), c.owner, c.id, "")
	c.must(err)
	if len(page.Items) != 3 || run.Kind != onboarding.RunTeardown || run.State != onboarding.RunSucceeded {
		t.Errorf("%d runs, the last is a %s that is %s", len(page.Items), run.Kind, run.State)
	}

	p, err := d.App.Progress(t.Context(), c.owner, c.id)
	c.must(err)
	var left []string
	for _, i := range p.Left {
		left = append(left, i.Resource)
	}
	if !c.exists(instance) || !slices.ContainsFunc(left, func(s string) bool { return strings.HasSuffix(s, instance) }) {
		t.Errorf("what stays of ours: %v", left)
	}
	if ob := c.onboarding(); ob.Status != onboarding.StatusAttention || ob.Waiting.On != onboarding.PartyCustomer || !ob.Locked {
		t.Errorf("with the instance there: %s, waiting on %q for %q, locked %v", ob.Status, ob.Waiting.On, ob.Waiting.For, ob.Locked)
	}
	if c.exists("serviceAccount:" + controlPlaneAccount(s.Name) + " on ") {
		t.Error("the control plane still has a role")
	}

	// Remove the rest.
	r = c.review(onboarding.RunTeardown)
	c.approve(r, erasingAll)
	if c.exists(instance) {
		t.Error("the instance is still there")
	}
	if ob := c.onboarding(); ob.Status != onboarding.StatusTornDown || ob.Locked {
		t.Errorf("in the end: %s, locked %v", ob.Status, ob.Locked)
	}
}
