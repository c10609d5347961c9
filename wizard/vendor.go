package wizard

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"groundwork/onboarding"
)

// Invitee is the customer of a new onboarding and its specialist.
type Invitee struct {
	Customer   string // the company's name
	OwnerEmail string // an [onboarding.Addressee]
	Specialist string // email address, "" leaves it unassigned
}

// formReader reads single values of a form and collects their problems.
type formReader struct {
	form     url.Values
	problems Problems
}

// text reads one field. An empty one is the problem need, or none if need is "".
func (f *formReader) text(name, label, need string, free bool, limit int, read func(string) (string, string)) string {
	raw, repeated := single(f.form[name])
	value := strings.TrimSpace(raw)
	var problem string
	switch {
	case repeated:
		problem = fmt.Sprintf("Give only one answer for “%s”", label)
	case value == "":
		problem = need
	default:
		if problem = clean(label, value, free, limit); problem == "" && read != nil {
			value, problem = read(value)
		}
	}
	if problem != "" {
		f.problems = append(f.problems, Problem{name, problem})
		return ""
	}
	return value
}

// ParseInvitee reads customer, owner_email and specialist of the form that creates an onboarding.
func ParseInvitee(form url.Values) (Invitee, Problems) {
	f := formReader{form: form}
	return Invitee{
		Customer:   f.text("customer", "Company", "Enter the company’s name", true, 120, Company),
		OwnerEmail: f.text("owner_email", "Customer’s email address or domain", "Enter the email address of the person to invite, or a domain such as @customer.example", false, 1024, Addressee),
		Specialist: f.text("specialist", "Specialist", "", false, 1024, Email),
	}, f.problems
}

// Company reads a company's name: anything with a letter or a digit in it.
func Company(s string) (string, string) {
	s = strings.Join(strings.Fields(s), " ")
	if m := clean("Company", s, true, 120); m != "" {
		return "", m
	}
	if !hasWord.MatchString(s) {
		return "", "Enter the company’s name"
	}
	return s, ""
}

var hasWord = regexp.MustCompile(`[\pL\pN]`)

// shapes has the reader of each shape of a vendor value, but for flags.
var shapes = map[onboarding.VendorShape]func(string) (string, string){
	onboarding.ShapeServiceAccount: ServiceAccount,
	onboarding.ShapeDeployment:     DeploymentName,
	onboarding.ShapeGoogleCustomer: googleCustomerID,
	onboarding.ShapeKey:            apiKey,
	onboarding.ShapeURL:            HTTPSURL,
	onboarding.ShapeProject:        ProjectID,
	onboarding.ShapeNetwork:        Network,
	onboarding.ShapeRedisVersion:   redisVersion,
	onboarding.ShapePattern:        accountPattern,
	onboarding.ShapeOrganization:   organizationID,
	onboarding.ShapeRegions:        regionList,
	onboarding.ShapeAddresses:      addressList,
	onboarding.ShapeAgeRecipient:   ageRecipient,
	onboarding.ShapeText:           words,
	onboarding.ShapeEmail:          Email,
	onboarding.ShapeContact:        contactAddress,
	onboarding.ShapeSpan:           span,
}

// reader is the reader of a vendor value.
func reader(d onboarding.VendorValue) func(string) (string, string) {
	if d.Shape == onboarding.ShapeRole {
		return roleAmong(d.Roles)
	}
	return shapes[d.Shape]
}

// roleAmong reads a custom role, or one of Google's roles that fit what it is for. A broad role, such as Owner, would hide
// behind the harmless description of the one that it replaces.
func roleAmong(fits string) func(string) (string, string) {
	return func(s string) (string, string) {
		role, problem := RoleName(s)
		if problem != "" || !strings.HasPrefix(role, "roles/") || role == fits || strings.HasSuffix(fits, ".") && strings.HasPrefix(role, fits) {
			return role, problem
		}
		if strings.HasSuffix(fits, ".") {
			return "", fmt.Sprintf("%s isn’t one of the roles for this. Enter a role that starts with %s, or a custom role", role, fits)
		}
		return "", fmt.Sprintf("%s isn’t one of the roles for this. Enter %s or a custom role", role, fits)
	}
}

// VendorForm is a form of vendor values that was read.
type VendorForm struct {
	Values   onboarding.VendorValues
	Sealed   map[onboarding.Purpose]onboarding.Secret // those that were entered
	Typed    onboarding.VendorValues                  // as typed, to show them again beside their problems
	Problems Problems
	Warnings []string // for the specialist to read; they don't stop a save
}

const vendorLimit = 4096 // characters of a value

