// Package onboarding is the vocabulary of Groundwork: an onboarding, its answers, the spec that
// follows from them, the plan, the run and its tasks, who is waited for, and what can go wrong.
//
// It knows no HTTP, no SQL, no HTML and no Google client; it imports only the standard library,
// so that every other package may use it.
package onboarding

import (
	"cmp"
	"encoding/json"
	"errors"
	"time"
)

// ID names an onboarding: "ob_" and 20 random lower-case base32 characters. It is safe in a URL and
// says nothing about the customer.
type ID string

// Answers holds what the customer answered, one JSON object per wizard step ID. Answers of steps that
// are off the present path are kept and ignored. Secrets are never in it: a secret field holds a [SecretState].
type Answers map[string]json.RawMessage

// SecretState is what an answer says of a secret: that it is there, or will come later.
// The sealed secret itself is kept apart, by purpose.
type SecretState string

// The states of a secret in an answer.
const (
	SecretMissing SecretState = ""
	SecretSet     SecretState = "set"
	SecretLater   SecretState = "later"
)

// Purpose says what a sealed value is for.
type Purpose string

// The purposes of sealed values.
const (
	PurposeGoogleConsent   Purpose = "google_grant"     // JSON of [ConsentToken]
	PurposeDatabricksToken Purpose = "databricks_token" // the workspace API token
	PurposeRedisToken      Purpose = "redis_token"      // Redis AUTH password
	PurposeVendorAPIKey    Purpose = "vendor_api_key"   // TECTON_API_KEY, given by the specialist
	PurposeWebhookSecret   Purpose = "webhook_secret"   // signs the messages to an endpoint of the vendor's
)

// Words name the secret for people.
func (p Purpose) Words() string {
	switch p {
	case PurposeDatabricksToken:
		return "Databricks token"
	case PurposeRedisToken:
		return "Redis token"
	case PurposeVendorAPIKey:
		return "vendor's API key"
	}
	return string(p)
}

// SealedTo is what a value is sealed to: it opens only for the same.
type SealedTo struct {
	Onboarding ID     // or the [WebhookID] of an endpoint
	Consent    string // [Consent.Ref]; "" where the value is no consent's
	Purpose    Purpose
	Address    string // where the value may be sent: of a workspace or a database; "" none was saved with it
}

// ErrOtherAddress says that a value was sealed for another address than the one that it would be sent to.
var ErrOtherAddress = errors.New("the value was saved for another address")

// Onboarding is one customer's path from the invite to the handover.
// Status and Waiting are projections that the store keeps in the transaction that changes their cause.
type Onboarding struct {
	ID         ID
	Version    int    // of the answers: grows by one a save; a save names the version it saw
	Customer   string // the company's name
	Deployment string // the answered (else proposed) deployment name, "" if none yet
	Region     string
	Project    string       // Google Cloud project ID, "" if not chosen
	Vendor     VendorValues // that apply: entered for it, else from the settings
	Entered    VendorValues // as a specialist entered them for it
	Answers    Answers
	Status     Status
	Waiting    Waiting
	Current    string // the wizard step or task it stands at, for people: "Region", "Create bucket (4 of 9)"
	Specialist string // email address, "" if unassigned
	Owner      string // email address of the customer; an [Addressee] until somebody accepts
	Archived   bool
	// Locked says that the name, region and project can't change, and that archiving doesn't free the name: something was
	// created, and no teardown has succeeded since.
	Locked bool
	Ran    bool // a run was started, however it ended: without one, nothing is in the inventory
	// CopyOf is the onboarding whose answers this one started with; "" none.
	CopyOf ID
	// CopyAskedAt is when the customer asked for a copy that isn't made yet; zero: there is no such request.
	CopyAskedAt time.Time
	CreatedAt   time.Time
	ActivityAt  time.Time
	Wiped       []Purpose // secrets that were given and wiped since, as after a handover
	// ForgottenAt is when its people were erased; zero: not yet.
	ForgottenAt time.Time
}

