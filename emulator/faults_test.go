package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/bigquery/v2"
	"google.golang.org/api/bigtableadmin/v2"
	"google.golang.org/api/googleapi"
	storagejson "google.golang.org/api/storage/v1"
	"google.golang.org/genproto/googleapis/type/expr"

	"groundwork/emulator"
)

const bucketID = "tecton-acme-dataplane"

func makeBucket(t *testing.T, k *clients, name string) *storage.BucketHandle {
	t.Helper()
	b := k.storage.Bucket(name)
	noError(t, b.Create(t.Context(), projectID, &storage.BucketAttrs{
		Location: "us-west1", UniformBucketLevelAccess: storage.UniformBucketLevelAccess{Enabled: true},
		PublicAccessPrevention: storage.PublicAccessPreventionEnforced, Labels: map[string]string{"managed-by": "groundwork"},
	}))
	return b
}

func TestBucketPolicyRace(t *testing.T) { // T2
	c := newCloud(t, emulator.Config{})
	k := c.as(owner)
	b := makeBucket(t, k, bucketID)
	grant := func(role string, between func()) error {
		p, err := b.IAM().V3().Policy(t.Context())
		if err != nil {
			return err
		}
		between()
		p.Bindings = append(p.Bindings, &iampb.Binding{Role: role, Members: []string{"serviceAccount:" + vendor}})
		return b.IAM().V3().SetPolicy(t.Context(), p)
	}
	err := grant("roles/storage.objectViewer", func() {
		noError(t, grant("roles/storage.objectAdmin", func() {}))
	})
	wantError(t, err, 412, "conditionNotMet", "pre-conditions")
	noError(t, grant("roles/storage.objectViewer", func() {}))
	if got := roles(must(b.IAM().V3().Policy(t.Context()))(t), vendor); !slices.Equal(got, []string{"roles/storage.objectAdmin", "roles/storage.objectViewer"}) {
		t.Errorf("the vendor has %v: the first grant was lost", got)
	}
	t.Run("location policy has the same status and reason", func(t *testing.T) {
		c.SetPolicy("projects/"+projectID, emulator.OrgPolicy{Constraint: "gcp.resourceLocations", Allowed: []string{"in:eu-locations", "europe-west1"}})
		err := k.storage.Bucket("other-place").Create(t.Context(), projectID, &storage.BucketAttrs{Location: "us"})
		wantError(t, err, 412, "conditionNotMet", "'us' violates constraint 'constraints/gcp.resourceLocations'")
		noError(t, k.storage.Bucket("right-place").Create(t.Context(), projectID, &storage.BucketAttrs{Location: "europe-west1"}))
	})
}

func roles(p *iam.Policy3, account string) []string {
	var out []string
	for _, b := range p.Bindings {
		if slices.Contains(b.Members, "serviceAccount:"+account) {
			out = append(out, b.Role)
		}
	}
	slices.Sort(out)
	return out
}

func TestBucketNameTaken(t *testing.T) { // T3
	c := newCloud(t, emulator.Config{})
	k := c.as(owner)
	makeBucket(t, k, bucketID)
	again := k.storage.Bucket(bucketID).Create(t.Context(), projectID, nil)
	wantError(t, again, 409, "conflict", "Your previous request to create the named bucket succeeded and you already own it.")
	theirs := c.as(otherOwner).storage.Bucket(bucketID).Create(t.Context(), otherID, nil)
	wantError(t, theirs, 409, "conflict", "The requested bucket name is not available. The bucket namespace is shared by all users of the system.")

	t.Run("the answer is lost after the effect, the client posts again", func(t *testing.T) {
		c.AddRule(emulator.Rule{Match: emulator.Match{Method: "POST", Path: "/storage/v1/b"}, Status: 503, Times: 1, AfterEffect: true})
		b := k.storage.Bucket("lost-answer").Retryer(storage.WithPolicy(storage.RetryAlways), storage.WithMaxAttempts(2))
		wantError(t, b.Create(t.Context(), projectID, nil), 409, "conflict", "you already own it")
		got := must(k.storage.Bucket("lost-answer").Attrs(t.Context()))(t)
		if got.ProjectNumber != 123456789012 {
			t.Errorf("project number %d", got.ProjectNumber)
		}
	})
}

