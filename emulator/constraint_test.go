package emulator_test

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/api/bigquery/v2"
	crmv1 "google.golang.org/api/cloudresourcemanager/v1"
	"google.golang.org/api/option"
	storagejson "google.golang.org/api/storage/v1"

	"groundwork/emulator"
)

func insertBucket(k *clients, b *storagejson.Bucket) error {
	if b.Name == "" {
		b.Name = bucketID
	}
	_, err := k.buckets.Buckets.Insert(projectID, b).Do()
	return err
}

func TestCustomConstraint(t *testing.T) { // T20
	const sentence = `Operation denied by custom org policy: [\"customConstraints/custom.bucketNeedsCostCenter\": \"cost center label is required\"]`
	c := newCloud(t, emulator.Config{})
	c.SetIAM("organizations/1001", "user:"+owner, "roles/orgpolicy.policyViewer")
	k := c.as(owner)
	constraint := emulator.CustomConstraint{
		Name: "custom.bucketNeedsCostCenter", DisplayName: "Cost center", Description: "cost center label is required",
		Condition: `!("cost-center" in resource.labels)`,
	}
	c.AddCustomConstraint("1001", constraint)
	noError(t, insertBucket(k, &storagejson.Bucket{Name: "before-it-is-enforced"}))
	c.SetPolicy("organizations/1001", emulator.OrgPolicy{Constraint: constraint.Name, Enforce: true})
	wantError(t, insertBucket(k, &storagejson.Bucket{}), 412, "conditionNotMet", sentence)
	_, err := k.buckets.Buckets.Patch("before-it-is-enforced", &storagejson.Bucket{Labels: map[string]string{"team": "data"}}).Do()
	wantError(t, err, 412, "conditionNotMet", sentence)
	noError(t, insertBucket(k, &storagejson.Bucket{Labels: map[string]string{"cost-center": "4711"}}))

	constraint.Status = 400
	c.AddCustomConstraint("1001", constraint)
	wantError(t, insertBucket(k, &storagejson.Bucket{Name: "another-bucket"}), 400, "", sentence)
	list := must(k.policy.Organizations.CustomConstraints.List("organizations/1001").Do())(t)
	if len(list.CustomConstraints) != 1 || list.CustomConstraints[0].Condition != constraint.Condition {
		t.Errorf("custom constraints %+v", list.CustomConstraints)
	}
	must(k.policy.Organizations.CustomConstraints.Get("organizations/1001/customConstraints/" + constraint.Name).Do())(t)
	_, err = c.as(nobody).policy.Organizations.CustomConstraints.List("organizations/1001").Do()
	wantError(t, err, 403, "", "orgpolicy.customConstraints.list")
	if p := must(k.policy.Projects.Policies.GetEffectivePolicy(project + "/policies/" + constraint.Name).Do())(t); !p.Spec.Rules[0].Enforce {
		t.Errorf("policy %+v", p.Spec.Rules[0])
	}
}

func TestConditionalPolicy(t *testing.T) { // T39
	c := newCloud(t, emulator.Config{})
	k := c.as(owner)
	c.SetPolicy("organizations/1001", emulator.OrgPolicy{
		Constraint: "storage.uniformBucketLevelAccess",
		Rules:      []emulator.OrgPolicy{{Enforce: true, Condition: "resource.matchTag('1001/env', 'prod')"}},
	})
	effective := func() (conditions []string, enforced bool) {
		p := must(k.policy.Projects.Policies.GetEffectivePolicy(project + "/policies/storage.uniformBucketLevelAccess").Do())(t)
		for _, r := range p.Spec.Rules {
			if r.Condition != nil {
				conditions = append(conditions, r.Condition.Expression)
			} else {
				enforced = r.Enforce
			}
		}
		return conditions, enforced
	}
	if conditions, enforced := effective(); len(conditions) != 1 || enforced {
		t.Errorf("without the tag: %v, %v", conditions, enforced)
	}
	noError(t, insertBucket(k, &storagejson.Bucket{}))
	c.SetTag(projectID, "1001/env", "prod")
	if conditions, enforced := effective(); len(conditions) != 0 || !enforced {
		t.Errorf("with the tag: %v, %v", conditions, enforced)
	}
	wantError(t, insertBucket(k, &storagejson.Bucket{Name: "another-bucket"}), 412, "conditionNotMet", "constraints/storage.uniformBucketLevelAccess")
}

