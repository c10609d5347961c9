package web

import (
	"time"

	"groundwork/onboarding"
)

// AuditView is an onboarding's history with its hashes, for reading and for download.
type AuditView struct {
	Frame
	Onboarding onboarding.Onboarding
	Entries    []onboarding.AuditEntry // oldest first
}

// last is the hash that stands for the whole history.
func (v AuditView) last() string {
	if len(v.Entries) == 0 {
		return ""
	}
	return v.Entries[len(v.Entries)-1].Hash
}

// Session is one browser in which a person is signed in.
type Session struct {
	ID       string // for ending it; opens nothing
	Browser  string // what the browser said of itself
	SignedAt time.Time
	SeenAt   time.Time
	Current  bool
}

// SessionsView lists a person's sessions.
type SessionsView struct {
	Frame
	Sessions []Session // the current one first
}

// FieldSession names the session to end on POST /sessions/end; "others" ends all but the current one.
const FieldSession = "session"
