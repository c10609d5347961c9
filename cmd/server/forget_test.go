package main

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/vault"
	"groundwork/wizard"
)

// startSample starts a whole site, workers too, on a database of its own and an emulated cloud.
func startSample(t *testing.T, db pgtest.Database, change ...func(*siteFlags)) seeder {
	t.Helper()
	d, _ := restartable(t, db, change...)
	return d
}

// restartable is startSample with a way to stop the site, do something to its database, and start it again.
func restartable(t *testing.T, db pgtest.Database, change ...func(*siteFlags)) (seeder, func(between func()) seeder) {
	t.Helper()
	ln, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + ln.Addr().(*net.TCPAddr).String()
	cloud, stop, err := startEmulator(t.Context(), "127.0.0.1:0", "", 0, []string{base})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	seedWorld(cloud.Emulator)
	keyset, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	flags := siteFlags{
		BaseURL: base, DatabaseURL: db.WorkerURL, CustomerURL: db.CustomerURL, StaffURL: db.StaffURL, EmulatorURL: cloud.URL, Keys: keyFlags{Keyset: string(keyset)},
		Administrators: []string{kim.Email}, Vendor: "Tecton", MaxConns: 12,
	}
	for _, c := range change {
		c(&flags)
	}
	start := func(ln net.Listener) *site {
		t.Helper()
		started, err := startSite(t.Context(), flags, ln, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return started
	}
	running := start(ln)
	t.Cleanup(func() { running.stop() })
	return seeder{running, cloud.Emulator}, func(between func()) seeder {
		t.Helper()
		running.stop()
		between()
		again, err := listen(t.Context(), ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		running = start(again)
		return seeder{running, cloud.Emulator}
	}
}

// rows is every row of every table but the sessions', as the database's owner reads them, by table.
func rows(t *testing.T, db pgtest.Database) map[string][]string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	query := func(sql string) []string {
		found, err := conn.Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(found, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	out := map[string][]string{}
	for _, table := range query(`SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'sessions'`) {
		out[table] = query(`SELECT t::text FROM ` + table + ` t`)
		if table == "runs" { // which prints bytes as hex
			out["runs.record"] = query(`SELECT convert_from(record, 'UTF8') FROM runs WHERE record IS NOT NULL`)
		}
	}
	return out
}

func TestForgettingTakesEverybodyOutOfEveryTable(t *testing.T) {
	db := pgtest.NewDatabase(t)
	d := startSample(t, db)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const (
		customerDomain = "acme-people.example"
		attester       = "Grace Attester"
		named          = "Henrik from their network team"
	)
	specialist, administrator := person("lee.specialist@vendor.example", onboarding.RoleSpecialist), person(kim.Email, onboarding.RoleAdministrator)
	must(d.Store.ChangeStaff(ctx, administrator, specialist.Email, onboarding.RoleSpecialist, true))
	owner, colleague := person("olga.owner@"+customerDomain, onboarding.RoleCustomer), person("carl.colleague@"+customerDomain, onboarding.RoleColleague)
	people := []string{specialist.Email, kim.Email, owner.Email, colleague.Email, "dora.domain@" + customerDomain, "wanda.withdrawn@" + customerDomain, attester, named, customerDomain}

	s := sample{Customer: "Acme Sample", Name: "acme-forgotten", Region: "us-west1", Stage: stageDone, Redis: true}
	for _, p := range []onboarding.Actor{owner, colleague} {
		d.cloud.AddPerson(emulator.Person{Email: p.Email, Name: p.Email, Domain: customerDomain})
	}
	d.cloud.AddWorkspace(emulator.Workspace{Host: "7777777777777777.7.gcp.databricks.com", Tokens: map[string]emulator.Principal{
		personToken: {Name: owner.Email, CanCreateClusters: true},
	}})
	d.cloud.AddServiceAccount(vendorProject, controlPlaneAccount(s.Name))
	d.cloud.AddProject(emulator.Project{ID: s.project(), Name: s.Customer, Billing: true, APIs: usualAPIs, IAM: map[string]string{
		"user:" + owner.Email: "roles/owner", "user:" + colleague.Email: "roles/owner",
	}})

	ob, token, err := d.create(ctx, s.Customer, owner.Email, s.Name, specialist.Email, controlPlaneAccount(s.Name))
	must(err)
	_, err = d.Store.AcceptInvite(ctx, token, owner)
	must(err)
	token, _, err = d.Store.CreateInvite(ctx, owner, ob.ID, onboarding.Addressee(colleague.Email), onboarding.RoleColleague, 0)
	must(err)
	_, err = d.Store.AcceptInvite(ctx, token, colleague)
	must(err)
	token, _, err = d.Store.CreateInvite(ctx, specialist, ob.ID, "@"+customerDomain, onboarding.RoleColleague, 0)
	must(err)
	_, err = d.Store.AcceptInvite(ctx, token, person("dora.domain@"+customerDomain, onboarding.RoleColleague))
	must(err)
	_, unused, err := d.Store.CreateInvite(ctx, specialist, ob.ID, "wanda.withdrawn@"+customerDomain, onboarding.RoleColleague, 0)
	must(err)
	must(d.Store.RevokeInvite(ctx, specialist, ob.ID, unused.ID))
	answers := s.answers()
	answers["compute"].Set("workspace", "https://7777777777777777.7.gcp.databricks.com")
	answers["compute"].Set("token", personToken)
	answers["compute"].Set("secret_scope", "on")
	answers["online-store"].Set("attested_by", attester)
	ob, err = d.answer(ctx, owner, ob, answers, len(d.Journey.Steps(wizard.Case{Vendor: ob.Vendor})))
	must(err)
	must(d.Store.AddNote(ctx, specialist, ob.ID, named+" answers slowly."))
	must(d.Store.OverrideCheck(ctx, specialist, ob.ID, onboarding.CheckOverridden{Check: "billing", Title: "Billing is on", Reason: named + " says it is on.", Version: ob.Version}))
	must(d.consent(ctx, owner, ob.ID, ob.Project))
	must(d.provision(ctx, colleague, ob, s))
	run, err := d.Store.LatestRun(ctx, owner, ob.ID)
	must(err)
	if run.State != onboarding.RunSucceeded {
		t.Fatalf("the run ended as %s: %+v", run.State, run.Tasks)
	}
	// As a refusal leaves it that a retry fixed.
	asOwner(t, db, `UPDATE tasks SET operator = 'PERMISSION_DENIED: user:`+owner.Email+`' WHERE position = 1`)
	other, _, err := d.create(ctx, "Another Sample", owner.Email, "", specialist.Email, "")
	must(err)

	// where finds the people in each table; what belongs to the other onboarding, and who the vendor's people are, may name them.
	where := func() map[string][]string {
		found := map[string][]string{}
		for table, lines := range rows(t, db) {
			for _, line := range lines {
				if table == "staff" || table == "staff_changes" || strings.Contains(line, string(other.ID)) {
					continue
				}
				for _, who := range people {
					if strings.Contains(strings.ToLower(line), strings.ToLower(who)) && !slices.Contains(found[table], who) {
						found[table] = append(found[table], who)
					}
				}
			}
		}
		return found
	}
	before := where()
	t.Logf("before: %v", before)
	for _, table := range []string{"onboardings", "members", "invites", "notes", "grants", "runs", "runs.record", "tasks", "task_events", "audit"} {
		if len(before[table]) == 0 {
			t.Errorf("nobody is named in %s to begin with", table)
		}
	}
	jobs := func() int {
		return len(slices.DeleteFunc(rows(t, db)["river_job"], func(line string) bool { return !strings.Contains(line, string(run.ID)) }))
	}
	if jobs() == 0 {
		t.Error("there is no job of the run to begin with")
	}

	must(d.Service.Revoke(ctx, onboarding.System, ob.ID))
	must(d.Store.Forget(ctx, onboarding.System, ob.ID))
	if after := where(); len(after) > 0 {
		t.Errorf("still named: %v", after)
	}
	if n := jobs(); n > 0 {
		t.Errorf("%d jobs of the run are left", n)
	}
	_, err = d.Store.VerifyAudit(ctx, onboarding.System, ob.ID)
	must(err)
	_, err = d.Store.VerifyAudit(ctx, onboarding.System, other.ID)
	must(err)
	if kept, err := d.Store.Onboarding(ctx, onboarding.System, other.ID); err != nil || kept.Owner != owner.Email {
		t.Errorf("the other onboarding: %+v, %v", kept, err)
	}

	// What was made is still told.
	left, err := d.Store.Run(ctx, onboarding.System, run.ID)
	must(err)
	bucket, ok := left.Plan.Task("bucket")
	if !ok || bucket.Resource != "gs://tecton-acme-forgotten-dataplane" || left.Plan.Spec.Project != s.project() || left.Plan.Spec.ControlPlaneAccount != controlPlaneAccount(s.Name) || left.PlanHash != run.PlanHash {
		t.Errorf("what was made is not told any more: %+v", left.Plan)
	}
	if len(left.Tasks) != len(run.Tasks) || left.Tasks[0].State != onboarding.TaskDone || left.Tasks[0].FinishedAt.IsZero() {
		t.Errorf("tasks %+v", left.Tasks)
	}
	gone, err := d.Store.Onboarding(ctx, onboarding.System, ob.ID)
	must(err)
	if gone.Customer != s.Customer || gone.Deployment != s.Name || gone.Project != s.project() || gone.ForgottenAt.IsZero() || !gone.Archived {
		t.Errorf("left of the onboarding: %+v", gone)
	}
	for name, err := range map[string]error{
		"a note":       d.Store.AddNote(ctx, specialist, ob.ID, "x"),
		"a specialist": d.Store.Assign(ctx, specialist, ob.ID, specialist.Email),
		"the run":      d.Store.RetryRun(ctx, specialist, run.ID, d.Journey.Wanted),
	} {
		if onboarding.ErrorCode(err) != onboarding.CodeConflict {
			t.Errorf("%s was added afterwards: %v", name, err)
		}
	}
}