func TestCustomConstraintOfDatasets(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	c.AddDataset(projectID, "sales", "US")
	c.AddCustomConstraint("1001", emulator.CustomConstraint{Name: "custom.noExpiry", Description: "datasets need an owner label", Types: []string{"bigquery.googleapis.com/Dataset"}, Methods: []string{"UPDATE"}, Condition: `!("owner" in resource.labels)`})
	patch := func(d *bigquery.Dataset) error {
		_, err := c.as(owner).bigquery.Datasets.Patch(projectID, "sales", d).Do()
		return err
	}
	noError(t, patch(&bigquery.Dataset{Description: "before"}))
	c.SetPolicy("projects/"+projectID, emulator.OrgPolicy{Constraint: "custom.noExpiry", Enforce: true})
	wantError(t, patch(&bigquery.Dataset{Description: "after"}), 400, "", "customConstraints/custom.noExpiry")
	noError(t, patch(&bigquery.Dataset{Labels: map[string]string{"owner": "ada"}}))
}

func TestConstraints(t *testing.T) {
	const vendorOrg = "900000000001"
	for _, tt := range []struct {
		name   string
		policy emulator.OrgPolicy
		act    func(t *testing.T, c *cloud) error
		status int // 0: allowed
		text   string
	}{
		{"another duration of soft delete", emulator.OrgPolicy{Constraint: "storage.softDeletePolicySeconds", Allowed: []string{"0"}}, makesBucket, 412, "'604800' violates constraint 'constraints/storage.softDeletePolicySeconds'"},
		{"the duration of soft delete", emulator.OrgPolicy{Constraint: "storage.softDeletePolicySeconds", Allowed: []string{"is:604800"}}, makesBucket, 0, ""},
		{"North America, for the United States", emulator.OrgPolicy{Constraint: "gcp.resourceLocations", Allowed: []string{"in:northamerica-locations"}}, makesBucket, 0, ""},
		{"North America, for a region of the United States", emulator.OrgPolicy{Constraint: "gcp.resourceLocations", Allowed: []string{"in:northamerica-locations"}}, makesInstance, 0, ""},
		{"South America, for the United States", emulator.OrgPolicy{Constraint: "gcp.resourceLocations", Allowed: []string{"in:southamerica-locations"}}, makesBucket, 412, "constraints/gcp.resourceLocations"},
		{"no retention", emulator.OrgPolicy{Constraint: "storage.retentionPolicySeconds", Allowed: []string{"86400"}}, makesBucket, 412, "constraints/storage.retentionPolicySeconds"},
		{"another retention", emulator.OrgPolicy{Constraint: "storage.retentionPolicySeconds", Allowed: []string{"86400"}}, keepsObjects(3600), 412, "'3600' violates constraint"},
		{"the retention", emulator.OrgPolicy{Constraint: "storage.retentionPolicySeconds", Allowed: []string{"is:86400"}}, keepsObjects(86400), 0, ""},
		{"any retention", emulator.OrgPolicy{Constraint: "storage.retentionPolicySeconds", AllowAll: true}, makesBucket, 0, ""},
		{"no key", emulator.OrgPolicy{Constraint: "gcp.restrictNonCmekServices", Denied: []string{"storage.googleapis.com"}}, makesBucket, 412, "constraints/gcp.restrictNonCmekServices"},
		{"no key in Bigtable", emulator.OrgPolicy{Constraint: "gcp.restrictNonCmekServices", Denied: []string{"is:bigtable.googleapis.com"}}, makesInstance, 400, "constraints/gcp.restrictNonCmekServices"},
		{"the service", emulator.OrgPolicy{Constraint: "gcp.restrictServiceUsage", Denied: []string{"bigtableadmin.googleapis.com"}}, makesInstance, 403, "RESOURCE_USAGE_RESTRICTION_VIOLATED"},
		{"other services only", emulator.OrgPolicy{Constraint: "gcp.restrictServiceUsage", Allowed: []string{"storage.googleapis.com"}}, makesInstance, 403, "constraints/gcp.restrictServiceUsage"},
		{"other services only, for IAM, on which all depend", emulator.OrgPolicy{Constraint: "gcp.restrictServiceUsage", Allowed: []string{"storage.googleapis.com"}}, makesAccount, 0, ""},
		{"accounts", emulator.OrgPolicy{Constraint: "iam.disableServiceAccountCreation", Enforce: true}, makesAccount, 400, "constraints/iam.disableServiceAccountCreation"},
		{"accounts, managed", emulator.OrgPolicy{Constraint: "iam.managed.disableServiceAccountCreation", Enforce: true}, makesAccount, 400, "constraints/iam.managed.disableServiceAccountCreation"},
		{"the vendor's organization", emulator.OrgPolicy{Constraint: "iam.managed.allowedPolicyMembers", Enforce: true, Subjects: []string{"//cloudresourcemanager.googleapis.com/organizations/" + vendorOrg}}, bindsVendor, 0, ""},
		{"another organization", emulator.OrgPolicy{Constraint: "iam.managed.allowedPolicyMembers", Enforce: true, Subjects: []string{"//cloudresourcemanager.googleapis.com/organizations/1001"}}, bindsVendor, 400, "constraints/iam.managed.allowedPolicyMembers"},
		{"the vendor's set, legacy", emulator.OrgPolicy{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"is:principalSet://iam.googleapis.com/organizations/" + vendorOrg}}, bindsVendor, 0, ""},
		{"the customer, legacy", emulator.OrgPolicy{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"is:C01000000"}}, bindsVendor, 400, "constraints/iam.allowedPolicyMemberDomains"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t, emulator.Config{})
			c.AddProject(emulator.Project{ID: "vendor-cp", Organization: vendorOrg})
			c.SetPolicy("organizations/1001", tt.policy)
			err := tt.act(t, c)
			if tt.status == 0 {
				noError(t, err)
				return
			}
			wantError(t, err, tt.status, "", tt.text)
		})
	}
}

