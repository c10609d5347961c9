package app_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
	"groundwork/vault"
	"groundwork/wizard"
	"groundwork/wizard/steps"
	"groundwork/wizard/steps/sample"
)

var _ app.Store = (*store.Store)(nil)

var (
	ada = onboarding.Actor{Email: "ada@customer.example", Role: onboarding.RoleCustomer}
	sam = onboarding.Actor{Email: "sam@vendor.example", Role: onboarding.RoleSpecialist}
)

const controlPlane = sample.ControlPlane

// cloud is a project in which a bucket is planned, and Google's list of consents.
type cloud struct {
	app.Cloud
	store   *store.Store
	drift   string                  // changes the plan
	reading func()                  // runs once, while the plan is read; nil: nothing happens meanwhile
	refuses error                   // of a revocation
	revoked []onboarding.Onboarding // as they were when their access was revoked
}

func (c *cloud) Scopes() []string { return []string{"cloud"} }

func (c *cloud) Recorded([]onboarding.Run) ([]onboarding.Item, error) { return nil, nil }

func (c *cloud) Permissions(onboarding.Spec, []onboarding.Item) onboarding.Permissions {
	return onboarding.Permissions{Run: []onboarding.Permission{{Name: "storage.buckets.create", Why: "to create the bucket"}}}
}

func (c *cloud) Exports() []onboarding.PlanFile { return nil }

func (c *cloud) Estimate(string) time.Duration { return 0 }

func (c *cloud) Unchecked(onboarding.Spec, []onboarding.Purpose) []string { return nil }

func (c *cloud) Project(_ context.Context, _ onboarding.Actor, _ onboarding.ID, id string) (onboarding.Project, error) {
	return onboarding.Project{ID: id, Name: "Acme data", Number: "123456789012", Active: true}, nil
}

func (c *cloud) Projects(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.Project, error) {
	return nil, nil
}

func (c *cloud) Plan(_ context.Context, _ onboarding.Actor, _ onboarding.Onboarding, spec onboarding.Spec) (onboarding.Plan, error) {
	if meanwhile := c.reading; meanwhile != nil {
		c.reading = nil
		meanwhile()
	}
	return onboarding.Plan{Spec: spec, Tasks: []onboarding.PlannedTask{
		{Name: "bucket", Title: "Create the bucket", Resource: spec.Bucket(), Action: onboarding.ActionCreate, Desired: []byte(`{"drift":"` + c.drift + `"}`)},
	}}, nil
}

func (c *cloud) Preflight(context.Context, onboarding.Actor, onboarding.Onboarding, onboarding.Spec) ([]onboarding.CheckResult, error) {
	return nil, nil
}

func (c *cloud) RevokeConsent(ctx context.Context, actor onboarding.Actor, g onboarding.Consent) error {
	ob, err := c.store.Onboarding(ctx, onboarding.System, g.Onboarding)
	if err != nil {
		return err
	}
	c.revoked = append(c.revoked, ob)
	if c.refuses != nil {
		return c.refuses
	}
	return c.store.WipeConsent(ctx, actor, g.ID, time.Now())
}

