package onboarding

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"
)

// Role is what a person may do. Each entry point checks it once, where it admits a request.
type Role string

// The roles. RoleSystem is the workers'.
const (
	RoleCustomer      Role = "customer"  // owns the onboarding
	RoleColleague     Role = "colleague" // was sent the cloud step
	RoleReader        Role = "reader"    // was sent the plan, to read it
	RoleSpecialist    Role = "specialist"
	RoleAdministrator Role = "administrator"
	RoleSystem        Role = "system"
)

// Staff reports whether the role is the vendor's.
func (r Role) Staff() bool { return r == RoleSpecialist || r == RoleAdministrator || r == RoleSystem }

// Member reports whether the role is of the customer's side, which may act in the customer's cloud.
func (r Role) Member() bool { return r == RoleCustomer || r == RoleColleague }

// LessThan reports whether a staff role gives less than another. Any role that isn't staff's gives nothing.
func (r Role) LessThan(other Role) bool {
	rising := []Role{RoleSpecialist, RoleAdministrator}
	return slices.Index(rising, r) < slices.Index(rising, other)
}

// Actor is who does something: each store method takes one, and its queries see what that actor may see.
type Actor struct {
	Email     string // lower case, verified by the identity provider
	Account   Account
	Unmanaged bool // the provider states that the organization of the address's domain doesn't manage the account
	Name      string
	Role      Role
	RequestID string
	Form      FormKey // of the form that the request sent
}

// FormKey is the random key of one form, so that it acts once although it is sent twice. "": the form has none, and acts
// each time.
type FormKey string

// ErrSentBefore marks a CodeConflict: the same form was already acted on.
var ErrSentBefore = errors.New("the form was sent before")

// Account identifies someone to an identity provider, whatever address they have there: the issuer, a blank, and the
// subject. "" is nobody's.
type Account string

// NewAccount is the account of an ID token's issuer and subject.
func NewAccount(issuer, subject string) Account { return Account(issuer + " " + subject) }

// Is reports whether what is bound to an account is this account's. What is bound to none yet is anybody's who has the
// address.
func (a Account) Is(bound Account) bool { return bound == "" || bound == a }

// ErrEarlierAccount marks a CodeConflict: the actor's address had another account before, and what that account began
// has to end first.
var ErrEarlierAccount = errors.New("the address had another account before")

// System is the actor of the workers.
var System = Actor{Email: "system", Name: "Groundwork", Role: RoleSystem}

// Addressee is whom an invite is for, in lower case: one address, "ada@customer.example", or with nothing before the
// @ the first person of that very domain, "@customer.example".
type Addressee string

// Domain is "customer.example" of "@customer.example", and "" of an address.
func (a Addressee) Domain() string {
	if domain, ok := strings.CutPrefix(string(a), "@"); ok {
		return domain
	}
	return ""
}

// Admits reports whether who owns a verified address, in lower case, may take the invite. A domain admits none of its
// subdomains.
func (a Addressee) Admits(email string) bool {
	if a.Domain() == "" {
		return string(a) == email
	}
	local, ok := strings.CutSuffix(email, string(a))
	return ok && local != "" && !strings.Contains(local, "@")
}

// Host is what follows the @, of an address and of a domain.
func (a Addressee) Host() string { return string(a)[strings.LastIndexByte(string(a), '@')+1:] }

// Words are the addressee for people: the address, or "anyone at customer.example".
func (a Addressee) Words() string {
	if domain := a.Domain(); domain != "" {
		return "anyone at " + domain
	}
	return string(a)
}

// Invite is a link for one person to one onboarding.
type Invite struct {
	ID         int64
	Onboarding ID
	To         Addressee
	Role       Role // RoleCustomer, RoleColleague or RoleReader
	CreatedBy  string
	CreatedAt  time.Time
	ExpiresAt  time.Time
	UsedAt     time.Time // zero: unused
	UsedBy     string    // of an addressee that is a domain; "" unused
	RevokedAt  time.Time // zero: not revoked
}

