package provisioner

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"google.golang.org/api/policytroubleshooter/v3"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// maxExplained is how many missing permissions Google is asked about.
const maxExplained = 8

// explained is what Google says of a permission that the caller lacks.
type explained struct {
	permission string
	contained  bool   // a role of the caller's contains it
	unknown    bool   // nobody tells whether one does
	denied     string // the deny policy that takes it away, "" if none was shown
}

// fullName is Google's full name of where permissions are needed.
func (p *preflight) fullName(on string) string {
	if bucket, ok := strings.CutPrefix(on, "gs://"); ok {
		return "//storage.googleapis.com/projects/_/buckets/" + bucket
	}
	return "//cloudresourcemanager.googleapis.com/projects/" + cmp.Or(on, p.spec.Project)
}

// explained are the missing permissions that a role of the caller's contains: no further role helps then. Either Google
// hasn't applied the role yet (T13), or a deny policy or a principal access boundary is in the way (T38). unsure: whether a
// role contains the others couldn't be determined.
func (p *preflight) explained(ctx context.Context, on string, missing []onboarding.Permission) (out []explained, unsure bool) {
	missing = missing[:min(len(missing), maxExplained)]
	all := make([]explained, len(missing))
	p.s.each(len(missing), func(i int) { all[i] = p.explain(ctx, on, missing[i].Name) })
	for _, x := range all {
		if x.contained {
			out = append(out, x)
		}
		unsure = unsure || x.unknown
	}
	return out, unsure
}

func (p *preflight) explain(ctx context.Context, on, permission string) explained {
	x := explained{permission: permission}
	got, err := p.env.Cloud.Access.Iam.Troubleshoot(&policytroubleshooter.GoogleCloudPolicytroubleshooterIamV3TroubleshootIamPolicyRequest{
		AccessTuple: &policytroubleshooter.GoogleCloudPolicytroubleshooterIamV3AccessTuple{Principal: p.env.Caller, FullResourceName: p.fullName(on), Permission: permission},
	}).Context(ctx).Do()
	if err != nil || got.AllowPolicyExplanation == nil {
		p.saw(err)
		x.contained = p.holds(ctx, on, permission)
		x.unknown = !x.contained
		return x
	}
	x.unknown = got.AllowPolicyExplanation.AllowAccessState == "ALLOW_ACCESS_STATE_UNKNOWN_INFO"
	x.contained = got.AllowPolicyExplanation.AllowAccessState == "ALLOW_ACCESS_STATE_GRANTED"
	if deny := got.DenyPolicyExplanation; deny != nil && deny.DenyAccessState == "DENY_ACCESS_STATE_DENIED" {
		x.denied = "a deny policy"
		for _, r := range deny.ExplainedResources {
			for _, policy := range r.ExplainedPolicies {
				if policy.DenyAccessState == "DENY_ACCESS_STATE_DENIED" && policy.Policy != nil {
					x.denied = "the deny policy " + cmp.Or(policy.Policy.DisplayName, policy.Policy.Name)
				}
			}
		}
	}
	return x
}

// holds reports whether a role that is given to the caller by name contains a permission, where the Policy Troubleshooter
// doesn't answer. Groups and inherited roles stay unseen.
func (p *preflight) holds(ctx context.Context, on, permission string) bool {
	resource := gcp.Project(cmp.Or(on, p.spec.Project))
	if bucket, ok := strings.CutPrefix(on, "gs://"); ok {
		resource = gcp.Bucket(bucket)
	}
	policy, err := p.env.Cloud.Policy(ctx, resource)
	if err != nil {
		return false
	}
	for _, b := range policy.Bindings {
		if !gcp.HasMember([]gcp.Binding{b}, b.Role, "user:"+p.env.Caller) {
			continue
		}
		if p.roleHas(ctx, b.Role, permission) {
			return true
		}
	}
	return false
}

func (p *preflight) roleHas(ctx context.Context, role, permission string) bool {
	if strings.HasPrefix(role, "projects/") {
		got, err := p.env.Cloud.IAM.Projects.Roles.Get(role).Context(ctx).Do()
		return err == nil && slices.Contains(got.IncludedPermissions, permission)
	}
	got, err := p.env.Cloud.IAM.Roles.Get(role).Context(ctx).Do()
	return err == nil && slices.Contains(got.IncludedPermissions, permission)
}

// troubleshoot is the command that shows which policies decide about a permission.
func (p *preflight) troubleshoot(on, permission string) string {
	return shell([]string{"gcloud", "policy-intelligence", "troubleshoot-policy", "iam", p.fullName(on), "--principal-email=" + p.env.Caller, "--permission=" + permission})
}

