package emulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	crm "google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/serviceusage/v1"

	"groundwork/emulator"
)

const project = "projects/" + projectID

func policyOf(t *testing.T, k *clients) *crm.Policy {
	t.Helper()
	p, err := k.projects.Projects.GetIamPolicy(project, &crm.GetIamPolicyRequest{Options: &crm.GetPolicyOptions{RequestedPolicyVersion: 3}}).Do()
	return must(p, err)(t)
}

func setPolicy(k *clients, p *crm.Policy) (*crm.Policy, error) {
	return k.projects.Projects.SetIamPolicy(project, &crm.SetIamPolicyRequest{Policy: p}).Do()
}

func TestProjectPolicyRace(t *testing.T) { // T1
	k := newCloud(t, emulator.Config{}).as(owner)
	first, second := policyOf(t, k), policyOf(t, k)
	first.Bindings = append(first.Bindings, &crm.Binding{Role: "roles/browser", Members: []string{"user:" + nobody}})
	after := must(setPolicy(k, first))(t)
	if after.Etag == second.Etag {
		t.Error("the etag stayed the same")
	}
	_, err := setPolicy(k, second)
	wantError(t, err, 409, "aborted", "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.")
	if got := policyOf(t, k); len(got.Bindings) != len(after.Bindings) || got.Etag != after.Etag {
		t.Errorf("the refused policy changed something: %+v", got)
	}
}

func TestProjectPolicyConditions(t *testing.T) { // T10
	k := newCloud(t, emulator.Config{}).as(owner)
	p := policyOf(t, k)
	conditional := &crm.Binding{
		Role: "roles/browser", Members: []string{"user:" + nobody},
		Condition: &crm.Expr{Title: "until", Expression: `request.time < timestamp("2026-03-04T06:00:00Z")`},
	}
	p.Bindings = append(p.Bindings, conditional)
	p.Version = 1
	_, err := setPolicy(k, p)
	wantError(t, err, 400, "", "must specify version 3")
	p.Version = 3
	must(setPolicy(k, p))(t)

	old := must(k.projects.Projects.GetIamPolicy(project, &crm.GetIamPolicyRequest{}).Do())(t)
	if old.Version != 1 || !slices.ContainsFunc(old.Bindings, func(b *crm.Binding) bool { return strings.HasPrefix(b.Role, "roles/browser_withcond_") }) {
		t.Errorf("version 1 shows %+v", old)
	}
	got := policyOf(t, k)
	if got.Version != 3 || !slices.ContainsFunc(got.Bindings, func(b *crm.Binding) bool { return b.Condition != nil }) {
		t.Errorf("version 3 shows %+v", got)
	}
	got.Version = 1
	got.Bindings = slices.DeleteFunc(got.Bindings, func(b *crm.Binding) bool { return b.Condition != nil })
	_, err = setPolicy(k, got)
	wantError(t, err, 400, "", "cannot be less than the existing policy version")
	got.Etag = ""
	must(setPolicy(k, got))(t)
	if p := policyOf(t, k); p.Version == 3 {
		t.Error("without an etag, version 1 did not lose the conditions")
	}
}

func TestConditionEndsAGrant(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	k := c.as(owner)
	p := policyOf(t, k)
	p.Version = 3
	p.Bindings = append(p.Bindings, &crm.Binding{
		Role: "roles/browser", Members: []string{"user:" + nobody},
		Condition: &crm.Expr{Title: "until", Expression: `request.time < timestamp("2026-03-04T06:00:00Z")`},
	})
	must(setPolicy(k, p))(t)
	him := c.as(nobody)
	must(him.projects.Projects.Get(project).Do())(t)
	c.pass(time.Hour)
	_, err := him.projects.Projects.Get(project).Do()
	wantError(t, err, 403, "forbidden", "PERMISSION_DENIED")
}

