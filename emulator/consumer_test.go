package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/api/bigtableadmin/v2"
	crm "google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/iam/v1"
	storagejson "google.golang.org/api/storage/v1"

	"groundwork/emulator"
)

const (
	readOnly     = "https://www.googleapis.com/auth/cloud-platform.read-only"
	appID        = "555000111222-abc.apps.googleusercontent.com"
	appProject   = "vendor-app"
	appNumber    = "555000111222"
	tokenAddress = "https://oauth2.googleapis.com/"
)

// withApp is a cloud with an OAuth client whose project is the vendor's.
func withApp(t *testing.T) *cloud {
	c := newCloud(t, emulator.Config{Clients: []emulator.OAuthClient{
		{ID: appID, Secret: "s3cret", Redirects: []string{"https://app.example/callback"}},
		{ID: "other-app", Secret: "s3cret", Redirects: []string{"https://other.example/callback"}},
	}})
	c.AddProject(emulator.Project{ID: appProject, Number: appNumber, APIs: apis, Billing: true})
	return c
}

// form posts to the token endpoint's host.
func (c *cloud) form(path string, v url.Values) (int, map[string]any) {
	c.t.Helper()
	hc := &http.Client{Transport: redirect{c.url}}
	resp, err := hc.PostForm(tokenAddress+path, v)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	m := map[string]any{}
	_ = json.NewDecoder(resp.Body).Decode(&m)
	return resp.StatusCode, m
}

// access exchanges a refresh token; "" when it is refused.
func (c *cloud) access(client, refresh string) string {
	_, m := c.form("token", url.Values{
		"client_id": {client}, "client_secret": {"s3cret"}, "grant_type": {"refresh_token"}, "refresh_token": {refresh},
	})
	token, _ := m["access_token"].(string)
	return token
}

func TestAPIOfTheClientsProject(t *testing.T) { // T21
	c := withApp(t)
	k := c.withToken(c.access(appID, c.RefreshToken(appID, owner, emulator.CloudPlatform)))
	policy := func() error {
		_, err := k.policy.Projects.Policies.GetEffectivePolicy(project + "/policies/gcp.resourceLocations").Do()
		return err
	}
	instances := func(userProject string) error {
		call := k.bigtable.Projects.Instances.List(project)
		if userProject != "" {
			call.Header().Set("X-Goog-User-Project", userProject)
		}
		_, err := call.Do()
		return err
	}
	noError(t, policy())
	c.SetAPI(appProject, "orgpolicy.googleapis.com", false)
	c.SetAPI(appProject, "bigtableadmin.googleapis.com", false)
	wantError(t, policy(), 403, "accessNotConfigured", `"consumer":"projects/`+appNumber+`"`)
	wantError(t, instances(""), 403, "accessNotConfigured", "has not been used in project "+appNumber)
	noError(t, insertBucket(k, &storagejson.Bucket{})) // counted against the bucket's project

	c.SetAPI(appProject, "bigtableadmin.googleapis.com", true)
	noError(t, instances(""))
	c.SetBilling(appProject, false)
	wantError(t, instances(""), 403, "", `"reason":"BILLING_DISABLED"`)
	c.SetSuspended(appProject, true)
	_, err := k.projects.Projects.Get(project).Do()
	wantError(t, err, 403, "", "Permission denied: Consumer 'project_number:"+appNumber+"' has been suspended.")
	_, err = k.buckets.Buckets.List(projectID).Do()
	noError(t, err)
	c.SetSuspended(appProject, false)
	c.SetProjectState(appProject, "DELETE_REQUESTED")
	wantError(t, instances(""), 403, "", "Project #"+appNumber+" has been deleted.")

	noError(t, instances(projectID))
	wantError(t, instances(otherID), 403, "", "USER_PROJECT_DENIED")
	c.SetAPI(projectID, "bigtableadmin.googleapis.com", false)
	wantError(t, instances(projectID), 403, "accessNotConfigured", `"consumer":"projects/123456789012"`)
}

