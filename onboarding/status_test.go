package onboarding

import (
	"slices"
	"testing"
)

func TestEachStatusIsInOneSet(t *testing.T) {
	all := slices.Concat(FormStatuses, RunStatuses, HandoverStatuses, FinishedStatuses)
	if !slices.Equal(all, Statuses) {
		t.Errorf("the sets have %v, and there are %v", all, Statuses)
	}
}

// Every combination of what a stage follows from.
func TestTheStageFollowsFromTheFacts(t *testing.T) {
	forms := []Waiting{{}, WaitForAcceptance, {On: PartySpecialist, For: "Add: Control plane service account"}, {On: PartyColleague, For: "Connect Google Cloud"}}
	tasks := []Task{{}, {Title: "Create bucket"}, {Title: "Create bucket", On: PartyOrganization, ActionText: "Allow the domain"}}
	kinds := []RunKind{RunProvision, RunVerify, RunTeardown}
	states := []RunState{"", RunQueued, RunRunning, RunBlocked, RunFailed, RunSucceeded, RunCanceled}
	look := Waiting{On: PartyCustomer, For: "Look at what failed, and try again"}
	failed := Waiting{On: PartyCustomer, For: "Failed: Create bucket"}
	asked := Waiting{On: PartyOrganization, For: "Allow the domain"}
	again := Waiting{On: PartyCustomer, For: "Start the run again, or change an answer"}
	// By state, then by task.
	ran := map[RunState][]Stage{
		RunQueued:    {{Status: StatusProvisioning}, {Status: StatusProvisioning}, {Status: StatusProvisioning}},
		RunRunning:   {{Status: StatusProvisioning}, {Status: StatusProvisioning}, {Status: StatusProvisioning}},
		RunBlocked:   {{StatusAttention, look}, {StatusAttention, failed}, {StatusAttention, asked}},
		RunFailed:    {{StatusAttention, look}, {StatusAttention, failed}, {StatusAttention, failed}},
		RunSucceeded: {{Status: StatusDone}, {Status: StatusDone}, {Status: StatusDone}},
		RunCanceled:  {{StatusWaitingCustomer, again}, {StatusWaitingCustomer, again}, {StatusWaitingCustomer, again}},
	}
	// By form, then by whether it is answered.
	filled := [][2]Status{{StatusInForm, StatusWaitingCustomer}, {StatusInForm, StatusWaitingCustomer}, {StatusWaitingVendor, StatusWaitingVendor}, {StatusInForm, StatusWaitingCustomer}}
	for i, form := range forms {
		for n, answered := range []bool{false, true} {
			want := Stage{filled[i][n], form}
			if got, ok := (Facts{Answered: answered, Form: form}).Stage(); got != want || !ok {
				t.Errorf("a form that waits on %q, answered %v: %+v %v, want %+v", form.On, answered, got, ok, want)
			}
			for _, kind := range kinds {
				for _, state := range states[1:] {
					for k, task := range tasks {
						want := ran[state][k]
						if kind == RunTeardown && state == RunSucceeded {
							want.Status = StatusTornDown
						}
						got, ok := Facts{Answered: answered, Form: form, Kind: kind, State: state, Task: task}.Stage()
						if kind == RunVerify && state == RunSucceeded {
							if !ok || got != (Stage{Status: StatusDone}) {
								t.Errorf("a verification that found no difference: %+v %v", got, ok)
							}
							continue
						}
						if kind == RunVerify {
							if ok {
								t.Errorf("a verification that is %s changes the status to %+v", state, got)
							}
							continue
						}
						if got != want || !ok {
							t.Errorf("a %s that is %s at %+v: %+v %v, want %+v", kind, state, task, got, ok, want)
						}
					}
				}
			}
		}
	}
}

func TestATeardownThatLeavesSomethingOfOursIsNotTornDown(t *testing.T) {
	for n, want := range map[int]string{1: "Remove the 1 thing that is left, or say that you keep it", 2: "Remove the 2 things that are left, or say that you keep them"} {
		got, ok := Facts{Kind: RunTeardown, State: RunSucceeded, Left: n}.Stage()
		if !ok || got != (Stage{StatusAttention, Waiting{On: PartyCustomer, For: want}}) {
			t.Errorf("%d things left: %+v %v", n, got, ok)
		}
	}
}

func TestDifferencesWaitOnTheCustomer(t *testing.T) {
	for n, want := range map[int]string{1: "Repair 1 thing that differs", 3: "Repair 3 things that differ"} {
		got, ok := Facts{Kind: RunVerify, State: RunFailed, Failed: n}.Stage()
		if !ok || got != (Stage{StatusDone, Waiting{On: PartyCustomer, For: want}}) {
			t.Errorf("%d differences: %+v %v", n, got, ok)
		}
	}
}

func TestAHandoverThatIsOpenIsTheStage(t *testing.T) {
	record, tokens := Delivery{Kind: DeliverRecord, State: DeliveryPending}, Delivery{Kind: DeliverSecrets, State: DeliveryPending, Purposes: []Purpose{PurposeDatabricksToken, PurposeRedisToken}}
	missing, unconfirmed, done := tokens, tokens, tokens
	missing.NeedsVendor, unconfirmed.State, done.State = "Set an age recipient in the settings", DeliveryUnconfirmed, DeliveryDone
	for name, c := range map[string]struct {
		open []Delivery
		want Stage
	}{
		"nothing":        {[]Delivery{done}, Stage{Status: StatusDone}},
		"the record":     {[]Delivery{record, done}, Stage{StatusHandingOver, Waiting{On: PartySpecialist, For: "Receive the record"}}},
		"the vendor":     {[]Delivery{record, missing}, Stage{StatusHandingOver, Waiting{On: PartySpecialist, For: "Set an age recipient in the settings"}}},
		"the customer":   {[]Delivery{record, unconfirmed}, Stage{StatusHandingOver, Waiting{On: PartyCustomer, For: "Enter the Databricks token and Redis token in the vendor's console and confirm"}}},
		"a later record": {[]Delivery{{Kind: DeliverRecord, State: DeliveryCanceled}, record}, Stage{StatusHandingOver, Waiting{On: PartySpecialist, For: "Receive the record"}}},
	} {
		if got, ok := (Facts{Kind: RunProvision, State: RunSucceeded, Handover: Handover(c.open)}).Stage(); got != c.want || !ok {
			t.Errorf("%s: %+v %v, want %+v", name, got, ok, c.want)
		}
	}
}