func TestBucketAsGoogleGivesItBack(t *testing.T) { // T18, T19
	c := newCloud(t, emulator.Config{})
	b := makeBucket(t, c.as(owner), bucketID)
	a := must(b.Attrs(t.Context()))(t)
	if a.Location != "US-WEST1" || a.LocationType != "region" || a.MetaGeneration != 1 || a.Etag != "CAE=" {
		t.Errorf("location %q %q, metageneration %d, etag %q", a.Location, a.LocationType, a.MetaGeneration, a.Etag)
	}
	if !a.UniformBucketLevelAccess.Enabled || a.PublicAccessPrevention != storage.PublicAccessPreventionEnforced {
		t.Errorf("uniform %v, public access prevention %v", a.UniformBucketLevelAccess, a.PublicAccessPrevention)
	}
	p := must(b.IAM().V3().Policy(t.Context()))(t)
	got := map[string][]string{}
	for _, x := range p.Bindings {
		got[x.Role] = x.Members
	}
	editors, viewers := []string{"projectEditor:acme-data", "projectOwner:acme-data"}, []string{"projectViewer:acme-data"}
	want := map[string][]string{
		"roles/storage.legacyBucketOwner": editors, "roles/storage.legacyObjectOwner": editors,
		"roles/storage.legacyBucketReader": viewers, "roles/storage.legacyObjectReader": viewers,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("a new bucket's policy (-want +got):\n%s", d)
	}
	t.Run("a patch keeps what it doesn't name", func(t *testing.T) {
		u := storage.BucketAttrsToUpdate{}
		u.SetLabel("tecton-deployment", "acme")
		u.DeleteLabel("managed-by")
		a := must(b.If(storage.BucketConditions{MetagenerationMatch: 1}).Update(t.Context(), u))(t)
		if d := cmp.Diff(map[string]string{"tecton-deployment": "acme"}, a.Labels); d != "" {
			t.Error(d)
		}
		if a.MetaGeneration != 2 || !a.UniformBucketLevelAccess.Enabled || a.PublicAccessPrevention != storage.PublicAccessPreventionEnforced {
			t.Errorf("after the patch: %+v", a)
		}
		_, err := b.If(storage.BucketConditions{MetagenerationMatch: 1}).Update(t.Context(), u)
		wantError(t, err, 412, "conditionNotMet", "")
	})
}

func TestBucketPolicyConditions(t *testing.T) { // T10
	c := newCloud(t, emulator.Config{})
	k := c.as(owner)
	b := makeBucket(t, k, bucketID)
	p := must(b.IAM().V3().Policy(t.Context()))(t)
	p.Bindings = append(p.Bindings, &iampb.Binding{
		Role: "roles/storage.objectViewer", Members: []string{"serviceAccount:" + vendor},
		Condition: &expr.Expr{Title: "until 2027", Expression: `request.time < timestamp("2027-01-01T00:00:00Z")`},
	})
	noError(t, b.IAM().V3().SetPolicy(t.Context(), p))

	old := must(k.buckets.Buckets.GetIamPolicy(bucketID).Do())(t)
	for _, x := range old.Bindings {
		if x.Condition != nil {
			t.Errorf("version 1 shows a condition on %s", x.Role)
		}
	}
	if old.Version != 1 || !slices.ContainsFunc(old.Bindings, func(x *storagejson.PolicyBindings) bool {
		return strings.HasPrefix(x.Role, "roles/storage.objectViewer_withcond_")
	}) {
		t.Errorf("version %d, roles %v", old.Version, old.Bindings)
	}
	old.Bindings = old.Bindings[:1]
	_, err := k.buckets.Buckets.SetIamPolicy(bucketID, old).Do()
	wantError(t, err, 400, "invalid", "version")
	old.Etag = ""
	lost := must(k.buckets.Buckets.SetIamPolicy(bucketID, old).Do())(t)
	if len(lost.Bindings) != 1 {
		t.Errorf("without an etag everything is overwritten, conditions too; got %v", lost.Bindings)
	}
}

