package provisioner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/api/bigquery/v2"
	"google.golang.org/api/bigtableadmin/v2"
	"google.golang.org/api/iam/v1"

	"groundwork/onboarding"
)

// below is what the caller holds only on single resources of a project, which no test of the project's permissions
// shows: owners of a dataset and administrators of one account often have no role on the project.
type below struct {
	names   []string // permissions that are held wherever they are needed
	owned   []string // datasets that the caller, or a group, owns: "project.dataset"
	unowned []string // datasets that neither owns, or whose owners can't be read
	groups  []string // the groups among the owners: whether the caller is a member can't be asked
	account string   // the service account on which permissions are held, "" none
	// instance is the Bigtable instance on which permissions are held, "" none
	instance string
}

// heldBelow looks on the datasets, the Spark account and the customer's Bigtable instance in a project for permissions that are
// missing on the project itself.
func (p *preflight) heldBelow(ctx context.Context, on string, missing []onboarding.Permission) (below, error) {
	var b below
	if strings.HasPrefix(on, "gs://") {
		return b, nil
	}
	project := cmp.Or(on, p.spec.Project)
	if slices.ContainsFunc(missing, ofDataset) {
		p.heldOnDatasets(ctx, project, missing, &b)
	}
	if account := p.spec.ExistingSpark; account != "" && onboarding.AccountProject(account) == project {
		if err := p.heldOnAccount(ctx, account, missing, &b); err != nil {
			return b, err
		}
	}
	if p.oneInstance() && project == p.spec.Project {
		if err := p.heldOnInstance(ctx, missing, &b); err != nil {
			return b, err
		}
	}
	return b, nil
}

// adopted reports whether the online store is a Bigtable instance of the customer's.
func (p *preflight) adopted() bool {
	return p.spec.OnlineStore == onboarding.OnlineBigtable && p.spec.Bigtable.Adopt
}

// where names the project and the resources on which the permissions are held.
func (b below) where(place string) string {
	all := []string{place}
	if len(b.unowned) == 0 && len(b.owned) > 0 {
		all = append(all, datasets(b.owned))
	}
	if b.account != "" {
		all = append(all, "the account "+b.account)
	}
	if b.instance != "" {
		all = append(all, "the instance "+b.instance)
	}
	return strings.Join(all, " and ")
}

// datasets names them: "the dataset a.b", "the datasets a.b and a.c".
func datasets(names []string) string {
	if len(names) == 1 {
		return "the dataset " + names[0]
	}
	return "the datasets " + strings.Join(names, " and ")
}

// ofDataset reports whether an owner of a dataset holds the permission on it.
func ofDataset(perm onboarding.Permission) bool {
	return strings.HasPrefix(perm.Name, "bigquery.datasets.") && perm.Name != "bigquery.datasets.create"
}

// heldOnDatasets reads who owns the datasets of a project, since BigQuery can't be asked which permissions the caller has
// on one. A dataset that can't be read has a check of its own.
func (p *preflight) heldOnDatasets(ctx context.Context, project string, missing []onboarding.Permission, b *below) {
	for _, source := range p.spec.DataSources {
		of, dataset, _ := strings.Cut(source.Name, ".")
		if source.Kind != onboarding.SourceDataset || of != project {
			continue
		}
		got, err := p.env.Cloud.BigQuery.Datasets.Get(project, dataset).AccessPolicyVersion(3).Context(ctx).Do()
		if err != nil {
			b.unowned = append(b.unowned, source.Name)
			continue
		}
		groups, own := p.ownersOf(got)
		if !own && len(groups) == 0 {
			b.unowned = append(b.unowned, source.Name)
			continue
		}
		b.owned = append(b.owned, source.Name)
		if !own {
			b.groups = append(b.groups, groups...)
		}
	}
	if len(b.owned) == 0 || len(b.unowned) > 0 {
		return
	}
	for _, perm := range missing {
		if ofDataset(perm) {
			b.names = append(b.names, perm.Name)
		}
	}
}

// ownersOf reports whether the caller is named as an owner of a dataset, and which groups and domains own it. Those who
// own it by a role on the project hold its permissions on the project.
func (p *preflight) ownersOf(d *bigquery.Dataset) (groups []string, own bool) {
	for _, a := range d.Access {
		switch {
		case !owns(a) || a.Condition != nil:
		case strings.EqualFold(a.UserByEmail, p.env.Caller), strings.EqualFold(a.IamMember, "user:"+p.env.Caller):
			return nil, true
		case a.GroupByEmail != "" || a.Domain != "":
			groups = append(groups, cmp.Or(a.GroupByEmail, a.Domain))
		}
	}
	return groups, false
}

