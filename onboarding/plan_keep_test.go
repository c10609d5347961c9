package onboarding

import "testing"

func TestKeepingIsByNameAndOnlyForWhatHoldsData(t *testing.T) {
	plan := Plan{Tasks: []PlannedTask{
		{Name: "bucket", Key: "bucket b", Action: ActionDelete, HoldsData: true},
		{Name: "act-as", Key: "act-as a", Action: ActionDelete},
		{Name: "apis", Key: "apis p", Action: ActionNone, Stays: "They stay on."},
	}}
	kept, err := plan.Keep([]string{"bucket b"})
	if err != nil {
		t.Fatal(err)
	}
	if line := kept.Tasks[0]; line.Action != ActionNone || !line.Kept || line.HoldsData || line.Remark() != "It stays: you chose to keep it." {
		t.Errorf("the kept line: %+v", line)
	}
	if got := kept.Kept(); len(got) != 1 || got[0] != "bucket b" {
		t.Errorf("kept: %v", got)
	}
	if kept.Hash() == plan.Hash() || plan.Tasks[0].Kept {
		t.Error("the decision isn't pinned, or the plan that was shown changed")
	}
	for _, key := range []string{"", "bucket other", "act-as a", "apis p"} {
		if _, err := plan.Keep([]string{key}); ErrorCode(err) != CodePlanChanged {
			t.Errorf("keeping %q: %v", key, err)
		}
	}
}
