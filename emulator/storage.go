package emulator

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/api/storage/v1"
)

// bucketState is a bucket as it is journalled; its policy is that of the resource "buckets/NAME".
type bucketState struct {
	Project string         `json:"project"` // ID
	Meta    storage.Bucket `json:"meta"`
}

// uploadState is a resumable upload that was begun.
type uploadState struct {
	Bucket string         `json:"bucket"`
	Meta   storage.Object `json:"meta"`
	Data   []byte         `json:"data,omitempty"`
}

// storageTables are the tables of Cloud Storage.
type storageTables struct {
	buckets *table[bucketState] // by name: one namespace for everybody
	objects *table[objectState] // by "bucket/name"
	uploads *table[uploadState] // by upload ID
}

const storageHost = "storage.googleapis.com"

func (e *Emulator) registerStorage() {
	e.storage = storageTables{
		buckets: newTable[bucketState](e, "bucket"),
		objects: newTable[objectState](e, "object"),
		uploads: newTable[uploadState](e, "upload"),
	}
	for _, h := range []string{storageHost, "www.googleapis.com"} {
		for _, r := range []struct {
			pattern string
			fn      handler
		}{
			{"GET /storage/v1/b", (*call).listBuckets},
			{"POST /storage/v1/b", (*call).insertBucket},
			{"GET /storage/v1/b/{bucket}", (*call).getBucket},
			{"PATCH /storage/v1/b/{bucket}", (*call).patchBucket},
			{"PUT /storage/v1/b/{bucket}", (*call).updateBucket},
			{"DELETE /storage/v1/b/{bucket}", (*call).deleteBucket},
			{"GET /storage/v1/b/{bucket}/iam", (*call).bucketPolicy},
			{"PUT /storage/v1/b/{bucket}/iam", (*call).setBucketPolicy},
			{"GET /storage/v1/b/{bucket}/iam/testPermissions", (*call).testBucketPermissions},
			{"GET /storage/v1/b/{bucket}/storageLayout", (*call).bucketLayout},
			{"GET /storage/v1/b/{bucket}/o", (*call).listObjects},
			{"POST /storage/v1/b/{bucket}/o", (*call).insertObject},
			{"GET /storage/v1/b/{bucket}/o/{object}", (*call).getObject},
			{"DELETE /storage/v1/b/{bucket}/o/{object}", (*call).deleteObject},
			{"GET /download/storage/v1/b/{bucket}/o/{object}", (*call).download},
			{"POST /upload/storage/v1/b/{bucket}/o", (*call).insertObject},
			{"PUT /upload/storage/v1/b/{bucket}/o", (*call).continueUpload},
			{"POST /resumable/upload/storage/v1/b/{bucket}/o", (*call).insertObject},
			{"PUT /resumable/upload/storage/v1/b/{bucket}/o", (*call).continueUpload},
			{"GET /storage/v1/projects/{project}/serviceAccount", (*call).storageAgent},
		} {
			e.handle(h, r.pattern, r.fn)
		}
	}
	e.handle(storageHost, "GET /{bucket}/{object...}", (*call).xmlObject)
}

