package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/provisioner/steptest"
	"groundwork/wizard"
)

// plain answers every step of a history's onboarding with the usual answers, changed as given.
func (h *history) plain(l *lifetime, change func(map[string]url.Values)) {
	h.t.Helper()
	ob := h.onboarding(l)
	given := l.sample.answers()
	given["project"].Set("project", h.project.project())
	given["data-sources"] = url.Values{}
	given["accounts"] = url.Values{"spark": {"create"}}
	if change != nil {
		change(given)
	}
	_, err := h.answer(h.t.Context(), h.owner, ob, given, len(h.Journey.Steps(wizard.Case{Vendor: ob.Vendor})))
	h.must(err)
}

// succeeds consents, approves the plan as it is shown, and sees the run succeed.
func (h *history) succeeds(l *lifetime, kind onboarding.RunKind, change func(*app.Approval, onboarding.Plan)) onboarding.Run {
	h.t.Helper()
	ctx := h.t.Context()
	h.must(h.consent(ctx, h.owner, l.id, h.onboarding(l).Project))
	r, err := h.App.Review(ctx, h.owner, l.id, kind)
	h.must(err)
	h.must(r.Refusal)
	in := app.Approval{Kind: kind, Version: r.Journey.Onboarding.Version, Hash: r.Plan.Hash()}
	if change != nil {
		change(&in, r.Plan)
	}
	_, err = h.App.Approve(ctx, h.owner, l.id, in)
	h.must(err)
	run, err := h.App.LatestRun(ctx, h.owner, l.id)
	h.must(err)
	if run = h.work(h.owner, run.ID); run.State != onboarding.RunSucceeded {
		h.t.Fatalf("the %s is %s%s", kind, run.State, trouble(run))
	}
	return run
}

// reads opens a page as the customer and sees what it says, and what it doesn't.
func (h *history) reads(l *lifetime, page string, says []string, not ...string) {
	h.t.Helper()
	status, text := h.page(h.owner.Email, "/o/"+string(l.id)+page)
	if status != http.StatusOK {
		h.t.Errorf("%s is %d", page, status)
	}
	for _, words := range says {
		if !strings.Contains(text, words) {
			h.t.Errorf("%s doesn't say %q: %s", page, words, text)
		}
	}
	for _, words := range not {
		if strings.Contains(text, words) {
			h.t.Errorf("%s says %q: %s", page, words, text)
		}
	}
}

// Story 2: the owner renamed the deployment after the handover, and another customer took its name.
func TestARenameAfterTheHandoverIsRefusedAndTheNameStaysTaken(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 1)
	l := h.tenants[0]
	h.plain(l, nil)
	h.succeeds(l, onboarding.RunProvision, nil)

	ob := h.onboarding(l)
	saved, err := h.App.SaveAnswer(t.Context(), h.owner, l.id, app.Answer{Step: "deployment", Version: ob.Version, Form: url.Values{"name": {"another"}}})
	if code := onboarding.ErrorCode(err); code != onboarding.CodeInvalid && code != onboarding.CodeConflict {
		t.Errorf("renamed: %v, %+v", err, saved.View.Problems)
	}
	if got := h.onboarding(l); got.Deployment != "history" || !got.Locked {
		t.Errorf("the deployment is %q, locked %v", got.Deployment, got.Locked)
	}
	taken, err := h.Store.NameTaken(t.Context(), "history", "ob_another")
	h.must(err)
	if !taken {
		t.Error("another customer can take the name")
	}
	h.reads(l, "/step/deployment", []string{"history", "This answer is locked", "Resources were created with it.", "Ask for a copy"})

	h.succeeds(l, onboarding.RunTeardown, erasingAll)
	if got := h.onboarding(l); got.Status != onboarding.StatusTornDown || got.Locked {
		t.Errorf("after the teardown: %s, locked %v", got.Status, got.Locked)
	}
}

// Story 6: an existing Spark account had roles before us, and lost them in the teardown.
func TestATeardownLeavesTheRolesThatAnExistingSparkAccountHadBefore(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 1)
	l, p := h.tenants[0], h.project.project()
	h.plain(l, func(given map[string]url.Values) {
		given["accounts"] = url.Values{"spark": {"existing"}, "spark_email": {existingSpark(p)}}
		given["data-sources"] = url.Values{"projects": {p}, "buckets": {"gs://" + p + "-landing\ngs://" + p + "-archive"}}
	})
	h.succeeds(l, onboarding.RunProvision, nil)
	origins := map[string]onboarding.Origin{}
	for _, i := range h.items(l) {
		for _, line := range steptest.Lines(i) {
			origins[line] = i.Origin
		}
	}
	member := " serviceAccount:" + existingSpark(p) + " on "
	for line, want := range map[string]onboarding.Origin{
		"roles/storage.objectViewer" + member + "buckets/" + p + "-landing": onboarding.OriginFound,
		"roles/bigquery.dataViewer" + member + "projects/" + p:              onboarding.OriginFound,
		"roles/storage.objectViewer" + member + "buckets/" + p + "-archive": onboarding.OriginCreated,
	} {
		if origins[line] != want {
			t.Errorf("%s is %q, want %q", line, origins[line], want)
		}
	}
	h.succeeds(l, onboarding.RunTeardown, erasingAll)
	now := h.cloud.Snapshot()
	for _, line := range h.before {
		if !slices.Contains(now, line) {
			t.Errorf("this is gone: %s", line)
		}
	}
	if slices.Contains(now, "roles/storage.objectViewer"+member+"buckets/"+p+"-archive") {
		t.Error("the role that we gave is still there")
	}
	h.reads(l, "/progress", []string{"Everything we created was removed", "It stays: it was there before this onboarding."})
}

// Story 7: an archived onboarding's customer got a 404 when they wanted everything removed.
func TestTheCustomerOfAnArchivedOnboardingTearsItDown(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 1)
	l := h.tenants[0]
	h.plain(l, nil)
	h.succeeds(l, onboarding.RunProvision, nil)
	h.must(h.App.Archive(t.Context(), person(sam.Email, onboarding.RoleSpecialist), l.id))
	h.reads(l, "/progress", []string{"This onboarding is archived", "Remove what was created"})
	h.must(h.consent(t.Context(), h.owner, l.id, h.onboarding(l).Project))
	h.reads(l, "/plan?kind=teardown", []string{"tecton-history-dataplane"})
	h.succeeds(l, onboarding.RunTeardown, erasingAll)
	if h.reads(l, "/progress", []string{"Everything we created was removed"}); h.onboarding(l).Locked {
		t.Error("the name is still locked")
	}
}

// Story 20: after a teardown, "Set it up again" said that everything was verified, though the workspace wasn't asked.
func TestSettingUpAgainSaysWhatWasNotAsked(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 1)
	l := h.tenants[0]
	l.Redis = true
	h.plain(l, nil)
	h.succeeds(l, onboarding.RunProvision, nil)
	h.reads(l, "/progress", []string{"verified, except:", "attested that it is set up as required. Nothing was tested"}, "so the workspace was not checked again")
	h.must(h.Store.WipeSecrets(t.Context(), onboarding.System, l.id))
	h.succeeds(l, onboarding.RunTeardown, erasingAll)
	h.reads(l, "/progress", []string{"Set it up again", "If you set it up again, these won't be checked:", "The Databricks workspace: its token was wiped", "Redis: its token was wiped"})
	h.succeeds(l, onboarding.RunProvision, nil)
	h.reads(l, "/progress", []string{"verified, except:", "so the workspace was not checked again", "so the endpoint was not checked again"}, "Everything in the plan was set up and verified.", "The result was read back and verified.")
}