// TakenBy reports whether it was this person who used the invite.
func (i Invite) TakenBy(email string) bool {
	return !i.UsedAt.IsZero() && (i.UsedBy == email || i.To.Domain() == "" && i.To.Admits(email))
}

// StaffMember is one of the vendor's people, as an administrator added them.
type StaffMember struct {
	Email   string
	Role    Role // RoleSpecialist or RoleAdministrator
	AddedBy string
	AddedAt time.Time
}

// StaffPerson is one of the vendor's staff and where their role comes from: the higher one counts.
type StaffPerson struct {
	Email      string
	Configured Role        // by the configuration; "" it gives none
	Setting    string      // of the configuration that names them, "ADMINISTRATORS"
	Added      StaffMember // by an administrator; zero: not
}

// Role is what the person may do.
func (p StaffPerson) Role() Role {
	if p.Configured == RoleAdministrator || p.Added.Role == "" {
		return p.Configured
	}
	return p.Added.Role
}

// StaffChange is one line of the append-only record of who assigned or removed whose staff role.
type StaffChange struct {
	At            time.Time
	Actor, Email  string
	Before, After Role // "" none
}

// Colleague is someone who was sent the cloud step, for a limited time.
type Colleague struct {
	Email     string
	InvitedBy string // email address, "" unknown
	JoinedAt  time.Time
	Until     time.Time // from then on they see nothing of the onboarding
}

// Consent is a person's permission to act in their Google Cloud; the token itself is sealed and not in here.
type Consent struct {
	ID         int64
	Ref        string // random, from [NewConsentRef]; "" in a consent from before there were any
	Onboarding ID
	Email      string   // the Google account that consented
	Account    Account  // of Email; "" in a consent of an earlier version
	Client     string   // the OAuth client that it was given to; "" in a consent of an earlier version
	Scopes     []string // granted, as Google said at the callback
	Asked      []string
	GivenBy    string   // the member who consented, "" in a consent from before that was kept; the account may have another address
	Project    string   // that the consent named, "" none was chosen yet: then it is for choosing one
	Shown      []string // the permissions that the consent listed, by [Permission.Line]
	CreatedAt  time.Time
	RevokedAt  time.Time // at Google; zero: not yet
	Kept       bool      // wiped, and not revoked at Google yet: that ends with the last live consent of the same account and client
	WipedAt    time.Time // here; zero: still held
	WipedBy    string    // who gave it up or replaced it, the system at the end of a run; "" in a consent from before that was kept
	Sealed     []byte    // nil once wiped
	MAC        []byte    // of [Consent.Authority]; nil in a consent of an earlier version
}

// SealedTo is what the consent's token is sealed to.
func (g Consent) SealedTo() SealedTo {
	return SealedTo{Onboarding: g.Onboarding, Consent: g.Ref, Purpose: PurposeGoogleConsent}
}

// Live reports whether the consent still holds a token.
func (g Consent) Live() bool { return g.ID != 0 && g.WipedAt.IsZero() }

// ShownReadOnly is among the lines of a consent that was given only to read.
const ShownReadOnly = "read-only"

// ShownRemoval is among the lines of a consent whose page said that everything is removed with it.
const ShownRemoval = "removal"

// ServesRemoval reports whether the consent may be used for a teardown that this customer approved: because they gave it
// themselves, or because its page said what it is for. CodeSignIn.
func (g Consent) ServesRemoval(customer string) error {
	if g.GivenBy == customer || slices.Contains(g.Shown, ShownRemoval) {
		return nil
	}
	return Errorf(CodeSignIn, "The access that %s gave isn't recorded as being for a removal, so we won't use it for one. Review what we request for the removal, then connect again.", g.Email)
}

