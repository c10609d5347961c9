package main

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"groundwork/migrations"
	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// beforeInventory is the last schema without an inventory.
const beforeInventory = 19

// A database of the version before the inventory, with onboardings in every state, is upgraded: what the runs had recorded
// follows from their logs again.
func TestAnUpgradeFillsInTheInventory(t *testing.T) {
	db := pgtest.NewDatabase(t)
	d, restart := restartable(t, db)
	ctx := t.Context()
	done := map[stage]bool{}
	for i, s := range samples {
		if done[s.Stage] && s.Stage != stageDone {
			continue
		}
		if s.Stage == stageDone && done[stageDone] && !s.Redis {
			continue
		}
		done[s.Stage] = true
		if err := d.sample(ctx, i, s); err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
	}
	s := sample{Customer: "Switched Sample", Name: "switched", Region: "us-west1"}
	c := joins(t, d, s)
	c.approve(c.review(onboarding.RunProvision), nil)
	s.Redis = true
	c.answers(s.answers())
	c.approve(c.review(onboarding.RunProvision), nil)

	states := func(d seeder) map[onboarding.ID]map[string]string {
		page, err := d.Store.ListOnboardings(ctx, person(kim.Email, onboarding.RoleAdministrator), onboarding.Filter{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		all := map[onboarding.ID]map[string]string{}
		for _, ob := range page.Items {
			items, err := d.Store.Inventory(ctx, onboarding.System, ob.ID)
			if err != nil {
				t.Fatal(err)
			}
			all[ob.ID] = map[string]string{}
			for _, i := range items {
				if ob.Status != onboarding.StatusProvisioning {
					all[ob.ID][i.Key] = string(i.Origin) + " " + string(i.State)
				}
			}
		}
		return all
	}
	before := states(d)
	d = restart(func() {
		own, err := sql.Open("pgx", db.OwnerURL)
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		old, err := goose.NewProvider(goose.DialectPostgres, own, migrations.FS)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := old.DownTo(context.WithoutCancel(ctx), beforeInventory); err != nil {
			t.Fatal(err)
		}
		if err := store.Migrate(ctx, db.OwnerURL); err != nil {
			t.Fatal(err)
		}
	})
	d.App.FillInventories(ctx) // as each process does when it starts
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if due, err := d.Store.DueInventories(ctx, 100); err == nil && len(due) == 0 || time.Now().After(deadline) {
			break
		}
	}
	after, compared, ours := states(d), 0, 0
	for id, items := range before {
		for key, want := range items {
			got := after[id][key]
			compared++
			// A removal that the earlier version would have recorded only in words is told as left for good.
			if got != want && !(want == "created removed" && got == "created left") {
				t.Errorf("%s: the log tells of %s %q, recorded was %q", id, key, got, want)
			}
			if got == "created present" {
				ours++
			}
		}
	}
	if compared < 60 || ours < 25 {
		t.Errorf("only %d items were compared, of which %d are ours", compared, ours)
	}

	again := states(d)
	d.App.FillInventories(ctx)
	if len(again) != len(states(d)) {
		t.Error("filling in twice changes something")
	}
	entries, err := pgtest.Audit(ctx, d.Store, c.owner, c.id)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(slices.DeleteFunc(entries, func(e onboarding.AuditEntry) bool { return e.What != onboarding.EventInventoryFilled })); n != 1 {
		t.Errorf("the history says %d times that the inventory was filled in", n)
	}

	// What the upgraded onboarding made is torn down, whatever it was answered for.
	c.d = d
	c.approve(c.review(onboarding.RunTeardown), erasingAll)
	if c.exists("instances/tecton-switched") {
		t.Error("the instance of the earlier answers is still there")
	}
	if ob := c.onboarding(); ob.Status != onboarding.StatusTornDown {
		t.Errorf("in the end: %s, waiting for %q", ob.Status, ob.Waiting.For)
	}
}