func TestProjectPolicyMembers(t *testing.T) { // T4, T6, T9
	for name, tc := range map[string]struct {
		member, role string
		policy       *emulator.OrgPolicy
		status       int
		text         string
	}{
		"a service account that is there": {member: "serviceAccount:" + vendor, role: "roles/browser"},
		"an account in capitals":          {member: "serviceAccount:" + strings.ToUpper(vendor), role: "roles/browser"},
		"Google's own agent":              {member: "serviceAccount:service-123456789012@dataproc-accounts.iam.gserviceaccount.com", role: "roles/browser"},
		"a mistyped service account":      {member: "serviceAccount:nope@vendor-cp.iam.gserviceaccount.com", role: "roles/browser", status: 400, text: "Service account nope@vendor-cp.iam.gserviceaccount.com does not exist."},
		"a person who is not there":       {member: "user:ghost@nowhere.example", role: "roles/browser", status: 400, text: "does not exist."},
		"an account as a person":          {member: "user:" + vendor, role: "roles/browser", status: 400, text: "is of type \\\"serviceAccount\\\""},
		"no prefix":                       {member: vendor, role: "roles/browser", status: 400, text: "is of an unknown type"},
		"an unknown role":                 {member: "user:" + nobody, role: "roles/none.such", status: 400, text: "Role roles/none.such is not supported for this resource."},
		"a role of another resource":      {member: "user:" + nobody, role: "roles/storage.legacyBucketOwner", status: 400, text: "is not supported for this resource."},
		"another project's role":          {member: "user:" + nobody, role: "projects/other-data/roles/x", status: 400, text: "does not exist in the resource's hierarchy."},
		"domain restricted sharing": {
			member: "serviceAccount:" + vendor, role: "roles/browser", status: 400, text: "One or more users named in the policy do not belong to a permitted customer.",
			policy: &emulator.OrgPolicy{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C01000000"}},
		},
		"sharing within the customer": {
			member: "user:" + nobody, role: "roles/browser",
			policy: &emulator.OrgPolicy{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"principalSet://iam.googleapis.com/organizations/1001"}},
		},
		"the managed constraint": {
			member: "serviceAccount:" + vendor, role: "roles/browser", status: 400, text: "constraints/iam.managed.allowedPolicyMembers",
			policy: &emulator.OrgPolicy{Constraint: "iam.managed.allowedPolicyMembers", Enforce: true, Subjects: []string{"principalSet://iam.googleapis.com/organizations/1001"}},
		},
		"a subject of the managed constraint": {
			member: "serviceAccount:" + vendor, role: "roles/browser",
			policy: &emulator.OrgPolicy{Constraint: "iam.managed.allowedPolicyMembers", Enforce: true, Subjects: []string{"serviceAccount:" + vendor}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, emulator.Config{})
			if tc.policy != nil {
				c.SetPolicy("organizations/1001", *tc.policy)
			}
			k := c.as(owner)
			p := policyOf(t, k)
			p.Bindings = append(p.Bindings, &crm.Binding{Role: tc.role, Members: []string{tc.member}})
			_, err := setPolicy(k, p)
			if tc.status == 0 {
				noError(t, err)
				if b := c.IAM(project).Bindings; !slices.ContainsFunc(b, func(b emulator.Binding) bool {
					return b.Role == tc.role && b.Members[0] == strings.Replace(strings.ToLower(tc.member), "serviceaccount:", "serviceAccount:", 1)
				}) {
					t.Errorf("the binding is not there: %+v", b)
				}
				return
			}
			wantError(t, err, tc.status, "", tc.text)
			if tc.policy != nil && !strings.Contains(err.Error(), "PreconditionFailure") {
				t.Errorf("no violation in %v", err)
			}
		})
	}
}

