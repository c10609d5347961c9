package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"groundwork/onboarding"
	"groundwork/web"
)

// asked is what a consent is given for.
type asked struct {
	Project string
	Consent onboarding.Consent
}

// name stands for what was asked on the way through the page, the provider's and back.
func (a asked) name() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q", a.Project, a.lines())
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (a asked) lines() []string {
	var lines []string
	for _, p := range a.Consent.All() {
		lines = append(lines, p.Line())
	}
	return lines
}

// asks is what a visitor on the way to a page is asked for, from the declarations of the steps that would run: by the
// answers, or by the run that they verify or take back.
func (s *Server) asks(ctx context.Context, actor onboarding.Actor, j journey, next string) (asked, error) {
	run, err := s.Store.LatestRun(ctx, actor, j.ob.ID)
	if err != nil && onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		return asked{}, err
	}
	stands := run.Kind != onboarding.RunProvision && run.State == onboarding.RunBlocked
	if run.ID != "" && (stands || next == planPath(j.ob.ID, onboarding.RunTeardown)) {
		return asked{run.Plan.Spec.Project, s.Provisioner.Consent(run.Plan.Spec)}, nil
	}
	if next == planPath(j.ob.ID, onboarding.RunVerify) {
		if run, err = s.succeeded(ctx, actor, j.ob.ID); err == nil {
			return asked{run.Plan.Spec.Project, s.Provisioner.Consent(run.Plan.Spec)}, nil
		} else if onboarding.ErrorCode(err) != onboarding.CodeNotFound {
			return asked{}, err
		}
	}
	spec := s.Journey.Spec(j.c)
	ask := asked{Project: spec.Project}
	if s.Journey.CanVisit(j.c, "project") { // before that, the tasks don't follow from the answers
		ask.Consent = s.Provisioner.Consent(spec)
	}
	return ask, nil
}

// connectView is the page that explains which access is asked.
func (s *Server) connectView(v *visit, next string) (web.ConnectView, error) {
	j, err := s.journey(v)
	if err != nil {
		return web.ConnectView{}, err
	}
	grant, err := s.Store.LiveGrant(v.Context(), v.actor, v.id)
	if err != nil {
		return web.ConnectView{}, err
	}
	ask, err := s.asks(v.Context(), v.actor, j, next)
	if err != nil {
		return web.ConnectView{}, err
	}
	view := web.ConnectView{
		Frame: s.onboardingFrame(v, j.ob, "Connect Google Cloud"), Onboarding: v.id, Project: ask.Project, Consent: ask.Consent, Asked: ask.name(),
		StartURL: connectStart(v.id, next, "", ask.name()), Connection: web.Connection{Email: grant.Email, Since: grant.CreatedAt}, Back: s.standsAt(j),
	}
	if grant.Live() && ask.Project != "" {
		if err := grant.Serves(v.actor.Email, ask.Project, ask.Consent.All()); err != nil { // another consent is needed
			view.Connection, view.Needed = web.Connection{}, sentence(err)
		}
	}
	for _, scope := range s.connectScopes() {
		view.Scopes = append(view.Scopes, web.Reason{Name: scope, Why: scopeReason(scope)})
	}
	if grant.Live() && v.member() { // staff's looking is no reason to use it
		err := s.Provisioner.Alive(v.Context(), v.actor, v.id)
		switch {
		case onboarding.ErrorCode(err) == onboarding.CodeSignIn:
			view.Refused, view.Connection = grant.Email, web.Connection{}
		case ours(err):
			return web.ConnectView{}, err
		}
	}
	colleagues, err := s.Store.Colleagues(v.Context(), v.actor, v.id)
	if err != nil {
		return web.ConnectView{}, err
	}
	switch v.actor.Role {
	case onboarding.RoleCustomer:
		view.Colleague.Action, view.Colleagues = web.OnboardingPath(v.id, "colleague"), colleagues
		if view.Pending, err = s.pending(v); err != nil {
			return web.ConnectView{}, err
		}
	case onboarding.RoleColleague:
		for _, you := range colleagues {
			view.You = you
		}
	}
	if !v.member() {
		view.StartURL = web.OnboardingPath(v.id, "connect")
	}
	return view, nil
}

// pending are the colleagues' links that are good and that nobody has used.
func (s *Server) pending(v *visit) ([]onboarding.Invite, error) {
	all, err := s.Store.Invites(v.Context(), v.actor, v.id)
	return slices.DeleteFunc(all, func(i onboarding.Invite) bool {
		return i.Role != onboarding.RoleColleague || !i.UsedAt.IsZero() || !i.RevokedAt.IsZero() || !s.Now().Before(i.ExpiresAt)
	}), err
}

