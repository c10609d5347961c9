package store_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// key authenticates as the vault does.
type key string

func (k key) Authenticate(what []byte) ([]byte, error) {
	h := hmac.New(sha256.New, []byte(k))
	h.Write(what)
	return h.Sum(nil), nil
}

func (k key) Genuine(what, code []byte) bool {
	want, _ := k.Authenticate(what)
	return hmac.Equal(want, code)
}

// What a run does, and what a consent is used for, can't be changed by who can write to the database and has no key.
func TestADatabaseWriterChangesNoAuthority(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Authenticator: key("k")})
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	_, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Ref: "grant_sample", Email: "Ada@customer.example", Project: "acme-data", Shown: []string{"storage.buckets.create"}, Sealed: []byte("x")})
	must(t, err)
	run := submit(t, s, ada, ob)
	genuine := func() (bool, bool) {
		t.Helper()
		r, err := s.Run(ctx, onboarding.System, run.ID)
		must(t, err)
		g, err := s.LiveConsent(ctx, onboarding.System, ob.ID)
		must(t, err)
		return key("k").Genuine(r.Authority(), r.MAC), key("k").Genuine(g.Authority(), g.MAC)
	}
	if r, g := genuine(); !r || !g {
		t.Fatalf("as written: run %v, consent %v", r, g)
	}
	writer := owner(t, db)
	for _, c := range []struct{ name, change string }{
		{"kind", `UPDATE runs SET kind = 'teardown'`},
		{"starter", `UPDATE runs SET started_by = 'mallory@other.example'`},
		{"plan", `UPDATE runs SET plan = replace(plan::text, '"name"', ' "name"')::json`},
		{"project", `UPDATE runs SET plan = replace(plan::text, '"project":"', '"project":"evil-')::json`},
		{"who resumed it", `UPDATE runs SET resumed_by = 'mallory@other.example'`},
		{"no code", `UPDATE runs SET mac = NULL`},
		{"consent's project", `UPDATE grants SET project = 'evil-project'`},
		{"consent's giver", `UPDATE grants SET given_by = 'mallory@other.example'`},
		{"consent's account", `UPDATE grants SET email = 'mallory@other.example'`},
		{"consent's list", `UPDATE grants SET shown = '{resourcemanager.projects.delete}'`},
		{"consent's ref", `UPDATE grants SET ref = 'grant_other'`},
		{"consent without a code", `UPDATE grants SET mac = NULL`},
	} {
		_, err := writer.Exec(ctx, `CREATE TEMP TABLE kept_runs AS SELECT * FROM runs; CREATE TEMP TABLE kept_grants AS SELECT * FROM grants`)
		must(t, err)
		_, err = writer.Exec(ctx, c.change)
		must(t, err)
		if r, g := genuine(); r && g {
			t.Errorf("%s: nobody notices", c.name)
		}
		_, err = writer.Exec(ctx, `UPDATE runs r SET kind = k.kind, started_by = k.started_by, resumed_by = k.resumed_by, plan = k.plan, mac = k.mac FROM kept_runs k WHERE k.id = r.id;
			UPDATE grants g SET project = k.project, given_by = k.given_by, email = k.email, shown = k.shown, ref = k.ref, mac = k.mac FROM kept_grants k WHERE k.id = g.id;
			DROP TABLE kept_runs, kept_grants`)
		must(t, err)
	}
	if r, g := genuine(); !r || !g {
		t.Errorf("put back: run %v, consent %v", r, g)
	}
}

// The vendor gets, and people download, the record that a run wrote, and no other.
func TestAChangedRecordIsNotHandedOver(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Authenticator: key("k")})
	ctx, owner := t.Context(), owner(t, db)
	ob := begin(t, s, ada, onboarding.VendorValues{HandoverURL: "https://vendor.example/record?signature=sample"})
	run, err := s.ClaimRun(ctx, submit(t, s, ada, ob).ID, newWorker(t, s).ID())
	must(t, err)
	fence := onboarding.Fence{Run: run.ID, Epoch: run.Epoch}
	const wrote = `{"bucket":"ours"}`
	must(t, s.PutRecord(ctx, fence, []byte(wrote)))
	must(t, s.EndRun(ctx, fence, onboarding.RunSucceeded))
	for _, c := range []struct {
		change, record, sent string
		doubt                onboarding.RecordDoubt
	}{
		{`SELECT 1`, wrote, wrote, ""},
		{`UPDATE runs SET record = replace(convert_from(record, 'UTF8'), 'ours', 'evil')::bytea`, "", "", onboarding.RecordChanged},
		{`UPDATE runs SET record = '` + wrote + `', record_mac = NULL`, wrote, "", onboarding.RecordUncovered}, // as an earlier version wrote it
	} {
		_, err := owner.Exec(ctx, c.change+`; UPDATE deliveries SET next_at = now(), claimed_until = NULL`)
		must(t, err)
		done, err := s.SucceededRun(ctx, ada, ob.ID)
		must(t, err)
		if string(done.Record) != c.record || done.RecordDoubt != c.doubt {
			t.Errorf("%s: downloads %q, doubt %q", c.change, done.Record, done.RecordDoubt)
		}
		all, err := s.Deliveries(ctx, sam, ob.ID)
		must(t, err)
		errand, err := s.DueDelivery(ctx, all[0].ID)
		must(t, err)
		if string(errand.Record) != c.sent || errand.Run != run.ID {
			t.Errorf("%s: the vendor gets %q", c.change, errand.Record)
		}
	}
}

