package web

import (
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
)

// An API that is off is said once, with what couldn't be read because of it.
func TestAnAPIThatIsOffDiffersOnce(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	const off = "bigtableadmin.googleapis.com is off, so this could not be read."
	view := func(apis bool) ProgressView {
		v := s.differing()
		v.Run.Plan.Tasks = []onboarding.PlannedTask{
			{Name: "apis", Noun: "the enabled APIs"}, {Name: "bigtable", Noun: "the Bigtable instance"}, {Name: "spark", Noun: "Spark's role on the Bigtable instance"}, {Name: "bucket", Noun: "the bucket"},
		}
		here := onboarding.Off{API: "bigtableadmin.googleapis.com", Project: v.Run.Plan.Spec.Project}
		failed := func(name onboarding.TaskName, code onboarding.Code, message string, off ...onboarding.Off) onboarding.Task {
			return onboarding.Task{Name: name, Title: "Check it", State: onboarding.TaskFailed, Code: code, Message: message, Off: off}
		}
		v.Run.Tasks = []onboarding.Task{
			failed("bigtable", onboarding.CodeAPIDisabled, off, here), failed("spark", onboarding.CodeAPIDisabled, off, here), failed("bucket", onboarding.CodeStale, "gs://b is missing."),
		}
		if apis {
			v.Run.Tasks = append(v.Run.Tasks, failed("apis", onboarding.CodeStale, "projects/acme: bigtableadmin.googleapis.com, storage.googleapis.com differs: turn on bigtableadmin.googleapis.com.", here))
		}
		return v
	}
	for _, c := range []struct {
		apis bool
		want []string
	}{
		{false, []string{"gs://b is missing.", "bigtableadmin.googleapis.com is off. Not read because of that: the Bigtable instance; Spark's role on the Bigtable instance."}},
		{true, []string{"gs://b is missing.", "projects/acme: bigtableadmin.googleapis.com, storage.googleapis.com differs: turn on bigtableadmin.googleapis.com. Not read because of that: the Bigtable instance; Spark's role on the Bigtable instance."}},
	} {
		doc, _ := render(t, GalleryPage{"progress", Progress(view(c.apis))})
		callout := doc.Find("#run-callouts")
		if got := words(callout.Find("h2").First().Text()); got != "2 items differ from the record" {
			t.Errorf("the heading counts %q", got)
		}
		items := callout.Find("li")
		if items.Length() != len(c.want) {
			t.Errorf("%d findings: %s", items.Length(), words(items.Text()))
			continue
		}
		for i, want := range c.want {
			if got := words(items.Eq(i).Text()); got != want {
				t.Errorf("finding %d: %q, want %q", i, got, want)
			}
		}
	}
}

// A teardown that left something says what it removed and what stays, and not that every task is done.
func TestATeardownSaysWhatWasRemovedAndWhatStays(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	view := func(instance onboarding.PlannedTask, left string) ProgressView {
		v := s.progress(onboarding.RunSucceeded)
		v.Run.Kind = onboarding.RunTeardown
		instance.Name, instance.Noun, instance.Makes = "bigtable", "the Bigtable instance", "Bigtable instance"
		v.Run.Plan.Tasks = []onboarding.PlannedTask{
			instance, {Name: "bucket", Noun: "the bucket", Resource: "gs://acme", Makes: "bucket", Action: onboarding.ActionDelete, HoldsData: true}, {Name: "role", Noun: "Spark's role", Absent: true},
		}
		v.Run.Tasks = nil
		for _, p := range v.Run.Plan.Tasks {
			task := onboarding.Task{Name: p.Name, Title: p.Title, State: onboarding.TaskDone}
			if p.Name == "bigtable" {
				task.Left = left
			}
			v.Run.Tasks = append(v.Run.Tasks, task)
		}
		return v
	}
	for name, c := range map[string]struct {
		view          ProgressView
		said, heading string
	}{
		"all removed":        {view(onboarding.PlannedTask{Action: onboarding.ActionDelete}, ""), "2 items were removed, including the bucket gs://acme. 1 item was already gone.", "Everything we created was removed"},
		"kept by name":       {view(onboarding.PlannedTask{Kept: true, Stays: "It stays: you chose to keep it."}, ""), "1 item was removed: the bucket gs://acme. 1 item was already gone. 1 item stays: the Bigtable instance.", "Teardown finished. 1 item stays"},
		"data not confirmed": {view(onboarding.PlannedTask{Action: onboarding.ActionDelete, HoldsData: true}, "It may hold data."), "1 item was removed: the bucket gs://acme. 1 item was already gone. 1 item stays: the Bigtable instance.", "Teardown finished. 1 item stays"},
	} {
		doc, _ := render(t, GalleryPage{"progress", Progress(c.view)})
		if got := words(doc.Find("#run-status").Text()); got != c.said {
			t.Errorf("%s: %q, want %q", name, got, c.said)
		}
		if got := words(doc.Find("h1").Text()); got != c.heading {
			t.Errorf("%s: the heading says %q, want %q", name, got, c.heading)
		}
	}
}

