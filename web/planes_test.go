package web

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"groundwork/onboarding"
)

func draw(t *testing.T, f Frame, p Planes) *goquery.Document {
	t.Helper()
	var b bytes.Buffer
	if err := planes(f, p, false).Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestPlanes holds that the list says whose each plane is, what is made in it and who may use it, as the plan has it.
func TestPlanes(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	plan := s.planned()
	list := func(p Planes) string {
		return strings.Join(strings.Fields(draw(t, Frame{Brand: "Northbeam"}, p).Find("ul.vh").Text()), " ")
	}
	t.Run("follow from the plan", func(t *testing.T) {
		got := list(Planes{Customer: "Acme Analytics", Plan: plan})
		for _, want := range []string{
			"Control plane, belongs to Northbeam. Its service account is " + plan.Spec.ControlPlaneAccount,
			"May use: Bucket, with its custom role",
			"Data plane, belongs to Acme Analytics. The project is acme-data-prod",
			"Bucket, planned : gs://tecton-acme-production-dataplane (the Spark service account has Storage Object Admin)",
			"Data source, access planned : acme-data-prod.sales (the Spark service account has BigQuery Data Viewer)",
			"May use: Bigtable instance, with Bigtable User",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("doesn't say %q:\n%s", want, got)
			}
		}
	})
	t.Run("leave out what isn't planned", func(t *testing.T) {
		less := plan
		less.Tasks = plan.Tasks[:6]
		if got := list(Planes{Plan: less}); strings.Contains(got, "May use") || strings.Contains(got, "Bigtable") {
			t.Errorf("names what the plan doesn't: %s", got)
		}
	})
	t.Run("light up with the run", func(t *testing.T) {
		v := s.progress(onboarding.RunRunning)
		doc := draw(t, v.Frame, v.planes())
		if got := list(v.planes()); !strings.Contains(got, "Bucket, created") || !strings.Contains(got, "Bigtable instance, not started") {
			t.Errorf("a run after its third task: %s", got)
		}
		if ok, all := doc.Find(".planes-wide .node.ok").Length(), doc.Find(".planes-wide .node:not(.account)").Length(); ok != 2 || all != 6 {
			t.Errorf("%d of %d parts are lit, want 2 of 6", ok, all)
		}
		if n := doc.Find(".planes-wide .line.ok").Length(); n != 0 {
			t.Errorf("%d accesses are lit before any was given", n)
		}
		done := s.progress(onboarding.RunSucceeded)
		if n := draw(t, done.Frame, done.planes()).Find(".planes-tall .line.ok").Length(); n != 2 {
			t.Errorf("%d accesses are lit at the end, want the control plane's and the serving plane's", n)
		}
	})
	t.Run("a sketch has no names", func(t *testing.T) {
		got := list(Planes{Plan: onboarding.Plan{Tasks: s.tasks()}, Sketch: true})
		if strings.Contains(got, "gs://") || !strings.Contains(got, "Bucket") {
			t.Errorf("before anything is answered: %s", got)
		}
	})
	t.Run("not of a teardown", func(t *testing.T) {
		v := s.progress(onboarding.RunRunning)
		v.Run.Kind = onboarding.RunTeardown
		if v.planes().drawn() {
			t.Error("a teardown draws what it makes")
		}
	})
}

// What the customer had before isn't planned: the plan only checks it, or gives access to it.
func TestTheFigureCallsNothingPlannedThatExists(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	list := func(p Planes) string { return words(draw(t, Frame{Brand: "Northbeam"}, p).Find("ul.vh").Text()) }
	queued := s.progress(onboarding.RunQueued)
	for name, c := range map[string]struct {
		planes Planes
		want   []string
	}{
		"a plan":                {Planes{Plan: s.planned()}, []string{"Databricks workspace, not checked yet", "Data source, access planned"}},
		"a run before its work": {queued.planes(), []string{"Databricks workspace, not checked yet", "Data source, access not given yet"}},
	} {
		for _, want := range c.want {
			if got := list(c.planes); !strings.Contains(got, want) {
				t.Errorf("%s: doesn't say %q: %s", name, want, got)
			}
		}
	}
	plan := s.planned()
	if got := (Planes{Plan: plan}).summary("Northbeam"); strings.Contains(got, "no account") {
		t.Errorf("there is an account: %q", got)
	}
	plan.Spec.Vendor.ServingAccount = ""
	if got, want := (Planes{Plan: plan}).summary("Northbeam"), "The serving plane has no service account yet, so this plan gives it no access."; !strings.Contains(got, want) {
		t.Errorf("doesn't say %q: %q", want, got)
	}
}

// A part that the run didn't look at isn't ready.
func TestTheFigureCountsOnlyWhatWasChecked(t *testing.T) {
	s := exampleSamples()
	v := s.done()
	for i, task := range v.Run.Tasks {
		if task.Name == taskDatabricks {
			v.Run.Tasks[i].Events = []onboarding.TaskEvent{{Kind: "untested", Text: "The token was wiped"}, {Kind: "done"}}
		}
	}
	if got, want := v.planes().summary("Northbeam"), "5 of 6 parts of the data plane are ready, and 1 was not checked."; !strings.HasSuffix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestDoneTasksAreOneLine holds that a finished task shows its title and its time, and folds the rest.
func TestDoneTasksAreOneLine(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	doc, _ := render(t, GalleryPage{"progress", Progress(s.progress(onboarding.RunRunning))})
	done := doc.Find(".task.ok")
	if done.Length() != 3 {
		t.Fatalf("%d done tasks", done.Length())
	}
	done.Each(func(_ int, task *goquery.Selection) {
		if n := task.Find(".task-body").Children().Length(); n != 2 || task.Find(".task-body > details:not([open])").Length() != 1 || task.Find("details .mono").Length() == 0 {
			t.Errorf("%q isn't one line with its details folded", task.Find("h3").Text())
		}
		if !strings.Contains(strings.Join(strings.Fields(task.Find(".task-state").Text()), " "), "Done · ") {
			t.Errorf("%q has no duration", task.Find("h3").Text())
		}
	})
	if doc.Find(".task.run .res").Length() != 1 {
		t.Error("the task in progress folds what it works on")
	}
}

// TestTheTabSaysHowFarTheRunIs holds it for the page, and for the live message that the page's script reads.
func TestTheTabSaysHowFarTheRunIs(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	for state, want := range map[onboarding.RunState][2]string{
		onboarding.RunRunning:   {"3 of 12 – Setting up your Google Cloud – Tecton", "mark-run.svg"},
		onboarding.RunFailed:    {"Stopped – Setup stopped – Tecton", "mark-err.svg"},
		onboarding.RunSucceeded: {"Done – Everything is set up – Tecton", "mark-ok.svg"},
	} {
		doc, _ := render(t, GalleryPage{"progress", Progress(s.progress(state))})
		live := doc.Find("[data-tab]")
		if got := doc.Find("title").Text(); got != want[0] || live.AttrOr("data-tab", "") != got {
			t.Errorf("%s: the tab says %q, and live %q", state, got, live.AttrOr("data-tab", ""))
		}
		if got := doc.Find("link[rel=icon]").AttrOr("href", ""); got != Asset(want[1]) || live.AttrOr("data-icon", "") != got {
			t.Errorf("%s: the icon is %q", state, got)
		}
	}
}
