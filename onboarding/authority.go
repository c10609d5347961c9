package onboarding

import (
	"fmt"
	"strconv"
	"strings"
)

// Authenticator makes and checks the codes of what someone who can only write to the database must not decide, such as what a
// run was approved for, and what a consent was given for.
type Authenticator interface {
	Authenticate(what []byte) ([]byte, error)
	// Genuine reports whether a code is what Authenticate made of the same. No code is not.
	Genuine(what, code []byte) bool
}

// fields writes each field with its length, so that none can run into another.
func fields(all ...string) []byte {
	var out strings.Builder
	for _, f := range all {
		fmt.Fprintf(&out, "%d:%s,", len(f), f)
	}
	return []byte(out.String())
}

// Authority is what a run's code covers: which run of which onboarding, what for, because of whom, in which project, and
// the plan as it was pinned. A run that its starter resumes has the code of earlier versions.
func (r Run) Authority() []byte {
	what := []string{"groundwork run v1", string(r.ID), string(r.Onboarding), string(r.Kind), r.StartedBy, r.Plan.Spec.Project, string(r.Pinned)}
	if r.ResumedBy != "" {
		what[0] = "groundwork resumed run v1"
		what = append(what, r.ResumedBy)
	}
	return fields(what...)
}

// Approval is what the code covers that says that the consent's giver approved the run's plan themselves, while that
// consent was held.
func (r Run) Approval(g Consent) []byte {
	return fields("groundwork approval v1", string(r.ID), string(r.Onboarding), string(r.Pinned), g.Ref, g.GivenBy)
}

// Authority is what the code of a setting covers that has one.
func (s SavedSetting) Authority() []byte {
	return fields("groundwork setting v1", s.Name, s.Value)
}

// Authenticated reports whether the setting has a code: it decides who gets the customers' secrets.
func (s SavedSetting) Authenticated() bool {
	return s.Value != "" && (s.Name == SettingAgeRecipient || s.Name == SettingConsoleText || s.Name == SettingConsoleLink)
}

// RecordAuthority is what the code of a run's record covers.
func RecordAuthority(run RunID, record []byte) []byte {
	return fields("groundwork record v1", string(run), string(record))
}

// SessionAuthority is what the code of a browser session covers: its hashed token and what it holds, such as who is signed in.
func SessionAuthority(token string, data []byte) []byte {
	return fields("groundwork session v1", token, string(data))
}

// ReadingAuthority is what the code of a reading covers: of which onboarding, for which kind of run, of which version of the
// answers, who read it, and its plan and checks as the JSON that is stored.
func ReadingAuthority(id ID, kind RunKind, version int, by string, plan, checks []byte) []byte {
	return fields("groundwork reading v1", string(id), string(kind), strconv.Itoa(version), by, string(plan), string(checks))
}

// Authority is what a consent's code covers: which consent of which onboarding, whose account, who gave it, for which
// project and purpose, and what it listed.
func (g Consent) Authority() []byte {
	return fields(append([]string{"groundwork consent v1", g.Ref, string(g.Onboarding), g.Email, g.GivenBy, g.Project, string(PurposeGoogleConsent)}, g.Shown...)...)
}
