package web

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"groundwork/onboarding"
	"groundwork/wizard"
)

func runTone(s onboarding.RunState) tone {
	switch s {
	case onboarding.RunRunning:
		return "run"
	case onboarding.RunBlocked:
		return "warn"
	case onboarding.RunFailed:
		return "err"
	case onboarding.RunSucceeded:
		return "ok"
	default:
		return ""
	}
}

func runWord(s onboarding.RunState) string {
	switch s {
	case onboarding.RunQueued:
		return "Starting"
	case onboarding.RunRunning:
		return "Running"
	case onboarding.RunBlocked:
		return "Needs you"
	case onboarding.RunFailed:
		return "Stopped"
	case onboarding.RunCanceled:
		return "Canceled"
	case onboarding.RunSucceeded:
		return "Done"
	default:
		return "Not started"
	}
}

// kindWord is what a run of that kind is called in a heading; see [onboarding.Run.PlanKind].
func kindWord(k onboarding.RunKind) string {
	switch k {
	case onboarding.RunVerify:
		return "Verification"
	case onboarding.CheckOnly:
		return "Check"
	case onboarding.RunTeardown:
		return "Teardown"
	default:
		return "Provisioning"
	}
}

func taskTone(s onboarding.TaskState) tone {
	switch s {
	case onboarding.TaskRunning, onboarding.TaskWaiting:
		return "run"
	case onboarding.TaskBlocked:
		return "warn"
	case onboarding.TaskFailed:
		return "err"
	case onboarding.TaskDone:
		return "ok"
	default:
		return "idle"
	}
}

func taskIcon(s onboarding.TaskState) string {
	switch s {
	case onboarding.TaskRunning:
		return "loader-circle"
	case onboarding.TaskWaiting:
		return "hourglass"
	case onboarding.TaskBlocked:
		return "hand"
	case onboarding.TaskFailed:
		return "x"
	case onboarding.TaskDone:
		return "check"
	case onboarding.TaskCanceled:
		return "ban"
	default:
		return "clock"
	}
}

func (v ProgressView) taskWord(t onboarding.Task) string {
	switch t.State {
	case onboarding.TaskRunning:
		return "Running"
	case onboarding.TaskWaiting:
		return "Waiting for Google"
	case onboarding.TaskBlocked:
		if v.Run.Replaced {
			return "Blocked"
		}
		switch t.On {
		case onboarding.PartyNobody, onboarding.PartyCustomer:
			if v.Staff || v.viewing() {
				return "Waiting for the customer"
			}
			return "Waiting for you"
		case onboarding.PartyOrganization:
			return "Waiting for an administrator"
		case onboarding.PartySpecialist:
			return "Waiting for " + v.brand()
		case onboarding.PartyColleague:
			return "Waiting for a colleague"
		default:
			return "Waiting"
		}
	case onboarding.TaskFailed:
		if v.compares() && t.Code == onboarding.CodeAPIDisabled {
			return "Not read"
		}
		if v.compares() {
			return "Differs"
		}
		return "Failed"
	case onboarding.TaskDone:
		if v.Run.Kind == onboarding.RunTeardown {
			return v.removedWord(t)
		}
		return "Done"
	case onboarding.TaskCanceled:
		return "Canceled"
	default:
		return "Not started"
	}
}

// taskTime is how long a task took, or "" while it runs or never ran.
func taskTime(t onboarding.Task) string {
	if t.StartedAt.IsZero() || t.FinishedAt.IsZero() {
		return ""
	}
	return span(t.FinishedAt.Sub(t.StartedAt))
}

func (v ProgressView) done() int {
	n := 0
	for _, t := range v.Run.Tasks {
		if t.State == onboarding.TaskDone {
			n++
		}
	}
	return n
}

// sentence is what the live region says: one short sentence a change.
func (v ProgressView) sentence() string {
	done, of := v.done(), len(v.Run.Tasks)
	switch v.Run.State {
	case onboarding.RunQueued:
		return "Starting."
	case onboarding.RunSucceeded:
		if v.Run.Kind == onboarding.RunTeardown {
			return v.tornDownWords()
		}
		return fmt.Sprintf("All %s are done.", plural(of, "task", "tasks"))
	case onboarding.RunFailed:
		for _, t := range v.Run.Tasks {
			if t.State == onboarding.TaskFailed {
				return "Stopped. Failed: " + t.Title + "."
			}
		}
		return "Stopped."
	case onboarding.RunCanceled:
		return "Canceled."
	case onboarding.RunBlocked:
		for _, t := range v.Run.Tasks {
			if t.State == onboarding.TaskBlocked {
				return "Paused: " + orText(t.ActionText, t.Title) + "."
			}
		}
		return "Paused."
	default:
		return fmt.Sprintf("%d of %s done.", done, plural(of, "task", "tasks"))
	}
}

