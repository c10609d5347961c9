package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// mailed are the mails about an onboarding as "kind to address", sorted.
func mailed(t *testing.T, s *store.Store, id onboarding.ID) string {
	t.Helper()
	all, err := s.Mails(t.Context(), sam, id)
	must(t, err)
	var out []string
	for _, m := range all {
		name, _, _ := strings.Cut(m.To, "@")
		out = append(out, string(m.Kind)+" to "+name)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// ends brings a run of an onboarding to an end; a run that is blocked waits on a party.
func ends(t *testing.T, s *store.Store, ob onboarding.Onboarding, kind onboarding.RunKind, state onboarding.RunState, on onboarding.Party) {
	t.Helper()
	p := plan()
	if kind == onboarding.CheckOnly {
		kind, p.ReadOnly = onboarding.RunProvision, true
	}
	run, err := s.Submit(t.Context(), ada, ob.ID, status(t, s, ob.ID).Version, kind, p, nothing)
	must(t, err)
	run, err = s.ClaimRun(t.Context(), run.ID, newWorker(t, s).ID())
	must(t, err)
	fence := onboarding.Fence{Run: run.ID, Epoch: run.Epoch}
	must(t, second(s.StartTask(t.Context(), fence, "bucket")))
	switch state {
	case onboarding.RunBlocked:
		must(t, s.BlockTask(t.Context(), fence, "bucket", &onboarding.Blocked{Code: onboarding.CodeGuide, On: on, Action: "Do something"}))
	case onboarding.RunFailed:
		must(t, s.FailTask(t.Context(), fence, "bucket", onboarding.CodeInternal, "It failed.", "x"))
	}
	must(t, s.EndRun(t.Context(), fence, state))
}

func TestEachEndOfARunIsMailedToThoseWhoMustActOrWait(t *testing.T) {
	t.Parallel()
	const provision = onboarding.RunProvision
	for name, c := range map[string]struct {
		kind onboarding.RunKind
		end  onboarding.RunState
		on   onboarding.Party
		want string
	}{
		"blocked on the customer":      {provision, onboarding.RunBlocked, onboarding.PartyCustomer, "blocked to ada"},
		"blocked on the administrator": {provision, onboarding.RunBlocked, onboarding.PartyOrganization, "blocked to ada"},
		"blocked on a colleague":       {provision, onboarding.RunBlocked, onboarding.PartyColleague, "blocked to ada"}, // there is none
		"blocked on the specialist":    {provision, onboarding.RunBlocked, onboarding.PartySpecialist, "staff_waiting to sam"},
		"blocked on Google":            {provision, onboarding.RunBlocked, onboarding.PartyGoogle, ""},
		"failed":                       {provision, onboarding.RunFailed, "", "failed to ada, staff_failed to sam"},
		"canceled":                     {provision, onboarding.RunCanceled, "", ""},
		"finished":                     {provision, onboarding.RunSucceeded, "", "finished to ada, staff_handed_over to sam"},
		"a verification":               {onboarding.RunVerify, onboarding.RunSucceeded, "", ""},
		"a verification that failed":   {onboarding.RunVerify, onboarding.RunFailed, "", "failed to ada, staff_failed to sam"},
		"a check that failed":          {onboarding.CheckOnly, onboarding.RunFailed, "", "failed to ada, staff_failed to sam"},
		"a check":                      {onboarding.CheckOnly, onboarding.RunSucceeded, "", "finished to ada, staff_handed_over to sam"},
		"a teardown":                   {onboarding.RunTeardown, onboarding.RunSucceeded, "", "finished to ada"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := pgtest.Open(t, pgtest.NewDatabase(t), store.Config{Settings: withMail})
			ob := begin(t, s, ada, onboarding.VendorValues{})
			ends(t, s, ob, c.kind, c.end, c.on)
			if got := mailed(t, s, ob.ID); got != c.want {
				t.Errorf("mailed: %q, want %q", got, c.want)
			}
			all, err := s.Mails(t.Context(), sam, ob.ID)
			must(t, err)
			for _, m := range all {
				if letter, err := s.OpenMail(t.Context(), m.ID); err == nil && letter.Run != c.kind || err != nil && onboarding.ErrorCode(err) != onboarding.CodeConflict {
					t.Errorf("%s is about a run of kind %q, want %q (%v)", m.Kind, letter.Run, c.kind, err)
				}
			}
		})
	}
}

func TestAColleagueWhoDoesTheCloudPartIsToldThatItIsBlocked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		consents bool // the colleague gave the consent
		on       onboarding.Party
		later    time.Duration
		want     string
	}{
		"with their consent":             {true, onboarding.PartyCustomer, 0, "blocked to cole"},
		"with the customer's consent":    {false, onboarding.PartyCustomer, 0, "blocked to ada"},
		"waiting on a colleague":         {false, onboarding.PartyColleague, 0, "blocked to cole"},
		"after their time":               {true, onboarding.PartyCustomer, 100 * 24 * time.Hour, "blocked to ada"},
		"for what the vendor has to do":  {true, onboarding.PartySpecialist, 0, "staff_waiting to sam"},
		"for the organization's setting": {true, onboarding.PartyOrganization, 0, "blocked to cole"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now().UTC()
			s := pgtest.Open(t, pgtest.NewDatabase(t), store.Config{Settings: withMail, Now: func() time.Time { return now }})
			ob := begin(t, s, ada, onboarding.VendorValues{})
			token, _ := invited(t, s, ob, cole.Email)
			must(t, second(s.AcceptInvite(t.Context(), token, cole)))
			giver := ada
			if c.consents {
				giver = cole
			}
			must(t, second(s.SaveConsent(t.Context(), giver, onboarding.Consent{Onboarding: ob.ID, Ref: "grant_sample", Email: giver.Email, GivenBy: giver.Email, Project: "acme-data", Sealed: []byte("x")})))
			now = now.Add(c.later)
			ends(t, s, ob, onboarding.RunProvision, onboarding.RunBlocked, c.on)
			if got := mailed(t, s, ob.ID); got != c.want {
				t.Errorf("mailed: %q, want %q", got, c.want)
			}
		})
	}
}

