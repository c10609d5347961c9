package store_test

import (
	"sync"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// What is sent twice at once is a double click, also for a new onboarding, which has no lock yet.
func TestADoubleClickCreatesOneOnboarding(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	made := make([]onboarding.ID, 8)
	var wait sync.WaitGroup
	for i := range made {
		wait.Go(func() {
			ob, _, err := s.CreateOnboarding(t.Context(), formOf(sam), onboarding.NewOnboarding{ID: newID(t), Customer: "Acme Sample", OwnerEmail: ada.Email})
			if err != nil {
				t.Error(err)
			}
			made[i] = ob.ID
		})
	}
	wait.Wait()
	for _, id := range made {
		if id != made[0] {
			t.Errorf("the form created %v", made)
			break
		}
	}
	if got := len(history(t, s, made[0])); got != 2 {
		t.Errorf("%d lines, want 2", got)
	}
}

func TestAFormActsOnceForOnePersonAndOneContent(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ctx := t.Context()
	ob, other := begin(t, s, ada, onboarding.VendorValues{}), begin(t, s, ada, onboarding.VendorValues{})
	notes := func() string { return lab{t: t, db: db}.count(`SELECT count(*) FROM notes`) }
	lee := onboarding.Actor{Email: "lee@vendor.example", Role: onboarding.RoleSpecialist}
	for _, c := range []struct {
		name string
		who  onboarding.Actor
		on   onboarding.ID
		text string
		want string
	}{
		{"the first", formOf(sam), ob.ID, "Call them.", "1"},
		{"the same again", formOf(sam), ob.ID, "Call them.", "1"},
		{"another text", formOf(sam), ob.ID, "Call them tomorrow.", "2"},
		{"the other text again", formOf(sam), ob.ID, "Call them tomorrow.", "2"},
		{"somebody else", formOf(lee), ob.ID, "Call them.", "3"},
		{"another onboarding", formOf(sam), other.ID, "Call them.", "4"},
		{"a form without a key", sam, ob.ID, "Call them.", "5"},
		{"and again", sam, ob.ID, "Call them.", "6"},
	} {
		must(t, s.AddNote(ctx, c.who, c.on, c.text))
		if got := notes(); got != c.want {
			t.Errorf("%s: %s notes, want %s", c.name, got, c.want)
		}
	}
	if n, err := s.ForgetForms(ctx, time.Now().Add(-time.Hour)); err != nil || n != 0 {
		t.Errorf("forgot %d young forms, %v", n, err)
	}
	if n, err := s.ForgetForms(ctx, time.Now().Add(time.Hour)); err != nil || n != 4 {
		t.Errorf("forgot %d forms, want 4, %v", n, err)
	}
	must(t, s.AddNote(ctx, formOf(sam), ob.ID, "Call them."))
	if got := notes(); got != "7" {
		t.Errorf("a form that was forgotten acts: %s notes, want 7", got)
	}
}

// What the form did may have been undone since: then it is another act.
func TestAFormActsAgainOnceWhatItDidWasUndone(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	for range 2 {
		must(t, s.Archive(ctx, sam, ob.ID))
		must(t, s.Restore(ctx, formOf(sam), ob.ID))
		must(t, s.Restore(ctx, formOf(sam), ob.ID))
		if status(t, s, ob.ID).Archived {
			t.Fatal("not restored")
		}
	}
	invite := func() (string, int64) {
		t.Helper()
		token, inv, err := s.CreateInvite(ctx, formOf(ada), ob.ID, onboarding.Addressee(cole.Email), onboarding.RoleColleague, 0)
		must(t, err)
		return token, inv.ID
	}
	firstToken, first := invite()
	secondToken, second := invite()
	if first != second || firstToken == secondToken {
		t.Errorf("the form made the invites %d and %d, with another token %v", first, second, firstToken != secondToken)
	}
	_, _, err := s.InviteByToken(ctx, firstToken)
	wantCode(t, err, onboarding.CodeNotFound)
	must(t, s.RevokeInvite(ctx, ada, ob.ID, second))
	if _, third := invite(); third == second {
		t.Error("the form gave the withdrawn invite")
	}
}
