package store_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// use is a use case whose answer is lost once.
type use struct {
	onboarding onboarding.ID
	act        func() error
	state      func() string // what is there then, "" for the history only
}

// lab is where use cases are tried.
type lab struct {
	t     *testing.T
	s     *store.Store
	db    pgtest.Database
	proxy *pgtest.Proxy
}

func (l lab) count(sql string, args ...any) string {
	l.t.Helper()
	var n int
	must(l.t, owner(l.t, l.db).QueryRow(l.t.Context(), sql, args...).Scan(&n))
	return fmt.Sprint(n)
}

// opens checks that the link of a token works.
func (l lab) opens(token string) {
	l.t.Helper()
	if _, _, err := l.s.InviteByToken(l.t.Context(), token); err != nil {
		l.t.Errorf("the link doesn't open: %v", err)
	}
}

// formOf is a person who sends one form.
func formOf(who onboarding.Actor) onboarding.Actor {
	who.Form = "abcdefghijklmnopqrstuvwxyz"
	return who
}

func (l lab) run(id onboarding.RunID) string {
	l.t.Helper()
	run, err := l.s.Run(l.t.Context(), onboarding.System, id)
	must(l.t, err)
	return string(run.State)
}

func (l lab) task(id onboarding.RunID) string {
	l.t.Helper()
	run, err := l.s.Run(l.t.Context(), onboarding.System, id)
	must(l.t, err)
	return fmt.Sprintf("%s, attempt %d, %d lines", run.Tasks[0].State, run.Tasks[0].Attempt, len(run.Tasks[0].Events))
}

// handing is a delivery of secrets whose try is claimed.
func (l lab) handing() (onboarding.Onboarding, onboarding.Delivery) {
	l.t.Helper()
	ctx := l.t.Context()
	ob := begin(l.t, l.s, ada, onboarding.VendorValues{HandoverURL: "https://put.vendor.example/x"})
	in := save(ob, "region", `{}`)
	in.Sealed = map[onboarding.Purpose][]byte{onboarding.PurposeRedisToken: []byte("sealed")}
	ob, err := l.s.SaveAnswer(ctx, ada, in)
	must(l.t, err)
	run, err := l.s.ClaimRun(ctx, submit(l.t, l.s, ada, ob).ID, newWorker(l.t, l.s).ID())
	must(l.t, err)
	must(l.t, l.s.EndRun(ctx, onboarding.Fence{Run: run.ID, Epoch: run.Epoch}, onboarding.RunSucceeded))
	queued, err := l.s.Deliveries(ctx, sam, ob.ID)
	must(l.t, err)
	i := slices.IndexFunc(queued, func(d onboarding.Delivery) bool { return d.Kind == onboarding.DeliverSecrets })
	due, err := l.s.DueDelivery(ctx, queued[i].ID)
	must(l.t, err)
	return ob, due.Delivery
}

