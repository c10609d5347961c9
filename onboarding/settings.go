package onboarding

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting declares one value that holds for the whole service: the form, its checks, what applies and the record of
// changes follow from it.
type Setting struct {
	VendorValue                 // its name, label, hint, shape and default
	Env         string          // the environment variable that gives it where nothing is saved; "" none does
	Choices     []SettingChoice // of a ShapeChoice
	Inherited   bool            // an onboarding takes it where its specialist entered nothing: see [VendorValues.Inherit]
}

// SettingChoice is one choice of a setting.
type SettingChoice struct{ Value, Label, Hint string }

// SettingGroup is a section of the settings, saved as one.
type SettingGroup struct {
	ID, Title, Lead string
	Settings        []Setting
}

// The names of settings that aren't vendor values.
const (
	SettingAgeRecipient    = "age_recipient"
	SettingSecretsTo       = "secrets_to"
	SettingConsoleText     = "console_text"
	SettingConsoleLink     = "console_link"
	SettingMailFrom        = "mail_from"
	SettingMailReplyTo     = "mail_reply_to"
	SettingBrand           = "vendor_name"
	SettingHelp            = "help_url"
	SettingDocs            = "docs_url"
	SettingContactName     = "contact_name"
	SettingContactAddress  = "contact_address"
	SettingWaitingTarget   = "waiting_target"
	SettingReminders       = "remind_after"
	SettingConsentTTL      = "consent_ttl"
	SettingInviteRetention = "invite_retention"
	SettingRetention       = "retention"
)

// SecretsTo says where the customer's secrets go after a run, encrypted with the age recipient.
type SecretsTo string

// The destinations of secrets.
const (
	SecretsNowhere   SecretsTo = ""          // the customer enters them in the vendor's console
	SecretsByWebhook SecretsTo = "webhook"   // in the signed webhook
	SecretsByPut     SecretsTo = "presigned" // to an address for each onboarding
)

