package onboarding

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// CheckState is how a preflight check ended.
type CheckState string

// The ends of a check. Unreadable is its own result: nobody may take it for a pass.
const (
	CheckOK         CheckState = "ok"
	CheckFailed     CheckState = "failed"
	CheckUnreadable CheckState = "unreadable"
	CheckWarning    CheckState = "warning"
)

// CheckPermissions is the name of the check of the permissions that a run needs.
const CheckPermissions = "permissions"

// CheckResult is one preflight check of the customer's cloud, read with the customer's own access.
type CheckResult struct {
	Name        string // stored with overrides, never renamed: "billing"
	Title       string // "Billing is on"
	State       CheckState
	ReadAt      time.Time
	Why         string   // why it matters
	Found       string   // what was found, in words
	Fix         []string // steps; nil when ok
	Command     string   // to copy, "" if none
	Link        string   // to the Cloud console, "" if none
	Request     string   // text to send to Party, "" if none
	On          Party    // who can fix it
	Overridable bool     // a specialist may go on without it, with a reason
}

// Decidable reports whether a specialist may decide about what the check found: go on although it failed, or accept its
// warning.
func (c CheckResult) Decidable() bool {
	return c.Overridable && (c.State == CheckFailed || c.State == CheckWarning)
}

// Finding identifies what the check found, for a page that asks about it: a decision is about one finding, and not about
// whatever the check may find later.
func (c CheckResult) Finding() string {
	h := sha256.Sum256(fields(string(c.State), c.Found))
	return hex.EncodeToString(h[:16])
}