func (v ProgressView) heading() string {
	what := v.say("your Google Cloud")
	if v.Run.Kind == onboarding.RunTeardown {
		switch v.Run.State {
		case onboarding.RunSucceeded:
			if len(v.Left) > 0 {
				return "Not everything was removed"
			}
			if v.keptOurs() {
				return "Teardown finished. " + plural(v.staying(), "item stays", "items stay")
			}
			return "Everything we created was removed"
		case onboarding.RunBlocked:
			return "Teardown is paused"
		case onboarding.RunFailed:
			return "Teardown stopped"
		case onboarding.RunCanceled:
			return "Teardown was canceled"
		default:
			return "Removing what we created"
		}
	}
	if v.Run.Plan.ReadOnly {
		return v.checkHeading()
	}
	if v.Run.Kind == onboarding.RunVerify {
		switch v.Run.State {
		case onboarding.RunSucceeded:
			return "Everything matches the plan"
		case onboarding.RunBlocked:
			return "Verification is paused"
		case onboarding.RunFailed:
			return "Something differs"
		case onboarding.RunCanceled:
			return "Verification was canceled"
		default:
			return "Verifying " + what
		}
	}
	switch v.Run.State {
	case onboarding.RunSucceeded:
		return "Everything is set up"
	case onboarding.RunBlocked:
		return "Setup is paused"
	case onboarding.RunFailed:
		return "Setup stopped"
	case onboarding.RunCanceled:
		return "Setup was canceled"
	default:
		return "Setting up " + what
	}
}

func (v ProgressView) lead() string {
	switch {
	case v.Run.Replaced && (v.Run.State == onboarding.RunBlocked || v.Run.State == onboarding.RunFailed):
		return "This run stopped here, and a later run was started. Its log is kept."
	case v.Run.Plan.ReadOnly && v.Run.State == onboarding.RunFailed:
		return "Everything was read, and nothing was changed. Nothing is handed over until it matches the plan."
	case v.Run.Plan.ReadOnly && v.Run.State == onboarding.RunCanceled:
		return "Nothing was changed."
	case v.Run.Kind == onboarding.RunVerify && v.Run.State == onboarding.RunFailed:
		return "Everything was read back, and nothing was changed. Our access has ended."
	case v.Run.Kind == onboarding.RunVerify && v.Run.State == onboarding.RunCanceled:
		return "The remaining checks won’t run."
	case v.Run.Kind == onboarding.RunVerify && v.Run.State == onboarding.RunSucceeded:
		return "Everything was read back and compared. Our access has ended."
	case v.Run.Kind == onboarding.RunTeardown && v.Run.State == onboarding.RunSucceeded && len(v.Left) > 0:
		return "Some of what we created is still in your project. Our access has ended."
	case v.Run.Kind == onboarding.RunTeardown && v.Run.State == onboarding.RunSucceeded:
		return "We removed only what we created. Our access has ended."
	case v.Run.Kind == onboarding.RunTeardown && v.Run.State == onboarding.RunCanceled:
		return "No further changes will be made. What was removed so far is gone; the rest stays."
	case v.Run.Kind == onboarding.RunTeardown && v.Run.State == onboarding.RunFailed:
		return "What was removed so far is gone. A retry resumes from the task that failed."
	}
	switch v.Run.State {
	case onboarding.RunQueued, onboarding.RunRunning:
		return strings.TrimSpace(v.expect() + " You can close this page. The work continues, and this address always shows its progress.")
	case onboarding.RunBlocked:
		return "Nothing is lost. Tasks that don't depend on this one continued. The rest resume from here."
	case onboarding.RunFailed:
		return "What was created so far is kept. A retry resumes from the task that failed."
	case onboarding.RunCanceled:
		return "No further changes will be made. What was created so far is kept."
	default:
		if len(untested(v.Run)) > 0 {
			return "The result was read back. What couldn’t be tested is listed below."
		}
		return "The result was read back and verified."
	}
}

// untested lists what a run couldn't test, and why, and what a person's word stands for. What the verification says of
// every run is on the record.
func untested(run onboarding.Run) []string {
	var out []string
	for _, t := range run.Tasks {
		for _, e := range t.Events {
			if (e.Kind == "untested" || e.Kind == "attested") && t.Name != "verify" && !slices.Contains(out, e.Text) {
				out = append(out, e.Text)
			}
		}
	}
	return out
}

// of returns the tasks in a state.
func (v ProgressView) tasks(s onboarding.TaskState) []onboarding.Task {
	var out []onboarding.Task
	for _, t := range v.Run.Tasks {
		if t.State == s {
			out = append(out, t)
		}
	}
	return out
}

