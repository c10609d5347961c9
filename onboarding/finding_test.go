package onboarding

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An API that is off in two projects is two things to fix. One that keeps several tasks from reading is one.
func TestAnAPIThatIsOffIsOneFindingForEachProject(t *testing.T) {
	const bigquery, bigtable = "bigquery.googleapis.com", "bigtableadmin.googleapis.com"
	unread := func(name TaskName, api, project string) Task {
		return Task{Name: name, State: TaskFailed, Code: CodeAPIDisabled, Message: api + " is off.", Off: []Off{{api, project}}}
	}
	tasks := []Task{
		unread("read-dataset/raw.sales", bigquery, "raw"), unread("read-dataset/raw.returns", bigquery, "raw"), unread("read-dataset/old.sales", bigquery, "old"),
		unread("read-project", bigquery, "acme"), unread("bigtable", bigtable, "acme"),
		{Name: "bucket", State: TaskFailed, Code: CodeStale, Message: "gs://b is missing."},
		{Name: "role", State: TaskDone},
		{Name: "earlier", State: TaskFailed, Code: CodeAPIDisabled, Message: "It is off."},
		{Name: "earlier-too", State: TaskFailed, Code: CodeAPIDisabled, Message: "It is off."},
	}
	found := func(tasks []Task) []string {
		var out []string
		for _, f := range Findings(tasks) {
			var names []TaskName
			for _, u := range f.Unread {
				names = append(names, u.Name)
			}
			out = append(out, fmt.Sprint(f.Task.Name, names))
		}
		return out
	}
	want := []string{
		"bucket[]", "read-dataset/raw.sales[read-dataset/raw.sales read-dataset/raw.returns]", "read-dataset/old.sales[read-dataset/old.sales]",
		"read-project[read-project]", "bigtable[bigtable]", "earlier[earlier earlier-too]",
	}
	if d := cmp.Diff(want, found(tasks)); d != "" {
		t.Errorf("without the line of the APIs (-want +got): %s", d)
	}
	tasks = append(tasks, Task{Name: "apis", State: TaskFailed, Code: CodeStale, Message: "They differ.", Off: []Off{{bigtable, "acme"}, {bigquery, "acme"}}})
	want = []string{
		"bucket[]", "apis[read-project bigtable]", "read-dataset/raw.sales[read-dataset/raw.sales read-dataset/raw.returns]", "read-dataset/old.sales[read-dataset/old.sales]",
		"earlier[earlier earlier-too]",
	}
	if d := cmp.Diff(want, found(tasks)); d != "" {
		t.Errorf("with the line of the APIs (-want +got): %s", d)
	}
}
