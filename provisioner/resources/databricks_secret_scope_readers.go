package resources

import (
	"context"
	"errors"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/databricks"
)

type scopeReaders struct {
	Workspace  string `json:"workspace"`
	Scope      string `json:"scope"`
	Principal  string `json:"principal"`
	Permission string `json:"permission"`
}

// DatabricksSecretScopeReaders lets everybody in the workspace read the secret scope, which on the Premium tier only its
// creator may. Like the scope, it stays after a teardown.
var DatabricksSecretScopeReaders = provisioner.Define(provisioner.StepDef[scopeReaders]{
	Name:      "databricks-secret-scope-readers",
	DependsOn: []*provisioner.Step{DatabricksSecretScope},
	Desired:   wantScopeReaders,
	Identity:  func(s scopeReaders) string { return s.Workspace + " " + s.Scope + " " + s.Principal },
	Describe:  describeScopeReaders,
	Check:     checkScopeReaders,
	Apply:     applyScopeReaders,
	Stays:     "It stays: a teardown doesn't ask for your workspace's token. It ends when you delete the secret scope in Databricks, or with: databricks secrets delete-acl SCOPE users.",
	Makes:     "secret scope permission",
	Facts:     factsOfScopeReaders,
	ByHand:    scopeReadersByHand,
	Shared:    true,
	By:        "Databricks",
})

func wantScopeReaders(spec onboarding.Spec) []provisioner.Want[scopeReaders] {
	if spec.Vendor.NoScopeReaders {
		return nil
	}
	var all []provisioner.Want[scopeReaders]
	for _, scope := range wantScope(spec) {
		all = append(all, provisioner.Want[scopeReaders]{State: scopeReaders{scope.State.Workspace, scope.State.Scope, databricks.Everybody, "READ"}})
	}
	return all
}

func describeScopeReaders(_ onboarding.Spec, want scopeReaders) provisioner.Description {
	return provisioner.Description{
		Title: "Let everyone in the workspace read the secret scope", Noun: "everyone's permission to read the secret scope",
		Resource: want.Workspace + " scope " + want.Scope + ", " + readersWords(want),
		Why:      "On the Premium tier, only the creator of a secret scope can read it. Notebooks run as their users, so the group " + want.Principal + ", which everyone in the workspace belongs to, gets " + want.Permission + ". Without that tier, everyone can read it anyway, and nothing is changed.",
		Console:  want.Workspace,
	}
}

func readersWords(s scopeReaders) string { return s.Permission + " for " + s.Principal }

func factsOfScopeReaders(_ onboarding.Spec, want scopeReaders) []onboarding.Fact {
	return []onboarding.Fact{{Key: "compute.secret_scope_readers", Value: want.Principal, Label: "Who may read the secret scope", Text: readersWords(want)}}
}

func checkScopeReaders(ctx context.Context, env *provisioner.Env, want scopeReaders) (*provisioner.Observed[scopeReaders], error) {
	client, err := openWorkspace(ctx, env)
	if errors.Is(err, errWiped) {
		env.Say(provisioner.NotTested, "The Databricks token was wiped after the handover, so access to the secret scope was not checked again. To have it repaired, enter the token again at the compute platform step")
		return &provisioner.Observed[scopeReaders]{State: want}, nil
	}
	if err != nil {
		return nil, err
	}
	// A scope that isn't there is asked for its keys first: without the Premium tier, a list of who has access is refused.
	if _, there, err := keysOf(ctx, env, client, want.Workspace, want.Scope); err != nil || !there {
		return nil, err
	}
	by, listed, err := client.Access(ctx, want.Scope)
	switch {
	case err != nil:
		return nil, scopeError(ctx, env, client, err, want.Workspace, want.Scope)
	case !listed:
		env.Log("The workspace isn't on the Premium tier, so it keeps no list of who can read %s: everyone in it can", want.Scope)
	case by[want.Principal] == "":
		return nil, nil
	case by[want.Principal] != want.Permission:
		env.Say(provisioner.Warning, "Everyone in the workspace can also change the secret scope %s: the group %s has %s", want.Scope, want.Principal, by[want.Principal])
	}
	if err := sayOwner(ctx, env, client, want.Workspace); err != nil {
		return nil, err
	}
	return &provisioner.Observed[scopeReaders]{State: want}, nil
}

func applyScopeReaders(ctx context.Context, env *provisioner.Env, c provisioner.Change[scopeReaders]) error {
	client, err := openWorkspace(ctx, env)
	if err != nil {
		return err
	}
	if err := client.Allow(ctx, c.Want.Scope, c.Want.Principal, c.Want.Permission); err != nil {
		return scopeError(ctx, env, client, err, c.Want.Workspace, c.Want.Scope)
	}
	return nil
}

func scopeReadersByHand(_ onboarding.Spec, want scopeReaders) []onboarding.Instruction {
	return []onboarding.Instruction{{
		Text: "With the Databricks CLI, let everyone in the workspace read the scope. If the workspace isn't on the Premium tier, skip this: everyone can already read it.",
		Code: "databricks secrets put-acl " + want.Scope + " " + want.Principal + " " + want.Permission,
	}}
}
