package handlers

import (
	"cmp"
	"context"
	"net/http"
	"path"
	"slices"
	"unicode/utf8"

	"groundwork/onboarding"
	"groundwork/web"
)

// actTabs are the tabs on which acts are offered and their effects are seen; those of all others are on the overview.
var actTabs = map[string]web.DetailTab{
	"vendor": web.DetailValues, "assign": web.DetailPeople, "invite": web.DetailPeople, "mail": web.DetailPeople, "remind": web.DetailPeople, "remove": web.DetailPeople, "retry": web.DetailRun,
}

// placeOf is the tab, and the list that it was opened from.
func placeOf(v *visit, tab web.DetailTab) web.DetailPlace {
	q := v.URL.Query()
	at := q.Get("at")
	if !utf8.ValidString(at) {
		at = ""
	}
	return web.DetailPlace{Tab: tab, Filter: web.ParseFilter(q), At: at}
}

// placeOfAct is where an act leads.
func placeOfAct(v *visit) web.DetailPlace { return placeOf(v, actTabs[path.Base(v.URL.Path)]) }

// detailHead is what every tab shows of an onboarding, and the latest runs.
func (s *Server) detailHead(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, place web.DetailPlace) (web.AdminDetailView, error) {
	view := web.AdminDetailView{Onboarding: ob, Place: place, DrawnAt: s.Now()}
	view.Nav = "onboardings" // also on what the live stream draws: it speaks to specialists
	settings, err := s.App.Settings(ctx)
	if err != nil {
		return view, err
	}
	view.Brand, view.Target, view.MailOn = settings.Brand(), settings.Span(onboarding.SettingWaitingTarget), settings.Sender() != ""
	view.MayRemind = s.App.MayRemind(ctx, actor, ob)
	if view.Runs, err = s.App.Runs(ctx, actor, ob.ID, ""); err != nil {
		return view, err
	}
	if len(view.Runs.Items) > 0 {
		latest := view.Runs.Items[0]
		view.Latest = &latest
		view.MayRetry = latest.State == onboarding.RunBlocked || latest.State == onboarding.RunFailed && latest.Kind != onboarding.RunVerify
		if !latest.State.Ended() && web.LiveTab(string(place.Tab)) != "" {
			view.EventsURL = place.EventsURL(ob.ID)
		}
	}
	return view, nil
}

// detailView is a tab of an onboarding as its specialist sees it. It reads what the tab shows and nothing else.
func (s *Server) detailView(v *visit, place web.DetailPlace) (web.AdminDetailView, error) {
	ctx := v.Context()
	j, err := s.App.Journey(ctx, v.actor, v.id)
	if err != nil {
		return web.AdminDetailView{}, err
	}
	ob := j.Onboarding
	view, err := s.detailHead(ctx, v.actor, ob, place)
	if err != nil {
		return view, err
	}
	view.Frame = s.adminFrame(v, ob.Customer, "onboardings")
	view.Path, view.Steps = place.URL(v.id), j.StepsAt(j.Case, "")
	at := place.Filter
	at.Cursor = place.At
	if view.Neighbors, err = s.App.Neighbors(ctx, v.actor, ob, at); err != nil {
		return view, err
	}
	switch place.Tab {
	case web.DetailRun:
		return view, s.detailRun(v, &view)
	case web.DetailAnswers:
		view.Sections = j.Sections(j.Case)
	case web.DetailValues:
		settings, err := s.App.Settings(ctx)
		if err != nil {
			return view, err
		}
		view.Form = web.AdminForm{Vendor: ob.Entered, Settings: settings.Vendor().Defaults(), WipedAPIKey: slices.Contains(ob.Wiped, onboarding.PurposeVendorAPIKey)}
	case web.DetailPeople:
		return view, s.detailPeople(v, &view)
	case web.DetailHistory:
		view.Showing = web.TimelineShown(v.URL.Query())
		view.Timeline, err = s.App.Timeline(ctx, v.actor, v.id, view.Showing, linesAt(v))
	default:
		view.Waiting = j.Waiting(j.Case)
		return view, s.detailOverview(v, &view)
	}
	return view, err
}

