package app

import (
	"context"
	"fmt"
	"slices"

	"groundwork/onboarding"
)

// maxBulk is how many onboardings one bulk act takes.
const maxBulk = 200

// Bulk is one action on several onboardings.
type Bulk struct {
	Act        onboarding.BulkAct
	IDs        []onboarding.ID
	Specialist string // for BulkAssign, as typed; "" nobody
	Confirmed  bool   // else it is only said what would be done
	// Stamps are the [BulkItem.Stamp] of the onboardings as they were when they were confirmed.
	Stamps map[onboarding.ID]string
}

// BulkItem is one of the selected onboardings.
type BulkItem struct {
	Onboarding onboarding.Onboarding
	Stamp      string               // changes with the onboarding
	To         onboarding.Addressee // BulkInvite: whom the new link is for
	Link       Link                 // BulkInvite: made for it
	Skipped    error                // why the act leaves it as it is; nil: it doesn't
}

// BulkResult says what was done, or would be.
type BulkResult struct {
	Specialist string // BulkAssign: their address, "" nobody
	Items      []BulkItem
	Skipped    []BulkItem
}

// Bulk does one act on several onboardings, each by its own use case, and says which it skips and why. An onboarding
// that changed since it was confirmed, or needs nothing, is skipped: a form that is sent twice does nothing twice.
// CodeInvalid: nothing was done; what to correct.
func (a *App) Bulk(ctx context.Context, actor onboarding.Actor, in Bulk) (BulkResult, error) {
	var out BulkResult
	switch {
	case !slices.Contains(onboarding.BulkActs, in.Act):
		return out, onboarding.Errorf(onboarding.CodeInvalid, "Choose what to do with the selected onboardings.")
	case len(in.IDs) == 0:
		return out, onboarding.Errorf(onboarding.CodeInvalid, "Nothing was selected. Select onboardings first, then choose what to do with them.")
	case len(in.IDs) > maxBulk:
		return out, onboarding.Errorf(onboarding.CodeInvalid, "Nothing was done: at most %d onboardings can be changed at once. Select fewer.", maxBulk)
	}
	if in.Act == onboarding.BulkAssign {
		var err error
		if out.Specialist, err = a.assignee(ctx, in.Specialist); onboarding.ErrorCode(err) == onboarding.CodeInvalid {
			return out, onboarding.Errorf(onboarding.CodeInvalid, "Nothing was assigned. %s.", message(err))
		} else if err != nil {
			return out, err
		}
		in.Specialist = out.Specialist
	}
	found, err := a.cfg.Store.OnboardingsOf(ctx, actor, in.IDs)
	if err != nil {
		return out, err
	}
	for _, ob := range found {
		if item := a.bulkOne(ctx, actor, in, ob); item.Skipped == nil {
			out.Items = append(out.Items, item)
		} else {
			out.Skipped = append(out.Skipped, item)
		}
	}
	return out, nil
}

// bulkOne does the act on one onboarding, once it is confirmed. A failure concerns only this one: the links of the others
// are shown now and never again.
func (a *App) bulkOne(ctx context.Context, actor onboarding.Actor, in Bulk, ob onboarding.Onboarding) BulkItem {
	item := BulkItem{Onboarding: ob}
	var invite onboarding.Invite
	if in.Act == onboarding.BulkInvite {
		invite, item.Skipped = a.customersInvite(ctx, actor, ob)
		item.To = invite.To
	}
	item.Stamp = fmt.Sprintf("%d.%d.%d", ob.Version, ob.ActivityAt.UnixMicro(), invite.ID)
	if item.Skipped == nil {
		item.Skipped = skip(in, ob)
	}
	if item.Skipped == nil && in.Confirmed {
		if item.Stamp != in.Stamps[ob.ID] {
			item.Skipped = onboarding.Errorf(onboarding.CodeStale, "It changed since you selected it. Open it first.")
			return item
		}
		switch in.Act {
		case onboarding.BulkAssign:
			item.Skipped = a.cfg.Store.Assign(ctx, actor, ob.ID, in.Specialist)
		case onboarding.BulkArchive:
			item.Skipped = a.Archive(ctx, actor, ob.ID)
		case onboarding.BulkRestore:
			item.Skipped = a.Restore(ctx, actor, ob.ID)
		case onboarding.BulkInvite:
			item.Link, item.Skipped = a.Reissue(ctx, actor, ob.ID, invite.ID)
		}
	}
	switch onboarding.ErrorCode(item.Skipped) {
	case "", onboarding.CodeConflict, onboarding.CodeStale:
	default:
		a.cfg.Log.WarnContext(ctx, "bulk act", "act", string(in.Act), "onboarding", string(ob.ID), "error", item.Skipped)
	}
	return item
}

// skip is why the act leaves an onboarding as it is; nil: it doesn't.
func skip(in Bulk, ob onboarding.Onboarding) error {
	switch {
	case in.Act == onboarding.BulkRestore && !ob.Archived:
		return onboarding.Errorf(onboarding.CodeConflict, "Not archived.")
	case in.Act == onboarding.BulkRestore && !ob.ForgottenAt.IsZero():
		return onboarding.Errorf(onboarding.CodeConflict, "Its people were erased, so it stays archived.")
	case in.Act == onboarding.BulkRestore:
		return nil
	case ob.Archived:
		return onboarding.Errorf(onboarding.CodeConflict, "Already archived.")
	case in.Act == onboarding.BulkAssign && ob.Specialist == in.Specialist && ob.Specialist == "":
		return onboarding.Errorf(onboarding.CodeConflict, "Already unassigned.")
	case in.Act == onboarding.BulkAssign && ob.Specialist == in.Specialist:
		return onboarding.Errorf(onboarding.CodeConflict, "Already assigned to them.")
	case in.Act == onboarding.BulkArchive && ob.Status == onboarding.StatusProvisioning:
		return onboarding.Errorf(onboarding.CodeConflict, "A run is in progress. Wait for it to finish, or cancel it.")
	}
	return nil
}

// customersInvite is the invite that a new link for the customer replaces, or why there is none to replace.
func (a *App) customersInvite(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding) (onboarding.Invite, error) {
	var invite onboarding.Invite
	if ob.Archived { // which says more than its invites
		return invite, nil
	}
	all, err := a.cfg.Store.StandingInvites(ctx, actor, ob.ID, onboarding.RoleCustomer)
	if err != nil {
		return invite, err
	}
	if len(all) > 0 {
		invite = all[0]
	}
	several := slices.ContainsFunc(all, func(i onboarding.Invite) bool { return i.To != invite.To })
	switch {
	case several:
		return invite, onboarding.Errorf(onboarding.CodeConflict, "More than one address is invited as the customer. Choose one on the onboarding's page.")
	case invite.ID == 0:
		return invite, onboarding.Errorf(onboarding.CodeConflict, "The customer has no invitation. Invite them on the onboarding's page.")
	case !invite.UsedAt.IsZero():
		return invite, onboarding.Errorf(onboarding.CodeConflict, "The customer has already joined.")
	}
	return invite, nil
}
