package web

import (
	"slices"
	"strings"
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
	for want, list := range map[string][]onboarding.PlannedTask{
		"Delete the data too. " + kept:                                    {bucket},
		"Delete the data too. " + kept + " Other data can't be restored.": {bucket, instance},
		"Delete the data too. It can't be restored.":                      {instance},
	} {
		doc, _ := render(t, GalleryPage{Name: "teardown", Component: TeardownPage(PlanView{Kind: onboarding.RunTeardown, Plan: onboarding.Plan{Tasks: list}})})
		if got := doc.Find("label[for=erase], label:has(#erase)").Text(); strings.TrimSpace(got) != want {
			t.Errorf("got %q, want %q", strings.TrimSpace(got), want)
		}
	}
}
