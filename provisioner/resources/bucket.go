package resources

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/sync/errgroup"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/gcp"
)

type bucketState struct {
	Name          string            `json:"name"`
	Project       string            `json:"project"`
	Location      string            `json:"location"` // the region, lower case
	UniformAccess bool              `json:"uniform_access"`
	NoPublic      bool              `json:"public_access_prevention"`
	Labels        map[string]string `json:"labels"`
}

// Bucket is the offline store: uniform access, no public access, in the region, labeled as ours.
var Bucket = provisioner.Define(provisioner.StepDef[bucketState]{
	Name:        "bucket",
	DependsOn:   []*provisioner.Step{EnableAPIs},
	Desired:     wantBucket,
	Identity:    func(b bucketState) string { return b.Name },
	Policy:      func(b bucketState) (gcp.Resource, bool) { return gcp.Bucket(b.Name), true },
	Describe:    describeBucket,
	Check:       checkBucket,
	Diff:        diffBucket,
	Apply:       applyBucket,
	Undo:        undoBucket,
	Gcloud:      gcloudBucket,
	Terraform:   terraformBucket,
	HoldsData:   true,
	Makes:       "bucket",
	Facts:       factsOfBucket,
	APIs:        []string{"storage.googleapis.com"},
	Permissions: permissionsOfBucket,
})

func wantBucket(spec onboarding.Spec) []provisioner.Want[bucketState] {
	return provisioner.One(bucketState{
		Name: spec.Bucket(), Project: spec.Project, Location: strings.ToLower(spec.Region),
		UniformAccess: true, NoPublic: true, Labels: spec.Labels(),
	})
}

func describeBucket(spec onboarding.Spec, want bucketState) provisioner.Description {
	return provisioner.Description{
		Title:    "Create the bucket",
		Noun:     "the bucket for feature data",
		Resource: "gs://" + want.Name,
		Why: "The offline store: Spark jobs write feature data here, in " + want.Location + ". The bucket has uniform bucket-level access, enforces public access prevention, and has the labels " + labelWords(want.Labels) + ". " +
			"We set no soft delete period: Google keeps deleted objects for its default of 7 days, unless your organization set another.",
		Console: "https://console.cloud.google.com/storage/browser/" + want.Name + "?project=" + url.QueryEscape(spec.Project),
		Cost:    "about $0.02 a GB a month of data stored, nothing while empty",
	}
}

// labelWords are labels as the console shows them.
func labelWords(labels map[string]string) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, k+": "+labels[k])
	}
	return strings.Join(all, ", ")
}

func factsOfBucket(_ onboarding.Spec, want bucketState) []onboarding.Fact {
	return []onboarding.Fact{{Key: "bucket", Value: want.Name, Label: "Bucket"}}
}

// checkBucket tells ours by the label and the project's number: bucket names are shared by the whole world.
func checkBucket(ctx context.Context, env *provisioner.Env, want bucketState) (*provisioner.Observed[bucketState], error) {
	attrs, err := env.Cloud.Storage.Bucket(want.Name).Attrs(ctx)
	switch {
	case gcp.Absent(err):
		return nil, nil
	case hidden(ctx, env, err, want.Project, "storage.buckets.get"), elsewhereBucket(ctx, env, err, want):
		return &provisioner.Observed[bucketState]{State: bucketState{Name: want.Name}}, nil
	case err != nil:
		return nil, fmt.Errorf("read bucket %s: %w", want.Name, err)
	}
	got := bucketState{
		Name: attrs.Name, Location: strings.ToLower(attrs.Location), UniformAccess: attrs.UniformBucketLevelAccess.Enabled,
		NoPublic: attrs.PublicAccessPrevention == storage.PublicAccessPreventionEnforced, Labels: attrs.Labels,
	}
	owned := attrs.Labels["groundwork-onboarding"] == want.Labels["groundwork-onboarding"]
	if owned {
		number, err := projectNumber(ctx, env, want.Project)
		if err != nil {
			return nil, err
		}
		owned = strconv.FormatUint(attrs.ProjectNumber, 10) == number
		got.Project = want.Project
	}
	return &provisioner.Observed[bucketState]{State: got, Owned: owned}, nil
}

// elsewhereBucket reports whether a bucket that Google refuses to show is in no list of the project's buckets. An
// owner of a project holds storage.buckets.get on its buckets, not on the project, so that [hidden] can't tell.
func elsewhereBucket(ctx context.Context, env *provisioner.Env, err error, want bucketState) bool {
	if !gcp.IsStatus(err, http.StatusForbidden) || disabledAPI(err) {
		return false
	}
	buckets := env.Cloud.Storage.Buckets(ctx, want.Project)
	buckets.Prefix = want.Name
	for {
		attrs, err := buckets.Next()
		if err != nil {
			return errors.Is(err, iterator.Done)
		}
		if attrs.Name == want.Name {
			return false
		}
	}
}