// The codes that are kept are counted by key and kind: what depends on a key before it is disabled.
func TestCodesAreCountedByKindAndKey(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Authenticator: key("k")})
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	_, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Ref: "grant_sample", Email: ada.Email, Sealed: []byte("x")})
	must(t, err)
	must(t, s.SaveReading(ctx, ada, ob.ID, onboarding.RunProvision, onboarding.Reading{}))
	must(t, s.SaveSettings(ctx, kim, onboarding.SaveSettings{Group: group(t, "handover"), Values: map[string]string{onboarding.SettingConsoleText: "Tokens", onboarding.SettingConsoleLink: "https://console.example"}}))
	submit(t, s, ada, ob)
	counted := func() map[store.CodeKind]int {
		t.Helper()
		counts, err := s.CodeCounts(ctx)
		must(t, err)
		kinds := map[store.CodeKind]int{}
		for _, c := range counts {
			kinds[c.Kind] += c.N
			if len(c.Prefix) != 5 {
				t.Errorf("prefix %x", c.Prefix)
			}
		}
		return kinds
	}
	want := map[store.CodeKind]int{store.CodesOfConsents: 1, store.CodesOfReadings: 1, store.CodesOfSettings: 2}
	one := func(kind store.CodeKind) map[store.CodeKind]int {
		w := maps.Clone(want)
		w[kind] = 1
		return w
	}
	_, err = owner(t, db).Exec(ctx, `UPDATE runs SET approval_mac = mac`)
	must(t, err)
	if diff := cmp.Diff(one(store.CodesOfRuns), counted()); diff != "" {
		t.Error(diff)
	}
	_, err = owner(t, db).Exec(ctx, `UPDATE runs SET state = 'succeeded', record_mac = mac`)
	must(t, err)
	want[store.CodesOfRecords] = 1
	if diff := cmp.Diff(one(store.CodesOfEnded), counted()); diff != "" {
		t.Error(diff)
	}
}

// Choosing the project later keeps the code right, and vouches for no consent that isn't genuine.
func TestChoosingAProjectKeepsTheConsentGenuine(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Authenticator: key("k")})
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	for _, tampered := range []bool{false, true} {
		g, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Ref: fmt.Sprint("grant_", tampered), Email: ada.Email, Sealed: []byte("x")})
		must(t, err)
		if tampered {
			_, err := owner(t, db).Exec(ctx, `UPDATE grants SET email = 'mallory@other.example' WHERE id = $1`, g.ID)
			must(t, err)
		}
		must(t, s.ChooseProject(ctx, ada, g, "acme-data"))
		held, err := s.LiveConsent(ctx, onboarding.System, ob.ID)
		must(t, err)
		if genuine := key("k").Genuine(held.Authority(), held.MAC); genuine == tampered || (held.Project == "acme-data") == tampered {
			t.Errorf("tampered %v: project %q, genuine %v", tampered, held.Project, genuine)
		}
	}
}

// Of a run that isn't genuine, nobody is known to have started it but who approves it again.
func TestAnUnknownRunIsApprovedByItsStarterAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Authenticator: key("k")})
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	run := submit(t, s, ada, ob)
	_, err := owner(t, db).Exec(ctx, `UPDATE runs SET state = 'blocked', mac = NULL, started_by = 'mallory@other.example'`)
	must(t, err)
	wantCode(t, s.ApprovePlan(ctx, ada, run.ID, run.Plan, nothing), onboarding.CodeConflict)
	_, err = owner(t, db).Exec(ctx, `UPDATE runs SET started_by = $1`, ada.Email)
	must(t, err)
	must(t, s.ApprovePlan(ctx, ada, run.ID, run.Plan, nothing))
	after, err := s.Run(ctx, onboarding.System, run.ID)
	must(t, err)
	if after.StartedBy != ada.Email || !key("k").Genuine(after.Authority(), after.MAC) {
		t.Errorf("started by %s, genuine %v", after.StartedBy, key("k").Genuine(after.Authority(), after.MAC))
	}
}

