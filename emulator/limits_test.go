package emulator_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	crm "google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/iam/v1"
	iam2 "google.golang.org/api/iam/v2"
	"google.golang.org/api/iamcredentials/v1"
	"google.golang.org/api/option"
	ts "google.golang.org/api/policytroubleshooter/v3"
	storagejson "google.golang.org/api/storage/v1"

	"groundwork/emulator"
)

const spark = "spark-acme@" + projectID + ".iam.gserviceaccount.com"

func tested(t *testing.T, k *clients, permission string) bool {
	t.Helper()
	got := must(k.projects.Projects.TestIamPermissions(project, &crm.TestIamPermissionsRequest{Permissions: []string{permission}}).Do())(t)
	return slices.Contains(got.Permissions, permission)
}

func TestDenyPolicyAndBoundary(t *testing.T) { // T38
	for _, tt := range []struct {
		name         string
		limit, unset func(c *cloud)
	}{
		{"deny policy", func(c *cloud) {
			c.AddDenyPolicy(emulator.DenyPolicy{
				Parent: "organizations/1001", ID: "no-buckets", Principals: []string{"principal://goog/subject/" + owner}, Permissions: []string{"storage.googleapis.com/buckets.*"},
			})
		}, func(c *cloud) { c.RemoveDenyPolicy("organizations/1001", "no-buckets") }},
		{"with an exception", func(c *cloud) {
			c.AddDenyPolicy(emulator.DenyPolicy{
				Parent: project, ID: "nobody", Principals: []string{"principalSet://goog/public:all"}, ExceptPrincipals: []string{"principal://goog/subject/" + viewer},
				Permissions: []string{"storage.googleapis.com/buckets.create"},
			})
		}, func(c *cloud) { c.RemoveDenyPolicy(project, "nobody") }},
		{"boundary", func(c *cloud) {
			c.AddBoundary(emulator.Boundary{ID: "own", Principals: []string{"principal://goog/subject/" + owner}, Resources: []string{"projects/" + otherID}})
		}, func(c *cloud) { c.RemoveBoundary("own") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t, emulator.Config{})
			k := c.as(owner)
			tt.limit(c)
			if tested(t, k, "storage.buckets.create") {
				t.Error("the owner may still make buckets")
			}
			wantError(t, insertBucket(k, &storagejson.Bucket{}), 403, "forbidden", "storage.buckets.create")
			must(c.as(viewer).projects.Projects.Get(project).Do())(t)
			tt.unset(c)
			noError(t, insertBucket(k, &storagejson.Bucket{}))
		})
	}
}

func TestDenyPoliciesAreListed(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	c.AddDenyPolicy(emulator.DenyPolicy{
		Parent: project, ID: "no-buckets", Principals: []string{"principalSet://goog/public:all"}, Permissions: []string{"storage.googleapis.com/buckets.create"},
		Condition: "resource.matchTag('1001/env', 'prod')",
	})
	noError(t, insertBucket(c.as(owner), &storagejson.Bucket{})) // the project has no such tag
	v2 := must(iam2.NewService(t.Context(), option.WithHTTPClient(c.as(viewer).http)))(t)
	point := "policies/" + url.PathEscape("cloudresourcemanager.googleapis.com/"+project) + "/denypolicies"
	list := must(v2.Policies.ListPolicies(point).Do())(t)
	if len(list.Policies) != 1 {
		t.Fatalf("policies %+v", list.Policies)
	}
	if p := must(v2.Policies.Get(list.Policies[0].Name).Do())(t); p.Rules[0].DenyRule.DenialCondition == nil {
		t.Errorf("policy %+v", p)
	}
	v2 = must(iam2.NewService(t.Context(), option.WithHTTPClient(c.as(nobody).http)))(t)
	_, err := v2.Policies.ListPolicies(point).Do()
	wantError(t, err, 403, "", "iam.denypolicies.list")
}

func TestPerimeter(t *testing.T) { // T37
	c := newCloud(t, emulator.Config{})
	noError(t, insertBucket(c.as(owner), &storagejson.Bucket{}))
	c.SetPerimeter(projectID, &emulator.Perimeter{Services: []string{"storage.googleapis.com", "bigquery.googleapis.com"}, Ingress: []string{viewer}})
	k := c.as(owner)
	_, err := k.buckets.Buckets.Get(bucketID).Do()
	wantError(t, err, 403, "vpcServiceControls", "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: ")
	_, err = k.bigquery.Datasets.List(projectID).Do()
	noError(t, err) // nothing of the project was touched
	must(k.projects.Projects.Get(project).Do())(t)
	must(c.as(viewer).buckets.Buckets.List(projectID).Do())(t)
	c.SetPerimeter(projectID, &emulator.Perimeter{})
	_, err = k.projects.Projects.Get(project).Do()
	wantError(t, err, 403, "forbidden", "SECURITY_POLICY_VIOLATED")
	c.SetPerimeter(projectID, nil)
	must(k.projects.Projects.Get(project).Do())(t)
}

