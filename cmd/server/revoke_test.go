package main

import (
	"net/url"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
	"groundwork/wizard"
	"groundwork/wizard/steps"
)

func TestRevokeAllWipesSecretsAndNobodyIsStuck(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	keys := startedWith(t, keysetFileOf(t, db))
	d := seeder{site: &site{Store: s, Vault: keys, Journey: wizard.New(steps.All())}}
	if err := d.settings(t.Context()); err != nil {
		t.Fatal(err)
	}
	specialist, owner := person(sam.Email, onboarding.RoleSpecialist), customer(ada.Email)
	begin := func(name string, count int) onboarding.Onboarding {
		t.Helper()
		ob, token, err := d.create(t.Context(), "Acme Sample", ada.Email, name, sam.Email, controlPlaneAccount(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.AcceptInvite(t.Context(), token, owner); err != nil {
			t.Fatal(err)
		}
		if ob, err = d.answer(t.Context(), owner, ob, sample{Name: name, Region: "us-west1", Redis: true}.answers(), count); err != nil {
			t.Fatal(err)
		}
		return ob
	}
	now := func(id onboarding.ID) onboarding.Onboarding {
		t.Helper()
		ob, err := s.Onboarding(t.Context(), onboarding.System, id)
		if err != nil {
			t.Fatal(err)
		}
		return ob
	}
	enter := func(id onboarding.ID, step string, change func(url.Values)) {
		t.Helper()
		ob := now(id)
		form := sample{Name: ob.Deployment, Region: "us-west1", Redis: true}.answers()[step]
		change(form)
		c := wizard.Case{Onboarding: id, Answers: ob.Answers, Vendor: ob.Vendor}
		asked, _ := d.Journey.Step(step)
		saved, err := asked.Parse(t.Context(), c, form)
		if err != nil || len(saved.Problems) > 0 {
			t.Fatalf("%v, %v", saved.Problems, err)
		}
		save, _, err := d.Journey.Save(c, step, saved, ob.Version, keys.Seal)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.SaveAnswer(t.Context(), owner, save); err != nil {
			t.Fatal(err)
		}
	}
	waits := func(id onboarding.ID, status onboarding.Status, on onboarding.Party, what string) {
		t.Helper()
		ob := now(id)
		if ob.Status != status || ob.Waiting.On != on || ob.Waiting.For != what || ob.Waiting.Since.IsZero() {
			t.Errorf("it is %s and waits for %q: %q since %v, want %s, %q: %q", ob.Status, ob.Waiting.On, ob.Waiting.For, ob.Waiting.Since, status, on, what)
		}
	}
	const approve = "Review and approve the plan"

	ready, form, done := begin("ready", len(steps.All())), begin("form", 3), begin("done", 1)
	withScope := func(form url.Values) { form.Set("secret_scope", "yes") }
	enter(ready.ID, "compute", withScope)
	for _, id := range []onboarding.ID{ready.ID, done.ID} {
		sealed, err := keys.Seal(onboarding.SealedTo{Onboarding: id, Purpose: onboarding.PurposeVendorAPIKey}, onboarding.NewSecret("key"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.UpdateVendor(t.Context(), specialist, id, now(id).Vendor, sealed); err != nil {
			t.Fatal(err)
		}
	}
	asOwner(t, db, `UPDATE onboardings SET status = 'done', waiting_on = '', waiting_for = '' WHERE id = '`+string(done.ID)+`'`)
	waits(ready.ID, onboarding.StatusWaitingCustomer, onboarding.PartyCustomer, approve)

	if out, told, err := command(t, "revoke-all", "--wipe-only", "--keep-secrets"); err != nil || out != "" {
		t.Fatalf("%v\n%s%s", err, out, told)
	}
	if held, err := s.HeldSecrets(t.Context()); err != nil || len(held) != 3 {
		t.Fatalf("with --keep-secrets %+v are held, %v", held, err)
	}
	out, told, err := command(t, "revoke-all", "--wipe-only")
	t.Logf("\n%s%s", out, told)
	if err != nil || !strings.Contains(told, "secrets of 3 onboardings wiped, of 0 still held. What was wiped still works where it was made") {
		t.Errorf("%v\n%s", err, told)
	}
	for _, line := range []string{
		"wiped   " + string(ready.ID) + " Databricks token, Redis token, vendor's API key: waits for the customer (" + ada.Email + "): Databricks API token; waits for the specialist (" + sam.Email + "): API key for notebooks, which was wiped; waits for the customer (" + ada.Email + "): Redis authentication token",
		"wiped   " + string(form.ID) + " Databricks token: waits for the customer (" + ada.Email + "): Databricks API token",
		"wiped   " + string(done.ID) + " vendor's API key: nobody waits, it is over",
	} {
		if !strings.Contains(out, line+"\n") {
			t.Errorf("it does not say: %s", line)
		}
	}
	if held, err := s.HeldSecrets(t.Context()); err != nil || len(held) != 0 {
		t.Errorf("%+v are held, %v", held, err)
	}
	for _, id := range []onboarding.ID{ready.ID, form.ID, done.ID} {
		history, err := s.VerifyAudit(t.Context(), onboarding.System, id)
		if err != nil || history[len(history)-1].What != "secrets.wiped" {
			t.Errorf("the history of %s ends with %+v, %v", id, history[len(history)-1], err)
		}
	}

	waits(ready.ID, onboarding.StatusWaitingCustomer, onboarding.PartyCustomer, "Add: Databricks API token")
	enter(ready.ID, "compute", withScope)
	waits(ready.ID, onboarding.StatusWaitingCustomer, onboarding.PartyCustomer, "Add: Redis authentication token")
	enter(ready.ID, "online-store", func(url.Values) {})
	waits(ready.ID, onboarding.StatusWaitingVendor, onboarding.PartySpecialist, "Add: API key for notebooks, which was wiped")
	again := now(ready.ID).Vendor
	again.APIKeyWiped = false // as the specialists' form gives them
	if err := s.UpdateVendor(t.Context(), specialist, ready.ID, again, []byte("sealed")); err != nil {
		t.Fatal(err)
	}
	if ob := now(ready.ID); ob.Status != onboarding.StatusWaitingCustomer || ob.Waiting.On != onboarding.PartyCustomer {
		t.Errorf("in the end %+v", ob.Waiting)
	}
	if missing := d.Journey.Outstanding(wizard.Case{Onboarding: ready.ID, Answers: now(ready.ID).Answers, Vendor: now(ready.ID).Vendor}); len(missing) > 0 {
		t.Errorf("in the end %+v are missing", missing)
	}

	if ob := now(form.ID); ob.Status != onboarding.StatusInForm || ob.Waiting.On != onboarding.PartyCustomer {
		t.Errorf("the one in the form is %s and waits for %q", ob.Status, ob.Waiting.On)
	}
	if ob := now(done.ID); ob.Status != onboarding.StatusDone || ob.Waiting.On != "" || ob.Vendor.APIKeyWiped {
		t.Errorf("the one that is over is %s and waits for %q", ob.Status, ob.Waiting.On)
	}
	if out, told, err := command(t, "revoke-all", "--wipe-only"); err != nil || strings.Count(out, "\n") != 1 || !strings.Contains(out, string(ready.ID)) {
		t.Errorf("again: %v\n%s%s", err, out, told)
	}
}
