package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/wizard"
	"groundwork/wizard/steps"
)

type revokeAllCmd struct {
	databaseFlags
	Keys            keyFlags `embed:""`
	GoogleIssuer    string   `help:"OpenID issuer that gave the access." env:"GOOGLE_ISSUER" default:"https://accounts.google.com"`
	GoogleRevokeURL string   `help:"Where tokens are revoked; empty: what the issuer announces." env:"GOOGLE_REVOKE_URL"`
	EmulatorURL     string   `name:"emulator" help:"A running emulator instead of Google; for trials only." env:"EMULATOR_URL"`
	WipeOnly        bool     `help:"The keyset is lost: wipe here, and tell whom to ask to remove the access at Google."`
	KeepSecrets     bool     `help:"Leave the Databricks tokens, Redis tokens and API keys that are held."`
}

// lockedVault opens nothing: for wiping without the keyset.
type lockedVault struct{}

var errLocked = errors.New("there is no keyset")

func (lockedVault) Open(onboarding.SealedTo, []byte) (onboarding.Secret, error) {
	return onboarding.Secret{}, errLocked
}

func (lockedVault) Genuine(_, _ []byte) bool { return false }

func (lockedVault) Seal(onboarding.SealedTo, onboarding.Secret) ([]byte, error) {
	return nil, errLocked
}

// Run ends every access that is held, at Google and here. Where Google does not answer it is wiped all the same, and
// the accounts are named, so that their owners can be asked to remove it; then the exit status is 1. Secrets are wiped
// after that, and it says who has to enter them again.
func (c revokeAllCmd) Run(ctx context.Context, s streams, files fileProblems) error {
	problems := slices.Concat(files, c.problems(), addressProblems(c.EmulatorURL, map[string]string{"GOOGLE_ISSUER": c.GoogleIssuer, "GOOGLE_REVOKE_URL": c.GoogleRevokeURL}))
	if !c.WipeOnly {
		problems = append(problems, c.Keys.problems()...)
	}
	if len(problems) > 0 {
		return report(s, "revoke-all", problems)
	}
	cfg := provisioner.Config{Vault: lockedVault{}, RevokeURL: c.GoogleRevokeURL, Log: slog.New(slog.NewTextHandler(s.Err, nil)), Security: operatorLog(s)}
	if !c.WipeOnly {
		opened, err := c.Keys.open(ctx)
		if err != nil {
			return err
		}
		cfg.Vault = opened
		if c.EmulatorURL != "" {
			c.GoogleIssuer = c.EmulatorURL
		}
		if cfg.RevokeURL == "" {
			if _, cfg.RevokeURL, err = provider(ctx, c.GoogleIssuer); err != nil {
				fmt.Fprintf(s.Err, "the provider does not say where to revoke, so the access is wiped only here: %v\n", err)
			}
		}
	}
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	cfg.Ledger = db
	useCases, err := app.New(app.Config{Store: db, Cloud: provisioner.NewService(cfg), Journey: wizard.New(steps.All()), Vault: cfg.Vault, Now: db.Now, Log: cfg.Log})
	if err != nil {
		return err
	}
	err = revokeEach(ctx, s, useCases)
	operated(ctx, s, onboarding.SecurityRevokedAll, "revoke-all", err)
	if c.KeepSecrets || err != nil && !errors.Is(err, errReported) {
		return err
	}
	return errors.Join(err, wipeSecrets(ctx, s, useCases))
}

// revokeEach revokes and wipes every consent that is held, and says what became of each.
func revokeEach(ctx context.Context, s streams, a *app.App) error {
	var revoked, unconfirmed, held int
	err := a.EndAllAccess(ctx, func(e app.EndedAccess) {
		switch id, email := e.Consent.Onboarding, e.Consent.Email; {
		case e.Err != nil:
			held++
			fmt.Fprintf(s.Out, "HELD    %s %s: %v\n", id, email, e.Err)
		case e.Confirmed:
			revoked++
			fmt.Fprintf(s.Out, "revoked %s %s\n", id, email)
		default:
			unconfirmed++
			fmt.Fprintf(s.Out, "wiped   %s %s: not confirmed by Google; ask them to remove the access at https://myaccount.google.com/connections\n", id, email)
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Err, "%d held: %d revoked at Google and wiped, %d wiped only here, %d still held\n", revoked+unconfirmed+held, revoked, unconfirmed, held)
	if unconfirmed+held > 0 {
		return errReported
	}
	return nil
}

// wipeSecrets wipes every secret that is held, and says who has to enter it again.
func wipeSecrets(ctx context.Context, s streams, a *app.App) error {
	var wiped, kept int
	err := a.WithdrawAllSecrets(ctx, func(w app.WithdrawnSecrets) {
		if w.Err != nil {
			kept++
			fmt.Fprintf(s.Out, "HELD    %s secrets: %v\n", w.Held.Onboarding, w.Err)
			return
		}
		wiped++
		fmt.Fprintf(s.Out, "wiped   %s %s: %s\n", w.Held.Onboarding, words(w.Held.Purposes), whoseTurn(w))
	})
	if err != nil {
		return err
	}
	if wiped+kept > 0 {
		fmt.Fprintf(s.Err, "secrets of %d onboardings wiped, of %d still held. What was wiped still works where it was made: ask for the old tokens and keys to be deleted there\n", wiped, kept)
	}
	if kept > 0 {
		return errReported
	}
	return nil
}

func words(purposes []onboarding.Purpose) string {
	var out []string
	for _, p := range purposes {
		out = append(out, p.Words())
	}
	return strings.Join(out, ", ")
}

// whoseTurn says who enters what again.
func whoseTurn(w app.WithdrawnSecrets) string {
	if w.Over {
		return "nobody waits, it is over"
	}
	if len(w.Missing) == 0 {
		return "nobody waits for it"
	}
	var out []string
	for _, m := range w.Missing {
		who := onboarding.Addressee(w.Onboarding.Owner).Words()
		if m.On == onboarding.PartySpecialist {
			who = cmp.Or(w.Onboarding.Specialist, "nobody is assigned")
		}
		out = append(out, fmt.Sprintf("waits for the %s (%s): %s", m.On, who, m.What))
	}
	return strings.Join(out, "; ")
}
