package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/api/bigtableadmin/v2"
	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/iam/v1"
	storagev1 "google.golang.org/api/storage/v1"
)

// Binding gives members a role, under a condition where there is one. Its JSON is Google's, which is the same
// for projects, service accounts, buckets and Bigtable instances.
type Binding struct {
	Role      string          `json:"role,omitempty"`
	Members   []string        `json:"members,omitempty"`
	Condition json.RawMessage `json:"condition,omitempty"` // nil: unconditional
}

// AddMember returns bindings in which member has role without a condition, and whether that is a change. Bindings
// with a condition are another thing and are never touched; nothing that was given is modified.
func AddMember(bindings []Binding, role, member string) ([]Binding, bool) {
	if HasMember(bindings, role, member) {
		return bindings, false
	}
	out := slices.Clone(bindings)
	for i, b := range out {
		if b.Role == role && b.Condition == nil {
			out[i].Members = append(slices.Clone(b.Members), member)
			return out, true
		}
	}
	return append(out, Binding{Role: role, Members: []string{member}}), true
}

// HasMember reports whether member has role without a condition. Addresses are compared without their case, as
// Google does; a "deleted:" member is another member.
func HasMember(bindings []Binding, role, member string) bool {
	for _, b := range bindings {
		if b.Role == role && b.Condition == nil && slices.ContainsFunc(b.Members, func(m string) bool { return strings.EqualFold(m, member) }) {
			return true
		}
	}
	return false
}

// RemoveMember returns bindings in which member no longer has role without a condition, and whether that is a
// change. A binding that becomes empty goes; nothing that was given is modified.
func RemoveMember(bindings []Binding, role, member string) ([]Binding, bool) {
	if !HasMember(bindings, role, member) {
		return bindings, false
	}
	var out []Binding
	for _, b := range bindings {
		if b.Role == role && b.Condition == nil {
			b.Members = slices.DeleteFunc(slices.Clone(b.Members), func(m string) bool { return strings.EqualFold(m, member) })
			if len(b.Members) == 0 {
				continue
			}
		}
		out = append(out, b)
	}
	return out, true
}

// Policy is a resource's IAM policy, version 3. It keeps what it does not know, so that writing it back loses nothing.
type Policy struct {
	Bindings []Binding
	etag     string
	rest     map[string]json.RawMessage
}

// UnmarshalJSON reads any of Google's policies.
func (p *Policy) UnmarshalJSON(b []byte) error {
	*p = Policy{}
	if err := json.Unmarshal(b, &p.rest); err != nil {
		return err
	}
	var known struct {
		Bindings []Binding `json:"bindings"`
		Etag     string    `json:"etag"`
	}
	if err := json.Unmarshal(b, &known); err != nil {
		return err
	}
	p.Bindings, p.etag = known.Bindings, known.Etag
	delete(p.rest, "bindings")
	return nil
}

// MarshalJSON writes the policy for any of Google's types, always as version 3 and with the etag it was read with.
func (p Policy) MarshalJSON() ([]byte, error) {
	out := map[string]any{}
	for k, v := range p.rest {
		out[k] = v
	}
	out["version"], out["bindings"], out["etag"] = 3, p.Bindings, p.etag
	return json.Marshal(out)
}

// Resource is something with an IAM policy; make one with [Project], [Account], [Bucket] or [Instance].
type Resource struct{ kind, name string }

// Project is a project, by ID.
func Project(id string) Resource { return Resource{"project", "projects/" + id} }

// Account is a service account, by email address, in whatever project it lives.
func Account(email string) Resource {
	return Resource{"service account", "projects/-/serviceAccounts/" + email}
}

// Bucket is a Cloud Storage bucket, by name.
func Bucket(name string) Resource { return Resource{"bucket", name} }

// Instance is a Bigtable instance.
func Instance(project, instance string) Resource {
	return Resource{"instance", "projects/" + project + "/instances/" + instance}
}

