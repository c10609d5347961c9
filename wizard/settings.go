package wizard

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"filippo.io/age"

	"groundwork/onboarding"
)

// SettingsForm is a form of settings that was read.
type SettingsForm struct {
	Values   map[string]string // by name; only complete without problems
	Typed    map[string]string // as typed
	Checked  map[string]string // by name, the doubted value that was confirmed
	Problems Problems
}

// FieldDoubted names the field that holds the value of a setting that the form showed as doubted.
func FieldDoubted(setting string) string { return "doubted_" + setting }

// FieldChecked names the field that holds the doubted value that the administrator confirmed.
func FieldChecked(setting string) string { return "checked_" + setting }

// ParseSettings reads the settings of a group. Every field may be empty. A value that the form showed as doubted is a problem
// unless it was confirmed, also if the database has another one by now.
func ParseSettings(g onboarding.SettingGroup, form url.Values) SettingsForm {
	f := formReader{form: form}
	out := SettingsForm{Values: map[string]string{}, Typed: map[string]string{}, Checked: map[string]string{}}
	for _, d := range g.Settings {
		out.Typed[d.Name] = form.Get(d.Name)
		if d.Shape == onboarding.ShapeChoice {
			value, offered := form.Get(d.Name), false
			for _, c := range d.Choices {
				offered = offered || c.Value == value
			}
			if !offered {
				f.problems = append(f.problems, Problem{d.Name, "Choose one of the options"})
			}
			out.Values[d.Name] = value
			continue
		}
		out.Values[d.Name] = f.text(d.Name, d.Label, "", d.Shape == onboarding.ShapeText, vendorLimit, reader(d.VendorValue))
		doubted, checked := form.Get(FieldDoubted(d.Name)), form.Get(FieldChecked(d.Name))
		out.Typed[FieldDoubted(d.Name)], out.Checked[d.Name] = doubted, checked
		if doubted != "" && doubted == out.Values[d.Name] && doubted != checked {
			f.problems = append(f.problems, Problem{d.Name, "Confirm that you checked this value, or enter the right one"})
		}
	}
	out.Problems = append(f.problems, togetherProblems(out.Values)...)
	return out
}

// togetherProblems are of values that need each other.
func togetherProblems(v map[string]string) Problems {
	var out Problems
	if (v[onboarding.VendorServingProject] == "") != (v[onboarding.VendorServingNetwork] == "") {
		missing, message := servingProblem(v[onboarding.VendorServingProject])
		out = append(out, Problem{missing, message})
	}
	if v[onboarding.SettingSecretsTo] != "" && v[onboarding.SettingAgeRecipient] == "" {
		out = append(out, Problem{onboarding.SettingAgeRecipient, "Enter an age recipient, or choose that secrets go nowhere. Secrets leave only encrypted"})
	}
	if v[onboarding.SettingConsoleLink] != "" && v[onboarding.SettingConsoleText] == "" {
		out = append(out, Problem{onboarding.SettingConsoleText, "Name the place that the link opens"})
	}
	switch name, address := v[onboarding.SettingContactName], v[onboarding.SettingContactAddress]; {
	case name == "" && address != "":
		out = append(out, Problem{onboarding.SettingContactName, "Name the person or team that customers reach at this address"})
	case name != "" && address == "":
		out = append(out, Problem{onboarding.SettingContactAddress, "Enter an email address or a link, so that customers can reach this contact"})
	}
	return out
}

// servingProblem is the field that is missing where only one of the serving project and network was entered.
func servingProblem(project string) (field, message string) {
	if project == "" {
		return onboarding.VendorServingProject, "Enter the serving project too, or leave both empty"
	}
	return onboarding.VendorServingNetwork, "Enter the serving network too, or leave both empty"
}

// SettingField is a setting as a field of a form.
func SettingField(d onboarding.Setting, value string, problems Problems) FieldView {
	f := FieldView{
		Name: d.Name, Label: d.Label, Hint: d.Hint, Kind: KindText, Mono: true, Value: value, Width: d.Width, Errors: problems.At(d.Name),
	}
	switch d.Shape {
	case onboarding.ShapeChoice:
		f.Kind, f.Mono = KindCards, false
		for _, c := range d.Choices {
			f.Choices = append(f.Choices, Choice{Value: c.Value, Label: c.Label, Hint: c.Hint})
		}
	case onboarding.ShapeText, onboarding.ShapeSpan:
		f.Mono = false
	}
	return f
}