// storageRefusal is Cloud Storage's own error: a status, a reason and no canonical code.
func storageRefusal(status int, reason, format string, args ...any) *gerr {
	return &gerr{HTTP: status, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// conditionNotMet is the answer to a stale etag or metageneration, and to some organization policies too (T2).
func conditionNotMet(format string, args ...any) *gerr {
	return storageRefusal(http.StatusPreconditionFailed, "conditionNotMet", format, args...)
}

const stalePolicy = "At least one of the pre-conditions you specified did not hold."

// storageEtag is the etag of a metageneration, in the form that Google's have: "CAE=" for 1.
func storageEtag(metageneration int64) string {
	return base64.StdEncoding.EncodeToString(binary.AppendUvarint([]byte{8}, uint64(metageneration)))
}

func bucketResource(name string) string { return "buckets/" + name }

// needBucket gives the bucket that the path names, when the caller has the permission on it.
func (c *call) needBucket(permission string) (bucketState, error) {
	b, ok := c.e.storage.buckets.get(c.v("bucket"))
	if !ok {
		return b, storageRefusal(404, "notFound", "The specified bucket does not exist.")
	}
	return b, c.require(bucketResource(b.Meta.Name), permission)
}

// storageProject gives the project that a query names by ID or number.
func (c *call) storageProject(permission string) (Project, error) {
	name := c.query.Get("project")
	if name == "" {
		return Project{}, storageRefusal(400, "required", "Required parameter: project")
	}
	if err := c.require("projects/"+name, permission); err != nil {
		return Project{}, err
	}
	p, _ := c.e.project(name)
	return p, c.api(storageHost, p.ID)
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`)
	regionName = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+$`)
)

// locationType tells regions from larger places; "" for a place that isn't there.
func locationType(location string) string {
	switch l := strings.ToLower(location); {
	case l == "us", l == "eu", l == "asia":
		return "multi-region"
	case l == "nam4", l == "eur4", l == "eur5", l == "eur7", l == "eur8", l == "asia1":
		return "dual-region"
	case regionName.MatchString(l) && regions[l] != "":
		return "region"
	}
	return ""
}

func (c *call) insertBucket() (any, error) {
	var in storage.Bucket
	if err := c.read(&in); err != nil {
		return nil, err
	}
	p, err := c.storageProject("storage.buckets.create")
	if err != nil {
		return nil, err
	}
	if !bucketName.MatchString(in.Name) || strings.HasPrefix(in.Name, "goog") || strings.Contains(in.Name, "google") {
		return nil, storageRefusal(400, "invalid", "Invalid bucket name: '%s'", in.Name)
	}
	if old, taken := c.e.storage.buckets.get(in.Name); taken {
		if old.Project == p.ID {
			return nil, storageRefusal(409, "conflict", "Your previous request to create the named bucket succeeded and you already own it.")
		}
		return nil, storageRefusal(409, "conflict", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.")
	}
	if err := c.bucketAllowedIn(p, &in); err != nil {
		return nil, err
	}
	now := c.now.Format(milliseconds)
	number, _ := strconv.ParseUint(p.Number, 10, 64)
	in.Kind, in.Id = "storage#bucket", in.Name
	in.SelfLink = "https://www.googleapis.com/storage/v1/b/" + in.Name
	in.ProjectNumber, in.Generation, in.Metageneration = number, c.now.UnixMicro(), 1
	in.TimeCreated, in.Updated = now, now
	in.Acl, in.DefaultObjectAcl = nil, nil
	if in.StorageClass == "" {
		in.StorageClass = "STANDARD"
	}
	if in.Rpo == "" && in.LocationType != "region" {
		in.Rpo = "DEFAULT"
	}
	if in.SoftDeletePolicy == nil {
		in.SoftDeletePolicy = &storage.BucketSoftDeletePolicy{RetentionDurationSeconds: 7 * 24 * 3600, EffectiveTime: now}
	}
	b := bucketState{Project: p.ID, Meta: in}
	c.settleBucket(&b, nil)
	c.e.storage.buckets.put(in.Name, b)
	c.e.policies.put(bucketResource(in.Name), policyState{
		Parent: "projects/" + p.ID, Policy: Policy{Etag: c.e.etag(), Bindings: convenience(p, &in)},
	})
	return b.answer(), nil
}

// bucketAllowedIn checks a new bucket against the project's billing and organization policies, and settles its location.
func (c *call) bucketAllowedIn(p Project, in *storage.Bucket) error {
	asked := in.Location
	if asked == "" {
		asked = "US"
	}
	if in.LocationType = locationType(asked); in.LocationType == "" {
		return storageRefusal(400, "invalid", "The specified location constraint is not valid.")
	}
	in.Location = strings.ToUpper(asked)
	if err := c.billing(p.ID); err != nil {
		return err
	}
	if !c.locationAllowed(p, strings.ToLower(asked)) {
		return conditionNotMet("'%s' violates constraint 'constraints/gcp.resourceLocations'", strings.ToLower(asked))
	}
	if c.enforced(p.ID, "storage.uniformBucketLevelAccess") && !uniform(in) {
		return conditionNotMet("Request violates constraint 'constraints/storage.uniformBucketLevelAccess'")
	}
	return nil
}

func uniform(b *storage.Bucket) bool {
	return b.IamConfiguration != nil && b.IamConfiguration.UniformBucketLevelAccess != nil && b.IamConfiguration.UniformBucketLevelAccess.Enabled
}

// convenience are the bindings that Google itself gives a new bucket (T19). With uniform access the roles on
// objects come with those on the bucket; without it, objects have lists of their own.
// Source: https://cloud.google.com/storage/docs/access-control/iam-roles#basic-roles-modifiable
func convenience(p Project, b *storage.Bucket) []Binding {
	owners, viewers := []string{"projectEditor:" + p.ID, "projectOwner:" + p.ID}, []string{"projectViewer:" + p.ID}
	out := []Binding{
		{Role: "roles/storage.legacyBucketOwner", Members: owners},
		{Role: "roles/storage.legacyBucketReader", Members: viewers},
	}
	if uniform(b) {
		out = append(out,
			Binding{Role: "roles/storage.legacyObjectOwner", Members: owners},
			Binding{Role: "roles/storage.legacyObjectReader", Members: viewers})
	}
	return out
}

// settleBucket fills in what Google decides; old is the state before the change, nil for a new bucket.
func (c *call) settleBucket(b, old *bucketState) {
	m := &b.Meta
	iam := storage.BucketIamConfiguration{PublicAccessPrevention: "inherited"}
	if m.IamConfiguration != nil {
		iam = *m.IamConfiguration
	}
	if iam.PublicAccessPrevention == "" || iam.PublicAccessPrevention == "unspecified" {
		iam.PublicAccessPrevention = "inherited"
	}
	u := storage.BucketIamConfigurationUniformBucketLevelAccess{Enabled: uniform(m)}
	if u.Enabled {
		// The switch stays free for 90 days, then it is locked.
		u.LockedTime = c.now.AddDate(0, 0, 90).Format(milliseconds)
		if old != nil && uniform(&old.Meta) {
			u.LockedTime = old.Meta.IamConfiguration.UniformBucketLevelAccess.LockedTime
		}
	}
	iam.UniformBucketLevelAccess = &u
	iam.BucketPolicyOnly = &storage.BucketIamConfigurationBucketPolicyOnly{Enabled: u.Enabled, LockedTime: u.LockedTime}
	m.IamConfiguration = &iam
	m.Etag = storageEtag(m.Metageneration)
}

// answer is the bucket as it is sent: switches that are off are said.
func (b bucketState) answer() *storage.Bucket {
	m := deepCopy(b.Meta)
	m.IamConfiguration.UniformBucketLevelAccess.ForceSendFields = []string{"Enabled"}
	m.IamConfiguration.BucketPolicyOnly.ForceSendFields = []string{"Enabled"}
	return &m
}

func (c *call) listBuckets() (any, error) {
	p, err := c.storageProject("storage.buckets.list")
	if err != nil {
		return nil, err
	}
	out := &storage.Buckets{Kind: "storage#buckets"}
	for _, name := range c.e.storage.buckets.keys(c.query.Get("prefix")) {
		if b, _ := c.e.storage.buckets.get(name); b.Project == p.ID {
			out.Items = append(out.Items, b.answer())
		}
	}
	return out, nil
}

func (c *call) getBucket() (any, error) {
	b, err := c.needBucket("storage.buckets.get")
	if err != nil {
		return nil, err
	}
	if m := c.query.Get("ifMetagenerationNotMatch"); m != "" && m == strconv.FormatInt(b.Meta.Metageneration, 10) {
		return answer{Status: http.StatusNotModified}, nil
	}
	if err := c.metagenerationMatches(b.Meta.Metageneration); err != nil {
		return nil, err
	}
	return b.answer(), nil
}

func (c *call) metagenerationMatches(have int64) error {
	if want := c.query.Get("ifMetagenerationMatch"); want != "" && want != strconv.FormatInt(have, 10) {
		return conditionNotMet(stalePolicy)
	}
	return nil
}

func (c *call) patchBucket() (any, error)  { return c.changeBucket(true) }
func (c *call) updateBucket() (any, error) { return c.changeBucket(false) }

func (c *call) changeBucket(patch bool) (any, error) {
	var in storage.Bucket
	if err := c.read(&in); err != nil {
		return nil, err
	}
	old, err := c.needBucket("storage.buckets.update")
	if err != nil {
		return nil, err
	}
	if err := c.metagenerationMatches(old.Meta.Metageneration); err != nil {
		return nil, err
	}
	next := old
	if patch {
		if next.Meta, err = mergePatch(old.Meta, c.body); err != nil {
			return nil, err
		}
	} else {
		next.Meta = in
	}
	keepBucket(&next.Meta, &old.Meta)
	if uniform(&old.Meta) && !uniform(&next.Meta) {
		if c.enforced(old.Project, "storage.uniformBucketLevelAccess") {
			return nil, conditionNotMet("Request violates constraint 'constraints/storage.uniformBucketLevelAccess'")
		}
	}
	next.Meta.Metageneration++
	next.Meta.Updated = c.now.Format(milliseconds)
	c.settleBucket(&next, &old)
	c.e.storage.buckets.put(old.Meta.Name, next)
	return next.answer(), nil
}

// keepBucket restores what a change cannot touch.
func keepBucket(m, old *storage.Bucket) {
	m.Kind, m.Id, m.Name, m.SelfLink = old.Kind, old.Id, old.Name, old.SelfLink
	m.ProjectNumber, m.Generation, m.Metageneration = old.ProjectNumber, old.Generation, old.Metageneration
	m.Location, m.LocationType, m.TimeCreated, m.Rpo = old.Location, old.LocationType, old.TimeCreated, old.Rpo
	m.Acl, m.DefaultObjectAcl = nil, nil
	if m.StorageClass == "" {
		m.StorageClass = old.StorageClass
	}
	if m.SoftDeletePolicy == nil {
		m.SoftDeletePolicy = old.SoftDeletePolicy
	}
}

func (c *call) deleteBucket() (any, error) {
	b, err := c.needBucket("storage.buckets.delete")
	if err != nil {
		return nil, err
	}
	if err := c.metagenerationMatches(b.Meta.Metageneration); err != nil {
		return nil, err
	}
	if len(c.e.storage.objects.keys(b.Meta.Name+"/")) > 0 {
		return nil, storageRefusal(409, "conflict", "The bucket you tried to delete was not empty.")
	}
	c.e.storage.buckets.delete(b.Meta.Name)
	c.e.policies.delete(bucketResource(b.Meta.Name))
	return emptyAnswer(), nil
}

func (c *call) bucketLayout() (any, error) {
	b, err := c.needBucket("storage.objects.list")
	if err != nil {
		return nil, err
	}
	return &storage.BucketStorageLayout{
		Kind: "storage#storageLayout", Bucket: b.Meta.Name, Location: b.Meta.Location, LocationType: b.Meta.LocationType,
		HierarchicalNamespace: &storage.BucketStorageLayoutHierarchicalNamespace{ForceSendFields: []string{"Enabled"}},
	}, nil
}

func (c *call) storageAgent() (any, error) {
	if err := c.require("projects/"+c.v("project"), "resourcemanager.projects.get"); err != nil {
		return nil, err
	}
	p, _ := c.e.project(c.v("project"))
	return &storage.ServiceAccount{Kind: "storage#serviceAccount", EmailAddress: "service-" + p.Number + "@gs-project-accounts.iam.gserviceaccount.com"}, nil
}

// storagePolicy is the bucket's policy in Cloud Storage's shape.
func storagePolicy(bucket string, p Policy) (*storage.Policy, error) {
	out := &storage.Policy{Kind: "storage#policy", ResourceId: "projects/_/buckets/" + bucket, Version: int64(p.Version), Etag: p.Etag}
	for _, b := range p.Bindings {
		sb := &storage.PolicyBindings{Role: b.Role, Members: b.Members}
		if x := b.Condition; x != nil {
			sb.Condition = &storage.Expr{Title: x.Title, Description: x.Description, Expression: x.Expression, Location: x.Location}
		}
		out.Bindings = append(out.Bindings, sb)
	}
	return out, nil
}

func (c *call) bucketPolicy() (any, error) {
	b, err := c.needBucket("storage.buckets.getIamPolicy")
	if err != nil {
		return nil, err
	}
	version, err := requestedVersion(c.query.Get("optionsRequestedPolicyVersion"))
	if err != nil {
		return nil, err
	}
	return storagePolicy(b.Meta.Name, c.policy(bucketResource(b.Meta.Name), version))
}

// requestedVersion reads a policy version: 0, 1 or 3; "" is 1.
func requestedVersion(text string) (int, error) {
	switch text {
	case "", "0", "1":
		return 1, nil
	case "3":
		return 3, nil
	}
	return 0, storageRefusal(400, "invalid", "Invalid policy version: %s", text)
}

func (c *call) setBucketPolicy() (any, error) {
	var in storage.Policy
	if err := c.read(&in); err != nil {
		return nil, err
	}
	b, err := c.needBucket("storage.buckets.setIamPolicy")
	if err != nil {
		return nil, err
	}
	resource := bucketResource(b.Meta.Name)
	st, _ := c.e.policies.get(resource)
	if in.Etag != "" && in.Etag != st.Policy.Etag {
		return nil, conditionNotMet(stalePolicy)
	}
	next := Policy{Version: int(in.Version), Etag: in.Etag}
	for _, sb := range in.Bindings {
		nb := Binding{Role: sb.Role, Members: sb.Members}
		if x := sb.Condition; x != nil {
			if !uniform(&b.Meta) {
				return nil, conditionNotMet("Conditions in policies require uniform bucket-level access to be enabled.")
			}
			nb.Condition = &Condition{Title: x.Title, Description: x.Description, Expression: x.Expression, Location: x.Location}
		}
		next.Bindings = append(next.Bindings, nb)
	}
	if _, err := c.setPolicy(resource, next); err != nil {
		return nil, storageOwn(err)
	}
	b.Meta.Metageneration++
	b.Meta.Updated = c.now.Format(milliseconds)
	b.Meta.Etag = storageEtag(b.Meta.Metageneration)
	c.e.storage.buckets.put(b.Meta.Name, b)
	return storagePolicy(b.Meta.Name, c.policy(resource, 3))
}

// storageOwn gives a refusal of the shared policy check Cloud Storage's own status and reason.
func storageOwn(err error) error {
	var g *gerr
	if !errors.As(err, &g) {
		return err
	}
	own := *g
	switch g.Status {
	case "INVALID_ARGUMENT":
		own.Reason = "invalid"
	case "FAILED_PRECONDITION":
		own.HTTP, own.Reason = http.StatusPreconditionFailed, "conditionNotMet"
	case "ABORTED":
		return conditionNotMet(stalePolicy)
	}
	return &own
}

func (c *call) testBucketPermissions() (any, error) {
	b, ok := c.e.storage.buckets.get(c.v("bucket"))
	if !ok {
		return nil, storageRefusal(404, "notFound", "The specified bucket does not exist.")
	}
	for _, p := range c.query["permissions"] {
		if !strings.HasPrefix(p, "storage.") {
			return nil, storageRefusal(400, "invalid", "Permission %s is not valid.", p)
		}
	}
	return &storage.TestIamPermissionsResponse{
		Kind: "storage#testIamPermissionsResponse", Permissions: c.permitted(bucketResource(b.Meta.Name), c.query["permissions"]),
	}, nil
}

// locationAllowed looks at the organization policy on locations. Its values are places ("us-west1", "US") and
// groups ("in:us-locations", "in:us-west1-locations").
// Source: https://cloud.google.com/resource-manager/docs/organization-policy/defining-locations
func (c *call) locationAllowed(p Project, location string) bool {
	o := c.e.constraint(p.ID, "gcp.resourceLocations")
	if o == nil || o.AllowAll {
		return true
	}
	covers := func(value string) bool {
		v := strings.TrimPrefix(strings.ToLower(value), "is:")
		group, ok := strings.CutPrefix(v, "in:")
		if !ok {
			return v == location
		}
		group = strings.TrimSuffix(group, "-locations")
		return location == group || strings.HasPrefix(location, group+"-")
	}
	switch {
	case o.DenyAll, slices.ContainsFunc(o.Denied, covers):
		return false
	case len(o.Allowed) > 0:
		return slices.ContainsFunc(o.Allowed, covers)
	}
	return true
}

// enforced tells whether a yes-or-no organization policy is on for the project.
func (c *call) enforced(project, constraint string) bool {
	o := c.e.constraint(project, constraint)
	return o != nil && o.Enforce
}
