package app

import (
	"context"
	"encoding/base64"
	"time"

	"groundwork/onboarding"
)

type anchorStore interface {
	// AnchorAudit makes, signs and keeps the next root over the ends of all histories; the zero root, and nothing done, if
	// the last one is younger than every.
	AnchorAudit(ctx context.Context, every time.Duration, sign onboarding.Signer) (onboarding.SignedAuditRoot, error)
}

// anchorEvery is how old a root gets before the next one is made.
const anchorEvery = time.Hour

// AnchorAudit signs where all histories end, once an hour over all processes, and writes that to the log: a log that is
// kept elsewhere then shows what the database's owner rewrote. Without a key that signs it does nothing.
func (a *App) AnchorAudit(ctx context.Context) {
	if a.cfg.Sign == nil {
		return
	}
	root, err := a.cfg.Store.AnchorAudit(ctx, anchorEvery, a.cfg.Sign)
	switch {
	case err != nil && ctx.Err() == nil:
		a.cfg.Log.ErrorContext(ctx, "anchor the histories", "error", err)
	case err == nil && root.ID != 0:
		a.cfg.Log.InfoContext(ctx, onboarding.AuditRootLogged, "text", root.Text(), "key", root.Key, "signature", base64.StdEncoding.EncodeToString(root.Signature))
	}
}

// AuditKeys are the public keys that check signatures of roots.
func (a *App) AuditKeys() []onboarding.PublicKey { return a.cfg.AuditKeys }
