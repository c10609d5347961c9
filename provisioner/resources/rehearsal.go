package resources

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/iamcredentials/v1"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/gcp"
)

const (
	tokenCreator = "roles/iam.serviceAccountTokenCreator"
	// rehearsalLasts is how long the condition lets tokens be made, Google's delay in making it known included.
	rehearsalLasts = 15 * time.Minute
	// rehearsalSpare is what must be left of that for another try.
	rehearsalSpare = 3 * time.Minute
	// tokenLife is how long a token of the Spark account lives, in the form that Google reads.
	tokenLife = "300s"
)

type rehearsal struct {
	Account  string                  `json:"account"` // the Spark account
	Title    string                  `json:"title"`   // of the condition: our mark
	Minutes  int                     `json:"minutes"`
	Project  string                  `json:"project"`
	Bucket   string                  `json:"bucket"`
	Instance string                  `json:"instance,omitempty"` // of Bigtable
	Sources  []onboarding.DataSource `json:"sources,omitempty"`
	Sessions bool                    `json:"sessions,omitempty"` // the plan gives the role for BigQuery read sessions

	late bool // found, and over, or another account's
}

// Rehearsal acts as the Spark account for a few minutes: it reads the metadata of each data source, writes an object and
// deletes it, and lists the tables of the Bigtable instance. A role with a condition on the time, on that account only,
// lets the customer make the tokens for it. The role is removed as soon as the rehearsal is over, however it went.
var Rehearsal = provisioner.Define(provisioner.StepDef[rehearsal]{
	Name:        "rehearsal",
	DependsOn:   []*provisioner.Step{Verify},
	Desired:     wantRehearsal,
	Identity:    func(r rehearsal) string { return r.Account + " " + r.Title },
	Describe:    describeRehearsal,
	Check:       checkRehearsal,
	Diff:        diffRehearsal,
	Apply:       applyRehearsal,
	Verify:      rehearse,
	Undo:        undoRehearsal,
	APIs:        []string{"iamcredentials.googleapis.com"},
	Permissions: permissionsOfRehearsal,
	Estimate:    3 * time.Minute,
	Timeout:     rehearsalLasts,
	Final:       true,
	Temporary:   true,
})

func wantRehearsal(spec onboarding.Spec) []provisioner.Want[rehearsal] {
	if !spec.Rehearsal {
		return nil
	}
	r := rehearsal{
		Account: spec.SparkAccount(), Title: "groundwork-rehearsal " + string(spec.Onboarding), Minutes: int(rehearsalLasts.Minutes()),
		Project: spec.Project, Bucket: spec.Bucket(), Sources: spec.DataSources, Sessions: len(wantReadSessionRole(spec)) > 0,
	}
	if spec.OnlineStore == onboarding.OnlineBigtable {
		r.Instance = wantInstance(spec)[0].State.Name
	}
	return provisioner.One(r)
}

func describeRehearsal(_ onboarding.Spec, want rehearsal) provisioner.Description {
	return provisioner.Description{
		Title: "Rehearse as the Spark account", Noun: "the temporary role for the rehearsal", Resource: tokenCreator + " on serviceAccounts/" + want.Account,
		Why: fmt.Sprintf("The account that you connect can act as the Spark account for at most %d minutes, through a role with an expiry condition. "+
			"As the Spark account, we read each data source's metadata, write an object to the bucket and delete it, test its permission for BigQuery read sessions, and list the tables of the Bigtable instance, if the plan includes them. "+
			"Then the role is removed. The tokens live for 5 minutes and are never stored.", want.Minutes),
		Console: "https://console.cloud.google.com/iam-admin/serviceaccounts?project=" + url.QueryEscape(onboarding.AccountProject(want.Account)),
	}
}

func checkRehearsal(ctx context.Context, env *provisioner.Env, want rehearsal) (*provisioner.Observed[rehearsal], error) {
	end, there, err := env.Cloud.EndOf(ctx, gcp.Account(want.Account), tokenCreator, minter(env), want.Title)
	switch {
	case gcp.Absent(err), hidden(ctx, env, err, onboarding.AccountProject(want.Account), "iam.serviceAccounts.getIamPolicy") && !readable(ctx, env, want.Account):
		return nil, nil
	case err != nil:
		return nil, err
	case !there:
		return nil, nil
	}
	got := want
	got.late = !env.Now().Before(end)
	return &provisioner.Observed[rehearsal]{State: got, Owned: true}, nil
}

