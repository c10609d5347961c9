package web

import (
	"time"

	"groundwork/onboarding"
)

// runs is a page of the list with a run of each kind and end.
func (s samples) runs() onboarding.RunPage {
	line := func(ago time.Duration, kind onboarding.RunKind, state onboarding.RunState, done int, stopped string) onboarding.RunSummary {
		return onboarding.RunSummary{
			Run:  onboarding.Run{ID: "run_sample5n8c2v6b1j4t9z3", Kind: kind, State: state, StartedBy: "ada@customer.example", CreatedAt: s.now.Add(-ago), Replaced: ago > time.Hour},
			Done: done, Tasks: 12, Stopped: stopped,
		}
	}
	const day = 24 * time.Hour
	return onboarding.RunPage{Items: []onboarding.RunSummary{
		line(time.Minute, onboarding.RunTeardown, onboarding.RunRunning, 3, ""),
		line(2*day, onboarding.RunVerify, onboarding.RunFailed, 9, "Bucket"),
		line(20*day, onboarding.RunProvision, onboarding.RunSucceeded, 12, ""),
		line(21*day, onboarding.RunProvision, onboarding.RunBlocked, 11, "Peer the Redis network"),
		line(22*day, onboarding.RunProvision, onboarding.RunFailed, 4, "Read access to a dataset"),
	}, Next: "run_sample5n8c2v6b1j4t9z3"}
}

// past is a failed run after which another was started.
func (s samples) past() ProgressView {
	v := s.progress(onboarding.RunFailed)
	v.Run.Replaced, v.Past, v.MayAct, v.EventsURL = true, true, false, ""
	return v
}

// archivedLast archives the last of the onboardings.
func (s samples) archivedLast(list []onboarding.Onboarding) []onboarding.Onboarding {
	list[len(list)-1].Archived = true
	return list
}

// taskLog is a page between others of the log of a task that was tried often.
func (s samples) taskLog() TaskLogView {
	v := s.taskLogEmpty()
	v.Log = onboarding.Lines[onboarding.TaskEvent]{Older: "3", Newer: "53"}
	for i := range 4 {
		at := s.now.Add(-time.Duration(i) * time.Minute)
		v.Log.Items = append(v.Log.Items,
			onboarding.TaskEvent{At: at, Kind: "failed", Text: "429 rateLimitExceeded, four times"},
			onboarding.TaskEvent{At: at.Add(-time.Second), Kind: "intent", Text: "Add serviceAccount to roles/storage.objectAdmin"})
	}
	return v
}

func (s samples) taskLogEmpty() TaskLogView {
	run := s.progress(onboarding.RunFailed).Run
	return TaskLogView{Frame: s.customer(), Onboarding: s.onboarding(), Run: run, Task: run.Tasks[0]}
}
