package handlers

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/web"
	"groundwork/wizard"
)

// maxBulk is how many onboardings one bulk act takes.
const maxBulk = 200

// adminBulk does one act on the onboardings that were ticked in the list: first it says which, and which it leaves and
// why; confirmed, it does each by the use case of its own page. What changed in between, or is so already, is left: a
// form that is sent twice does nothing twice.
func (s *Server) adminBulk(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	list := web.ParseFilter(v.URL.Query())
	back := func(said string) error {
		s.say(ctx, said)
		return seeOther(w, v.Request, web.ListURL(list))
	}
	view := web.BulkView{Frame: s.adminFrame(v, "Onboardings", "onboardings"), Filter: list, Act: web.BulkAct(v.form.Get(web.FieldAct))}
	if !slices.Contains(web.BulkActs, view.Act) {
		return back("Choose what to do with the selected onboardings.")
	}
	var ids []onboarding.ID
	stamps := map[onboarding.ID]string{}
	for _, row := range v.form[web.FieldRow] {
		id, stamp, _ := strings.Cut(row, " ")
		if _, known := stamps[onboarding.ID(id)]; !known {
			ids = append(ids, onboarding.ID(id))
		}
		stamps[onboarding.ID(id)] = stamp
	}
	switch {
	case len(ids) == 0:
		return back("Nothing was selected. Tick the onboardings first, then choose what to do with them.")
	case len(ids) > maxBulk:
		return back(fmt.Sprintf("Nothing was done: at most %d onboardings are changed at once. Select fewer.", maxBulk))
	}
	if view.Act == web.BulkAssign {
		to, problem, err := s.assignee(ctx, v.form.Get(web.FieldSpecialist))
		if err != nil {
			return err
		}
		if problem != "" {
			return back("Nothing was assigned. " + problem + ".")
		}
		view.Specialist = to
	}
	var err error
	if view.Specialists, err = s.people(ctx, v.actor); err != nil {
		return err
	}
	found, err := s.Store.OnboardingsOf(ctx, v.actor, ids)
	if err != nil {
		return err
	}
	view.Done = v.form.Get("confirm") == "yes"
	for _, o := range found {
		row, invite, err := s.bulkRow(ctx, v.actor, view, o)
		if err == nil && row.Why == "" && view.Done {
			row, err = s.bulkDo(v, view, row, invite, stamps[o.ID])
		}
		if err != nil { // of one alone: the others' links are shown here and nowhere else
			s.Logger.WarnContext(ctx, "bulk act", "act", string(view.Act), "onboarding", string(o.ID), "error", err)
			row.Why = sentence(err)
		}
		if row.Why == "" {
			view.Rows = append(view.Rows, row)
		} else {
			view.Left = append(view.Left, row)
		}
	}
	if view.Done && len(view.Left) == 0 && view.Act != web.BulkInvite {
		return back(view.Said() + ".")
	}
	return s.draw(w, v.Request, http.StatusOK, web.AdminBulk(view))
}

// bulkRow says why the act leaves an onboarding alone, and by its stamp what it was when that was said. The invite is
// the one that a new link replaces.
func (s *Server) bulkRow(ctx context.Context, actor onboarding.Actor, view web.BulkView, o onboarding.Onboarding) (web.BulkRow, onboarding.Invite, error) {
	row := web.BulkRow{Onboarding: o}
	var invite onboarding.Invite
	switch {
	case o.Archived:
		row.Why = "It is archived already."
	case view.Act == web.BulkAssign && o.Specialist == view.Specialist:
		row.Why = "It is so already."
	case view.Act == web.BulkArchive && o.Status == onboarding.StatusProvisioning:
		row.Why = "A run is going on. Cancel it, or wait until it ends."
	case view.Act == web.BulkInvite:
		invites, err := s.Store.Invites(ctx, actor, o.ID)
		if err != nil {
			return row, invite, err
		}
		several := false
		for _, i := range invites {
			if i.Role != onboarding.RoleCustomer || !i.RevokedAt.IsZero() {
				continue
			}
			several = several || invite.ID != 0 && i.To != invite.To
			invite = i
		}
		row.To = invite.To
		switch {
		case several:
			row.Why = "More than one address is invited as its customer. Do it on its page."
		case invite.ID == 0:
			row.Why = "No invitation of its customer is left. Invite them on its page."
		case !invite.UsedAt.IsZero():
			row.Why = "Its customer has joined already."
		}
	}
	row.Stamp = fmt.Sprintf("%d.%d.%d", o.Version, o.ActivityAt.UnixMicro(), invite.ID)
	return row, invite, nil
}

// bulkDo does the act on one onboarding, unless it is not what was confirmed any more.
func (s *Server) bulkDo(v *visit, view web.BulkView, row web.BulkRow, invite onboarding.Invite, stamp string) (web.BulkRow, error) {
	ctx, id := v.Context(), row.Onboarding.ID
	if row.Stamp != stamp {
		row.Why = "It changed since you selected it. Look at it first."
		return row, nil
	}
	var err error
	switch view.Act {
	case web.BulkAssign:
		err = s.Store.Assign(ctx, v.actor, id, view.Specialist)
	case web.BulkArchive:
		err = s.archive(ctx, v.actor, id)
	case web.BulkInvite:
		var token string
		if token, invite, err = s.Store.ReissueInvite(ctx, v.actor, id, invite.ID, s.InviteTTL); err == nil {
			row.Link = web.InviteLink{URL: s.BaseURL + "/i/" + token, To: invite.To, Expires: invite.ExpiresAt, Role: invite.Role}
		}
	}
	return row, err
}

// assignee is who an onboarding is given to, "" nobody; or the problem with what was typed.
func (s *Server) assignee(ctx context.Context, typed string) (email, problem string, err error) {
	to := strings.ToLower(strings.TrimSpace(typed))
	if to == "" {
		return "", "", nil
	}
	if email, problem = wizard.Email(to); problem != "" {
		return "", problem, nil
	}
	role, err := s.staffRole(ctx, email)
	if err == nil && !role.Staff() {
		problem = "Choose one of the specialists"
	}
	return email, problem, err
}

// archive ends the access first: the archive wipes the token, and then Google can't be told any more. Beside a run it
// is refused.
func (s *Server) archive(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	if run, err := s.Store.LatestRun(ctx, actor, id); err != nil || !run.State.Active() {
		if err := s.Provisioner.Revoke(ctx, actor, id); err != nil {
			return err
		}
	}
	return s.Store.Archive(ctx, actor, id)
}