// connectStart is the way to the provider's page, for who saw what is asked.
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

func scopeReason(scope string) string {
	if strings.HasSuffix(scope, "/auth/cloud-platform") {
		return "to read your project and to make what the plan lists, while the run goes on; given up when it is done"
	}
	return "to know which account gave the access"
}

func (s *Server) connect(w http.ResponseWriter, v *visit) error {
	view, err := s.connectView(v, s.connectNext(v.id, v.URL.Query().Get("next")))
	if err != nil {
		return err
	}
	if grants, err := s.Store.Grants(v.Context(), v.actor, v.id); err != nil {
		return err
	} else if n := len(grants); n > 0 && v.member() {
		if last := latestGrant(grants); last.Email != v.actor.Email { // going on as oneself is the explicit switch
			if !last.Live() {
				view.Other = last.Email
			}
			view.StartURL = connectStart(v.id, s.connectNext(v.id, v.URL.Query().Get("next")), v.actor.Email, view.Asked)
		}
	}
	s.popColleague(v, &view.Colleague)
	return s.draw(w, v.Request, http.StatusOK, web.ConnectPage(view))
}

// connectNext keeps only a page of the same onboarding.
func (s *Server) connectNext(id onboarding.ID, next string) string {
	if next = localPath(next); strings.HasPrefix(next, web.OnboardingPath(id)+"/") {
		return next
	}
	return ""
}

func latestGrant(grants []onboarding.Grant) onboarding.Grant {
	return slices.MaxFunc(grants, func(a, b onboarding.Grant) int { return a.CreatedAt.Compare(b.CreatedAt) })
}

// connectStart sends the browser to the consent page: offline, and asked each time, since Google gives a refresh
// token only with the consent.
func (s *Server) connectStart(w http.ResponseWriter, v *visit) error {
	q := v.URL.Query()
	account := strings.ToLower(strings.TrimSpace(q.Get("account")))
	hint := v.actor.Email
	if account != "" {
		hint = account
	}
	next := s.connectNext(v.id, q.Get("next"))
	j, err := s.journey(v)
	if err != nil {
		return err
	}
	ask, err := s.asks(v.Context(), v.actor, j, next)
	if err != nil {
		return err
	}
	if q.Get("asked") != ask.name() { // they saw something else, or nothing
		return seeOther(w, v.Request, connectURL(v.id, next))
	}
	to, err := s.begin(v.Context(), flow{Next: next, Onboarding: v.id, Account: account, By: v.actor.Email, Asked: ask.name()}, connectPath, s.connectScopes(),
		oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("prompt", "consent"), oauth2.SetAuthURLParam("login_hint", hint))
	if err != nil {
		return err
	}
	return seeOther(w, v.Request, to)
}

func (s *Server) connectScopes() []string {
	return append([]string{oidc.ScopeOpenID, "email"}, s.Provisioner.Scopes()...)
}