// Policy reads a resource's policy with its conditions. Errors are Google's.
func (c *Clients) Policy(ctx context.Context, r Resource) (*Policy, error) {
	var got any
	var err error
	switch r.kind {
	case "project":
		got, err = c.Projects.Projects.GetIamPolicy(r.name, &cloudresourcemanager.GetIamPolicyRequest{
			Options: &cloudresourcemanager.GetPolicyOptions{RequestedPolicyVersion: 3},
		}).Context(ctx).Do()
	case "service account":
		got, err = c.IAM.Projects.ServiceAccounts.GetIamPolicy(r.name).OptionsRequestedPolicyVersion(3).Context(ctx).Do()
	case "bucket":
		get := c.Buckets.Buckets.GetIamPolicy(r.name).OptionsRequestedPolicyVersion(3).Context(ctx)
		if got, err = get.Do(); RequesterPays(err) && c.Payer != "" {
			got, err = get.UserProject(c.Payer).Do()
		}
	case "instance":
		got, err = c.Bigtable.Projects.Instances.GetIamPolicy(r.name, &bigtableadmin.GetIamPolicyRequest{
			Options: &bigtableadmin.GetPolicyOptions{RequestedPolicyVersion: 3},
		}).Context(ctx).Do()
	default:
		return nil, fmt.Errorf("policy of an unknown kind of resource %q", r.kind)
	}
	if err != nil {
		return nil, fmt.Errorf("read policy of %s: %w", r.name, err)
	}
	p := &Policy{}
	if err := convert(got, p); err != nil {
		return nil, fmt.Errorf("read policy of %s: %w", r.name, err)
	}
	return p, nil
}

// SetPolicy writes a policy that [Clients.Policy] read. Google refuses it (409 ABORTED, or 412 for buckets) if it
// changed in the meantime; then the whole read and write is repeated, by whoever called.
func (c *Clients) SetPolicy(ctx context.Context, r Resource, p *Policy) error {
	if p.etag == "" {
		return fmt.Errorf("write policy of %s: %w", r.name, errors.New("it was read without an etag, so a change by others would be lost"))
	}
	var err error
	switch r.kind {
	case "project":
		req := &cloudresourcemanager.SetIamPolicyRequest{Policy: &cloudresourcemanager.Policy{}}
		if err = convert(p, req.Policy); err == nil {
			_, err = c.Projects.Projects.SetIamPolicy(r.name, req).Context(ctx).Do()
		}
	case "service account":
		req := &iam.SetIamPolicyRequest{Policy: &iam.Policy{}}
		if err = convert(p, req.Policy); err == nil {
			_, err = c.IAM.Projects.ServiceAccounts.SetIamPolicy(r.name, req).Context(ctx).Do()
		}
	case "bucket":
		policy := &storagev1.Policy{}
		if err = convert(p, policy); err == nil {
			set := c.Buckets.Buckets.SetIamPolicy(r.name, policy).Context(ctx)
			if _, err = set.Do(); RequesterPays(err) && c.Payer != "" {
				_, err = set.UserProject(c.Payer).Do()
			}
		}
	case "instance":
		req := &bigtableadmin.SetIamPolicyRequest{Policy: &bigtableadmin.Policy{}}
		if err = convert(p, req.Policy); err == nil {
			_, err = c.Bigtable.Projects.Instances.SetIamPolicy(r.name, req).Context(ctx).Do()
		}
	default:
		return fmt.Errorf("policy of an unknown kind of resource %q", r.kind)
	}
	if err != nil {
		return fmt.Errorf("write policy of %s: %w", r.name, err)
	}
	return nil
}

// Bind gives a member a role on a resource: one read, and one write if it is a change.
func (c *Clients) Bind(ctx context.Context, r Resource, role, member string) error {
	return c.edit(ctx, r, func(b []Binding) ([]Binding, bool) { return AddMember(b, role, member) })
}

// Unbind takes a role on a resource from a member: one read, and one write if it is a change.
func (c *Clients) Unbind(ctx context.Context, r Resource, role, member string) error {
	return c.edit(ctx, r, func(b []Binding) ([]Binding, bool) { return RemoveMember(b, role, member) })
}

// HasBinding reports whether a member has a role on a resource, by reading its policy back.
func (c *Clients) HasBinding(ctx context.Context, r Resource, role, member string) (bool, error) {
	p, err := c.Policy(ctx, r)
	if err != nil {
		return false, err
	}
	return HasMember(p.Bindings, role, member), nil
}

func (c *Clients) edit(ctx context.Context, r Resource, change func([]Binding) ([]Binding, bool)) error {
	p, err := c.Policy(ctx, r)
	if err != nil {
		return err
	}
	b, changed := change(p.Bindings)
	if !changed {
		return nil
	}
	p.Bindings = b
	return c.SetPolicy(ctx, r, p)
}

// convert goes through JSON, in which all of Google's policies have one shape.
func convert(from, to any) error {
	b, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}
