package resources

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/databricks"
)

// The keys that the vendor's notebooks read.
const (
	keyAddress = "API_SERVICE"
	keyAPIKey  = "TECTON_API_KEY"
)

type scope struct {
	Workspace string   `json:"workspace"`
	Scope     string   `json:"scope"`
	Address   string   `json:"address"` // the value of API_SERVICE
	Keys      []string `json:"keys"`    // TECTON_API_KEY counts as there while the specialist has supplied none
}

// DatabricksSecretScope makes the secret scope from which notebooks read the deployment's address and API key.
// A workspace keeps no owner of a scope, so teardown, which has no token any more, leaves it.
var DatabricksSecretScope = provisioner.Define(provisioner.StepDef[scope]{
	Name:      "databricks-secret-scope",
	DependsOn: []*provisioner.Step{DatabricksCheck},
	Desired:   wantScope,
	Identity:  func(s scope) string { return s.Workspace + " " + s.Scope },
	Describe:  describeScope,
	Check:     checkScope,
	Diff:      diffScope,
	Apply:     applyScope,
	Stays:     "It stays: a teardown doesn't ask for your workspace's token. Delete the scope in Databricks once notebooks no longer need it.",
	Makes:     "secret scope",
	Facts:     factsOfScope,
	ByHand:    scopeByHand,
	Unchecked: map[onboarding.Purpose]string{
		onboarding.PurposeVendorAPIKey: "The API key in the secret scope: it was wiped after the handover. If notebooks lack it, ask your specialist to enter it again.",
	},
	Shared: true,
	By:     "Databricks",
})

func wantScope(spec onboarding.Spec) []provisioner.Want[scope] {
	if spec.Compute != onboarding.ComputeDatabricks || !spec.Databricks.SecretScope {
		return nil
	}
	return provisioner.One(scope{
		Workspace: spec.Databricks.WorkspaceURL, Scope: spec.SecretScope(), Address: spec.UIAddress(), Keys: []string{keyAddress, keyAPIKey},
	})
}

func describeScope(_ onboarding.Spec, want scope) provisioner.Description {
	return provisioner.Description{
		Title: "Create the secret scope for notebooks", Noun: "the secret scope for notebooks", Resource: want.Workspace + " scope " + want.Scope,
		Why:     "Notebooks read the address (" + keyAddress + ") from here, and the API key (" + keyAPIKey + ") if your specialist supplied one.",
		Console: want.Workspace,
	}
}

func factsOfScope(_ onboarding.Spec, want scope) []onboarding.Fact {
	return []onboarding.Fact{{Key: "compute.secret_scope", Value: want.Scope, Label: "Databricks secret scope"}}
}

// checkScope asks as the token's owner, not with the customer's access to Google Cloud, and says so for the record.
func checkScope(ctx context.Context, env *provisioner.Env, want scope) (*provisioner.Observed[scope], error) {
	client, err := openWorkspace(ctx, env)
	if errors.Is(err, errWiped) {
		env.Say(provisioner.NotTested, "The Databricks token was wiped after the handover, so the secret scope was not checked again. To have it repaired, enter the token again at the compute platform step")
		return &provisioner.Observed[scope]{State: want}, nil
	}
	if err != nil {
		return nil, err
	}
	got := want
	var there bool
	if got.Keys, there, err = keysOf(ctx, env, client, want.Workspace, want.Scope); err != nil || !there {
		return nil, err
	}
	if !slices.Contains(got.Keys, keyAPIKey) {
		switch _, err := env.Secret(ctx, onboarding.PurposeVendorAPIKey, ""); onboarding.ErrorCode(err) {
		case "":
		case onboarding.CodeNotFound: // none was supplied
			got.Keys = append(got.Keys, keyAPIKey)
		case onboarding.CodeGone:
			return nil, &onboarding.Blocked{
				Code: onboarding.CodeGuide, On: onboarding.PartySpecialist, Action: "Enter the API key for notebooks again",
				Why: "The secret scope " + want.Scope + " lacks the API key (" + keyAPIKey + "), which was wiped after the handover. Your specialist has to enter it again with the values of the deployment. If there is none, turn off the secret scope at the compute platform step.",
			}
		default:
			return nil, fmt.Errorf("open the API key: %w", err)
		}
	}
	if err := sayOwner(ctx, env, client, want.Workspace); err != nil {
		return nil, err
	}
	return &provisioner.Observed[scope]{State: got}, nil
}