func (s *Server) detailRun(v *visit, view *web.AdminDetailView) error {
	if view.Latest == nil {
		return nil
	}
	run, err := s.progressView(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	run.EventsURL = view.EventsURL
	view.Run = &run
	return nil
}

func (s *Server) detailPeople(v *visit, view *web.AdminDetailView) error {
	var err error
	ctx := v.Context()
	view.Form.Specialist = view.Onboarding.Specialist
	if view.Specialists, err = s.App.Assignees(ctx, v.actor); err != nil {
		return err
	}
	if view.Invites, err = s.App.Invites(ctx, v.actor, v.id, linesAt(v)); err != nil {
		return err
	}
	if view.PresentCustomer, err = s.App.Customer(ctx, v.actor, v.id); err != nil {
		return err
	}
	if view.Colleagues, err = s.App.Colleagues(ctx, v.actor, v.id); err != nil {
		return err
	}
	readers, err := s.App.Readers(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	view.Readers = len(readers)
	view.Mails, err = s.App.Mails(ctx, v.actor, v.id)
	return err
}

func (s *Server) detailOverview(v *visit, view *web.AdminDetailView) error {
	var err error
	ctx, ob := v.Context(), view.Onboarding
	view.MayArchive = !ob.Archived
	if view.Copy, err = s.copyView(v, ob); err != nil {
		return err
	}
	view.MayForget = v.actor.Role == onboarding.RoleAdministrator && ob.Archived && ob.ForgottenAt.IsZero()
	if view.Latest != nil && !view.Latest.State.Active() {
		if view.Made, err = s.App.Made(ctx, v.actor, v.id); err != nil {
			return err
		}
	}
	if view.Decisions, err = s.App.Decisions(ctx, v.actor, v.id); err != nil {
		return err
	}
	if view.LeftForGoogle, err = s.App.LeftForGoogle(ctx, v.actor, v.id); err != nil {
		return err
	}
	if view.Timeline, err = s.App.Timeline(ctx, v.actor, v.id, "", onboarding.LinesAt{Limit: web.LatestLines}); err != nil {
		return err
	}
	if view.Notes, err = s.App.Timeline(ctx, v.actor, v.id, onboarding.TimelineNotes, onboarding.LinesAt{Limit: web.LatestNotes}); err != nil {
		return err
	}
	if view.Recorded, err = s.recorded(v, view.Runs); err != nil || view.Recorded == "" {
		return err
	}
	view.Handover, err = s.handoverView(v)
	return err
}

// recorded is the latest run that left a record, "" if none did. Most often it is among the latest runs.
func (s *Server) recorded(v *visit, latest onboarding.RunPage) (onboarding.RunID, error) {
	for _, r := range latest.Items {
		if r.Kind == onboarding.RunProvision && r.State == onboarding.RunSucceeded {
			return r.ID, nil
		}
	}
	if latest.Next == "" {
		return "", nil
	}
	run, err := s.App.SucceededRun(v.Context(), v.actor, v.id)
	if onboarding.ErrorCode(err) == onboarding.CodeNotFound {
		return "", nil
	}
	return run.ID, err
}

// adminDetail shows a tab.
func adminDetail(tab web.DetailTab) func(*Server, http.ResponseWriter, *visit) error {
	return func(s *Server, w http.ResponseWriter, v *visit) error {
		view, err := s.detailView(v, placeOf(v, tab))
		if err != nil {
			return err
		}
		if err := s.retype(v, &view); err != nil {
			return err
		}
		if tab == web.DetailPeople {
			if link, ok := s.popLink(v); ok {
				view.Link = link
			}
		}
		return s.draw(w, v.Request, http.StatusOK, web.AdminDetail(view))
	}
}

// retype fills in what was typed on the tab before its specialist was signed out.
func (s *Server) retype(v *visit, view *web.AdminDetailView) error {
	var acts []string
	for _, act := range []string{"note", "vendor", "invite", "copy"} {
		if cmp.Or(actTabs[act], web.DetailOverview) == cmp.Or(view.Place.Tab, web.DetailOverview) {
			acts = append(acts, web.AdminPath(v.id)+"/"+act)
		}
	}
	k := s.typedAt(v, acts...)
	if k == nil {
		return nil
	}
	switch path.Base(k.Path) {
	case "note":
		view.Note = k.Form.Get(web.FieldNote)
	case "copy":
		view.Copy.Reason = k.Form.Get(web.FieldReason)
	case "invite":
		view.InviteEmail = k.Form.Get(web.FieldEmail)
	case "vendor":
		form, _, err := s.vendorForm(v, k.Form)
		if err != nil {
			return err
		}
		view.Form.Vendor, view.Form.Problems = form.Vendor, form.Problems
	}
	return nil
}

// correct draws the act's tab again with what was typed and what to correct.
func (s *Server) correct(w http.ResponseWriter, v *visit, change func(*web.AdminDetailView)) error {
	view, err := s.detailView(v, placeOfAct(v))
	if err != nil {
		return err
	}
	view.Error = true
	change(&view)
	return s.draw(w, v.Request, http.StatusUnprocessableEntity, web.AdminDetail(view))
}

func (s *Server) toDetail(w http.ResponseWriter, v *visit, said string) error {
	s.say(v.Context(), said)
	return s.backToDetail(w, v)
}

// backToDetail leads to the act's tab, and keeps the list that it was opened from.
func (s *Server) backToDetail(w http.ResponseWriter, v *visit) error {
	return seeOther(w, v.Request, placeOfAct(v).URL(v.id))
}
