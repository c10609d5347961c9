package onboarding

import (
	"regexp"
	"slices"
	"strings"
)

// VendorScope says for what a vendor value is entered.
type VendorScope string

// The scopes.
const (
	ScopeOnboarding VendorScope = "onboarding" // differs from one onboarding to the next
	ScopeVendor     VendorScope = "vendor"     // the same for all onboardings, unless one of them says otherwise
)

// VendorShape says what a vendor value looks like. The wizard has a reader for each shape.
type VendorShape string

// The shapes.
const (
	ShapeFlag           VendorShape = "flag" // a bool; all others are texts
	ShapeServiceAccount VendorShape = "service_account"
	ShapeDeployment     VendorShape = "deployment_name"
	ShapeGoogleCustomer VendorShape = "google_customer_id"
	ShapeKey            VendorShape = "key"
	ShapeURL            VendorShape = "https_url"
	ShapeRole           VendorShape = "role"
	ShapeProject        VendorShape = "project_id"
	ShapeNetwork        VendorShape = "network"
	ShapeRedisVersion   VendorShape = "redis_version"
	ShapePattern        VendorShape = "account_pattern" // a service account with {deployment} in it
	ShapeOrganization   VendorShape = "organization_id"
	ShapeRegions        VendorShape = "regions"   // names, separated by commas
	ShapeAddresses      VendorShape = "addresses" // IPv4 addresses and CIDR ranges, separated by commas
	ShapeAgeRecipient   VendorShape = "age_recipient"
	ShapeText           VendorShape = "text"
	ShapeEmail          VendorShape = "email"
	ShapeContact        VendorShape = "contact" // an email or https address
	ShapeSpan           VendorShape = "span"    // see [ParseSpan]
	ShapeChoice         VendorShape = "choice"
)

// VendorValue declares one value that the vendor enters: forms, checks, defaults and the history follow from it.
type VendorValue struct {
	Name        string // of the form field, and the JSON key in [VendorValues]
	Label, Hint string
	Shape       VendorShape
	Scope       VendorScope
	Default     string // stands for an empty value
	Unconfirmed bool   // the vendor hasn't confirmed the default
	Roles       string // of Google's own roles, those that fit: this one, or any that begins with it if it ends with "."
	Hidden      bool   // the history doesn't show it: anyone who has it can use it
	Sealed      Purpose
	Width       int  // of the input in characters, 0: full
	Half        bool // shares a row of the form with its neighbor
	// One of these says where the value is kept; neither, if it is sealed.
	text func(*VendorValues) *string
	flag func(*VendorValues) *bool
}

// VendorGroup is a section of the form.
type VendorGroup struct {
	Title  string
	Values []VendorValue
}

// The names of values that messages point at.
const (
	VendorProposedName    = "proposed_name"
	VendorAPIKey          = "vendor_api_key"
	VendorServingProject  = "serving_project"
	VendorServingNetwork  = "serving_network"
	VendorSecretsURL      = "secrets_url"
	VendorEgress          = "egress_addresses"
	VendorControlPlaneIPs = "control_plane_addresses"
)