func TestBucketPolicyMembers(t *testing.T) { // T4, T9, T15
	c := newCloud(t, emulator.Config{Propagation: time.Minute})
	k := c.as(owner)
	b := makeBucket(t, k, bucketID)
	set := func(role, member string) error {
		p := must(b.IAM().V3().Policy(t.Context()))(t)
		p.Bindings = append(p.Bindings, &iampb.Binding{Role: role, Members: []string{member}})
		return b.IAM().V3().SetPolicy(t.Context(), p)
	}
	for _, tt := range []struct {
		name, role, member, reason, text string
		status                           int
	}{
		{"a service account that isn't there", "roles/storage.objectViewer", "serviceAccount:typo@vendor-cp.iam.gserviceaccount.com", "invalid", "Service account typo@vendor-cp.iam.gserviceaccount.com does not exist.", 400},
		{"a member without a type", "roles/storage.objectViewer", vendor, "invalid", "type prefix", 400},
		{"a role that isn't for buckets", "roles/bigtable.user", "serviceAccount:" + vendor, "invalid", "Role roles/bigtable.user is not supported for this resource.", 400},
	} {
		t.Run(tt.name, func(t *testing.T) { wantError(t, set(tt.role, tt.member), tt.status, tt.reason, tt.text) })
	}
	t.Run("domain restricted sharing", func(t *testing.T) {
		c.SetPolicy("projects/"+projectID, emulator.OrgPolicy{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0customer"}})
		wantError(t, set("roles/storage.objectViewer", "serviceAccount:"+vendor), 412, "conditionNotMet", "do not belong to a permitted customer")
	})
}

func TestBucketRateLimit(t *testing.T) { // T11
	c := newCloud(t, emulator.Config{})
	c.AddRule(emulator.Rule{
		Match: emulator.Match{Method: "POST", Path: "/storage/v1/b"}, Status: 429, Reason: "rateLimitExceeded", Times: 1,
		Message: "The project exceeded the rate limit for creating and deleting buckets.", Headers: map[string]string{"Retry-After": "2"},
	})
	b := c.as(owner).storage.Bucket(bucketID)
	err := b.Create(t.Context(), projectID, nil)
	wantError(t, err, 429, "rateLimitExceeded", "exceeded the rate limit")
	noError(t, b.Create(t.Context(), projectID, nil))
}

func TestBucketDeleteNotEmpty(t *testing.T) { // T15
	c := newCloud(t, emulator.Config{})
	b := makeBucket(t, c.as(owner), bucketID)
	w := b.Object("canary/1.txt").NewWriter(t.Context())
	_, err := io.WriteString(w, "canary")
	noError(t, err)
	noError(t, w.Close())
	wantError(t, b.Delete(t.Context()), 409, "conflict", "The bucket you tried to delete was not empty.")
	noError(t, b.Object("canary/1.txt").Delete(t.Context()))
	noError(t, b.Delete(t.Context()))
	_, err = b.Attrs(t.Context())
	if !errors.Is(err, storage.ErrBucketNotExist) && !strings.Contains(fmt.Sprint(err), "doesn't exist") {
		t.Errorf("after the delete: %v", err)
	}
}

func TestBucketStateOfTheProject(t *testing.T) {
	for _, tt := range []struct {
		name           string
		project        func(*cloud)
		status         int
		reason, text   string
		withoutUniform bool
	}{
		{"without billing", func(c *cloud) { c.SetBilling(projectID, false) }, 403, "accountDisabled", "billing account for the owning project is disabled", false},
		{"with the API off", func(c *cloud) { c.SetAPI(projectID, "storage.googleapis.com", false) }, 403, "accessNotConfigured", "has not been used in project 123456789012 before", false},
		{"with uniform access enforced", func(c *cloud) {
			c.SetPolicy("organizations/1001", emulator.OrgPolicy{Constraint: "storage.uniformBucketLevelAccess", Enforce: true})
		}, 412, "conditionNotMet", "constraints/storage.uniformBucketLevelAccess", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t, emulator.Config{})
			tt.project(c)
			a := &storage.BucketAttrs{Location: "us-west1"}
			a.UniformBucketLevelAccess.Enabled = !tt.withoutUniform
			wantError(t, c.as(owner).storage.Bucket(bucketID).Create(t.Context(), projectID, a), tt.status, tt.reason, tt.text)
		})
	}
}

