package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// withMail are settings of an environment in which mail is on.
var withMail = map[string]string{onboarding.MailServer: "smtp.vendor.example:587", onboarding.SettingMailFrom: "onboarding@vendor.example"}

// mailJobs are the arguments of the queue's mails.
func mailJobs(t *testing.T, db pgtest.Database) []string {
	t.Helper()
	rows, err := owner(t, db).Query(t.Context(), `SELECT args::text FROM river_job WHERE kind = 'mail' ORDER BY id`)
	must(t, err)
	args, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	return args
}

func begunWithMail(t *testing.T, s *store.Store) (onboarding.Onboarding, string) {
	t.Helper()
	ob, token, err := s.CreateOnboarding(t.Context(), sam, onboarding.NewOnboarding{ID: newID(t), Customer: "Acme Sample", OwnerEmail: ada.Email, Specialist: sam.Email, MailInvite: true})
	must(t, err)
	return ob, token
}

func TestWithoutAMailServerOrSenderNothingIsQueued(t *testing.T) {
	t.Parallel()
	for _, environment := range []map[string]string{nil, {onboarding.MailServer: "smtp.vendor.example:587"}, {onboarding.SettingMailFrom: "onboarding@vendor.example"}} {
		db := pgtest.NewDatabase(t)
		s := pgtest.Open(t, db, store.Config{Settings: environment})
		ob, _ := begunWithMail(t, s)
		mails, err := s.Mails(t.Context(), sam, ob.ID)
		must(t, err)
		if jobs := mailJobs(t, db); len(mails)+len(jobs) > 0 {
			t.Errorf("%v: mails %v, jobs %v", environment, mails, jobs)
		}
		wantCode(t, second(s.Remind(t.Context(), sam, ob.ID, onboarding.MailReminder)), onboarding.CodeConflict)
	}
}

func TestTheWorkerMakesTheTokenOfAMailedInvite(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Settings: withMail})
	ctx := t.Context()
	ob, shown := begunWithMail(t, s)
	mails, err := s.Mails(ctx, sam, ob.ID)
	must(t, err)
	if len(mails) != 1 || mails[0].Kind != onboarding.MailInvitation || mails[0].To != ada.Email || mails[0].State != onboarding.MailQueued {
		t.Fatalf("mails %+v", mails)
	}
	if jobs := mailJobs(t, db); len(jobs) != 1 || jobs[0] != fmt.Sprintf(`{"mail": %d}`, mails[0].ID) {
		t.Errorf("jobs %v", jobs)
	}
	first, err := s.OpenMail(ctx, mails[0].ID)
	must(t, err)
	must(t, s.EndMail(ctx, mails[0].ID, "421 Try again", false)) // it may have arrived all the same
	second, err := s.OpenMail(ctx, mails[0].ID)
	must(t, err)
	if first.Token == "" || first.Token == second.Token || second.About.ID != ob.ID || second.Tries != 1 || second.Problem != "421 Try again" {
		t.Errorf("letters %+v, %+v", first.Mail, second.Mail)
	}
	for _, dead := range []string{shown, first.Token} {
		_, err := s.AcceptInvite(ctx, dead, ada)
		wantCode(t, err, onboarding.CodeNotFound)
	}
	must(t, s.EndMail(ctx, mails[0].ID, "", false))
	if _, err := s.AcceptInvite(ctx, second.Token, ada); err != nil {
		t.Error(err)
	}
	_, err = s.OpenMail(ctx, mails[0].ID)
	wantCode(t, err, onboarding.CodeConflict)
	for _, table := range []string{"mails", "river_job", "invites", "audit"} {
		rows, err := owner(t, db).Query(ctx, `SELECT t::text FROM `+table+` t`)
		must(t, err)
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		must(t, err)
		for _, token := range []string{shown, first.Token, second.Token} {
			if strings.Contains(strings.Join(all, "\n"), token) {
				t.Errorf("%s holds a token", table)
			}
		}
	}
}

func TestAMailThatBecameUntrueIsNotSent(t *testing.T) {
	t.Parallel()
	s := pgtest.Open(t, pgtest.NewDatabase(t), store.Config{Settings: withMail})
	ctx := t.Context()
	ob, _ := begunWithMail(t, s)
	invites, err := pgtest.Invites(ctx, s, sam, ob.ID)
	must(t, err)
	must(t, s.RevokeInvite(ctx, sam, ob.ID, invites[0].ID))
	mails, err := s.Mails(ctx, sam, ob.ID)
	must(t, err)
	_, err = s.OpenMail(ctx, mails[0].ID)
	wantCode(t, err, onboarding.CodeConflict)
	mails, err = s.Mails(ctx, sam, ob.ID)
	must(t, err)
	if mails[0].State != onboarding.MailDropped {
		t.Errorf("state %s", mails[0].State)
	}
}