func TestProjectMissingOrForeign(t *testing.T) { // T12
	c := newCloud(t, emulator.Config{})
	k := c.as(owner)
	var texts []string
	for _, name := range []string{"no-such-project", otherID} {
		_, err := k.projects.Projects.Get("projects/" + name).Do()
		wantError(t, err, 403, "forbidden", "The caller does not have permission")
		texts = append(texts, strings.ReplaceAll(err.Error(), name, "X"))
		_, err = k.projects.Projects.TestIamPermissions("projects/"+name, &crm.TestIamPermissionsRequest{Permissions: []string{"storage.buckets.create"}}).Do()
		if name != otherID {
			wantError(t, err, 403, "forbidden", "PERMISSION_DENIED")
		}
	}
	if texts[0] != texts[1] {
		t.Errorf("a missing project can be told from a foreign one:\n%s\n%s", texts[0], texts[1])
	}
	byID := must(k.projects.Projects.Get(project).Do())(t)
	if byNumber := must(k.projects.Projects.Get(byID.Name).Do())(t); byNumber.ProjectId != projectID || byID.Name != "projects/123456789012" {
		t.Errorf("by number %+v, by id %+v", byNumber, byID)
	}
	c.SetProjectState(projectID, "DELETE_REQUESTED")
	if p := must(k.projects.Projects.Get(project).Do())(t); p.State != "DELETE_REQUESTED" {
		t.Errorf("a deleted project is %s", p.State)
	}
}

func TestProjectsAreListedToThoseWhoMaySee(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	for email, want := range map[string][]string{owner: {projectID}, otherOwner: {otherID}, nobody: nil} {
		var got []string
		k := c.as(email)
		for _, p := range must(k.projects.Projects.Search().Query("state:ACTIVE").Do())(t).Projects {
			got = append(got, p.ProjectId)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s sees %v, want %v", email, got, want)
		}
	}
	k := c.as(owner)
	if n := len(must(k.projects.Projects.Search().Query("id:nothing*").Do())(t).Projects); n != 0 {
		t.Errorf("the query let %d through", n)
	}
	for i := range 3 {
		c.AddProject(emulator.Project{ID: fmt.Sprintf("page-%d", i), IAM: map[string]string{"user:" + owner: "roles/owner"}})
	}
	first := must(k.projects.Projects.Search().PageSize(3).Do())(t)
	second := must(k.projects.Projects.Search().PageSize(3).PageToken(first.NextPageToken).Do())(t)
	if len(first.Projects) != 3 || len(second.Projects) != 1 || second.NextPageToken != "" {
		t.Errorf("pages of %d and %d", len(first.Projects), len(second.Projects))
	}
}

func TestTestIamPermissions(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	ask := []string{"storage.buckets.create", "resourcemanager.projects.get", "iam.roles.create"}
	for email, want := range map[string]int{owner: 3, viewer: 1, nobody: 0} {
		got := must(c.as(email).projects.Projects.TestIamPermissions(project, &crm.TestIamPermissionsRequest{Permissions: ask}).Do())(t)
		if len(got.Permissions) != want {
			t.Errorf("%s has %v, want %d", email, got.Permissions, want)
		}
	}
	_, err := c.as(owner).projects.Projects.TestIamPermissions(project, &crm.TestIamPermissionsRequest{Permissions: []string{"storage.buckets.frob"}}).Do()
	wantError(t, err, 400, "", "Permission storage.buckets.frob is not valid")
}