// denied are the permissions that a deny policy takes away as Google showed, and what is said of it; nil: Google showed
// none.
func (p *preflight) denied(found []explained) (names []string, told string) {
	var policies []string
	for _, x := range found {
		if x.denied == "" {
			continue
		}
		names = append(names, x.permission)
		if !slices.Contains(policies, x.denied) {
			policies = append(policies, x.denied)
		}
	}
	if len(names) == 0 {
		return nil, ""
	}
	return names, "A role of " + p.env.Caller + " contains " + strings.Join(names, ", ") + " already, so another role won't help. The cause is " + strings.Join(policies, ", ") + "."
}

// takesLong is how long Google may take to apply a role.
// Source: https://cloud.google.com/iam/docs/access-change-propagation
const takesLong = "Google can take 7 minutes or more to apply a new role"

// notApplied are the permissions that a role contains and no deny policy is known to take away, and what is said of them. again
// is what the person does after the wait.
func (p *preflight) notApplied(found []explained, again string) (names []string, told string) {
	for _, x := range found {
		if x.denied == "" {
			names = append(names, x.permission)
		}
	}
	if len(names) == 0 {
		return nil, ""
	}
	return names, "A role of " + p.env.Caller + " contains " + strings.Join(names, ", ") + " already. " + takesLong + ": wait, then " + again + " again. If that doesn't help, a deny policy or a principal access boundary in your organization is the likely cause."
}

// unlessContained says what to think of where nobody tells whether a role contains what is missing.
func (p *preflight) unlessContained(missing string) string {
	return "If a role of " + p.env.Caller + " contains " + missing + " already, wait: " + takesLong + ". After that, a deny policy or a principal access boundary in your organization is the likely cause."
}

// unlessTakenAway finds behind a refusal in a run that a role of the caller's contains the missing permission, as
// [preflight.explained] does before it (T38).
func (e *execution) unlessTakenAway(n *node, f gcp.Failure) gcp.Failure {
	if f.Code != onboarding.CodePermission || f.Permission == "" {
		return f
	}
	needs := slices.Concat(n.task.Permissions, n.task.needs.Change, n.task.needs.Undo, n.task.needs.Given)
	i := slices.IndexFunc(needs, func(needed onboarding.Permission) bool { return needed.Name == f.Permission })
	if i < 0 {
		return f // on what it is missing isn't known
	}
	on := needs[i].On
	p := &preflight{s: e.s, env: e.env, spec: n.task.Spec}
	found, unsure := p.explained(e.work, on, []onboarding.Permission{{Name: f.Permission}})
	switch {
	case len(found) == 0 && unsure:
		f.Message += " " + p.unlessContained("it") + " This command shows which: " + p.troubleshoot(on, f.Permission)
		return f
	case len(found) == 0:
		return f
	}
	if names, told := p.denied(found); len(names) > 0 {
		f.On, f.Action = onboarding.PartyOrganization, "Get an exception from the policy that takes the permission away"
		f.Message += " " + told + " This command shows the policy: " + p.troubleshoot(on, f.Permission)
		return f
	}
	_, told := p.notApplied(found, "try")
	f.Action = "Wait until Google has applied the role, then try again"
	f.Message += " " + told + " This command shows which: " + p.troubleshoot(on, f.Permission)
	return f
}

// takenAway adds to a result that permissions are missing although a role contains them: what is known of the policy that
// takes them away, or else that Google may not have applied the role yet. all: a further role would help with none of the
// missing ones.
func (p *preflight) takenAway(r *onboarding.CheckResult, on string, found []explained, all bool) {
	show := p.troubleshoot(on, found[0].permission)
	var fix []string
	if names, told := p.notApplied(found, "check"); len(names) > 0 {
		r.Found += " " + told
		fix = append(fix, "If the role was granted in the last few minutes, wait, then check again.", "If the permission is still missing then, run the command below, and send what it shows to your organization administrator: Google's Policy Troubleshooter shows which policies decide about it.", "Or send this step to a colleague.")
		if all {
			r.On = onboarding.PartyGoogle
		}
	}
	if names, told := p.denied(found); len(names) > 0 {
		r.Found += " " + told
		r.On = onboarding.PartyOrganization
		fix = append(fix,
			"Run the command below: Google's Policy Troubleshooter shows which policy takes the permission away.",
			"Ask your organization administrator to make an exception for "+p.env.Caller+", or send this step to a colleague whom the policy does not cover.",
		)
		show = p.troubleshoot(on, names[0])
		r.Request = p.ask("My account " + p.env.Caller + " lacks " + strings.Join(names, ", ") + " on " + cmp.Or(on, p.spec.Project) + ", although a role of mine contains it. " + told + " Please make an exception for the duration of the setup. This shows the policy:\n\n" + show)
	}
	if all {
		r.Fix, r.Command = fix, show
		return
	}
	r.Fix, r.Command = append(fix, r.Fix...), show+"\n"+r.Command
}