func TestAMailIsGivenUpAndCanBeSentAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Settings: withMail})
	ctx := t.Context()
	ob, _ := begunWithMail(t, s)
	mails, err := s.Mails(ctx, sam, ob.ID)
	must(t, err)
	wantCode(t, s.SendMailAgain(ctx, sam, ob.ID, mails[0].ID), onboarding.CodeNotFound) // it is queued
	must(t, s.EndMail(ctx, mails[0].ID, "550 User unknown", true))
	mails, err = s.Mails(ctx, sam, ob.ID)
	must(t, err)
	if mails[0].State != onboarding.MailGivenUp || mails[0].Problem != "550 User unknown" || mails[0].EndedAt.IsZero() {
		t.Errorf("mail %+v", mails[0])
	}
	wantCode(t, s.SendMailAgain(ctx, ada, ob.ID, mails[0].ID), onboarding.CodeForbidden)
	must(t, s.SendMailAgain(ctx, sam, ob.ID, mails[0].ID))
	if jobs := mailJobs(t, db); len(jobs) != 2 {
		t.Errorf("jobs %v", jobs)
	}
	if letter, err := s.OpenMail(ctx, mails[0].ID); err != nil || letter.Token == "" {
		t.Errorf("letter %+v, %v", letter.Mail, err)
	}
}

func TestRemindersAreLimitedRecordedAndOnlyForThoseWhoAreWaitedFor(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Second)
	s := pgtest.Open(t, pgtest.NewDatabase(t), store.Config{Settings: withMail, Now: func() time.Time { return now }})
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	must(t, s.Assign(ctx, sam, ob.ID, sam.Email))
	wantCode(t, second(s.Remind(ctx, ada, ob.ID, onboarding.MailStaffAging)), onboarding.CodeConflict) // it waits on the customer
	to, err := s.Remind(ctx, sam, ob.ID, onboarding.MailReminder)
	if err != nil || to != ada.Email {
		t.Fatalf("reminded %q, %v", to, err)
	}
	wantCode(t, second(s.Remind(ctx, sam, ob.ID, onboarding.MailReminder)), onboarding.CodeConflict)
	now = now.Add(onboarding.RemindEvery)
	must(t, second(s.Remind(ctx, sam, ob.ID, onboarding.MailReminder)))
	lines := history(t, s, ob.ID)
	if last, ok := lines[len(lines)-1].Event().(onboarding.ReminderSent); !ok || last.To != ada.Email || last.For == "" {
		t.Errorf("the history ends with %+v", lines[len(lines)-1])
	}

	// A long wait is reminded of once, until it is another wait.
	for _, want := range []int{1, 0} {
		if n, err := s.QueueAging(ctx, now.Add(time.Hour)); err != nil || n != want {
			t.Errorf("%d reminders, want %d, %v", n, want, err)
		}
	}
	if n, err := s.QueueAging(ctx, now.Add(-100*time.Hour)); err != nil || n != 0 {
		t.Errorf("%d reminders about what doesn't wait for so long, %v", n, err)
	}
	mails, err := s.Mails(ctx, sam, ob.ID)
	must(t, err)
	kinds := map[onboarding.MailKind]int{}
	for _, m := range mails {
		kinds[m.Kind]++
	}
	if kinds[onboarding.MailReminder] != 3 || kinds[onboarding.MailStaffAging] != 1 {
		t.Errorf("mails %v", kinds)
	}
}

