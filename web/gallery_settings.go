package web

import (
	"time"

	"groundwork/onboarding"
	"groundwork/wizard"
)

func (s samples) settings() SettingsView {
	f := s.staff()
	f.Role, f.Email = onboarding.RoleAdministrator, "kim@vendor.example"
	saved := func(name, value string) onboarding.SavedSetting {
		return onboarding.SavedSetting{Name: name, Value: value, Version: 1, By: "kim@vendor.example", At: s.now.Add(-50 * time.Hour)}
	}
	return SettingsView{
		Frame:    f,
		Webhooks: []onboarding.Webhook{s.webhook().Saved, s.webhookBreaker().Saved},
		Settings: onboarding.NewSettings([]onboarding.SavedSetting{
			saved("control_plane_pattern", "tecton-{deployment}-control-plane@tecton-control.iam.gserviceaccount.com"),
			saved("google_customer_id", "C01vendor7"),
			saved("serving_project", "tecton-serving"),
			saved("serving_network", "serving"),
			saved(onboarding.SettingAgeRecipient, "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"),
			saved(onboarding.SettingSecretsTo, string(onboarding.SecretsByPut)),
			saved(onboarding.SettingContactName, "Onboarding team"),
			saved(onboarding.SettingContactAddress, "onboarding@vendor.example"),
			saved(onboarding.SettingWaitingTarget, "8 hours"),
		}, map[string]string{onboarding.SettingWaitingTarget: "2 days", onboarding.SettingConsentTTL: "12 hours"}),
		Changes: []onboarding.SettingsChange{
			{At: s.now.Add(-50 * time.Hour), Actor: "kim@vendor.example", What: onboarding.SettingsChanged{Group: "service", Changes: []onboarding.Change{{Label: "Aging target", Before: "12 hours", After: "8 hours"}}}},
			{At: s.now.Add(-51 * time.Hour), Actor: "kim@vendor.example", What: onboarding.SettingsChanged{Group: "handover", Changes: []onboarding.Change{{Label: "Address for the handover record", After: onboarding.SecretGiven}, {Label: "Where secrets go", Before: "Nowhere", After: "Presigned address"}}}},
		},
	}
}

// settingsDoubted has a recipient that isn't known to be an administrator's.
func (s samples) settingsDoubted() SettingsView {
	v := s.settings()
	v.Settings = onboarding.NewSettings([]onboarding.SavedSetting{{
		Name: onboarding.SettingAgeRecipient, Value: "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
		Version: 1, By: "kim@vendor.example", At: s.now.Add(-50 * time.Hour), Doubted: true,
	}}, nil)
	v.Changes = nil
	return v
}

func (s samples) settingsErrors() SettingsView {
	v := s.settings()
	v.Error, v.Group = true, "handover"
	v.Typed = map[string]string{onboarding.SettingAgeRecipient: "age1nonsense", onboarding.SettingSecretsTo: string(onboarding.SecretsByPut), onboarding.SettingConsoleText: ""}
	v.Problems = wizard.Problems{{Field: onboarding.SettingAgeRecipient, Message: "Enter a public key as age-keygen prints it: age1 and 58 letters and digits"}}
	v.Changes = nil
	return v
}