// Serves reports whether the consent may be used in a project for what needs these permissions, because of that person.
// CodeSignIn where it was given for another project, or before one was chosen; or, for somebody else than who gave it and
// for anyone where it was given to read only, where the consent didn't list each permission.
func (g Consent) Serves(by, project string, needed []Permission) error {
	switch {
	case g.Project == "":
		return Errorf(CodeSignIn, "%s gave access before the project was chosen, so we can use it only to choose one. Review what we request for %s, then connect again.", g.Email, project)
	case g.Project != project:
		return Errorf(CodeSignIn, "%s gave access for the project %s, not for %s. Review what we request for %s, then connect again.", g.Email, g.Project, project, project)
	case slices.Contains(g.Shown, ShownReadOnly) && !g.Covers(needed):
		return Errorf(CodeSignIn, "%s gave access only to read, which isn't enough for this. Review what we request for this, then connect again.", g.Email)
	case by != g.GivenBy && !g.Covers(needed):
		return Errorf(CodeSignIn, "This needs more than was listed when %s gave the access. Ask them to review it and continue here, or connect your own account.", g.Email)
	}
	return nil
}

// ServesRun reports whether a run may use the consent for these permissions: for those that it listed, whoever started or
// resumed the run, a specialist too. More than that only its giver decides, by resuming or starting the run as the last
// one, or by having approved its plan while this consent was held (approved, as [Run.Approval] shows): then others may
// repeat the run. A teardown needs [Consent.ServesRemoval] too. Errors: those of Serves.
func (g Consent) ServesRun(r Run, approved bool, needed []Permission) error {
	if r.Kind == RunTeardown {
		if err := g.ServesRemoval(r.StartedBy); err != nil {
			return err
		}
	}
	by := r.ActsFor()
	if approved {
		by = g.GivenBy
	}
	return g.Serves(by, r.Plan.Spec.Project, needed)
}

// Covers reports whether the consent listed each of these permissions. The project that it is for may be named or not: it
// was not chosen yet where a consent was given first.
func (g Consent) Covers(needed []Permission) bool {
	return !slices.ContainsFunc(needed, func(p Permission) bool {
		line := p.Line()
		switch p.On {
		case "":
			line = Permission{Name: p.Name, On: g.Project}.Line()
		case g.Project:
			line = p.Name
		}
		return !slices.Contains(g.Shown, p.Line()) && !slices.Contains(g.Shown, line)
	})
}

// ConsentToken is what a consent's sealed value holds, as JSON.
type ConsentToken struct {
	RefreshToken string    `json:"refresh_token"`
	AccessToken  string    `json:"access_token,omitempty"`
	Expiry       time.Time `json:"expiry,omitzero"`
}

// ConsentUse is one use of a consent's access, for the receipt.
type ConsentUse struct {
	ID      int64
	Consent int64
	At      time.Time
	By      string // who caused it; "" in lines from before that was kept, and once the person is erased
	Purpose string // "plan", "preflight", "run"
	Text    string // one sentence for people
}

// OfRun reports whether a run used the consent.
func (u ConsentUse) OfRun() bool { return u.Purpose == "run" }

// OfSecret reports whether it wasn't the consent that was used, but a sealed secret, while the consent was open.
func (u ConsentUse) OfSecret() bool {
	switch Purpose(u.Purpose) {
	case PurposeDatabricksToken, PurposeRedisToken, PurposeVendorAPIKey:
		return true
	}
	return false
}

// Contact is a person or a team that a customer can ask. The zero value is nobody.
type Contact struct {
	Name       string // "" if unknown, which only a specialist's can be
	Email, URL string // at most one
	Specialist bool   // they are the onboarding's
}

// Known reports whether there is someone to ask, and a way to reach them.
func (c Contact) Known() bool { return c.Email != "" || c.URL != "" }

// Words names the contact: by their address if their name is unknown.
func (c Contact) Words() string { return cmp.Or(c.Name, c.Address()) }

// Address is how to reach the contact, for people.
func (c Contact) Address() string { return cmp.Or(c.Email, c.URL) }

// Link is how to reach the contact, for a browser.
func (c Contact) Link() string {
	if c.Email != "" {
		return "mailto:" + c.Email
	}
	return c.URL
}
