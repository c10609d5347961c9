package store_test

import (
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// countKind is how many lines of a kind a history has.
func countKind(t *testing.T, s *store.Store, id onboarding.ID, kind onboarding.EventKind) (n int) {
	t.Helper()
	lines, err := pgtest.Audit(t.Context(), s, sam, id)
	must(t, err)
	for _, l := range lines {
		if l.What == kind {
			n++
		}
	}
	return n
}

// Twenty tabs at once leave one line, and the next day another.
func TestALookIsRecordedOnceADay(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s, ctx := pgtest.Open(t, db, store.Config{}), t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := s.OnceADay(ctx, sam, ob.ID, onboarding.OnboardingViewed{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := countKind(t, s, ob.ID, onboarding.EventOnboardingViewed); n != 1 {
		t.Errorf("%d lines of one day", n)
	}
	must(t, second(s.OnceADay(ctx, onboarding.Actor{Email: "kim@vendor.example", Role: onboarding.RoleSpecialist}, ob.ID, onboarding.OnboardingViewed{})))
	if n := countKind(t, s, ob.ID, onboarding.EventOnboardingViewed); n != 2 {
		t.Errorf("%d lines of two people", n)
	}
	must(t, second(s.VerifyAudit(ctx, sam, ob.ID)))

	// The database refuses a second line by itself.
	conn, err := pgx.Connect(ctx, db.OwnerURL)
	must(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, `ALTER TABLE audit NO FORCE ROW LEVEL SECURITY;
		INSERT INTO audit (onboarding, actor, role, what, text, data) VALUES ('`+string(ob.ID)+`', '`+sam.Email+`', 'specialist', 'onboarding.viewed', '', '{}')`)
	if err == nil {
		t.Error("the database took a second line of that day")
	}
	// Yesterday's line is another day's.
	must(t, second(conn.Exec(ctx, `ALTER TABLE audit NO FORCE ROW LEVEL SECURITY; ALTER TABLE audit DISABLE TRIGGER USER;
		UPDATE audit SET at = at - interval '1 day' WHERE what = 'onboarding.viewed'; ALTER TABLE audit ENABLE TRIGGER USER`)))
	if recorded, err := s.OnceADay(ctx, sam, ob.ID, onboarding.OnboardingViewed{}); err != nil || !recorded {
		t.Errorf("the next day: recorded %v, %v", recorded, err)
	}
}

func TestALookAtWhatOneMayNotSeeLeavesNothing(t *testing.T) {
	t.Parallel()
	s, ctx := pgtest.Open(t, pgtest.NewDatabase(t), store.Config{}), t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	other := onboarding.Actor{Email: "mallory@other.example", Role: onboarding.RoleCustomer}
	if _, err := s.OnceADay(ctx, other, ob.ID, onboarding.FileDownloaded{File: "audit.json"}); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("a stranger: %v", err)
	}
	if n := countKind(t, s, ob.ID, onboarding.EventFileDownloaded); n != 0 {
		t.Errorf("%d lines of a stranger", n)
	}
}
