package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/web"
)

// connectURL is the page that explains which access is asked for, and leads to next afterward.
func connectURL(id onboarding.ID, next string) string {
	to := web.OnboardingPath(id, "connect")
	if next != "" {
		to += "?" + url.Values{"next": {next}}.Encode()
	}
	return to
}

// connectStart is the way to Google's consent page, for someone who saw what is asked.
func connectStart(id onboarding.ID, next, account, asked string) string {
	q := url.Values{"asked": {asked}}
	if next != "" {
		q.Set("next", next)
	}
	if account != "" {
		q.Set("account", account)
	}
	return web.OnboardingPath(id, "connect", "start") + "?" + q.Encode()
}

// connectNext keeps only a page of the same onboarding.
func connectNext(id onboarding.ID, next string) string {
	if next = localPath(next); strings.HasPrefix(next, web.OnboardingPath(id)+"/") {
		return next
	}
	return ""
}

// kindAt is the kind of run whose plan is at that address.
func kindAt(id onboarding.ID, next string) onboarding.RunKind {
	if next == progressPath(id, true) {
		return onboarding.CheckOnly
	}
	for _, kind := range []onboarding.RunKind{onboarding.RunTeardown, onboarding.RunVerify, onboarding.CheckOnly} {
		if next == planPath(id, kind) {
			return kind
		}
	}
	return onboarding.RunProvision
}

// progressPath is the page of the latest run. For a run that only reads it says so, for [kindAt].
func progressPath(id onboarding.ID, readOnly bool) string {
	to := web.OnboardingPath(id, "progress")
	if readOnly {
		to += "?kind=" + string(onboarding.CheckOnly)
	}
	return to
}

// connectView is the page that explains which access is asked for.
func (s *Server) connectView(v *visit, next string) (web.ConnectView, app.ConsentRequest, error) {
	r, err := s.App.RequestConsent(v.Context(), v.actor, v.id, kindAt(v.id, next))
	if err != nil {
		return web.ConnectView{}, r, err
	}
	view := web.ConnectView{
		Frame: s.onboardingFrame(v, r.Journey.Onboarding, "Connect Google Cloud"), Onboarding: v.id, Project: r.Ask.Project, Permissions: r.Ask.Permissions, Asked: r.Ask.Name(),
		ClientID: s.OAuth.ClientID, Kind: kindAt(v.id, next),
		StartURL: connectStart(v.id, next, "", r.Ask.Name()), Connection: web.Connection{Email: r.Held.Email, Since: r.Held.CreatedAt}, Back: currentPage(r.Journey),
		Files: s.App.Exports(r.Journey),
	}
	if r.Ask.Removes { // also on the way back to one that is paused
		view.Kind = onboarding.RunTeardown
	}
	if view.Held, err = s.App.UnusedAccess(v.Context()); err != nil {
		return view, r, err
	}
	for _, scope := range connectScopes(r.Scopes) {
		view.Scopes = append(view.Scopes, web.ScopeReason(scope, view.Kind))
	}
	if r.Insufficient != nil {
		view.Connection, view.Needed = web.Connection{}, sentence(r.Insufficient)
	}
	if r.Refused {
		view.Connection, view.Refused = web.Connection{}, r.Held.Email
	}
	colleagues, err := s.App.Colleagues(v.Context(), v.actor, v.id)
	if err != nil {
		return view, r, err
	}
	switch v.actor.Role {
	case onboarding.RoleCustomer:
		view.Colleagues = colleagues
		if !r.Journey.Onboarding.Archived && !r.Ask.Removes { // a colleague starts no teardown
			view.Colleague.Action = web.OnboardingPath(v.id, "colleague")
		}
		settings, err := s.App.Settings(v.Context())
		if err != nil {
			return view, r, err
		}
		view.Colleague.MailOn = settings.Sender() != ""
		if view.Pending, err = s.App.PendingColleagues(v.Context(), v.actor, v.id); err != nil {
			return view, r, err
		}
	case onboarding.RoleColleague:
		for _, you := range colleagues {
			view.You = you
		}
	default: // they only look
		view.StartURL = web.OnboardingPath(v.id, "connect")
	}
	return view, r, nil
}

