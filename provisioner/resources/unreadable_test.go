package resources_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// T23: an operation that the account may not read is no reason to begin another. The APIs themselves show when it is done,
// and the log says which permission is missing. Once its time is over, a retry begins again.
func TestAnOperationThatMayNotBeReadIsNotRepeated(t *testing.T) {
	t.Parallel()
	const enable = "/v1/projects/acme-data/services:batchEnable"
	for name, c := range map[string]struct {
		speed time.Duration
		ends  onboarding.RunState
	}{
		"it ends":       {5 * time.Minute, onboarding.RunSucceeded},
		"it never ends": {-1, onboarding.RunFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, steptest.Spec(), []*provisioner.Step{resources.EnableAPIs, resources.BigtableInstance})
			w.Cloud.AddRule(emulator.Rule{
				Match: emulator.Match{Method: "GET", Path: "/v1/operations/*"}, Status: http.StatusForbidden,
				Message: "Permission denied. Missing permission: serviceusage.operations.get",
			})
			w.Cloud.SetSpeed(c.speed)
			run := w.Run()
			task := w.Task(run, "enable-apis")
			if (run.State == onboarding.RunSucceeded) != (c.ends == onboarding.RunSucceeded) {
				t.Fatalf("the run is %s, want %s: %s", run.State, c.ends, task.Message)
			}
			if n := posts(w, enable); n != 1 {
				t.Errorf("it was begun %d times", n)
			}
			said := 0
			for _, e := range task.Events {
				if strings.Contains(e.Text, "isn't allowed to read Google's operation (permission serviceusage.operations.get)") {
					said++
				}
				if strings.Contains(e.Text, "no longer shows") {
					t.Errorf("the log says %q", e.Text)
				}
			}
			if said != 1 {
				t.Errorf("the log says %d times that the operation may not be read:\n%v", said, task.Events)
			}
			if c.ends == onboarding.RunSucceeded {
				return
			}
			if !strings.Contains(task.Message, "can't read its operation") {
				t.Errorf("the message is %q", task.Message)
			}
			w.Retry()
			if n := posts(w, enable); n < 2 {
				t.Errorf("after the operation's time, a retry began nothing")
			}
		})
	}
}