func TestObjectsNeedPermission(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	mine := makeBucket(t, c.as(owner), bucketID)
	write := func(ctx context.Context, b *storage.BucketHandle, size int) error {
		w := b.Object("canary").NewWriter(ctx)
		w.ChunkSize = 256 << 10 // more than that goes up in pieces
		if _, err := w.Write(make([]byte, size)); err != nil {
			return err
		}
		return w.Close()
	}
	for _, size := range []int{0, 10, 700 << 10} {
		noError(t, write(t.Context(), mine, size))
		r := must(mine.Object("canary").NewReader(t.Context()))(t)
		if got := must(io.ReadAll(r))(t); len(got) != size {
			t.Errorf("read %d bytes of %d", len(got), size)
		}
	}
	theirs := c.as(vendor).storage.Bucket(bucketID)
	wantError(t, write(t.Context(), theirs, 10), 403, "forbidden", "does not have storage.objects.create access to the Google Cloud Storage object. Permission 'storage.objects.create' denied on resource (or it may not exist).")
	c.SetIAM("buckets/"+bucketID, "serviceAccount:"+vendor, "roles/storage.objectAdmin")
	noError(t, write(t.Context(), theirs, 10))
	noError(t, theirs.Object("canary").Delete(t.Context()))
	_, err := theirs.Attrs(t.Context())
	wantError(t, err, 403, "forbidden", "storage.buckets.get")

	asked := []string{"storage.buckets.get", "storage.objects.get", "storage.objects.create"}
	got := must(theirs.IAM().TestPermissions(t.Context(), asked))(t)
	if d := cmp.Diff([]string{"storage.objects.get", "storage.objects.create"}, got); d != "" {
		t.Error(d)
	}
}

func TestDatasetAccess(t *testing.T) { // T16
	c := newCloud(t, emulator.Config{})
	c.AddDataset(projectID, "sales", "US")
	k := c.as(owner)
	d := must(k.bigquery.Datasets.Get(projectID, "sales").Do())(t)
	stale := d.Etag
	patch := func(etag string, entries ...*bigquery.DatasetAccess) (*bigquery.Dataset, error) {
		call := k.bigquery.Datasets.Patch(projectID, "sales", &bigquery.Dataset{Access: append(slices.Clone(d.Access), entries...)})
		call.Header().Set("If-Match", etag)
		return call.Do()
	}
	reader := &bigquery.DatasetAccess{Role: "roles/bigquery.dataViewer", IamMember: "serviceAccount:" + vendor}
	_, err := c.as(vendor).bigquery.Datasets.Get(projectID, "sales").Do()
	wantError(t, err, 403, "accessDenied", "Access Denied: Dataset acme-data:sales: Permission bigquery.datasets.get denied")

	next := must(patch(stale, reader))(t)
	got := next.Access[len(next.Access)-1]
	if got.Role != "READER" || got.UserByEmail != vendor {
		t.Errorf("the entry came back as %+v, want READER and userByEmail", got)
	}
	must(c.as(vendor).bigquery.Datasets.Get(projectID, "sales").Do())(t)

	_, err = patch(stale, reader)
	wantError(t, err, 412, "conditionNotMet", "Precondition check failed.")
	_, err = patch(next.Etag, &bigquery.DatasetAccess{Role: "READER", UserByEmail: "typo@vendor-cp.iam.gserviceaccount.com"})
	wantError(t, err, 400, "invalid", "Service account typo@vendor-cp.iam.gserviceaccount.com does not exist.")
	_, err = k.bigquery.Datasets.Get(projectID, "nothing").Do()
	wantError(t, err, 404, "notFound", "Not found: Dataset acme-data:nothing")

	_, err = k.bigquery.Datasets.Patch(projectID, "sales", &bigquery.Dataset{Access: []*bigquery.DatasetAccess{reader}}).Do()
	wantError(t, err, 400, "invalid", "Cannot remove all owners from a dataset")
}