func diffBucket(want, got bucketState) []onboarding.Delta {
	var p []onboarding.Delta
	if got.Location != want.Location {
		p = append(p, onboarding.Differs("location", "location is "+got.Location+", wanted "+want.Location, got.Location))
	}
	if !got.UniformAccess {
		p = append(p, onboarding.Differs("uniform-access", "turn on uniform access"))
	}
	if !got.NoPublic {
		p = append(p, onboarding.Differs("public-access-prevention", "prevent public access"))
	}
	return append(p, labelDeltas(want.Labels, got.Labels)...)
}

func applyBucket(ctx context.Context, env *provisioner.Env, c provisioner.Change[bucketState]) error {
	want := c.Want
	handle := env.Cloud.Storage.Bucket(want.Name)
	if c.Got == nil {
		err := handle.Create(ctx, want.Project, &storage.BucketAttrs{
			Location: want.Location, Labels: want.Labels, PublicAccessPrevention: storage.PublicAccessPreventionEnforced,
			UniformBucketLevelAccess: storage.UniformBucketLevelAccess{Enabled: true},
		})
		switch {
		case gcp.AlreadyExists(err):
			return &provisioner.Exists{Instead: "Choose another deployment name. If the name can't be changed anymore, ask your specialist.", Err: err}
		case err != nil:
			return fmt.Errorf("create bucket %s: %w", want.Name, err)
		}
		return nil
	}
	if c.Got.State.Location != want.Location {
		return onboarding.Errorf(onboarding.CodeConflict,
			"The bucket gs://%s is in %s, and Google can't move a bucket. Choose that region again, or choose another deployment name.", want.Name, c.Got.State.Location)
	}
	update := storage.BucketAttrsToUpdate{
		PublicAccessPrevention: storage.PublicAccessPreventionEnforced, UniformBucketLevelAccess: &storage.UniformBucketLevelAccess{Enabled: true},
	}
	for k, v := range want.Labels {
		update.SetLabel(k, v)
	}
	if _, err := handle.Update(ctx, update); err != nil {
		return fmt.Errorf("update bucket %s: %w", want.Name, err)
	}
	return nil
}

// How a confirmed teardown deletes a bucket's objects.
const (
	eraseAtOnce  = 48               // calls in flight
	erasePage    = 1000             // objects that are listed in one call
	eraseNews    = 30 * time.Second // after which a pass ends, so that the page shows how far it is
	eraseMost    = 20_000           // objects of one pass
	eraseBackOff = 2 * time.Second  // after Google was busy, where it doesn't say how long to wait
)

// undoBucket deletes an empty bucket. One that holds objects stays, unless deleting the data was confirmed apart.
func undoBucket(ctx context.Context, env *provisioner.Env, want bucketState) error {
	got, err := checkBucket(ctx, env, want)
	if err != nil || got == nil || !got.Owned {
		return err
	}
	handle := env.Cloud.Storage.Bucket(want.Name)
	if env.Spec.EraseData {
		err := eraseObjects(ctx, env, handle)
		if kept := gcp.KeptBy(err); kept != nil {
			return &provisioner.Left{Why: fmt.Sprintf("gs://%s stays at least until %s: %s keeps the object %s. Others may be kept longer, and objects that nothing keeps may be deleted already. After that, have it removed again, or empty and delete the bucket yourself.",
				want.Name, kept.Until, kept.By, kept.Object)}
		}
		if err != nil {
			return err
		}
	}
	err = handle.Delete(ctx)
	switch {
	case gcp.Absent(err):
		return nil
	case gcp.IsStatus(err, http.StatusConflict) && !env.Spec.EraseData:
		return &provisioner.Left{Why: "gs://" + want.Name + " holds objects, so it stays. Empty and delete it yourself once you no longer need the data."}
	case gcp.NotEmpty(err): // written after the last page was listed
		return &onboarding.NotReady{Why: "The bucket gs://" + want.Name + " isn't empty yet. Something may still write to it: stop its jobs. Or it has managed folders: delete them"}
	case err != nil:
		return fmt.Errorf("delete bucket %s: %w", want.Name, err)
	}
	return nil
}

