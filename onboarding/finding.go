package onboarding

import "slices"

// Finding is one thing that a run that compares found.
type Finding struct {
	Task   Task   // that failed
	Unread []Task // those that couldn't be read because an API is off; Task is the first of them where nothing else says so
}

// Findings are what failed in a run that compares, each thing once. An API that is off keeps several tasks from reading:
// they are one finding for each project that it is off in, together with the task that found the API off, if one did.
func Findings(tasks []Task) []Finding {
	var out []Finding
	for _, t := range tasks {
		if t.State == TaskFailed && t.Code != CodeAPIDisabled {
			out = append(out, Finding{Task: t})
		}
	}
	for _, t := range tasks {
		if t.State != TaskFailed || t.Code != CodeAPIDisabled {
			continue
		}
		i := slices.IndexFunc(out, func(f Finding) bool { return f.explains(t) })
		if i < 0 {
			i, out = len(out), append(out, Finding{Task: t})
		}
		out[i].Unread = append(out[i].Unread, t)
	}
	return out
}

// explains reports whether a task couldn't be read because of what was found. A row of an earlier version has only its message.
func (f Finding) explains(t Task) bool {
	if len(t.Off) == 0 {
		return f.Task.Message == t.Message
	}
	return slices.ContainsFunc(t.Off, func(o Off) bool { return slices.Contains(f.Task.Off, o) })
}
