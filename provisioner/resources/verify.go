package resources

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/gcp"
)

type verification struct {
	Bucket      bucketState          `json:"bucket"`
	Role        string               `json:"role"`
	Permissions []string             `json:"permissions"`
	Bindings    []onboarding.Binding `json:"bindings"`
	Canary      string               `json:"canary"` // the object that is written and deleted
}

// Verify reads everything back and compares it member by member, and writes and deletes a canary object. What it
// tested, and as whom, is in its log.
var Verify = provisioner.Define(provisioner.StepDef[verification]{
	Name:        "verify",
	Gather:      gatherVerification,
	Describe:    describeVerification,
	Verify:      verifyAll,
	Permissions: permissionsOfVerification,
	Final:       true,
	Estimate:    2 * time.Minute,
	Timeout:     10 * time.Minute,
})

func gatherVerification(spec onboarding.Spec, others []*provisioner.Task) []provisioner.Want[verification] {
	v := verification{
		Bucket: wantBucket(spec)[0].State, Role: roleName(spec), Permissions: wantRole(spec)[0].State.Permissions,
		Canary: "groundwork-canary/" + string(spec.Onboarding),
	}
	v.Bindings = bindingsOf(others)
	return provisioner.One(v)
}

// bindingsOf are the bindings of all tasks: who has which role on what. What a custom role holds is said with the role.
func bindingsOf(tasks []*provisioner.Task) []onboarding.Binding {
	all := []onboarding.Binding{} // never null
	for _, t := range tasks {
		for _, b := range t.Description.Bindings {
			b.Permissions = nil
			all = append(all, b)
		}
	}
	return all
}

func describeVerification(spec onboarding.Spec, want verification) provisioner.Description {
	return provisioner.Description{
		Title: "Verify everything", Resource: spec.Project,
		Why:   fmt.Sprintf("The bucket's settings, the role's %d permissions, and all %d bindings are read back and compared.", len(want.Permissions), len(want.Bindings)),
		Tries: "Acting as you, we write a small object to the bucket and delete it again.",
	}
}

// verifyAll gathers all that differs before it speaks. A new binding may take minutes to show, so that what is missing
// is looked at again until the task's time is up.
func verifyAll(ctx context.Context, env *provisioner.Env, want verification) error {
	var wrong []string
	bucket, err := checkBucket(ctx, env, want.Bucket)
	switch {
	case err != nil:
		return err
	case bucket == nil || !bucket.Owned:
		wrong = append(wrong, "the bucket gs://"+want.Bucket.Name+" is missing")
	default:
		for _, diff := range diffBucket(want.Bucket, bucket.State) {
			wrong = append(wrong, "the bucket: "+diff.Text)
		}
	}
	custom, err := checkRole(ctx, env, role{Name: want.Role})
	switch {
	case err != nil:
		return err
	case custom == nil || custom.State.deleted:
		wrong = append(wrong, "the role "+want.Role+" is missing")
	case !slices.Equal(custom.State.Permissions, want.Permissions):
		wrong = append(wrong, "the role "+want.Role+" holds "+strings.Join(custom.State.Permissions, ", "))
	}
	lacking, err := lackingBindings(ctx, env)
	if err != nil {
		return err
	}
	wrong = append(wrong, lacking...)
	if len(wrong) > 0 {
		return &onboarding.NotReady{Why: "Doesn't match the plan yet: " + strings.Join(wrong, "; ")}
	}
	if denied := sparkMay(ctx, env, want.Bindings); len(denied) > 0 {
		return &onboarding.Blocked{
			Code: onboarding.CodePermission, On: onboarding.PartyOrganization, Action: "Exempt the Spark account from the deny policy",
			Why: "The bindings are in place, but " + strings.Join(denied, "; ") + ". Another role won't help. Someone who manages the organization's deny policies must exempt the account.",
		}
	}
	var kept *gcp.Kept
	if !env.ReadOnly {
		err := canary(ctx, env.Cloud, want.Bucket.Name, want.Canary)
		if kept = gcp.KeptBy(err); err != nil && kept == nil {
			return err
		}
	}
	env.Log("Read back and compared: the bucket's settings, the %d permissions of %s, and %d bindings, each present", len(want.Permissions), want.Role, len(want.Bindings))
	env.Say(provisioner.NotTested, "The access of the Spark account and of the control plane was read, not tried: the run acts as %s", env.Caller)
	if env.ReadOnly {
		env.Say(provisioner.NotTested, "No object was written to gs://%s: this run only read", want.Bucket.Name)
		return nil
	}
	if kept != nil {
		env.Say(provisioner.NotTested, "Deleting an object in gs://%s could not be tested: %s. Jobs can't delete or replace such objects either", want.Bucket.Name, kept)
		return nil
	}
	env.Log("%s wrote and deleted the object %s in gs://%s", env.Caller, want.Canary, want.Bucket.Name)
	return nil
}

// atOnce is how many policies the verification reads at the same time.
const atOnce = 6

// lackingBindings reads the bindings of every task back and returns those that aren't there, in words.
func lackingBindings(ctx context.Context, env *provisioner.Env) ([]string, error) {
	found := make([][]onboarding.Binding, len(env.Tasks))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, t := range env.Tasks {
		if len(t.Description.Bindings) == 0 {
			continue
		}
		group.Go(func() (err error) {
			found[i], err = t.Lacks(ctx, env)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var lacking []string
	for _, b := range slices.Concat(found...) {
		lacking = append(lacking, b.Member+" lacks "+b.Role+" on "+b.On)
	}
	return lacking, nil
}

// canary writes and deletes one small object. One that a killed run left is overwritten.
func canary(ctx context.Context, as *gcp.Clients, bucket, name string) error {
	object := as.Storage.Bucket(bucket).Object(name)
	w := object.NewWriter(ctx)
	w.ChunkSize = 0
	w.ContentType = "text/plain"
	if _, err := io.WriteString(w, "written by the onboarding's verification, deleted at once\n"); err != nil {
		_ = w.Close()
		return fmt.Errorf("write canary gs://%s/%s: %w", bucket, name, err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write canary gs://%s/%s: %w", bucket, name, err)
	}
	if err := object.Delete(ctx); err != nil && !gcp.Absent(err) {
		return fmt.Errorf("delete canary gs://%s/%s: %w", bucket, name, err)
	}
	return nil
}

func permissionsOfVerification(spec onboarding.Spec, _ verification) provisioner.Needs {
	return provisioner.Needs{Try: []onboarding.Permission{
		permission("storage.objects.create", "to write a small test object to the bucket", onBucket(spec.Bucket())),
		permission("storage.objects.delete", "to delete the test object again", onBucket(spec.Bucket())),
	}}
}
