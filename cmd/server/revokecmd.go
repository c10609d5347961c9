package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/store"
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
	cfg := provisioner.Config{Vault: lockedVault{}, RevokeURL: c.GoogleRevokeURL, Log: slog.New(slog.NewTextHandler(s.Err, nil))}
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
				fmt.Fprintf(s.Err, "the provider does not say where to revoke, so the access is wiped here alone: %v\n", err)
			}
		}
	}
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	cfg.Ledger = db
	err = revokeEach(ctx, s, db, provisioner.NewService(cfg))
	if c.KeepSecrets || err != nil && !errors.Is(err, errReported) {
		return err
	}
	return errors.Join(err, wipeSecrets(ctx, s, db))
}

// grantLister is what revokeEach needs of the store.
type grantLister interface {
	LiveGrants(context.Context) ([]onboarding.Grant, error)
	Grants(context.Context, onboarding.Actor, onboarding.ID) ([]onboarding.Grant, error)
}

// revokeEach revokes and wipes every live grant, several at a time.
func revokeEach(ctx context.Context, s streams, db grantLister, service *provisioner.Service) error {
	grants, err := db.LiveGrants(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var unconfirmed, held int
	var group errgroup.Group
	group.SetLimit(8)
	for _, g := range grants {
		group.Go(func() error {
			err := service.Revoke(ctx, onboarding.System, g.Onboarding)
			confirmed := false
			if err == nil {
				var after []onboarding.Grant
				after, err = db.Grants(ctx, onboarding.System, g.Onboarding)
				for _, a := range after {
					if a.ID == g.ID {
						confirmed = !a.RevokedAt.IsZero()
					}
				}
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				held++
				fmt.Fprintf(s.Out, "HELD    %s %s: %v\n", g.Onboarding, g.Email, err)
			case confirmed:
				fmt.Fprintf(s.Out, "revoked %s %s\n", g.Onboarding, g.Email)
			default:
				unconfirmed++
				fmt.Fprintf(s.Out, "wiped   %s %s: not confirmed by Google; ask them to remove the access at https://myaccount.google.com/connections\n", g.Onboarding, g.Email)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Fprintf(s.Err, "%d held: %d revoked at Google and wiped, %d wiped here alone, %d still held\n", len(grants), len(grants)-unconfirmed-held, unconfirmed, held)
	if unconfirmed+held > 0 {
		return errReported
	}
	return nil
}

// wipeSecrets wipes every secret that is held, and lets the onboardings that need one wait for whoever gave it.
func wipeSecrets(ctx context.Context, s streams, db *store.Store) error {
	journey := wizard.New(steps.All())
	wiped := 0
	var kept map[onboarding.ID]error
	for range 5 { // what somebody enters meanwhile is seen the next time
		held, err := db.HeldSecrets(ctx)
		if err != nil {
			return err
		}
		kept = map[onboarding.ID]error{}
		for _, h := range held {
			waits, err := withdraw(ctx, db, journey, h)
			if err != nil {
				kept[h.Onboarding] = err
				continue
			}
			wiped++
			fmt.Fprintf(s.Out, "wiped   %s %s: %s\n", h.Onboarding, words(h.Purposes), waits)
		}
		if len(kept) == 0 {
			break
		}
	}
	for id, err := range kept {
		fmt.Fprintf(s.Out, "HELD    %s secrets: %v\n", id, err)
	}
	if wiped+len(kept) > 0 {
		fmt.Fprintf(s.Err, "secrets of %d onboardings wiped, of %d still held. What was wiped still works where it was made: ask for the old tokens and keys to be deleted there\n", wiped, len(kept))
	}
	if len(kept) > 0 {
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

// withdraw wipes one onboarding's secrets and says who is waited for then.
func withdraw(ctx context.Context, db *store.Store, journey *wizard.Journey, h store.Held) (waits string, err error) {
	ob, err := db.Onboarding(ctx, onboarding.System, h.Onboarding)
	if err != nil {
		return "", err
	}
	w, after, err := journey.Withdraw(wizard.Context{Onboarding: ob.ID, Answers: ob.Answers, Vendor: ob.Vendor}, ob.Version, h.Purposes)
	if err != nil {
		return "", err
	}
	return whoseTurn(ob, journey.Outstanding(after)), db.WithdrawSecrets(ctx, w)
}

// whoseTurn says who enters what again.
func whoseTurn(ob onboarding.Onboarding, missing []wizard.Outstanding) string {
	if slices.Contains(onboarding.FinishedStatuses, ob.Status) || ob.Archived {
		return "nobody waits, it is over"
	}
	if len(missing) == 0 {
		return "nobody waits for it"
	}
	var out []string
	for _, m := range missing {
		who := onboarding.Addressee(ob.Owner).Words()
		if m.On == onboarding.PartySpecialist {
			who = cmp.Or(ob.Specialist, "nobody is assigned")
		}
		out = append(out, fmt.Sprintf("waits for the %s (%s): %s", m.On, who, m.What))
	}
	return strings.Join(out, "; ")
}
