package onboarding

import (
	"encoding/json"
	"strings"
)

// storedTask is a planned task as it is stored. Earlier versions know only the remark, under "diff", or the differences as
// texts; both are still written, because an earlier version may read them while both run during a deploy.
type storedTask struct {
	plannedTask
	Texts  []string `json:"differences,omitempty"`
	Deltas []Delta  `json:"deltas,omitempty"`
	Remark string   `json:"diff,omitempty"`
}

// plannedTask is a [PlannedTask] without its methods.
type plannedTask PlannedTask

// MarshalJSON writes the task with its remark in words.
func (t PlannedTask) MarshalJSON() ([]byte, error) {
	return json.Marshal(storedTask{plannedTask(t), texts(t.Differences), t.Differences, t.Remark()})
}

// UnmarshalJSON reads the task, also one that an earlier version stored.
func (t *PlannedTask) UnmarshalJSON(raw []byte) error {
	var stored storedTask
	if err := json.Unmarshal(raw, &stored); err != nil {
		return err
	}
	*t = PlannedTask(stored.plannedTask)
	t.Differences = withTexts(stored.Deltas, stored.Texts)
	if t.Remark() == "" {
		t.readEarlierRemark(stored.Remark)
	}
	return nil
}

// readEarlierRemark fills in what an earlier version stored only as a sentence.
func (t *PlannedTask) readEarlierRemark(remark string) {
	switch {
	case remark == "":
	case t.Action == ActionDelete:
		t.HoldsData = true
	case remark == "It is not there.":
		t.Absent = true
	case strings.HasPrefix(remark, "It "):
		t.Stays = remark
	default:
		t.Differences = withTexts(nil, strings.Split(remark, "; "))
	}
}