func diffRehearsal(_, got rehearsal) []onboarding.Delta {
	if got.late {
		return []onboarding.Delta{onboarding.Differs("left-behind", "renew the temporary role that an earlier run left behind")}
	}
	return nil
}

// minter is who may make the tokens: the account whose access is used.
func minter(env *provisioner.Env) string { return "user:" + env.Caller }

func applyRehearsal(ctx context.Context, env *provisioner.Env, c provisioner.Change[rehearsal]) error {
	end := env.Now().Add(rehearsalLasts).Truncate(time.Second)
	return env.Cloud.BindUntil(ctx, gcp.Account(c.Want.Account), tokenCreator, minter(env), gcp.Until{Title: c.Want.Title, End: end})
}

func undoRehearsal(ctx context.Context, env *provisioner.Env, want rehearsal) error {
	err := env.Cloud.UnbindTitled(ctx, gcp.Account(want.Account), tokenCreator, want.Title)
	if gcp.Absent(err) {
		return nil
	}
	return err
}

// rehearse tries everything as the Spark account. What Google hasn't made known in time is not tested, and no failure: the
// bindings themselves were read back already.
func rehearse(ctx context.Context, env *provisioner.Env, want rehearsal) error {
	end, _, err := env.Cloud.EndOf(ctx, gcp.Account(want.Account), tokenCreator, minter(env), want.Title)
	if err != nil {
		return err
	}
	over := !env.Now().Before(end.Add(-rehearsalSpare))
	token, err := env.Cloud.Credentials.Projects.ServiceAccounts.GenerateAccessToken("projects/-/serviceAccounts/"+want.Account, &iamcredentials.GenerateAccessTokenRequest{
		Lifetime: tokenLife, Scope: provisioner.Scopes,
	}).Context(ctx).Do()
	switch denied := gcp.Classify(err).Code == onboarding.CodePermission; {
	case denied && over:
		env.Say(provisioner.NotTested, "The temporary role didn't propagate in time, so nothing was tested as %s", want.Account)
		return nil
	case denied:
		return &onboarding.NotReady{Why: "The temporary role on the Spark account is still propagating"}
	case err != nil:
		return fmt.Errorf("token of %s: %w", want.Account, err)
	}
	spark, err := env.As(ctx, onboarding.NewSecret(token.AccessToken))
	if err != nil {
		return err
	}
	spark.Payer = want.Project
	var refused, untested []string
	var tried []act
	for _, a := range want.acts() {
		err := a.try(ctx, spark)
		switch kept, code := gcp.KeptBy(err), gcp.Classify(err).Code; {
		case code == "":
			tried = append(tried, a)
		case kept != nil:
			untested = append(untested, "The Spark account could not "+a.does+": "+kept.String()+". It can't delete or replace such objects")
		case code == onboarding.CodePermission, code == onboarding.CodeNotFound:
			refused = append(refused, a.does)
		default:
			return fmt.Errorf("as %s, %s: %w", want.Account, a.does, err)
		}
	}
	if len(refused) > 0 {
		return refusedRehearsal(ctx, env, want, refused, over)
	}
	env.Say(provisioner.Principal, "%s", want.Account)
	for _, text := range untested {
		env.Say(provisioner.NotTested, "%s", text)
	}
	for _, a := range tried {
		env.Log("As %s: %s", want.Account, a.did)
	}
	return nil
}

// refusedRehearsal says why the Spark account was refused: a role that it lacks by now, or Google's delay.
func refusedRehearsal(ctx context.Context, env *provisioner.Env, want rehearsal, refused []string, over bool) error {
	lacking, err := lackingBindings(ctx, env)
	if err != nil {
		return err
	}
	lacking = slices.DeleteFunc(lacking, func(l string) bool { return !strings.HasPrefix(l, serviceAccount(want.Account)+" ") })
	what := strings.Join(refused, "; ")
	switch {
	case len(lacking) > 0:
		return &onboarding.Blocked{
			Code: onboarding.CodePermission, On: onboarding.PartyCustomer, Action: "Restore the Spark account's role",
			Why: "Google did not let the Spark account " + what + ". It lacks what the plan granted it: " + strings.ReplaceAll(strings.Join(lacking, "; "), serviceAccount(want.Account)+" lacks ", "") +
				". Someone removed it after it was verified. Restore it, or create a new plan, then try again.",
		}
	case over:
		env.Say(provisioner.NotTested, "Google did not let %s %s before the rehearsal ran out of time, although its roles are in place. They may still have been propagating", want.Account, what)
		return nil
	}
	return &onboarding.NotReady{Why: "Google does not let the Spark account " + what + " yet. Its roles are in place and still propagating"}
}