func TestServiceAccounts(t *testing.T) { // T4, T5
	c := newCloud(t, emulator.Config{Propagation: time.Minute})
	k := c.as(owner)
	create := func(k *clients, id string) (*iam.ServiceAccount, error) {
		return k.iam.Projects.ServiceAccounts.Create(project, &iam.CreateServiceAccountRequest{AccountId: id, ServiceAccount: &iam.ServiceAccount{DisplayName: "Spark", Description: "made by a test"}}).Do()
	}
	a := must(create(k, "spark-acme"))(t)
	if a.Email != "spark-acme@acme-data.iam.gserviceaccount.com" || len(a.UniqueId) != 21 {
		t.Errorf("made %+v", a)
	}
	_, err := k.iam.Projects.ServiceAccounts.Get(a.Name).Do()
	wantError(t, err, 404, "notFound", "Unknown service account")
	p := policyOf(t, k)
	p.Bindings = append(p.Bindings, &crm.Binding{Role: "roles/browser", Members: []string{"serviceAccount:" + a.Email}})
	_, err = setPolicy(k, p)
	wantError(t, err, 400, "", "Service account "+a.Email+" does not exist.")
	_, err = create(k, "spark-acme")
	wantError(t, err, 409, "alreadyExists", "already exists within project projects/acme-data.")

	c.pass(time.Minute)
	for _, name := range []string{a.Name, "projects/-/serviceAccounts/" + a.Email, "projects/-/serviceAccounts/" + a.UniqueId} {
		if got := must(k.iam.Projects.ServiceAccounts.Get(name).Do())(t); got.Email != a.Email {
			t.Errorf("%s is %+v", name, got)
		}
	}
	must(setPolicy(k, p))(t)

	_, err = c.as(viewer).iam.Projects.ServiceAccounts.Delete(a.Name).Do()
	wantError(t, err, 403, "forbidden", "Permission 'iam.serviceAccounts.delete' denied on resource (or it may not exist).")
	_, err = create(c.as(nobody), "other-one")
	wantError(t, err, 403, "forbidden", "Permission 'iam.serviceAccounts.create' denied on resource (or it may not exist).")
	_, err = c.as(nobody).iam.Projects.ServiceAccounts.Get(project + "/serviceAccounts/missing@acme-data.iam.gserviceaccount.com").Do()
	wantError(t, err, 403, "forbidden", "(or it may not exist)")

	for id, text := range map[string]string{"short": "length between 6 and 30", strings.Repeat("a", 31): "length between 6 and 30", "Capitals": "regular expression"} {
		_, err = create(k, id)
		wantError(t, err, 400, "", text)
	}

	must(k.iam.Projects.ServiceAccounts.Delete(a.Name).Do())(t)
	want := "deleted:serviceAccount:" + a.Email + "?uid=" + a.UniqueId
	if !slices.ContainsFunc(policyOf(t, k).Bindings, func(b *crm.Binding) bool { return slices.Contains(b.Members, want) }) {
		t.Errorf("no %s in the policy", want)
	}
	if again := must(create(k, "spark-acme"))(t); again.UniqueId == a.UniqueId {
		t.Error("a new account has the old one's id")
	}
}

func TestServiceAccountCreationForbidden(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	c.SetPolicy(project, emulator.OrgPolicy{Constraint: "constraints/iam.disableServiceAccountCreation", Enforce: true})
	_, err := c.as(owner).iam.Projects.ServiceAccounts.Create(project, &iam.CreateServiceAccountRequest{AccountId: "spark-acme"}).Do()
	wantError(t, err, 400, "failedPrecondition", "constraints/iam.disableServiceAccountCreation")
}

func TestServiceAccountPolicy(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	k := c.as(owner)
	a := must(k.iam.Projects.ServiceAccounts.Create(project, &iam.CreateServiceAccountRequest{AccountId: "spark-acme"}).Do())(t)
	p := must(k.iam.Projects.ServiceAccounts.GetIamPolicy(a.Name).OptionsRequestedPolicyVersion(3).Do())(t)
	p.Bindings = []*iam.Binding{{Role: "roles/iam.serviceAccountUser", Members: []string{"serviceAccount:" + vendor}}}
	set := func(p *iam.Policy) (*iam.Policy, error) {
		return k.iam.Projects.ServiceAccounts.SetIamPolicy(a.Name, &iam.SetIamPolicyRequest{Policy: p}).Do()
	}
	must(set(p))(t)
	_, err := set(p)
	wantError(t, err, 409, "aborted", "concurrent policy changes")
	p.Etag, p.Bindings[0].Role = "", "roles/storage.objectAdmin"
	_, err = set(p)
	wantError(t, err, 400, "", "Role roles/storage.objectAdmin is not supported for this resource.")

	// The grant is on that account, and nowhere else.
	him := c.as(vendor)
	got := must(him.iam.Projects.ServiceAccounts.TestIamPermissions(a.Name, &iam.TestIamPermissionsRequest{Permissions: []string{"iam.serviceAccounts.actAs", "iam.serviceAccounts.delete"}}).Do())(t)
	if !slices.Equal(got.Permissions, []string{"iam.serviceAccounts.actAs"}) {
		t.Errorf("the vendor may %v", got.Permissions)
	}
	_, err = him.iam.Projects.ServiceAccounts.List(project).Do()
	wantError(t, err, 403, "forbidden", "iam.serviceAccounts.list")
}