// A customer can't have us mail strangers by the hundred. A link that they copy isn't limited by what was mailed.
func TestACustomerMailsInvitationsWithinLimits(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	now := time.Now().UTC()
	s := pgtest.Open(t, db, store.Config{Settings: withMail, Now: func() time.Time { return now }})
	ctx := t.Context()
	ob, _ := begunWithMail(t, s)
	token, _, err := s.CreateInvite(ctx, sam, ob.ID, onboarding.Addressee(ada.Email), onboarding.RoleCustomer, 0)
	must(t, err)
	must(t, second(s.AcceptInvite(ctx, token, ada)))
	jobs := func() int { return len(mailJobs(t, db)) }
	stranger := func(n int) onboarding.Addressee {
		return onboarding.Addressee(fmt.Sprintf("stranger-%d@elsewhere.example", n))
	}
	mail := func(to onboarding.Addressee, role onboarding.Role) error {
		return second(s.MailInvite(ctx, ada, ob.ID, to, role, time.Hour))
	}
	refused := func(err error, said string) {
		t.Helper()
		wantCode(t, err, onboarding.CodeConflict)
		if err != nil && !strings.Contains(err.Error(), said) {
			t.Errorf("%v doesn't say %q", err, said)
		}
	}
	before := jobs()
	for n := range 10 {
		must(t, mail(stranger(n), onboarding.RoleColleague))
	}
	refused(mail(stranger(10), onboarding.RoleColleague), "10 links for colleagues are still unused")
	if made := jobs() - before; made != 10 {
		t.Errorf("%d mails are queued, want 10", made)
	}
	refused(mail(stranger(0), onboarding.RoleColleague), "less than 10 minutes ago")
	must(t, second2(s.CreateInvite(ctx, ada, ob.ID, stranger(0), onboarding.RoleColleague, time.Hour))) // to copy
	now = now.Add(10*time.Minute + time.Second)
	must(t, mail(stranger(0), onboarding.RoleColleague))

	// Neither a mail of the staff, nor one of another kind, nor one that was given up or is dropped counts.
	must(t, second(s.MailInvite(ctx, sam, ob.ID, stranger(20), onboarding.RoleReader, time.Hour)))
	given, err := s.MailInvite(ctx, ada, ob.ID, stranger(21), onboarding.RoleReader, time.Hour)
	must(t, err)
	mails, err := s.Mails(ctx, sam, ob.ID)
	must(t, err)
	for _, m := range mails {
		if m.To == string(given.To) {
			must(t, s.EndMail(ctx, m.ID, "550 No such mailbox", true))
		}
	}
	withdrawn, err := s.MailInvite(ctx, ada, ob.ID, stranger(0), onboarding.RoleReader, time.Hour)
	must(t, err)
	must(t, s.RevokeInvite(ctx, ada, ob.ID, withdrawn.ID))
	refused(mail(stranger(0), onboarding.RoleColleague), "less than 10 minutes ago")
	for n := range 10 {
		must(t, mail(stranger(20+n), onboarding.RoleReader))
	}
	refused(mail(stranger(30), onboarding.RoleReader), "in the last 24 hours")
	must(t, second2(s.CreateInvite(ctx, ada, ob.ID, stranger(30), onboarding.RoleReader, time.Hour)))
	must(t, second(s.MailInvite(ctx, sam, ob.ID, stranger(30), onboarding.RoleColleague, time.Hour))) // a specialist may
	now = now.Add(24 * time.Hour)
	must(t, mail(stranger(31), onboarding.RoleReader))
}

// A run that is tried again and again and stops at the same task for the same reason is told once an hour.
func TestARunThatStopsAgainIsToldOnceAnHour(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	now := time.Now().UTC()
	s := pgtest.Open(t, db, store.Config{Settings: withMail, Now: func() time.Time { return now }})
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	run := submit(t, s, ada, ob).ID
	worker := newWorker(t, s)
	blocked := func() int {
		mails, err := s.Mails(ctx, sam, ob.ID)
		must(t, err)
		n := 0
		for _, m := range mails {
			if m.Kind == onboarding.MailBlocked {
				n++
			}
		}
		return n
	}
	stop := func(why onboarding.Code) {
		t.Helper()
		r, err := s.ClaimRun(ctx, run, worker.ID())
		must(t, err)
		fence := onboarding.Fence{Run: run, Epoch: r.Epoch}
		must(t, second(s.StartTask(ctx, fence, "bucket")))
		must(t, s.BlockTask(ctx, fence, "bucket", &onboarding.Blocked{Code: why, On: onboarding.PartyCustomer, Action: "Grant it", Why: "It was denied."}))
		must(t, s.EndRun(ctx, fence, onboarding.RunBlocked))
	}
	for range 3 {
		stop(onboarding.CodePermission)
		must(t, s.RetryRun(ctx, ada, run, nothing))
	}
	if got := blocked(); got != 1 {
		t.Errorf("%d mails, want 1", got)
	}
	stop(onboarding.CodeQuota)
	must(t, s.RetryRun(ctx, ada, run, nothing))
	if got := blocked(); got != 2 {
		t.Errorf("%d mails after another reason, want 2", got)
	}
	now = now.Add(time.Hour + time.Second)
	stop(onboarding.CodePermission)
	if got := blocked(); got != 3 {
		t.Errorf("%d mails an hour later, want 3", got)
	}
}
