package onboarding

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of thing went wrong; each has one HTTP status and one way to continue.
type Code string

// The codes.
const (
	CodeInvalid     Code = "invalid"      // 422: the answer needs mending
	CodeNotFound    Code = "not_found"    // 404: unknown, or someone else's
	CodeStale       Code = "stale"        // 409: changed in the meantime
	CodeForbidden   Code = "forbidden"    // 403
	CodeGone        Code = "gone"         // 410: used or expired
	CodeUnavailable Code = "unavailable"  // 503: try again shortly
	CodeTooMany     Code = "too_many"     // 429: as often as is allowed; [Error.After] says when it may be tried again
	CodeInternal    Code = "internal"     // 500
	CodeFenced      Code = "fenced"       // the run was taken over; stop everything
	CodeSignIn      Code = "sign_in"      // the customer must sign in to Google again
	CodePermission  Code = "permission"   // a Google Cloud permission is missing
	CodeConflict    Code = "conflict"     // exists and isn't ours
	CodePlanChanged Code = "plan_changed" // needs an action outside the approved plan
	CodeOrgPolicy   Code = "org_policy"   // an organization policy forbids it
	CodeBilling     Code = "billing"      // the project has no billing account
	CodeAPIDisabled Code = "api_disabled" // an API is off
	CodeQuota       Code = "quota"
	CodeGuide       Code = "guide"   // the customer follows a guide, then we check
	CodeTimeout     Code = "timeout" // the task's deadline passed
	CodeCloud       Code = "cloud"   // Google answered something else that is final
)

// Error carries two sentences: one for the customer, who learns what to do next, and the operator's cause.
type Error struct {
	Code    Code
	Message string        // for the customer or specialist, on the page
	Err     error         // for the operator; may be nil
	After   time.Duration // after which trying again helps; 0: unknown
}

func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Code) + ": " + e.Message
	}
	return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an [Error] with a formatted message for the person who reads the page.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// ErrorCode returns the code of the first [Error] in err's chain, "" for nil, CodeInternal for any other.
func ErrorCode(err error) Code {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	default:
		return CodeInternal
	}
}

// Blocked is the error of a task that needs a person: sign in again, follow the guide, ask the administrator.
type Blocked struct {
	Code   Code
	On     Party
	Action string // what they must do: "Sign in to Google again"
	Why    string // one sentence for the customer
	Err    error  // for the operator
}

func (b *Blocked) Error() string {
	return fmt.Sprintf("blocked on %s: %s: %s", b.On, b.Action, b.Why)
}

func (b *Blocked) Unwrap() error { return b.Err }

// NotReady is the error of a task that must look again later: Google is propagating, an operation is running.
type NotReady struct {
	After time.Duration // zero: the runner's own backoff
	Why   string        // for the customer: "The service account is still propagating at Google"
	// Done is how much a long work got done since the last look. Then it goes on at once, for as long as it gets on, and the
	// customer reads how much is done so far.
	Done int
}

func (n *NotReady) Error() string { return "not ready: " + n.Why }

// Secret prints as [redacted] wherever it is printed or marshaled; Reveal gives the text.
type Secret struct{ text string }

// NewSecret wraps a secret text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the secret's text. Call it at the last moment.
func (s Secret) Reveal() string { return s.text }

// Empty reports whether there is nothing in it.
func (s Secret) Empty() bool { return s.text == "" }

func (Secret) String() string               { return "[redacted]" }
func (Secret) GoString() string             { return "[redacted]" }
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }
