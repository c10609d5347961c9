package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

func TestATimelineIsReadPageByPage(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	for i := range 70 {
		must(t, s.Assign(t.Context(), sam, ob.ID, fmt.Sprintf("s%d@vendor.example", i)))
		if i%2 == 0 {
			must(t, s.AddNote(t.Context(), sam, ob.ID, fmt.Sprintf("Note %d.", i)))
		}
	}
	whole := history(t, s, ob.ID)
	name := func(e onboarding.AuditEntry) string { return fmt.Sprint(e.Seq, e.Text) }
	for of, lines := range map[onboarding.TimelineOf]int{"": len(whole) + 35, onboarding.TimelineHistory: len(whole), onboarding.TimelineNotes: 35} {
		var older, newer []string // both newest first
		page, err := s.Timeline(t.Context(), sam, ob.ID, of, onboarding.LinesAt{})
		must(t, err)
		if page.Newer != "" {
			t.Errorf("%q: the first page has a newer one", of)
		}
		for {
			if !slices.IsSortedFunc(page.Items, func(a, b onboarding.AuditEntry) int { return b.At.Compare(a.At) }) {
				t.Errorf("%q: a page is not ordered by time", of)
			}
			for _, e := range page.Items {
				older = append(older, name(e))
			}
			if page.Older == "" {
				break
			}
			page, err = s.Timeline(t.Context(), sam, ob.ID, of, onboarding.LinesAt{Before: page.Older})
			must(t, err)
		}
		if len(older) != lines || len(slices.Compact(slices.Sorted(slices.Values(older)))) != lines {
			t.Errorf("%q: %d lines on all pages, want %d, each once", of, len(older), lines)
		}
		for {
			var names []string
			for _, e := range page.Items {
				names = append(names, name(e))
			}
			newer = append(names, newer...)
			if page.Newer == "" {
				break
			}
			from := page.Newer
			page, err = s.Timeline(t.Context(), sam, ob.ID, of, onboarding.LinesAt{From: from})
			must(t, err)
			if page.Newer == "" && len(older) > onboarding.PageLines { // the newest page is full, so it overlaps
				for len(newer) > 0 && slices.ContainsFunc(page.Items, func(e onboarding.AuditEntry) bool { return name(e) == newer[0] }) {
					newer = newer[1:]
				}
			}
		}
		if diff := cmp.Diff(older, newer); diff != "" {
			t.Errorf("%q (-to older pages +to newer pages):\n%s", of, diff)
		}
	}
	_, err := s.Timeline(t.Context(), ada, ob.ID, "", onboarding.LinesAt{})
	wantCode(t, err, onboarding.CodeForbidden)
}

func TestAHistoryPageKnowsTheWhole(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	check := func() {
		t.Helper()
		page, err := s.History(t.Context(), sam, ob.ID, onboarding.LinesAt{})
		must(t, err)
		whole := history(t, s, ob.ID)
		erased, at := onboarding.Erasure(whole)
		if page.Count != int64(len(whole)) || page.Last != whole[len(whole)-1].Hash || page.Erased != int64(erased) || !page.ErasedAt.Equal(at) {
			t.Errorf("%d lines to %s, %d erased at %v; want %d to %s, %d at %v", page.Count, page.Last, page.Erased, page.ErasedAt, len(whole), whole[len(whole)-1].Hash, erased, at)
		}
	}
	check()
	must(t, s.Forget(t.Context(), sam, ob.ID))
	check()
	must(t, s.Forget(t.Context(), sam, ob.ID))
	check()
	_, err := s.History(t.Context(), onboarding.Actor{Email: "eve@other.example", Role: onboarding.RoleCustomer}, ob.ID, onboarding.LinesAt{})
	wantCode(t, err, onboarding.CodeNotFound)
}

// A download that begins before an erasure doesn't end after it as if nothing had happened: it would not verify.
func TestAHistoryThatIsErasedWhileItIsReadIsNotWhole(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	for i := range 210 {
		must(t, s.Assign(t.Context(), sam, ob.ID, fmt.Sprintf("s%d@vendor.example", i)))
	}
	lines := 0
	err := s.EachLine(t.Context(), sam, ob.ID, func(onboarding.AuditEntry) error {
		if lines++; lines == 1 {
			must(t, s.Assign(t.Context(), sam, ob.ID, "")) // a line that comes later isn't in it
			must(t, s.Forget(t.Context(), sam, ob.ID))
		}
		return nil
	})
	wantCode(t, err, onboarding.CodeConflict)
	over := errors.New("enough")
	if err := s.EachLine(t.Context(), sam, ob.ID, func(onboarding.AuditEntry) error { return over }); !errors.Is(err, over) {
		t.Errorf("stopped with %v", err)
	}
}