func TestReadOnlyScope(t *testing.T) {
	c := withApp(t)
	noError(t, insertBucket(c.as(owner), &storagejson.Bucket{}))
	noError(t, createSpark(c.as(owner)))
	must(createInstance(c.as(owner), "us-west1-a", 1))(t)
	k := c.withToken(c.access(appID, c.RefreshToken(appID, owner, readOnly)))
	account := project + "/serviceAccounts/spark-acme@" + projectID + ".iam.gserviceaccount.com"
	for name, tt := range map[string]struct {
		call    func() error
		refused bool
	}{
		"projects.get": {call: func() error { _, err := k.projects.Projects.Get(project).Do(); return err }},
		"projects.getIamPolicy": {call: func() error {
			_, err := k.projects.Projects.GetIamPolicy(project, &crm.GetIamPolicyRequest{}).Do()
			return err
		}},
		"buckets.get":           {call: func() error { _, err := k.buckets.Buckets.Get(bucketID).Do(); return err }},
		"services.list":         {call: func() error { _, err := k.usage.Services.List(project).Do(); return err }},
		"instances.get":         {call: func() error { _, err := k.bigtable.Projects.Instances.Get(instanceName).Do(); return err }},
		"datasets.list":         {call: func() error { _, err := k.bigquery.Datasets.List(projectID).Do(); return err }},
		"projects.setIamPolicy": {refused: true, call: func() error { _, err := setPolicy(k, &crm.Policy{}); return err }},
		"buckets.getIamPolicy":  {refused: true, call: func() error { _, err := k.buckets.Buckets.GetIamPolicy(bucketID).Do(); return err }},
		"buckets.insert":        {refused: true, call: func() error { return insertBucket(k, &storagejson.Bucket{Name: "another-bucket"}) }},
		"serviceAccounts.get":   {refused: true, call: func() error { _, err := k.iam.Projects.ServiceAccounts.Get(account).Do(); return err }},
		"serviceAccounts.getIamPolicy": {refused: true, call: func() error {
			_, err := k.iam.Projects.ServiceAccounts.GetIamPolicy(account).Do()
			return err
		}},
		"roles.list": {refused: true, call: func() error { _, err := k.iam.Projects.Roles.List(project).Do(); return err }},
		"instances.getIamPolicy": {refused: true, call: func() error {
			_, err := k.bigtable.Projects.Instances.GetIamPolicy(instanceName, &bigtableadmin.GetIamPolicyRequest{}).Do()
			return err
		}},
		"policies.list":           {refused: true, call: func() error { _, err := k.policy.Projects.Policies.List(project).Do(); return err }},
		"projects.getBillingInfo": {refused: true, call: func() error { _, err := k.billing.Projects.GetBillingInfo(project).Do(); return err }},
		"serviceAccounts.create": {refused: true, call: func() error {
			_, err := k.iam.Projects.ServiceAccounts.Create(project, &iam.CreateServiceAccountRequest{AccountId: "second-one"}).Do()
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.call()
			if tt.refused {
				wantError(t, err, 403, "insufficientPermissions", "insufficient authentication scopes")
				return
			}
			noError(t, err)
		})
	}
}

func TestRevocationEndsAllTokens(t *testing.T) { // T31
	c := withApp(t)
	first, second := c.RefreshToken(appID, owner, emulator.CloudPlatform), c.RefreshToken(appID, owner, emulator.CloudPlatform)
	elsewhere := c.RefreshToken("other-app", owner, emulator.CloudPlatform)
	somebody := c.RefreshToken(appID, viewer, emulator.CloudPlatform)
	live := c.withToken(c.access(appID, second))
	must(live.projects.Projects.Get(project).Do())(t)
	if status, m := c.form("revoke", url.Values{"token": {first}}); status != http.StatusOK {
		t.Fatalf("%d %v", status, m)
	}
	if c.access(appID, second) != "" {
		t.Error("another refresh token of the same person and client still works")
	}
	_, err := live.projects.Projects.Get(project).Do()
	wantError(t, err, 401, "", "UNAUTHENTICATED")
	if c.access("other-app", elsewhere) == "" || c.access(appID, somebody) == "" {
		t.Error("a token of another client, or of another person, has ended")
	}
}

func TestReassignedAddress(t *testing.T) {
	c := withApp(t)
	refresh := c.RefreshToken(appID, owner, "openid", "email")
	subject := func(refresh string) string {
		token := c.access(appID, refresh)
		hc := &http.Client{Transport: redirect{c.url}}
		resp := must(hc.Get(fmt.Sprintf("https://oauth2.googleapis.com/tokeninfo?access_token=%s", url.QueryEscape(token))))(t)
		defer resp.Body.Close()
		var m struct{ Sub string }
		noError(t, json.NewDecoder(resp.Body).Decode(&m))
		return m.Sub
	}
	before := subject(refresh)
	c.ReassignAddress(strings.ToUpper(owner), "Somebody Else")
	if c.access(appID, refresh) != "" {
		t.Error("the access of the person before still works")
	}
	after := subject(c.RefreshToken(appID, owner, "openid", "email"))
	if before == after || len(after) != 21 {
		t.Errorf("subjects %s and %s", before, after)
	}
}
