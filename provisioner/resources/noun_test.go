package resources_test

import (
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
)

// A page names a resource in words and shows its identifier once, below. So each step of the catalog has a noun, which
// holds no path, address or role, and tells the tasks of a step apart.
func TestEveryResourceHasANameInWords(t *testing.T) {
	met := map[string]bool{}
	for _, c := range cases() {
		spec := c.Spec
		if spec.Deployment == "" {
			spec = steptest.Spec()
		}
		tasks, err := provisioner.Graph(resources.Catalog(), spec)
		if err != nil {
			t.Fatal(err)
		}
		nouns := map[string]onboarding.TaskName{}
		for _, task := range tasks {
			d := task.Description
			if task.Step.Final() {
				continue
			}
			met[task.Step.Name()] = true
			if d.Noun == "" || strings.ContainsAny(d.Noun, "/@:") || strings.Contains(d.Noun, d.Resource) {
				t.Errorf("%s: %q, below it %q", task.Name, d.Noun, d.Resource)
			}
			if other, taken := nouns[d.Noun]; taken {
				t.Errorf("%s and %s are both %q", task.Name, other, d.Noun)
			}
			nouns[d.Noun] = task.Name
		}
	}
	for _, s := range resources.Catalog() {
		if !s.Final() && !met[s.Name()] {
			t.Errorf("no case has a task of %s", s.Name())
		}
	}
}
