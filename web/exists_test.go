package web

import (
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
)

func exampleSamples() samples {
	return samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
}

// What earlier runs created for other answers counts apart, so that the number isn't short of what the page lists.
func TestWhatExistsIncludesWhatEarlierRunsLeft(t *testing.T) {
	for want, m := range map[string]onboarding.Made{
		"14 of 14 resources exist.":                                                               {Kind: onboarding.RunProvision, State: onboarding.RunSucceeded, There: 14, Of: 14},
		"14 of 14 resources of this plan exist, and 2 from earlier plans.":                        {Kind: onboarding.RunProvision, State: onboarding.RunSucceeded, There: 14, Of: 14, Earlier: 2},
		"1 of 2 resources of this plan exists, and 1 from an earlier plan; the run was canceled.": {Kind: onboarding.RunProvision, State: onboarding.RunCanceled, There: 1, Of: 2, Earlier: 1},
	} {
		if got := existing(m); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What exists is neither planned nor will be created.
func TestTheOutlineSaysWhatExists(t *testing.T) {
	s := exampleSamples()
	plan := s.planned()
	for i, line := range plan.Tasks {
		if line.Name == "bucket" || line.Name == "spark-bucket" {
			plan.Tasks[i].Action = onboarding.ActionNone
		}
	}
	doc := draw(t, Frame{Brand: "Northbeam"}, Planes{Plan: plan})
	list := words(doc.Find("ul.vh").Text())
	if !strings.Contains(list, "Bucket, in place") || !strings.Contains(list, "Bigtable instance, planned") {
		t.Errorf("the figure says %s", list)
	}
	if got := doc.Find("figcaption").Text(); !strings.HasSuffix(got, "1 of 4 parts that the plan sets up in the data plane exists already.") {
		t.Errorf("the caption says %q", got)
	}
	if n := doc.Find(".planes-tall .node.ok").Length(); n != 1 {
		t.Errorf("%d parts are lit, want the bucket", n)
	}
	rows := map[string]string{}
	for _, r := range OutlineRows(plan.Tasks) {
		rows[r.Label] = r.Value
	}
	if got, want := rows["Exists already"], "1 bucket, 1 binding"; got != want {
		t.Errorf("exists: %q, want %q", got, want)
	}
	if got := rows["Will be created"]; strings.Contains(got, "bucket") {
		t.Errorf("will be created: %q", got)
	}
	if got := rows["Rough cost"]; !strings.HasSuffix(got, ". These are United States list prices. Other regions may differ.") {
		t.Errorf("the prices aren't labeled: %q", got)
	}
}

// A workspace whose token was wiped wasn't asked.
func TestWhatARunDidNotLookAtIsNotCalledChecked(t *testing.T) {
	s := exampleSamples()
	v := s.done()
	said := func() (figure, line string) {
		doc, _ := render(t, GalleryPage{"done", Done(v)})
		for _, item := range doc.Find(".plan-task").EachIter() {
			if strings.Contains(item.Text(), "Check the Databricks workspace") {
				line = words(item.Find(".badge").Text())
			}
		}
		return words(doc.Find("ul.vh").Text()), line
	}
	if figure, line := said(); !strings.Contains(figure, "Databricks workspace, checked") || line != "Checked" {
		t.Errorf("asked: %q, %q", figure, line)
	}
	for i, task := range v.Run.Tasks {
		if task.Name == taskDatabricks {
			v.Run.Tasks[i].Events = []onboarding.TaskEvent{{Kind: "untested", Text: "The token was wiped"}, {Kind: "done"}}
		}
	}
	if figure, line := said(); !strings.Contains(figure, "Databricks workspace, not checked") || line != "Not checked" {
		t.Errorf("not asked: %q, %q", figure, line)
	}
}

// The figure counts only what is there.
func TestTheFigureLeavesOutWhatWasRemoved(t *testing.T) {
	s := exampleSamples()
	v := s.done()
	removal := onboarding.PlannedTask{Name: "remove/bucket", Makes: "bucket", Title: "Remove the bucket", Resource: "gs://earlier", Unwanted: true, Action: onboarding.ActionDelete, Key: "k"}
	v.Run.Plan.Tasks = append(v.Run.Plan.Tasks, removal)
	for _, tt := range []struct {
		task onboarding.Task
		want string
	}{
		{onboarding.Task{Name: removal.Name, State: onboarding.TaskDone}, "6 of 6 parts of the data plane are ready."},
		{onboarding.Task{Name: removal.Name, State: onboarding.TaskDone, Left: "It holds data."}, "7 of 7 parts of the data plane are ready."},
		{onboarding.Task{Name: removal.Name, State: onboarding.TaskRunning}, "6 of 7 parts of the data plane are ready."},
	} {
		w := v
		w.Run.Tasks = append(w.Run.Tasks[:len(w.Run.Tasks):len(w.Run.Tasks)], tt.task)
		if got := w.planes().summary("Northbeam"); !strings.HasSuffix(got, tt.want) {
			t.Errorf("%+v: %q, want %q", tt.task, got, tt.want)
		}
	}
}

// The list for screen readers names roles in words.
func TestTheFigureNamesRolesInWords(t *testing.T) {
	s := exampleSamples()
	for _, p := range []Planes{{Plan: s.planned()}, s.invite(InviteOpen, false).Planes} {
		doc := draw(t, Frame{Brand: "Northbeam"}, p)
		doc.Find("bdi").Remove() // what is identified is a resource or an account
		if list := words(doc.Find("ul.vh").Text()); strings.Contains(list, "roles/") || strings.Contains(list, "tecton_") {
			t.Errorf("the list has identifiers of roles: %s", list)
		}
	}
}
