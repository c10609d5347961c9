package web

import (
	"cmp"
	"strings"

	"groundwork/onboarding"
)

func (v BulkView) bulkFrame() Frame {
	f := v.Frame.titled(v.heading())
	f.Nav = "onboardings"
	return f
}

func (v BulkView) action() string { return withQuery("/admin/bulk", filterQuery(v.Filter)) }

func (v BulkView) whose(specialist string) string {
	if specialist == "" {
		return "unassigned"
	}
	return "assigned to " + person(specialist, v.Specialists)
}

// whom is who is told of beside an onboarding: whom a new link is for, else its owner.
func (r BulkRow) whom() string {
	return cmp.Or(r.To, onboarding.Addressee(r.Onboarding.Owner)).Words()
}

// standing is an onboarding's status and, where that is about to change, whose it is.
func (v BulkView) standing(o onboarding.Onboarding) string {
	_, status := standing(o, true, v.brand())
	if v.Act == onboarding.BulkAssign && !v.Done {
		status += ", " + v.whose(o.Specialist)
	}
	return status
}

func (v BulkView) heading() string {
	n := plural(len(v.Rows), "onboarding", "onboardings")
	switch {
	case len(v.Rows) == 0 && v.Done:
		return "Nothing was changed"
	case len(v.Rows) == 0:
		return "There is nothing to change"
	case v.Done:
		return v.Said()
	case v.Act == onboarding.BulkArchive:
		return "Archive " + n + "?"
	case v.Act == onboarding.BulkRestore:
		return "Restore " + n + "?"
	case v.Act == onboarding.BulkInvite:
		return "Make new links for " + n + "?"
	case v.Specialist == "":
		return "Unassign " + n + "?"
	default:
		return "Assign " + n + " to " + person(v.Specialist, v.Specialists) + "?"
	}
}

// Said is what was done, without a full stop.
func (v BulkView) Said() string {
	n := plural(len(v.Rows), "onboarding is", "onboardings are")
	switch v.Act {
	case onboarding.BulkArchive:
		return n + " archived"
	case onboarding.BulkRestore:
		return n + " restored"
	case onboarding.BulkInvite:
		return plural(len(v.Rows), "onboarding has a new link", "onboardings have new links")
	default:
		return n + " " + v.whose(v.Specialist)
	}
}

func (v BulkView) lead() string {
	switch {
	case len(v.Rows) == 0:
		return "None of the selected onboardings will change; the reasons are below."
	case v.Act == onboarding.BulkArchive && !v.Done:
		return "They disappear from the lists, their links stop working, and any access that we hold is revoked. Nothing in the customers' clouds changes. A deployment name stays reserved until its deployment is torn down, and becomes free if nothing was created with it."
	case v.Act == onboarding.BulkRestore && !v.Done:
		return "They come back to the lists with their answers. Their consents and secrets stay wiped, and links that were sent before stay withdrawn."
	case v.Act == onboarding.BulkInvite && !v.Done:
		return "The customers' earlier links stop working. You send the new ones yourself. They are shown only once, on the next page."
	case v.Act == onboarding.BulkInvite:
		return "Send each link yourself. Copy them now: they won't be shown again. Earlier links no longer work."
	default:
		return "Each change is recorded in that onboarding's history."
	}
}

func (v BulkView) rowsHeading() string {
	if v.Done {
		return "Done"
	}
	return "Selected"
}

func (v BulkView) leftHeading() string {
	if v.Done {
		return "Not changed"
	}
	return "Will not change"
}

func (v BulkView) button() string { return strings.TrimSuffix(v.heading(), "?") }
