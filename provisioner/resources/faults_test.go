package resources_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner/steptest"
)

// What a whole run makes of each of Google's faults: where it ends, what the page says, how much was changed, and
// that it goes on to the same end once the fault is gone.
func TestFaultsOfGoogleEndInAClearState(t *testing.T) {
	t.Parallel()
	calm := world(t, nil)
	mark := calm.Mark()
	calm.Succeeds(calm.Run())
	whole := len(calm.Changes(mark))

	createBucket := emulator.Match{Method: http.MethodPost, Host: "storage.googleapis.com", Path: "/storage/v1/b"}
	createInstance := emulator.Match{Method: http.MethodPost, Host: "bigtableadmin.googleapis.com", Path: "/v2/projects/*/instances"}
	google := emulator.Match{Host: "*.googleapis.com"}
	ofBucket := emulator.Match{Host: "storage.googleapis.com", Path: "*" + bucket + "*"}
	rule := func(r emulator.Rule) func(*steptest.World) { return func(w *steptest.World) { w.Cloud.AddRule(r) } }
	text := func(s string) json.RawMessage {
		b, _ := json.Marshal(s) // a string marshals
		return b
	}
	for _, tt := range []struct {
		name   string
		fault  func(*steptest.World) // after the plan was approved
		repair func(*steptest.World) // nil: the rules go

		state   onboarding.RunState // "": succeeded
		task    onboarding.TaskName
		code    onboarding.Code
		on      onboarding.Party
		says    string
		atLeast time.Duration
		nothing bool // is changed at Google
	}{
		{name: "429 with Retry-After", fault: rule(emulator.Rule{Match: createBucket, Times: 3, Status: 429, Reason: "rateLimitExceeded", Headers: map[string]string{"Retry-After": "30"}}), atLeast: 90 * time.Second},
		{name: "burst of 500", fault: rule(emulator.Rule{Match: google, Times: 20, Status: 500})},
		{name: "burst of 503", fault: rule(emulator.Rule{Match: google, Times: 20, Status: 503})},
		{name: "gateway timeout after the effect", fault: rule(emulator.Rule{Match: createBucket, Times: 1, Status: 504, AfterEffect: true})},
		{name: "reset before the effect", fault: rule(emulator.Rule{Match: createBucket, Times: 2, Reset: true})},
		{name: "reset after the effect", fault: rule(emulator.Rule{Match: createInstance, Times: 1, Reset: true, AfterEffect: true})},
		{name: "403 just after a binding", fault: rule(emulator.Rule{Match: createBucket, Times: 3, Status: 403, Message: "Permission 'storage.buckets.create' denied on resource (or it may not exist)."})},
		{name: "404 just after create", fault: rule(emulator.Rule{Match: emulator.Match{Method: http.MethodGet, Host: "iam.googleapis.com", Path: "*/serviceAccounts/" + spark}, Skip: 1, Times: 4, Status: 404})},
		{name: "HTML instead of JSON", fault: rule(emulator.Rule{Match: ofBucket, Times: 3, Status: 200, HTML: true})},
		{name: "half an answer", fault: rule(emulator.Rule{Match: ofBucket, Times: 3, Status: 200, Body: text(`{"name":"acme`)})},
		{name: "control characters in an answer", fault: rule(emulator.Rule{Match: createBucket, Times: 2, Status: 503, Message: "try \x00 later \x1b[31m"})},
		{name: "control characters that aren't JSON", fault: rule(emulator.Rule{Match: createBucket, Times: 2, Status: 503, Body: text("a \x00 b \x1b[31m")})},
		{
			name: "control characters in a final answer", fault: rule(emulator.Rule{Match: createBucket, Status: 400, Message: "no \x00 such \x1b[31m thing"}),
			state: onboarding.RunFailed, task: "bucket", code: onboarding.CodeCloud, says: "no � such �[31m thing",
		},
		{name: "huge answer", fault: rule(emulator.Rule{Match: ofBucket, Times: 2, Size: 40 << 20})},
		{
			name: "operation that never ends", fault: rule(emulator.Rule{Match: createInstance, Times: 1, Operation: emulator.Duration(-time.Second)}),
			state: onboarding.RunFailed, task: "bigtable-instance", code: onboarding.CodeTimeout, says: "was not ready within",
		},
		{
			name: "500 for good", fault: rule(emulator.Rule{Match: createBucket, Status: 500}),
			state: onboarding.RunFailed, task: "bucket", code: onboarding.CodeTimeout, says: "Google is having a problem",
		},
		{
			name: "quota used up", fault: rule(emulator.Rule{Match: createInstance, Status: 429, Reason: "quotaExceeded", Message: "Quota exceeded for quota metric 'Nodes'."}),
			state: onboarding.RunFailed, task: "bigtable-instance", code: onboarding.CodeQuota, says: "check the project's quotas",
		},
		{
			name: "API that stays off", fault: rule(emulator.Rule{Match: createBucket, Status: 403, Reason: "accessNotConfigured", Message: "Cloud Storage API has not been used in project acme-data before or it is disabled."}),
			state: onboarding.RunFailed, task: "bucket", code: onboarding.CodeAPIDisabled, says: "is not on yet",
		},
		{
			name: "permission withdrawn", fault: func(w *steptest.World) {
				var all []string
				for _, p := range w.Permissions().Run {
					if p.Name != "storage.buckets.create" && !slices.Contains(all, p.Name) {
						all = append(all, p.Name)
					}
				}
				w.Cloud.AddRole("acme-data", "nearly_owner", all, false, 0)
				w.Cloud.SetIAM("projects/acme-data", "user:"+steptest.Owner, "")
				w.Cloud.SetIAM("projects/acme-data", "user:"+steptest.Owner, "projects/acme-data/roles/nearly_owner")
			},
			repair: func(w *steptest.World) { w.Cloud.SetIAM("projects/acme-data", "user:"+steptest.Owner, "roles/owner") },
			state:  onboarding.RunBlocked, task: "bucket", code: onboarding.CodePermission, on: onboarding.PartyCustomer, says: "lacks the permission storage.buckets.create",
		},
		{
			name: "refused although a role contains the permission", fault: rule(emulator.Rule{Match: createBucket, Status: 403, Message: "Permission 'storage.buckets.create' denied on resource."}),
			state: onboarding.RunBlocked, task: "bucket", code: onboarding.CodePermission, on: onboarding.PartyCustomer, says: "Google can take 7 minutes or more to apply a new role",
		},
		{
			name: "billing off", fault: func(w *steptest.World) { w.Cloud.SetBilling("acme-data", false) }, repair: func(w *steptest.World) { w.Cloud.SetBilling("acme-data", true) },
			state: onboarding.RunBlocked, task: "enable-apis", code: onboarding.CodeBilling, on: onboarding.PartyCustomer, says: "no active billing account", nothing: true,
		},
		{
			name: "organization policy", fault: func(w *steptest.World) {
				w.Cloud.SetPolicy("projects/acme-data", emulator.OrgPolicy{Constraint: "gcp.resourceLocations", Allowed: []string{"in:europe-west1-locations"}})
			},
			repair: func(w *steptest.World) {
				w.Cloud.SetPolicy("projects/acme-data", emulator.OrgPolicy{Constraint: "gcp.resourceLocations", Allowed: []string{"in:us-locations"}})
			},
			state: onboarding.RunBlocked, task: "bucket", code: onboarding.CodeOrgPolicy, on: onboarding.PartyOrganization, says: "constraints/gcp.resourceLocations",
		},
		{
			name: "project deleted", fault: func(w *steptest.World) { w.Cloud.SetProjectState("acme-data", "DELETE_REQUESTED") },
			repair: func(w *steptest.World) { w.Cloud.SetProjectState("acme-data", "ACTIVE") },
			state:  onboarding.RunBlocked, task: "enable-apis", code: onboarding.CodeNotFound, on: onboarding.PartyCustomer, says: "project has been deleted", nothing: true,
		},
		{
			name: "unticked scope", fault: rule(emulator.Rule{Match: google, Status: 403, Reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT", Message: "Request had insufficient authentication scopes."}),
			state: onboarding.RunBlocked, task: "enable-apis", code: onboarding.CodeSignIn, on: onboarding.PartyCustomer, says: "Select every checkbox", nothing: true,
		},
		{
			name: "access withdrawn", fault: func(w *steptest.World) { w.Cloud.RevokeTokens(steptest.Owner) }, repair: func(w *steptest.World) { w.SignIn(steptest.Owner) },
			state: onboarding.RunBlocked, task: "enable-apis", code: onboarding.CodeSignIn, on: onboarding.PartyCustomer, says: "sign in again", nothing: true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := world(t, nil)
			plan := w.Plan()
			mark, from := w.Mark(), w.Clock.Now()
			tt.fault(w)
			run := w.Execute(onboarding.RunProvision, plan)
			took, changed := w.Clock.Now().Sub(from), len(w.Changes(mark))
			if tt.state == "" {
				w.Succeeds(run)
				if changed != whole || took < tt.atLeast {
					t.Errorf("%d changes, want %d; took %v, want at least %v", changed, whole, took, tt.atLeast)
				}
				return
			}
			task := w.Task(run, tt.task)
			if run.State != tt.state || tt.code != "" && task.Code != tt.code || task.On != tt.on || !strings.Contains(task.Message, tt.says) {
				t.Errorf("run %s, %s is %s (%s) on %q: %s / %s", run.State, tt.task, task.State, task.Code, task.On, task.Message, task.Operator)
			}
			if changed >= whole || tt.nothing && slices.ContainsFunc(w.Changes(mark), func(c emulator.Call) bool { return strings.HasSuffix(c.Host, "googleapis.com") }) {
				t.Errorf("%d changes, a whole run makes %d", changed, whole)
			}
			t.Logf("run %s after %v and %d changes: %s", run.State, took.Round(time.Second), changed, task.Message)

			w.Cloud.RemoveRule(0)
			if tt.repair != nil {
				tt.repair(w)
			}
			if tt.name == "operation that never ends" {
				return // the operation stays so
			}
			w.Succeeds(w.Retry())
			if changed := len(w.Changes(mark)); changed != whole {
				t.Errorf("%d changes with the retry, want %d", changed, whole)
			}
		})
	}
}
