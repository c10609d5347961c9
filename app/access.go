package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"groundwork/onboarding"
)

type consentStore interface {
	// SaveConsent keeps a sealed consent that the actor gave and wipes the one before it in one transaction: there is at
	// most one.
	SaveConsent(context.Context, onboarding.Actor, onboarding.Consent) (onboarding.Consent, error)
	// LiveConsent returns the consent that is held; the zero Consent if none is.
	LiveConsent(context.Context, onboarding.Actor, onboarding.ID) (onboarding.Consent, error)
	// ChooseProject binds a consent that was given before a project was chosen to the project that its giver chose.
	ChooseProject(ctx context.Context, actor onboarding.Actor, g onboarding.Consent, project string) error
	// AccountHeld reports whether a live consent of any onboarding ends at Google with one of that account and client.
	AccountHeld(ctx context.Context, email string, account onboarding.Account, client string) (bool, error)
	// ConsentAsked records that the actor left for Google's consent page.
	ConsentAsked(context.Context, onboarding.Actor, onboarding.ID) error
	// ConsentRefused records that the actor came back from Google without a consent, and Google's code.
	ConsentRefused(ctx context.Context, actor onboarding.Actor, id onboarding.ID, code string) error
	// Consents returns a page of the consents that were given, wiped ones too.
	Consents(context.Context, onboarding.Actor, onboarding.ID, onboarding.LinesAt) (onboarding.Lines[onboarding.Consent], error)
	// LatestConsent returns the consent that was given last, held or not; the zero Consent if none was.
	LatestConsent(context.Context, onboarding.Actor, onboarding.ID) (onboarding.Consent, error)
	// Consent returns one of an onboarding's consents; CodeNotFound.
	Consent(ctx context.Context, actor onboarding.Actor, id onboarding.ID, consent int64) (onboarding.Consent, error)
	// ConsentUses returns a page of what a consent was used for.
	ConsentUses(ctx context.Context, actor onboarding.Actor, id onboarding.ID, consent int64, at onboarding.LinesAt) (onboarding.Lines[onboarding.ConsentUse], error)
	// LatestUses returns the latest uses of each consent, newest first, at most so many of each.
	LatestUses(ctx context.Context, actor onboarding.Actor, id onboarding.ID, consents []int64, most int) ([]onboarding.ConsentUse, error)
}

type consentCloud interface {
	// Permissions lists the permissions that a run, its checks and its teardown need, and those that removing these items
	// takes.
	Permissions(onboarding.Spec, []onboarding.Item) onboarding.Permissions
	// CheckPermissions lists what a run needs that only checks what the customer made themselves, and changes nothing.
	CheckPermissions(onboarding.Spec) onboarding.Permissions
	// Scopes are the OAuth scopes that a consent must have.
	Scopes() []string
	// Alive asks Google whether it still takes the consent: CodeSignIn when it doesn't.
	Alive(context.Context, onboarding.Actor, onboarding.ID) error
	// Discard revokes a token that was given and is not kept, as far as Google can be reached.
	Discard(context.Context, onboarding.ConsentToken)
	// Revoke ends the live consent at Google and wipes it here, whatever Google answered. While another of the same account
	// is live, it ends only here. None is fine.
	Revoke(context.Context, onboarding.Actor, onboarding.ID) error
	// RevokeConsent is Revoke for one consent: another that took its place stays.
	RevokeConsent(context.Context, onboarding.Actor, onboarding.Consent) error
}

// Ask is what a customer is asked to consent to.
type Ask struct {
	Project string // "" none is chosen yet
	onboarding.Permissions
	Removes bool // it is for a teardown
}

// Name identifies the ask on its way through our page, Google's and back.
func (k Ask) Name() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q", k.Project, k.lines())
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (k Ask) lines() []string {
	var lines []string
	for _, p := range k.All() {
		lines = append(lines, p.Line())
	}
	if k.ReadOnly {
		lines = append(lines, onboarding.ShownReadOnly)
	}
	if k.Removes {
		lines = append(lines, onboarding.ShownRemoval)
	}
	return lines
}