func TestTheLastLinesAreFound(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	eve := onboarding.Actor{Email: "eve@other.example", Role: onboarding.RoleCustomer}
	if last, err := s.LastConsent(t.Context(), ada, ob.ID); err != nil || last.Seq != 0 {
		t.Errorf("before any: %+v, %v", last, err)
	}
	must(t, s.ConsentAsked(t.Context(), ada, ob.ID))
	must(t, s.ConsentRefused(t.Context(), ada, ob.ID, "access_denied"))
	must(t, second(s.SaveAnswer(t.Context(), ada, save(ob, "region", `{"region":"us-west1"}`))))
	must(t, s.Assign(t.Context(), sam, ob.ID, ""))
	if last, err := s.LastConsent(t.Context(), ada, ob.ID); err != nil || last.What != onboarding.EventConsentRefused {
		t.Errorf("the last consent: %+v, %v", last, err)
	}
	if last, err := s.LastSaved(t.Context(), ada, ob.ID); err != nil || last.What != onboarding.EventAnswerSaved || last.Actor != ada.Email {
		t.Errorf("the last answer: %+v, %v", last, err)
	}
	if last, err := s.LastSaved(t.Context(), eve, ob.ID); err != nil || last.Seq != 0 {
		t.Errorf("somebody else's: %+v, %v", last, err)
	}
	whole := history(t, s, ob.ID)
	if head, _, err := s.AuditHead(t.Context(), ada, ob.ID); err != nil || head.Seq != int64(len(whole)) || head.Hash != whole[len(whole)-1].Hash {
		t.Errorf("the head: %+v, %v", head, err)
	}
}

func TestOnlyInvitesThatCountAreRead(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	for _, to := range []onboarding.Addressee{"b1@customer.example", "b2@customer.example"} {
		_, _, err := s.CreateInvite(t.Context(), sam, ob.ID, to, onboarding.RoleColleague, time.Hour)
		must(t, err)
	}
	all, err := pgtest.Invites(t.Context(), s, sam, ob.ID)
	must(t, err)
	must(t, s.RevokeInvite(t.Context(), sam, ob.ID, all[len(all)-1].ID))
	for after, want := range map[time.Duration]int{0: 1, 2 * time.Hour: 0} {
		if open, err := s.OpenInvites(t.Context(), ada, ob.ID, onboarding.RoleColleague, s.Now().Add(after)); err != nil || len(open) != want {
			t.Errorf("after %v: %+v, %v", after, open, err)
		}
	}
	for role, want := range map[onboarding.Role]onboarding.Addressee{onboarding.RoleColleague: "b1@customer.example", onboarding.RoleCustomer: onboarding.Addressee(ada.Email)} {
		if standing, err := s.StandingInvites(t.Context(), sam, ob.ID, role); err != nil || len(standing) != 1 || standing[0].To != want {
			t.Errorf("%s: %+v, %v", role, standing, err)
		}
	}
}

func TestATasksLogIsReadPageByPage(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ob := begin(t, s, ada, onboarding.VendorValues{})
	run, err := s.Submit(t.Context(), ada, ob.ID, ob.Version, onboarding.RunProvision, plan(), nothing)
	must(t, err)
	task := run.Tasks[0].Name
	conn, err := pgx.Connect(t.Context(), db.OwnerURL)
	must(t, err)
	defer conn.Close(t.Context())
	must(t, second(conn.Exec(t.Context(), `SET session_replication_role = replica`)))
	must(t, second(conn.Exec(t.Context(), `INSERT INTO task_events (run, task, onboarding, kind, text, epoch) SELECT $1, $2, $3, 'log', i::text, 1 FROM generate_series(1, 120) i`, run.ID, task, ob.ID)))
	if run, err = s.LatestRun(t.Context(), ada, ob.ID); err != nil || len(run.Tasks[0].Events) != onboarding.PageLines || !run.Tasks[0].Earlier || run.Tasks[0].Events[onboarding.PageLines-1].Text != "120" {
		t.Errorf("the run has %d lines, earlier ones %t, %v", len(run.Tasks[0].Events), run.Tasks[0].Earlier, err)
	}
	var lines []string
	for at := (onboarding.LinesAt{}); ; {
		page, err := s.TaskLog(t.Context(), ada, ob.ID, run.ID, task, at)
		must(t, err)
		for _, e := range page.Items {
			lines = append(lines, e.Text)
		}
		if at.Before = page.Older; page.Older == "" {
			break
		}
	}
	if len(lines) != 120 || lines[0] != "120" || lines[119] != "1" {
		t.Errorf("%d lines: %v", len(lines), lines)
	}
	if page, err := s.TaskLog(t.Context(), onboarding.Actor{Email: "eve@other.example", Role: onboarding.RoleCustomer}, ob.ID, run.ID, task, onboarding.LinesAt{}); err != nil || len(page.Items) != 0 {
		t.Errorf("somebody else reads %+v, %v", page, err)
	}
}

func TestEachSideHasConnectionsOfItsOwn(t *testing.T) {
	t.Parallel()
	var logins []string
	s := pgtest.New(t)
	if s.Pool() != s.Pools()[0] {
		t.Error("the system's connections are others'")
	}
	for _, pool := range s.Pools() {
		var login string
		must(t, pool.QueryRow(t.Context(), `SELECT session_user`).Scan(&login))
		logins = append(logins, login)
	}
	if diff := cmp.Diff([]string{store.WorkerLogin, store.CustomerLogin, store.StaffLogin}, logins); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
