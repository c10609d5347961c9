package onboarding

import (
	"encoding/base32"
	"fmt"
	"io"
	"strings"
	"time"
)

// Filter says which onboardings a list shows, and in which order. The zero value shows all that aren't archived.
type Filter struct {
	Archived   bool   // those that are, instead
	Status     Status // "" all
	Search     string // in customer, owner, deployment, project or ID, in any case: as it is, or as words in any order; one or two characters begin a word
	Specialist string // email address; "" any, "none" unassigned
	Sort       Sort
	Cursor     string        // opaque, from a [Page] of the same filter; "" is the first page; anything else is CodeInvalid
	Waiting    Party         // "" any
	Waited     time.Duration // waiting for longer than this; 0 includes what waits on nobody
	Limit      int           // rows per page, at most 1,000; 0 is 50
}

// Page is one page of a list.
type Page struct {
	Items  []Onboarding
	Places []string // of the items, as [Neighbor.Place]
	Next   string   // cursor of the page after, "" on the last
	Prev   string   // cursor of the page before, "" on the first
	// Counts are for the tabs, under the filter without its status; "" counts all. nil: so many that nobody counted.
	Counts map[Status]int
	// Archived counts those under the filter that are archived, up to a few thousand.
	Archived int
	Total    int  // rows under the whole filter
	AtLeast  bool // there are more than Total, and counting stopped
}

// Neighbors are the rows before and after one in a list.
type Neighbors struct {
	Prev, Next      Neighbor
	Position, Total int // "12 of 48"; 0 where the list is long, or the row is not in it any more
}

// Neighbor is a row's ID, "" for none, and its place in the list: the list's order may change, the place doesn't.
type Neighbor struct {
	ID    ID
	Place string // opaque, as [Filter.Cursor]
}

// ListView is a filter of the list under a name.
type ListView struct {
	ID     int64
	Name   string // at most 60 characters
	By     string // email address
	Shared bool   // with all of the staff
	Query  string // of the list's address
}

// NewOnboarding is what a specialist enters to start one.
type NewOnboarding struct {
	ID           ID // made by [NewID], because sealed values are bound to it
	Customer     string
	OwnerEmail   string // an [Addressee]: who accepts as the first customer becomes the owner
	Specialist   string // email address, "" unassigned
	Vendor       VendorValues
	VendorAPIKey []byte        // sealed; nil: none yet
	InviteTTL    time.Duration // 0: 14 days
	MailInvite   bool          // the worker mails the link, with a token of its own
}

// SaveAnswer is one saved step and the projections that follow from all answers.
type SaveAnswer struct {
	ID         ID
	Version    int    // the version that the person saw
	Step       string // wizard step ID
	Answer     []byte // JSON object, without secrets
	Sealed     map[Purpose][]byte
	Dropped    []Purpose // secrets to wipe
	Deployment string
	Region     string
	Project    string
	Current    string // the next step's title, for people
	Waiting    Waiting
	Title      string   // of the step, in the form's words
	First      bool     // the step was not answered before
	Changes    []Change // before and after, without secrets
}

// HeldSecrets says which secrets an onboarding holds.
type HeldSecrets struct {
	Onboarding ID
	Purposes   []Purpose
}

// Withdrawal is what follows for an onboarding from wiping secrets that it still needs.
type Withdrawal struct {
	ID      ID
	Version int       // of the answers that it follows from
	Wiped   []Purpose // exactly what is held
	Vendor  VendorValues
	Answers Answers // those that change: a secret that was there is to come
	Current string
	Waiting Waiting
}

// Note is a specialist's remark, never shown to the customer.
type Note struct {
	ID   int64
	At   time.Time
	By   string // email address
	Text string
}

// NewID makes an onboarding's ID from 20 characters of random, crypto/rand.Reader.
func NewID(random io.Reader) (ID, error) {
	s, err := name(random)
	return ID("ob_" + s), err
}

// NewRunID makes a run's ID from 20 characters of random, crypto/rand.Reader.
func NewRunID(random io.Reader) (RunID, error) {
	s, err := name(random)
	return RunID("run_" + s), err
}

// NewConsentRef makes a consent's random name, which its token is sealed to, from 20 characters of random, crypto/rand.Reader.
func NewConsentRef(random io.Reader) (string, error) {
	s, err := name(random)
	return "grant_" + s, err
}

func name(random io.Reader) (string, error) {
	b := make([]byte, 13)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("make a random name: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))[:20], nil
}