// SettingGroups declares all settings, in the order of the page.
var SettingGroups = []SettingGroup{
	{"deployments", "Deployments", "Every onboarding uses these values. A specialist can override one for a single onboarding.", []Setting{
		vendorSetting("control_plane_pattern"), vendorSetting("google_customer_id"), vendorSetting("organization_id"), vendorSetting("offered_regions"),
	}},
	{"roles", "Roles", "Roles that a run grants in the customer’s project. Every plan lists them.", []Setting{
		vendorSetting("act_as_role"), vendorSetting("workspace_role"), vendorSetting("dataproc_control_plane_role"), vendorSetting("bigtable_spark_role"), vendorSetting("bigtable_control_plane_role"),
	}},
	{"addresses", "Addresses to allow", "Shown to a customer whose Databricks workspace has an IP access list that refuses us.", []Setting{
		vendorSetting(VendorEgress), vendorSetting(VendorControlPlaneIPs),
	}},
	{"serving", "Serving plane and Redis", "", []Setting{
		vendorSetting("serving_account"), vendorSetting(VendorServingProject), vendorSetting(VendorServingNetwork), vendorSetting("redis_version"),
	}},
	{"handover", "Handover", "Where the record and the customer’s tokens go after a run.", []Setting{
		vendorSetting("handover_url"),
		{VendorValue: VendorValue{Name: SettingAgeRecipient, Label: "age recipient for secrets", Hint: "A public key that starts with age1. Secrets are encrypted with it before they leave; only your private key opens them.", Shape: ShapeAgeRecipient, Scope: ScopeVendor, Width: 62}},
		{VendorValue: VendorValue{Name: SettingSecretsTo, Label: "Where secrets go", Shape: ShapeChoice, Scope: ScopeVendor}, Choices: []SettingChoice{
			{string(SecretsNowhere), "Nowhere", "The customer enters each token in your console and confirms."},
			{string(SecretsByWebhook), "Signed webhook", "Encrypted, to the webhook endpoint below that takes the customers’ secrets."},
			{string(SecretsByPut), "Presigned address", "Encrypted, with PUT to an address that the specialist enters for each onboarding."},
		}},
		{VendorValue: VendorValue{Name: SettingConsoleText, Label: "Where customers enter tokens themselves", Hint: "The exact place in your console, for example: Settings › Data platforms › Databricks token.", Shape: ShapeText, Scope: ScopeVendor}},
		{VendorValue: VendorValue{Name: SettingConsoleLink, Label: "Link to that place", Hint: "An https address.", Shape: ShapeURL, Scope: ScopeVendor}},
	}},
	{"mail", "Mail", "", []Setting{
		{VendorValue: VendorValue{Name: SettingMailFrom, Label: "Sender", Hint: "An email address that your mail server sends for, for example onboarding@vendor.example.", Shape: ShapeEmail, Scope: ScopeVendor, Width: 40}, Env: "MAIL_FROM"},
		{VendorValue: VendorValue{Name: SettingMailReplyTo, Label: "Replies go to", Hint: "Empty: the onboarding’s specialist, or the contact below if no one is assigned.", Shape: ShapeEmail, Scope: ScopeVendor, Width: 40}},
	}},
	{"service", "Brand, help, and waiting times", "", []Setting{
		{VendorValue: VendorValue{Name: SettingBrand, Label: "Vendor’s name", Shape: ShapeText, Scope: ScopeVendor, Default: "Tecton", Width: 30}, Env: "VENDOR_NAME"},
		{VendorValue: VendorValue{Name: SettingHelp, Label: "Help page", Hint: "Linked from every page.", Shape: ShapeURL, Scope: ScopeVendor}},
		{VendorValue: VendorValue{Name: SettingDocs, Label: "Documentation", Hint: "Your documentation for the deployment. Linked from every page, next to the help page.", Shape: ShapeURL, Scope: ScopeVendor}},
		{VendorValue: VendorValue{Name: SettingContactName, Label: "Contact for customers", Hint: "A person or a team. Customers see this contact while no specialist is assigned to them.", Shape: ShapeText, Scope: ScopeVendor, Width: 30}},
		{VendorValue: VendorValue{Name: SettingContactAddress, Label: "How to reach the contact", Hint: "An email address, or the https address of a page.", Shape: ShapeContact, Scope: ScopeVendor, Width: 40}},
		{VendorValue: VendorValue{Name: SettingWaitingTarget, Label: "Aging target", Hint: "An onboarding that waits longer is highlighted; twice as long, in red.", Shape: ShapeSpan, Scope: ScopeVendor, Default: "1 day", Width: 12}, Env: "WAITING_TARGET"},
		{VendorValue: VendorValue{Name: SettingReminders, Label: "Remind by mail after", Hint: "Waiting time before a reminder is sent. 0 sends none.", Shape: ShapeSpan, Scope: ScopeVendor, Default: "3 days", Width: 12}},
	}},
	{"retention", "Retention", "Write times as 24 hours or 30 days.", []Setting{
		{VendorValue: VendorValue{Name: SettingConsentTTL, Label: "Unused access to Google Cloud", Hint: "Revoked and wiped after this long, unless a run ends it first. 0 keeps it.", Shape: ShapeSpan, Scope: ScopeVendor, Default: "1 day", Width: 12}, Env: "GRANT_TTL"},
		{VendorValue: VendorValue{Name: SettingInviteRetention, Label: "Unused invitations", Hint: "Erased this long after they end. 0 keeps them.", Shape: ShapeSpan, Scope: ScopeVendor, Default: "30 days", Width: 12}, Env: "INVITE_RETENTION"},
		{VendorValue: VendorValue{Name: SettingRetention, Label: "People of finished onboardings", Hint: "Erased this long after the end. 0 keeps them.", Shape: ShapeSpan, Scope: ScopeVendor, Default: "0", Width: 12}, Env: "RETENTION"},
	}},
}

// vendorSetting is the vendor value of that name, as a setting.
func vendorSetting(name string) Setting {
	for _, d := range VendorDeclarations() {
		if d.Name == name {
			return Setting{VendorValue: d, Inherited: true}
		}
	}
	panic("no vendor value is called " + name)
}

