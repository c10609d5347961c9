package resources_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/bigtableadmin/v2"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// posts counts what was sent to an address, whatever came of it.
func posts(w *steptest.World, path string) int {
	n := 0
	for _, c := range w.Cloud.Calls() {
		if p, _, _ := strings.Cut(c.Path, "?"); c.Method == http.MethodPost && p == path && c.Person == steptest.Owner {
			n++
		}
	}
	return n
}

// failsWith makes turning on Bigtable's API fail with a violation, and no message.
func failsWith(kind, description string) func(*steptest.World) {
	return func(w *steptest.World) {
		w.Cloud.SetAPIFailure("acme-data", "bigtable.googleapis.com", &emulator.Status{Code: 9, Details: []any{map[string]any{
			"@type": "type.googleapis.com/google.rpc.PreconditionFailure", "violations": []any{map[string]any{"type": kind, "subject": "110002", "description": description}},
		}}})
	}
}

// T23, cases 6 and 7: the operation's own error says who must act, and nothing is made again before they did.
func TestAnOperationThatFailsIsNotRepeated(t *testing.T) {
	t.Parallel()
	const instances, enable = "/v2/projects/acme-data/instances", "/v1/projects/acme-data/services:batchEnable"
	for name, c := range map[string]struct {
		fails, works func(*steptest.World)
		post         string
		task         onboarding.TaskName
		state        onboarding.TaskState
		code         onboarding.Code
		on           onboarding.Party
		says         []string
	}{
		"sold out": {
			func(w *steptest.World) { w.Cloud.SetZone("us-west1-a", true) },
			func(w *steptest.World) { w.Cloud.SetZone("us-west1-a", false) },
			instances, "bigtable-instance", onboarding.TaskBlocked, onboarding.CodeQuota, onboarding.PartyCustomer,
			[]string{"us-west1-a has no capacity", "another zone of us-west1", "Google says: ", "Please try a different zone"},
		},
		"quota": {
			func(w *steptest.World) { w.Cloud.SetQuota("acme-data", emulator.QuotaBigtableNodes, 0) },
			func(w *steptest.World) { w.Cloud.SetQuota("acme-data", emulator.QuotaBigtableNodes, -1) },
			instances, "bigtable-instance", onboarding.TaskBlocked, onboarding.CodeQuota, onboarding.PartyCustomer,
			[]string{"https://console.cloud.google.com/iam-admin/quotas", "Google says: ", "node quota"},
		},
		"policy": {
			func(w *steptest.World) {
				w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Method: "POST", Path: instances}, Fails: &emulator.Status{Code: 9, Message: "Constraint constraints/gcp.restrictNonCmekServices violated for projects/acme-data."}})
			},
			func(w *steptest.World) { w.Cloud.RemoveRule(0) },
			instances, "bigtable-instance", onboarding.TaskBlocked, onboarding.CodeOrgPolicy, onboarding.PartyOrganization,
			[]string{"constraints/gcp.restrictNonCmekServices"},
		},
		"an API": {
			func(w *steptest.World) {
				w.Cloud.SetAPIFailure("acme-data", "bigtable.googleapis.com", &emulator.Status{Code: 9, Message: "The terms of service were not accepted."})
			},
			func(w *steptest.World) { w.Cloud.SetAPIFailure("acme-data", "bigtable.googleapis.com", nil) },
			enable, "enable-apis", onboarding.TaskFailed, onboarding.CodeCloud, "",
			[]string{"Google says: The terms of service were not accepted."},
		},
		"terms of service, in details only": {
			failsWith("TOS", "Callers must accept Terms of Service"),
			func(w *steptest.World) { w.Cloud.SetAPIFailure("acme-data", "bigtable.googleapis.com", nil) },
			enable, "enable-apis", onboarding.TaskBlocked, onboarding.CodePermission, onboarding.PartyCustomer,
			[]string{"https://console.cloud.google.com once as " + steptest.Owner + " and accept the terms"},
		},
		"billing, in details only": {
			failsWith("googleapis.com/billing-enabled", "Billing must be enabled for activation of service 'bigtable.googleapis.com' to proceed."),
			func(w *steptest.World) { w.Cloud.SetAPIFailure("acme-data", "bigtable.googleapis.com", nil) },
			enable, "enable-apis", onboarding.TaskBlocked, onboarding.CodeBilling, onboarding.PartyCustomer,
			[]string{"https://console.cloud.google.com/billing/linkedaccount"},
		},
		"something else, in details only": {
			failsWith("MOON", "The moon is in the way."),
			func(w *steptest.World) { w.Cloud.SetAPIFailure("acme-data", "bigtable.googleapis.com", nil) },
			enable, "enable-apis", onboarding.TaskFailed, onboarding.CodeCloud, "",
			[]string{"Google says: The moon is in the way."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.BigtableInstance})
			w.Cloud.SetSpeed(5 * time.Minute)
			c.fails(w)
			task := w.Task(w.Run(), c.task)
			if task.State != c.state || task.Code != c.code || task.On != c.on {
				t.Errorf("%s is %s (%s) on %q", c.task, task.State, task.Code, task.On)
			}
			for _, part := range c.says {
				if !strings.Contains(task.Message, part) {
					t.Errorf("%q doesn't say %q", task.Message, part)
				}
			}
			if n := posts(w, c.post); n != 1 {
				t.Errorf("it was made %d times", n)
			}
			c.works(w)
			w.Succeeds(w.Retry())
			if n := posts(w, c.post); n != 2 {
				t.Errorf("with the retry it was made %d times", n)
			}
		})
	}
}