func TestAbsentAccountOfAnyProject(t *testing.T) { // T42
	k := newCloud(t, emulator.Config{}).as(owner)
	_, err := k.iam.Projects.ServiceAccounts.Get("projects/-/serviceAccounts/" + spark).Do()
	wantError(t, err, 403, "", "iam.serviceAccounts.get")
	noError(t, createSpark(k))
	must(k.iam.Projects.ServiceAccounts.Get("projects/-/serviceAccounts/" + spark).Do())(t)
	keys := must(k.iam.Projects.ServiceAccounts.Keys.List(project + "/serviceAccounts/" + spark).Do())(t)
	if len(keys.Keys) != 1 || keys.Keys[0].KeyType != "SYSTEM_MANAGED" {
		t.Errorf("keys %+v", keys.Keys)
	}
	if keys = must(k.iam.Projects.ServiceAccounts.Keys.List(project + "/serviceAccounts/" + spark).KeyTypes("USER_MANAGED").Do())(t); len(keys.Keys) != 0 {
		t.Errorf("somebody's own keys %+v", keys.Keys)
	}
}

func TestTokenOfAServiceAccount(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	c.SetAPI(projectID, "iamcredentials.googleapis.com", true)
	k := c.as(owner)
	noError(t, createSpark(k))
	noError(t, insertBucket(k, &storagejson.Bucket{}))
	credentials := must(iamcredentials.NewService(t.Context(), option.WithHTTPClient(k.http)))(t)
	mint := func(lifetime string) (*iamcredentials.GenerateAccessTokenResponse, error) {
		return credentials.Projects.ServiceAccounts.GenerateAccessToken("projects/-/serviceAccounts/"+spark, &iamcredentials.GenerateAccessTokenRequest{
			Scope: []string{emulator.CloudPlatform}, Lifetime: lifetime,
		}).Do()
	}
	_, err := mint("300s")
	wantError(t, err, 403, "", "iam.serviceAccounts.getAccessToken") // owners have it not

	name := project + "/serviceAccounts/" + spark
	p := must(k.iam.Projects.ServiceAccounts.GetIamPolicy(name).Do())(t)
	p.Version = 3
	p.Bindings = append(p.Bindings, &iam.Binding{
		Role: "roles/iam.serviceAccountTokenCreator", Members: []string{"user:" + owner},
		Condition: &iam.Expr{Title: "rehearsal", Expression: `request.time < timestamp("` + c.clock().Add(15*time.Minute).Format(time.RFC3339) + `")`},
	})
	must(k.iam.Projects.ServiceAccounts.SetIamPolicy(name, &iam.SetIamPolicyRequest{Policy: p}).Do())(t)
	token := must(mint("300s"))(t)
	as := c.withToken(token.AccessToken)
	_, err = as.buckets.Objects.List(bucketID).Do()
	wantError(t, err, 403, "forbidden", spark+" does not have storage.objects.list access")
	c.SetIAM("buckets/"+bucketID, "serviceAccount:"+spark, "roles/storage.objectAdmin")
	must(as.buckets.Objects.List(bucketID).Do())(t)
	_, err = mint("3601s")
	wantError(t, err, 400, "", "lifetime")
	c.pass(5 * time.Minute)
	_, err = as.buckets.Objects.List(bucketID).Do()
	wantError(t, err, 401, "", "")
	c.pass(10 * time.Minute)
	_, err = mint("300s")
	wantError(t, err, 403, "", "iam.serviceAccounts.getAccessToken")
}

