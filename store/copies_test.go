package store_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// copyOf is what a copy of an onboarding starts with in these tests.
func copyOf(t testing.TB, after onboarding.ID) onboarding.NewCopy {
	t.Helper()
	return onboarding.NewCopy{
		ID: newID(t), Answers: onboarding.Answers{"region": json.RawMessage(`{"region": "us-west1"}`)}, Region: "us-west1", Project: "acme-data", Current: "Deployment name",
		Waiting: onboarding.Waiting{On: onboarding.PartyCustomer, For: "Answer “Deployment name”"}, After: after,
	}
}

func kinds(t testing.TB, s *store.Store, id onboarding.ID) (out []onboarding.EventKind) {
	t.Helper()
	trail, err := pgtest.Audit(t.Context(), s, onboarding.System, id)
	must(t, err)
	for _, e := range trail {
		if e.What == onboarding.EventCopyAsked || e.What == onboarding.EventCopyMade || e.What == onboarding.EventOnboardingCreated || e.What == onboarding.EventInviteCreated {
			out = append(out, e.What)
		}
	}
	return out
}

func TestACopyIsAskedForOnceAndWaitedForUntilItIsMade(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob, err := named(t, s, ada, "acme-prod")
	must(t, err)
	wantCode(t, s.AskCopy(t.Context(), ada, ob.ID), onboarding.CodeConflict) // nothing is locked
	execute(t, s, ob, onboarding.RunProvision, onboarding.RunFailed, true)
	before := status(t, s, ob.ID)

	must(t, s.AskCopy(t.Context(), ada, ob.ID))
	asked := status(t, s, ob.ID)
	if asked.Waiting.On != onboarding.PartySpecialist || asked.Waiting.For != onboarding.ForCopy || asked.CopyAskedAt.IsZero() || asked.Status != before.Status {
		t.Errorf("asked: %s, %+v, %s", asked.Status, asked.Waiting, asked.CopyAskedAt)
	}
	must(t, s.AskCopy(t.Context(), ada, ob.ID))
	if again := status(t, s, ob.ID); again.Waiting != asked.Waiting || !again.CopyAskedAt.Equal(asked.CopyAskedAt) {
		t.Errorf("asked twice: %+v, then %+v", asked.Waiting, again.Waiting)
	}

	made, token, err := s.MakeCopy(t.Context(), sam, ob.ID, copyOf(t, ""))
	must(t, err)
	if token != "" {
		t.Error("a customer who is a member already was invited")
	}
	if after := status(t, s, ob.ID); after.Waiting.On != before.Waiting.On || after.Waiting.For != before.Waiting.For || !after.CopyAskedAt.IsZero() {
		t.Errorf("afterward: %+v, before: %+v", after.Waiting, before.Waiting)
	}
	got := status(t, s, made.ID)
	if got.CopyOf != ob.ID || got.Deployment != "" || got.Region != "us-west1" || got.Project != "acme-data" || got.Customer != ob.Customer || got.Owner != ob.Owner || got.Locked || got.Status != onboarding.StatusInForm {
		t.Errorf("the copy: %+v", got)
	}
	if role, err := s.RoleOn(t.Context(), ada, made.ID); err != nil || role != onboarding.RoleCustomer {
		t.Errorf("the customer's role on the copy: %q, %v", role, err)
	}
	second, _, err := s.MakeCopy(t.Context(), sam, ob.ID, copyOf(t, ""))
	if err != nil || second.ID != made.ID {
		t.Errorf("pressed twice: %s, %v, want %s", second.ID, err, made.ID)
	}
	if diff := cmp.Diff([]onboarding.EventKind{onboarding.EventOnboardingCreated, onboarding.EventInviteCreated, onboarding.EventCopyAsked, onboarding.EventCopyMade}, kinds(t, s, ob.ID)); diff != "" {
		t.Errorf("the history (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]onboarding.EventKind{onboarding.EventOnboardingCreated}, kinds(t, s, made.ID)); diff != "" {
		t.Errorf("the copy's history (-want +got):\n%s", diff)
	}
	third, _, err := s.MakeCopy(t.Context(), sam, ob.ID, copyOf(t, made.ID))
	must(t, err)
	for who, actor := range map[string]onboarding.Actor{"the customer": ada, "a specialist": sam} {
		of, err := s.Related(t.Context(), actor, ob.ID)
		must(t, err)
		if of.From.ID != "" || len(of.Copies) != 2 || of.Latest() != third.ID {
			t.Errorf("%s sees the copies %v", who, of.Copies)
		}
		if of, err := s.Related(t.Context(), actor, made.ID); err != nil || of.From.ID != ob.ID || len(of.Copies) != 0 {
			t.Errorf("%s sees that it is a copy of %q (%v)", who, of.From.ID, err)
		}
	}
	if of, err := s.Related(t.Context(), mallory, ob.ID); err != nil || of.From.ID != "" || len(of.Copies) != 0 {
		t.Errorf("a stranger sees %+v (%v)", of, err)
	}
}

func TestARunAndATeardownChangeWhatACopyIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob, err := named(t, s, ada, "acme-prod")
	must(t, err)
	execute(t, s, ob, onboarding.RunProvision, onboarding.RunFailed, true)
	must(t, s.AskCopy(t.Context(), ada, ob.ID))
	since := status(t, s, ob.ID).Waiting.Since

	execute(t, s, ob, onboarding.RunProvision, onboarding.RunCanceled, true)
	if got := status(t, s, ob.ID); got.Status != onboarding.StatusWaitingCustomer || got.Waiting.On != onboarding.PartySpecialist || !got.Waiting.Since.Equal(since) {
		t.Errorf("after another run: %s, %+v", got.Status, got.Waiting)
	}
	in := save(status(t, s, ob.ID), "compute", `{}`)
	in.Deployment, in.Region, in.Project, in.Current = "acme-prod", "us-west1", "acme-data", onboarding.AtCheck
	in.Waiting = onboarding.Waiting{On: onboarding.PartyCustomer, For: "Review and approve the plan"}
	_, err = s.SaveAnswer(t.Context(), ada, in)
	must(t, err)
	if got := status(t, s, ob.ID); got.Waiting.On != onboarding.PartySpecialist {
		t.Errorf("after an answer: %+v", got.Waiting)
	}
	_, _, err = s.MakeCopy(t.Context(), sam, ob.ID, copyOf(t, ""))
	must(t, err)
	if got := status(t, s, ob.ID); got.Waiting.On != onboarding.PartyCustomer || got.Waiting.For != "Review and approve the plan" {
		t.Errorf("once it is made: %+v", got.Waiting)
	}

	must(t, s.AskCopy(t.Context(), ada, ob.ID))
	execute(t, s, status(t, s, ob.ID), onboarding.RunTeardown, onboarding.RunSucceeded, true)
	if got := status(t, s, ob.ID); got.Waiting.On != onboarding.PartyNobody || !got.CopyAskedAt.IsZero() {
		t.Errorf("torn down: %+v, asked %s", got.Waiting, got.CopyAskedAt)
	}
	wantCode(t, s.AskCopy(t.Context(), ada, ob.ID), onboarding.CodeConflict)
	if _, _, err := s.MakeCopy(t.Context(), sam, ob.ID, copyOf(t, status(t, s, ob.ID).ID)); err != nil {
		t.Errorf("a specialist copies what was torn down: %v", err)
	}
}

