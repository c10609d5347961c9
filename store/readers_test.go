package store_test

import (
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// A reader of the plan is no member: the policies show them no row of any table, and what they read is read for them.
func TestAReaderSeesNoRow(t *testing.T) {
	t.Parallel()
	w := newWall(t)
	eve := onboarding.Actor{Email: "eve@customer.example", Account: "issuer eve", Role: onboarding.RoleReader}
	token, _, err := w.s.CreateInvite(t.Context(), ada, w.adas, onboarding.Addressee(eve.Email), onboarding.RoleReader, 0)
	must(t, err)
	if _, err := w.s.AcceptInvite(t.Context(), token, eve); err != nil {
		t.Fatal(err)
	}
	if role, err := w.s.RoleOn(t.Context(), eve, w.adas); err != nil || role != onboarding.RoleReader {
		t.Fatalf("the role is %q, %v", role, err)
	}
	w.as(eve.Email)
	for _, table := range w.tables {
		if !table.Select {
			continue
		}
		if of, refused := w.try("SELECT " + table.key() + " FROM " + table.Name); !refused && len(of) > 0 {
			t.Errorf("a reader sees %d rows of %s", len(of), table.Name)
		}
	}
	if _, err := w.s.Onboarding(t.Context(), eve, w.adas); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("the store shows the onboarding: %v", err)
	}
	if got, _, err := w.s.ReadPlan(t.Context(), eve, w.adas); err != nil || got.ID != w.adas {
		t.Errorf("the plan: %s, %v", got.ID, err)
	}
	if _, _, err := w.s.ReadPlan(t.Context(), eve, w.others); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("another's plan: %v", err)
	}
}

// shop is a store with an onboarding of ada's.
type shop struct {
	*store.Store
	id onboarding.ID
}

func TestAReadersLinkEndsWithItsTimeItsCustomerAndItsOnboarding(t *testing.T) {
	t.Parallel()
	eve := onboarding.Actor{Email: "eve@customer.example", Account: "issuer eve"}
	for name, c := range map[string]struct {
		end  func(s shop)
		code onboarding.Code
	}{
		"nothing ends it": {func(shop) {}, ""},
		"it is withdrawn": {func(s shop) {
			invites, err := pgtest.Invites(t.Context(), s.Store, ada, s.id)
			must(t, err)
			must(t, s.RevokeInvite(t.Context(), ada, s.id, invites[len(invites)-1].ID))
		}, onboarding.CodeGone},
		"a stranger can't withdraw it": {func(s shop) {
			invites, err := pgtest.Invites(t.Context(), s.Store, ada, s.id)
			must(t, err)
			wantCode(t, s.RevokeInvite(t.Context(), mallory, s.id, invites[len(invites)-1].ID), onboarding.CodeNotFound)
		}, ""},
		"the customer is replaced": {func(s shop) {
			_, _, err := s.ReplaceCustomer(t.Context(), sam, s.id, "zoe@customer.example", 0, false)
			must(t, err)
		}, onboarding.CodeGone},
		"it is archived":        {func(s shop) { must(t, s.Archive(t.Context(), sam, s.id)) }, onboarding.CodeGone},
		"its people are erased": {func(s shop) { must(t, s.Archive(t.Context(), sam, s.id)); must(t, s.Forget(t.Context(), sam, s.id)) }, onboarding.CodeNotFound},
		"a newer link is unused": {func(s shop) {
			must(t, second2(s.CreateInvite(t.Context(), ada, s.id, onboarding.Addressee(eve.Email), onboarding.RoleReader, time.Hour)))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop{pgtest.New(t), ""}
			s.id = begin(t, s.Store, ada, onboarding.VendorValues{}).ID
			token, _, err := s.CreateInvite(t.Context(), ada, s.id, onboarding.Addressee(eve.Email), onboarding.RoleReader, 0)
			must(t, err)
			_, err = s.AcceptInvite(t.Context(), token, eve)
			must(t, err)
			c.end(s)
			_, _, err = s.ReadPlan(t.Context(), eve, s.id)
			role, roleErr := s.RoleOn(t.Context(), eve, s.id)
			if onboarding.ErrorCode(err) != c.code || onboarding.ErrorCode(roleErr) != c.code || c.code == "" && role != onboarding.RoleReader {
				t.Errorf("read: %v, role %q: %v, want %q", err, role, roleErr, c.code)
			}
		})
	}
}

// readerLink makes a link to the plan and uses it as eve.
func (s shop) readerLink(t *testing.T, who onboarding.Actor, ttl time.Duration) onboarding.Invite {
	t.Helper()
	token, inv, err := s.CreateInvite(t.Context(), ada, s.id, onboarding.Addressee(who.Email), onboarding.RoleReader, ttl)
	must(t, err)
	must(t, second(s.AcceptInvite(t.Context(), token, who)))
	return inv
}

