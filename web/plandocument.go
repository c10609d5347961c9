package web

import (
	"slices"

	"groundwork/onboarding"
)

// documentTitle names the deployment, so that a saved file is found again.
func (v PlanView) documentTitle() string {
	return "Plan for " + orText(v.Plan.Spec.Deployment, v.brand()+" in Google Cloud")
}

func (v PlanView) documentFrame() Frame {
	f := v.Frame.titled(v.documentTitle())
	f.Error = f.Error || !v.hasPlan()
	return f
}

// hasPlan reports whether there is a plan to show.
func (v PlanView) hasPlan() bool { return len(v.Plan.Tasks) > 0 }

// documentGroups are all the plan's groups, for whoever reads the document.
func (v PlanView) documentGroups() []planGroup {
	groups := v.allGroups()
	for i := range groups {
		groups[i].Title = impersonal(groups[i].Title)
	}
	return groups
}

// impersonal is a sentence to the customer for whoever reads the document.
func impersonal(text string) string {
	return spoken.ReplaceAllStringFunc(text, func(s string) string { return voice[s] })
}

// documentAction is a line's action for whoever reads the document.
func documentAction(t onboarding.PlannedTask) string {
	switch {
	case t.Action == onboarding.ActionGuide:
		return "Done by a person"
	case t.Unwanted && t.Decision() == onboarding.DecisionKeep:
		return "Keep"
	}
	words := actionWord(t.Action)
	if remark := t.Remark(); remark != "" {
		words += ": " + impersonal(remark)
	}
	return words
}

// documentResource is a line's resource, "" where its bindings name it anyway.
func documentResource(t onboarding.PlannedTask) string {
	if slices.ContainsFunc(t.Bindings, func(b onboarding.Binding) bool { return b.On == t.Resource || b.Role == t.Resource }) {
		return ""
	}
	return t.Resource
}

// endCommands remove a line's bindings, and nothing else.
func (v PlanView) endCommands(t onboarding.PlannedTask) (commands []string) {
	if v.undo(t) == "" {
		return nil
	}
	for _, b := range t.Bindings {
		if command := v.planes().endCommand(b); command != "" {
			commands = append(commands, command)
		}
	}
	return commands
}

// undo is how a line is undone: what was there before stays.
func (v PlanView) undo(t onboarding.PlannedTask) string {
	switch {
	case t.Unwanted, t.Undo == "":
		return ""
	case t.Undo != onboarding.UndoRemoves && t.Undo != onboarding.UndoRemovesData:
	case t.Action != onboarding.ActionCreate && !t.Item(v.Items).Ours():
		return "It was there before, so a teardown leaves it."
	}
	return impersonal(t.Undo)
}

// runPermissions are the names of the permissions that the run uses, each once.
func (v PlanView) runPermissions() []string {
	var out []string
	for _, t := range v.Plan.Tasks {
		for _, p := range t.Permissions {
			out = append(out, p.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// shareForm makes a link to the document.
func (v PlanView) shareForm() ColleagueForm {
	f := v.Share
	f.Submit = "Create a link for them"
	if f.MailOn {
		f.Submit = "Send the plan"
	}
	return f
}