func TestCustomRoles(t *testing.T) { // T6
	c := newCloud(t, emulator.Config{})
	k := c.as(owner)
	create := func(permissions ...string) (*iam.Role, error) {
		return k.iam.Projects.Roles.Create(project, &iam.CreateRoleRequest{RoleId: "tecton_acme", Role: &iam.Role{Title: "Tecton", Stage: "GA", IncludedPermissions: permissions}}).Do()
	}
	_, err := k.iam.Projects.Roles.Get(project + "/roles/tecton_acme").Do()
	wantError(t, err, 404, "notFound", "was not found.")
	_, err = create("storage.buckets.frob")
	wantError(t, err, 400, "", "Permission storage.buckets.frob is not valid.")
	r := must(create("storage.objects.list", "storage.buckets.get", "storage.objects.list"))(t)
	if !slices.Equal(r.IncludedPermissions, []string{"storage.buckets.get", "storage.objects.list"}) {
		t.Errorf("made %+v", r)
	}
	_, err = create("storage.buckets.get")
	wantError(t, err, 409, "alreadyExists", "already exists")
	_, err = k.iam.Projects.Roles.Create(project, &iam.CreateRoleRequest{RoleId: "with-hyphen", Role: &iam.Role{}}).Do()
	wantError(t, err, 400, "", "with-hyphen")

	// A role grants what it holds.
	p := policyOf(t, k)
	p.Bindings = append(p.Bindings, &crm.Binding{Role: r.Name, Members: []string{"user:" + nobody}})
	must(setPolicy(k, p))(t)
	may := func() int {
		got := must(c.as(nobody).projects.Projects.TestIamPermissions(project, &crm.TestIamPermissionsRequest{Permissions: []string{"storage.buckets.get", "storage.objects.get"}}).Do())(t)
		return len(got.Permissions)
	}
	if may() != 1 {
		t.Error("the custom role does not grant what it holds")
	}
	patched := must(k.iam.Projects.Roles.Patch(r.Name, &iam.Role{IncludedPermissions: []string{"storage.buckets.get", "storage.objects.get"}, Etag: r.Etag}).UpdateMask("includedPermissions").Do())(t)
	if patched.Title != "Tecton" || may() != 2 {
		t.Errorf("patched to %+v", patched)
	}
	_, err = k.iam.Projects.Roles.Patch(r.Name, &iam.Role{Title: "x", Etag: r.Etag}).UpdateMask("title").Do()
	wantError(t, err, 409, "aborted", "concurrent")

	must(k.iam.Projects.Roles.Delete(r.Name).Do())(t)
	if may() != 0 {
		t.Error("a deleted role still grants")
	}
	if got := must(k.iam.Projects.Roles.Get(r.Name).Do())(t); !got.Deleted {
		t.Error("a deleted role does not say so")
	}
	for show, want := range map[bool]int{false: 0, true: 1} {
		if got := must(k.iam.Projects.Roles.List(project).ShowDeleted(show).Do())(t); len(got.Roles) != want {
			t.Errorf("showDeleted=%v lists %d", show, len(got.Roles))
		}
	}
	_, err = create("storage.buckets.get")
	wantError(t, err, 400, "failedPrecondition", "You can't create a role_id (tecton_acme) which has been marked for deletion.")
	c.pass(6 * 24 * time.Hour)
	must(k.iam.Projects.Roles.Undelete(r.Name, &iam.UndeleteRoleRequest{}).Do())(t)
	if may() != 2 {
		t.Error("undeleting did not bring the grant back")
	}
	must(k.iam.Projects.Roles.Delete(r.Name).Do())(t)
	c.pass(8 * 24 * time.Hour)
	_, err = k.iam.Projects.Roles.Undelete(r.Name, &iam.UndeleteRoleRequest{}).Do()
	wantError(t, err, 400, "failedPrecondition", "more than 7 days ago")
	_, err = create("storage.buckets.get")
	wantError(t, err, 400, "failedPrecondition", "marked for deletion")
	c.pass(30 * 24 * time.Hour)
	must(create("storage.buckets.get"))(t)
}