// elapsed is how long the run took, or "" while it goes or never started.
func (v ProgressView) elapsed() string {
	if v.Run.StartedAt.IsZero() || v.Run.FinishedAt.IsZero() {
		return ""
	}
	took := span(v.Run.FinishedAt.Sub(v.Run.StartedAt))
	if v.Run.State == onboarding.RunBlocked {
		return "paused after " + took
	}
	return "took " + took
}

func (v ProgressView) live() bool { return v.EventsURL != "" && !v.Run.State.Ended() }

// tabTitle says in the browser's tab how far the run is.
func (v ProgressView) tabTitle() string {
	if v.Run.State.Active() {
		return fmt.Sprintf("%d of %d – %s", v.done(), len(v.Run.Tasks), v.heading())
	}
	return v.stateWord() + " – " + v.heading()
}

func (v ProgressView) progressFrame() Frame {
	f := v.Frame
	f.Title, f.State = v.tabTitle(), runTone(v.Run.State)
	if v.Run.State.Active() && f.Refresh == 0 {
		f.Refresh = 5
	}
	if v.live() {
		f.Live = OnEvents
	}
	return f
}

// needsCustomer reports whether a blocked task waits on the customer, rather than on an administrator or the vendor.
func (v ProgressView) needsCustomer() bool {
	return slices.ContainsFunc(v.tasks(onboarding.TaskBlocked), func(t onboarding.Task) bool { return orParty(t.On) == onboarding.PartyCustomer })
}

func (v ProgressView) stateWord() string {
	if v.Run.State == onboarding.RunBlocked && (v.Staff || !v.needsCustomer()) {
		return "Paused"
	}
	return v.pastWord(v.Run)
}

func (v ProgressView) retryPath() string {
	if v.Staff {
		return AdminPath(v.Onboarding.ID, "retry")
	}
	return OnboardingPath(v.Onboarding.ID, "retry")
}

// kept says what stays of a run that stopped.
func (v ProgressView) kept() string {
	switch {
	case v.compares():
		return "Nothing was changed."
	case v.Made.Kind != "":
		return existing(v.Made)
	case v.Run.Kind == onboarding.RunTeardown:
		return fmt.Sprintf("%d of %d tasks finished. Nothing else was changed.", v.done(), len(v.Run.Tasks))
	}
	switch n := v.done(); n {
	case 0:
		return "No task finished."
	case 1:
		return fmt.Sprintf("1 of %d tasks finished. Nothing else was changed.", len(v.Run.Tasks))
	default:
		return fmt.Sprintf("%d of %d tasks finished. Nothing else was changed.", n, len(v.Run.Tasks))
	}
}

// orParty is the customer where nobody is named: a blocked task always waits on someone.
func orParty(p onboarding.Party) onboarding.Party {
	if p == onboarding.PartyNobody {
		return onboarding.PartyCustomer
	}
	return p
}

// handover is what people read of what was handed over.
func (v DoneView) handover() []wizard.Row {
	var rows []wizard.Row
	for _, f := range v.Facts {
		if f.Label != "" {
			rows = append(rows, wizard.Row{Label: f.Label, Value: f.Words()})
		}
	}
	return rows
}

// recordDoubt says why the record may not be what the run wrote; "" where it is.
func (v DoneView) recordDoubt() string {
	switch v.Run.RecordDoubt {
	case onboarding.RecordUncovered:
		return "The record was written by an earlier version of this service, so nothing shows whether it was changed in the database since. It can be downloaded, but it isn’t sent."
	case onboarding.RecordChanged:
		return "The record was changed in the database after the run wrote it, so it can’t be downloaded, and it isn’t sent."
	}
	return ""
}

// recordSent reports whether the run's record is, or was, on its way to an address of the vendor's.
func (v DoneView) recordSent() bool {
	return slices.ContainsFunc(v.Handover.of(v.Run.ID), func(d onboarding.Delivery) bool { return d.Kind == onboarding.DeliverRecord })
}

// handoverHeading is the heading over what the vendor gets. It is handed over once an address of the vendor's took it.
func (v DoneView) handoverHeading() string {
	if slices.ContainsFunc(v.Handover.of(v.Run.ID), func(d onboarding.Delivery) bool {
		return d.Kind == onboarding.DeliverRecord && d.State == onboarding.DeliveryDone
	}) {
		return "Handed over"
	}
	return "Ready to hand over"
}

// changeHeading is the heading over what can still be done: who may not remove anything isn't told of an end.
func (v DoneView) changeHeading() string {
	if v.TeardownURL == "" {
		return "Verify or change it"
	}
	return "Change it or end it"
}

// blocker is what a run waits for: the first of the tasks that wait for it, and the titles of all.
type blocker struct {
	onboarding.Task
	Titles []string
}

