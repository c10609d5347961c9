package wizard

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"groundwork/onboarding"
)

// Invitee is who a new onboarding is for, and who helps.
type Invitee struct {
	Customer   string // the company's name
	OwnerEmail string // an [onboarding.Addressee]
	Specialist string // e-mail address, "" leaves it unassigned
}

// formReader reads single values of a form and collects what is to be mended.
type formReader struct {
	form     url.Values
	problems Problems
}

// text reads one field; an empty one gives need, which is "" where the field may stay empty.
func (f *formReader) text(name, label, need string, free bool, limit int, read func(string) (string, string)) string {
	raw, repeated := single(f.form[name])
	value := strings.TrimSpace(raw)
	var problem string
	switch {
	case repeated:
		problem = fmt.Sprintf("Give one answer only for “%s”", label)
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
		OwnerEmail: f.text("owner_email", "Customer’s e-mail address or domain", "Enter the e-mail address of the person to invite, or a domain such as @customer.example", false, 1024, Addressee),
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

// ParseVendor reads the values that a specialist enters for an onboarding. Every field may be empty. The warnings
// don't stop a save: they are for the specialist to read. The fields are control_plane_account, proposed_name,
// allow_dataproc, dataproc_control_plane_role, act_as_role, bigtable_spark_role, bigtable_control_plane_role,
// serving_account, serving_project, serving_network, redis_version, google_customer_id and handover_url.
func ParseVendor(form url.Values) (onboarding.VendorValues, Problems, []string) {
	f := formReader{form: form}
	optional := func(name, label string, read func(string) (string, string)) string {
		return f.text(name, label, "", false, 4096, read)
	}
	v := onboarding.VendorValues{
		ControlPlaneAccount:      optional("control_plane_account", "Control plane service account", ServiceAccount),
		ProposedName:             optional("proposed_name", "Proposed name", DeploymentName),
		AllowDataproc:            ticked(form["allow_dataproc"]),
		DataprocControlPlaneRole: optional("dataproc_control_plane_role", "Dataproc role", RoleName),
		ActAsRole:                optional("act_as_role", "Act-as role", RoleName),
		BigtableSparkRole:        optional("bigtable_spark_role", "Bigtable role of the Spark account", RoleName),
		BigtableControlPlaneRole: optional("bigtable_control_plane_role", "Bigtable role of the control plane", RoleName),
		ServingAccount:           optional("serving_account", "Serving service account", ServiceAccount),
		ServingProject:           optional("serving_project", "Serving project", ProjectID),
		ServingNetwork:           optional("serving_network", "Serving network", Network),
		RedisVersion:             optional("redis_version", "Redis version", redisVersion),
		GoogleCustomerID:         optional("google_customer_id", "Google customer ID", googleCustomerID),
		HandoverURL:              optional("handover_url", "Handover address", HTTPSURL),
	}
	if len(f.problems) == 0 && (v.ServingProject == "") != (v.ServingNetwork == "") {
		missing, message := "serving_network", "Enter the serving network too, or leave both empty"
		if v.ServingProject == "" {
			missing, message = "serving_project", "Enter the serving project too, or leave both empty"
		}
		f.problems = append(f.problems, Problem{missing, message})
	}
	var warnings []string
	if w := ControlPlaneWarning(v.ControlPlaneAccount, v.ProposedName); w != "" {
		warnings = append(warnings, w)
	}
	if v.ControlPlaneAccount == "" {
		warnings = append(warnings, "Without the control plane service account the onboarding waits on you before it can run")
	}
	return v, f.problems, warnings
}

var controlPlaneShape = regexp.MustCompile(`^tecton-(.+)-control-plane@`)

// ControlPlaneWarning tells a specialist that a control plane account doesn't look like the deployment's: "" when it
// does, or when either isn't known. The usual shape is guidance, since a long name would pass Google's 30 characters.
func ControlPlaneWarning(account, deployment string) string {
	if account == "" || deployment == "" {
		return ""
	}
	m := controlPlaneShape.FindStringSubmatch(account)
	switch {
	case m == nil:
		return fmt.Sprintf("%s isn’t of the usual shape, tecton-%s-control-plane@…. Check that it is the right account", account, deployment)
	case m[1] != deployment:
		return fmt.Sprintf("%s is named after the deployment %s, and this one is %s. Check that it is the right account", account, m[1], deployment)
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