func TestPredefinedRoles(t *testing.T) {
	k := newCloud(t, emulator.Config{}).as(nobody)
	r := must(k.iam.Roles.Get("roles/storage.objectAdmin").Do())(t)
	if r.Title != "Storage Object Admin" || !slices.Contains(r.IncludedPermissions, "storage.objects.delete") {
		t.Errorf("%+v", r)
	}
	_, err := k.iam.Roles.Get("roles/none").Do()
	wantError(t, err, 404, "notFound", "")
	q := must(k.iam.Roles.QueryGrantableRoles(&iam.QueryGrantableRolesRequest{FullResourceName: "//storage.googleapis.com/projects/_/buckets/b"}).Do())(t)
	if len(q.Roles) == 0 || slices.ContainsFunc(q.Roles, func(r *iam.Role) bool { return !strings.HasPrefix(r.Name, "roles/storage.") }) {
		t.Errorf("a bucket takes %d roles, some not its own", len(q.Roles))
	}
}

func TestServiceDisabled(t *testing.T) { // T7
	c := newCloud(t, emulator.Config{Speed: 10 * time.Second, Propagation: time.Minute})
	c.SetAPI(projectID, "iam.googleapis.com", false)
	k := c.as(owner)
	list := func() error { _, err := k.iam.Projects.ServiceAccounts.List(project).Do(); return err }
	off := func() {
		t.Helper()
		err := list()
		wantError(t, err, 403, "accessNotConfigured", "has not been used in project 123456789012 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/iam.googleapis.com/overview?project=123456789012")
		wantError(t, err, 403, "", `"reason":"SERVICE_DISABLED"`)
	}
	state := func() string {
		return must(k.usage.Services.Get(project + "/services/iam.googleapis.com").Do())(t).State
	}
	off()
	op := must(k.usage.Services.Enable(project+"/services/iam.googleapis.com", &serviceusage.EnableServiceRequest{}).Do())(t)
	if op.Done || state() != "DISABLED" {
		t.Error("enabled before the operation is done")
	}
	_, err := k.usage.Services.BatchEnable(project, &serviceusage.BatchEnableServicesRequest{ServiceIds: []string{"dataproc.googleapis.com"}}).Do()
	wantError(t, err, 400, "failedPrecondition", "Another activation or deactivation is in progress")
	c.pass(10 * time.Second)
	op = must(k.usage.Operations.Get(op.Name).Do())(t)
	if !op.Done || state() != "ENABLED" || !strings.Contains(string(op.Response), "google.api.serviceusage.v1.EnableServiceResponse") {
		t.Errorf("after the operation: %+v %s", op, state())
	}
	off()
	c.pass(time.Minute)
	noError(t, list())
	if op := must(k.usage.Services.Enable(project+"/services/iam.googleapis.com", &serviceusage.EnableServiceRequest{}).Do())(t); !op.Done || op.Name != "operations/noop.DONE_OPERATION" {
		t.Errorf("enabling what is on gave %+v", op)
	}
}

func TestEnableWithoutBilling(t *testing.T) { // T8
	c := newCloud(t, emulator.Config{})
	c.SetBilling(projectID, false)
	k := c.as(owner)
	info := must(k.billing.Projects.GetBillingInfo(project).Do())(t)
	if info.BillingEnabled || info.BillingAccountName != "" {
		t.Errorf("billing %+v", info)
	}
	_, err := k.usage.Services.BatchEnable(project, &serviceusage.BatchEnableServicesRequest{ServiceIds: []string{"iam.googleapis.com", "dataproc.googleapis.com"}}).Do()
	wantError(t, err, 400, "failedPrecondition", "UREQ_PROJECT_BILLING_NOT_FOUND")
	c.SetBilling(projectID, true)
	must(k.usage.Services.BatchEnable(project, &serviceusage.BatchEnableServicesRequest{ServiceIds: []string{"iam.googleapis.com", "dataproc.googleapis.com"}}).Do())(t)
	got := must(k.usage.Services.BatchGet(project).Names(project+"/services/dataproc.googleapis.com", project+"/services/compute.googleapis.com").Do())(t)
	if got.Services[0].State != "ENABLED" || got.Services[1].State != "DISABLED" {
		t.Errorf("services %+v %+v", got.Services[0], got.Services[1])
	}
	if info := must(k.billing.Projects.GetBillingInfo(project).Do())(t); !info.BillingEnabled {
		t.Error("billing is still off")
	}
}