// keysOf lists the keys of a scope, and says whether the scope is there.
func keysOf(ctx context.Context, env *provisioner.Env, client databricks.Client, workspace, scope string) (keys []string, there bool, err error) {
	keys, err = client.ListSecrets(ctx, scope)
	switch {
	case databricks.IsStatus(err, http.StatusNotFound):
		return nil, false, nil
	case err != nil:
		return nil, false, scopeError(ctx, env, client, err, workspace, scope)
	}
	return keys, true, nil
}

// sayOwner says for the record as whom the workspace was asked: the token's owner.
func sayOwner(ctx context.Context, env *provisioner.Env, client databricks.Client, workspace string) error {
	me, err := client.Me(ctx)
	if err != nil {
		return workspaceError(env, err, workspace)
	}
	env.Say(provisioner.Principal, "%s", me)
	return nil
}

func diffScope(want, got scope) []onboarding.Delta {
	var p []onboarding.Delta
	for _, k := range missing(want.Keys, got.Keys) {
		p = append(p, onboarding.Differs("key", "write the key "+k, k))
	}
	return p
}

// applyScope makes the scope, or writes the first key that is missing: one of them a call.
func applyScope(ctx context.Context, env *provisioner.Env, c provisioner.Change[scope]) error {
	want := c.Want
	client, err := openWorkspace(ctx, env)
	if err != nil {
		return err
	}
	if c.Got == nil {
		var everybody bool
		if everybody, err = client.CreateScope(ctx, want.Scope); everybody && err == nil {
			env.Say(provisioner.Warning, "The workspace isn't on the Premium tier, so everyone in it can read and change the secret scope %s", want.Scope)
		}
	} else if keys := missing(want.Keys, c.Got.State.Keys); keys[0] == keyAddress {
		err = client.PutSecret(ctx, want.Scope, keyAddress, onboarding.NewSecret(want.Address))
	} else {
		var key onboarding.Secret
		if key, err = openSecret(ctx, env, onboarding.PurposeVendorAPIKey, ""); err != nil {
			return err
		}
		err = client.PutSecret(ctx, want.Scope, keyAPIKey, key)
	}
	if err != nil {
		return scopeError(ctx, env, client, err, want.Workspace, want.Scope)
	}
	return nil
}

// scopeError says what a refusal about a scope means. On the Premium tier, one that somebody else made is closed to the
// token's owner.
func scopeError(ctx context.Context, env *provisioner.Env, client databricks.Client, err error, workspace, scope string) error {
	var refused *databricks.Error
	if !errors.As(err, &refused) || !strings.Contains(refused.Message, "permission on scope") {
		return workspaceError(env, err, workspace)
	}
	me, failed := client.Me(ctx)
	if failed != nil {
		return workspaceError(env, failed, workspace)
	}
	who := me.User
	if !plainUser.MatchString(who) { // the workspace's word, in a command that somebody runs
		who = "TOKEN_OWNER"
	}
	return &onboarding.Blocked{
		Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Action: "Let the token's owner manage the secret scope " + scope,
		Why: "The secret scope " + scope + " exists, and the token's owner, " + me.String() + ", isn't allowed to manage it. Ask the person who created it, or a workspace administrator, to run: databricks secrets put-acl " + scope + " " + who + " MANAGE. Databricks says: " + refused.Message,
		Err: err,
	}
}

// plainUser is a name of a user or service principal that means nothing to a shell.
var plainUser = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._%+@-]{0,253}$`)

// scopeByHand is for the Databricks command line. Signed in with the token that was answered, it makes a scope that the
// token's owner manages.
func scopeByHand(_ onboarding.Spec, want scope) []onboarding.Instruction {
	return []onboarding.Instruction{
		{
			Text: "Install the Databricks CLI, version 0.205 or later, and sign in with the token that you entered here. The command asks for it.",
			Code: "databricks configure --host " + want.Workspace, Link: "https://docs.databricks.com/gcp/en/dev-tools/cli/reference/secrets-commands",
		},
		{
			Text: "Create the scope. If the workspace isn't on the Premium tier, add --initial-manage-principal users.",
			Code: "databricks secrets create-scope " + want.Scope,
		},
		{
			Text: "Write the address.",
			Code: "databricks secrets put-secret " + want.Scope + " " + keyAddress + " --string-value " + want.Address,
		},
		{
			Text: "If your specialist supplied an API key for notebooks, ask them for it and write it too. The command asks for the key. Without one, skip this.",
			Code: "databricks secrets put-secret " + want.Scope + " " + keyAPIKey,
		},
	}
}