// A run is because of whoever resumed it last, which its code covers. Resuming vouches for no run that isn't genuine.
func TestARunKnowsWhoResumedIt(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Authenticator: key("k")})
	ctx, owner := t.Context(), owner(t, db)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	run := submit(t, s, ada, ob)
	stop := func(also string) {
		t.Helper()
		_, err := owner.Exec(ctx, `UPDATE runs SET state = 'blocked'`+also)
		must(t, err)
	}
	retry := func(by onboarding.Actor) func() error {
		return func() error { return s.RetryRun(ctx, by, run.ID, nothing) }
	}
	approve := func(by onboarding.Actor) func() error {
		return func() error { return s.ApprovePlan(ctx, by, run.ID, run.Plan, nothing) }
	}
	for _, c := range []struct {
		name    string
		resume  func() error
		resumed string
		genuine bool
		also    string
	}{
		{"the specialist retries", retry(sam), sam.Email, true, ""},
		{"the starter retries", retry(ada), "", true, ""},
		{"the specialist approves", approve(sam), sam.Email, true, ""},
		{"the starter approves", approve(ada), "", true, ""},
		{"somebody else is named", retry(ada), "mallory@other.example", false, ", resumed_by = 'mallory@other.example'"},
	} {
		stop(c.also)
		must(t, c.resume())
		after, err := s.Run(ctx, onboarding.System, run.ID)
		must(t, err)
		if after.StartedBy != ada.Email || after.ResumedBy != c.resumed || key("k").Genuine(after.Authority(), after.MAC) != c.genuine {
			t.Errorf("%s: started by %s, resumed by %q, genuine %v", c.name, after.StartedBy, after.ResumedBy, !c.genuine)
		}
	}
}

// A run knows whether whoever approved its plan, as it is pinned now, had given the access that was held then.
func TestARunKnowsThatItsGiverApprovedIt(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Authenticator: key("k")})
	ctx, owner := t.Context(), owner(t, db)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	consent := func(ref string) onboarding.Consent {
		t.Helper()
		g, err := s.SaveConsent(ctx, ada, onboarding.Consent{Onboarding: ob.ID, Ref: ref, Email: "Ada@customer.example", Project: "acme-data", Sealed: []byte("x")})
		must(t, err)
		return g
	}
	first := consent("grant_first")
	run := submit(t, s, ada, ob)
	for _, c := range []struct {
		name     string
		change   func() error
		approved bool
	}{
		{"who gave it approved", func() error { return nil }, true},
		{"a specialist retries", func() error { return s.RetryRun(ctx, sam, run.ID, nothing) }, true},
		{"somebody else approves a change", func() error { return s.ApprovePlan(ctx, sam, run.ID, run.Plan, nothing) }, false},
		{"who gave it retries that", func() error { return s.RetryRun(ctx, ada, run.ID, nothing) }, false},
		{"who gave it approves a change", func() error { return s.ApprovePlan(ctx, ada, run.ID, run.Plan, nothing) }, true},
	} {
		_, err := owner.Exec(ctx, `UPDATE runs SET state = 'blocked'`)
		must(t, err)
		must(t, c.change())
		after, err := s.Run(ctx, onboarding.System, run.ID)
		must(t, err)
		if got := key("k").Genuine(after.Approval(first), after.ApprovalMAC); got != c.approved {
			t.Errorf("%s: approved by the giver: %v", c.name, got)
		}
	}
	second := consent("grant_second")
	after, err := s.Run(ctx, onboarding.System, run.ID)
	must(t, err)
	if key("k").Genuine(after.Approval(second), after.ApprovalMAC) {
		t.Error("an access that was given later counts as the one that was held")
	}
	second.GivenBy = sam.Email
	if second.Ref = first.Ref; key("k").Genuine(after.Approval(second), after.ApprovalMAC) {
		t.Error("another giver counts too")
	}
}