func TestAnyGoodLinkOfAReaderOpensThePlan(t *testing.T) {
	t.Parallel()
	eve := onboarding.Actor{Email: "eve@customer.example", Account: "issuer eve"}
	for _, last := range []string{"withdrawn", "expired", "another account's"} {
		t.Run("the last one is "+last, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			db := pgtest.NewDatabase(t)
			s := shop{pgtest.Open(t, db, store.Config{Now: func() time.Time { return now }}), ""}
			s.id = begin(t, s.Store, ada, onboarding.VendorValues{}).ID
			first := s.readerLink(t, eve, 0)
			now = now.Add(time.Minute)
			switch last {
			case "withdrawn":
				must(t, s.RevokeInvite(t.Context(), ada, s.id, s.readerLink(t, eve, 0).ID))
			case "expired":
				s.readerLink(t, eve, time.Minute)
				now = now.Add(time.Hour)
			default:
				s.readerLink(t, onboarding.Actor{Email: eve.Email, Account: "issuer another"}, 0)
			}
			if role, err := s.RoleOn(t.Context(), eve, s.id); err != nil || role != onboarding.RoleReader {
				t.Errorf("the role is %q, %v", role, err)
			}
			must(t, second2(s.ReadPlan(t.Context(), eve, s.id)))
			must(t, s.RevokeInvite(t.Context(), ada, s.id, first.ID))
			if _, err := s.RoleOn(t.Context(), eve, s.id); err == nil {
				t.Error("no link is good, and there is a role")
			}
		})
	}
}

func TestAFormerColleagueUsesALinkToThePlan(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := shop{pgtest.Open(t, pgtest.NewDatabase(t), store.Config{Now: func() time.Time { return now }}), ""}
	s.id = begin(t, s.Store, ada, onboarding.VendorValues{}).ID
	token, _ := invited(t, s.Store, onboarding.Onboarding{ID: s.id}, cole.Email)
	must(t, second(s.AcceptInvite(t.Context(), token, cole)))
	role := func() onboarding.Role {
		t.Helper()
		role, err := s.RoleOn(t.Context(), cole, s.id)
		must(t, err)
		return role
	}
	if got := role(); got != onboarding.RoleColleague {
		t.Errorf("the role is %q", got)
	}
	now = now.Add(60 * 24 * time.Hour)
	_, err := s.RoleOn(t.Context(), cole, s.id)
	wantCode(t, err, onboarding.CodeGone)
	link := s.readerLink(t, cole, 0)
	if got := role(); got != onboarding.RoleReader {
		t.Errorf("the role is %q", got)
	}
	must(t, second2(s.ReadPlan(t.Context(), cole, s.id)))
	must(t, s.RevokeInvite(t.Context(), ada, s.id, link.ID))
	_, err = s.RoleOn(t.Context(), cole, s.id)
	wantCode(t, err, onboarding.CodeGone)
}

// A reader who loads the plan again and again writes one line an hour, and leaves the customer what they may write.
func TestAReaderWritesALineAnHour(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ctx, owner := t.Context(), owner(t, db)
	eve := onboarding.Actor{Email: "eve@customer.example", Account: "issuer eve"}
	ob := begin(t, s, ada, onboarding.VendorValues{})
	token, _, err := s.CreateInvite(ctx, ada, ob.ID, onboarding.Addressee(eve.Email), onboarding.RoleReader, time.Hour)
	must(t, err)
	must(t, second(s.AcceptInvite(ctx, token, eve)))
	lines := func() (n int) {
		t.Helper()
		must(t, owner.QueryRow(ctx, `SELECT count(*) FROM audit WHERE onboarding = $1 AND what = 'plan.read'`, ob.ID).Scan(&n))
		return n
	}
	for range 400 {
		must(t, second2(s.ReadPlan(ctx, eve, ob.ID)))
	}
	if n := lines(); n != 1 {
		t.Errorf("%d lines for 400 looks", n)
	}
	must(t, s.ConsentAsked(ctx, ada, ob.ID))
	for _, sql := range []string{
		`ALTER TABLE audit DISABLE TRIGGER USER`, `UPDATE audit SET at = at - interval '61 minutes' WHERE what = 'plan.read'`, `ALTER TABLE audit ENABLE TRIGGER USER`,
	} {
		_, err := owner.Exec(ctx, sql)
		must(t, err)
	}
	must(t, second2(s.ReadPlan(ctx, eve, ob.ID)))
	if n := lines(); n != 2 {
		t.Errorf("%d lines after an hour, want 2", n)
	}
}
