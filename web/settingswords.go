package web

import (
	"fmt"
	"slices"

	"groundwork/onboarding"
	"groundwork/wizard"
)

// The names of the fields that each form of settings has.
const (
	FieldGroup   = "group"
	FieldVersion = "version"
)

// SettingsView is the page of settings.
type SettingsView struct {
	Frame
	Settings onboarding.Settings
	Changes  []onboarding.SettingsChange // newest first
	Webhooks []onboarding.Webhook        // oldest first
	Group    string                      // ID of the group that was typed, "" none
	Typed    map[string]string
	Problems wizard.Problems
}

func (v SettingsView) settingsFrame() Frame {
	f := v.Frame.titled("Settings")
	f.Nav = "settings"
	f.Error = f.Error || len(v.Problems) > 0
	return f
}

// lead says what a group is for. That of mail says whether any is sent.
func (v SettingsView) lead(g onboarding.SettingGroup) string {
	if g.ID != "mail" {
		return g.Lead
	}
	server := v.Settings.MailServer()
	switch {
	case server == "":
		return "No mail is sent, because SMTP_URL isn’t set in the environment. No page promises an email."
	case v.Settings.Sender() == "":
		return "No mail is sent until you enter a sender. The mail server is " + server + " (SMTP_URL)."
	default:
		return "Mail goes out through " + server + " (SMTP_URL)."
	}
}

// opens reports whether a group is unfolded from the start: the one that was typed, and one with a value to confirm.
func (v SettingsView) opens(g onboarding.SettingGroup) bool {
	doubted := func(d onboarding.Setting) bool { return v.doubted(d.Name) != "" }
	return g.ID == v.Group || slices.ContainsFunc(g.Settings, doubted)
}

// doubted is the value of a setting that must be confirmed before it is saved again: the saved one, or the one that the form
// showed before the database had another. "" none.
func (v SettingsView) doubted(name string) string {
	if saved := v.Settings.Saved(name); saved.Doubted {
		return saved.Value
	}
	return v.Typed[wizard.FieldDoubted(name)]
}

// setWords count the settings of a group that are saved, for the line that the group folds into.
func (v SettingsView) setWords(g onboarding.SettingGroup) string {
	n := 0
	for _, d := range g.Settings {
		if v.Settings.Origin(d.Name) == onboarding.FromSetting {
			n++
		}
	}
	return fmt.Sprintf("%d of %d set here", n, len(g.Settings))
}

// changesWords count the changes, for the line that the changes fold into.
func (v SettingsView) changesWords() string {
	switch len(v.Changes) {
	case 0:
		return "None yet"
	case 1:
		return "1 change"
	default:
		return fmt.Sprintf("The latest %d", len(v.Changes))
	}
}

// rows are the settings of a group, row by row.
func (v SettingsView) rows(g onboarding.SettingGroup) [][]onboarding.Setting {
	var rows [][]onboarding.Setting
	half := false
	for _, d := range g.Settings {
		if half && d.Half && len(rows[len(rows)-1]) < 2 {
			rows[len(rows)-1] = append(rows[len(rows)-1], d)
		} else {
			rows = append(rows, []onboarding.Setting{d})
		}
		half = d.Half
	}
	return rows
}

// field has what was typed, else what is saved.
func (v SettingsView) field(d onboarding.Setting) wizard.FieldView {
	value := v.Settings.Saved(d.Name).Value
	if typed, ok := v.Typed[d.Name]; ok && v.typedIn(d.Name) {
		value = typed
	}
	return wizard.SettingField(d, value, v.Problems)
}

// typedIn reports whether a setting is in the group that was typed.
func (v SettingsView) typedIn(name string) bool {
	g, _ := onboarding.FindSettingGroup(v.Group)
	for _, d := range g.Settings {
		if d.Name == name {
			return true
		}
	}
	return false
}

// from says where the value that applies comes from, before the name and day of the last save.
func (v SettingsView) from(d onboarding.Setting) string {
	saved, without := v.Settings.Saved(d.Name), v.Settings.Without(d.Name)
	if d.Hidden && without != "" {
		without = "an address"
	}
	words := "Not set."
	switch v.Settings.Origin(d.Name) {
	case onboarding.FromSetting:
		words = "Set here."
		if without != "" {
			words = "Set here, instead of " + without + "."
		}
	case onboarding.FromEnvironment:
		words = "From " + d.Env + " in the environment: " + without + "."
	case onboarding.FromDefault:
		if without != "" {
			words = "Default: " + without + "."
			if d.Unconfirmed {
				words = "Default, not confirmed by the vendor: " + without + "."
			}
		} else if d.Shape == onboarding.ShapeChoice {
			words = "Default."
		}
	}
	if saved.Version > 0 {
		words += " Last changed by "
	}
	return words
}
