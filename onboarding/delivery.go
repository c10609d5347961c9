package onboarding

import (
	"io"
	"slices"
	"strings"
	"time"
)

// DeliveryID names what is delivered, and is the ID of its message in every try: "msg_" and 20 random lower-case base32
// characters.
type DeliveryID string

// NewDeliveryID makes a random name from random, crypto/rand.Reader.
func NewDeliveryID(random io.Reader) (DeliveryID, error) {
	s, err := name(random)
	return DeliveryID("msg_" + s), err
}

// DeliveryKind says what is delivered.
type DeliveryKind string

// The kinds.
const (
	DeliverRecord  DeliveryKind = "record"  // outputs.json of a run
	DeliverSecrets DeliveryKind = "secrets" // the customer's secrets, encrypted
)

// DeliveryState is the state of a delivery.
type DeliveryState string

// The states.
const (
	DeliveryPending     DeliveryState = "pending"     // it is tried until the vendor's address accepts it
	DeliveryUnconfirmed DeliveryState = "unconfirmed" // no destination: the customer enters the secrets in the vendor's console
	DeliveryDone        DeliveryState = "delivered"   // the vendor's address took it
	DeliveryConfirmed   DeliveryState = "confirmed"   // the customer said that they entered the secrets
	DeliveryCanceled    DeliveryState = "canceled"    // a later run, or the onboarding's end, took its place
)

// DeliveryWay is the way of a delivery.
type DeliveryWay string

// The ways.
const (
	WayPut     DeliveryWay = "presigned_address"
	WayWebhook DeliveryWay = "webhook"
	WayConsole DeliveryWay = "vendor_console" // the customer enters it there
)

// Delivery is one thing that the vendor gets after a run, and what became of it.
type Delivery struct {
	ID          DeliveryID
	Onboarding  ID
	Run         RunID
	Kind        DeliveryKind
	State       DeliveryState
	Purposes    []Purpose   // of secrets
	Way         DeliveryWay // "" not known yet
	Key         string      // fingerprint of the key that secrets were encrypted with, see [Fingerprint]; "" they aren't
	EncryptedAt time.Time   // zero: not yet
	Tries       int
	Problem     string    // why the last try failed, as a sentence; "" it didn't
	NeedsVendor string    // what the vendor must do before another try can succeed; "" nothing
	NextAt      time.Time // of the next try; zero: none is due
	EndedAt     time.Time // delivered, confirmed or canceled; zero: not yet
	EndedBy     string    // email address of the customer who confirmed
	CreatedAt   time.Time
}

// Words name what is delivered.
func (d Delivery) Words() string {
	if d.Kind == DeliverRecord {
		return "record"
	}
	return PurposeWords(d.Purposes)
}

// Open reports whether the delivery isn't over.
func (d Delivery) Open() bool {
	return d.State == DeliveryPending || d.State == DeliveryUnconfirmed
}

// PurposeWords name secrets: "Databricks token and Redis token".
func PurposeWords(purposes []Purpose) string {
	var names []string
	for _, p := range purposes {
		names = append(names, p.Words())
	}
	return strings.Join(names, " and ")
}

// Received are the secrets of the customer's that the vendor has, as far as we know: delivered, or entered in its console.
func Received(deliveries []Delivery) []Purpose {
	var out []Purpose
	for _, d := range deliveries {
		if d.Kind != DeliverSecrets || d.State != DeliveryDone && d.State != DeliveryConfirmed {
			continue
		}
		for _, p := range d.Purposes {
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// DeliveryTry is one request of a delivery.
type DeliveryTry struct {
	Delivery DeliveryID
	At       time.Time
	Took     time.Duration
	Request  string // "PUT https://host.example/path", without what gives access
	Status   int    // 0: there was no answer
	Answer   string // the beginning of the answer
	Problem  string // "" the delivery was taken
}

// MaxAnswer is how many bytes of an answer are kept.
const MaxAnswer = 2 << 10

// Errand is a delivery that is due, with what it needs as of now.
type Errand struct {
	Delivery
	Record []byte // of the run; nil if it isn't known to be what the run wrote
	Vendor VendorValues
	Body   []byte     // of secrets: the ciphertext, nil until they are encrypted
	Name   string     // of the deployment
	Others []Delivery // of the onboarding
}

// TryOutcome is how one try ended.
type TryOutcome struct {
	Try         DeliveryTry
	Asked       bool // there was a request; else Try has only a problem
	NeedsVendor string
	Way         DeliveryWay
	Again       time.Duration // until the next try; 0: delivered
}

// Handover is what an onboarding's handover waits for: the zero Waiting when it is complete.
func Handover(deliveries []Delivery) Waiting {
	open := func(s DeliveryState) int {
		return slices.IndexFunc(deliveries, func(d Delivery) bool { return d.State == s })
	}
	if i := open(DeliveryUnconfirmed); i >= 0 {
		return Waiting{On: PartyCustomer, For: "Enter the " + deliveries[i].Words() + " in the vendor's console and confirm"}
	}
	for _, d := range deliveries {
		if d.State == DeliveryPending && d.NeedsVendor != "" {
			return Waiting{On: PartySpecialist, For: d.NeedsVendor}
		}
	}
	if i := open(DeliveryPending); i >= 0 {
		return Waiting{On: PartySpecialist, For: "Receive the " + deliveries[i].Words()}
	}
	return Waiting{}
}

// DeliveryArgs is the River job of one try of a delivery; it holds its name and nothing else.
type DeliveryArgs struct {
	Delivery DeliveryID `json:"delivery"`
}

// Kind names the job in River.
func (DeliveryArgs) Kind() string { return "delivery" }