// world is the use cases on a database of their own.
type world struct {
	*app.App
	t     *testing.T
	store *store.Store
	cloud *cloud
	log   bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: pgtest.Open(t, pgtest.NewDatabase(t), store.Config{})}
	w.cloud = &cloud{store: w.store}
	keyset, err := vault.Generate()
	w.must(err)
	keys, err := vault.New(keyset)
	w.must(err)
	w.App, err = app.New(app.Config{
		Store: w.store, Cloud: w.cloud, Journey: wizard.New(steps.All()), Vault: keys, Now: w.store.Now,
		Staff: app.Staff{Domains: []string{"Vendor.example "}}, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// refused fails the test unless an error has that code.
func (w *world) refused(err error, code onboarding.Code) {
	w.t.Helper()
	if onboarding.ErrorCode(err) != code {
		w.t.Errorf("code %q, want %q: %v", onboarding.ErrorCode(err), code, err)
	}
}

// created is an onboarding whose customer is invited.
func (w *world) created(customer string) app.CreatedOnboarding {
	w.t.Helper()
	made, err := w.CreateOnboarding(w.t.Context(), sam, app.NewCustomer{
		Invitee: wizard.Invitee{Customer: customer, OwnerEmail: ada.Email}, Vendor: onboarding.VendorValues{ControlPlaneAccount: controlPlane},
	})
	w.must(err)
	return made
}

// begun is an onboarding whose customer has joined.
func (w *world) begun(customer string) onboarding.ID {
	w.t.Helper()
	made := w.created(customer)
	accepted, err := w.Accept(w.t.Context(), ada, app.Acceptance{Token: made.Link.Token})
	w.must(err)
	return accepted.Onboarding
}

func (w *world) save(id onboarding.ID, step string, pairs ...string) (app.SavedAnswer, error) {
	w.t.Helper()
	ob, err := w.Onboarding(w.t.Context(), ada, id)
	w.must(err)
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return w.SaveAnswer(w.t.Context(), ada, id, app.Answer{Step: step, Version: ob.Version, Form: form})
}

func (w *world) connect(id onboarding.ID) {
	w.t.Helper()
	ask, err := w.AskFor(w.t.Context(), ada, id, onboarding.RunProvision)
	w.must(err)
	_, err = w.KeepConsent(w.t.Context(), ada, id, app.GivenConsent{
		Kind: onboarding.RunProvision, Shown: ask.Name(), Account: ada.Email, Scopes: w.Scopes(), Token: onboarding.ConsentToken{RefreshToken: "sample"},
	})
	w.must(err)
}

// ready is an onboarding that is answered and connected.
func (w *world) ready() onboarding.ID {
	w.t.Helper()
	id := w.begun("Acme Sample")
	for _, o := range sample.Usual() {
		saved, err := w.save(id, o.Step, o.Pairs()...)
		if err != nil {
			w.t.Fatalf("step %s: %v %+v", o.Step, err, saved.View.Problems)
		}
	}
	w.connect(id)
	return id
}

func (w *world) held(id onboarding.ID) bool {
	w.t.Helper()
	consent, err := w.store.LiveConsent(w.t.Context(), onboarding.System, id)
	w.must(err)
	return consent.Live()
}

func TestNewNamesAllProblems(t *testing.T) {
	_, err := app.New(app.Config{})
	for _, part := range []string{"store", "cloud", "journey", "vault", "clock"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v doesn't name the %s", err, part)
		}
	}
}

func TestOnlyThePlanThatWasShownIsApproved(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	id := w.ready()
	shown, err := w.Review(ctx, ada, id, onboarding.RunProvision)
	w.must(err)
	w.must(shown.Refusal)
	approve := func() (app.Review, error) {
		return w.Approve(ctx, ada, id, app.Approval{Kind: onboarding.RunProvision, Version: shown.Journey.Onboarding.Version, Hash: shown.Plan.Hash()})
	}

	w.cloud.drift = "a bucket is there"
	now, err := approve()
	w.refused(err, onboarding.CodePlanChanged)
	if now.Plan.Hash() == shown.Plan.Hash() {
		t.Error("the review doesn't have the present plan")
	}
	w.cloud.drift = ""
	_, err = w.save(id, "data-sources", "datasets", "acme-data-prod.sales")
	w.must(err)
	_, err = approve()
	w.refused(err, onboarding.CodeStale)
	if _, err := w.LatestRun(ctx, ada, id); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("a run began: %v", err)
	}

	shown, err = w.Review(ctx, ada, id, onboarding.RunProvision)
	w.must(err)
	_, err = w.Approve(ctx, sam, id, app.Approval{Kind: onboarding.RunProvision, Version: shown.Journey.Onboarding.Version, Hash: shown.Plan.Hash()})
	w.refused(err, onboarding.CodeForbidden)
	_, err = approve()
	w.must(err)
	_, err = approve() // a double click
	w.must(err)
	if run, err := w.LatestRun(ctx, ada, id); err != nil || run.PlanHash != shown.Plan.Hash() {
		t.Errorf("the run does %s, %v", run.PlanHash, err)
	}
}