// A COMMIT whose answer is lost was made, or it wasn't. Each use case says which, and what a second try does.
func TestEachWriteKnowsWhatBecameOfItWhenItsAnswerIsLost(t *testing.T) {
	t.Parallel()
	const line = "INSERT INTO audit"
	for _, c := range []struct {
		name   string
		marker string // "": line
		begin  func(lab) use
		first  onboarding.Code        // what the caller hears
		events []onboarding.EventKind // what the history has then
		state  string
		again  onboarding.Code // what a second try hears
		after  string          // the state after it, "" the same
		more   int             // events of the second try
	}{
		{
			name: "create an onboarding",
			begin: func(l lab) use {
				id := newID(l.t)
				return use{id, func() error {
					return second2(l.s.CreateOnboarding(l.t.Context(), sam, onboarding.NewOnboarding{ID: id, Customer: "Acme Sample", OwnerEmail: ada.Email}))
				}, nil}
			},
			events: []onboarding.EventKind{onboarding.EventOnboardingCreated, onboarding.EventInviteCreated}, again: onboarding.CodeInternal, // the ID is made for one try
		},
		{
			name: "save an answer",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error {
					return second(l.s.SaveAnswer(l.t.Context(), ada, save(ob, "region", `{"region":"us-west1"}`)))
				}, func() string { return string(status(l.t, l.s, ob.ID).Answers["region"]) }}
			},
			events: []onboarding.EventKind{onboarding.EventAnswerSaved}, state: `{"region": "us-west1"}`, again: onboarding.CodeStale,
		},
		{
			name: "submit",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error {
					return second(l.s.Submit(l.t.Context(), ada, ob.ID, ob.Version, onboarding.RunProvision, plan(), nothing))
				}, func() string {
					return l.count(`SELECT count(*) FROM runs WHERE onboarding = $1`, ob.ID) + " run, " + l.count(`SELECT count(*) FROM river_job WHERE kind = 'run'`) + " job"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventRunSubmitted}, state: "1 run, 1 job",
		},
		{
			name: "claim a run", marker: claiming,
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				run, w := submit(l.t, l.s, ada, ob), newWorker(l.t, l.s)
				var held onboarding.Run
				return use{ob.ID, func() error {
					if held.ID != "" {
						return l.s.ReleaseRun(l.t.Context(), onboarding.Fence{Run: held.ID, Epoch: held.Epoch})
					}
					var err error
					held, err = l.s.ClaimRun(l.t.Context(), run.ID, w.ID())
					return err
				}, func() string { return l.run(run.ID) }}
			},
			first: onboarding.CodeUnavailable, events: []onboarding.EventKind{onboarding.EventRunStarted}, state: "running", after: "queued",
		},
		{
			name: "start a task", marker: "UPDATE tasks SET state = 'running'",
			begin: func(l lab) use {
				ob, run, fence, _ := claimed(l.t, l.s)
				return use{ob.ID, func() error { return second(l.s.StartTask(l.t.Context(), fence, "bucket")) }, func() string { return l.task(run.ID) }}
			},
			first: onboarding.CodeUnavailable, state: "running, attempt 1, 0 lines", after: "running, attempt 2, 0 lines",
		},
		{
			name: "finish a task", marker: "UPDATE tasks SET state",
			begin: func(l lab) use {
				ob, fence := working(l.t, l.s)
				return use{ob.ID, func() error {
					return l.s.FinishTask(l.t.Context(), fence, "bucket", onboarding.Outcome{Message: "Created."})
				}, func() string { return l.task(fence.Run) }}
			},
			first: onboarding.CodeUnavailable, state: "done, attempt 1, 1 lines", after: "done, attempt 1, 2 lines",
		},
		{
			name: "finish a run",
			begin: func(l lab) use {
				ob, run, fence, _ := claimed(l.t, l.s)
				return use{ob.ID, func() error { return l.s.EndRun(l.t.Context(), fence, onboarding.RunFailed) }, func() string { return l.run(run.ID) }}
			},
			events: []onboarding.EventKind{onboarding.EventRunFailed}, state: "failed", again: onboarding.CodeFenced,
		},
		{
			name: "release a run", marker: "UPDATE runs SET state = 'queued'",
			begin: func(l lab) use {
				ob, run, fence, _ := claimed(l.t, l.s)
				return use{ob.ID, func() error { return l.s.ReleaseRun(l.t.Context(), fence) }, func() string { return l.run(run.ID) }}
			},
			first: onboarding.CodeUnavailable, state: "queued", again: onboarding.CodeFenced,
		},
		{
			name: "abandon a run", marker: "WITH lost AS",
			begin: func(l lab) use {
				ob, run, fence, _ := claimed(l.t, l.s)
				return use{ob.ID, func() error { return l.s.Abandon(l.t.Context(), fence) }, func() string {
					return l.run(run.ID) + ", deaths " + fmt.Sprint(deaths(l.t, l.db, run.ID))
				}}
			},
			first: onboarding.CodeUnavailable, state: "queued, deaths 1",
		},
		{
			name: "retry",
			begin: func(l lab) use {
				ob, run := stopped(l.t, l.s)
				return use{ob.ID, func() error { return l.s.RetryRun(l.t.Context(), ada, run.ID, nothing) }, func() string { return l.run(run.ID) }}
			},
			events: []onboarding.EventKind{onboarding.EventRunRetried}, state: "queued",
		},
		{
			name: "cancel",
			begin: func(l lab) use {
				ob, run := stopped(l.t, l.s)
				return use{ob.ID, func() error { return l.s.CancelRun(l.t.Context(), ada, run.ID) }, func() string { return l.run(run.ID) }}
			},
			events: []onboarding.EventKind{onboarding.EventRunCanceled}, state: "cancelled",
		},
		{
			name: "ask a worker to cancel",
			begin: func(l lab) use {
				ob, run, _, _ := claimed(l.t, l.s)
				return use{ob.ID, func() error { return l.s.CancelRun(l.t.Context(), ada, run.ID) }, func() string { return l.run(run.ID) }}
			},
			events: []onboarding.EventKind{onboarding.EventRunCancelAsked}, state: "running",
		},
		{
			name: "approve a changed plan",
			begin: func(l lab) use {
				ob, run := stopped(l.t, l.s)
				return use{ob.ID, func() error { return l.s.ApprovePlan(l.t.Context(), ada, run.ID, plan("more"), nothing) }, func() string { return l.run(run.ID) }}
			},
			events: []onboarding.EventKind{onboarding.EventPlanApproved}, state: "queued",
		},
		{
			name: "save a consent",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error {
					return second(l.s.SaveConsent(l.t.Context(), ada, onboarding.Consent{Onboarding: ob.ID, Email: ada.Email, Sealed: []byte("x")}))
				}, func() string {
					return l.count(`SELECT count(*) FROM grants WHERE onboarding = $1 AND wiped_at IS NULL`, ob.ID) + " live"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventConsentGiven}, state: "1 live", more: 1,
		},
		{
			name: "wipe a consent",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				g, err := l.s.SaveConsent(l.t.Context(), ada, onboarding.Consent{Onboarding: ob.ID, Email: ada.Email, Sealed: []byte("x")})
				must(l.t, err)
				return use{ob.ID, func() error { return l.s.WipeConsent(l.t.Context(), ada, g.ID, time.Time{}) }, func() string {
					return l.count(`SELECT count(*) FROM grants WHERE onboarding = $1 AND wiped_at IS NULL`, ob.ID) + " live"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventConsentWiped}, state: "0 live",
		},
		{
			name: "wipe secrets",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				must(l.t, l.s.UpdateVendor(l.t.Context(), sam, ob.ID, onboarding.VendorValues{}, []byte("sealed")))
				return use{ob.ID, func() error { return l.s.WipeSecrets(l.t.Context(), onboarding.System, ob.ID) }, func() string {
					return l.count(`SELECT count(*) FROM secrets WHERE onboarding = $1`, ob.ID) + " held"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventSecretsWiped}, state: "0 held",
		},
		{
			name: "change the vendor's values",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error {
					return l.s.UpdateVendor(l.t.Context(), sam, ob.ID, onboarding.VendorValues{HandoverURL: "https://put.vendor.example/x"}, nil)
				}, func() string { return status(l.t, l.s, ob.ID).Vendor.HandoverURL }}
			},
			events: []onboarding.EventKind{onboarding.EventVendorChanged}, state: "https://put.vendor.example/x",
		},
		{
			name: "assign",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error { return l.s.Assign(l.t.Context(), sam, ob.ID, "lee@vendor.example") }, func() string { return status(l.t, l.s, ob.ID).Specialist }}
			},
			events: []onboarding.EventKind{onboarding.EventOnboardingAssigned}, state: "lee@vendor.example",
		},
		{
			name: "archive",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error { return l.s.Archive(l.t.Context(), sam, ob.ID) }, func() string { return fmt.Sprint(status(l.t, l.s, ob.ID).Archived) }}
			},
			events: []onboarding.EventKind{onboarding.EventOnboardingArchived}, state: "true",
		},
		{
			name: "restore",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				must(l.t, l.s.Archive(l.t.Context(), sam, ob.ID))
				return use{ob.ID, func() error { return l.s.Restore(l.t.Context(), sam, ob.ID) }, func() string { return fmt.Sprint(status(l.t, l.s, ob.ID).Archived) }}
			},
			events: []onboarding.EventKind{onboarding.EventOnboardingRestored}, state: "false", again: onboarding.CodeConflict,
		},
		{
			name: "invite",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error {
					return second2(l.s.CreateInvite(l.t.Context(), ada, ob.ID, onboarding.Addressee(cole.Email), onboarding.RoleColleague, 0))
				}, func() string {
					return l.count(`SELECT count(*) FROM invites WHERE onboarding = $1 AND used_at IS NULL AND revoked_at IS NULL`, ob.ID) + " open"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventInviteCreated}, state: "1 open", more: 1,
		},
		{
			name: "accept an invite",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				token, _ := invited(l.t, l.s, ob, cole.Email)
				return use{ob.ID, func() error { return second(l.s.AcceptInvite(l.t.Context(), token, cole)) }, func() string {
					return l.count(`SELECT count(*) FROM members WHERE onboarding = $1`, ob.ID) + " members"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventInviteAccepted}, state: "2 members",
		},
		{
			name: "withdraw an invite",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				_, inv := invited(l.t, l.s, ob, cole.Email)
				return use{ob.ID, func() error { return l.s.RevokeInvite(l.t.Context(), ada, ob.ID, inv.ID) }, func() string {
					return l.count(`SELECT count(*) FROM invites WHERE onboarding = $1 AND used_at IS NULL AND revoked_at IS NULL`, ob.ID) + " open"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventInviteRevoked}, state: "0 open",
		},
		{
			name: "remove a colleague",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				token, _ := invited(l.t, l.s, ob, cole.Email)
				must(l.t, second(l.s.AcceptInvite(l.t.Context(), token, cole)))
				return use{ob.ID, func() error { return l.s.RemoveColleague(l.t.Context(), ada, ob.ID, cole.Email) }, func() string {
					return l.count(`SELECT count(*) FROM members WHERE onboarding = $1`, ob.ID) + " members"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventColleagueRemoved}, state: "1 members", again: onboarding.CodeNotFound,
		},
		{
			name: "override a check",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error {
					return l.s.OverrideCheck(l.t.Context(), sam, ob.ID, onboarding.CheckOverridden{Check: "domain", Title: "Members from outside are allowed", Found: "They are not.", Reason: "An exception.", Version: ob.Version})
				}, nil}
			},
			events: []onboarding.EventKind{onboarding.EventCheckOverridden}, more: 1,
		},
		{
			name: "add a note", marker: "INSERT INTO notes",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error { return l.s.AddNote(l.t.Context(), sam, ob.ID, "Call them.") }, func() string {
					return l.count(`SELECT count(*) FROM notes WHERE onboarding = $1`, ob.ID) + " notes"
				}}
			},
			state: "1 notes", after: "2 notes",
		},
		{
			name: "create an onboarding by a form",
			begin: func(l lab) use {
				first := newID(l.t)
				next := first
				return use{first, func() error {
					made, token, err := l.s.CreateOnboarding(l.t.Context(), formOf(sam), onboarding.NewOnboarding{ID: next, Customer: "Acme Sample", OwnerEmail: ada.Email, Vendor: onboarding.VendorValues{ProposedName: "acme"}})
					if err == nil && made.ID != first {
						l.t.Errorf("the form created %s, want %s", made.ID, first)
					}
					if err == nil {
						l.opens(token)
					}
					next = newID(l.t)
					return err
				}, func() string {
					return l.count(`SELECT count(*) FROM onboardings`) + " onboardings, " + l.count(`SELECT count(*) FROM invites`) + " invites"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventOnboardingCreated, onboarding.EventInviteCreated}, state: "1 onboardings, 1 invites",
		},
		{
			name: "add a note by a form", marker: "INSERT INTO notes",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error { return l.s.AddNote(l.t.Context(), formOf(sam), ob.ID, "Call them.") }, func() string {
					return l.count(`SELECT count(*) FROM notes WHERE onboarding = $1`, ob.ID) + " notes"
				}}
			},
			state: "1 notes",
		},
		{
			name: "restore by a form",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				must(l.t, l.s.Archive(l.t.Context(), sam, ob.ID))
				return use{ob.ID, func() error { return l.s.Restore(l.t.Context(), formOf(sam), ob.ID) }, func() string { return fmt.Sprint(status(l.t, l.s, ob.ID).Archived) }}
			},
			events: []onboarding.EventKind{onboarding.EventOnboardingRestored}, state: "false",
		},
		{
			name: "invite by a form",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error {
					token, _, err := l.s.CreateInvite(l.t.Context(), formOf(ada), ob.ID, onboarding.Addressee(cole.Email), onboarding.RoleColleague, 0)
					if err == nil {
						l.opens(token)
					}
					return err
				}, func() string {
					return l.count(`SELECT count(*) FROM invites WHERE onboarding = $1 AND role = 'colleague'`, ob.ID) + " made"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventInviteCreated}, state: "1 made",
		},
		{
			name: "reissue an invite by a form",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				_, inv := invited(l.t, l.s, ob, cole.Email)
				return use{ob.ID, func() error {
					token, _, err := l.s.ReissueInvite(l.t.Context(), formOf(sam), ob.ID, inv.ID, 0)
					if err == nil {
						l.opens(token)
					}
					return err
				}, func() string {
					return l.count(`SELECT count(*) FROM invites WHERE onboarding = $1 AND role = 'colleague'`, ob.ID) + " made"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventInviteCreated}, state: "2 made",
		},
		{
			name: "replace the customer by a form",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error {
					token, _, err := l.s.ReplaceCustomer(l.t.Context(), formOf(sam), ob.ID, onboarding.Addressee(cole.Email), 0, false)
					if err == nil {
						l.opens(token)
					}
					return err
				}, func() string {
					return l.count(`SELECT count(*) FROM invites WHERE onboarding = $1 AND email = $2`, ob.ID, cole.Email) + " made"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventCustomerReplaced, onboarding.EventInviteCreated}, state: "1 made",
		},
		{
			name: "override a check by a form",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error {
					return l.s.OverrideCheck(l.t.Context(), formOf(sam), ob.ID, onboarding.CheckOverridden{Check: "domain", Title: "Members from outside are allowed", Found: "They are not.", Reason: "An exception.", Version: ob.Version})
				}, nil}
			},
			events: []onboarding.EventKind{onboarding.EventCheckOverridden},
		},
		{
			name: "claim a try of a delivery", marker: "UPDATE deliveries d SET tries",
			begin: func(l lab) use {
				ob, d := l.handing()
				_, err := owner(l.t, l.db).Exec(l.t.Context(), `UPDATE deliveries SET next_at = clock_timestamp(), claimed_until = NULL WHERE id = $1`, d.ID)
				must(l.t, err)
				return use{ob.ID, func() error { return second(l.s.DueDelivery(l.t.Context(), d.ID)) }, func() string {
					return l.count(`SELECT count(*) FROM deliveries WHERE id = $1 AND state = 'pending' AND next_at BETWEEN now() + '1 minute' AND now() + '3 minutes'`, d.ID) + " due again after its lease"
				}}
			},
			first: onboarding.CodeUnavailable, state: "1 due again after its lease", again: onboarding.CodeConflict,
		},
		{
			name: "keep encrypted secrets",
			begin: func(l lab) use {
				ob, d := l.handing()
				return use{ob.ID, func() error { return l.s.KeepCiphertext(l.t.Context(), d, "sha256:key", []byte("ciphertext")) }, func() string {
					return l.count(`SELECT count(*) FROM secrets WHERE onboarding = $1`, ob.ID) + " held"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventSecretsEncrypted}, state: "0 held", again: onboarding.CodeConflict,
		},
		{
			name: "deliver",
			begin: func(l lab) use {
				ob, d := l.handing()
				return use{ob.ID, func() error {
					return l.s.EndTry(l.t.Context(), d, onboarding.TryOutcome{Asked: true, Way: onboarding.WayPut})
				}, func() string {
					return l.count(`SELECT count(*) FROM deliveries WHERE id = $1 AND state = 'delivered'`, d.ID) + " delivered"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventHandoverDelivered}, state: "1 delivered",
		},
		{
			name: "confirm secrets",
			begin: func(l lab) use {
				ob, d := l.handing()
				must(l.t, l.s.AskCustomer(l.t.Context(), d))
				return use{ob.ID, func() error { return l.s.ConfirmSecrets(l.t.Context(), ada, ob.ID, d.ID) }, func() string {
					return l.count(`SELECT count(*) FROM secrets WHERE onboarding = $1`, ob.ID) + " held"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventSecretsConfirmed}, state: "0 held",
		},
		{
			name: "forget",
			begin: func(l lab) use {
				ob := begin(l.t, l.s, ada, onboarding.VendorValues{})
				return use{ob.ID, func() error { return l.s.Forget(l.t.Context(), sam, ob.ID) }, func() string {
					return l.count(`SELECT count(*) FROM members WHERE onboarding = $1`, ob.ID) + " members"
				}}
			},
			events: []onboarding.EventKind{onboarding.EventOnboardingForgotten}, state: "0 members", more: 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.NewDatabase(t)
			proxy := pgtest.NewProxy(t, db)
			l := lab{t, pgtest.Open(t, proxy.Database, store.Config{}), db, proxy}
			u := c.begin(l)
			kinds := func() (kinds []onboarding.EventKind) {
				rows, err := owner(t, db).Query(context.WithoutCancel(t.Context()), `SELECT what FROM audit WHERE onboarding = $1 ORDER BY seq`, u.onboarding)
				must(t, err)
				for rows.Next() {
					var kind onboarding.EventKind
					must(t, rows.Scan(&kind))
					kinds = append(kinds, kind)
				}
				must(t, rows.Err())
				return kinds
			}
			if c.marker == "" {
				c.marker = line
			}
			before := len(kinds())
			dropped := proxy.DropCommit(c.marker, 1)
			err := u.act()
			select {
			case <-dropped:
			case <-time.After(patience):
				t.Fatalf("no answer was lost: %v", err)
			}
			wantCode(t, err, c.first)
			look := func(want string) {
				t.Helper()
				if u.state == nil {
					return
				}
				if got := u.state(); got != want {
					t.Errorf("then there is %q, want %q", got, want)
				}
			}
			look(c.state)
			if got := kinds()[before:]; !slices.Equal(got, c.events) {
				t.Errorf("the history has %v, want %v", got, c.events)
			}
			again := u.act()
			wantCode(t, again, c.again)
			if c.after == "" {
				c.after = c.state
			}
			look(c.after)
			if got := len(kinds()) - before; got != len(c.events)+c.more {
				t.Errorf("after the second try the history has %d more lines, want %d", got, len(c.events)+c.more)
			}
			t.Logf("%-28s | %-12s | %-30s | %s", c.name, cmp.Or(c.first, "success"), c.state, cmp.Or(c.again, "success"))
		})
	}
}

// What was not committed is not taken for done.
func TestAWriteThatWasTakenBackIsNotTakenForDone(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	proxy := pgtest.NewProxy(t, db)
	s := pgtest.Open(t, proxy.Database, store.Config{})
	ob, run := stopped(t, s)
	before := len(history(t, s, ob.ID))
	cut := proxy.CutBeforeCommit("INSERT INTO audit")
	wantCode(t, s.RetryRun(t.Context(), ada, run.ID, nothing), onboarding.CodeUnavailable)
	<-cut
	got, err := s.Run(t.Context(), ada, run.ID)
	must(t, err)
	if got.State != onboarding.RunBlocked || len(history(t, s, ob.ID)) != before {
		t.Errorf("the run is %s, with %d more lines", got.State, len(history(t, s, ob.ID))-before)
	}
	must(t, s.RetryRun(t.Context(), ada, run.ID, nothing))
}
