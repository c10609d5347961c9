package store_test

import (
	"errors"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// with is a person as they signed in with an account.
func with(who onboarding.Actor, subject string) onboarding.Actor {
	who.Account = onboarding.NewAccount("https://accounts.google.com", subject)
	return who
}

// A membership is the account's that used it first. Who has the address later gets nothing of it, by the WHERE and by
// row-level security, until a new invitation makes them a member.
func TestAnAddressWithAnotherAccountGetsNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	first, second := with(ada, "1"), with(ada, "2")

	role, err := s.RoleOn(ctx, first, ob.ID) // binds it
	if err != nil || role != onboarding.RoleCustomer {
		t.Fatalf("role %q, %v", role, err)
	}
	_, err = s.RoleOn(ctx, second, ob.ID)
	wantCode(t, err, onboarding.CodeForbidden)
	_, err = s.RoleOn(ctx, ada, ob.ID) // no account is another one too
	wantCode(t, err, onboarding.CodeForbidden)
	for who, earlier := range map[onboarding.Actor]bool{first: false, second: true, with(mallory, "2"): false} {
		if got, err := s.EarlierAccount(ctx, who); err != nil || got != earlier {
			t.Errorf("%s has an earlier account: %v, %v", who.Account, got, err)
		}
		mine, err := s.MyOnboardings(ctx, who)
		if err != nil || (len(mine) == 1) != (who == first) {
			t.Errorf("%s %s has %d onboardings, %v", who.Email, who.Account, len(mine), err)
		}
	}
	_, err = s.Onboarding(ctx, second, ob.ID)
	wantCode(t, err, onboarding.CodeNotFound)

	wall := connect(t, db.URL)
	for account, rows := range map[onboarding.Account]int{first.Account: 1, second.Account: 0, "": 0} {
		tx, err := wall.Begin(ctx)
		must(t, err)
		_, err = tx.Exec(ctx, `SELECT set_config('groundwork.actor', $1, true), set_config('groundwork.account', $2, true)`, ada.Email, account)
		must(t, err)
		var n int
		must(t, tx.QueryRow(ctx, `SELECT count(*) FROM onboardings`).Scan(&n))
		must(t, tx.Rollback(ctx))
		if n != rows {
			t.Errorf("row-level security shows the account %q %d onboardings, want %d", account, n, rows)
		}
	}

	g, err := s.SaveConsent(ctx, first, onboarding.Consent{Onboarding: ob.ID, Email: ada.Email, Sealed: []byte("x")})
	must(t, err)
	token, _, err := s.CreateInvite(ctx, sam, ob.ID, onboarding.Addressee(ada.Email), onboarding.RoleCustomer, time.Hour)
	must(t, err)
	if _, err = s.AcceptInvite(ctx, token, second); !errors.Is(err, onboarding.ErrEarlierAccount) {
		t.Errorf("accepted while the earlier account's access is held: %v", err)
	}
	must(t, s.WipeConsent(ctx, onboarding.System, g.ID, time.Time{}))
	if _, err := s.AcceptInvite(ctx, token, second); err != nil {
		t.Fatal(err)
	}
	if role, err := s.RoleOn(ctx, second, ob.ID); err != nil || role != onboarding.RoleCustomer {
		t.Errorf("the new account is %q, %v", role, err)
	}
	_, err = s.RoleOn(ctx, first, ob.ID)
	wantCode(t, err, onboarding.CodeForbidden)
}

func TestAStaffRoleIsOneAccounts(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	must(t, s.ChangeStaff(ctx, kim, sam.Email, onboarding.RoleSpecialist, true))
	first, second := with(sam, "1"), with(sam, "2")
	for range 2 {
		must(t, s.BindStaff(ctx, first))
	}
	wantCode(t, s.BindStaff(ctx, second), onboarding.CodeForbidden)
	wantCode(t, s.FreeStaff(ctx, sam, sam.Email, onboarding.RoleSpecialist), onboarding.CodeForbidden)
	must(t, s.FreeStaff(ctx, kim, sam.Email, onboarding.RoleSpecialist))
	must(t, s.BindStaff(ctx, second))
	wantCode(t, s.BindStaff(ctx, first), onboarding.CodeForbidden)
	// Whoever gets the role anew is somebody new.
	must(t, s.ChangeStaff(ctx, kim, sam.Email, "", true))
	must(t, s.ChangeStaff(ctx, kim, sam.Email, onboarding.RoleSpecialist, true))
	must(t, s.BindStaff(ctx, first))
}
