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

// Projects can have datasets of the same name. Wherever lines of a plan or of a teardown are listed, each says which
// one it is about.
func TestDatasetsOfTheSameNameAreToldApart(t *testing.T) {
	spec := steptest.Spec()
	for _, project := range []string{spec.Project, "acme-raw", "acme-archive"} {
		spec.DataSources = append(spec.DataSources, onboarding.DataSource{Kind: onboarding.SourceDataset, Name: project + ".sales"})
	}
	tasks, err := provisioner.Graph(resources.Catalog(), spec)
	if err != nil {
		t.Fatal(err)
	}
	titles, nouns := map[string]onboarding.TaskName{}, map[string]onboarding.TaskName{}
	found := 0
	for _, task := range tasks {
		d := task.Description
		if task.Step.Name() == resources.ReadDataset.Name() && strings.Contains(string(task.Name), "sales") {
			found++
		}
		if other, taken := titles[d.Title]; taken {
			t.Errorf("%s and %s are both titled %q", task.Name, other, d.Title)
		}
		if other, taken := nouns[d.Noun]; taken && d.Noun != "" {
			t.Errorf("%s and %s are both %q", task.Name, other, d.Noun)
		}
		titles[d.Title], nouns[d.Noun] = task.Name, task.Name
	}
	if found != len(spec.DataSources)-2 { // the sample has a project and a bucket too
		t.Errorf("%d tasks are about a dataset called sales", found)
	}
}