// act is one thing that the Spark account tries.
type act struct {
	does, did string // "read the dataset …", "read the dataset …"
	try       func(context.Context, *gcp.Clients) error
}

func (r rehearsal) acts() []act {
	acts := []act{{
		"write and delete an object in gs://" + r.Bucket, "wrote an object to gs://" + r.Bucket + " and deleted it",
		func(ctx context.Context, spark *gcp.Clients) error {
			return canary(ctx, spark, r.Bucket, "groundwork-canary/rehearsal-"+strings.TrimPrefix(r.Title, "groundwork-rehearsal "))
		},
	}}
	for _, s := range r.Sources {
		acts = append(acts, actOn(s))
	}
	if r.Sessions {
		acts = append(acts, act{"open a BigQuery read session in " + r.Project, "has " + readSessions + " on " + r.Project, func(ctx context.Context, spark *gcp.Clients) error {
			got, err := spark.Projects.Projects.TestIamPermissions("projects/"+r.Project, &cloudresourcemanager.TestIamPermissionsRequest{Permissions: []string{readSessions}}).Context(ctx).Do()
			if err == nil && !slices.Contains(got.Permissions, readSessions) {
				return &onboarding.Blocked{Code: onboarding.CodePermission, Why: "The account lacks " + readSessions + "."}
			}
			return err
		}})
	}
	if r.Instance != "" {
		acts = append(acts, act{"list the tables of the Bigtable instance", "listed the tables of the Bigtable instance", func(ctx context.Context, spark *gcp.Clients) error {
			_, err := spark.Bigtable.Projects.Instances.Tables.List(r.Instance).PageSize(1).View("NAME_ONLY").Context(ctx).Do()
			return err
		}})
	}
	return acts
}

// actOn reads what is known about a data source.
func actOn(s onboarding.DataSource) act {
	switch s.Kind {
	case onboarding.SourceDataset:
		project, dataset, _ := strings.Cut(s.Name, ".")
		return act{"read the dataset " + s.Name, "read the dataset " + s.Name + " and listed its tables", func(ctx context.Context, spark *gcp.Clients) error {
			if _, err := spark.BigQuery.Datasets.Get(project, dataset).DatasetView("METADATA").Context(ctx).Do(); err != nil {
				return err
			}
			_, err := spark.BigQuery.Tables.List(project, dataset).MaxResults(1).Context(ctx).Do()
			return err
		}}
	case onboarding.SourceProject:
		return act{"list the datasets of " + s.Name, "listed the datasets of " + s.Name, func(ctx context.Context, spark *gcp.Clients) error {
			_, err := spark.BigQuery.Datasets.List(s.Name).MaxResults(1).Context(ctx).Do()
			return err
		}}
	default:
		return act{"list the objects of gs://" + s.Name, "listed the objects of gs://" + s.Name, func(ctx context.Context, spark *gcp.Clients) error {
			list := spark.Buckets.Objects.List(s.Name).MaxResults(1).Context(ctx)
			_, err := list.Do()
			if gcp.RequesterPays(err) {
				_, err = list.UserProject(spark.Payer).Do()
			}
			return err
		}}
	}
}

func permissionsOfRehearsal(spec onboarding.Spec, want rehearsal) provisioner.Needs {
	on := elsewhere(spec, onboarding.AccountProject(want.Account))
	write := func(why string) []onboarding.Permission {
		return []onboarding.Permission{permission("iam.serviceAccounts.setIamPolicy", why, on)}
	}
	return provisioner.Needs{
		Check: []onboarding.Permission{permission("iam.serviceAccounts.getIamPolicy", "to read who may act as the Spark account, before and after the rehearsal", on)},
		Apply: write(fmt.Sprintf("to let you act as the Spark account for at most %d minutes, for the rehearsal. The role gives iam.serviceAccounts.getAccessToken on that account only", want.Minutes)),
		Given: []onboarding.Permission{permission("iam.serviceAccounts.getAccessToken", fmt.Sprintf("to create tokens for the Spark account during the rehearsal. The temporary role grants it, on that account only and for at most %d minutes", want.Minutes), on)},
		Undo:  write("to remove the temporary role of the rehearsal"),
	}
}
