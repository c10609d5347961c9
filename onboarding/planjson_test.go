package onboarding

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A plan that an earlier version pinned says what it said, now as fields. Its run waits for another approval.
func TestAnEarlierPlanReadsTheSame(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/earlier-plan.json")
	if err != nil {
		t.Fatal(err)
	}
	var plan Plan
	if err := json.Unmarshal(raw, &plan); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	var back Plan
	if err := json.Unmarshal(again, &back); err != nil {
		t.Fatal(err)
	}
	for _, p := range []Plan{plan, back} {
		if got := p.Tasks[0].Differences; !slices.Equal(texts(got), []string{"turn on iam.googleapis.com", "turn on storage.googleapis.com"}) {
			t.Errorf("differences %q", got)
		}
		if !p.Tasks[2].HoldsData || p.Tasks[2].Stays != "" {
			t.Errorf("a bucket that is deleted with its data: %+v", p.Tasks[2])
		}
		if !strings.Contains(p.Tasks[3].Stays, "not made by this onboarding") || !p.Tasks[4].Absent || p.Tasks[4].Stays != "" {
			t.Errorf("what stays: %+v; what is absent: %+v", p.Tasks[3], p.Tasks[4])
		}
		if x := p.Tasks[5]; x.HoldsData || x.Absent || x.Remark() != "" {
			t.Errorf("a deletion without a remark: %+v", x)
		}
	}
	// An earlier version that runs at the same time reads the remark.
	var stored struct {
		Tasks []struct{ Diff string }
	}
	if err := json.Unmarshal(again, &stored); err != nil {
		t.Fatal(err)
	}
	for i, task := range stored.Tasks {
		if task.Diff != plan.Tasks[i].Remark() {
			t.Errorf("task %d is stored with the remark %q, want %q", i, task.Diff, plan.Tasks[i].Remark())
		}
	}
}

// A difference that holds the separator of the sentence stays one difference.
func TestADifferenceIsDataAndNotASentence(t *testing.T) {
	t.Parallel()
	one := PlannedTask{Name: "role", Action: ActionChange, Differences: []Delta{Differs("title", "set the title to a; b", "a; b")}}
	raw, err := json.Marshal(one)
	if err != nil {
		t.Fatal(err)
	}
	var back PlannedTask
	if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(back.Differences, one.Differences) {
		t.Errorf("%q became %q (%v)", one.Differences, back.Differences, err)
	}
	// An earlier version that runs at the same time reads and writes the texts alone.
	var earlier struct {
		Differences []string `json:"differences"`
	}
	if err := json.Unmarshal(raw, &earlier); err != nil || !slices.Equal(earlier.Differences, []string{"set the title to a; b"}) {
		t.Errorf("an earlier version reads %q (%v)", earlier.Differences, err)
	}
	var uncoded PlannedTask
	err = json.Unmarshal([]byte(`{"name":"role","action":"change","differences":["set the title to a; b"]}`), &uncoded)
	if err != nil || len(uncoded.Differences) != 1 || !uncoded.Differences[0].Same(one.Differences[0]) {
		t.Errorf("an earlier version's difference is read as %+v (%v)", uncoded.Differences, err)
	}
}