// FindSettingGroup is the group of that ID.
func FindSettingGroup(id string) (SettingGroup, bool) {
	i := slices.IndexFunc(SettingGroups, func(g SettingGroup) bool { return g.ID == id })
	if i < 0 {
		return SettingGroup{}, false
	}
	return SettingGroups[i], true
}

// findSetting is the declaration of that name.
func findSetting(name string) (Setting, bool) {
	for _, g := range SettingGroups {
		for _, d := range g.Settings {
			if d.Name == name {
				return d, true
			}
		}
	}
	return Setting{}, false
}

// HiddenSettings are the names of those that give access to anyone who has them.
func HiddenSettings() []string {
	var names []string
	for _, g := range SettingGroups {
		for _, d := range g.Settings {
			if d.Hidden {
				names = append(names, d.Name)
			}
		}
	}
	return names
}

// SavedSetting is a setting as an administrator saved it.
type SavedSetting struct {
	Name    string
	Value   string // "" goes back to the environment or the default
	Version int    // grows by one a save
	By      string // email address
	At      time.Time
	MAC     []byte // of Authority; nil in a setting of an earlier version, and where it isn't Authenticated
	Doubted bool   `db:"-"` // it isn't known to be what an administrator saved
}

// SettingOrigin says where the value of a setting comes from.
type SettingOrigin string

// The origins.
const (
	FromDefault     SettingOrigin = "default" // or nothing at all
	FromEnvironment SettingOrigin = "environment"
	FromSetting     SettingOrigin = "setting"
)

// Settings are the values that apply now: what an administrator saved, else the environment's, else the default. The
// zero value has the defaults only.
type Settings struct {
	saved       map[string]SavedSetting
	environment map[string]string
}

// NewSettings puts settings together. The environment's values are by name, as a form would take them.
func NewSettings(saved []SavedSetting, environment map[string]string) Settings {
	s := Settings{map[string]SavedSetting{}, environment}
	for _, v := range saved {
		s.saved[v.Name] = v
	}
	return s
}

// Value is what applies for a name, "" for nothing.
func (s Settings) Value(name string) string {
	return cmp.Or(s.saved[name].Value, s.Without(name))
}

// Without is what applies if nothing is saved.
func (s Settings) Without(name string) string {
	d, _ := findSetting(name)
	return cmp.Or(s.environment[name], d.Default)
}

// Saved is what an administrator saved last for a name; zero: nothing.
func (s Settings) Saved(name string) SavedSetting { return s.saved[name] }

// Origin is where the value of a name comes from.
func (s Settings) Origin(name string) SettingOrigin {
	switch {
	case s.saved[name].Value != "":
		return FromSetting
	case s.environment[name] != "":
		return FromEnvironment
	default:
		return FromDefault
	}
}

// Version changes with each save of a group; a save names the one it saw.
func (s Settings) Version(g SettingGroup) int {
	n := 0
	for _, d := range g.Settings {
		n += s.saved[d.Name].Version
	}
	return n
}

// Vendor are the vendor values that onboardings inherit, without defaults.
func (s Settings) Vendor() VendorValues {
	var v VendorValues
	for _, d := range VendorDeclarations() {
		if d.Scope == ScopeVendor {
			d.Set(&v, s.saved[d.Name].Value)
		}
	}
	return v
}

// AgeRecipient is the public key that secrets are encrypted with, "" none.
func (s Settings) AgeRecipient() string { return s.Value(SettingAgeRecipient) }

// RecipientDoubted reports whether the recipient that was saved isn't known to be an administrator's: nothing may be encrypted
// to it.
func (s Settings) RecipientDoubted() bool { return s.saved[SettingAgeRecipient].Doubted }

// SecretsTo is where secrets go.
func (s Settings) SecretsTo() SecretsTo { return SecretsTo(s.Value(SettingSecretsTo)) }

// Console names the place where customers enter tokens themselves, and links to it; "" where nothing is set, or where it isn't
// known to be an administrator's.
func (s Settings) Console() (text, link string) {
	if s.saved[SettingConsoleText].Doubted || s.saved[SettingConsoleLink].Doubted {
		return "", ""
	}
	return s.Value(SettingConsoleText), s.Value(SettingConsoleLink)
}