func TestServiceUsageNeedsPermission(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	k := c.as(viewer)
	_, err := k.usage.Services.Enable(project+"/services/dataproc.googleapis.com", &serviceusage.EnableServiceRequest{}).Do()
	wantError(t, err, 403, "forbidden", "Permission denied to enable service [dataproc.googleapis.com]")
	_, err = c.as(nobody).usage.Services.List(project).Filter("state:ENABLED").Do()
	wantError(t, err, 403, "forbidden", "Permission denied to list services for consumer container [projects/123456789012]")
	list := must(k.usage.Services.List(project).Filter("state:ENABLED").Do())(t)
	if len(list.Services) != len(apis) {
		t.Errorf("%d are enabled, want %d", len(list.Services), len(apis))
	}
	_, err = k.usage.Services.Get(project + "/services/nothing.example").Do()
	wantError(t, err, 404, "notFound", "not found or permission denied")
}

func TestOrganizationPolicies(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	c.SetPolicy("organizations/1001", emulator.OrgPolicy{Constraint: "gcp.resourceLocations", Allowed: []string{"in:us-locations"}})
	c.SetPolicy(project, emulator.OrgPolicy{Constraint: "storage.uniformBucketLevelAccess", Enforce: true})
	k := c.as(viewer)
	effective := func(name string) string {
		p := must(k.policy.Projects.Policies.GetEffectivePolicy(project + "/policies/" + name).Do())(t)
		r := p.Spec.Rules[0]
		switch {
		case r.Values != nil:
			return strings.Join(r.Values.AllowedValues, ",")
		case r.AllowAll:
			return "all"
		}
		return fmt.Sprint(r.Enforce)
	}
	for name, want := range map[string]string{
		"gcp.resourceLocations": "in:us-locations", "storage.uniformBucketLevelAccess": "true",
		"iam.allowedPolicyMemberDomains": "all", "storage.publicAccessPrevention": "false",
	} {
		if got := effective(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	_, err := k.policy.Projects.Policies.Get(project + "/policies/gcp.resourceLocations").Do()
	wantError(t, err, 404, "notFound", "")
	if list := must(k.policy.Projects.Policies.List(project).Do())(t); len(list.Policies) != 1 {
		t.Errorf("the project's own policies: %d", len(list.Policies))
	}
	_, err = c.as(nobody).policy.Projects.Policies.GetEffectivePolicy(project + "/policies/gcp.resourceLocations").Do()
	wantError(t, err, 403, "forbidden", "Permission 'orgpolicy.policy.get' denied on resource '//cloudresourcemanager.googleapis.com/projects/acme-data' (or it may not exist).")
}

func TestUnknownFieldsAreRefused(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/_/iam.googleapis.com/v1/"+project+"/roles", strings.NewReader(`{"roleId":"abc","roll":{}}`))
	noError(t, err)
	req.Header.Set("Authorization", "Bearer "+c.Token(owner))
	// Not through the document check: this request is wrong on purpose.
	rec := record(c.Emulator, req)
	if rec.Code != 400 || !strings.Contains(rec.Body.String(), `Unknown name \"roll\"`) {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestTokensAreAskedFor(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	for header, want := range map[string]string{"": "CREDENTIALS_MISSING", "Bearer nonsense": "ACCESS_TOKEN_INVALID"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"/_/cloudresourcemanager.googleapis.com/v3/"+project, http.NoBody)
		noError(t, err)
		if header != "" {
			req.Header.Set("Authorization", header)
		}
		if rec := record(c.Emulator, req); rec.Code != 401 || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%q: %d %s", header, rec.Code, rec.Body)
		}
	}
}