// blockers are the blocked tasks, those that wait for the same thing as one.
func (v ProgressView) blockers() []blocker {
	var out []blocker
next:
	for _, t := range v.tasks(onboarding.TaskBlocked) {
		for i, b := range out {
			if b.Code == t.Code && b.On == t.On && b.ActionText == t.ActionText && b.Message == t.Message {
				out[i].Titles = append(out[i].Titles, t.Title)
				continue next
			}
		}
		out = append(out, blocker{t, []string{t.Title}})
	}
	return out
}

func taskWords(titles []string) string {
	if len(titles) == 1 {
		return "Task: " + titles[0] + "."
	}
	return fmt.Sprintf("%d tasks: %s.", len(titles), strings.Join(titles, "; "))
}

// interrupted reports whether the n-th line of a task's log was written by another worker than the line before,
// which had not come to an end.
func interrupted(events []onboarding.TaskEvent, n int) bool {
	if n == 0 || events[n].Epoch == events[n-1].Epoch || events[n].Kind == "resumed" {
		return false
	}
	switch events[n-1].Kind {
	case "blocked", "failed", "done", "resumed":
		return false
	}
	return true
}

// endWord names the time at which a run came to rest.
func (v ProgressView) endWord() string {
	switch v.Run.State {
	case onboarding.RunBlocked:
		return "Paused"
	case onboarding.RunFailed:
		return "Stopped"
	case onboarding.RunCanceled:
		return "Canceled"
	default:
		return "Finished"
	}
}

// linkParts cuts a sentence into its web addresses, as links, and the words between them. An answer that it quotes may hold
// any address: only those of Google, Databricks, and Redis become links.
func linkParts(s string) []Link {
	var out []Link
	words := ""
	for {
		i := strings.Index(s, "https://")
		if i < 0 {
			break
		}
		end := i + strings.IndexAny(s[i:]+" ", " \t\n\"'<>)")
		address := strings.TrimRight(s[i:end], ".,;:")
		words += s[:i]
		s = s[i+len(address):]
		if !knownHost(address) {
			words += address
			continue
		}
		if words != "" {
			out = append(out, Link{Text: words})
			words = ""
		}
		out = append(out, Link{Text: address, URL: address})
	}
	if words += s; words != "" {
		out = append(out, Link{Text: words})
	}
	return out
}

func knownHost(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return false
	}
	return slices.ContainsFunc([]string{"google.com", "databricks.com", "redislabs.com"}, func(domain string) bool {
		return u.Host == domain || strings.HasSuffix(u.Host, "."+domain)
	})
}

// leastTook is the shortest usual time that is worth a line.
const leastTook = 15 * time.Second

// expect says how long such a run takes, as far as earlier ones show.
func (v ProgressView) expect() string {
	if usual := v.Took[""].Usual(); usual > 0 {
		return "This usually takes up to " + about(usual) + "."
	}
	return ""
}

// working reports whether a task works, or waits for Google.
func working(t onboarding.Task) bool {
	return t.State == onboarding.TaskRunning || t.State == onboarding.TaskWaiting
}

// longer reports whether something that began then has taken longer than usual. Short times vary too much to say so.
func (v ProgressView) longer(took onboarding.Took, began time.Time) bool {
	return !began.IsZero() && took.Usual() >= leastTook && took.Longer(v.DrawnAt.Sub(began))
}

// slow are the tasks that take longer than usual.
func (v ProgressView) slow() []onboarding.Task {
	var out []onboarding.Task
	for _, t := range v.Run.Tasks {
		if working(t) && v.longer(v.Took[t.Name.Step()], v.Run.Began(t)) {
			out = append(out, t)
		}
	}
	return out
}

// slowRun reports whether the run as a whole takes longer than usual. One that was resumed counts the pause, so nothing is
// said of it.
func (v ProgressView) slowRun() bool {
	return v.Run.Epoch <= 1 && v.longer(v.Took[""], v.Run.StartedAt)
}

// messageOf is what a task says. What it said before the run was canceled isn't a promise anymore.
func (v ProgressView) messageOf(t onboarding.Task) string {
	if t.State == onboarding.TaskCanceled {
		return "The last message before the run was canceled: " + t.Message
	}
	return sentenceCase(t.Message)
}

// pace says how long a task that works takes usually, or is estimated to take while that isn't known.
func (v ProgressView) pace(t onboarding.Task) string {
	took, began := v.Took[t.Name.Step()], v.Run.Began(t)
	switch {
	case !working(t) || !v.Run.State.Active():
		return ""
	case took.Usual() >= leastTook:
		return "Usually takes up to " + about(took.Usual()) + "."
	case took.Usual() == 0 && took.Estimate > 0 && !began.IsZero() && v.DrawnAt.Sub(began) > took.Estimate:
		return "We estimated up to " + about(took.Estimate) + ", and it is taking longer."
	case took.Usual() == 0 && took.Estimate > 0:
		return "We estimate up to " + about(took.Estimate) + "."
	}
	return ""
}