// Brand is the vendor's name on the pages.
func (s Settings) Brand() string { return s.Value(SettingBrand) }

// theVendor finds the vendor in a sentence that was written where its brand isn't known.
var theVendor = regexp.MustCompile(`\b[Tt]he vendor\b`)

// NameVendor calls the vendor by its brand in a text for a customer; "" leaves "the vendor".
func NameVendor(text, brand string) string {
	if brand == "" || !strings.Contains(text, "he vendor") {
		return text
	}
	return theVendor.ReplaceAllLiteralString(text, brand)
}

// Help is the address of the help page, "" none.
func (s Settings) Help() string { return s.Value(SettingHelp) }

// Docs is the address of the vendor's documentation, "" none.
func (s Settings) Docs() string { return s.Value(SettingDocs) }

// Contact is who customers ask while no specialist is assigned to them; nobody where nothing is set.
func (s Settings) Contact() Contact {
	c := Contact{Name: s.Value(SettingContactName)}
	if address := s.Value(SettingContactAddress); strings.Contains(address, "://") {
		c.URL = address
	} else {
		c.Email = address
	}
	return c
}

// Span is the length of time of a setting; 0 also for one that isn't a length of time.
func (s Settings) Span(name string) time.Duration {
	d, _ := ParseSpan(s.Value(name))
	return d
}

// Changes lists what a group's new values change, for the record. A hidden value is never in it.
func (s Settings) Changes(g SettingGroup, to map[string]string) []Change {
	var out []Change
	for _, d := range g.Settings {
		before, after := s.saved[d.Name].Value, to[d.Name]
		switch {
		case before == after:
		case d.Hidden:
			out = append(out, Change{Label: d.Label, After: secretAfter(before != "", after != "")})
		default:
			out = append(out, Change{d.Label, d.words(before), d.words(after)})
		}
	}
	return out
}

// words are a value as people know it: the label of a choice.
func (d Setting) words(value string) string {
	for _, c := range d.Choices {
		if c.Value == value {
			return c.Label
		}
	}
	return value
}

// SaveSettings are the new values of a group.
type SaveSettings struct {
	Group   SettingGroup
	Version int // [Settings.Version] that the administrator saw
	Values  map[string]string
	Checked map[string]string // by name, the doubted value that the administrator compared and confirmed
}

// SettingsChanged says that an administrator changed settings.
type SettingsChanged struct {
	Group   string   `json:"group"`
	Changes []Change `json:"changes"` // without hidden values
}

// Kind is an event's, beside those of onboardings.
func (SettingsChanged) Kind() EventKind { return "settings.changed" }

// SettingsChange is one line of the append-only record of changes of the settings.
type SettingsChange struct {
	At    time.Time
	Actor string // email address
	What  SettingsChanged
}

// ParseSpan reads a length of time: "24 hours", "30 days", "24h", "0".
func ParseSpan(text string) (time.Duration, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "0" {
		return 0, true
	}
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz ")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > 100_000 {
		n, digits = 0, text // not a whole number of a unit
	}
	switch strings.TrimSpace(text[len(digits):]) {
	case "h", "hour", "hours":
		return time.Duration(n) * time.Hour, true
	case "d", "day", "days":
		return time.Duration(n) * 24 * time.Hour, true
	case "m", "min", "minute", "minutes":
		return time.Duration(n) * time.Minute, true
	}
	d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
	return d, err == nil && d >= 0
}

// SpanText is a length of time as [ParseSpan] reads it: "30 days".
func SpanText(d time.Duration) string {
	unit, n := "minute", int64(d/time.Minute)
	switch {
	case d == 0:
		return "0"
	case d%(24*time.Hour) == 0:
		unit, n = "day", int64(d/(24*time.Hour))
	case d%time.Hour == 0:
		unit, n = "hour", int64(d/time.Hour)
	case d%time.Minute != 0:
		return d.String()
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}
