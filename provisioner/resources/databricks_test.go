package resources_test

import (
	"slices"
	"strings"
	"testing"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
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
			}, "", "only by the cluster policies Small clusters",
		},
		"an IP access list": { // T33
			blockedByList, "IP access list blocks the address 127.0.0.1, from which we call. A workspace administrator adds 127.0.0.1 to the list, and the addresses of the vendor's control plane too: your specialist knows them.", "",
		},
		"an IP access list, with the vendor's addresses in the settings": {
			func(w *steptest.World) {
				blockedByList(w)
				w.Spec.Vendor.EgressAddresses, w.Spec.Vendor.ControlPlaneAddresses = "203.0.113.7", "198.51.100.0/24"
			}, "adds these addresses to the list. This service: 127.0.0.1, 203.0.113.7. The vendor's control plane: 198.51.100.0/24. Databricks says", "",
		},
		"an IP access list, with a range that has the address": {
			func(w *steptest.World) {
				blockedByList(w)
				w.Spec.Vendor.EgressAddresses = "127.0.0.0/24"
			}, "adds 127.0.0.0/24 to the list, and the addresses of the vendor's control plane too: your specialist knows them.", "",
		},
		"a runtime that is not offered": {func(w *steptest.World) { w.Spec.Databricks.Runtime = "9.1.x-scala2.12" }, "does not offer the runtime 9.1.x-scala2.12", ""},
		"a token to come":               {func(w *steptest.World) { w.Spec.Databricks.Token = onboarding.SecretLater }, "still to come", ""},
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
	if task := w.Task(run, "databricks-secret-scope"); !logged(task, "everybody in it may read and change the secret scope") {
		t.Errorf("the log doesn't say who manages the scope: %+v", task.Events)
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