// VendorGroups declares all vendor values, in the order of the form.
var VendorGroups = []VendorGroup{
	{"Deployment", []VendorValue{
		{Name: "control_plane_account", Label: "Control plane service account", Hint: "tecton-<deployment>-control-plane@….iam.gserviceaccount.com. The customer confirms it. If this is empty, it follows the pattern in the settings.", Shape: ShapeServiceAccount, Scope: ScopeOnboarding, text: func(v *VendorValues) *string { return &v.ControlPlaneAccount }},
		{Name: VendorProposedName, Label: "Deployment name to propose", Hint: "At most 21 lowercase letters, digits, and hyphens. The customer may change it.", Shape: ShapeDeployment, Scope: ScopeOnboarding, Width: 21, text: func(v *VendorValues) *string { return &v.ProposedName }},
		{Name: "control_plane_pattern", Label: "Pattern of the control plane account", Hint: "With {deployment} where the deployment name goes: tecton-{deployment}-control-plane@tecton-control.iam.gserviceaccount.com.", Shape: ShapePattern, Scope: ScopeVendor, text: func(v *VendorValues) *string { return &v.ControlPlanePattern }},
		{Name: "google_customer_id", Label: "Our Google customer ID", Hint: "Starts with C0. We include it in the request to an organization's administrator.", Shape: ShapeGoogleCustomer, Scope: ScopeVendor, Width: 20, text: func(v *VendorValues) *string { return &v.GoogleCustomerID }},
		{Name: "organization_id", Label: "Our Google organization ID", Hint: "Digits only. Newer organization policies name organizations instead of customers.", Shape: ShapeOrganization, Scope: ScopeVendor, Width: 20, text: func(v *VendorValues) *string { return &v.OrganizationID }},
		{Name: "offered_regions", Label: "Offered regions", Hint: "Separated by commas, such as us-west1, europe-west1. Empty: all of Google Cloud.", Shape: ShapeRegions, Scope: ScopeVendor, text: func(v *VendorValues) *string { return &v.OfferedRegions }},
		{Name: VendorAPIKey, Label: "API key for notebooks", Hint: "TECTON_API_KEY. It is stored encrypted and never shown again.", Shape: ShapeKey, Scope: ScopeOnboarding, Sealed: PurposeVendorAPIKey, Width: 40},
		{Name: "handover_url", Label: "Address for the handover record", Hint: "A presigned https address. The record is sent there with PUT.", Shape: ShapeURL, Scope: ScopeVendor, Hidden: true, text: func(v *VendorValues) *string { return &v.HandoverURL }},
		{Name: VendorSecretsURL, Label: "Address for the encrypted secrets", Hint: "Its own presigned https address, because each address names one object.", Shape: ShapeURL, Scope: ScopeOnboarding, Hidden: true, text: func(v *VendorValues) *string { return &v.SecretsURL }},
	}},
	{"Compute and roles", []VendorValue{
		{Name: "allow_dataproc", Label: "Offer Dataproc", Hint: "Databricks is always offered.", Shape: ShapeFlag, Scope: ScopeOnboarding, flag: func(v *VendorValues) *bool { return &v.AllowDataproc }},
		{Name: "no_read_session_role", Label: "Leave out the role for BigQuery read sessions", Hint: "By default, not confirmed by the vendor, Spark gets roles/bigquery.readSessionUser on the data plane project if any BigQuery data source is chosen. Its BigQuery connector needs it.", Shape: ShapeFlag, Scope: ScopeVendor, flag: func(v *VendorValues) *bool { return &v.NoReadSessionRole }},
		{Name: "no_scope_readers", Label: "Don’t give everyone READ on the secret scope", Hint: "By default, the group users of the Databricks workspace gets READ on the secret scope for notebooks, so that everyone’s notebooks can read it. Otherwise, on the Premium tier, only the token’s owner can.", Shape: ShapeFlag, Scope: ScopeVendor, flag: func(v *VendorValues) *bool { return &v.NoScopeReaders }},
		{Name: VendorEgress, Label: "Addresses that this service calls from", Hint: "IPv4 addresses or ranges, separated by commas, such as 203.0.113.7, 203.0.113.32/28. Customers add them to the IP access list of their Databricks workspace.", Shape: ShapeAddresses, Scope: ScopeVendor, text: func(v *VendorValues) *string { return &v.EgressAddresses }},
		{Name: VendorControlPlaneIPs, Label: "Addresses of the control plane", Hint: "The addresses that the control plane calls the workspace from, for the same list.", Shape: ShapeAddresses, Scope: ScopeVendor, text: func(v *VendorValues) *string { return &v.ControlPlaneAddresses }},
		{Name: "act_as_role", Label: "Role to run jobs as the Spark account", Shape: ShapeRole, Roles: "roles/iam.serviceAccountUser", Scope: ScopeVendor, Default: "roles/iam.serviceAccountUser", Half: true, text: func(v *VendorValues) *string { return &v.ActAsRole }},
		{Name: "workspace_role", Label: "Databricks workspace’s role on the Spark account", Hint: "Only for a workspace in another project.", Shape: ShapeRole, Roles: "roles/iam.serviceAccountUser", Scope: ScopeVendor, Default: "roles/iam.serviceAccountUser", Unconfirmed: true, text: func(v *VendorValues) *string { return &v.WorkspaceRole }},
		{Name: "dataproc_control_plane_role", Label: "Control plane's role for Dataproc", Shape: ShapeRole, Roles: "roles/dataproc.", Scope: ScopeVendor, Default: "roles/dataproc.editor", Unconfirmed: true, Half: true, text: func(v *VendorValues) *string { return &v.DataprocControlPlaneRole }},
		{Name: "bigtable_spark_role", Label: "Spark's role on Bigtable", Shape: ShapeRole, Roles: "roles/bigtable.", Scope: ScopeVendor, Default: "roles/bigtable.user", Unconfirmed: true, Half: true, text: func(v *VendorValues) *string { return &v.BigtableSparkRole }},
		{Name: "bigtable_control_plane_role", Label: "Control plane's role on Bigtable", Shape: ShapeRole, Roles: "roles/bigtable.", Scope: ScopeVendor, Default: "roles/bigtable.admin", Unconfirmed: true, Half: true, text: func(v *VendorValues) *string { return &v.BigtableControlPlaneRole }},
	}},
	{"Serving plane and Redis", []VendorValue{
		{Name: "serving_account", Label: "Serving service account", Hint: "Gets the Spark role on Bigtable.", Shape: ShapeServiceAccount, Scope: ScopeVendor, text: func(v *VendorValues) *string { return &v.ServingAccount }},
		{Name: VendorServingProject, Label: "Serving project", Hint: "For the Redis peering.", Shape: ShapeProject, Scope: ScopeVendor, Width: 30, Half: true, text: func(v *VendorValues) *string { return &v.ServingProject }},
		{Name: VendorServingNetwork, Label: "Serving network", Hint: "For the Redis peering.", Shape: ShapeNetwork, Scope: ScopeVendor, Width: 30, Half: true, text: func(v *VendorValues) *string { return &v.ServingNetwork }},
		{Name: "redis_version", Label: "Redis version", Shape: ShapeRedisVersion, Scope: ScopeVendor, Default: "6.x", Width: 8, text: func(v *VendorValues) *string { return &v.RedisVersion }},
	}},
}