// eraseObjects deletes objects until a pass is over or one is refused. An object that is gone is deleted, so it doesn't
// matter where an earlier worker stopped.
func eraseObjects(ctx context.Context, env *provisioner.Env, bucket *storage.BucketHandle) error {
	query := &storage.Query{Versions: true, Projection: storage.ProjectionNoACL}
	if err := query.SetAttrSelection([]string{"Name", "Generation"}); err != nil {
		return fmt.Errorf("list objects of %s: %w", bucket.BucketName(), err)
	}
	pager := iterator.NewPager(bucket.Objects(ctx, query), erasePage, "")
	until, erased := env.Now().Add(eraseNews), 0
	goesOn := func(after time.Duration) error {
		return &onboarding.NotReady{Done: erased, After: after, Why: "The bucket's objects are being deleted, as you confirmed"}
	}
	for {
		if err := env.Halted(); err != nil { // nothing is written between two pages
			return err
		}
		var page []*storage.ObjectAttrs
		next, err := pager.NextPage(&page)
		if err != nil {
			err = fmt.Errorf("list objects of %s: %w", bucket.BucketName(), err)
		} else {
			var n int
			n, err = erasePageOf(ctx, bucket, page)
			erased += n
		}
		halted := env.Halted()
		switch busy := gcp.Classify(err); {
		case halted != nil:
			return halted
		case err != nil && erased > 0 && busy.Class == gcp.Retry:
			return goesOn(max(busy.After, eraseBackOff))
		case err != nil:
			return err
		case next == "":
			return nil
		case erased >= eraseMost, !env.Now().Before(until):
			return goesOn(0)
		}
	}
}

// erasePageOf deletes the objects of a page, several at a time. The first refusal stops it.
func erasePageOf(ctx context.Context, bucket *storage.BucketHandle, page []*storage.ObjectAttrs) (int, error) {
	var erased atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(eraseAtOnce)
	for _, o := range page {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := bucket.Object(o.Name).Generation(o.Generation).Delete(ctx); err != nil && !gcp.Absent(err) {
				return fmt.Errorf("delete object %s of %s: %w", o.Name, bucket.BucketName(), err)
			}
			erased.Add(1)
			return nil
		})
	}
	err := group.Wait()
	return int(erased.Load()), err
}

// gcloudBucket labels what it has just made, and never a bucket that it found: a label makes it ours to delete.
// gcloudBucket makes the bucket with its label in one call, which gcloud has no flag for: an attempt that was stopped
// leaves no bucket that nobody knows.
func gcloudBucket(_ onboarding.Spec, want bucketState) provisioner.Commands {
	body := asJSON(map[string]any{
		"name": want.Name, "location": strings.ToUpper(want.Location), "labels": want.Labels,
		"iamConfiguration": map[string]any{"uniformBucketLevelAccess": map[string]any{"enabled": true}, "publicAccessPrevention": "enforced"},
	})
	return provisioner.Commands{
		Look: []string{"gcloud", "storage", "buckets", "describe", "gs://" + want.Name, "--format=value[separator=' '](name,labels.groundwork-onboarding)"},
		Mark: want.Labels["groundwork-onboarding"],
		Make: []string{provisioner.API, "POST", "https://storage.googleapis.com/storage/v1/b?project=" + url.QueryEscape(want.Project), body},
	}
}

func terraformBucket(_ onboarding.Spec, want bucketState, name string) (*hclwrite.Block, string) {
	b := resource("google_storage_bucket", name)
	set(b, "name", want.Name, "project", want.Project, "location", want.Location)
	b.Body().SetAttributeValue("uniform_bucket_level_access", cty.True)
	b.Body().SetAttributeValue("public_access_prevention", cty.StringVal("enforced"))
	b.Body().SetAttributeValue("force_destroy", cty.False)
	b.Body().SetAttributeValue("labels", labels(want.Labels))
	return b, want.Name
}

func permissionsOfBucket(_ onboarding.Spec, want bucketState) provisioner.Needs {
	on := onBucket(want.Name)
	return provisioner.Needs{
		Check: []onboarding.Permission{
			permission("storage.buckets.get", "to look for the bucket and to check its settings", on),
			permission("resourcemanager.projects.get", "to confirm by the project's number that the bucket is yours", ""),
		},
		Apply:  []onboarding.Permission{permission("storage.buckets.create", "to create the bucket", "")},
		Change: []onboarding.Permission{permission("storage.buckets.update", "to set the bucket's settings, only if they differ from the plan", on)},
		Undo: []onboarding.Permission{
			permission("storage.buckets.delete", "to delete the bucket once it is empty", on),
			permission("storage.objects.list", "to find the objects to delete, only if you choose to delete the data too", on),
			permission("storage.objects.delete", "to delete the objects, only if you choose to delete the data too", on),
		},
	}
}

// projectNumber is the number that Google gave a project: "123456789012".
func projectNumber(ctx context.Context, env *provisioner.Env, project string) (string, error) {
	p, err := env.Cloud.Projects.Projects.Get("projects/" + project).Context(ctx).Do()
	if err != nil {
		return "", fmt.Errorf("read project %s: %w", project, err)
	}
	return strings.TrimPrefix(p.Name, "projects/"), nil
}
