package emulator

import (
	"errors"
	"net/http"
	"strings"

	"google.golang.org/api/storage/v1"
)

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
	if err := c.publicAllowed(b, st.Policy, next); err != nil {
		return nil, err
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

// publicAllowed refuses new public members where public access is prevented: by the bucket, or by an organization
// policy (T2).
func (c *call) publicAllowed(b bucketState, old, next Policy) error {
	if b.Meta.IamConfiguration.PublicAccessPrevention != "enforced" && !c.enforced(b.Project, "storage.publicAccessPrevention") {
		return nil
	}
	public := func(p Policy) int {
		n := 0
		for _, b := range p.Bindings {
			for _, m := range b.Members {
				if m == "allUsers" || m == "allAuthenticatedUsers" {
					n++
				}
			}
		}
		return n
	}
	if public(next) > public(old) {
		return conditionNotMet("The member bindings allUsers and allAuthenticatedUsers are not allowed since public access prevention is enforced.")
	}
	return nil
}

// storageOwn gives a refusal of the shared policy check Cloud Storage's own status and reason.
func storageOwn(err error) error {
	var g *gerr
	if err == nil || !errors.As(err, &g) {
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
	b, err := c.bucket()
	if err != nil {
		return nil, err
	}
	if err := c.enter(bucketResource(b.Meta.Name)); err != nil {
		return nil, err
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
