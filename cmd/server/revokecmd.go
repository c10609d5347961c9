package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/sync/errgroup"

	"groundwork/onboarding"
	"groundwork/provisioner"
)

type revokeAllCmd struct {
	databaseFlags
	Keys            keyFlags `embed:""`
	GoogleIssuer    string   `help:"OpenID issuer that gave the access." env:"GOOGLE_ISSUER" default:"https://accounts.google.com"`
	GoogleRevokeURL string   `help:"Where tokens are revoked; empty: what the issuer announces." env:"GOOGLE_REVOKE_URL"`
	EmulatorURL     string   `name:"emulator" help:"A running emulator instead of Google; for trials only." env:"EMULATOR_URL"`
	WipeOnly        bool     `help:"The keyset is lost: wipe here, and tell whom to ask to remove the access at Google."`
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
// the accounts are named, so that their owners can be asked to remove it; then the exit status is 1.
func (c revokeAllCmd) Run(ctx context.Context, s streams, files fileProblems) error {
	problems := append([]string(files), c.problems()...)
	if !c.WipeOnly {
		problems = append(problems, c.Keys.problems()...)
	}
	if len(problems) > 0 {
		return tell(s, "revoke-all", problems)
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
	return revokeEach(ctx, s, db, provisioner.NewService(cfg))
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