func connectScopes(cloud []string) []string {
	return append([]string{oidc.ScopeOpenID, "email"}, cloud...)
}

// mayConnect is nil for a visitor who may connect an account now; they read why not, and see the run.
func (s *Server) mayConnect(v *visit) error {
	err := s.App.MayConnect(v.Context(), v.actor, v.id)
	if onboarding.ErrorCode(err) == onboarding.CodeConflict {
		return &linked{err, []web.Link{{Text: "See the progress", URL: web.OnboardingPath(v.id, "progress")}}}
	}
	return err
}

func (s *Server) connect(w http.ResponseWriter, v *visit) error {
	if err := s.mayConnect(v); err != nil {
		return err
	}
	next := connectNext(v.id, v.URL.Query().Get("next"))
	view, r, err := s.connectView(v, next)
	if err != nil {
		return err
	}
	if r.Latest.ID != 0 && r.Latest.Email != v.actor.Email && v.actor.Role.Member() { // continuing as oneself is the explicit switch
		if !r.Latest.Live() {
			view.Other = r.Latest.Email
		}
		view.StartURL = connectStart(v.id, next, v.actor.Email, view.Asked)
	}
	s.popColleague(v, &view.Colleague)
	return s.draw(w, v.Request, http.StatusOK, web.ConnectPage(view))
}

// connectStart sends the browser to the consent page: offline, and asked each time, since Google gives a refresh
// token only with the consent.
func (s *Server) connectStart(w http.ResponseWriter, v *visit) error {
	if err := s.mayConnect(v); err != nil {
		return err
	}
	q := v.URL.Query()
	account := strings.ToLower(strings.TrimSpace(q.Get("account")))
	hint := v.actor.Email
	if account != "" {
		hint = account
	}
	next := connectNext(v.id, q.Get("next"))
	ask, err := s.App.AskFor(v.Context(), v.actor, v.id, kindAt(v.id, next))
	if err != nil {
		return err
	}
	if q.Get("asked") != ask.Name() { // they saw something else, or nothing
		return s.toConnect(w, v, next)
	}
	more := []oauth2.AuthCodeOption{oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("prompt", "consent"), oauth2.SetAuthURLParam("login_hint", hint), askAuthTime}
	if !s.recent(v.proved) {
		more = append(more, s.askRecent())
	}
	to, err := s.begin(v.Context(), flow{Next: next, Onboarding: v.id, Account: account, By: v.actor.Email, Asked: ask.Name()}, connectPath, connectScopes(s.App.Scopes()), more...)
	if err != nil {
		return err
	}
	if err := s.App.LeaveForGoogle(v.Context(), v.actor, v.id); err != nil {
		return err
	}
	return seeOther(w, v.Request, to)
}

