package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

var kim = onboarding.Actor{Email: "kim@vendor.example", Role: onboarding.RoleAdministrator, RequestID: "req-settings"}

func group(t *testing.T, id string) onboarding.SettingGroup {
	t.Helper()
	g, ok := onboarding.FindSettingGroup(id)
	if !ok {
		t.Fatalf("no group %s", id)
	}
	return g
}

func TestSettingsAreSavedByAdministratorsAloneAndRecordedForGood(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Settings: map[string]string{onboarding.SettingWaitingTarget: "2 days"}})
	ctx := t.Context()
	handover, service := group(t, "handover"), group(t, "service")
	save := func(actor onboarding.Actor, g onboarding.SettingGroup, version int, values map[string]string) error {
		return s.SaveSettings(ctx, actor, onboarding.SaveSettings{Group: g, Version: version, Values: values})
	}
	wantCode(t, save(sam, handover, 0, map[string]string{onboarding.SettingConsoleText: "Tokens"}), onboarding.CodeForbidden)
	must(t, save(kim, handover, 0, map[string]string{"handover_url": "https://one.example/?signature=canary", onboarding.SettingConsoleText: "Tokens"}))
	wantCode(t, save(kim, handover, 0, map[string]string{onboarding.SettingConsoleText: "Lost"}), onboarding.CodeStale)
	must(t, save(kim, handover, 2, map[string]string{"handover_url": "https://one.example/?signature=canary", onboarding.SettingConsoleText: "Settings, Tokens"}))
	must(t, save(kim, handover, 3, map[string]string{"handover_url": "https://one.example/?signature=canary", onboarding.SettingConsoleText: "Settings, Tokens"})) // nothing changed

	now, err := s.Settings(ctx)
	must(t, err)
	if text, _ := now.Console(); text != "Settings, Tokens" || now.Version(handover) != 3 || now.Origin(onboarding.SettingConsoleText) != onboarding.FromSetting {
		t.Errorf("console %q, version %d", text, now.Version(handover))
	}
	if got := now.Saved(onboarding.SettingConsoleText); got.By != kim.Email || got.Version != 2 || time.Since(got.At) > time.Minute {
		t.Errorf("saved %+v", got)
	}
	// The environment's value comes before the default, and a saved one before both, until it is emptied again.
	for _, step := range []struct {
		saved  string
		want   time.Duration
		origin onboarding.SettingOrigin
	}{{"", 48 * time.Hour, onboarding.FromEnvironment}, {"3 hours", 3 * time.Hour, onboarding.FromSetting}, {"", 48 * time.Hour, onboarding.FromEnvironment}} {
		now, err = s.Settings(ctx)
		must(t, err)
		must(t, save(kim, service, now.Version(service), map[string]string{onboarding.SettingWaitingTarget: step.saved}))
		now, err = s.Settings(ctx)
		must(t, err)
		if got := now.Span(onboarding.SettingWaitingTarget); got != step.want || now.Origin(onboarding.SettingWaitingTarget) != step.origin {
			t.Errorf("saved %q: %s from %s", step.saved, got, now.Origin(onboarding.SettingWaitingTarget))
		}
	}
	if now.Brand() != "Tecton" || now.Origin(onboarding.SettingBrand) != onboarding.FromDefault {
		t.Errorf("brand %q from %s", now.Brand(), now.Origin(onboarding.SettingBrand))
	}

	_, err = s.SettingsChanges(ctx, sam)
	wantCode(t, err, onboarding.CodeForbidden)
	changes, err := s.SettingsChanges(ctx, kim)
	must(t, err)
	var got [][]onboarding.Change
	for _, c := range changes {
		if c.Actor != kim.Email || time.Since(c.At) > time.Minute {
			t.Errorf("change %+v", c)
		}
		got = append(got, c.What.Changes)
	}
	place, target := "Where customers enter tokens themselves", "Aging target"
	want := [][]onboarding.Change{
		{{Label: target, Before: "3 hours"}},
		{{Label: target, After: "3 hours"}},
		{{Label: place, Before: "Tokens", After: "Settings, Tokens"}},
		{{Label: "Address for the handover record", After: onboarding.SecretGiven}, {Label: place, After: "Tokens"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := owner(t, db).Exec(ctx, `UPDATE settings_changes SET actor = 'x'`); err == nil {
		t.Error("a change of the settings can be rewritten")
	}
}

func TestAnOnboardingTakesFromTheSettingsWhatWasNotEnteredForIt(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	entered := onboarding.VendorValues{ProposedName: "acme", RedisVersion: "7.2", GoogleCustomerID: "C0override"}
	ob := begin(t, s, ada, entered)
	must(t, s.SaveSettings(ctx, kim, onboarding.SaveSettings{Group: group(t, "deployments"), Values: map[string]string{
		"control_plane_pattern": "tecton-{deployment}-control-plane@tecton-control.iam.gserviceaccount.com", "google_customer_id": "C0settings", "offered_regions": "us-west1",
	}}))
	must(t, s.SaveSettings(ctx, kim, onboarding.SaveSettings{Group: group(t, "serving"), Values: map[string]string{"serving_project": "tecton-serving", "serving_network": "serving", "redis_version": "6.2"}}))
	for _, actor := range []onboarding.Actor{sam, ada} {
		now, err := s.Onboarding(ctx, actor, ob.ID)
		must(t, err)
		want := entered
		want.ControlPlanePattern, want.OfferedRegions = "tecton-{deployment}-control-plane@tecton-control.iam.gserviceaccount.com", "us-west1"
		want.ServingProject, want.ServingNetwork = "tecton-serving", "serving"
		if diff := cmp.Diff(want, now.Vendor); diff != "" {
			t.Errorf("%s sees:\n%s", actor.Role, diff)
		}
		if diff := cmp.Diff(entered, now.Entered); diff != "" {
			t.Error(diff)
		}
		if got := now.Vendor.ControlPlane(now.Deployment); got != "tecton-acme-control-plane@tecton-control.iam.gserviceaccount.com" {
			t.Errorf("control plane account %q", got)
		}
	}
	// What a specialist saves is what they entered, and its record compares with that.
	entered.RedisVersion = ""
	must(t, s.UpdateVendor(ctx, sam, ob.ID, entered, nil))
	now, err := s.Onboarding(ctx, sam, ob.ID)
	must(t, err)
	if now.Entered.ServingProject != "" || now.Vendor.RedisVersion != "6.2" {
		t.Errorf("entered %+v, Redis %s", now.Entered, now.Vendor.RedisVersion)
	}
}

func TestStandAgainLeavesWhatWasChangedSince(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	ob := begin(t, s, ada, onboarding.VendorValues{})
	waiting := onboarding.Waiting{On: onboarding.PartyCustomer, For: "Review and approve the plan"}
	must(t, s.StandAgain(ctx, sam, ob, onboarding.AtCheck, waiting))
	now, err := s.Onboarding(ctx, sam, ob.ID)
	must(t, err)
	if now.Waiting.For == waiting.For {
		t.Error("an onboarding that doesn't wait on its specialist was moved")
	}
	if err := s.StandAgain(ctx, ada, ob, onboarding.AtCheck, waiting); onboarding.ErrorCode(err) != onboarding.CodeForbidden {
		t.Errorf("a customer may: %v", errors.Unwrap(err))
	}
}
