package onboarding

import (
	"maps"
	"testing"
)

func TestWhatHoldsDataIsDecidedItemByItem(t *testing.T) {
	plan := Plan{Tasks: []PlannedTask{
		{Name: "bucket", Key: "bucket b", Action: ActionDelete, HoldsData: true},
		{Name: "instance", Key: "instance i", Action: ActionDelete, HoldsData: true},
		{Name: "table", Key: "table t", Action: ActionDelete, HoldsData: true},
		{Name: "act-as", Key: "act-as a", Action: ActionDelete},
		{Name: "apis", Key: "apis p", Action: ActionNone, Stays: "They stay on."},
	}}
	shown := plan.Hash()
	decided, err := plan.DecideData(map[string]Decision{"bucket b": DecisionKeep, "instance i": DecisionRemove, "table t": DecisionLater})
	if err != nil {
		t.Fatal(err)
	}
	if line := decided.Tasks[0]; line.Action != ActionNone || !line.Kept || line.HoldsData || line.Erase || line.Remark() != "It stays: you chose to keep it." {
		t.Errorf("the kept line: %+v", line)
	}
	if line := decided.Tasks[1]; line.Action != ActionDelete || !line.Erase || line.Remark() != "It is deleted with its data, as you decided." {
		t.Errorf("the deleted line: %+v", line)
	}
	if line := decided.Tasks[2]; line.Action != ActionDelete || line.Erase || line.Remark() != plan.Tasks[2].Remark() {
		t.Errorf("the line that is decided later: %+v", line)
	}
	if erased := decided.Erased(); len(erased) != 1 || erased[0].Name != "instance" {
		t.Errorf("erased: %+v", erased)
	}
	if decided.Hash() == shown || plan.Hash() != shown {
		t.Error("the decisions aren't pinned, or the plan that was shown changed")
	}
	for _, key := range []string{"", "bucket other", "act-as a", "apis p"} {
		if _, err := plan.DecideData(map[string]Decision{key: DecisionRemove}); ErrorCode(err) != CodePlanChanged {
			t.Errorf("deciding about %q: %v", key, err)
		}
	}
	if _, err := plan.DecideData(map[string]Decision{"bucket b": "yes"}); ErrorCode(err) != CodeInvalid {
		t.Errorf("an unknown decision: %v", err)
	}
}

// A teardown that is resumed reads its plan again: what was decided about an item holds, also where another is gone by then.
func TestAPlanThatIsReadAgainKeepsWhatWasDecidedAboutData(t *testing.T) {
	plan := Plan{Tasks: []PlannedTask{
		{Name: "bucket", Key: "bucket b", Action: ActionDelete, HoldsData: true},
		{Name: "instance", Key: "instance i", Action: ActionDelete, HoldsData: true},
		{Name: "table", Key: "table t", Action: ActionDelete, HoldsData: true},
	}}
	decided, err := plan.DecideData(map[string]Decision{"bucket b": DecisionKeep, "instance i": DecisionRemove, "table t": DecisionRemove})
	if err != nil {
		t.Fatal(err)
	}
	plan.Tasks[2] = PlannedTask{Name: "table", Key: "table t", Action: ActionNone, Absent: true}
	again := plan.DecideDataAs(decided)
	got := map[TaskName]string{}
	for _, line := range again.Tasks {
		got[line.Name] = line.Remark()
	}
	if want := map[TaskName]string{"bucket": "It stays: you chose to keep it.", "instance": "It is deleted with its data, as you decided.", "table": "It is not there."}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(again.Erased()) != 1 || again.Tasks[2].Erase || plan.Tasks[0].Kept {
		t.Errorf("%+v", again.Tasks)
	}
	// A run of an earlier version deletes all data that isn't kept, so its fresh plan asks about none.
	plan.Tasks[0].HoldsData = false
	if again = plan.DecideDataAs(decided); !again.Tasks[0].Kept {
		t.Errorf("what was kept would be deleted: %+v", again.Tasks[0])
	}
}
