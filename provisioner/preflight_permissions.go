package provisioner

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// maxTest is how many permissions one call may ask about.
const maxTest = 100

var projectID = regexp.MustCompile(`^(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$|^[0-9]+$`)

// permissions is one check for each place where permissions are needed: the project, other projects, buckets.
func (p *preflight) permissions() []check {
	byPlace := map[string][]onboarding.Permission{}
	var places []string
	var needed []onboarding.Permission
	for _, t := range p.tasks {
		if p.readOnly && t.Step.temporary {
			continue
		}
		if p.readOnly {
			needed = append(needed, t.toRead()...)
			continue
		}
		needed = append(needed, t.Permissions...)
	}
	for _, r := range p.unwanted {
		needed = append(needed, r.Task.toRemove(p.spec)...)
	}
	for _, perm := range needed {
		on := perm.On
		if on == p.spec.Project {
			on = ""
		}
		if byPlace[on] == nil {
			places = append(places, on)
		}
		if !slices.ContainsFunc(byPlace[on], func(p onboarding.Permission) bool { return p.Name == perm.Name }) {
			byPlace[on] = append(byPlace[on], perm)
		}
	}
	var all []check
	for _, on := range places {
		c := onboarding.CheckResult{
			Name: onboarding.CheckPermissions, Title: "Permissions of the connected account", On: onboarding.PartyCustomer, Overridable: true,
			Why: "The run uses your access, so it can do only what you can.", Link: p.console("iam-admin/iam"),
			Command: "gcloud projects get-iam-policy " + p.spec.Project,
		}
		place := "the project " + p.spec.Project
		if on != "" {
			place = on
			c.Name, c.Title = "permissions:"+on, "Permissions of the connected account on "+on
			if !strings.HasPrefix(on, "gs://") {
				c.Link = "https://console.cloud.google.com/iam-admin/iam?project=" + url.QueryEscape(on)
			}
		}
		perms := byPlace[on]
		all = append(all, check{
			result: c,
			read: func(ctx context.Context, r *onboarding.CheckResult) error {
				return p.readPermissions(ctx, r, on, place, perms)
			},
			unknown: "Until it can be read, we can't tell which permissions are missing on " + place + ".",
			needed:  true,
		})
	}
	return all
}

