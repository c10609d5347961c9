package steps_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
)

// save posts a step and gives what the store would be told, with the answer kept.
func (p *customer) save(step string, pairs ...string) onboarding.SaveAnswer {
	p.t.Helper()
	saved := p.post(step, pairs...)
	if len(saved.Problems) > 0 {
		p.t.Fatalf("%s: %v", step, saved.Problems)
	}
	out, after, err := p.journey.Save(p.c, step, saved, 1, func(to onboarding.SealedTo, _ onboarding.Secret) ([]byte, error) {
		return []byte(to.Address), nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.c = after
	return out
}

func TestASaveTellsWhatWasBeforeAndAfterInTheFormsWords(t *testing.T) {
	const workspace = "https://1234567890123456.7.gcp.databricks.com"
	const canary = "dapi-canary-0123456789"
	p := newCustomer(t)
	p.answer("deployment", "name", "acme-prod")
	for _, step := range []struct {
		about, step string
		pairs       []string
		first       bool
		title       string
		changes     []onboarding.Change
	}{
		{"a first answer", "region", []string{"region", "us-west1"}, true, "Region", []onboarding.Change{{Label: "Google Cloud region", After: "us-west1 (Oregon)"}}},
		{"another", "region", []string{"region", "us-east1"}, false, "Region", []onboarding.Change{{Label: "Google Cloud region", Before: "us-west1 (Oregon)", After: "us-east1 (South Carolina)"}}},
		{"the same", "region", []string{"region", "us-east1"}, false, "Region", nil},
		{
			"a secret for later", "compute",
			[]string{"platform", "databricks", "workspace", workspace, "token_later", "yes", "runtime", "15.4.x-scala2.12"},
			true, "Compute platform",
			[]onboarding.Change{{Label: "Compute platform", After: "Databricks on Google Cloud"}, {Label: "Workspace address", After: workspace}, {Label: "Databricks API token", After: "I don’t have this yet"}, {Label: "Databricks Runtime version", After: "15.4.x-scala2.12"}, {Label: "Create a secret scope for notebooks", After: "No"}},
		},
		{
			"a secret", "compute",
			[]string{"platform", "databricks", "workspace", workspace, "token", canary, "runtime", "15.4.x-scala2.12"},
			false, "Compute platform",
			[]onboarding.Change{{Label: "Databricks API token", Before: "I don’t have this yet", After: onboarding.SecretGiven}},
		},
		{
			"another secret", "compute",
			[]string{"platform", "databricks", "workspace", workspace, "token", canary + "9", "runtime", "15.4.x-scala2.12"},
			false, "Compute platform",
			[]onboarding.Change{{Label: "Databricks API token", After: onboarding.SecretChanged}},
		},
	} {
		got := p.save(step.step, step.pairs...)
		if got.First != step.first || got.Title != step.title {
			t.Errorf("%s: %q, for the first time: %t", step.about, got.Title, got.First)
		}
		if diff := cmp.Diff(step.changes, got.Changes); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", step.about, diff)
		}
		if raw, err := json.Marshal(got.Changes); err != nil || strings.Contains(string(raw), canary) {
			t.Errorf("%s: %s, %v", step.about, raw, err)
		}
	}
}

func TestASaveTellsWhatIsNotAskedAnyMore(t *testing.T) {
	p := newCustomer(t)
	p.answer("deployment", "name", "acme-prod")
	p.answer("region", "region", "us-west1")
	p.answer("compute", "platform", "databricks", "workspace", "https://1234567890123456.7.gcp.databricks.com", "token", "dapi-0123456789", "runtime", "15.4.x-scala2.12")
	p.answer("online-store", "store", "bigtable", "instance", "tecton-acme-prod", "zone", "us-west1-b")
	got := p.save("online-store", "store", "redis", "endpoint_later", "yes", "redis_token_later", "yes", "cidr_later", "yes", "spark_network_project_later", "yes", "spark_network_later", "yes", "spark_peer_project_later", "yes", "spark_peer_network_later", "yes", "serving_peer_project_later", "yes", "serving_peer_network_later", "yes")
	gone := map[string]bool{}
	for _, c := range got.Changes {
		gone[c.Label] = c.After == "" && c.Before != ""
	}
	if !gone["Zone"] || gone["Online store"] {
		t.Errorf("%+v", got.Changes)
	}
}

// A token is sealed to the address that is saved with it.
func TestASavedTokenIsSealedToItsAddress(t *testing.T) {
	const workspace = "https://1234567890123456.7.gcp.databricks.com"
	p := newCustomer(t)
	p.answer("deployment", "name", "acme-prod")
	out := p.save("compute", "platform", "databricks", "workspace", workspace+"/", "token", "dapi-canary-0123456789", "runtime", "15.4.x-scala2.12")
	if got := string(out.Sealed[onboarding.PurposeDatabricksToken]); got != workspace || got != p.journey.Spec(p.c).Address(onboarding.PurposeDatabricksToken) {
		t.Errorf("sealed to %q", got)
	}
}

// A token that is entered before its address opens for no address: whoever writes one into the database later gets nothing.
func TestATokenWithoutAnAddressIsSealedToNone(t *testing.T) {
	p := newCustomer(t)
	p.answer("deployment", "name", "acme-prod")
	out := p.save("online-store", "store", "redis", "endpoint_later", "yes", "redis_token", "s3cret-token", "cidr_later", "yes", "spark_network_project_later", "yes", "spark_network_later", "yes", "spark_peer_project_later", "yes", "spark_peer_network_later", "yes", "serving_peer_project_later", "yes", "serving_peer_network_later", "yes")
	if got := string(out.Sealed[onboarding.PurposeRedisToken]); got != onboarding.NoAddress {
		t.Errorf("sealed to %q, want %q", got, onboarding.NoAddress)
	}
}
