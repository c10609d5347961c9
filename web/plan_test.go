package web

import (
	"slices"
	"testing"

	"groundwork/onboarding"
)

// Which rows a page shows follows from fields, however the sentences begin.
func TestWhatATeardownLeavesFollowsFromFields(t *testing.T) {
	t.Parallel()
	plan := onboarding.Plan{Tasks: []onboarding.PlannedTask{
		{Name: "apis", Resource: "apis", Action: onboarding.ActionNone, Stays: "Other things use these APIs."},
		{Name: "gone", Resource: "gone", Action: onboarding.ActionNone, Absent: true},
		{Name: "bucket", Resource: "bucket", Action: onboarding.ActionDelete, HoldsData: true, Key: "bucket key", Cost: "about $1"},
		{Name: "role", Resource: "role", Action: onboarding.ActionDelete},
	}}
	v := PlanView{Plan: plan}
	if got := v.spared(); len(got) != 1 || got[0].Name != "apis" {
		t.Errorf("spared: %+v", got)
	}
	if got := v.doomed(true); len(got) != 1 || got[0].Name != "bucket" {
		t.Errorf("deleted with data: %+v", got)
	}
	if got := v.doomed(false); len(got) != 1 || got[0].Name != "role" {
		t.Errorf("deleted: %+v", got)
	}
	p := ProgressView{Left: []onboarding.Item{{Key: "bucket key"}, {Key: "other", Resource: "earlier"}}, Run: onboarding.Run{Kind: onboarding.RunTeardown, Plan: plan, Tasks: []onboarding.Task{
		{Name: "apis", State: onboarding.TaskDone, Left: "Other things use these APIs."},
		{Name: "gone", State: onboarding.TaskDone, Message: "It is not there."},
		{Name: "bucket", State: onboarding.TaskDone, Message: "Kept.", Left: "The bucket holds objects."},
		{Name: "role", State: onboarding.TaskDone, Message: "Done and checked."},
	}}}
	wantOurs := []leftover{{"", "bucket", "The bucket holds objects.", "about $1"}, {"", "earlier", "An earlier run created it, and this teardown didn't include it.", ""}}
	ours, others := p.leftovers()
	if !slices.Equal(ours, wantOurs) || !slices.Equal(others, []leftover{{Resource: "apis", Why: "Other things use these APIs."}}) {
		t.Errorf("ours: %+v, others: %+v", ours, others)
	}
	var words []string
	for _, task := range p.Run.Tasks {
		words = append(words, p.taskWord(task))
	}
	if want := []string{"Stays", "Already gone", "Stays", "Removed"}; !slices.Equal(words, want) {
		t.Errorf("what became of each: %v, want %v", words, want)
	}
}

// Story 21: the page said that deleted bucket data is gone for good, while Google keeps it for days and bills it.
func TestATeardownSaysHowLongGoogleKeepsDeletedBucketData(t *testing.T) {
	t.Parallel()
	bucket := onboarding.PlannedTask{Resource: "gs://tecton-acme-prod-dataplane", Action: onboarding.ActionDelete, HoldsData: true}
	instance := onboarding.PlannedTask{Resource: "projects/acme/instances/tecton-acme-prod", Action: onboarding.ActionDelete, HoldsData: true}
	const kept = "Google keeps deleted bucket data for the bucket's soft delete period, 7 days unless you changed it. Until then it can be restored and is billed."
	doc, _ := render(t, GalleryPage{Name: "teardown", Component: TeardownPage(PlanView{Kind: onboarding.RunTeardown, Plan: onboarding.Plan{Tasks: []onboarding.PlannedTask{bucket, instance}}})})
	for id, want := range map[string]string{"#remove-1": kept, "#remove-2": "It can't be restored."} {
		if got := words(doc.Find("label:has(" + id + ")").Text()); got != "Delete it and its data"+want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

// Two checkboxes could say both: delete the data, and keep it.
func TestATeardownAsksOnceAboutEachItemThatHoldsData(t *testing.T) {
	t.Parallel()
	bucket := onboarding.PlannedTask{Key: "bucket b", Resource: "gs://b", Action: onboarding.ActionDelete, HoldsData: true}
	instance := onboarding.PlannedTask{Key: "instance i", Resource: "i", Action: onboarding.ActionDelete, HoldsData: true}
	role := onboarding.PlannedTask{Key: "role r", Resource: "r", Action: onboarding.ActionDelete}
	v := PlanView{
		Kind: onboarding.RunTeardown, Plan: onboarding.Plan{Tasks: []onboarding.PlannedTask{role, bucket, instance}},
		Decisions: map[string]onboarding.Decision{"instance i": onboarding.DecisionRemove},
	}
	doc, _ := render(t, GalleryPage{Name: "teardown", Component: TeardownPage(v)})
	if doc.Find("form fieldset").Length() != 2 || doc.Find("input[type=checkbox]").Length() != 0 {
		t.Error("it isn't one choice for each item")
	}
	for name, want := range map[string]string{"decide:bucket b": "later", "decide:instance i": "remove"} {
		radios := doc.Find("fieldset input[type=radio][name='" + name + "']")
		if radios.Length() != 3 || radios.Filter("[checked]").Length() != 1 || radios.Filter("[checked]").AttrOr("value", "") != want {
			t.Errorf("%s: %d choices, %q selected, want %q", name, radios.Length(), radios.Filter("[checked]").AttrOr("value", ""), want)
		}
	}
}