var vendorDeclarations = func() (all []VendorValue) {
	for _, g := range VendorGroups {
		all = append(all, g.Values...)
	}
	return all
}()

// VendorDeclarations are the values of all groups. They are shared: change none.
func VendorDeclarations() []VendorValue { return vendorDeclarations }

// Get is the value among v as text: "on" or "" for a flag, "" for a sealed value.
func (d VendorValue) Get(v VendorValues) string { return d.of(&v) }

func (d VendorValue) of(v *VendorValues) string {
	switch {
	case d.text != nil:
		return *d.text(v)
	case d.flag != nil && *d.flag(v):
		return "on"
	}
	return ""
}

// Set is the reverse of [VendorValue.Get]. It leaves v alone for a sealed value.
func (d VendorValue) Set(v *VendorValues, value string) {
	switch {
	case d.text != nil:
		*d.text(v) = value
	case d.flag != nil:
		*d.flag(v) = value != ""
	}
}

// Defaults returns v with each empty value replaced by its default.
func (v VendorValues) Defaults() VendorValues {
	for _, d := range VendorDeclarations() {
		if d.Default != "" && d.of(&v) == "" {
			d.Set(&v, d.Default)
		}
	}
	return v
}

// Inherit returns v with each empty value that the vendor enters once replaced by what the settings say.
func (v VendorValues) Inherit(settings VendorValues) VendorValues {
	for _, d := range VendorDeclarations() {
		if d.Scope == ScopeVendor && d.of(&v) == "" {
			d.Set(&v, d.of(&settings))
		}
	}
	return v
}

// PatternName stands for the deployment's name in [VendorValues.ControlPlanePattern].
const PatternName = "{deployment}"

// serviceAccountShape is the address of a service account: its ID has 6 to 30 characters, and so has its project's.
var serviceAccountShape = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]@(?:[a-z0-9.]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]\.iam\.gserviceaccount\.com$`)

// ControlPlane is the control plane service account of a deployment: the one that was entered for it, else the one that
// follows from the pattern; "" while neither is known, or where the name makes the pattern longer than Google allows.
func (v VendorValues) ControlPlane(deployment string) string {
	if v.ControlPlaneAccount != "" || deployment == "" {
		return v.ControlPlaneAccount
	}
	account := strings.ReplaceAll(v.ControlPlanePattern, PatternName, deployment)
	if !serviceAccountShape.MatchString(account) {
		return ""
	}
	return account
}

// Changes lists what differs between v and the values that replace it, with defaults filled in. Given are the purposes
// of the sealed values that come with them.
func (v VendorValues) Changes(to VendorValues, given ...Purpose) []Change {
	v, to = v.Defaults(), to.Defaults()
	var out []Change
	for _, d := range VendorDeclarations() {
		before, after := d.Get(v), d.Get(to)
		switch {
		case d.Sealed != "":
			if slices.Contains(given, d.Sealed) {
				out = append(out, Change{Label: d.Label, After: SecretGiven})
			}
		case before == after:
		case d.Hidden:
			out = append(out, Change{Label: d.Label, After: secretAfter(before != "", after != "")})
		case d.Shape == ShapeFlag:
			out = append(out, Change{d.Label, yesNo(before), yesNo(after)})
		default:
			out = append(out, Change{d.Label, before, after})
		}
	}
	return out
}

func yesNo(flag string) string {
	if flag == "" {
		return "No"
	}
	return "Yes"
}

func secretAfter(was, is bool) string {
	switch {
	case was && is:
		return SecretChanged
	case is:
		return SecretGiven
	default:
		return "removed"
	}
}

// AddressesToAllow says what belongs on the IP access list of the customer's workspace, after "adds": the addresses that call
// it, as far as the settings know them.
func (v VendorValues) AddressesToAllow() string {
	switch ours, theirs := v.EgressAddresses, v.ControlPlaneAddresses; {
	case ours == "" && theirs == "":
		return "the addresses of this service and of the vendor's control plane to the list: your specialist knows them."
	case ours == "":
		return theirs + " to the list, where the vendor's control plane calls from, and the addresses of this service too: your specialist knows them."
	case theirs == "":
		return ours + " to the list, and the addresses of the vendor's control plane too: your specialist knows them."
	default:
		return "these addresses to the list. This service: " + ours + ". The vendor's control plane: " + theirs + "."
	}
}