func makesBucket(_ *testing.T, c *cloud) error {
	return insertBucket(c.as(owner), &storagejson.Bucket{})
}

// keepsObjects makes a bucket with a retention policy.
func keepsObjects(seconds int64) func(*testing.T, *cloud) error {
	return func(_ *testing.T, c *cloud) error {
		return insertBucket(c.as(owner), &storagejson.Bucket{RetentionPolicy: &storagejson.BucketRetentionPolicy{RetentionPeriod: seconds}})
	}
}
func makesAccount(_ *testing.T, c *cloud) error { return createSpark(c.as(owner)) }
func makesInstance(_ *testing.T, c *cloud) error {
	_, err := createInstance(c.as(owner), "us-west1-a", 1)
	return err
}

func bindsVendor(t *testing.T, c *cloud) error {
	return bindProject(t, c.as(owner), "roles/browser", "serviceAccount:"+vendor)
}

func TestManagedPolicyParameters(t *testing.T) { // T22
	c := newCloud(t, emulator.Config{})
	c.SetPolicy("organizations/1001", emulator.OrgPolicy{Constraint: "iam.managed.allowedPolicyMembers", Enforce: true, Subjects: []string{
		"user:" + owner, "//cloudresourcemanager.googleapis.com/organizations/1001",
	}})
	p := must(c.as(owner).policy.Projects.Policies.GetEffectivePolicy(project + "/policies/iam.managed.allowedPolicyMembers").Do())(t)
	want := `{"allowedMemberSubjects":["user:` + owner + `"],"allowedPrincipalSets":["//cloudresourcemanager.googleapis.com/organizations/1001"]}`
	if got := string(p.Spec.Rules[0].Parameters); got != want {
		t.Errorf("parameters %s, want %s", got, want)
	}
}

