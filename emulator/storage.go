package emulator

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
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
	deleted *table[objectState] // soft-deleted objects, by "bucket/name#generation"
}

const storageHost = "storage.googleapis.com"

func (e *Emulator) registerStorage() {
	e.storage = storageTables{
		buckets: newTable[bucketState](e, "bucket"),
		objects: newTable[objectState](e, "object"),
		uploads: newTable[uploadState](e, "upload"),
		deleted: newTable[objectState](e, "deleted"),
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
			{"GET /storage/v1/b/{bucket}/managedFolders", (*call).listManagedFolders},
			{"GET /storage/v1/b/{bucket}/o", (*call).listObjects},
			{"POST /storage/v1/b/{bucket}/o", (*call).insertObject},
			{"GET /storage/v1/b/{bucket}/o/{object}", (*call).getObject},
			{"PATCH /storage/v1/b/{bucket}/o/{object}", (*call).patchObject},
			{"DELETE /storage/v1/b/{bucket}/o/{object}", (*call).deleteObject},
			{"GET /download/storage/v1/b/{bucket}/o/{object}", (*call).download},
			{"POST /upload/storage/v1/b/{bucket}/o", (*call).insertObject},
			{"PUT /upload/storage/v1/b/{bucket}/o", (*call).continueUpload},
			{"POST /resumable/upload/storage/v1/b/{bucket}/o", (*call).insertObject},
			{"PUT /resumable/upload/storage/v1/b/{bucket}/o", (*call).continueUpload},
			{"GET /storage/v1/projects/{project}/serviceAccount", (*call).storageAgent},
			{"/storage/{path...}", func(*call) (any, error) { return nil, storageRefusal(404, "notFound", "Not Found") }},
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
	b, err := c.bucket()
	if err != nil {
		return b, err
	}
	return b, c.require(bucketResource(b.Meta.Name), permission)
}

// bucket gives the bucket that the path names, when somebody pays for the request.
func (c *call) bucket() (bucketState, error) {
	b, ok := c.e.storage.buckets.get(c.v("bucket"))
	if !ok {
		return b, storageRefusal(404, "notFound", "The specified bucket does not exist.")
	}
	return b, c.payer(b)
}

// payer checks who pays for a request to a requester pays bucket (T29).
// Source: https://cloud.google.com/storage/docs/requester-pays
func (c *call) payer(b bucketState) error {
	named := orElse(c.query.Get("userProject"), c.Header.Get("X-Goog-User-Project"))
	pays := b.Meta.Billing != nil && b.Meta.Billing.RequesterPays
	switch {
	case named == "" && pays && !c.allowed("projects/"+b.Project, "resourcemanager.projects.createBillingAssignment"):
		return storageRefusal(400, "required", "Bucket is requester pays bucket but no user project provided.")
	case named == "":
		return nil
	case !c.allowed("projects/"+named, "serviceusage.services.use"):
		c.checked = append(c.checked, "serviceusage.services.use on projects/"+named+": denied")
		return storageRefusal(403, "forbidden", "%s does not have serviceusage.services.use access to the Google Cloud project.", c.person)
	}
	c.checked = append(c.checked, "serviceusage.services.use on projects/"+named)
	if p, _ := c.e.project(named); pays && !p.Billing {
		return storageRefusal(403, "accountDisabled", "The billing account for the owning project is disabled in state absent")
	}
	return nil
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
	b := bucketState{Project: p.ID, Meta: in}
	if err := c.settleBucket(&b, nil); err != nil {
		return nil, err
	}
	c.e.storage.buckets.put(in.Name, b)
	c.e.policies.put(bucketResource(in.Name), policyState{
		Parent: "projects/" + p.ID, Policy: Policy{Etag: c.e.etag(), Bindings: convenience(p, &in)},
	})
	return b.answer(), nil
}

// answer is the bucket as it is sent: switches that are off are said.
func (b bucketState) answer() *storage.Bucket {
	m := deepCopy(b.Meta)
	m.IamConfiguration.UniformBucketLevelAccess.ForceSendFields = []string{"Enabled"}
	m.IamConfiguration.BucketPolicyOnly.ForceSendFields = []string{"Enabled"}
	m.SoftDeletePolicy.ForceSendFields = []string{"RetentionDurationSeconds"}
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

func (c *call) patchBucket() (any, error) { return c.changeBucket(true) }

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
	if err := c.settleBucket(&next, &old); err != nil {
		return nil, err
	}
	c.e.storage.buckets.put(old.Meta.Name, next)
	return next.answer(), nil
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
	for _, k := range c.e.storage.deleted.keys(b.Meta.Name + "/") {
		c.e.storage.deleted.delete(k)
	}
	c.e.storage.buckets.delete(b.Meta.Name)
	c.e.policies.delete(bucketResource(b.Meta.Name))
	return emptyAnswer(), nil
}

// listManagedFolders is always empty: nothing here makes one.
func (c *call) listManagedFolders() (any, error) {
	if _, err := c.needBucket("storage.managedFolders.list"); err != nil {
		return nil, err
	}
	return &storage.ManagedFolders{Kind: "storage#managedFolders"}, nil
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