func TestTheHandoverIsMailedWhenItNeedsTheSpecialistAndWhenItIsComplete(t *testing.T) {
	t.Parallel()
	s, ctx := pgtest.Open(t, pgtest.NewDatabase(t), store.Config{Settings: withMail}), t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{HandoverURL: "https://handover.example/record"})
	ends(t, s, ob, onboarding.RunProvision, onboarding.RunSucceeded, "")
	if got, want := mailed(t, s, ob.ID), "finished to ada"; got != want {
		t.Errorf("while the record is on its way, mailed: %q, want %q", got, want)
	}
	all, err := s.Deliveries(ctx, sam, ob.ID)
	must(t, err)
	errand, err := s.DueDelivery(ctx, all[0].ID)
	must(t, err)
	must(t, s.EndTry(ctx, errand.Delivery, onboarding.TryOutcome{Asked: true, Again: time.Hour, NeedsVendor: "Enter a new address for the handover record", Try: onboarding.DeliveryTry{Status: 403, Problem: "The address answered 403 Forbidden."}}))
	if got, want := mailed(t, s, ob.ID), "finished to ada, staff_waiting to sam"; got != want {
		t.Errorf("when it needs an address, mailed: %q, want %q", got, want)
	}
	must(t, s.SendAgain(ctx, sam, ob.ID, all[0].ID))
	errand, err = s.DueDelivery(ctx, all[0].ID)
	must(t, err)
	must(t, s.EndTry(ctx, errand.Delivery, onboarding.TryOutcome{Asked: true, Way: onboarding.WayPut, Try: onboarding.DeliveryTry{Status: 200}}))
	if got, want := mailed(t, s, ob.ID), "finished to ada, staff_handed_over to sam, staff_waiting to sam"; got != want {
		t.Errorf("when it is complete, mailed: %q, want %q", got, want)
	}
}

func TestAnInviteAndItsMailAreOneTransaction(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s, ctx := pgtest.Open(t, db, store.Config{Settings: withMail}), t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	before := len(history(t, s, ob.ID))
	_, err := s.MailInvite(ctx, sam, ob.ID, "@customer.example", onboarding.RoleColleague, 0)
	wantCode(t, err, onboarding.CodeInvalid)
	if invites, err := pgtest.Invites(ctx, s, sam, ob.ID); err != nil || len(invites) != 1 || len(history(t, s, ob.ID)) != before {
		t.Errorf("an invite that can't be mailed was made: %+v, %v", invites, err)
	}
	inv, err := s.MailInvite(ctx, ada, ob.ID, onboarding.Addressee(cole.Email), onboarding.RoleColleague, 0)
	must(t, err)
	if got := mailed(t, s, ob.ID); got != "colleague to cole" || len(mailJobs(t, db)) != 1 {
		t.Errorf("mailed: %q, jobs %v", got, mailJobs(t, db))
	}
	all, err := s.Mails(ctx, sam, ob.ID)
	must(t, err)
	letter, err := s.OpenMail(ctx, all[0].ID)
	must(t, err)
	if id, err := s.AcceptInvite(ctx, letter.Token, cole); err != nil || id != ob.ID || inv.Onboarding != ob.ID {
		t.Errorf("the mailed link: %v", err)
	}

	off := pgtest.Open(t, pgtest.NewDatabase(t), store.Config{})
	silent := begin(t, off, ada, onboarding.VendorValues{})
	_, err = off.MailInvite(ctx, ada, silent.ID, onboarding.Addressee(cole.Email), onboarding.RoleColleague, 0)
	wantCode(t, err, onboarding.CodeInvalid)
	if invites, err := pgtest.Invites(ctx, off, sam, silent.ID); err != nil || len(invites) != 1 {
		t.Errorf("an invite was made although mail is off: %+v, %v", invites, err)
	}
}