func TestOrgPolicyV1(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	c.SetPolicy("organizations/1001", emulator.OrgPolicy{Constraint: "gcp.resourceLocations", Allowed: []string{"in:us-locations"}})
	c.SetPolicy("organizations/1001", emulator.OrgPolicy{Constraint: "iam.disableServiceAccountCreation", Enforce: true})
	c.SetIAM("organizations/1001", "user:"+owner, "roles/browser")
	k := c.as(owner)
	v1 := must(crmv1.NewService(t.Context(), option.WithHTTPClient(k.http)))(t)
	effective := func(constraint string) *crmv1.OrgPolicy {
		return must(v1.Projects.GetEffectiveOrgPolicy(project, &crmv1.GetEffectiveOrgPolicyRequest{Constraint: constraint}).Do())(t)
	}
	if p := effective("constraints/gcp.resourceLocations"); len(p.ListPolicy.AllowedValues) != 1 {
		t.Errorf("locations %+v", p)
	}
	if p := effective("constraints/iam.disableServiceAccountCreation"); !p.BooleanPolicy.Enforced {
		t.Errorf("accounts %+v", p)
	}
	if p := effective("constraints/iam.allowedPolicyMemberDomains"); p.ListPolicy.AllValues != "ALLOW" {
		t.Errorf("sharing %+v", p)
	}
	if p := must(v1.Projects.ListOrgPolicies(project, &crmv1.ListOrgPoliciesRequest{}).Do())(t); len(p.Policies) != 0 {
		t.Errorf("the project's own %+v", p.Policies)
	}
	must(v1.Projects.ListAvailableOrgPolicyConstraints(project, &crmv1.ListAvailableOrgPolicyConstraintsRequest{}).Do())(t)
	must(v1.Projects.GetOrgPolicy(project, &crmv1.GetOrgPolicyRequest{Constraint: "constraints/gcp.resourceLocations"}).Do())(t)
	if o := must(v1.Organizations.Search(&crmv1.SearchOrganizationsRequest{}).Do())(t); len(o.Organizations) != 1 {
		t.Errorf("organizations %+v", o.Organizations)
	}
	must(v1.Organizations.Get("organizations/1001").Do())(t)
	must(k.projects.Organizations.Search().Do())(t)
	must(k.projects.Organizations.Get("organizations/1001").Do())(t)
	if o := must(c.as(nobody).projects.Organizations.Search().Do())(t); len(o.Organizations) != 0 {
		t.Errorf("somebody else sees %+v", o.Organizations)
	}
}

func TestPublicAccessPrevention(t *testing.T) { // T2
	for name, prevent := range map[string]func(c *cloud, k *clients){
		"by the bucket": func(c *cloud, k *clients) {
			b := &storagejson.Bucket{IamConfiguration: &storagejson.BucketIamConfiguration{PublicAccessPrevention: "enforced"}}
			must(k.buckets.Buckets.Patch(bucketID, b).Do())(t)
		},
		"by the organization": func(c *cloud, k *clients) {
			c.SetPolicy("organizations/1001", emulator.OrgPolicy{Constraint: "storage.publicAccessPrevention", Enforce: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, emulator.Config{})
			k := c.as(owner)
			noError(t, insertBucket(k, &storagejson.Bucket{}))
			publish := func() error {
				p := must(k.buckets.Buckets.GetIamPolicy(bucketID).Do())(t)
				p.Bindings = append(p.Bindings, &storagejson.PolicyBindings{Role: "roles/storage.objectViewer", Members: []string{"allUsers"}})
				_, err := k.buckets.Buckets.SetIamPolicy(bucketID, p).Do()
				return err
			}
			prevent(c, k)
			wantError(t, publish(), 412, "conditionNotMet", "allUsers and allAuthenticatedUsers are not allowed since public access prevention is enforced")
		})
	}
}

