package app

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"groundwork/onboarding"
	"groundwork/wizard"
)

type settingsStore interface {
	// Settings returns the values that apply now.
	Settings(context.Context) (onboarding.Settings, error)
	// SaveSettings replaces a group and records what changed, in one transaction; CodeStale when someone else saved it since.
	SaveSettings(context.Context, onboarding.Actor, onboarding.SaveSettings) error
	// SettingsChanges returns the record of who changed what, newest first.
	SettingsChanges(context.Context, onboarding.Actor) ([]onboarding.SettingsChange, error)
	// StandAgain says where an onboarding that waits on its specialist stands after the settings changed.
	StandAgain(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, current string, waiting onboarding.Waiting) error
}

// settingsFresh is how long a page may show settings that another process changed.
const (
	settingsFresh = 5 * time.Second
	settingsRetry = time.Second // after the database didn't answer, so that requests don't wait for it one after the other
)

// settingsCache holds what every page needs of the settings: the brand, the help page.
type settingsCache struct {
	sync.Mutex
	value onboarding.Settings
	known bool // value was read
	until time.Time
}

// Settings are the values that apply now. What another process saved shows within seconds. With an error come the last
// ones known.
func (a *App) Settings(ctx context.Context) (onboarding.Settings, error) {
	a.settings.Lock()
	defer a.settings.Unlock()
	if time.Now().Before(a.settings.until) {
		return a.settings.value, nil
	}
	now, err := a.cfg.Store.Settings(ctx)
	if err == nil || !a.settings.known {
		a.settings.value, a.settings.known = now, err == nil
	}
	a.settings.until = time.Now().Add(settingsFresh)
	if err != nil {
		a.settings.until = time.Now().Add(settingsRetry)
	}
	return a.settings.value, err
}

// FreshSettings are the values that apply now, no matter who saved them.
func (a *App) FreshSettings(ctx context.Context) (onboarding.Settings, error) {
	a.settings.Lock()
	a.settings.until = time.Time{}
	a.settings.Unlock()
	return a.Settings(ctx)
}

// SettingsChanges returns the record of who changed which settings, newest first. For administrators.
func (a *App) SettingsChanges(ctx context.Context, actor onboarding.Actor) ([]onboarding.SettingsChange, error) {
	return a.cfg.Store.SettingsChanges(ctx, actor)
}

// SettingsForm is a group of settings as an administrator typed it.
type SettingsForm struct {
	Group   onboarding.SettingGroup
	Version int // that the administrator saw
	Form    url.Values
}

// SaveSettings checks and saves a group. CodeInvalid: what to correct is in the form that comes back, and nothing was
// saved. CodeStale: someone else saved the group since. For administrators.
func (a *App) SaveSettings(ctx context.Context, actor onboarding.Actor, in SettingsForm) (wizard.SettingsForm, error) {
	read := wizard.ParseSettings(in.Group, in.Form)
	problem, err := a.regionProblem(ctx, read.Values["offered_regions"])
	if err != nil {
		return read, err
	}
	if problem != "" && len(read.Problems.At("offered_regions")) == 0 {
		read.Problems = append(read.Problems, wizard.Problem{Field: "offered_regions", Message: problem})
	}
	if read.Values[onboarding.SettingSecretsTo] == string(onboarding.SecretsByWebhook) {
		hooks, err := a.cfg.Store.Webhooks(ctx, actor)
		if err != nil {
			return read, err
		}
		if !slices.ContainsFunc(hooks, func(w onboarding.Webhook) bool { return w.TakesSecrets && w.Enabled }) {
			read.Problems = append(read.Problems, wizard.Problem{Field: onboarding.SettingSecretsTo, Message: "No enabled webhook endpoint takes the customers’ secrets. Add one under Webhooks first"})
		}
	}
	if from := read.Values[onboarding.SettingMailFrom]; len(read.Problems) == 0 && from != "" && a.cfg.CheckMail != nil {
		if err := a.cfg.CheckMail(ctx); err != nil {
			a.cfg.Log.Warn("the mail server refused a check", "error", err)
			read.Problems = append(read.Problems, wizard.Problem{Field: onboarding.SettingMailFrom, Message: "The mail server doesn’t accept us, so mail from this sender would not arrive. Check SMTP_URL and its password, then save again. It said: " + err.Error()})
		}
	}
	if len(read.Problems) > 0 {
		return read, onboarding.Errorf(onboarding.CodeInvalid, "Nothing was saved. Fix the problems below, then save again.")
	}
	if err := a.cfg.Store.SaveSettings(ctx, actor, onboarding.SaveSettings{Group: in.Group, Version: in.Version, Values: read.Values, Checked: read.Checked}); err != nil {
		return read, err
	}
	if _, err := a.FreshSettings(ctx); err != nil {
		return read, err
	}
	for _, d := range in.Group.Settings {
		if d.Inherited {
			return read, a.followSettings(ctx, actor)
		}
	}
	return read, nil
}

// regionProblem is what is wrong with a list of regions: one that the form can't offer.
func (a *App) regionProblem(ctx context.Context, list string) (string, error) {
	step, ok := a.cfg.Journey.Step("region")
	if !ok || list == "" {
		return "", nil
	}
	view, err := step.View(ctx, wizard.Case{})
	if err != nil {
		return "", err
	}
	known := map[string]bool{}
	for _, f := range view.Fields {
		for _, c := range f.Choices {
			known[c.Value] = true
		}
	}
	for name := range strings.SplitSeq(list, ", ") {
		if !known[name] {
			return name + " isn’t a region of Google Cloud. Check its spelling", nil
		}
	}
	return "", nil
}

// mostFollow is how many onboardings follow a change of the settings at once; any other follows when it is saved next.
const mostFollow = 1000

// followSettings lets the onboardings that wait on their specialist go on if the settings now have what they waited for.
func (a *App) followSettings(ctx context.Context, actor onboarding.Actor) error {
	filter := onboarding.Filter{Status: onboarding.StatusWaitingVendor}
	for seen := 0; seen < mostFollow; {
		page, err := a.cfg.Store.ListOnboardings(ctx, actor, filter)
		if err != nil {
			return err
		}
		for _, o := range page.Items {
			j, err := a.Journey(ctx, actor, o.ID)
			if err != nil {
				return err
			}
			current, waiting := j.Stand(j.Case)
			if waiting.On == j.Onboarding.Waiting.On && waiting.For == j.Onboarding.Waiting.For {
				continue
			}
			if err := a.cfg.Store.StandAgain(ctx, actor, j.Onboarding, current, waiting); err != nil {
				return err
			}
		}
		seen += len(page.Items)
		if page.Next == "" || len(page.Items) == 0 {
			return nil
		}
		filter.Cursor = page.Next
	}
	return nil
}
