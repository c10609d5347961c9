package provisioner

import (
	"slices"
	"testing"

	"groundwork/onboarding"
)

func TestGraphOrdersTasksAndHandsDependenciesOn(t *testing.T) {
	c := newCloud()
	last := c.def("verify")
	last.Final = true
	apis := c.step("apis")
	account := c.def("account", apis)
	account.Desired = func(onboarding.Spec) []Want[want] { return nil } // the customer named an existing one
	accountStep := Define(account)
	sources := c.def("read", accountStep)
	sources.Desired = func(onboarding.Spec) []Want[want] {
		return []Want[want]{{"b", want{"b", ""}}, {"a", want{"a", ""}}, {"b", want{"b", ""}}}
	}
	tasks, err := Graph([]*Step{Define(last), Define(sources), accountStep, apis}, onboarding.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	var names []onboarding.TaskName
	for _, task := range tasks {
		for _, d := range task.DependsOn {
			if !slices.Contains(names, d.Name) {
				t.Errorf("%s comes before %s", task.Name, d.Name)
			}
		}
		names = append(names, task.Name)
	}
	if want := []onboarding.TaskName{"apis", "read/b", "read/a", "verify"}; !slices.Equal(names, want) {
		t.Fatalf("tasks %v, want %v", names, want)
	}
	if d := tasks[1].DependsOn; len(d) != 1 || d[0].Name != "apis" {
		t.Errorf("a step without a task swallowed what stands behind it: %v", d)
	}
	if d := tasks[3].DependsOn; len(d) != 3 {
		t.Errorf("the final task waits for %d tasks, want all three", len(d))
	}
}

func TestGraphRefusesACatalogThatCannotBe(t *testing.T) {
	c := newCloud()
	a := c.step("a")
	last := c.def("last")
	last.Final = true
	final := Define(last)
	for name, catalog := range map[string][]*Step{
		"a step twice":                        {a, a},
		"two steps of one name":               {a, c.step("a")},
		"a dependency outside":                {c.step("b", a)},
		"an ordinary step behind a final one": {final, c.step("b", final)},
	} {
		if _, err := Graph(catalog, onboarding.Spec{}); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestWhetherALocationContainsARegion(t *testing.T) {
	for _, tt := range []struct {
		location, region string
		want             bool
	}{
		{"US-WEST1", "us-west1", true},
		{"us-east1", "us-west1", false},
		{"US", "us-west1", true},
		{"US", "northamerica-northeast1", false},
		{"US", "europe-west1", false},
		{"EU", "europe-west1", true},
		{"EU", "europe-west2", false}, // London
		{"EU", "europe-west6", false}, // Zürich
		{"EU", "us-west1", false},
		{"ASIA", "asia-east1", true},
		{"ASIA", "australia-southeast1", false},
		{"NAM4", "us-central1", true},
		{"NAM4", "us-east1", true},
		{"NAM4", "us-west1", false},
		{"EUR4", "europe-north1", true},
		{"EUR4", "europe-west4", true},
		{"EUR4", "europe-west1", false},
		{"ASIA1", "asia-northeast2", true},
		{"ASIA1", "asia-east1", false},
		{"aws-us-east-1", "us-west1", false},
		{"", "us-west1", false},
	} {
		if got := spans(tt.location, tt.region); got != tt.want {
			t.Errorf("%s contains %s: %v", tt.location, tt.region, got)
		}
	}
}

func TestLocationPolicyIsReadCautiously(t *testing.T) {
	for _, tt := range []struct {
		values      []string
		yes, unsure bool
	}{
		{[]string{"in:northamerica-locations"}, true, false},
		{[]string{"in:southamerica-locations", "in:asia-locations", "in:australia-locations"}, false, false},
		{[]string{"in:canada-locations"}, false, true},
		{[]string{"in:eu-locations"}, false, true},
		{[]string{"us-west1"}, true, false},
		{[]string{"is:us-west1"}, true, false},
		{[]string{"in:us-west1-locations"}, true, false},
		{[]string{"in:us-locations"}, true, false},
		{[]string{"US-WEST1"}, true, false},
		{[]string{"in:europe-locations", "in:us-east1-locations", "us-west2"}, false, false},
		{[]string{"in:low-carbon-locations"}, false, true},
		{[]string{"in:low-carbon-locations", "us-west1"}, true, false},
		{nil, false, false},
	} {
		if yes, unsure := located(tt.values, "us-west1"); yes != tt.yes || unsure != tt.unsure && !tt.yes {
			t.Errorf("%v: yes %v, unsure %v", tt.values, yes, unsure)
		}
	}
	for _, tt := range []struct {
		region, value string
		yes, unsure   bool
	}{
		{"northamerica-northeast1", "in:northamerica-locations", true, false},
		{"northamerica-northeast1", "in:us-locations", false, false},
		{"northamerica-south1", "in:us-locations", false, false},
		{"southamerica-east1", "in:northamerica-locations", false, false},
		{"southamerica-east1", "in:southamerica-locations", true, false},
		{"europe-west1", "in:europe-locations", true, false},
		{"europe-west1", "in:eu-locations", false, true},
		{"europe-west1", "in:northamerica-locations", false, false},
		{"asia-east1", "in:asia-locations", true, false},
		{"australia-southeast1", "in:australia-locations", true, false},
		{"me-west1", "in:asia-locations", false, true},
		{"me-west1", "in:me-locations", false, true},
		{"africa-south1", "in:europe-locations", false, true},
	} {
		if yes, unsure := located([]string{tt.value}, tt.region); yes != tt.yes || unsure != tt.unsure {
			t.Errorf("%s in %s: yes %v, unsure %v", tt.region, tt.value, yes, unsure)
		}
	}
}