func TestRequesterPays(t *testing.T) { // T29
	c := newCloud(t, emulator.Config{})
	noError(t, insertBucket(c.as(owner), &storagejson.Bucket{Billing: &storagejson.BucketBilling{RequesterPays: true}}))
	c.SetIAM("buckets/"+bucketID, "user:"+otherOwner, "roles/storage.admin")
	must(c.as(owner).buckets.Buckets.Get(bucketID).Do())(t) // may bill the bucket's own project
	k := c.as(otherOwner)
	_, err := k.buckets.Buckets.Get(bucketID).Do()
	wantError(t, err, 400, "required", "Bucket is requester pays bucket but no user project provided.")
	_, err = k.buckets.Buckets.Get(bucketID).UserProject(projectID).Do()
	wantError(t, err, 403, "forbidden", "serviceusage.services.use")
	must(k.buckets.Buckets.Get(bucketID).UserProject(otherID).Do())(t)
	c.SetBilling(otherID, false)
	_, err = k.buckets.Objects.List(bucketID).UserProject(otherID).Do()
	wantError(t, err, 403, "accountDisabled", "billing account")
}

func TestSoftDelete(t *testing.T) { // T30
	c := newCloud(t, emulator.Config{})
	k := c.as(owner)
	noError(t, insertBucket(k, &storagejson.Bucket{}))
	if b := must(k.buckets.Buckets.Get(bucketID).Do())(t); b.SoftDeletePolicy.RetentionDurationSeconds != 604800 {
		t.Errorf("by default %+v", b.SoftDeletePolicy)
	}
	put := func() {
		must(k.buckets.Objects.Insert(bucketID, &storagejson.Object{Name: "a"}).Media(strings.NewReader("x")).Do())(t)
	}
	kept := func() int {
		return len(must(k.buckets.Objects.List(bucketID).SoftDeleted(true).Do())(t).Items)
	}
	put()
	noError(t, k.buckets.Objects.Delete(bucketID, "a").Do())
	if n := kept(); n != 1 {
		t.Errorf("%d objects are kept, want 1", n)
	}
	c.pass(7 * 24 * 3600e9)
	if n := kept(); n != 0 {
		t.Errorf("%d objects are kept after a week", n)
	}
	off := &storagejson.Bucket{SoftDeletePolicy: &storagejson.BucketSoftDeletePolicy{ForceSendFields: []string{"RetentionDurationSeconds"}}}
	b := must(k.buckets.Buckets.Patch(bucketID, off).Do())(t)
	if b.SoftDeletePolicy.RetentionDurationSeconds != 0 {
		t.Errorf("switched off: %+v", b.SoftDeletePolicy)
	}
	put()
	noError(t, k.buckets.Objects.Delete(bucketID, "a").Do())
	if n := kept(); n != 0 {
		t.Errorf("%d objects are kept though soft delete is off", n)
	}
	off.SoftDeletePolicy.RetentionDurationSeconds = 60
	_, err := k.buckets.Buckets.Patch(bucketID, off).Do()
	wantError(t, err, 400, "invalid", "between 7 and 90 days")
}

func TestLabels(t *testing.T) {
	k := newCloud(t, emulator.Config{}).as(owner)
	for _, bad := range []map[string]string{{"Team": "data"}, {"team": "Data"}, {"1st": "x"}, {"team": strings.Repeat("x", 64)}, {"": "x"}} {
		wantError(t, insertBucket(k, &storagejson.Bucket{Labels: bad}), 400, "invalid", "Invalid label")
	}
	noError(t, insertBucket(k, &storagejson.Bucket{Labels: map[string]string{"équipe_1": "données", "empty": ""}}))
}

func TestManagedFoldersAndUnknownRoutes(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	k := c.as(owner)
	noError(t, insertBucket(k, &storagejson.Bucket{}))
	if l := must(k.buckets.ManagedFolders.List(bucketID).Do())(t); len(l.Items) != 0 {
		t.Errorf("managed folders %+v", l.Items)
	}
	resp := must(c.unchecked().as(owner).http.Get("https://storage.googleapis.com/storage/v1/b/" + bucketID + "/invented"))(t)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		t.Errorf("an unknown route: %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
}
