package handlers

import (
	"net/http"
	"strings"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/web"
)

// adminBulk does one act on the onboardings that were selected in the list. First it says which they are, and which it
// skips and why; confirmed, it does the act.
func (s *Server) adminBulk(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	list := web.ParseFilter(v.URL.Query())
	back := func(said string) error {
		s.say(ctx, said)
		return seeOther(w, v.Request, web.ListURL(list))
	}
	in := app.Bulk{
		Act: onboarding.BulkAct(v.form.Get(web.FieldAct)), Specialist: v.form.Get(web.FieldSpecialist),
		Confirmed: v.form.Get("confirm") == "yes", Stamps: map[onboarding.ID]string{},
	}
	for _, row := range v.form[web.FieldRow] {
		id, stamp, _ := strings.Cut(row, " ")
		if _, known := in.Stamps[onboarding.ID(id)]; !known {
			in.IDs = append(in.IDs, onboarding.ID(id))
		}
		in.Stamps[onboarding.ID(id)] = stamp
	}
	result, err := s.App.Bulk(ctx, v.actor, in)
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeInvalid:
		return back(sentence(err))
	case err != nil:
		return err
	}
	logs := map[onboarding.BulkAct]onboarding.SecurityKind{onboarding.BulkArchive: onboarding.SecurityArchived, onboarding.BulkRestore: onboarding.SecurityRestored}
	if kind, ok := logs[in.Act]; ok && in.Confirmed {
		for _, item := range result.Items {
			s.event(v, kind, item.Onboarding.ID)
		}
	}
	view := web.BulkView{
		Frame: s.adminFrame(v, "Onboardings", "onboardings"), Filter: list, Act: in.Act, Specialist: result.Specialist, Done: in.Confirmed,
		Rows: s.bulkRows(result.Items), Left: s.bulkRows(result.Skipped),
	}
	if view.Specialists, err = s.App.Assignees(ctx, v.actor); err != nil {
		return err
	}
	if view.Done && len(view.Left) == 0 && view.Act != onboarding.BulkInvite {
		return back(view.Said() + ".")
	}
	return s.draw(w, v.Request, http.StatusOK, web.AdminBulk(view))
}

func (s *Server) bulkRows(items []app.BulkItem) []web.BulkRow {
	var out []web.BulkRow
	for _, item := range items {
		row := web.BulkRow{Onboarding: item.Onboarding, Stamp: item.Stamp, To: item.To}
		if item.Skipped != nil {
			row.Why = sentence(item.Skipped)
		}
		if item.Link.Token != "" {
			row.Link = s.inviteLink(item.Link)
		}
		out = append(out, row)
	}
	return out
}