func TestADatasetsAccessListTakesItsOwnPermissions(t *testing.T) { // T25
	c := newCloud(t, emulator.Config{})
	c.AddDataset(projectID, "sales", "US")
	c.AddRole(projectID, "updater", []string{"bigquery.datasets.get", "bigquery.datasets.update"}, false, 0)
	c.SetIAM("projects/"+projectID, "serviceAccount:"+vendor, "projects/"+projectID+"/roles/updater")
	k := c.as(vendor).bigquery.Datasets
	whole := must(c.as(owner).bigquery.Datasets.Get(projectID, "sales").Do())(t)
	if len(whole.Access) == 0 {
		t.Fatal("the owner does not see the access list")
	}
	if d := must(k.Get(projectID, "sales").Do())(t); d.Access != nil {
		t.Errorf("without getIamPolicy the list reads %+v, want none", d.Access)
	}
	must(k.Patch(projectID, "sales", &bigquery.Dataset{Description: "orders"}).UpdateMode("UPDATE_METADATA").Do())(t)
	_, err := k.Patch(projectID, "sales", &bigquery.Dataset{Access: whole.Access}).UpdateMode("UPDATE_ACL").Do()
	wantError(t, err, 403, "accessDenied", "bigquery.datasets.setIamPolicy")
	after := must(c.as(owner).bigquery.Datasets.Patch(projectID, "sales", &bigquery.Dataset{
		Description: "not written", Access: append(slices.Clone(whole.Access), &bigquery.DatasetAccess{Role: "READER", UserByEmail: vendor}),
	}).UpdateMode("UPDATE_ACL").Do())(t)
	if after.Description != "orders" || len(after.Access) != len(whole.Access)+1 {
		t.Errorf("UPDATE_ACL left description %q and %d entries, want %q and %d", after.Description, len(after.Access), "orders", len(whole.Access)+1)
	}
}