// ask is what an actor on the way to a plan of that kind is asked for. It follows from the tasks that would run: by the
// answers, or by the run that is verified or resumed, or whose work is removed.
func (a *App) ask(ctx context.Context, actor onboarding.Actor, j Journey, kind onboarding.RunKind) (Ask, error) {
	of := func(spec onboarding.Spec) Ask {
		return Ask{Project: spec.Project, Permissions: a.cfg.Cloud.Permissions(spec, nil)}
	}
	latest, err := a.latestRun(ctx, actor, j.Onboarding.ID)
	if err != nil {
		return Ask{}, err
	}
	resumed := latest.Kind != onboarding.RunProvision && latest.State == onboarding.RunBlocked
	removing := latest.Kind == onboarding.RunTeardown && (latest.State.Active() || resumed)
	if latest.ID != "" && (kind == onboarding.RunTeardown || removing) {
		items, err := a.cfg.Store.Inventory(ctx, actor, j.Onboarding.ID)
		return Ask{latest.Plan.Spec.Project, a.cfg.Cloud.Permissions(latest.Plan.Spec, items), true}, err
	}
	if resumed {
		return of(latest.Plan.Spec), nil
	}
	if kind == onboarding.RunVerify {
		switch run, err := a.SucceededRun(ctx, actor, j.Onboarding.ID); onboarding.ErrorCode(err) {
		case "":
			return of(run.Plan.Spec), nil
		case onboarding.CodeNotFound:
		default:
			return Ask{}, err
		}
	}
	if !j.CanVisit(j.Case, "project") { // before that, the tasks don't follow from the answers
		return Ask{Project: j.Spec().Project}, nil
	}
	if kind == onboarding.CheckOnly {
		return Ask{Project: j.Spec().Project, Permissions: a.cfg.Cloud.CheckPermissions(j.Spec())}, nil
	}
	made, err := a.cfg.Store.Inventory(ctx, actor, j.Onboarding.ID) // the run may remove what is no longer needed
	made = slices.DeleteFunc(made, func(i onboarding.Item) bool { return !i.Ours() })
	return Ask{Project: j.Spec().Project, Permissions: a.cfg.Cloud.Permissions(j.Spec(), made)}, err
}

// ConsentRequest is what an actor is asked to consent to, beside what is held already.
type ConsentRequest struct {
	Journey      Journey
	Ask          Ask
	Scopes       []string
	Held         onboarding.Consent // zero: none
	Latest       onboarding.Consent // held or not; zero: none was ever given
	Insufficient error              // why the consent that is held doesn't serve; nil: it does, or none is held
	Refused      bool               // Google no longer takes the consent that is held
}

// RequestConsent returns what is asked of an actor on the way to a plan of that kind. For a member, Google is asked
// whether it still takes the consent that is held; a look by the staff is no reason to use it.
func (a *App) RequestConsent(ctx context.Context, actor onboarding.Actor, id onboarding.ID, kind onboarding.RunKind) (ConsentRequest, error) {
	j, err := a.Journey(ctx, actor, id)
	if err != nil {
		return ConsentRequest{}, err
	}
	r := ConsentRequest{Journey: j, Scopes: a.cfg.Cloud.Scopes()}
	if r.Latest, err = a.cfg.Store.LatestConsent(ctx, actor, id); err != nil {
		return r, err
	}
	if r.Held, err = a.cfg.Store.LiveConsent(ctx, actor, id); err != nil {
		return r, err
	}
	if r.Ask, err = a.ask(ctx, actor, j, kind); err != nil {
		return r, err
	}
	if !r.Held.Live() {
		return r, nil
	}
	if r.Ask.Project != "" {
		r.Insufficient = r.Held.Serves(actor.Email, r.Ask.Project, r.Ask.All())
	}
	if r.Insufficient == nil && r.Ask.Removes {
		r.Insufficient = r.Held.ServesRemoval(j.Onboarding.Owner)
	}
	if actor.Role.Member() {
		err := a.cfg.Cloud.Alive(ctx, actor, id)
		if ours(err) {
			return r, err
		}
		r.Refused = onboarding.ErrorCode(err) == onboarding.CodeSignIn
	}
	return r, nil
}

// Scopes are the OAuth scopes that a consent must have.
func (a *App) Scopes() []string { return a.cfg.Cloud.Scopes() }

// AskFor returns what an actor on the way to a plan of that kind is asked to consent to.
func (a *App) AskFor(ctx context.Context, actor onboarding.Actor, id onboarding.ID, kind onboarding.RunKind) (Ask, error) {
	j, err := a.Journey(ctx, actor, id)
	if err != nil {
		return Ask{}, err
	}
	return a.ask(ctx, actor, j, kind)
}