func TestWhoMayCopyWhat(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob, err := named(t, s, ada, "acme-prod")
	must(t, err)
	execute(t, s, ob, onboarding.RunProvision, onboarding.RunFailed, true)
	wantCode(t, s.AskCopy(t.Context(), mallory, ob.ID), onboarding.CodeNotFound)
	wantCode(t, second2(s.MakeCopy(t.Context(), ada, ob.ID, copyOf(t, ""))), onboarding.CodeForbidden)
	wantCode(t, second2(s.MakeCopy(t.Context(), sam, newID(t), copyOf(t, ""))), onboarding.CodeNotFound)

	must(t, s.AskCopy(t.Context(), ada, ob.ID))
	must(t, s.Archive(t.Context(), sam, ob.ID))
	made, _, err := s.MakeCopy(t.Context(), sam, ob.ID, copyOf(t, ""))
	if err != nil || made.Archived {
		t.Errorf("the copy of an archived one: archived %v, %v", made.Archived, err)
	}
	wantCode(t, s.AskCopy(t.Context(), ada, ob.ID), onboarding.CodeConflict)
	must(t, s.Forget(t.Context(), sam, ob.ID))
	wantCode(t, second2(s.MakeCopy(t.Context(), sam, ob.ID, copyOf(t, made.ID))), onboarding.CodeConflict)
}

