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
	Desired:     wantVerification,
	Describe:    describeVerification,
	Verify:      verifyAll,
	Permissions: permissionsOfVerification,
	Final:       true,
	Timeout:     10 * time.Minute,
})

func wantVerification(spec onboarding.Spec) []provisioner.Want[verification] {
	v := verification{
		Bucket: wantBucket(spec)[0].State, Role: roleName(spec), Permissions: wantRole(spec)[0].State.Permissions,
		Canary: "groundwork-canary/" + string(spec.Onboarding),
	}
	for _, g := range grants(spec) {
		v.Bindings = append(v.Bindings, g.binding())
	}
	for _, w := range wantReadDatasets(spec) {
		v.Bindings = append(v.Bindings, w.State.binding())
	}
	return provisioner.One(v)
}

func describeVerification(spec onboarding.Spec, want verification) provisioner.Description {
	return provisioner.Description{
		Title: "Verify everything", Resource: spec.Project,
		Why: fmt.Sprintf("The bucket's settings, the role's %d permissions and all %d bindings are read back and compared; a small object is written to the bucket and deleted again, as you.", len(want.Permissions), len(want.Bindings)),
	}
}

// verifyAll gathers all that differs before it speaks. A grant may take minutes to show, so that what is missing
// is looked at again until the task's time is up.
func verifyAll(ctx context.Context, env *provisioner.Env, want verification) error {
	var wrong []string
	bucket, err := checkBucket(ctx, env, want.Bucket)
	switch {
	case err != nil:
		return err
	case bucket == nil || !bucket.Owned:
		wrong = append(wrong, "the bucket gs://"+want.Bucket.Name+" is not there")
	default:
		for _, diff := range diffBucket(want.Bucket, bucket.State) {
			wrong = append(wrong, "the bucket: "+diff)
		}
	}
	custom, err := checkRole(ctx, env, role{Name: want.Role})
	switch {
	case err != nil:
		return err
	case custom == nil || custom.State.deleted:
		wrong = append(wrong, "the role "+want.Role+" is not there")
	case !slices.Equal(custom.State.Permissions, want.Permissions):
		wrong = append(wrong, "the role "+want.Role+" holds "+strings.Join(custom.State.Permissions, ", "))
	}
	lacking, bindings, err := lackingBindings(ctx, env)
	if err != nil {
		return err
	}
	wrong = append(wrong, lacking...)
	if len(wrong) > 0 {
		return &onboarding.NotReady{Why: "Not as wanted yet: " + strings.Join(wrong, "; ")}
	}
	if err := canary(ctx, env, want.Bucket.Name, want.Canary); err != nil {
		return err
	}
	env.Log("Read back and compared: the bucket's settings, the %d permissions of %s, and %d bindings, each present", len(want.Permissions), want.Role, bindings)
	env.Log("%s wrote and deleted the object %s in gs://%s. This tests the bucket as that person; it does not test the other accounts' access", env.Caller, want.Canary, want.Bucket.Name)
	return nil
}

// atOnce is how many policies the verification reads at the same time.
const atOnce = 6

// lackingBindings reads every wanted binding back; it returns those that are not there, in words, and how many were read.
func lackingBindings(ctx context.Context, env *provisioner.Env) (lacking []string, read int, err error) {
	all, datasets := grants(env.Spec), wantReadDatasets(env.Spec)
	found := make([]string, len(all)+len(datasets))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, g := range all {
		group.Go(func() error {
			got, err := checkGrant(ctx, env, g)
			if err == nil && got == nil {
				found[i] = g.Member + " lacks " + g.Role + " on " + g.on()
			}
			return err
		})
	}
	for i, d := range datasets {
		group.Go(func() error {
			got, err := checkDataset(ctx, env, d.State)
			if err == nil && got == nil {
				found[len(all)+i] = d.State.Email + " lacks " + d.State.Role + " on " + d.State.on()
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, 0, err
	}
	return slices.DeleteFunc(found, func(s string) bool { return s == "" }), len(all) + len(datasets), nil
}

// canary writes and deletes one small object. One that a killed run left is overwritten.
func canary(ctx context.Context, env *provisioner.Env, bucket, name string) error {
	object := env.Cloud.Storage.Bucket(bucket).Object(name)
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

func permissionsOfVerification(spec onboarding.Spec, _ verification) []onboarding.Permission {
	return []onboarding.Permission{
		permission("storage.objects.create", "to write a small test object to the bucket", onBucket(spec.Bucket())),
		permission("storage.objects.delete", "to delete the test object again", onBucket(spec.Bucket())),
	}
}