// ParseVendor reads the values that a specialist enters for an onboarding. Every field may be empty: then the settings
// apply.
func ParseVendor(form url.Values, settings onboarding.VendorValues) VendorForm {
	f := formReader{form: form}
	out := VendorForm{Sealed: map[onboarding.Purpose]onboarding.Secret{}}
	for _, d := range onboarding.VendorDeclarations() {
		if d.Shape == onboarding.ShapeFlag {
			value := ""
			if ticked(form[d.Name]) {
				value = "on"
			}
			d.Set(&out.Values, value)
			d.Set(&out.Typed, value)
			continue
		}
		value := f.text(d.Name, d.Label, "", false, vendorLimit, reader(d))
		if d.Sealed != "" && value != "" {
			out.Sealed[d.Sealed] = onboarding.NewSecret(value)
		}
		d.Set(&out.Values, value)
		d.Set(&out.Typed, form.Get(d.Name))
	}
	v := out.Values
	if len(f.problems) == 0 && (v.ServingProject == "") != (v.ServingNetwork == "") {
		missing, message := servingProblem(v.ServingProject)
		f.problems = append(f.problems, Problem{missing, message})
	}
	out.Problems = f.problems
	if w := ControlPlaneWarning(v.ControlPlaneAccount, v.ProposedName); w != "" {
		out.Warnings = append(out.Warnings, w)
	}
	with := v.Inherit(settings)
	switch {
	case v.ControlPlaneAccount == "" && with.ControlPlanePattern == "":
		out.Warnings = append(out.Warnings, "Without the control plane service account, the onboarding waits on you before it can run")
	case v.ProposedName != "" && with.ControlPlane(v.ProposedName) == "":
		out.Warnings = append(out.Warnings, "With this name, the control plane account from the pattern is longer than Google allows. Enter the account. Otherwise, the onboarding waits on you before it can run")
	}
	return out
}

// VendorField is a vendor value as a field of a form. The settings' value is what applies while the field is empty.
func VendorField(d onboarding.VendorValue, v, settings onboarding.VendorValues, problems Problems) FieldView {
	f := FieldView{Name: d.Name, Label: d.Label, Hint: d.Hint, Kind: KindText, Mono: true, Optional: true, Value: d.Get(v), Width: d.Width, Errors: problems.At(d.Name)}
	switch {
	case d.Shape == onboarding.ShapeFlag:
		f.Kind, f.Mono, f.Optional = KindCheckbox, false, false
	case d.Sealed != "":
		f.Kind, f.Mono = KindSecret, false
	case d.Hidden && d.Get(settings) != "":
		f.Hint = strings.TrimSpace(f.Hint + " Empty: the address in the settings.")
	case d.Get(settings) != "" && d.Scope == onboarding.ScopeVendor:
		f.Hint = strings.TrimSpace(f.Hint + " Empty: " + d.Get(settings) + ", from the settings.")
	case d.Unconfirmed:
		f.Hint = strings.TrimSpace(f.Hint + " Default: " + d.Default + ", not confirmed by the vendor.")
	case d.Default != "":
		f.Hint = strings.TrimSpace(f.Hint + " Default: " + d.Default + ".")
	}
	return f
}

var controlPlaneShape = regexp.MustCompile(`^tecton-(.+)-control-plane@`)

// ControlPlaneWarning warns a specialist of a control plane account that doesn't look like the deployment's; "" if it
// does, or if either is unknown. Other shapes are allowed, since a long name would exceed Google's 30 characters.
func ControlPlaneWarning(account, deployment string) string {
	if account == "" || deployment == "" {
		return ""
	}
	m := controlPlaneShape.FindStringSubmatch(account)
	switch {
	case m == nil:
		return fmt.Sprintf("%s doesn’t have the usual form, tecton-%s-control-plane@…. Check that it is the right account", account, deployment)
	case m[1] != deployment:
		return fmt.Sprintf("%s is named after the deployment %s, but this one is %s. Check that it is the right account", account, m[1], deployment)
	}
	return ""
}

var (
	redisShape    = regexp.MustCompile(`^[1-9][0-9]?(?:\.(?:x|[0-9]{1,2}(?:\.(?:x|[0-9]{1,3}))?))?$`)
	customerShape = regexp.MustCompile(`^C[0-9a-z]{6,12}$`)
)

func redisVersion(s string) (string, string) {
	if s = strings.ToLower(strings.TrimSpace(s)); !redisShape.MatchString(s) {
		return "", "Enter a Redis version such as 6.x or 7.2"
	}
	return s, ""
}

// googleCustomerID reads a Cloud Identity customer's ID.
// Source: cloud.google.com/resource-manager/docs/organization-policy/restricting-domains.
func googleCustomerID(s string) (string, string) {
	if s = strings.TrimSpace(s); !customerShape.MatchString(s) {
		return "", "Enter the customer ID from the Google Admin console. It starts with C, for example C01abc23d"
	}
	return s, ""
}

// apiKey reads a key of printable ASCII without spaces.
func apiKey(s string) (string, string) {
	if strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' }) {
		return "", "Paste the API key exactly as you got it: letters, digits, and symbols, without spaces"
	}
	return s, ""
}