// MayConnect is nil for a member who may connect an account now. While the customer has everything removed, a colleague's
// access would take the place of the one that the customer approved the removal with: CodeConflict.
func (a *App) MayConnect(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	run, err := a.latestRun(ctx, actor, id)
	if err != nil || actor.Role != onboarding.RoleColleague || run.Kind != onboarding.RunTeardown || !run.State.Active() {
		return err
	}
	return onboarding.Errorf(onboarding.CodeConflict, "%s is having everything that was created removed. You can connect your account when the removal has ended, or if it stops to wait for access.", run.StartedBy)
}

// LeaveForGoogle records that an actor goes to Google's consent page.
func (a *App) LeaveForGoogle(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	return a.cfg.Store.ConsentAsked(ctx, actor, id)
}

// ConsentRefused records that an actor came back from Google without a consent.
func (a *App) ConsentRefused(ctx context.Context, actor onboarding.Actor, id onboarding.ID, code string) error {
	return a.cfg.Store.ConsentRefused(ctx, actor, id, code)
}

// UnusedAccess is how long access that no run ended is held; 0 until a person ends it.
func (a *App) UnusedAccess(ctx context.Context) (time.Duration, error) {
	settings, err := a.Settings(ctx)
	return RetentionOf(settings).Consents, err
}

// askedBefore names what the actor is asked for to resume a run, if they gave the latest consent with their own account
// for the same; else "".
func (a *App) askedBefore(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, kind onboarding.RunKind) (string, error) {
	last, err := a.cfg.Store.LatestConsent(ctx, actor, ob.ID)
	if err != nil || last.ID == 0 {
		return "", err
	}
	ask, err := a.ask(ctx, actor, a.journey(actor, ob), kind)
	if err != nil || last.GivenBy != actor.Email || last.Email != actor.Email || last.Project != ask.Project || !last.Covers(ask.All()) {
		return "", err
	}
	if ask.Removes && last.ServesRemoval(ob.Owner) != nil {
		return "", nil //nolint:nilerr // they gave it for something else, so they weren't asked for this
	}
	return ask.Name(), nil
}

// GivenConsent is what came back from Google.
type GivenConsent struct {
	Kind    onboarding.RunKind // of the plan that the person was on the way to
	Shown   string             // the [Ask.Name] of what our page listed
	Chosen  string             // the account that the person chose on our page; "" their own, or the one before
	Account string             // the address of the account that consented
	Subject onboarding.Account // of that account
	Client  string             // the OAuth client that it was given to
	Asked   []string           // scopes
	Scopes  []string           // that were granted
	Token   onboarding.ConsentToken
}

// ConsentRefusal says what is wrong with a consent that wasn't kept.
type ConsentRefusal struct {
	Unticked []string // CodePermission: scopes that were asked for and not granted
	Changed  bool     // CodeStale: the page listed something other than what is asked for now
	Expected string   // CodeConflict: the account that was expected
}

// KeepConsent seals a consent and keeps it. A consent that isn't kept is revoked at Google, unless
// another of the same account is held, and the refusal says why;
// CodeCloud when Google gave no lasting access.
func (a *App) KeepConsent(ctx context.Context, actor onboarding.Actor, id onboarding.ID, in GivenConsent) (ConsentRefusal, error) {
	held, err := a.cfg.Store.LiveConsent(ctx, actor, id)
	if err != nil {
		return ConsentRefusal{}, err
	}
	kept := false
	defer func() {
		if !kept {
			a.discard(context.WithoutCancel(ctx), in)
		}
	}()
	ask, refusal, err := a.checkConsent(ctx, actor, id, in)
	if err != nil {
		return refusal, err
	}
	if held.Live() && held.Email != in.Account { // the same account's ends at Google with the one that replaces it
		if err := a.cfg.Cloud.Revoke(ctx, actor, id); err != nil {
			return refusal, err
		}
	}
	consent := onboarding.Consent{
		Onboarding: id, Email: in.Account, Account: in.Subject, Client: in.Client, Scopes: in.Scopes, Asked: in.Asked, CreatedAt: a.cfg.Now().UTC(),
		Project: ask.Project, Shown: ask.lines(),
	}
	if err := a.sealConsent(&consent, in.Token); err != nil {
		return refusal, err
	}
	if _, err := a.cfg.Store.SaveConsent(ctx, actor, consent); err != nil {
		return refusal, err
	}
	kept = true
	return refusal, nil
}