func TestTroubleshooter(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	k := c.as(owner)
	noError(t, createSpark(k))
	noError(t, insertBucket(k, &storagejson.Bucket{}))
	c.SetIAM("organizations/1001", "user:"+owner, "roles/iam.securityAdmin")
	ask := func(email, permission string) *ts.GoogleCloudPolicytroubleshooterIamV3TroubleshootIamPolicyResponse {
		t.Helper()
		s := must(ts.NewService(t.Context(), option.WithHTTPClient(c.as(email).http)))(t)
		return must(s.Iam.Troubleshoot(&ts.GoogleCloudPolicytroubleshooterIamV3TroubleshootIamPolicyRequest{
			AccessTuple: &ts.GoogleCloudPolicytroubleshooterIamV3AccessTuple{
				Principal: spark, FullResourceName: "//storage.googleapis.com/projects/_/buckets/" + bucketID, Permission: permission,
			},
		}).Do())(t)
	}
	want := func(email, overall, allow, deny string) {
		t.Helper()
		got := ask(email, "storage.objects.create")
		if got.OverallAccessState != overall || !strings.HasSuffix(got.AllowPolicyExplanation.AllowAccessState, allow) || !strings.HasSuffix(got.DenyPolicyExplanation.DenyAccessState, deny) {
			t.Errorf("%s, %s, %s; want %s, %s, %s", got.OverallAccessState, got.AllowPolicyExplanation.AllowAccessState, got.DenyPolicyExplanation.DenyAccessState, overall, allow, deny)
		}
	}
	want(owner, "CANNOT_ACCESS", "NOT_GRANTED", "NOT_DENIED")
	want(nobody, "UNKNOWN_INFO", "UNKNOWN_INFO", "NOT_DENIED")
	c.SetIAM("buckets/"+bucketID, "serviceAccount:"+spark, "roles/storage.objectAdmin")
	want(owner, "CAN_ACCESS", "GRANTED", "NOT_DENIED")
	c.SetIAM("buckets/"+bucketID, "serviceAccount:"+spark, "")
	c.SetProjectPropagation(projectID, emulator.Propagation{Bindings: emulator.Duration(time.Minute)})
	policy := must(k.buckets.Buckets.GetIamPolicy(bucketID).Do())(t)
	policy.Bindings = append(policy.Bindings, &storagejson.PolicyBindings{Role: "roles/storage.objectAdmin", Members: []string{"serviceAccount:" + spark}})
	must(k.buckets.Buckets.SetIamPolicy(bucketID, policy).Do())(t)
	want(owner, "CAN_ACCESS", "GRANTED", "NOT_DENIED") // by the policy as it is stored, whatever has taken effect
	c.AddDenyPolicy(emulator.DenyPolicy{
		Parent: project, ID: "no-spark", Principals: []string{"principal://iam.googleapis.com/projects/-/serviceAccounts/" + spark}, Permissions: []string{"storage.googleapis.com/objects.create"},
	})
	want(owner, "CANNOT_ACCESS", "GRANTED", "DENY_ACCESS_STATE_DENIED")
	want(nobody, "UNKNOWN_INFO", "UNKNOWN_INFO", "UNKNOWN_INFO")
}

func TestWorkforceIdentity(t *testing.T) {
	const pool = "iam.googleapis.com/locations/global/workforcePools/acme"
	const federated = "wanda@idp.example"
	c := newCloud(t, emulator.Config{})
	c.AddPerson(emulator.Person{Email: federated, Workforce: "principal://" + pool + "/subject/wanda"})
	k := c.as(federated)
	for _, tt := range []struct {
		member string
		may    bool
	}{
		{"user:" + federated, false},
		{"principal://" + pool + "/subject/somebody", false},
		{"principal://" + pool + "/subject/wanda", true},
		{"principalSet://" + pool + "/*", true},
		{"principalSet://" + strings.Replace(pool, "acme", "other", 1) + "/*", false},
	} {
		c.SetIAM(project, tt.member, "roles/viewer")
		_, err := k.projects.Projects.Get(project).Do()
		if (err == nil) != tt.may {
			t.Errorf("%s: %v", tt.member, err)
		}
		c.SetIAM(project, tt.member, "")
	}
}

func TestBillingAccounts(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	account := c.BillingAccount(projectID)
	c.SetIAM(account, "user:"+viewer, "roles/billing.viewer")
	if got := must(c.as(viewer).billing.BillingAccounts.List().Do())(t); len(got.BillingAccounts) != 1 || got.BillingAccounts[0].Name != account {
		t.Errorf("billing accounts %+v", got.BillingAccounts)
	}
	if got := must(c.as(owner).billing.BillingAccounts.List().Do())(t); len(got.BillingAccounts) != 0 {
		t.Errorf("an owner of the project sees %+v", got.BillingAccounts)
	}
}
