package onboarding

import (
	"regexp"
	"strings"
)

// VendorRight is one thing that an account of the vendor may do in the customer's cloud after a run, and how to end only
// that.
type VendorRight struct {
	Account string `json:"account"` // "control_plane" or "serving_plane"
	Binding
	Why string `json:"why"`
	End string `json:"end,omitempty"` // a gcloud command; absent where there is none
}

// VendorRight reports what a binding gives to the vendor; false if its member is not the vendor's.
func (s Spec) VendorRight(b Binding, why string) (VendorRight, bool) {
	r := VendorRight{Binding: b, Why: why, End: b.EndCommand()}
	switch strings.TrimPrefix(b.Member, "serviceAccount:") {
	case "":
		return r, false
	case s.ControlPlaneAccount:
		r.Account = "control_plane"
	case s.Vendor.ServingAccount:
		r.Account = "serving_plane"
	default:
		return r, false
	}
	return r, true
}

// SecretRight is what a secret of the customer's lets the vendor do, which no binding says, and how to end it.
type SecretRight struct {
	Purpose
	On     string // where it opens; "" the spec doesn't say
	Allows string
	End    string
}

// SecretRights are what the customer's secrets let the vendor do.
func (s Spec) SecretRights(purposes []Purpose) []SecretRight {
	var out []SecretRight
	for _, p := range purposes {
		switch p {
		case PurposeDatabricksToken:
			out = append(out, SecretRight{
				p, s.Databricks.WorkspaceURL, "It acts in the workspace as its owner: it starts clusters and runs jobs, and can do anything else its owner can.",
				"Revoke the token in the workspace. A workspace administrator can revoke any token; its owner finds it under Settings, Developer, Access tokens.",
			})
		case PurposeRedisToken:
			out = append(out, SecretRight{
				p, s.Redis.Endpoint, "It reads and writes everything in the database, as the default user.",
				"Change the default user’s password in the Redis console.",
			})
		}
	}
	return out
}

// SecretsForVendor are the secrets that the vendor gets after a run.
func (s Spec) SecretsForVendor() []Purpose {
	var out []Purpose
	if s.Compute == ComputeDatabricks {
		out = append(out, PurposeDatabricksToken)
	}
	if s.OnlineStore == OnlineRedis {
		out = append(out, PurposeRedisToken)
	}
	return out
}

// shellSafe is what a shell takes literally, and all that the parts of a binding consist of.
var shellSafe = regexp.MustCompile(`^[A-Za-z0-9@._:/-]*$`)

// EndCommand is the command that removes exactly this binding; "" where gcloud has no command for it, and for one whose parts
// a shell would not take literally.
func (b Binding) EndCommand() string {
	if !shellSafe.MatchString(b.On + b.Member + b.Role) {
		return ""
	}
	args := " --member=" + b.Member + " --role=" + b.Role
	project, rest, _ := strings.Cut(strings.TrimPrefix(b.On, "projects/"), "/")
	switch {
	case strings.HasPrefix(b.On, "gs://"):
		return "gcloud storage buckets remove-iam-policy-binding " + b.On + args
	case strings.HasPrefix(b.On, "serviceAccounts/"):
		email := strings.TrimPrefix(b.On, "serviceAccounts/")
		_, domain, _ := strings.Cut(email, "@")
		return "gcloud iam service-accounts remove-iam-policy-binding " + email + " --project=" + strings.TrimSuffix(domain, ".iam.gserviceaccount.com") + args
	case strings.HasPrefix(rest, "instances/"):
		return "gcloud bigtable instances remove-iam-policy-binding " + strings.TrimPrefix(rest, "instances/") + " --project=" + project + args
	case strings.HasPrefix(b.On, "projects/") && rest == "":
		return "gcloud projects remove-iam-policy-binding " + project + args
	default:
		return ""
	}
}