var (
	organizationShape = regexp.MustCompile(`^[1-9][0-9]{5,19}$`)
	regionShape       = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]{1,2}$`)
)

// accountPattern reads a service account with a place for the deployment's name.
func accountPattern(s string) (string, string) {
	s = strings.ToLower(strings.TrimSpace(s))
	if strings.Count(s, onboarding.PatternName) == 0 {
		return "", "Write " + onboarding.PatternName + " where the deployment name goes"
	}
	if _, problem := ServiceAccount(strings.ReplaceAll(s, onboarding.PatternName, "acme")); problem != "" || strings.ContainsAny(strings.ReplaceAll(s, onboarding.PatternName, ""), "{}") {
		return "", "Enter the email address of a service account that has " + onboarding.PatternName + " in it. It ends with " + serviceAccountSuffix
	}
	return s, ""
}

// organizationID reads the number of a Google organization.
func organizationID(s string) (string, string) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "organizations/")
	if !organizationShape.MatchString(s) {
		return "", "Enter the organization ID from the Cloud console. It has digits only, for example 123456789012"
	}
	return s, ""
}

// regionList reads names of regions. Whether Google has them is for the step that offers them to say.
func regionList(s string) (string, string) {
	names := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == ',' || r == ' ' || r == ';' || r == '\n' || r == '\r' || r == '\t' })
	for _, n := range names {
		if !regionShape.MatchString(n) {
			return "", brief(n) + " isn’t the name of a region. Separate names such as us-west1 with commas"
		}
	}
	return strings.Join(names, ", "), ""
}

// widestRange is the shortest prefix of a range that somebody may be asked to allow.
const widestRange = 16

// addressList reads public IPv4 addresses and CIDR ranges. An IP access list of Databricks takes no IPv6.
// Source: docs.databricks.com/gcp/en/security/network/front-end/ip-access-list.
func addressList(s string) (string, string) {
	var out []string
	for _, text := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == ';' || r == '\n' || r == '\r' || r == '\t' }) {
		single := text
		if !strings.Contains(single, "/") {
			single += "/32"
		}
		p, err := netip.ParsePrefix(single)
		switch a := p.Addr(); {
		case err != nil || !a.Is4():
			return "", brief(text) + " isn’t an IPv4 address or range. Separate entries such as 203.0.113.7 or 203.0.113.32/28 with commas"
		case a != p.Masked().Addr():
			return "", text + " isn’t the start of its range. Enter " + p.Masked().String() + ", or the address without the length"
		case p.Bits() < widestRange:
			return "", fmt.Sprintf("%s is too wide to ask a customer to allow. Enter ranges of /%d or smaller", text, widestRange)
		case a.IsPrivate() || !a.IsGlobalUnicast():
			return "", text + " isn’t a public address. Enter the address that Databricks sees"
		case p.IsSingleIP():
			out = append(out, a.String())
		default:
			out = append(out, p.String())
		}
	}
	return strings.Join(out, ", "), ""
}

// ageRecipient reads an X25519 public key of age.
func ageRecipient(s string) (string, string) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(strings.ToUpper(s), "AGE-SECRET-KEY-") {
		return "", "That is a private key. Keep it to yourself, and enter the public key, which starts with age1"
	}
	if _, err := age.ParseX25519Recipient(s); err != nil {
		return "", "Enter a public key as age-keygen prints it: age1 and 58 letters and digits"
	}
	return s, ""
}

// span reads a length of time.
func span(s string) (string, string) {
	d, ok := onboarding.ParseSpan(s)
	if !ok {
		return "", "Enter a length of time, such as 24 hours or 30 days"
	}
	return onboarding.SpanText(d), ""
}

// contactAddress reads how somebody is reached: by mail or on a page.
func contactAddress(s string) (string, string) {
	if strings.Contains(s, "://") {
		return HTTPSURL(s)
	}
	if _, problem := Email(s); problem != "" && !strings.Contains(s, "@") {
		return "", "Enter an email address like help@vendor.example, or an address that starts with https://"
	}
	return Email(s)
}

// words reads free text on one line.
func words(s string) (string, string) { return strings.Join(strings.Fields(s), " "), "" }