// The run of the first press changes the project while the second press still reads it.
func TestASecondPressWhileTheFirstRunChangesTheProjectIsNoError(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	id := w.ready()
	shown, err := w.Review(ctx, ada, id, onboarding.RunProvision)
	w.must(err)
	press := func() (app.Review, error) {
		return w.Approve(ctx, ada, id, app.Approval{Kind: onboarding.RunProvision, Version: shown.Journey.Onboarding.Version, Hash: shown.Plan.Hash()})
	}
	w.cloud.reading = func() {
		_, err := press()
		w.must(err)
		w.cloud.drift = "the first run made the bucket"
	}
	second, err := press()
	w.must(err)
	page, err := w.Runs(ctx, ada, id, "")
	w.must(err)
	if len(page.Items) != 1 || second.Latest.ID != page.Items[0].ID {
		t.Errorf("%d runs; the second press returned %q", len(page.Items), second.Latest.ID)
	}
}

func TestAnAnswerIsSavedOnlyOverTheVersionThatWasSeen(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	id := w.begun("Acme Sample")
	_, err := w.save(id, "region", "region", "us-west1")
	w.refused(err, onboarding.CodeConflict) // the name comes first
	bad, err := w.save(id, "deployment", "name", "-")
	w.refused(err, onboarding.CodeInvalid)
	if len(bad.View.Problems) == 0 {
		t.Error("no problem is named")
	}
	_, err = w.save(id, "deployment", "name", "acme-prod")
	w.must(err)
	stale, err := w.SaveAnswer(ctx, ada, id, app.Answer{Step: "deployment", Version: 0, Form: url.Values{"name": {"acme-other"}}})
	w.refused(err, onboarding.CodeStale)
	if stale.Stale.By != ada.Email || len(stale.Stale.Rows) == 0 {
		t.Errorf("what is saved now: %+v", stale.Stale)
	}
	_, err = w.SaveAnswer(ctx, ada, id, app.Answer{Step: "unknown"})
	w.refused(err, onboarding.CodeNotFound)
}

func TestAnArchiveEndsTheAccessFirst(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	id := w.ready()
	w.cloud.refuses = errors.New("the vault is closed")
	if err := w.Archive(ctx, sam, id); err == nil {
		t.Error("archived, with an access that could not be ended")
	}
	if ob, err := w.Onboarding(ctx, sam, id); err != nil || ob.Archived || !w.held(id) {
		t.Errorf("archived %v, access held %v, %v", ob.Archived, w.held(id), err)
	}
	w.cloud.refuses, w.cloud.revoked = nil, nil
	w.must(w.Archive(ctx, sam, id))
	if len(w.cloud.revoked) != 1 || w.cloud.revoked[0].Archived || w.held(id) {
		t.Errorf("revoked %+v, access held %v", w.cloud.revoked, w.held(id))
	}
	ob, err := w.Onboarding(ctx, sam, id)
	if err != nil || !ob.Archived {
		t.Errorf("archived %v, %v", ob.Archived, err)
	}
}

func TestARunKeepsItsAccessWhenTheArchiveIsRefused(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	id := w.ready()
	shown, err := w.Review(ctx, ada, id, onboarding.RunProvision)
	w.must(err)
	_, err = w.Approve(ctx, ada, id, app.Approval{Kind: onboarding.RunProvision, Version: shown.Journey.Onboarding.Version, Hash: shown.Plan.Hash()})
	w.must(err)
	w.refused(w.Archive(ctx, sam, id), onboarding.CodeConflict)
	if len(w.cloud.revoked) > 0 || !w.held(id) {
		t.Errorf("revoked %d times, access held %v", len(w.cloud.revoked), w.held(id))
	}
}