func (p *preflight) readPermissions(ctx context.Context, r *onboarding.CheckResult, on, place string, perms []onboarding.Permission) error {
	perms = p.withRepairs(ctx, on, perms)
	names := make([]string, 0, len(perms))
	for _, perm := range perms {
		if !slices.Contains(names, perm.Name) {
			names = append(names, perm.Name)
		}
	}
	var has []string
	for batch := range slices.Chunk(names, maxTest) {
		got, err := p.test(ctx, on, batch)
		switch {
		case gcp.Absent(err) && p.creates(on) && p.readOnly:
			r.State, r.Found = onboarding.CheckWarning, "There is no "+on+" yet, so the check will report it as missing."
			r.Fix = []string{"Run the script or Terraform first, then check again."}
			return nil
		case gcp.Absent(err) && p.creates(on):
			r.Found = on + " does not exist yet. The run creates it and tests this then."
			return nil
		case gcp.Absent(err):
			r.State, r.Found = onboarding.CheckFailed, "There is no "+on+"."
			r.Fix = []string{"Create it, or correct its name in your answers."}
			r.Command = "gcloud storage buckets describe " + on
			return nil
		case err != nil:
			return err
		}
		has = append(has, got...)
	}
	lower, err := p.heldBelow(ctx, on, slices.DeleteFunc(slices.Clone(perms), func(perm onboarding.Permission) bool { return slices.Contains(has, perm.Name) }))
	if err != nil {
		return err
	}
	has = append(has, lower.names...)
	var lacks []string
	var missing []onboarding.Permission
	for _, perm := range perms {
		if !slices.Contains(has, perm.Name) {
			lacks = append(lacks, perm.Name+" ("+perm.Why+")")
			missing = append(missing, perm)
		}
	}
	if len(lacks) == 0 {
		r.Found = fmt.Sprintf("%s has all %d permissions on %s.", p.env.Caller, len(names), lower.where(place))
		if len(lower.groups) > 0 {
			r.State = onboarding.CheckWarning
			r.Found = fmt.Sprintf("%s has permissions on %s only if it is a member of %s. Whether it is couldn't be determined.", p.env.Caller, datasets(lower.owned), strings.Join(lower.groups, " or "))
			r.Fix = []string{"Check that " + p.env.Caller + " is a member. If not, ask an owner for the role BigQuery Data Owner on " + datasets(lower.owned) + ", or send this step to a colleague who has it.", "Or continue: without the permissions, the run stops at that task, and nothing is lost."}
			r.Command = p.makeOwner(lower.owned)
		}
		return nil
	}
	r.State = onboarding.CheckFailed
	r.Found = fmt.Sprintf("%s lacks on %s: %s.", p.env.Caller, place, strings.Join(lacks, "; "))
	roles, time := rolesFor(missing), "setup"
	if p.readOnly {
		roles, time = rolesToRead(missing), "check"
	}
	r.Fix = []string{
		"Ask someone who manages access to " + place + " to give " + p.env.Caller + " these roles for the duration of the " + time + ": " + strings.Join(roles, ", ") + ".",
		"Or send this step to a colleague who has them.",
	}
	switch {
	case p.onlyOfInstance(on, missing):
		p.askForInstance(r)
	case strings.HasPrefix(on, "gs://") && p.readOnly:
		r.Command = commandsFor(roles, p.env.Caller, "gcloud", "storage", "buckets", "add-iam-policy-binding", on)
	case len(lower.unowned) > 0 && !slices.ContainsFunc(missing, func(perm onboarding.Permission) bool { return !ofDataset(perm) }):
		r.Fix[0] = "Ask an owner of " + datasets(lower.unowned) + " to give " + p.env.Caller + " the role BigQuery Data Owner (roles/bigquery.dataOwner) there for the duration of the " + time + ". A role on the whole project isn’t needed."
		r.Command = p.makeOwner(lower.unowned)
	case strings.HasPrefix(on, "gs://"):
		r.Command = commandsFor([]string{"roles/storage.admin"}, p.env.Caller, "gcloud", "storage", "buckets", "add-iam-policy-binding", on)
	default:
		r.Command = commandsFor(roles, p.env.Caller, "gcloud", "projects", "add-iam-policy-binding", cmp.Or(on, p.spec.Project))
	}
	switch found, unsure := p.explained(ctx, on, missing); {
	case len(found) > 0:
		p.takenAway(r, on, found, len(found) == min(len(missing), maxExplained))
	case unsure:
		r.Fix = append(r.Fix, p.unlessContained("them")+" The last command shows which.")
		r.Command += "\n" + p.troubleshoot(on, missing[0].Name)
	}
	return nil
}

// commandsFor are the commands that give an account roles. Somebody else runs them, so each word is quoted: an address may
// hold an apostrophe and worse.
func commandsFor(roles []string, account string, command ...string) string {
	var lines []string
	for _, role := range roles {
		lines = append(lines, shell(append(slices.Clone(command), "--member=user:"+account, "--role="+role)))
	}
	return strings.Join(lines, "\n")
}

// creates reports whether a task of the plan creates the resource, so that it may still be absent.
func (p *preflight) creates(resource string) bool {
	return slices.ContainsFunc(p.tasks, func(t *Task) bool {
		return t.Description.Resource == resource && t.assumed() == onboarding.ActionCreate
	})
}

// withRepairs adds what the plan needs there to change something that exists.
func (p *preflight) withRepairs(ctx context.Context, on string, perms []onboarding.Permission) []onboarding.Permission {
	perms = slices.Clone(perms)
	if p.readOnly {
		return perms
	}
	for _, perm := range p.repairs(ctx) {
		if cmp.Or(perm.On, p.spec.Project) == cmp.Or(on, p.spec.Project) {
			perms = append(perms, perm)
		}
	}
	return perms
}

func (p *preflight) test(ctx context.Context, on string, names []string) ([]string, error) {
	bucket, isBucket := strings.CutPrefix(on, "gs://")
	switch {
	case isBucket:
		got, err := p.testBucket(ctx, bucket, names)
		if err != nil {
			return nil, err
		}
		return got.Permissions, nil
	case on == "" || projectID.MatchString(on):
		got, err := p.testProject(ctx, cmp.Or(on, p.spec.Project), names)
		if err != nil {
			return nil, err
		}
		return got.Permissions, nil
	default:
		return nil, onboarding.Errorf(onboarding.CodeCloud, "Google offers no way to test permissions on %s in advance.", on)
	}
}
