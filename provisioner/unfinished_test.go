package provisioner

import (
	"testing"

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
