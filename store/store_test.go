package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

var (
	ada     = onboarding.Actor{Email: "ada@customer.example", Name: "Ada Sample", Role: onboarding.RoleCustomer, RequestID: "req-1"}
	mallory = onboarding.Actor{Email: "mallory@other.example", Role: onboarding.RoleCustomer}
	sam     = onboarding.Actor{Email: "sam@vendor.example", Role: onboarding.RoleSpecialist}
)

func newID(t testing.TB) onboarding.ID {
	t.Helper()
	id, err := onboarding.NewID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// begin makes an onboarding whose owner has accepted.
func begin(t testing.TB, s *store.Store, owner onboarding.Actor, vendor onboarding.VendorValues) onboarding.Onboarding {
	t.Helper()
	made, token, err := s.CreateOnboarding(t.Context(), sam, onboarding.NewOnboarding{
		ID: newID(t), Customer: "Acme Sample", OwnerEmail: owner.Email, Specialist: sam.Email, Vendor: vendor,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AcceptInvite(t.Context(), token, owner); err != nil {
		t.Fatal(err)
	}
	return made
}

func wantCode(t testing.TB, err error, want onboarding.Code) {
	t.Helper()
	if got := onboarding.ErrorCode(err); got != want {
		t.Helper()
		t.Errorf("error %v has code %q, want %q", err, got, want)
	}
}

func save(ob onboarding.Onboarding, step, answer string) onboarding.SaveAnswer {
	return onboarding.SaveAnswer{
		ID: ob.ID, Version: ob.Version, Step: step, Answer: []byte(answer), Deployment: ob.Deployment, Region: ob.Region, Project: ob.Project,
		Current: "Region", Waiting: onboarding.Waiting{On: onboarding.PartyCustomer, For: "Continue with the form"},
	}
}

func owner(t testing.TB, db pgtest.Database) *pgx.Conn {
	t.Helper()
	return connect(t, db.OwnerURL)
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func TestSavesAnAnswerWithWhatFollowsFromIt(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	in := save(ob, "deployment", `{"name":"acme-prod"}`)
	in.Deployment = "acme-prod"
	in.Sealed = map[onboarding.Purpose][]byte{onboarding.PurposeDatabricksToken: []byte("sealed bytes")}
	got, err := s.SaveAnswer(t.Context(), ada, in)
	if err != nil {
		t.Fatal(err)
	}
	if got.Version != ob.Version+1 || got.Deployment != "acme-prod" || got.Current != "Region" || got.Status != onboarding.StatusInForm {
		t.Errorf("saved %+v", got)
	}
	if !bytes.Contains(got.Answers["deployment"], []byte("acme-prod")) {
		t.Errorf("answers %s", got.Answers)
	}
	if got.Waiting.On != onboarding.PartyCustomer || got.Waiting.Since.IsZero() {
		t.Errorf("waiting %+v", got.Waiting)
	}
	sealed, err := s.SealedSecret(t.Context(), ob.ID, onboarding.PurposeDatabricksToken)
	if err != nil || string(sealed) != "sealed bytes" {
		t.Errorf("secret %q, %v", sealed, err)
	}
	_, err = s.SealedSecret(t.Context(), ob.ID, onboarding.PurposeRedisToken)
	wantCode(t, err, onboarding.CodeNotFound)

	again, err := s.Onboarding(t.Context(), ada, ob.ID)
	if err != nil || again.Version != got.Version || again.Deployment != "acme-prod" {
		t.Errorf("read back %+v, %v", again, err)
	}
	in = save(again, "deployment", `{"name":"acme-prod"}`)
	in.Deployment, in.Dropped = "acme-prod", []onboarding.Purpose{onboarding.PurposeDatabricksToken}
	if got, err = s.SaveAnswer(t.Context(), ada, in); err != nil {
		t.Fatal(err)
	}
	_, err = s.SealedSecret(t.Context(), ob.ID, onboarding.PurposeDatabricksToken)
	wantCode(t, err, onboarding.CodeNotFound)

	in = save(got, "compute", `{}`)
	in.Deployment, in.Waiting = "acme-prod", onboarding.Waiting{On: onboarding.PartySpecialist, For: "Add the control plane account"}
	got, err = s.SaveAnswer(t.Context(), ada, in)
	if err != nil || got.Status != onboarding.StatusWaitingVendor {
		t.Fatalf("waiting for the specialist: %+v, %v", got, err)
	}
	if err := s.UpdateVendor(t.Context(), sam, ob.ID, onboarding.VendorValues{ControlPlaneAccount: "cp@vendor.iam.gserviceaccount.com", ProposedName: "other"}, nil); err != nil {
		t.Fatal(err)
	}
	got, err = s.Onboarding(t.Context(), ada, ob.ID)
	if err != nil || got.Status != onboarding.StatusInForm || got.Waiting.On != onboarding.PartyCustomer || got.Deployment != "acme-prod" {
		t.Errorf("after the specialist's values: %+v, %v", got, err)
	}
}

func TestKeepsOneOfTwoSavesOfOneVersion(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	if _, err := s.SaveAnswer(t.Context(), ada, save(ob, "region", `{"region":"us-west1"}`)); err != nil {
		t.Fatal(err)
	}
	_, err := s.SaveAnswer(t.Context(), ada, save(ob, "region", `{"region":"europe-west1"}`))
	wantCode(t, err, onboarding.CodeStale)
	got, err := s.Onboarding(t.Context(), ada, ob.ID)
	if err != nil || !strings.Contains(string(got.Answers["region"]), "us-west1") {
		t.Errorf("answers %s, %v", got.Answers, err)
	}
	audit, err := pgtest.Audit(t.Context(), s, ada, ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range audit {
		if e.What == "answer.saved" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the audit has %d saved answers, want 1", n)
	}
}

func TestGivesADeploymentNameToOneOnboarding(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	first := begin(t, s, ada, onboarding.VendorValues{ProposedName: "acme-prod"})
	second := begin(t, s, mallory, onboarding.VendorValues{})
	if taken, err := s.NameTaken(t.Context(), "acme-prod", second.ID); err != nil || !taken {
		t.Errorf("taken %v, %v", taken, err)
	}
	if taken, err := s.NameTaken(t.Context(), "acme-prod", first.ID); err != nil || taken {
		t.Errorf("taken from its holder: %v, %v", taken, err)
	}
	in := save(second, "deployment", `{}`)
	in.Deployment = "acme-prod"
	_, err := s.SaveAnswer(t.Context(), mallory, in)
	wantCode(t, err, onboarding.CodeConflict)
	if err := s.Archive(t.Context(), sam, first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SaveAnswer(t.Context(), mallory, in); err != nil {
		t.Errorf("after the holder was archived: %v", err)
	}
}

func TestHidesWhatBelongsToSomeoneElse(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{ProposedName: "acme"})
	begin(t, s, mallory, onboarding.VendorValues{})
	ctx := t.Context()
	if _, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Email: ada.Email, Sealed: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	run := submit(t, s, ada, ob)
	for name, err := range map[string]error{
		"onboarding": second(s.Onboarding(ctx, mallory, ob.ID)),
		"unknown":    second(s.Onboarding(ctx, ada, newID(t))),
		"save":       second(s.SaveAnswer(ctx, mallory, save(ob, "region", `{}`))),
		"audit":      second(pgtest.Audit(ctx, s, mallory, ob.ID)),
		"run":        second(s.Run(ctx, mallory, run.ID)),
		"latest run": second(s.LatestRun(ctx, mallory, ob.ID)),
		"retry":      s.RetryRun(ctx, mallory, run.ID, nothing),
		"cancel":     s.CancelRun(ctx, mallory, run.ID),
		"submit":     second(s.Submit(ctx, mallory, ob.ID, ob.Version, onboarding.RunProvision, plan(), nothing)),
		"role":       second(s.RoleOn(ctx, mallory, ob.ID)),
		"consent":    second(s.SaveConsent(ctx, mallory, onboarding.Consent{Onboarding: ob.ID, Email: mallory.Email, Sealed: []byte("y")})),
		"wipe":       s.WipeConsent(ctx, mallory, 1, time.Time{}),
		"invite":     second2(s.CreateInvite(ctx, mallory, ob.ID, "m@other.example", onboarding.RoleColleague, 0)),
	} {
		if onboarding.ErrorCode(err) != onboarding.CodeNotFound {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
	for name, err := range map[string]error{
		"list":   second(s.ListOnboardings(ctx, ada, onboarding.Filter{})),
		"assign": s.Assign(ctx, ada, ob.ID, "x@y.example"),
		"note":   s.AddNote(ctx, ada, ob.ID, "hello"),
		"vendor": s.UpdateVendor(ctx, ada, ob.ID, onboarding.VendorValues{}, nil),
		"staff":  s.ChangeStaff(ctx, sam, "x@y.example", onboarding.RoleSpecialist, true),
	} {
		if onboarding.ErrorCode(err) != onboarding.CodeForbidden {
			t.Errorf("%s: %v, want forbidden", name, err)
		}
	}
	if g, err := s.LiveConsent(ctx, mallory, ob.ID); err != nil || g.Live() {
		t.Errorf("mallory sees consent %+v, %v", g, err)
	}
	if mine, err := s.MyOnboardings(ctx, mallory); err != nil || len(mine) != 1 || mine[0].ID == ob.ID {
		t.Errorf("mallory's onboardings %+v, %v", mine, err)
	}
	if g, err := s.LiveConsent(ctx, ada, ob.ID); err != nil || !g.Live() || string(g.Sealed) != "x" {
		t.Errorf("ada's consent %+v, %v", g, err)
	}
}

func second[T any](_ T, err error) error          { return err }
func second2[T, U any](_ T, _ U, err error) error { return err }

func TestAnInviteIsGoodForOnePersonOnce(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := pgtest.Open(t, pgtest.NewDatabase(t), store.Config{Now: func() time.Time { return now }})
	ctx := t.Context()
	ob, token, err := s.CreateOnboarding(ctx, sam, onboarding.NewOnboarding{ID: newID(t), Customer: "Acme Sample", OwnerEmail: "Ada@Customer.example"})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 { // scanners open every link
		inv, customer, err := s.InviteByToken(ctx, token)
		if err != nil || customer != "Acme Sample" || string(inv.To) != ada.Email || inv.Role != onboarding.RoleCustomer {
			t.Fatalf("invite %+v of %s, %v", inv, customer, err)
		}
	}
	_, _, err = s.InviteByToken(ctx, token[:20])
	wantCode(t, err, onboarding.CodeNotFound)
	_, err = s.AcceptInvite(ctx, token, mallory)
	wantCode(t, err, onboarding.CodeForbidden)
	if _, err := s.RoleOn(ctx, mallory, ob.ID); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("a refused person is a member: %v", err)
	}
	for range 2 {
		if id, err := s.AcceptInvite(ctx, token, ada); err != nil || id != ob.ID {
			t.Fatalf("accepted %s, %v", id, err)
		}
	}
	if role, err := s.RoleOn(ctx, ada, ob.ID); err != nil || role != onboarding.RoleCustomer {
		t.Errorf("role %s, %v", role, err)
	}
	_, _, err = s.InviteByToken(ctx, token)
	wantCode(t, err, onboarding.CodeGone)
	_, err = s.AcceptInvite(ctx, token, mallory)
	wantCode(t, err, onboarding.CodeForbidden)

	token, inv, err := s.CreateInvite(ctx, ada, ob.ID, "cole@customer.example", onboarding.RoleColleague, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cole := onboarding.Actor{Email: "cole@customer.example", Role: onboarding.RoleColleague}
	now = now.Add(time.Hour)
	_, err = s.AcceptInvite(ctx, token, cole)
	wantCode(t, err, onboarding.CodeGone)
	now = now.Add(-time.Minute)
	if err := s.RevokeInvite(ctx, ada, ob.ID, inv.ID); err != nil {
		t.Fatal(err)
	}
	_, err = s.AcceptInvite(ctx, token, cole)
	wantCode(t, err, onboarding.CodeGone)
	_, _, err = s.CreateInvite(ctx, ada, ob.ID, "x@customer.example", onboarding.RoleCustomer, 0)
	wantCode(t, err, onboarding.CodeForbidden)
	if all, err := pgtest.Invites(ctx, s, ada, ob.ID); err != nil || len(all) != 2 || all[0].UsedAt.IsZero() || all[1].RevokedAt.IsZero() {
		t.Errorf("invites %+v, %v", all, err)
	}
}

func TestADomainsInviteIsTakenByOneOfManyAtOnce(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	ob, token, err := s.CreateOnboarding(ctx, sam, onboarding.NewOnboarding{ID: newID(t), Customer: "Acme Sample", OwnerEmail: "@Customer.example"})
	if err != nil || ob.Owner != "@customer.example" {
		t.Fatalf("made %+v, %v", ob, err)
	}
	took := make(chan string, 8)
	var wg sync.WaitGroup
	for i := range cap(took) {
		who := onboarding.Actor{Email: fmt.Sprintf("p%d@customer.example", i)}
		wg.Go(func() {
			if _, err := s.AcceptInvite(ctx, token, who); err == nil {
				took <- who.Email
			} else if onboarding.ErrorCode(err) != onboarding.CodeGone {
				t.Errorf("%s got %v", who.Email, err)
			}
		})
	}
	wg.Wait()
	close(took)
	var winners []string
	for who := range took {
		winners = append(winners, who)
	}
	people, err := s.Members(ctx, sam, ob.ID)
	if err != nil || len(winners) != 1 || len(people) != 1 || people[0].Email != winners[0] {
		t.Errorf("%v took it, %v are members, %v", winners, people, err)
	}
	if ob, err := s.Onboarding(ctx, sam, ob.ID); err != nil || ob.Owner != winners[0] {
		t.Errorf("the owner is %q, %v", ob.Owner, err)
	}
}

func TestHoldsOneConsentAndWipesIt(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	if g, err := s.LiveConsent(ctx, ada, ob.ID); err != nil || g.Live() {
		t.Errorf("before: %+v, %v", g, err)
	}
	first, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Email: ada.Email, Scopes: []string{"a"}, Asked: []string{"a", "b"}, Ref: "grant_one", Sealed: []byte("one")})
	if err != nil || first.ID == 0 || first.Ref != "grant_one" {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Email: ada.Email, Ref: "grant_one", Sealed: []byte("copied")}); err == nil {
		t.Error("two consents of one ref")
	}
	latest, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Email: "ada.cloud@customer.example", Project: "acme-data", Shown: []string{"storage.buckets.create"}, Sealed: []byte("two")})
	if err != nil {
		t.Fatal(err)
	}
	if latest.GivenBy != ada.Email || latest.Project != "acme-data" || len(latest.Shown) != 1 {
		t.Errorf("the consent doesn't say who gave it, and for what: %+v", latest)
	}
	wantCode(t, s.ResealConsent(ctx, first.ID, []byte("late refresh")), onboarding.CodeGone)
	if err := s.ResealConsent(ctx, latest.ID, []byte("two, refreshed")); err != nil {
		t.Fatal(err)
	}
	if g, err := s.LiveConsent(ctx, onboarding.System, ob.ID); err != nil || g.ID != latest.ID || string(g.Sealed) != "two, refreshed" {
		t.Errorf("live %+v, %v", g, err)
	}
	if err := s.RecordUse(ctx, latest.ID, ada.Email, "plan", "Read the project."); err != nil {
		t.Fatal(err)
	}
	if uses, err := s.LatestUses(ctx, ada, ob.ID, []int64{latest.ID}, 9); err != nil || len(uses) != 1 || uses[0].Consent != latest.ID || uses[0].Text != "Read the project." || uses[0].By != ada.Email {
		t.Errorf("uses %+v, %v", uses, err)
	}
	if err := s.WipeConsent(ctx, onboarding.System, latest.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	if uses, err := s.ConsentUses(ctx, ada, ob.ID, latest.ID, onboarding.LinesAt{}); err != nil || len(uses.Items) != 1 || uses.Items[0].Text != "Read the project." {
		t.Errorf("uses %+v, %v", uses, err)
	}
	if uses, err := s.ConsentUses(ctx, mallory, ob.ID, latest.ID, onboarding.LinesAt{}); err != nil || len(uses.Items) != 0 {
		t.Errorf("somebody else reads %+v, %v", uses, err)
	}
	if g, err := s.LatestConsent(ctx, ada, ob.ID); err != nil || g.ID != latest.ID || g.Sealed != nil {
		t.Errorf("the latest %+v, %v", g, err)
	}
	_, err = s.Consent(ctx, mallory, ob.ID, latest.ID)
	wantCode(t, err, onboarding.CodeNotFound)
	page, err := s.Consents(ctx, ada, ob.ID, onboarding.LinesAt{})
	all := page.Items
	if err != nil || len(all) != 2 || all[0].Live() || all[1].Live() || all[0].RevokedAt.IsZero() {
		t.Fatalf("consents %+v, %v", all, err)
	}
	must(t, s.WipeConsent(ctx, ada, latest.ID, time.Now()))
	page, err = s.Consents(ctx, ada, ob.ID, onboarding.LinesAt{})
	again := page.Items
	if err != nil || again[1].WipedBy != ada.Email || again[0].WipedBy != onboarding.System.Email || !again[0].WipedAt.Equal(all[0].WipedAt) {
		t.Errorf("who wiped them first: %+v, %v", again, err)
	}
}

func TestVerifiesTheAuditAndDetectsTampering(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]string{
		"a changed line": `UPDATE audit SET text = 'Nothing happened.' WHERE seq = 2`,
		"a lost line":    `DELETE FROM audit WHERE seq = 2`,
		"a lost end":     `DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.NewDatabase(t)
			s := pgtest.Open(t, db, store.Config{})
			ob := begin(t, s, ada, onboarding.VendorValues{})
			if err := s.OverrideCheck(t.Context(), sam, ob.ID, onboarding.CheckOverridden{Check: "domain", Title: "A check — in full", Reason: "<b>", Version: ob.Version}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.VerifyAudit(t.Context(), sam, ob.ID); err != nil {
				t.Fatalf("untouched: %v", err)
			}
			conn := owner(t, db)
			if _, err := conn.Exec(t.Context(), tamper); err == nil {
				t.Error("the database let it happen")
			}
			if _, err := conn.Exec(t.Context(), "SET session_replication_role = replica; "+tamper); err != nil {
				t.Fatal(err)
			}
			if _, err := s.VerifyAudit(t.Context(), sam, ob.ID); err == nil {
				t.Error("not detected")
			}
		})
	}
}

func TestRefusesTextThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	in := save(ob, "region", `{}`)
	in.Project = "a\x00b"
	_, err := s.SaveAnswer(t.Context(), ada, in)
	wantCode(t, err, onboarding.CodeInvalid)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Onboarding(ctx, ada, ob.ID)
	wantCode(t, err, onboarding.CodeUnavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v hides its cause", err)
	}
}

func TestNotesStayWithTheSpecialists(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	if err := s.AddNote(t.Context(), sam, ob.ID, "Prefers Tuesdays."); err != nil {
		t.Fatal(err)
	}
	if notes, err := pgtest.Notes(t.Context(), s, sam, ob.ID); err != nil || len(notes) != 1 || notes[0].Text != "Prefers Tuesdays." || notes[0].Actor != sam.Email {
		t.Errorf("notes %+v, %v", notes, err)
	}
	_, err := pgtest.Notes(t.Context(), s, ada, ob.ID)
	wantCode(t, err, onboarding.CodeForbidden)
	wantCode(t, s.AddNote(t.Context(), sam, newID(t), "x"), onboarding.CodeNotFound)
}

func TestKnowsTheSpecialists(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	if _, err := s.StaffRole(t.Context(), sam.Email); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("unknown: %v", err)
	}
	if err := s.ChangeStaff(t.Context(), kim, "Sam@vendor.example", onboarding.RoleAdministrator, false); err != nil {
		t.Fatal(err)
	}
	if role, err := s.StaffRole(t.Context(), sam.Email); err != nil || role != onboarding.RoleAdministrator {
		t.Errorf("role %s, %v", role, err)
	}
	if all, err := s.Staff(t.Context(), sam); err != nil || len(all) != 1 {
		t.Errorf("staff %v, %v", all, err)
	}
	if err := s.ChangeStaff(t.Context(), kim, sam.Email, "", true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.StaffRole(t.Context(), sam.Email); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("removed: %v", err)
	}
}

func TestARoleOnAnOnboardingIsTheVendorsBeforeItIsAMembers(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	token, _ := invited(t, s, ob, cole.Email)
	must(t, second(s.AcceptInvite(ctx, token, cole)))
	role := func(who onboarding.Actor, want onboarding.Role, code onboarding.Code) {
		t.Helper()
		got, err := s.RoleOn(ctx, onboarding.Actor{Email: strings.ToUpper(who.Email)}, ob.ID)
		if wantCode(t, err, code); got != want {
			t.Errorf("%s is %q, want %q", who.Email, got, want)
		}
	}
	role(ada, onboarding.RoleCustomer, "")
	role(cole, onboarding.RoleColleague, "")
	role(sam, "", onboarding.CodeNotFound)
	role(mallory, "", onboarding.CodeNotFound)
	for _, who := range []onboarding.Actor{ada, cole, sam} {
		must(t, s.ChangeStaff(ctx, kim, who.Email, onboarding.RoleSpecialist, true))
		role(who, onboarding.RoleSpecialist, "")
	}
	_, err := owner(t, db).Exec(ctx, `UPDATE members SET until = now() - interval '1 second' WHERE role = 'colleague'`)
	must(t, err)
	role(cole, onboarding.RoleSpecialist, "")
	for _, who := range []onboarding.Actor{ada, cole, sam} {
		must(t, s.ChangeStaff(ctx, kim, who.Email, "", true))
	}
	role(ada, onboarding.RoleCustomer, "")
	role(cole, "", onboarding.CodeGone)
	role(sam, "", onboarding.CodeNotFound)
	_, err = owner(t, db).Exec(ctx, `UPDATE members SET until = NULL WHERE role = 'colleague'`)
	must(t, err)
	role(cole, "", onboarding.CodeGone)
}

func TestACustomerWithdrawsTheLinksOfColleaguesAlone(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	token, _ := invited(t, s, ob, cole.Email)
	must(t, second(s.AcceptInvite(ctx, token, cole)))
	link, open := invited(t, s, ob, "eve@customer.example")
	_, own, err := s.CreateInvite(ctx, sam, ob.ID, onboarding.Addressee(ada.Email), onboarding.RoleCustomer, 0)
	must(t, err)
	for _, who := range []onboarding.Actor{cole, mallory} {
		wantCode(t, s.RevokeInvite(ctx, who, ob.ID, open.ID), onboarding.CodeNotFound)
	}
	wantCode(t, s.RevokeInvite(ctx, ada, ob.ID, own.ID), onboarding.CodeNotFound)
	wantCode(t, s.RevokeInvite(ctx, mallory, begin(t, s, mallory, onboarding.VendorValues{}).ID, open.ID), onboarding.CodeNotFound)
	must(t, second2(s.InviteByToken(ctx, link)))
	must(t, s.RevokeInvite(ctx, ada, ob.ID, open.ID))
	wantCode(t, second2(s.InviteByToken(ctx, link)), onboarding.CodeGone)
	must(t, s.RevokeInvite(ctx, sam, ob.ID, own.ID))
}

// Whoever invites at the same time as somebody else, one link is good.
func TestOfTwoInvitesAtOnceOneIsOpen(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	for range 10 {
		ob := begin(t, s, ada, onboarding.VendorValues{})
		tokens := make(chan string, 8)
		for i := range cap(tokens) {
			go func() {
				who := []onboarding.Actor{ada, sam}[i%2]
				token, _, err := s.CreateInvite(ctx, who, ob.ID, onboarding.Addressee(cole.Email), onboarding.RoleColleague, 0)
				if err != nil {
					t.Error(err)
				}
				tokens <- token
			}()
		}
		good := 0
		for range cap(tokens) {
			if token := <-tokens; onboarding.ErrorCode(second2(s.InviteByToken(ctx, token))) == "" {
				good++
			}
		}
		all, err := pgtest.Invites(ctx, s, sam, ob.ID)
		must(t, err)
		open := 0
		for _, i := range all {
			if i.UsedAt.IsZero() && i.RevokedAt.IsZero() {
				open++
			}
		}
		if open != 1 {
			t.Fatalf("%d links are open", open)
		}
		if good == 0 {
			t.Fatal("none was ever good")
		}
	}
}

func TestWithdrawsSecretsWithWhatFollowsOrNotAtAll(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{ProposedName: "acme"})
	in := save(ob, "compute", `{"token":"set"}`)
	in.Sealed = map[onboarding.Purpose][]byte{onboarding.PurposeDatabricksToken: []byte("sealed")}
	ob, err := s.SaveAnswer(ctx, ada, in)
	if err != nil {
		t.Fatal(err)
	}
	w := onboarding.Withdrawal{
		ID: ob.ID, Version: ob.Version, Wiped: []onboarding.Purpose{onboarding.PurposeDatabricksToken}, Answers: onboarding.Answers{"compute": []byte(`{"token":"later"}`)},
		Current: onboarding.AtCheck, Waiting: onboarding.Waiting{On: onboarding.PartyCustomer, For: "Add: a token"},
	}
	stale, another := w, w
	stale.Version--
	wantCode(t, s.WithdrawSecrets(ctx, stale), onboarding.CodeStale)
	if err := s.UpdateVendor(ctx, sam, ob.ID, ob.Vendor, []byte("sealed")); err != nil { // a key came between
		t.Fatal(err)
	}
	wantCode(t, s.WithdrawSecrets(ctx, another), onboarding.CodeStale)
	if now, err := s.Onboarding(ctx, ada, ob.ID); err != nil || string(now.Answers["compute"]) != `{"token": "set"}` || now.Version != ob.Version {
		t.Errorf("refused, and yet %s at %d, %v", now.Answers["compute"], now.Version, err)
	}
	held, err := s.HeldSecrets(ctx)
	if err != nil || len(held) != 1 || held[0].Onboarding != ob.ID {
		t.Fatalf("held %+v, %v", held, err)
	}
	w.Wiped, w.Vendor.APIKeyWiped = held[0].Purposes, true
	must(t, s.WithdrawSecrets(ctx, w))
	now, err := s.Onboarding(ctx, ada, ob.ID)
	if err != nil || string(now.Answers["compute"]) != `{"token": "later"}` || now.Waiting.For != "Add: a token" || now.Status != onboarding.StatusWaitingCustomer || !now.Vendor.APIKeyWiped || now.Vendor.ProposedName != "acme" {
		t.Errorf("withdrawn: %+v, %v", now, err)
	}
	_, err = s.SealedSecret(ctx, ob.ID, onboarding.PurposeDatabricksToken)
	wantCode(t, err, onboarding.CodeNotFound)
	must(t, s.UpdateVendor(ctx, sam, ob.ID, now.Vendor, []byte("sealed")))
	must(t, s.WipeSecrets(ctx, onboarding.System, ob.ID)) // as a run that succeeds does
	_, err = s.SealedSecret(ctx, ob.ID, onboarding.PurposeVendorAPIKey)
	wantCode(t, err, onboarding.CodeGone)
}

// The wall behind the WHERE knows a colleague's end by the database's clock.
func TestAColleaguesEndedMembershipShowsNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ob := begin(t, s, ada, onboarding.VendorValues{})
	bob := onboarding.Actor{Email: "bob@customer.example", Role: onboarding.RoleColleague}
	token, _, err := s.CreateInvite(t.Context(), ada, ob.ID, onboarding.Addressee(bob.Email), onboarding.RoleColleague, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AcceptInvite(t.Context(), token, bob); err != nil {
		t.Fatal(err)
	}
	got, err := s.Colleagues(t.Context(), ada, ob.ID)
	if err != nil || len(got) != 1 || got[0].Email != bob.Email || got[0].InvitedBy != ada.Email || time.Until(got[0].Until) > time.Hour || time.Until(got[0].Until) < 55*time.Minute {
		t.Fatalf("colleagues %+v, %v", got, err)
	}
	if own, err := s.Colleagues(t.Context(), bob, ob.ID); err != nil || len(own) != 1 {
		t.Errorf("bob's own line: %+v, %v", own, err)
	}
	if _, err := s.Onboarding(t.Context(), bob, ob.ID); err != nil {
		t.Errorf("before the end: %v", err)
	}
	if _, err := owner(t, db).Exec(t.Context(), `SET ROLE groundwork_staff; UPDATE members SET until = now() - interval '1 second' WHERE role = 'colleague'`); err != nil {
		t.Fatal(err)
	}
	_, err = s.Onboarding(t.Context(), bob, ob.ID)
	wantCode(t, err, onboarding.CodeNotFound)
	_, err = s.RoleOn(t.Context(), bob, ob.ID)
	wantCode(t, err, onboarding.CodeGone)
	if mine, err := s.MyOnboardings(t.Context(), bob); err != nil || len(mine) != 0 {
		t.Errorf("bob's onboardings: %d, %v", len(mine), err)
	}
	if _, err := s.Onboarding(t.Context(), ada, ob.ID); err != nil {
		t.Errorf("the customer: %v", err)
	}
}