// discard revokes a consent that isn't kept, unless Google would end another with it that is.
func (a *App) discard(ctx context.Context, in GivenConsent) {
	switch held, err := a.cfg.Store.AccountHeld(ctx, in.Account, in.Subject, in.Client); {
	case err != nil:
		a.cfg.Log.WarnContext(ctx, "discard a consent", "error", err)
	case !held:
		a.cfg.Cloud.Discard(ctx, in.Token)
	}
}

// checkConsent returns what a consent was given for, or why it isn't kept.
func (a *App) checkConsent(ctx context.Context, actor onboarding.Actor, id onboarding.ID, in GivenConsent) (Ask, ConsentRefusal, error) {
	var r ConsentRefusal
	for _, scope := range a.cfg.Cloud.Scopes() {
		if !slices.Contains(in.Scopes, scope) {
			r.Unticked = append(r.Unticked, scope)
		}
	}
	if len(r.Unticked) > 0 {
		return Ask{}, r, onboarding.Errorf(onboarding.CodePermission, "Some of the permissions that a run needs were not granted. Connect again and select every checkbox on Google's page.")
	}
	if err := a.MayConnect(ctx, actor, id); err != nil {
		return Ask{}, r, err
	}
	ask, err := a.AskFor(ctx, actor, id, in.Kind)
	if err != nil {
		return ask, r, err
	}
	if r.Changed = ask.Name() != in.Shown; r.Changed {
		return ask, r, onboarding.Errorf(onboarding.CodeStale, "The permissions we request have changed. Review them, then connect again.")
	}
	if in.Token.RefreshToken == "" {
		return ask, r, onboarding.Errorf(onboarding.CodeCloud, "Google granted access that would end before a run could finish. Connect again.")
	}
	last, err := a.cfg.Store.LatestConsent(ctx, actor, id)
	if err != nil {
		return ask, r, err
	}
	expected := actor.Email
	if last.ID != 0 {
		expected = last.Email
	}
	if in.Account != expected && in.Account != in.Chosen {
		r.Expected = expected
		return ask, r, onboarding.Errorf(onboarding.CodeConflict, "%s was connected, but %s was expected. Confirm the account, then connect again.", in.Account, expected)
	}
	return ask, r, nil
}

// sealConsent seals the token to its consent.
func (a *App) sealConsent(consent *onboarding.Consent, token onboarding.ConsentToken) (err error) {
	plain, err := json.Marshal(token) //nolint:gosec // sealed below, and cleared
	if err != nil {
		return fmt.Errorf("seal the consent: %w", err)
	}
	defer clear(plain)
	if consent.Ref, err = onboarding.NewConsentRef(a.cfg.Rand); err != nil {
		return fmt.Errorf("seal the consent: %w", err)
	}
	if consent.Sealed, err = a.cfg.Vault.Seal(consent.SealedTo(), onboarding.NewSecret(string(plain))); err != nil {
		return fmt.Errorf("seal the consent: %w", err)
	}
	return nil
}

// bindConsent binds the actor's consent to the project that they chose, if it was given before there was one.
func (a *App) bindConsent(ctx context.Context, actor onboarding.Actor, id onboarding.ID, project string) error {
	consent, err := a.cfg.Store.LiveConsent(ctx, actor, id)
	if err != nil || !consent.Live() || consent.GivenBy != actor.Email || consent.Project != "" {
		return err
	}
	return a.cfg.Store.ChooseProject(ctx, actor, consent, project)
}

// LiveConsent returns the consent that is held; the zero Consent if none is.
func (a *App) LiveConsent(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Consent, error) {
	return a.cfg.Store.LiveConsent(ctx, actor, id)
}

// LatestConsent returns the consent that was given last, held or not, without its sealed token; the zero Consent if none
// ever was. An earlier one was wiped when it was replaced.
func (a *App) LatestConsent(ctx context.Context, actor onboarding.Actor, id onboarding.ID) (onboarding.Consent, error) {
	return a.cfg.Store.LatestConsent(ctx, actor, id)
}

// UsedConsent is a consent and its latest uses.
type UsedConsent struct {
	onboarding.Consent                         // without its sealed token
	Uses               []onboarding.ConsentUse // newest first
	More               bool                    // there are more uses
}

// latestUses is how many uses of each consent a receipt shows.
const latestUses = 20