// connectCallback takes the consent: the token is sealed before anything else is done with it.
func (s *Server) connectCallback(w http.ResponseWriter, v *visit) error {
	ctx, q := v.Context(), v.URL.Query()
	f, err := s.takeFlow(ctx, q.Get("state"), true)
	if err != nil {
		return err
	}
	v.id = f.Onboarding
	if v.actor.Email == "" || v.actor.Email != f.By {
		return again(badRequest("You were signed out, or signed in as somebody else, since this began. Start again.", nil), web.OnboardingPath(f.Onboarding, "connect"))
	}
	if v.actor.Role, err = s.roleOn(ctx, v.actor.Email, f.Onboarding); err != nil {
		return err
	}
	if !v.member() {
		return onboarding.Errorf(onboarding.CodeForbidden, "Only the customer or a colleague of theirs can connect an account.")
	}
	noteOf(ctx).role = v.actor.Role
	explain := func(status int, change func(*web.ConnectView)) error {
		view, err := s.connectView(v, f.Next)
		if err != nil {
			return err
		}
		view.Path = web.OnboardingPath(f.Onboarding, "connect")
		view.Error = true
		change(&view)
		return s.draw(w, v.Request, status, web.ConnectPage(view))
	}
	if q.Get("error") != "" {
		return explain(http.StatusOK, func(view *web.ConnectView) { view.Denied = true })
	}
	f2 := f
	f2.Next = web.OnboardingPath(f.Onboarding, "connect")
	who, err := s.redeem(ctx, q, f2, connectPath)
	if err != nil {
		return err
	}
	var unticked []string
	for _, scope := range s.Provisioner.Scopes() {
		if !slices.Contains(who.Scopes, scope) {
			unticked = append(unticked, scope)
		}
	}
	fresh := onboarding.GrantToken{RefreshToken: who.Token.RefreshToken, AccessToken: who.Token.AccessToken, Expiry: who.Token.Expiry}
	held, err := s.Store.LiveGrant(ctx, v.actor, f.Onboarding)
	if err != nil {
		return err
	}
	// What was given and isn't kept must not stay good at Google; one account's tokens may end together there.
	kept := false
	defer func() {
		if !kept && who.Email != held.Email {
			s.Provisioner.Discard(context.WithoutCancel(ctx), fresh)
		}
	}()
	if len(unticked) > 0 {
		return explain(http.StatusOK, func(view *web.ConnectView) { view.Unticked = unticked })
	}
	j, err := s.journey(v)
	if err != nil {
		return err
	}
	ask, err := s.asks(ctx, v.actor, j, f.Next)
	if err != nil {
		return err
	}
	if ask.name() != f.Asked {
		return explain(http.StatusConflict, func(view *web.ConnectView) { view.Changed = true })
	}
	if who.Token.RefreshToken == "" {
		return again(&statusError{http.StatusBadGateway, "Google gave no lasting access, so a run could not finish. Connect once more.", nil}, f2.Next)
	}
	expected := v.actor.Email
	grants, err := s.Store.Grants(ctx, v.actor, f.Onboarding)
	if err != nil {
		return err
	}
	if len(grants) > 0 {
		expected = latestGrant(grants).Email
	}
	if who.Email != expected && who.Email != f.Account {
		return explain(http.StatusConflict, func(view *web.ConnectView) {
			view.Other = expected
			view.StartURL = connectStart(f.Onboarding, f.Next, who.Email, view.Asked)
		})
	}
	if held.Live() && held.Email != who.Email { // that of the same account ends at Google with the one that replaces it
		if err := s.Provisioner.Revoke(ctx, v.actor, f.Onboarding); err != nil {
			return err
		}
	}
	plain, err := json.Marshal(fresh)
	if err != nil {
		return fmt.Errorf("seal the access: %w", err)
	}
	grant := onboarding.Grant{
		Onboarding: f.Onboarding, Email: who.Email, Scopes: who.Scopes, Asked: s.connectScopes(), CreatedAt: s.Now().UTC(),
		Project: ask.Project, Shown: ask.lines(),
	}
	if grant.Ref, err = onboarding.NewGrantRef(s.Rand); err == nil {
		grant.Sealed, err = s.Vault.Seal(grant.SealedTo(), onboarding.NewSecret(string(plain)))
	}
	clear(plain)
	if err != nil {
		return fmt.Errorf("seal the access: %w", err)
	}
	if _, err := s.Store.SaveGrant(ctx, v.actor, grant); err != nil {
		return err
	}
	kept = true
	return s.connected(w, v, f)
}

// connected goes on after the consent: a run that waited for it goes on by itself.
func (s *Server) connected(w http.ResponseWriter, v *visit, f flow) error {
	run, err := s.Store.LatestRun(v.Context(), v.actor, f.Onboarding)
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeNotFound:
	case err != nil:
		return err
	case run.State == onboarding.RunBlocked && waitsForSignIn(run):
		return s.goneOn(w, v, run, "Connected. The run goes on.")
	}
	s.say(v.Context(), "Google Cloud is connected.")
	if f.Next != "" {
		return seeOther(w, v.Request, f.Next)
	}
	if _, ok := s.Journey.Step("project"); ok {
		j, err := s.journey(v)
		if err != nil {
			return err
		}
		if s.Journey.CanVisit(j.c, "project") && !s.Journey.Complete(j.c) {
			return seeOther(w, v.Request, web.OnboardingPath(f.Onboarding, "step", "project"))
		}
	}
	return seeOther(w, v.Request, web.OnboardingPath(f.Onboarding))
}

// waitsForSignIn tells whether a task of the run is blocked on the customer's access.
func waitsForSignIn(run onboarding.Run) bool {
	return slices.ContainsFunc(run.Tasks, func(t onboarding.Task) bool {
		return t.State == onboarding.TaskBlocked && t.Code == onboarding.CodeSignIn
	})
}

// revoke gives the access up before its time.
func (s *Server) revoke(w http.ResponseWriter, v *visit) error {
	if err := s.Provisioner.Revoke(v.Context(), v.actor, v.id); err != nil {
		return err
	}
	s.say(v.Context(), "The access is given up, at Google and here.")
	return seeOther(w, v.Request, web.OnboardingPath(v.id, "receipt"))
}
