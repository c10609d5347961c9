package main

import (
	"net/url"
	"testing"

	"groundwork/onboarding"
	"groundwork/wizard"
)

func TestTheFormsAcceptTheValuesOfTheDemo(t *testing.T) {
	for id, form := range demoSettings {
		group, ok := onboarding.FindSettingGroup(id)
		if read := wizard.ParseSettings(group, form); !ok || len(read.Problems) > 0 {
			t.Errorf("settings %s: %v", id, read.Problems)
		}
	}
	accounts := map[string]string{}
	for _, name := range append([]string{adaDeployment}, names()...) {
		account := controlPlaneAccount(name)
		read := wizard.ParseVendor(url.Values{"control_plane_account": {account}, onboarding.VendorProposedName: {name}}, onboarding.VendorValues{})
		if len(read.Problems) > 0 {
			t.Errorf("sample %s: %v", name, read.Problems)
		}
		if other := accounts[account]; other != "" {
			t.Errorf("%s and %s have one account, %s", name, other, account)
		}
		accounts[account] = name
	}
}

func names() []string {
	var out []string
	for _, s := range samples {
		out = append(out, s.Name)
	}
	return out
}

func TestTheEnvironmentGivesSettingsThatDifferFromTheDefault(t *testing.T) {
	f := siteFlags{Vendor: "Feature Works", WaitingTarget: 36 * 3600e9, Keep: retentionFlags{ConsentTTL: 24 * 3600e9, InviteRetention: 30 * 24 * 3600e9, Retention: 90 * 24 * 3600e9}}
	now := onboarding.NewSettings(nil, f.settings())
	for name, want := range map[string]struct {
		value  string
		origin onboarding.SettingOrigin
	}{
		onboarding.SettingBrand:           {"Feature Works", onboarding.FromEnvironment},
		onboarding.SettingWaitingTarget:   {"36 hours", onboarding.FromEnvironment},
		onboarding.SettingConsentTTL:      {"1 day", onboarding.FromDefault},
		onboarding.SettingInviteRetention: {"30 days", onboarding.FromDefault},
		onboarding.SettingRetention:       {"90 days", onboarding.FromEnvironment},
	} {
		if got := now.Value(name); got != want.value || now.Origin(name) != want.origin {
			t.Errorf("%s is %q from %s, want %q from %s", name, got, now.Origin(name), want.value, want.origin)
		}
	}
}