// A worker that takes a run over follows the operation that another one began.
func TestAnOperationIsFollowedByNameAfterARestart(t *testing.T) {
	t.Parallel()
	w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.BigtableInstance})
	w.Cloud.SetSpeed(40 * time.Minute) // longer than the task may take
	w.Cloud.SetAPI("acme-data", "bigtable.googleapis.com", true)
	w.Cloud.SetAPI("acme-data", "bigtableadmin.googleapis.com", true)
	w.Cloud.SetZone("us-west1-a", true)
	const instances = "/v2/projects/acme-data/instances"
	if task := w.Task(w.Run(), "bigtable-instance"); task.State != onboarding.TaskFailed || task.Code != onboarding.CodeTimeout {
		t.Fatalf("it is %s (%s): %s", task.State, task.Code, task.Message)
	}
	task := w.Task(w.Retry(), "bigtable-instance")
	if task.State != onboarding.TaskBlocked || !strings.Contains(task.Message, "Please try a different zone") {
		t.Errorf("after the restart it is %s (%s): %s", task.State, task.Code, task.Message)
	}
	if n := posts(w, instances); n != 1 {
		t.Errorf("it was made %d times", n)
	}
}

// T23: Google's answer arrives, and the worker dies before it is recorded. The next one finds the operation again, makes
// nothing while it runs, and reads how it ended.
func TestAnOperationIsFoundAgainWhenItsNameWasLost(t *testing.T) {
	t.Parallel()
	const instances, enable = "/v2/projects/acme-data/instances", "/v1/projects/acme-data/services:batchEnable"
	lost := func(t *testing.T) *steptest.World {
		t.Helper()
		w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.BigtableInstance})
		w.Cloud.SetAPI("acme-data", "bigtable.googleapis.com", true)
		w.Cloud.SetAPI("acme-data", "bigtableadmin.googleapis.com", true)
		w.Cloud.SetSpeed(5 * time.Minute)
		return w
	}
	for _, after := range []time.Duration{0, 10 * time.Minute} { // before and after the operation is over
		t.Run("rolled back, "+after.String(), func(t *testing.T) {
			t.Parallel()
			w := lost(t)
			w.Cloud.SetZone("us-west1-a", true)
			w.Interrupt(w.Plan(), "bigtable-instance")
			if n := posts(w, instances); n != 1 {
				t.Fatalf("it was begun %d times", n)
			}
			_ = w.Clock.Sleep(t.Context(), after)
			task := w.Task(w.Resume(), "bigtable-instance")
			if task.State != onboarding.TaskBlocked || !strings.Contains(task.Message, "us-west1-a has no capacity") {
				t.Errorf("it is %s (%s): %s", task.State, task.Code, task.Message)
			}
			if n := posts(w, instances); n != 1 {
				t.Errorf("it was made %d times", n)
			}
			w.Cloud.SetZone("us-west1-a", false)
			w.Succeeds(w.Retry())
			if n := posts(w, instances); n != 2 {
				t.Errorf("with the retry it was made %d times", n)
			}
		})
	}
	t.Run("created", func(t *testing.T) {
		t.Parallel()
		w := lost(t)
		w.Interrupt(w.Plan(), "bigtable-instance")
		task := w.Task(w.Succeeds(w.Resume()), "bigtable-instance")
		found := slices.ContainsFunc(task.Events, func(e onboarding.TaskEvent) bool { return e.Kind == "operation" })
		if n := posts(w, instances); n != 1 || !found {
			t.Errorf("it was made %d times; its operation was found: %v", n, found)
		}
	})
	t.Run("operations that may not be listed", func(t *testing.T) {
		t.Parallel()
		w := lost(t)
		w.Interrupt(w.Plan(), "bigtable-instance")
		w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Path: "/v2/operations/projects/*/operations"}, Status: http.StatusForbidden})
		w.Succeeds(w.Resume())
		if n := posts(w, instances); n != 1 {
			t.Errorf("it was made %d times", n)
		}
	})
	for _, status := range []int{http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusBadGateway} {
		t.Run("operations can't be listed at first, "+http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			w := lost(t)
			w.Cloud.SetZone("us-west1-a", true)
			w.Interrupt(w.Plan(), "bigtable-instance")
			w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Path: "/v2/operations/projects/*/operations"}, Status: status, Times: 3})
			task := w.Task(w.Resume(), "bigtable-instance")
			if task.State != onboarding.TaskBlocked || !strings.Contains(task.Message, "us-west1-a has no capacity") {
				t.Errorf("it is %s (%s): %s", task.State, task.Code, task.Message)
			}
			if n := posts(w, instances); n != 1 {
				t.Errorf("it was made %d times", n)
			}
		})
	}
	t.Run("the list of operations is refused", func(t *testing.T) {
		t.Parallel()
		w := lost(t)
		w.Interrupt(w.Plan(), "bigtable-instance")
		w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Path: "/v2/operations/projects/*/operations"}, Status: http.StatusBadRequest})
		w.Succeeds(w.Resume())
		if n := posts(w, instances); n != 1 {
			t.Errorf("it was made %d times", n)
		}
	})
	t.Run("APIs", func(t *testing.T) {
		t.Parallel()
		w := lost(t)
		w.Cloud.SetAPI("acme-data", "bigtable.googleapis.com", false)
		w.Interrupt(w.Plan(), "enable-apis")
		w.Succeeds(w.Resume())
		begun := 0
		for _, c := range w.Cloud.Calls() {
			if strings.HasPrefix(c.Path, enable) && c.Status == http.StatusOK {
				begun++
			}
		}
		if begun != 1 { // Google lists no operations of this API, and refuses a second one while one runs
			t.Errorf("Google began to enable the APIs %d times", begun)
		}
	})
}

