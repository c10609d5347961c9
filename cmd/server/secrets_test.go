package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/web"
	"groundwork/wizard"
)

// sealed lists what is sealed for an onboarding, as the database's owner reads it: purposes of secrets, and "grant".
func sealed(t *testing.T, db pgtest.Database, id onboarding.ID) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	found, err := conn.Query(t.Context(), `SELECT purpose FROM secrets WHERE onboarding = $1 UNION ALL SELECT 'consent' FROM grants WHERE onboarding = $1 AND sealed IS NOT NULL ORDER BY 1`, id)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestNothingSealedIsLeftWhenAnOnboardingEnds(t *testing.T) {
	db := pgtest.NewDatabase(t)
	d := startSample(t, db)
	ctx := t.Context()
	specialist := person(sam.Email, onboarding.RoleSpecialist)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	wantSealed := func(id onboarding.ID, when, want string) {
		t.Helper()
		got := sealed(t, db, id)
		t.Logf("%s: [%s]", when, got)
		if got != want {
			t.Errorf("%s: sealed are %q, want %q", when, got, want)
		}
	}
	// begun is a sample with every secret there is; its owner consented.
	begun := func(s sample) (onboarding.Onboarding, onboarding.Actor) {
		seedSampleCloud(d.cloud, s)
		owner := person(s.owner(), onboarding.RoleCustomer)
		ob, token, err := d.create(ctx, s.Customer, s.owner(), s.Name, sam.Email, controlPlaneAccount(s.Name))
		must(err)
		_, err = d.Store.AcceptInvite(ctx, token, owner)
		must(err)
		key, err := d.Vault.Seal(onboarding.SealedTo{Onboarding: ob.ID, Purpose: onboarding.PurposeVendorAPIKey}, onboarding.NewSecret("sample-api-key"))
		must(err)
		must(d.Store.UpdateVendor(ctx, specialist, ob.ID, ob.Vendor, key))
		answers := s.answers()
		answers["compute"].Set("secret_scope", "on")
		ob, err = d.answer(ctx, owner, ob, answers, len(d.Journey.Steps(wizard.Case{Vendor: ob.Vendor})))
		must(err)
		must(d.consent(ctx, owner, ob.ID, ob.Project))
		wantSealed(ob.ID, s.Name+", before the run", "consent databricks_token redis_token vendor_api_key")
		return ob, owner
	}
	read := func(id onboarding.ID) onboarding.Onboarding {
		ob, err := d.Store.Onboarding(ctx, onboarding.System, id)
		must(err)
		return ob
	}
	run := func(ob onboarding.Onboarding, owner onboarding.Actor, kind onboarding.RunKind, plan onboarding.Plan, err error) onboarding.Run {
		t.Helper()
		must(err)
		submitted, err := d.Store.Submit(ctx, owner, ob.ID, ob.Version, kind, plan, d.Journey.Wanted)
		must(err)
		done, err := d.settled(ctx, owner, submitted.ID)
		must(err)
		if done.State != onboarding.RunSucceeded {
			t.Fatalf("the %s run is %s: %+v", kind, done.State, done.Tasks)
		}
		return done
	}
	// again enters the Databricks token again, as a repair asks for it.
	again := func(ob onboarding.Onboarding, owner onboarding.Actor, s sample) onboarding.Onboarding {
		t.Helper()
		step, _ := d.Journey.Step("compute")
		c := wizard.Case{Onboarding: ob.ID, Answers: ob.Answers, Vendor: ob.Vendor, Wiped: ob.Wiped}
		form := s.answers()["compute"]
		form.Set("secret_scope", "on")
		parsed, err := step.Parse(ctx, c, form)
		must(err)
		save, _, err := d.Journey.Save(c, "compute", parsed, ob.Version, d.Vault.Seal)
		must(err)
		ob, err = d.Store.SaveAnswer(ctx, owner, save)
		must(err)
		return ob
	}
	spec := func(ob onboarding.Onboarding) onboarding.Spec {
		return d.Journey.Spec(wizard.Case{Onboarding: ob.ID, Answers: ob.Answers, Vendor: ob.Vendor})
	}

	s := sample{Customer: "Finished Sample", Name: "finished", Region: "us-west1", Redis: true}
	ob, owner := begun(s)
	plan, err := d.Service.Plan(ctx, owner, ob, spec(ob))
	run(ob, owner, onboarding.RunProvision, plan, err)
	wantSealed(ob.ID, "done, and no destination is set", "databricks_token redis_token")
	_, all := d.until(t, ob.ID, "unconfirmed", func(_ onboarding.Onboarding, all []onboarding.Delivery) bool {
		return all[0].State == onboarding.DeliveryUnconfirmed
	})
	must(d.Store.ConfirmSecrets(ctx, owner, ob.ID, all[0].ID))
	wantSealed(ob.ID, "confirmed", "")
	ob = read(ob.ID)
	if len(ob.Wiped) != 3 || ob.Status != onboarding.StatusDone {
		t.Errorf("%s, wiped %v", ob.Status, ob.Wiped)
	}
	entries, err := pgtest.Audit(ctx, d.Store, owner, ob.ID)
	must(err)
	if !slices.ContainsFunc(entries, func(e onboarding.AuditEntry) bool {
		return web.EventSentence(e) == "Groundwork wiped the vendor's API key."
	}) || !slices.ContainsFunc(entries, func(e onboarding.AuditEntry) bool {
		return web.EventSentence(e) == owner.Email+" confirmed that they entered the Databricks token and Redis token in the vendor’s console. Our sealed copy was wiped."
	}) {
		t.Error("the history does not say what was wiped")
	}

	must(d.consent(ctx, owner, ob.ID, ob.Project))
	plan, err = d.Service.VerifyPlan(spec(ob))
	verified := run(ob, owner, onboarding.RunVerify, plan, err)
	if text := found(verified, "databricks-check"); !strings.Contains(text, "wiped after the handover") || !strings.Contains(text, "enter the token again") {
		t.Errorf("the verification says of the workspace: %q", text)
	}
	ob = again(ob, owner, s)
	if len(ob.Wiped) != 2 || slices.Contains(ob.Wiped, onboarding.PurposeDatabricksToken) {
		t.Errorf("wiped, after one was entered again: %v", ob.Wiped)
	}
	must(d.consent(ctx, owner, ob.ID, ob.Project))
	wantSealed(ob.ID, "entered again for a verification", "consent databricks_token")
	verified = run(ob, owner, onboarding.RunVerify, plan, nil)
	if text := found(verified, "databricks-check"); !strings.Contains(text, "accepted the token") {
		t.Errorf("the verification says of the workspace: %q", text)
	}
	wantSealed(ob.ID, "verified", "")

	ob = again(read(ob.ID), owner, s)
	must(d.consent(ctx, owner, ob.ID, ob.Project))
	plan, err = d.Service.TeardownPlan(ctx, owner, ob, spec(ob))
	run(ob, owner, onboarding.RunTeardown, plan, err)
	wantSealed(ob.ID, "torn down", "")

	ob, owner = begun(sample{Customer: "Canceled Sample", Name: "canceled", Region: "us-west1", Stage: stageSignIn, Redis: true})
	plan, err = d.Service.Plan(ctx, owner, ob, spec(ob))
	must(err)
	d.cloud.RevokeTokens(owner.Email)
	stopped, err := d.Store.Submit(ctx, owner, ob.ID, ob.Version, onboarding.RunProvision, plan, d.Journey.Wanted)
	must(err)
	stopped, err = d.settled(ctx, owner, stopped.ID)
	must(err)
	if stopped.State != onboarding.RunBlocked {
		t.Fatalf("the run is %s", stopped.State)
	}
	must(d.Store.CancelRun(ctx, owner, stopped.ID))
	must(d.Service.Revoke(ctx, owner, ob.ID))
	wantSealed(ob.ID, "canceled: it is not finished, and goes on with what was given", "databricks_token redis_token vendor_api_key")
	must(d.Store.Archive(ctx, specialist, ob.ID))
	wantSealed(ob.ID, "archived", "")
}

// found is what a task of a run logged.
func found(run onboarding.Run, name onboarding.TaskName) string {
	var out []string
	for _, task := range run.Tasks {
		for _, e := range task.Events {
			if task.Name == name && (e.Kind == "log" || e.Kind == "untested") {
				out = append(out, e.Text)
			}
		}
	}
	return strings.Join(out, "\n")
}