// For whom secrets are encrypted, an administrator decides by saving it. A value of an earlier version is saved once more.
func TestARecipientThatNobodySavedIsDoubted(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Authenticator: key("k")})
	ctx, owner, handover := t.Context(), owner(t, db), group(t, "handover")
	const own, evil = "age1own", "age1evil"
	save := func(value, console, checked string) error {
		t.Helper()
		now, err := s.Settings(ctx)
		must(t, err)
		return s.SaveSettings(ctx, kim, onboarding.SaveSettings{
			Group: handover, Version: now.Version(handover),
			Values:  map[string]string{onboarding.SettingAgeRecipient: value, onboarding.SettingConsoleText: console},
			Checked: map[string]string{onboarding.SettingAgeRecipient: checked},
		})
	}
	doubted := func(want bool, when string) {
		t.Helper()
		now, err := s.Settings(ctx)
		must(t, err)
		if now.RecipientDoubted() != want {
			t.Errorf("%s: doubted %v", when, !want)
		}
	}
	doubted(false, "before one is saved")
	must(t, save(own, "", ""))
	doubted(false, "as saved")
	for _, change := range []string{
		`UPDATE settings SET value = to_jsonb('` + evil + `'::text) WHERE name = 'age_recipient'`,
		`UPDATE settings SET mac = NULL WHERE name = 'age_recipient'`, // as an earlier version saved it
		`UPDATE settings SET mac = '\x00' WHERE name = 'age_recipient'`,
		`DELETE FROM settings; INSERT INTO settings (name, value) VALUES ('age_recipient', to_jsonb('` + evil + `'::text))`,
	} {
		_, err := owner.Exec(ctx, change)
		must(t, err)
		doubted(true, change)
		// Another setting of the group is saved, and the value goes along as the form shows it.
		now, err := s.Settings(ctx)
		must(t, err)
		wantCode(t, save(now.AgeRecipient(), "Settings, Tokens", ""), onboarding.CodeInvalid)
		wantCode(t, save(now.AgeRecipient(), "Settings, Tokens", "age1other"), onboarding.CodeInvalid)
		doubted(true, "another setting was saved after "+change)
		must(t, save(own, "", own)) // checked, or entered
		doubted(false, "saved again after "+change)
	}
}

// What a person could be asked to run is shown of a plan that is known to be what was approved or read, and of no other.
func TestAChangedPlanShowsNothingToRun(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Authenticator: key("k")})
	ctx, owner := t.Context(), owner(t, db)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	guided := plan()
	steps := []onboarding.Instruction{{Text: "Run this", Code: "databricks ours"}}
	guided.Tasks[0].Guide, guided.Tasks[0].ByHand, guided.Tasks[0].Console = steps, steps, "https://console.cloud.google.com/ours"
	run, err := s.Submit(ctx, ada, ob.ID, ob.Version, onboarding.RunProvision, guided, nothing)
	must(t, err)
	must(t, s.SaveReading(ctx, ada, ob.ID, onboarding.RunProvision, onboarding.Reading{
		Plan: guided, Checks: []onboarding.CheckResult{{Name: "billing", Fix: []string{"Run ours"}, Command: "gcloud ours", Link: "https://ours.example", Request: "Run ours"}},
	}))
	shown := func() string {
		t.Helper()
		one, err := s.Run(ctx, ada, run.ID)
		must(t, err)
		latest, err := s.LatestRun(ctx, ada, ob.ID)
		must(t, err)
		reading, err := s.Reading(ctx, sam, ob.ID, onboarding.RunProvision)
		must(t, err)
		return fmt.Sprintf("%+v %+v %+v", one.Plan, latest.Plan, reading)
	}
	if got := shown(); strings.Count(got, "databricks ours") != 6 || !strings.Contains(got, "gcloud ours") {
		t.Fatalf("as written: %s", got)
	}
	for _, change := range []string{
		`UPDATE runs SET plan = replace(plan::text, 'ours', 'evil')::json`,
		`UPDATE readings SET plan = replace(plan::text, 'ours', 'evil')::json`,
		`UPDATE readings SET checks = replace(checks::text, 'ours', 'evil')::json`,
	} {
		_, err := owner.Exec(ctx, change)
		must(t, err)
		if got := shown(); strings.Contains(got, "evil") {
			t.Errorf("%s: %s", change, got)
		}
	}
	_, err = owner.Exec(ctx, `UPDATE runs SET state = 'succeeded', finished_at = now()`)
	must(t, err)
	if done, err := s.SucceededRun(ctx, ada, ob.ID); err != nil || strings.Contains(fmt.Sprintf("%+v", done.Plan), "evil") {
		t.Errorf("the run that succeeded: %v, %+v", err, done.Plan)
	}
}