// Google refuses to change the labels: nothing was started, so no operation of the customer's own is taken for the change's.
func TestARefusedChangeIsSettled(t *testing.T) {
	t.Parallel()
	const name = "projects/acme-data/instances/tecton-acme-production"
	listed := func(calls []emulator.Call) bool {
		return slices.ContainsFunc(calls, func(c emulator.Call) bool { return strings.HasPrefix(c.Path, "/v2/operations/"+name+"/operations") })
	}
	for _, status := range []int{http.StatusBadRequest, http.StatusForbidden, http.StatusPreconditionFailed} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.BigtableInstance})
			w.Succeeds(w.Run())
			change := func(mask string, to *bigtableadmin.Instance) {
				t.Helper()
				if _, err := w.Clients(steptest.Owner).Bigtable.Projects.Instances.PartialUpdateInstance(name, to).UpdateMask(mask).Context(t.Context()).Do(); err != nil {
					t.Fatal(err)
				}
			}
			change("labels", &bigtableadmin.Instance{Labels: map[string]string{"groundwork-onboarding": w.Spec.Labels()["groundwork-onboarding"]}})
			before := onboarding.Find(w.Inventory(), "bigtable-instance "+name)
			rule := w.Cloud.AddRule(emulator.Rule{Match: emulator.Match{Method: http.MethodPatch, Path: "/v2/" + name}, Status: status, Message: "Refused."})
			mark := w.Mark()
			if task := w.Task(w.Run(), "bigtable-instance"); task.State != onboarding.TaskFailed && task.State != onboarding.TaskBlocked {
				t.Fatalf("the refused change is %s", task.State)
			}
			if after := onboarding.Find(w.Inventory(), "bigtable-instance "+name); after.Origin != before.Origin || after.State != before.State {
				t.Errorf("the inventory has %+v, and had %+v", after, before)
			}
			w.Cloud.RemoveRule(rule)
			w.Cloud.SetSpeed(time.Hour)
			change("display_name", &bigtableadmin.Instance{DisplayName: "The customer's"})
			w.Cloud.SetSpeed(0)
			w.Succeeds(w.Retry())
			if listed(w.Cloud.Calls()[mark:]) {
				t.Error("the operation of a change that Google refused is looked for")
			}
		})
	}
}