// connectCallback takes the consent that Google sends back.
func (s *Server) connectCallback(w http.ResponseWriter, v *visit) error {
	ctx, q := v.Context(), v.URL.Query()
	f, err := s.takeFlow(ctx, q.Get("state"), true)
	if err != nil {
		return err
	}
	v.id = f.Onboarding
	page := web.OnboardingPath(v.id, "connect")
	if v.actor.Email == "" || v.actor.Email != f.By {
		return again(badRequest("You were signed out, or signed in as someone else, since this began. Start again.", nil), page)
	}
	if v.actor.Role, err = s.App.RoleOn(ctx, v.actor, v.id); err != nil {
		return err
	}
	if !v.actor.Role.Member() {
		return onboarding.Errorf(onboarding.CodeForbidden, "Only the customer or one of their colleagues can connect an account.")
	}
	noteOf(ctx).role = v.actor.Role
	explain := func(status int, change func(*web.ConnectView)) error {
		view, _, err := s.connectView(v, f.Next)
		if err != nil {
			return err
		}
		view.Path, view.Error = page, true
		change(&view)
		return s.draw(w, v.Request, status, web.ConnectPage(view))
	}
	if code := q.Get("error"); code != "" {
		if err := s.App.ConsentRefused(ctx, v.actor, v.id, web.KnownAnswer(code)); err != nil {
			return err
		}
		return explain(http.StatusOK, func(view *web.ConnectView) { view.Answer = web.GoogleAnswer(code) })
	}
	retried := f
	retried.Next = page
	who, err := s.redeem(ctx, q, retried, connectPath)
	if err != nil {
		return err
	}
	if who.Email == v.actor.Email && who.Account != v.actor.Account {
		return again(onboarding.Errorf(onboarding.CodeForbidden, "%s is a different Google account from the one you're signed in with here. Sign out here, sign in again, then connect.", who.Email), page)
	}
	refusal, err := s.App.KeepConsent(ctx, v.actor, v.id, app.GivenConsent{
		Kind: kindAt(v.id, f.Next), Shown: f.Asked, Chosen: f.Account, Account: who.Email, Subject: who.Account, Client: s.OAuth.ClientID, Asked: connectScopes(s.App.Scopes()), Scopes: who.Scopes,
		Token: onboarding.ConsentToken{RefreshToken: who.Token.RefreshToken, AccessToken: who.Token.AccessToken, Expiry: who.Token.Expiry},
	})
	switch {
	case err == nil:
		if err := s.provedAgain(v, who); err != nil {
			return err
		}
		return s.connected(w, v, f)
	case refusal.Unticked != nil:
		return explain(http.StatusOK, func(view *web.ConnectView) { view.Unticked = refusal.Unticked })
	case refusal.Changed:
		return explain(http.StatusConflict, func(view *web.ConnectView) { view.Changed = true })
	case refusal.Expected != "":
		return explain(http.StatusConflict, func(view *web.ConnectView) {
			view.Other = refusal.Expected
			view.StartURL = connectStart(v.id, f.Next, who.Email, view.Asked)
		})
	case onboarding.ErrorCode(err) == onboarding.CodeCloud:
		return again(err, page)
	}
	if whyNot := s.mayConnect(v); whyNot != nil {
		return whyNot
	}
	return err
}

// provedAgain counts a consent as a sign-in where the visitor gave it with the account that they are signed in with. The
// session gets a new ID, since it may do more than before.
func (s *Server) provedAgain(v *visit, who identity) error {
	if who.Account != v.actor.Account || !who.Proved.After(v.proved) {
		return nil
	}
	ctx := v.Context()
	if err := s.renew(ctx, s.sessions.Deadline(ctx)); err != nil {
		return err
	}
	s.sessions.Put(ctx, keyProved, who.Proved.Unix())
	v.proved = who.Proved
	return nil
}

// connected goes on after the consent. A run that was waiting for it resumes by itself after a recent sign-in, which
// Retry needs too.
func (s *Server) connected(w http.ResponseWriter, v *visit, f flow) error {
	ctx := v.Context()
	run, err := s.App.ResumeAfterSignIn(ctx, v.actor, v.id, s.recent(v.proved))
	switch {
	case run.ID != "" && errors.Is(err, app.ErrNotRecent):
		s.say(ctx, "Google Cloud is connected. Press “Resume the run”, then sign in again to confirm it’s you.")
		return toProgress(w, v)
	case err != nil:
		return s.toRun(w, v, run.PlanKind(), err)
	case run.ID != "":
		s.say(ctx, "Google Cloud is connected, and the run has resumed.")
		return toProgress(w, v)
	}
	s.say(ctx, "Google Cloud is connected.")
	if f.Next != "" {
		return seeOther(w, v.Request, f.Next)
	}
	j, err := s.App.Journey(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	if _, ok := j.Step("project"); ok && j.CanVisit(j.Case, "project") && !j.Complete(j.Case) {
		return seeOther(w, v.Request, web.OnboardingPath(v.id, "step", "project"))
	}
	return seeOther(w, v.Request, web.OnboardingPath(v.id))
}

// revoke ends the access before its time.
func (s *Server) revoke(w http.ResponseWriter, v *visit) error {
	if err := s.App.EndAccess(v.Context(), v.actor, v.id); err != nil {
		return err
	}
	s.say(v.Context(), "Access was revoked at Google and wiped from our servers.")
	return seeOther(w, v.Request, web.OnboardingPath(v.id, "receipt"))
}