// After a teardown, the receipt is one click away.
func TestATeardownEndsWithItsReceipt(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	v := s.progress(onboarding.RunSucceeded)
	receipt := `a[href="` + OnboardingPath(v.Onboarding.ID, "receipt") + `"]`
	for kind, want := range map[onboarding.RunKind]int{onboarding.RunTeardown: 1, onboarding.RunProvision: 0} {
		v.Run.Kind = kind
		doc, _ := render(t, GalleryPage{"progress", Progress(v)})
		if got := doc.Find("#run-callouts " + receipt).Length(); got != want {
			t.Errorf("%s: %d links to the receipt, want %d", kind, got, want)
		}
	}
}

// The plan of a teardown speaks of removing, and its panel leads to the confirmation, where it is approved.
func TestThePlanOfATeardownSpeaksOfRemoving(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	v := s.teardown()
	doc, _ := render(t, GalleryPage{"plan", PlanPage(v)})
	if got := words(doc.Find("#approve-heading").Text()); got != "Next step" {
		t.Errorf("the panel is titled %q", got)
	}
	v.Connection, v.ConnectURL, v.MayApprove, v.Plan.Tasks, v.Hash = Connection{}, "/o/ob_sample/connect", false, nil, ""
	doc, _ = render(t, GalleryPage{"plan", PlanPage(v)})
	if got := words(doc.Find("main").Text()); strings.Contains(got, "created or changed") || !strings.Contains(got, "to find what is still there of what we created.") {
		t.Errorf("before it is read: %s", got)
	}
}

// What a task said while it waited is no promise once the run is canceled.
func TestACanceledTaskPromisesNothing(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	v := s.progress(onboarding.RunCanceled)
	v.Run.Tasks[3].State, v.Run.Tasks[3].Message = onboarding.TaskCanceled, "A quota is used up. We'll wait and try again."
	doc, _ := render(t, GalleryPage{"progress", Progress(v)})
	if got := words(doc.Find("#run-tasks").Text()); !strings.Contains(got, "The last message before the run was canceled: A quota is used up.") {
		t.Errorf("a canceled run says: %s", got)
	}
}

// Someone's own second tab isn't another person.
func TestAStaleTabKnowsItsReader(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	v := s.stale()
	for own, want := range map[bool]string{true: "You saved it in another tab", false: "grace@customer.example saved it"} {
		v.Stale.Own = own
		doc, _ := render(t, GalleryPage{"step", StepPage(v)})
		if got := words(doc.Find("#stale").Text()); !strings.Contains(got, want) {
			t.Errorf("own %t: %s", own, got)
		}
	}
}

// A teardown deletes an empty bucket unless its owner keeps it, and no instance before its owner decides.
func TestWhatDecidingLaterMeans(t *testing.T) {
	t.Parallel()
	for resource, want := range map[string]struct{ hint, remark string }{
		"gs://acme": {"If it is empty, it is removed. If it holds data, it stays", "It is removed if it is empty. Otherwise it stays, unless you choose to delete it and its data."},
		"acme":      {"It stays and is billed, even if it is empty", "It stays, unless you choose to delete it and its data."},
	} {
		task := onboarding.PlannedTask{Resource: resource, Action: onboarding.ActionDelete, HoldsData: true}
		if got := dataChoices(task)[0].Hint; !strings.HasPrefix(got, want.hint) {
			t.Errorf("deciding later about %s: %q, want %q", resource, got, want.hint)
		}
		if got := task.Remark(); got != want.remark {
			t.Errorf("the plan says of %s: %q, want %q", resource, got, want.remark)
		}
	}
}

// The button of a teardown counts what goes in any case. What holds data goes only if that is chosen.
func TestTheButtonOfATeardownPromisesNoData(t *testing.T) {
	t.Parallel()
	role := onboarding.PlannedTask{Name: "role", Action: onboarding.ActionDelete}
	bucket := onboarding.PlannedTask{Name: "bucket", Action: onboarding.ActionDelete, HoldsData: true}
	for want, tasks := range map[string][]onboarding.PlannedTask{
		"Remove this item in acme-data":                                  {role},
		"Remove this item and the data you chose to delete in acme-data": {role, bucket},
		"Remove the data you chose to delete in acme-data":               {bucket},
	} {
		v := PlanView{Kind: onboarding.RunTeardown, Plan: onboarding.Plan{Spec: onboarding.Spec{Project: "acme-data"}, Tasks: tasks}}
		if got := v.approveWords(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
