package resources

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/databricks"
)

type workspace struct {
	URL     string `json:"url"`
	Runtime string `json:"runtime"` // "15.4.x-scala2.12"

	problems []onboarding.Delta // of what was found
}

// DatabricksCheck asks the workspace what the vendor will need of it: who the token is, whether it may create
// clusters, and whether the runtime is offered. It changes nothing.
var DatabricksCheck = provisioner.Define(provisioner.StepDef[workspace]{
	Name:     "databricks-check",
	Desired:  wantWorkspace,
	Describe: describeWorkspace,
	Check:    checkWorkspace,
	Diff:     func(_, got workspace) []onboarding.Delta { return got.problems },
	Facts:    factsOfWorkspace,
	Unchecked: map[onboarding.Purpose]string{
		onboarding.PurposeDatabricksToken: "The Databricks workspace: its token was wiped after the handover. To have it checked or repaired, enter the token again at the compute platform step.",
	},
	Timeout: 5 * time.Minute,
})

func wantWorkspace(spec onboarding.Spec) []provisioner.Want[workspace] {
	if spec.Compute != onboarding.ComputeDatabricks {
		return nil
	}
	return provisioner.One(workspace{URL: spec.Databricks.WorkspaceURL, Runtime: spec.Databricks.Runtime})
}

func describeWorkspace(_ onboarding.Spec, want workspace) provisioner.Description {
	return provisioner.Description{
		Title: "Check the Databricks workspace", Noun: "the Databricks workspace", Resource: want.URL,
		Why:     "The control plane starts clusters here with your token: it must be accepted and allowed to create clusters, and the runtime " + want.Runtime + " must be offered.",
		Console: want.URL,
	}
}

func factsOfWorkspace(_ onboarding.Spec, want workspace) []onboarding.Fact {
	return []onboarding.Fact{
		{Key: "compute.workspace_url", Value: want.URL, Label: "Databricks workspace"},
		{Key: "compute.runtime_version", Value: want.Runtime, Label: "Databricks Runtime"},
	}
}

// checkWorkspace leaves what it learned in the task's log, whence the record takes it.
func checkWorkspace(ctx context.Context, env *provisioner.Env, want workspace) (*provisioner.Observed[workspace], error) {
	client, err := openWorkspace(ctx, env)
	if errors.Is(err, errWiped) {
		env.Say(provisioner.NotTested, "The Databricks token was wiped after the handover, so the workspace was not checked again. To have it checked, enter the token again at the compute platform step")
		return &provisioner.Observed[workspace]{State: workspace{URL: want.URL, Runtime: want.Runtime}}, nil
	}
	if err != nil {
		return nil, err
	}
	me, err := client.Me(ctx)
	if err != nil {
		return nil, workspaceError(env, err, want.URL)
	}
	may, unread, err := client.CanCreateClusters(ctx, me)
	if err != nil {
		return nil, workspaceError(env, err, want.URL)
	}
	offered, err := client.SparkVersions(ctx)
	if err != nil {
		return nil, workspaceError(env, err, want.URL)
	}
	got := workspace{URL: want.URL, Runtime: want.Runtime}
	var policies []string
	if !may {
		if policies, err = client.ClusterPolicies(ctx); err != nil && !databricks.IsStatus(err, http.StatusForbidden) && !databricks.IsStatus(err, http.StatusNotFound) {
			return nil, workspaceError(env, err, want.URL)
		}
	}
	if !may && len(policies) == 0 && len(unread) == 0 {
		got.problems = append(got.problems, onboarding.Differs("clusters", fmt.Sprintf("the token's owner, %s, isn't allowed to create clusters: ask a workspace administrator for the entitlement \"Unrestricted cluster creation\"", me)))
	}
	if !slices.ContainsFunc(offered, func(r databricks.Runtime) bool { return r.Key == want.Runtime }) {
		got.problems = append(got.problems, onboarding.Differs("runtime", "the workspace does not offer the runtime "+want.Runtime+": choose another in your answers", want.Runtime))
	}
	if len(got.problems) == 0 {
		how := "which may create clusters"
		switch {
		case !may && len(policies) == 0:
			how = "for which it couldn't be determined whether it may create clusters"
			env.Say(provisioner.Warning, "It couldn't be determined whether the token's owner, %s, may create clusters: it can't read its own groups (%s). Ask a workspace administrator whether the owner or one of these groups has the entitlement \"Unrestricted cluster creation\"", me, strings.Join(unread, ", "))
		case !may:
			how = "which may create clusters by the cluster policies " + strings.Join(policies, ", ")
			env.Say(provisioner.Warning, "The token's owner can create clusters only under the cluster policies %s. Clusters that the vendor requests but these policies forbid won't start: give it the entitlement \"Unrestricted cluster creation\", or check the policies with your specialist", strings.Join(policies, ", "))
		}
		env.Log("Databricks accepted the token of %s, %s; the runtime %s is offered", me, how, want.Runtime)
		env.Say(provisioner.Principal, "%s", me)
		if !me.ServicePrincipal {
			env.Say(provisioner.Warning, "Jobs will run as a person. A service principal's token is better: it keeps working when people leave")
		}
	}
	return &provisioner.Observed[workspace]{State: got}, nil
}