func TestBigtableInstance(t *testing.T) { // T17
	c := newCloud(t, emulator.Config{Speed: 3 * time.Minute})
	k := c.as(owner)
	const parent = "projects/" + projectID
	request := func(id, title, zone string) *bigtableadmin.CreateInstanceRequest {
		return &bigtableadmin.CreateInstanceRequest{
			Parent: parent, InstanceId: id, Instance: &bigtableadmin.Instance{DisplayName: title, Labels: map[string]string{"managed-by": "groundwork"}},
			Clusters: map[string]bigtableadmin.Cluster{id + "-c1": {Location: parent + "/locations/" + zone, ServeNodes: 1, DefaultStorageType: "SSD"}},
		}
	}
	for _, tt := range []struct{ name, id, title, zone, text string }{
		{"an ID that is too short", "acme1", "Tecton acme", "us-west1-a", "Length should be between [6,33]"},
		{"an ID that is too long", "tecton-" + strings.Repeat("a", 27), "Tecton acme", "us-west1-a", "Length should be between [6,33]"},
		{"an ID with a capital", "Tecton-acme", "Tecton acme", "us-west1-a", "Should match"},
		{"a title that is too long", "tecton-acme", strings.Repeat("a", 31), "us-west1-a", "Length should be between [4,30]"},
		{"a zone that isn't there", "tecton-acme", "Tecton acme", "us-west1-x", "us-west1-x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := k.bigtable.Projects.Instances.Create(parent, request(tt.id, tt.title, tt.zone)).Do()
			wantError(t, err, 400, "", tt.text)
		})
	}
	op := must(k.bigtable.Projects.Instances.Create(parent, request("tecton-acme", "Tecton acme", "us-west1-a")).Do())(t)
	if op.Done {
		t.Error("done at once")
	}
	_, err := k.bigtable.Projects.Instances.Create(parent, request("tecton-acme", "Tecton acme", "us-west1-a")).Do()
	wantError(t, err, 409, "", "ALREADY_EXISTS")
	const name = parent + "/instances/tecton-acme"
	if got := must(k.bigtable.Projects.Instances.Get(name).Do())(t); got.State != "CREATING" {
		t.Errorf("state %s while it is being created", got.State)
	}
	c.pass(3 * time.Minute)
	op = must(k.bigtable.Operations.Get(op.Name).Do())(t)
	if !op.Done || op.Error != nil || !strings.Contains(string(op.Response), name) {
		t.Errorf("operation %+v", op)
	}
	if got := must(k.bigtable.Projects.Instances.Get(name).Do())(t); got.State != "READY" || got.Type != "PRODUCTION" {
		t.Errorf("instance %+v", got)
	}
	cl := must(k.bigtable.Projects.Instances.Clusters.List(name).Do())(t)
	if len(cl.Clusters) != 1 || !strings.HasSuffix(cl.Clusters[0].Location, "/us-west1-a") || cl.Clusters[0].State != "READY" {
		t.Errorf("clusters %+v", cl.Clusters)
	}

	t.Run("grants", func(t *testing.T) {
		_, err := c.as(vendor).bigtable.Projects.Instances.Get(name).Do()
		wantError(t, err, 403, "", "bigtable.instances.get")
		p := must(k.bigtable.Projects.Instances.GetIamPolicy(name, &bigtableadmin.GetIamPolicyRequest{Options: &bigtableadmin.GetPolicyOptions{RequestedPolicyVersion: 3}}).Do())(t)
		p.Bindings = append(p.Bindings, &bigtableadmin.Binding{Role: "roles/bigtable.user", Members: []string{"serviceAccount:" + vendor}})
		must(k.bigtable.Projects.Instances.SetIamPolicy(name, &bigtableadmin.SetIamPolicyRequest{Policy: p}).Do())(t)
		must(c.as(vendor).bigtable.Projects.Instances.Get(name).Do())(t)
		_, err = k.bigtable.Projects.Instances.SetIamPolicy(name, &bigtableadmin.SetIamPolicyRequest{Policy: p}).Do()
		wantError(t, err, 409, "", "There were concurrent policy changes.") // T1, on an instance
		got := must(c.as(vendor).bigtable.Projects.Instances.TestIamPermissions(name, &bigtableadmin.TestIamPermissionsRequest{
			Permissions: []string{"bigtable.tables.readRows", "bigtable.instances.delete"},
		}).Do())(t)
		if d := cmp.Diff([]string{"bigtable.tables.readRows"}, got.Permissions); d != "" {
			t.Error(d)
		}
	})
	t.Run("with the API off", func(t *testing.T) {
		c.SetAPI(projectID, "bigtableadmin.googleapis.com", false)
		_, err := k.bigtable.Projects.Instances.List(parent).Do()
		wantError(t, err, 403, "", "SERVICE_DISABLED")
		c.SetAPI(projectID, "bigtableadmin.googleapis.com", true)
	})
	must(k.bigtable.Projects.Instances.Delete(name).Do())(t)
	_, err = k.bigtable.Projects.Instances.Get(name).Do()
	if !googleapi.IsNotModified(err) {
		wantError(t, err, http.StatusNotFound, "", "NOT_FOUND")
	}
}
