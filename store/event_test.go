package store_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// A whole life of an onboarding, with the event that each change appends.
func TestEachChangeAppendsItsEvent(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s, ctx := pgtest.Open(t, db, store.Config{Settings: withMail}), t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	first, err := pgtest.Invites(ctx, s, sam, ob.ID)
	must(t, err)
	want := []onboarding.Event{
		onboarding.OnboardingCreated{Customer: "Acme Sample"},
		onboarding.InviteCreated{To: "ada@customer.example", Role: onboarding.RoleCustomer, Expires: first[0].ExpiresAt},
		onboarding.InviteAccepted{Invite: first[0].ID, Role: onboarding.RoleCustomer, To: "ada@customer.example"},
	}
	happened := func(events ...onboarding.Event) { want = append(want, events...) }

	in := save(ob, "region", `{"region":"us-west1"}`)
	in.Title, in.First = "Region", true
	in.Changes = []onboarding.Change{{Label: "Google Cloud region", After: "us-west1"}}
	in.Sealed = map[onboarding.Purpose][]byte{onboarding.PurposeRedisToken: []byte("sealed")}
	ob, err = s.SaveAnswer(ctx, ada, in)
	must(t, err)
	happened(onboarding.AnswerSaved{Step: "region", Title: "Region", First: true, Version: ob.Version, Changes: in.Changes})

	must(t, second(s.Remind(ctx, sam, ob.ID, onboarding.MailReminder)))
	happened(onboarding.ReminderSent{To: ada.Email, For: ob.Waiting.For})

	must(t, s.WipeSecrets(ctx, ada, ob.ID))
	happened(onboarding.SecretsWiped{Purposes: []onboarding.Purpose{onboarding.PurposeRedisToken}})

	must(t, s.UpdateVendor(ctx, sam, ob.ID, onboarding.VendorValues{ServingProject: "serving"}, []byte("sealed")))
	happened(onboarding.VendorChanged{Changes: []onboarding.Change{{Label: "API key for notebooks", After: onboarding.SecretGiven}, {Label: "Serving project", After: "serving"}}})

	must(t, s.WithdrawSecrets(ctx, onboarding.Withdrawal{ID: ob.ID, Version: ob.Version, Wiped: []onboarding.Purpose{onboarding.PurposeVendorAPIKey}, Answers: onboarding.Answers{}}))
	happened(onboarding.SecretsWiped{Purposes: []onboarding.Purpose{onboarding.PurposeVendorAPIKey}, Withdrawn: true})

	must(t, s.Assign(ctx, sam, ob.ID, ""))
	happened(onboarding.Assigned(sam.Email, ""))

	_, open := invited(t, s, ob, cole.Email)
	happened(onboarding.InviteCreated{To: "cole@customer.example", Role: onboarding.RoleColleague, Expires: open.ExpiresAt})
	_, open = invited(t, s, ob, cole.Email)
	happened(onboarding.InviteCreated{To: "cole@customer.example", Role: onboarding.RoleColleague, Expires: open.ExpiresAt, Again: true})
	must(t, s.RevokeInvite(ctx, ada, ob.ID, open.ID))
	happened(onboarding.InviteRevoked{To: "cole@customer.example", Role: onboarding.RoleColleague})
	link, open := invited(t, s, ob, cole.Email)
	must(t, second(s.AcceptInvite(ctx, link, cole)))
	happened(
		onboarding.InviteCreated{To: "cole@customer.example", Role: onboarding.RoleColleague, Expires: open.ExpiresAt},
		onboarding.InviteAccepted{Invite: open.ID, Role: onboarding.RoleColleague, To: "cole@customer.example"},
	)
	must(t, s.RemoveColleague(ctx, ada, ob.ID, cole.Email))
	happened(onboarding.ColleagueRemoved{Email: cole.Email})

	ob = status(t, s, ob.ID)
	must(t, s.OverrideCheck(ctx, sam, ob.ID, onboarding.CheckOverridden{Check: "domain", Title: "Members from outside are allowed", Found: "They are not.", Reason: "It is an exception.", Version: ob.Version}))
	happened(onboarding.CheckOverridden{Check: "domain", Title: "Members from outside are allowed", Found: "They are not.", Reason: "It is an exception.", Version: ob.Version})

	must(t, s.ConsentAsked(ctx, ada, ob.ID))
	must(t, s.ConsentRefused(ctx, ada, ob.ID, "access_denied"))
	happened(onboarding.ConsentAsked{}, onboarding.ConsentRefused{Code: "access_denied"})

	consent, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Email: "ada@gmail.example", GivenBy: ada.Email, Scopes: []string{"cloud"}, Sealed: []byte("x")})
	must(t, err)
	must(t, s.ChooseProject(ctx, ada, consent, "acme-data"))
	happened(
		onboarding.ConsentGiven{Email: "ada@gmail.example", Scopes: []string{"cloud"}},
		onboarding.ConsentProject{Email: "ada@gmail.example", Project: "acme-data"},
	)

	const access = "ada@gmail.example"
	worker := newWorker(t, s)
	claim := func(run onboarding.RunID) onboarding.Fence {
		t.Helper()
		r, err := s.ClaimRun(ctx, run, worker.ID())
		must(t, err)
		return onboarding.Fence{Run: run, Epoch: r.Epoch}
	}
	run := submit(t, s, ada, ob)
	fence := claim(run.ID)
	must(t, second(s.StartTask(ctx, fence, "bucket")))
	must(t, s.BlockTask(ctx, fence, "bucket", &onboarding.Blocked{Code: onboarding.CodeSignIn, On: onboarding.PartyCustomer, Action: "Sign in again", Why: "Google ended the access."}))
	must(t, s.EndRun(ctx, fence, onboarding.RunBlocked))
	happened(
		onboarding.RunSubmitted{Run: run.ID, Purpose: onboarding.RunProvision, PlanHash: plan().Hash(), Version: ob.Version, Tasks: 2, Access: access},
		onboarding.RunStarted{Run: run.ID, Access: access},
		onboarding.RunEnded{Run: run.ID, Purpose: onboarding.RunProvision, State: onboarding.RunBlocked, Task: "Create the bucket", WaitingOn: onboarding.PartyCustomer, WaitingFor: "Sign in again"},
	)
	must(t, s.RetryRun(ctx, ada, run.ID, nothing))
	fence = claim(run.ID)
	must(t, second(s.StartTask(ctx, fence, "bucket")))
	must(t, s.NoteTask(ctx, fence, "bucket", "intent", "Create the bucket"))
	must(t, s.FailTask(ctx, fence, "bucket", onboarding.CodeConflict, "It is taken.", "409"))
	must(t, s.EndRun(ctx, fence, onboarding.RunFailed))
	happened(
		onboarding.RunRetried{Run: run.ID, Access: access},
		onboarding.RunEnded{Run: run.ID, Purpose: onboarding.RunProvision, State: onboarding.RunFailed, Task: "Create the bucket", WaitingOn: onboarding.PartyCustomer, WaitingFor: status(t, s, ob.ID).Waiting.For},
	)
	must(t, s.ApprovePlan(ctx, ada, run.ID, plan("more"), nothing))
	fence = claim(run.ID)
	must(t, s.CancelRun(ctx, ada, run.ID))
	must(t, s.EndRun(ctx, fence, onboarding.RunCanceled))
	happened(
		onboarding.PlanApproved{Run: run.ID, PlanHash: plan("more").Hash(), Version: ob.Version, Access: access},
		onboarding.RunCancelAsked{Run: run.ID},
		onboarding.RunEnded{Run: run.ID, Purpose: onboarding.RunProvision, State: onboarding.RunCanceled},
	)
	must(t, s.WipeConsent(ctx, ada, consent.ID, time.Now()))
	happened(onboarding.ConsentWiped{Email: access, Revoked: true})
	run = submit(t, s, ada, ob)
	must(t, s.CancelRun(ctx, ada, run.ID))
	happened(
		onboarding.RunSubmitted{Run: run.ID, Purpose: onboarding.RunProvision, PlanHash: plan().Hash(), Version: ob.Version, Tasks: 2},
		onboarding.RunEnded{Run: run.ID, Purpose: onboarding.RunProvision, State: onboarding.RunCanceled},
	)
	run, err = s.Submit(ctx, ada, ob.ID, ob.Version, onboarding.RunVerify, plan(), nothing)
	must(t, err)
	must(t, s.EndRun(ctx, claim(run.ID), onboarding.RunSucceeded))
	happened(
		onboarding.RunSubmitted{Run: run.ID, Purpose: onboarding.RunVerify, PlanHash: plan().Hash(), Version: ob.Version, Tasks: 2},
		onboarding.RunStarted{Run: run.ID},
		onboarding.RunEnded{Run: run.ID, Purpose: onboarding.RunVerify, State: onboarding.RunSucceeded},
	)

	// Secrets that the customer enters elsewhere, then secrets that go to the vendor's address.
	again := func() (onboarding.RunID, onboarding.Delivery) {
		in := save(ob, "region", `{"region":"us-west1"}`)
		in.Sealed = map[onboarding.Purpose][]byte{onboarding.PurposeRedisToken: []byte("sealed")}
		ob, err = s.SaveAnswer(ctx, ada, in)
		must(t, err)
		run := submit(t, s, ada, ob).ID
		must(t, s.EndRun(ctx, claim(run), onboarding.RunSucceeded))
		happened(
			onboarding.AnswerSaved{Step: "region", Version: ob.Version},
			onboarding.RunSubmitted{Run: run, Purpose: onboarding.RunProvision, PlanHash: plan().Hash(), Version: ob.Version, Tasks: 2},
			onboarding.RunStarted{Run: run},
			onboarding.RunEnded{Run: run, Purpose: onboarding.RunProvision, State: onboarding.RunSucceeded},
		)
		queued, err := s.Deliveries(ctx, sam, ob.ID)
		must(t, err)
		due, err := s.DueDelivery(ctx, queued[0].ID)
		must(t, err)
		return run, due.Delivery
	}
	redis := []onboarding.Purpose{onboarding.PurposeRedisToken}
	ended, tokens := again()
	must(t, s.AskCustomer(ctx, tokens))
	must(t, s.ConfirmSecrets(ctx, ada, ob.ID, tokens.ID))
	happened(onboarding.SecretsConfirmed{Run: ended, Purposes: redis})
	ended, tokens = again()
	must(t, s.KeepCiphertext(ctx, tokens, "sha256:key", []byte("ciphertext")))
	tokens.Key = "sha256:key"
	must(t, s.EndTry(ctx, tokens, onboarding.TryOutcome{Way: onboarding.WayPut}))
	must(t, s.SendRecord(ctx, sam, ob.ID, ended))
	queued, err := s.Deliveries(ctx, sam, ob.ID)
	must(t, err)
	happened(
		onboarding.SecretsEncrypted{Run: ended, Purposes: redis, Key: "sha256:key"},
		onboarding.HandoverDelivered{Run: ended, Delivery: tokens.ID, What: onboarding.DeliverSecrets, Purposes: redis, Way: onboarding.WayPut, Key: "sha256:key", Tries: 1},
		onboarding.HandoverRetried{Run: ended, Delivery: queued[0].ID, What: onboarding.DeliverRecord},
	)

	for range 2 { // the second time that day appends nothing
		must(t, second(s.OnceADay(ctx, sam, ob.ID, onboarding.OnboardingViewed{})))
		must(t, second(s.OnceADay(ctx, ada, ob.ID, onboarding.FileDownloaded{File: "audit.json"})))
		must(t, second(s.OnceADay(ctx, ada, ob.ID, onboarding.AccessRefused{Route: "POST /admin/o/{id}/archive"})))
	}
	happened(
		onboarding.OnboardingViewed{}, onboarding.FileDownloaded{File: "audit.json"}, onboarding.AccessRefused{Route: "POST /admin/o/{id}/archive"},
	)

	must(t, s.AskCopy(ctx, ada, ob.ID))
	must(t, s.DeclineCopy(ctx, sam, ob.ID, "Tear it down instead."))
	must(t, s.AskCopy(ctx, ada, ob.ID))
	happened(onboarding.CopyAsked{}, onboarding.CopyDeclined{Reason: "Tear it down instead."}, onboarding.CopyAsked{})
	copied, _, err := s.MakeCopy(ctx, sam, ob.ID, copyOf(t, ""))
	must(t, err)
	happened(onboarding.CopyMade{Copy: copied.ID})

	eve := onboarding.Actor{Email: "eve@customer.example"}
	toPlan, shared, err := s.CreateInvite(ctx, ada, ob.ID, onboarding.Addressee(eve.Email), onboarding.RoleReader, 0)
	must(t, err)
	must(t, second(s.AcceptInvite(ctx, toPlan, eve)))
	must(t, second2(s.ReadPlan(ctx, eve, ob.ID)))
	happened(
		onboarding.InviteCreated{To: shared.To, Role: onboarding.RoleReader, Expires: shared.ExpiresAt},
		onboarding.InviteAccepted{Invite: shared.ID, Role: onboarding.RoleReader, To: shared.To},
		onboarding.PlanRead{Invite: shared.ID},
	)

	_, open, err = s.ReplaceCustomer(ctx, sam, ob.ID, "@customer.example", 0, false)
	must(t, err)
	happened(
		onboarding.CustomerReplaced{Was: ada.Email, To: "@customer.example"},
		onboarding.InviteCreated{To: "@customer.example", Role: onboarding.RoleCustomer, Expires: open.ExpiresAt},
	)
	must(t, second(s.ForgetInvites(ctx, open.ExpiresAt.Add(time.Hour))))
	happened(onboarding.InvitesErased{Count: 3})
	must(t, s.Archive(ctx, sam, ob.ID))
	must(t, s.Restore(ctx, sam, ob.ID))
	must(t, s.Archive(ctx, sam, ob.ID))
	happened(onboarding.OnboardingArchived{}, onboarding.OnboardingRestored{}, onboarding.OnboardingArchived{})

	compare := func(lines []onboarding.AuditEntry, want []onboarding.Event) {
		t.Helper()
		var got []onboarding.Event
		for _, e := range lines {
			if e.Text != "" {
				t.Errorf("%s is stored with the text %q", e.What, e.Text)
			}
			got = append(got, e.Event())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	compare(history(t, s, ob.ID), want)

	_, err = owner(t, db).Exec(ctx, `INSERT INTO inventory_due VALUES ($1)`, ob.ID)
	must(t, err)
	must(t, s.FillInventory(ctx, ob.ID, func(runs []onboarding.Run) ([]onboarding.Item, error) {
		return []onboarding.Item{{
			Key: "thing of before", Project: "acme-data", Step: "thing", Task: "thing", Resource: "thing", Desired: []byte(`{}`),
			Origin: onboarding.OriginUnknown, State: onboarding.ItemPresent, Run: runs[0].ID, SettledBy: runs[0].ID, SettledAt: runs[0].CreatedAt,
		}}, nil
	}))
	happened(onboarding.InventoryFilled{Items: 1, Unknown: 1})
	compare(history(t, s, ob.ID), want)

	must(t, s.Forget(ctx, sam, ob.ID))
	lines := history(t, s, ob.ID)
	forgotten := onboarding.OnboardingForgotten{Erased: len(want)}
	compare(lines, append(make([]onboarding.Event, len(want)), forgotten))
	for _, e := range lines[:len(want)] {
		if e.Data != nil || e.Actor != "" {
			t.Errorf("after the erasure %s still holds %s of %q", e.What, e.Data, e.Actor)
		}
	}

	must(t, s.ReleaseName(ctx, sam, ob.ID))
	ob, err = s.Onboarding(ctx, sam, ob.ID)
	must(t, err)
	released := onboarding.NameReleased{Name: ob.Deployment}
	compare(history(t, s, ob.ID)[len(lines):], []onboarding.Event{released})

	appended := map[onboarding.EventKind]bool{forgotten.Kind(): true, released.Kind(): true}
	for _, e := range want {
		appended[e.Kind()] = true
	}
	for _, e := range onboarding.Events {
		if !appended[e.Kind()] {
			t.Errorf("no method of the store appends %s", e.Kind())
		}
	}
}

// Sentences about events belong to whoever shows them: what the store appends holds no words of its own.
func TestTheStoreWritesNoSentencesIntoTheHistory(t *testing.T) {
	files, err := filepath.Glob("*.go")
	must(t, err)
	appends, inserts := 0, 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		must(t, err)
		for _, insert := range strings.Split(string(text), "INSERT INTO audit ")[1:] {
			inserts++
			statement, _, _ := strings.Cut(insert, "`")
			for i, part := range strings.Split(statement, "'") {
				if i%2 == 1 && strings.ContainsAny(part, " .") {
					t.Errorf("%s inserts %q", name, part)
				}
			}
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		must(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "append" {
				return true
			}
			appends++
			ast.Inspect(call, func(n ast.Node) bool {
				if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
					t.Errorf("%s appends the words %s", name, text.Value)
				}
				return true
			})
			return true
		})
	}
	if appends == 0 || inserts == 0 {
		t.Errorf("found %d appended events and %d statements", appends, inserts)
	}
}