// FileName is what a download about the onboarding is called: "acme-prod-history.json". While the deployment has no name,
// the ID stands in for it.
func (o Onboarding) FileName(what string) string { return fileName(o.Deployment, o.ID, what) }

// FileName is what a download about the spec's deployment is called; see [Onboarding.FileName].
func (s Spec) FileName(what string) string { return fileName(s.Deployment, s.Onboarding, what) }

func fileName(deployment string, id ID, what string) string {
	return cmp.Or(deployment, string(id)) + "-" + what
}

// WaitsOn is what the onboarding waits for; nothing while it is archived, whatever it was waiting for when it was.
func (o Onboarding) WaitsOn() Waiting {
	if o.Archived {
		return Waiting{}
	}
	return o.Waiting
}

// Party is someone who can be waited for.
type Party string

// The parties.
const (
	PartyNobody       Party = ""
	PartyCustomer     Party = "customer"
	PartyColleague    Party = "colleague"
	PartySpecialist   Party = "specialist"
	PartyOrganization Party = "organisation_administrator" //nolint:misspell // stored
	PartyGoogle       Party = "google"
)

// Parties are those that an onboarding can wait on.
var Parties = []Party{PartyCustomer, PartyColleague, PartySpecialist, PartyOrganization, PartyGoogle}

// OfCustomer reports whether the party is the customer or belongs to the customer's company.
func (p Party) OfCustomer() bool {
	return p == PartyCustomer || p == PartyColleague || p == PartyOrganization
}

// Waiting says on whom an onboarding waits, for what, and since when.
type Waiting struct {
	On    Party
	For   string // a short sentence, "Sign in to Google again"
	Since time.Time
}

// VendorValues is what the specialist enters for an onboarding; each is declared in [VendorGroups]. An empty one means
// its default.
type VendorValues struct {
	ControlPlaneAccount      string `json:"control_plane_account,omitempty"` // email of the vendor's service account; empty: waits on the specialist
	ControlPlanePattern      string `json:"control_plane_pattern,omitempty"` // gives ControlPlaneAccount where that is empty: see [VendorValues.ControlPlane]
	ProposedName             string `json:"proposed_name,omitempty"`
	AllowDataproc            bool   `json:"allow_dataproc,omitempty"`
	NoReadSessionRole        bool   `json:"no_read_session_role,omitempty"`
	NoScopeReaders           bool   `json:"no_scope_readers,omitempty"`
	WorkspaceRole            string `json:"workspace_role,omitempty"`
	DataprocControlPlaneRole string `json:"dataproc_control_plane_role,omitempty"`
	ActAsRole                string `json:"act_as_role,omitempty"`
	BigtableSparkRole        string `json:"bigtable_spark_role,omitempty"`
	BigtableControlPlaneRole string `json:"bigtable_control_plane_role,omitempty"`
	ServingAccount           string `json:"serving_account,omitempty"` // optional service account of the serving plane, gets the Spark role on Bigtable
	ServingProject           string `json:"serving_project,omitempty"` // project of the serving plane, for the Redis peering
	ServingNetwork           string `json:"serving_network,omitempty"`
	RedisVersion             string `json:"redis_version,omitempty"`           // "6.x"
	GoogleCustomerID         string `json:"google_customer_id,omitempty"`      // the vendor's Cloud Identity customer, C0…, for the organization administrator
	OrganizationID           string `json:"organization_id,omitempty"`         // of the vendor at Google, digits
	OfferedRegions           string `json:"offered_regions,omitempty"`         // separated by commas; empty: all
	EgressAddresses          string `json:"egress_addresses,omitempty"`        // IPv4 addresses and ranges that this service calls from, separated by commas; for words only
	ControlPlaneAddresses    string `json:"control_plane_addresses,omitempty"` // the same, of the vendor's control plane
	SecretsURL               string `json:"secrets_url,omitempty"`             // presigned https address for PUT of the encrypted secrets
	HandoverURL              string `json:"handover_url,omitempty"`            // presigned https address for PUT of the record
	APIKeyWiped              bool   `json:"api_key_wiped,omitempty"`           // an API key was given and wiped before its use; saving the values ends it
}
