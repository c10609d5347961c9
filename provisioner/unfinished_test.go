package provisioner

import (
	"testing"
	"time"

	"groundwork/onboarding"
)

// Only an operation is asked for: a line of the log that names something else would be read with the customer's access.
func TestOnlyAnOperationIsFollowed(t *testing.T) {
	for name, want := range map[string]string{
		"operations/projects/acme-data/instances/one/operations/7": "operations/projects/acme-data/instances/one/operations/7",
		"projects/acme-data/instances/one":                         "",
	} {
		if got, _ := unfinished([]onboarding.TaskEvent{{Kind: operationBegan, Text: operationWords + name}}); got != want {
			t.Errorf("%s: %q is followed, want %q", name, got, want)
		}
	}
}

// A creation that is refused because of what is there says nothing of an earlier one that had no answer.
func TestARefusedSecondTryLeavesTheFirstUnanswered(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 11, 2, 9, minute, 0, 0, time.UTC) }
	first := onboarding.TaskEvent{Kind: "intent", At: at(1)}
	second := []onboarding.TaskEvent{{Kind: "intent", At: at(2)}, {Kind: "log", At: at(3), Text: "Google" + existsWords + ". Google says: x"}}
	if got := unanswered(append([]onboarding.TaskEvent{first}, second...)); !got.Equal(at(1)) {
		t.Errorf("unanswered since %s, want the first try", got)
	}
	if got := unanswered(second); !got.IsZero() {
		t.Errorf("a refused try is unanswered since %s", got)
	}
}