var (
	// errWiped says that a secret was answered and is no longer held: the run that needed it has ended.
	errWiped = errors.New("the secret was wiped after the handover")
	// errNone says that a secret was not given, or was wiped before a run had used it.
	errNone = errors.New("there is no such secret")
)

// openSecret opens a sealed secret at the last moment, for the address that it is sent to.
func openSecret(ctx context.Context, env *provisioner.Env, purpose onboarding.Purpose, address string) (onboarding.Secret, error) {
	secret, err := env.Secret(ctx, purpose, address)
	switch {
	case errors.Is(err, onboarding.ErrOtherAddress):
		return secret, &onboarding.Blocked{
			Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Action: "Check " + address + ", and enter its token again",
			Why: "The token was entered for a different address than " + address + ", so it wasn't sent there. Check the address, enter its token again, then retry.", Err: err,
		}
	case onboarding.ErrorCode(err) == onboarding.CodeGone:
		return secret, errWiped
	case onboarding.ErrorCode(err) == onboarding.CodeNotFound:
		return secret, errNone
	case err != nil:
		return secret, fmt.Errorf("open %s: %w", purpose, err)
	}
	return secret, nil
}

func openWorkspace(ctx context.Context, env *provisioner.Env) (databricks.Client, error) {
	if env.Spec.Databricks.Token != onboarding.SecretSet {
		return databricks.Client{}, &onboarding.Blocked{
			Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Action: "Enter the Databricks token",
			Why: "We don't have the workspace's API token yet. Create one for a service principal in the workspace and enter it at the compute step.",
		}
	}
	token, err := openSecret(ctx, env, onboarding.PurposeDatabricksToken, env.Spec.Databricks.WorkspaceURL)
	if errors.Is(err, errNone) {
		return databricks.Client{}, &onboarding.Blocked{
			Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Action: "Enter the Databricks token again",
			Why: "The workspace's API token was wiped before it was used. Enter one at the compute step, then try again.",
		}
	}
	if err != nil {
		return databricks.Client{}, err
	}
	return databricks.Client{HTTP: env.HTTP, URL: env.Spec.Databricks.WorkspaceURL, Token: token}, nil
}

// blockedAddress is in a refusal by the workspace's IP access list.
var blockedAddress = regexp.MustCompile(`Source IP address: (\S+) is blocked by Databricks IP ACL`)

// workspaceError says what a workspace's refusal means for the customer.
func workspaceError(env *provisioner.Env, err error, address string) error {
	var refused *onboarding.Error // of the guard: the address itself is not allowed
	var answer *databricks.Error
	blocked := func(action, why string) error {
		return &onboarding.Blocked{Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Action: action, Why: why, Err: err}
	}
	switch {
	case errors.As(err, &refused):
		return err
	case !errors.As(err, &answer):
		return &onboarding.NotReady{Why: "The workspace " + address + " cannot be reached. If this continues, check that the address is right and that the workspace accepts connections from the internet"}
	case answer.Status == http.StatusUnauthorized, answer.Status == http.StatusForbidden && strings.Contains(answer.Message, "access token"):
		return blocked("Enter a new Databricks token", "The workspace does not accept the token: it is wrong, or it has expired.")
	case answer.Status == http.StatusForbidden && blockedAddress.MatchString(answer.Message):
		from := blockedAddress.FindStringSubmatch(answer.Message)[1]
		action, whose := listedAddresses(env.Spec.Vendor, from)
		return blocked(action, "The workspace's IP access list blocks the address "+from+", which we call from. A workspace administrator can add "+whose+" Databricks says: "+answer.Message)
	case answer.Status == http.StatusForbidden:
		return blocked("Give the token's owner more permissions, or enter another token", "The workspace refused the call: "+answer.Message)
	case answer.Status == http.StatusTooManyRequests, answer.Status >= 500:
		return &onboarding.NotReady{Why: fmt.Sprintf("The workspace returned %d. We'll try again", answer.Status)}
	case answer.Code != "":
		return blocked("Fix the problem that Databricks reports, then try again", fmt.Sprintf("The workspace refused the call. Databricks says: %s (%s)", answer.Message, answer.Code))
	default:
		return blocked("Check the workspace's address", fmt.Sprintf("%s did not answer like a Databricks workspace (%d).", address, answer.Status))
	}
}

// listedAddresses says what belongs on the workspace's IP access list when it blocked from: the vendor's addresses, and where
// those aren't set, the one that Databricks refused.
func listedAddresses(v onboarding.VendorValues, from string) (action, whose string) {
	ours := v.EgressAddresses
	switch {
	case ours == "":
		ours = from
	case !covers(ours, from):
		ours = from + ", " + ours
	}
	v.EgressAddresses = ours
	if v.ControlPlaneAddresses == "" {
		return "Add " + ours + " to the workspace's IP access list", v.AddressesToAllow()
	}
	return "Add " + ours + " and " + v.ControlPlaneAddresses + " to the workspace's IP access list", v.AddressesToAllow()
}

// covers reports whether a list of addresses and ranges has the address.
func covers(list, address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(strings.Split(list, ", "), func(text string) bool {
		if p, err := netip.ParsePrefix(text); err == nil {
			return p.Contains(a)
		}
		return text == a.String()
	})
}