func TestBulkSaysWhatItSkipsAndWhy(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	open, joined, closed := w.created("Alder").Onboarding.ID, w.begun("Birch"), w.created("Cedar").Onboarding.ID
	w.must(w.Archive(ctx, sam, closed))
	all := []onboarding.ID{open, joined, closed}
	reasons := func(r app.BulkResult) map[onboarding.ID]string {
		out := map[onboarding.ID]string{}
		for _, item := range r.Skipped {
			var e *onboarding.Error
			if errors.As(item.Skipped, &e) {
				out[item.Onboarding.ID] = e.Message
			}
		}
		return out
	}

	ask, err := w.Bulk(ctx, sam, app.Bulk{Act: onboarding.BulkInvite, IDs: all})
	w.must(err)
	why := reasons(ask)
	if len(ask.Items) != 1 || ask.Items[0].Onboarding.ID != open || ask.Items[0].Link.Token != "" ||
		why[joined] != "The customer has already joined." || why[closed] != "Already archived." {
		t.Errorf("%d to do, skipped %v", len(ask.Items), why)
	}

	ask, err = w.Bulk(ctx, sam, app.Bulk{Act: onboarding.BulkAssign, IDs: all, Specialist: " SAM@vendor.example"})
	w.must(err)
	stamps := map[onboarding.ID]string{}
	for _, item := range ask.Items {
		stamps[item.Onboarding.ID] = item.Stamp
	}
	_, err = w.save(joined, "deployment", "name", "birch-prod") // changes in between
	w.must(err)
	act := app.Bulk{Act: onboarding.BulkAssign, IDs: all, Specialist: sam.Email, Confirmed: true, Stamps: stamps}
	done, err := w.Bulk(ctx, sam, act)
	w.must(err)
	if why = reasons(done); len(done.Items) != 1 || !strings.HasPrefix(why[joined], "It changed since you selected it.") {
		t.Errorf("%d done, skipped %v", len(done.Items), why)
	}
	done, err = w.Bulk(ctx, sam, act) // the form is sent again
	w.must(err)
	if why = reasons(done); len(done.Items) != 0 || why[open] != "Already assigned to them." {
		t.Errorf("%d done again, skipped %v", len(done.Items), why)
	}

	for _, bad := range []app.Bulk{
		{Act: "delete", IDs: all},
		{Act: onboarding.BulkArchive},
		{Act: onboarding.BulkArchive, IDs: slices.Repeat(all, 100)},
		{Act: onboarding.BulkAssign, IDs: all, Specialist: ada.Email},
	} {
		_, err := w.Bulk(ctx, sam, bad)
		w.refused(err, onboarding.CodeInvalid)
	}
	if w.log.Len() > 0 {
		t.Errorf("a decision was logged as a failure: %s", w.log.String())
	}
}

func TestRetainEndsAccessAndForgetsPeople(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	id := w.ready()
	const day = 24 * time.Hour
	keep := app.Retention{Consents: day, Invites: 30 * day, People: 90 * day}
	now := w.store.Now()
	w.Retain(ctx, keep, now.Add(23*time.Hour))
	if !w.held(id) || w.log.Len() > 0 {
		t.Errorf("access held %v, log %q", w.held(id), w.log.String())
	}
	w.Retain(ctx, app.Retention{}, now.Add(1000*day))
	if !w.held(id) {
		t.Error("the access ended, though nothing does")
	}
	w.Retain(ctx, keep, now.Add(25*time.Hour))
	if w.held(id) || !strings.Contains(w.log.String(), "wiped access that no run ended") {
		t.Errorf("access held %v, log %q", w.held(id), w.log.String())
	}

	w.connect(id)
	w.must(w.store.Archive(ctx, sam, id))
	w.log.Reset()
	for range 2 { // twice is fine
		w.Retain(ctx, keep, now.Add(100*day))
	}
	ob, err := w.Onboarding(ctx, sam, id)
	if err != nil || ob.ForgottenAt.IsZero() || ob.Owner != "" || strings.Count(w.log.String(), "wiped the people of finished onboardings") != 1 {
		t.Errorf("forgotten at %v, owner %q, log %q, %v", ob.ForgottenAt, ob.Owner, w.log.String(), err)
	}
}

func TestAllSecretsAreWithdrawnAndEachSaysWhoEntersThemAgain(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	id := w.ready()
	var got []app.WithdrawnSecrets
	for range 2 { // the second time nothing is held
		w.must(w.WithdrawAllSecrets(ctx, func(s app.WithdrawnSecrets) { got = append(got, s) }))
	}
	if len(got) != 1 || got[0].Err != nil || got[0].Onboarding.ID != id || got[0].Over || len(got[0].Missing) != 1 || got[0].Missing[0].On != onboarding.PartyCustomer {
		t.Errorf("withdrawn %+v", got)
	}
	var ended []app.EndedAccess
	w.must(w.EndAllAccess(ctx, func(e app.EndedAccess) { ended = append(ended, e) }))
	if len(ended) != 1 || !ended[0].Confirmed || ended[0].Err != nil || w.held(id) {
		t.Errorf("ended %+v, access held %v", ended, w.held(id))
	}
}