// owns reports whether an entry of a dataset's access list makes an owner.
func owns(a *bigquery.DatasetAccess) bool {
	return a.Role == "OWNER" || a.Role == "roles/bigquery.dataOwner"
}

// heldOnAccount asks which permissions the caller has on the service account itself. An absent one has a check of its own.
func (p *preflight) heldOnAccount(ctx context.Context, account string, missing []onboarding.Permission, b *below) error {
	var ask []string
	for _, perm := range missing {
		if strings.HasPrefix(perm.Name, "iam.serviceAccounts.") {
			ask = append(ask, perm.Name)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	got, err := p.env.Cloud.IAM.Projects.ServiceAccounts.TestIamPermissions("projects/-/serviceAccounts/"+account, &iam.TestIamPermissionsRequest{Permissions: ask}).Context(ctx).Do()
	switch {
	case unseen(err):
		return nil
	case err != nil:
		return fmt.Errorf("permissions on %s: %w", account, err)
	}
	if b.names = append(b.names, got.Permissions...); len(got.Permissions) > 0 {
		b.account = account
	}
	return nil
}

// ofInstance reports whether a role on a Bigtable instance gives the permission on it.
func ofInstance(perm onboarding.Permission) bool {
	return strings.HasPrefix(perm.Name, "bigtable.") && perm.Name != "bigtable.instances.create" && perm.Name != "bigtable.locations.list"
}

// heldOnInstance asks which permissions the caller has on the Bigtable instance itself. An absent one has a check of its own.
func (p *preflight) heldOnInstance(ctx context.Context, missing []onboarding.Permission, b *below) error {
	var ask []string
	for _, perm := range missing {
		if ofInstance(perm) {
			ask = append(ask, perm.Name)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	id := p.spec.BigtableInstance()
	got, err := p.env.Cloud.Bigtable.Projects.Instances.TestIamPermissions("projects/"+p.spec.Project+"/instances/"+id, &bigtableadmin.TestIamPermissionsRequest{Permissions: ask}).Context(ctx).Do()
	switch _, _, off := disabledAPI(err); {
	case off, unseen(err):
		p.saw(err)
		return nil
	case err != nil:
		return fmt.Errorf("permissions on the instance %s: %w", id, err)
	}
	if b.names = append(b.names, got.Permissions...); len(got.Permissions) > 0 {
		b.instance = id
	}
	return nil
}

// oneInstance reports whether the plan is about the customer's Bigtable instance and no other: the declared permissions don't
// say which instance they are for.
func (p *preflight) oneInstance() bool {
	return p.adopted() && !slices.ContainsFunc(p.unwanted, func(r Removal) bool {
		return slices.ContainsFunc(r.Task.toRemove(p.spec), ofInstance)
	})
}

// onlyOfInstance reports whether a role on the customer's Bigtable instance would give all that is missing.
func (p *preflight) onlyOfInstance(on string, missing []onboarding.Permission) bool {
	return p.oneInstance() && cmp.Or(on, p.spec.Project) == p.spec.Project && !p.readOnly &&
		!slices.ContainsFunc(missing, func(perm onboarding.Permission) bool { return !ofInstance(perm) })
}

// askForInstance says how to get the permissions on the customer's Bigtable instance.
func (p *preflight) askForInstance(r *onboarding.CheckResult) {
	id := p.spec.BigtableInstance()
	r.Fix[0] = "Ask someone who manages the Bigtable instance " + id + " to give " + p.env.Caller + " the role Bigtable Administrator (roles/bigtable.admin) on it for the duration of the setup. A role on the whole project isn’t needed."
	r.Command = commandsFor([]string{"roles/bigtable.admin"}, p.env.Caller, "gcloud", "bigtable", "instances", "add-iam-policy-binding", id, "--project="+p.spec.Project)
}

// makeOwner are the statements with which an owner of datasets makes the caller one. bq has no command for it.
func (p *preflight) makeOwner(names []string) string {
	var lines []string
	for _, name := range names {
		project, dataset, _ := strings.Cut(name, ".")
		grant := "GRANT `roles/bigquery.dataOwner` ON SCHEMA `" + project + "`.`" + dataset + "` TO \"" + inQuotes.Replace("user:"+p.env.Caller) + "\""
		lines = append(lines, shell([]string{"bq", "query", "--project_id=" + project, "--use_legacy_sql=false", grant}))
	}
	return strings.Join(lines, "\n")
}

// inQuotes is text as a double-quoted string of GoogleSQL holds it.
// Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#string_and_bytes_literals
var inQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`)