func TestACustomerWhoHasNotJoinedIsInvitedToTheCopy(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	id := newID(t)
	_, _, err := s.CreateOnboarding(t.Context(), sam, onboarding.NewOnboarding{ID: id, Customer: "Acme", OwnerEmail: ada.Email})
	must(t, err)
	made, token, err := s.MakeCopy(t.Context(), sam, id, copyOf(t, ""))
	must(t, err)
	if joined, err := s.AcceptInvite(t.Context(), token, ada); err != nil || joined != made.ID {
		t.Errorf("joined %s, %v, want %s", joined, err, made.ID)
	}
	if made.Specialist != sam.Email || made.Waiting.For != onboarding.WaitForAcceptance.For {
		t.Errorf("of %q, waits for %+v", made.Specialist, made.Waiting)
	}
}

func TestADeclinedCopyIsWaitedForNoMoreAndReadByItsPeople(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	ob, err := named(t, s, ada, "acme-prod")
	must(t, err)
	execute(t, s, ob, onboarding.RunProvision, onboarding.RunFailed, true)
	before := status(t, s, ob.ID)
	wantCode(t, s.DeclineCopy(ctx, sam, ob.ID, ""), onboarding.CodeConflict) // nobody asked
	must(t, s.AskCopy(ctx, ada, ob.ID))
	wantCode(t, s.DeclineCopy(ctx, ada, ob.ID, ""), onboarding.CodeForbidden)
	wantCode(t, s.DeclineCopy(ctx, sam, newID(t), ""), onboarding.CodeNotFound)

	must(t, s.DeclineCopy(ctx, sam, ob.ID, "Your contract has one."))
	if got := status(t, s, ob.ID); !got.CopyAskedAt.IsZero() || got.Waiting != before.Waiting {
		t.Errorf("declined: %+v, before: %+v", got.Waiting, before.Waiting)
	}
	wantCode(t, s.DeclineCopy(ctx, sam, ob.ID, "again"), onboarding.CodeConflict)
	for who, actor := range map[string]onboarding.Actor{"the customer": ada, "a specialist": sam} {
		of, err := s.Related(ctx, actor, ob.ID)
		must(t, err)
		if d := of.Declined; d.By != sam.Email || d.Reason != "Your contract has one." || d.At.IsZero() {
			t.Errorf("%s reads %+v", who, d)
		}
	}
	if of, err := s.Related(ctx, mallory, ob.ID); err != nil || of.Declined != (onboarding.DeclinedCopy{}) {
		t.Errorf("a stranger reads %+v (%v)", of.Declined, err)
	}
	must(t, s.AskCopy(ctx, ada, ob.ID))
	if of, err := s.Related(ctx, ada, ob.ID); err != nil || !of.Declined.At.IsZero() {
		t.Errorf("asked again, and still declined: %+v (%v)", of.Declined, err)
	}
}
