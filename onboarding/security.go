package onboarding

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
)

// SecurityKind names a security decision or an act that security watches. Alerts are set on kinds, so a kind keeps its
// spelling; docs/security-events.md describes each.
type SecurityKind string

// The kinds.
const (
	SecuritySignIn          SecurityKind = "sign_in"
	SecuritySignInFailed    SecurityKind = "sign_in_failed"
	SecuritySessionEnded    SecurityKind = "session_ended"
	SecurityRefused         SecurityKind = "refused"
	SecurityRoleChanged     SecurityKind = "role_changed"
	SecurityViewed          SecurityKind = "viewed"
	SecurityDownloaded      SecurityKind = "downloaded"
	SecurityArchived        SecurityKind = "archived"
	SecurityRestored        SecurityKind = "restored"
	SecurityForgotten       SecurityKind = "forgotten"
	SecuritySettingsChanged SecurityKind = "settings_changed"
	SecurityKeyUsed         SecurityKind = "key_used"
	SecurityKeyChanged      SecurityKind = "key_changed"
	SecurityAccessEnded     SecurityKind = "access_ended"
	SecurityRevokedAll      SecurityKind = "revoked_all"
)

// SecurityKinds are all kinds.
var SecurityKinds = []SecurityKind{
	SecuritySignIn, SecuritySignInFailed, SecuritySessionEnded, SecurityRefused, SecurityRoleChanged, SecurityViewed, SecurityDownloaded,
	SecurityArchived, SecurityRestored, SecurityForgotten, SecuritySettingsChanged, SecurityKeyUsed, SecurityKeyChanged, SecurityAccessEnded, SecurityRevokedAll,
}

// SecurityOutcome is how the action in a security event ended.
type SecurityOutcome string

// The outcomes.
const (
	SecurityDone   SecurityOutcome = "done"
	SecurityDenied SecurityOutcome = "refused" // by a rule of ours, or because of what was sent
	SecurityFailed SecurityOutcome = "failed"  // on our side, or at a service that we call
)

// SecurityEvent is one line of the security log. It holds no secret, and nothing that a person typed but addresses.
type SecurityEvent struct {
	Kind       SecurityKind
	Outcome    SecurityOutcome
	Person     string // email address; "" nobody is signed in
	Role       Role   // on the route; "" none
	Address    string // the client's; "" that of the request that the context is of, or [SecurityServer]
	RequestID  string
	Route      string // method and pattern, or the command; never the path, which may hold a token
	Onboarding ID     // "" none is concerned
	About      string // what it was about: "kim@vendor.example administrator"; "" nothing more
}

// SecurityServer is the address of what no request caused: a run, the background, and the operator's commands.
const SecurityServer = "server"

type clientKey struct{}

// WithClient is the context of a request of a client with an address, for what is logged deeper down.
func WithClient(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, clientKey{}, address)
}

// SecurityLog writes security events as lines of their own in the servers' log: each has "log":"security".
type SecurityLog struct {
	Log *slog.Logger // nil: slog.Default
	// Pseudonyms replaces each person by a keyed hash of their address, the same one in all lines; nil: they are named.
	Pseudonyms []byte
}

// Write writes an event.
func (l SecurityLog) Write(ctx context.Context, e SecurityEvent) {
	log := l.Log
	if log == nil {
		log = slog.Default()
	}
	if e.Address == "" {
		e.Address, _ = ctx.Value(clientKey{}).(string)
	}
	if e.Address == "" {
		e.Address = SecurityServer
	}
	level := slog.LevelInfo
	if e.Outcome != SecurityDone {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{slog.String("log", "security"), slog.String("kind", string(e.Kind)), slog.String("outcome", string(e.Outcome))}
	for _, a := range []slog.Attr{
		slog.String("person", l.person(e.Person)), slog.String("role", string(e.Role)), slog.String("address", e.Address), slog.String("request_id", e.RequestID),
		slog.String("route", e.Route), slog.String("onboarding", string(e.Onboarding)), slog.String("about", e.About),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	log.LogAttrs(ctx, level, "security", attrs...)
}

func (l SecurityLog) person(email string) string {
	if email == "" || l.Pseudonyms == nil {
		return email
	}
	sum := hmac.New(sha256.New, l.Pseudonyms)
	sum.Write([]byte(email))
	return "person_" + hex.EncodeToString(sum.Sum(nil))[:20]
}