// Receipt returns a page of the consents that were given, with the latest uses of each.
func (a *App) Receipt(ctx context.Context, actor onboarding.Actor, id onboarding.ID, at onboarding.LinesAt) (onboarding.Lines[UsedConsent], error) {
	var out onboarding.Lines[UsedConsent]
	page, err := a.cfg.Store.Consents(ctx, actor, id, at)
	if err != nil {
		return out, err
	}
	out.Older, out.Newer = page.Older, page.Newer
	ids := make([]int64, len(page.Items))
	for i, g := range page.Items {
		ids[i] = g.ID
	}
	uses, err := a.cfg.Store.LatestUses(ctx, actor, id, ids, latestUses+1)
	if err != nil {
		return out, err
	}
	by := map[int64][]onboarding.ConsentUse{}
	for _, u := range uses {
		by[u.Consent] = append(by[u.Consent], u)
	}
	for _, g := range page.Items {
		used := UsedConsent{Consent: g, Uses: by[g.ID]}
		if used.More = len(used.Uses) > latestUses; used.More {
			used.Uses = used.Uses[:latestUses]
		}
		out.Items = append(out.Items, used)
	}
	return out, nil
}

// ReceiptOf returns a consent and a page of its uses. CodeNotFound.
func (a *App) ReceiptOf(ctx context.Context, actor onboarding.Actor, id onboarding.ID, consent int64, at onboarding.LinesAt) (onboarding.Consent, onboarding.Lines[onboarding.ConsentUse], error) {
	g, err := a.cfg.Store.Consent(ctx, actor, id, consent)
	if err != nil {
		return g, onboarding.Lines[onboarding.ConsentUse]{}, err
	}
	uses, err := a.cfg.Store.ConsentUses(ctx, actor, id, consent, at)
	return g, uses, err
}

// explainedRuns is how many runs a receipt explains.
const explainedRuns = 5

// RunsOf returns the runs that these uses belong to, by the use's ID: the latest few of them, with their tasks.
func (a *App) RunsOf(ctx context.Context, actor onboarding.Actor, id onboarding.ID, uses []onboarding.ConsentUse) (map[int64]onboarding.Run, error) {
	uses = slices.DeleteFunc(slices.Clone(uses), func(u onboarding.ConsentUse) bool { return !u.OfRun() })
	if len(uses) == 0 {
		return nil, nil
	}
	page, err := a.Runs(ctx, actor, id, "")
	if err != nil {
		return nil, err
	}
	out, read := map[int64]onboarding.Run{}, map[onboarding.RunID]onboarding.Run{}
	for _, u := range uses {
		i := slices.IndexFunc(page.Items, func(r onboarding.RunSummary) bool { return !r.StartedAt.IsZero() && !r.StartedAt.After(u.At) })
		if i < 0 {
			continue // an earlier one
		}
		run, ok := read[page.Items[i].ID]
		if !ok && len(read) < explainedRuns {
			if run, err = a.Run(ctx, actor, id, page.Items[i].ID); err != nil {
				return nil, err
			}
			read[run.ID], ok = run, true
		}
		if ok {
			out[u.ID] = run
		}
	}
	return out, nil
}

// EndAccess ends the customer's access: the consent is revoked at Google and wiped here. None is fine.
func (a *App) EndAccess(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	return a.cfg.Cloud.Revoke(ctx, actor, id)
}

// endAccessThen ends the access for good before do ends the reason for it: do wipes the token or hands the onboarding to
// someone else, and then Google could not be told any more. ends chooses the consents that end; nil: any.
func (a *App) endAccessThen(ctx context.Context, actor onboarding.Actor, id onboarding.ID, ends func(onboarding.Consent) bool, do func() error) error {
	consent, err := a.cfg.Store.LiveConsent(ctx, actor, id)
	if err != nil {
		return err
	}
	if consent.Live() && (ends == nil || ends(consent)) {
		if err := a.cfg.Cloud.RevokeConsent(ctx, actor, consent); err != nil {
			return err
		}
	}
	return do()
}

// unlessRunning spares the consent that an active run is using; what is refused beside a run must not end its access.
func (a *App) unlessRunning(ctx context.Context, actor onboarding.Actor, id onboarding.ID) func(onboarding.Consent) bool {
	return func(onboarding.Consent) bool {
		run, err := a.cfg.Store.LatestRun(ctx, actor, id)
		return err != nil || !run.State.Active()
	}
}
