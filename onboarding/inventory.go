package onboarding

import (
	"encoding/json"
	"time"
)

// Origin is how a resource or binding came into an onboarding's inventory.
type Origin string

// The origins.
const (
	OriginCreated   Origin = "created"   // a run read it as absent, recorded its intent, and later read it as present
	OriginInherited Origin = "inherited" // another onboarding created it, and left it to this one when it was torn down
	OriginChanged   Origin = "changed"   // it existed before and a run changed it; Prior holds what it was
	OriginAdopted   Origin = "adopted"   // it existed before and the customer chose it
	OriginFound     Origin = "found"     // it existed before, as wanted
	OriginUnknown   Origin = "unknown"   // earlier versions kept no record; it is never removed automatically
)

// ItemState is the state of a resource or binding between a run's intent and its removal.
type ItemState string

// The states of an item. A crash can leave ItemIntended and ItemRemoving; the next check settles them.
const (
	ItemIntended ItemState = "intended" // a run was about to create it
	ItemPresent  ItemState = "present"
	ItemRemoving ItemState = "removing" // a run was about to remove it
	ItemRemoved  ItemState = "removed"
	ItemLeft     ItemState = "left" // a teardown left it for good: it isn't ours, others use it, or the customer keeps it
)

// Item is one resource or binding of an onboarding: what a run created, changed, adopted or found. An item that is made
// again after its removal begins a new life in the same row.
type Item struct {
	Key      string // the step and what identifies the resource; the same in every onboarding that uses it
	Project  string // of the spec
	Step     string
	Task     TaskName
	Resource string          // as the plan shows it: "gs://tecton-acme-dataplane"
	Binding  bool            // a member's role on a resource
	Desired  json.RawMessage // the step's desired state, from which the task is rebuilt
	Origin   Origin
	Prior    json.RawMessage // for OriginChanged: what was there before; nil once it was erased
	State    ItemState

	Run        RunID // the run whose spec Desired follows from
	IntendedBy RunID // "": found, not made
	IntendedAt time.Time
	SettledBy  RunID // the run that first read it as present; "": none yet
	SettledAt  time.Time
	RemovedBy  RunID // "": it isn't removed
	RemovedAt  time.Time

	Spec      Spec // of Run
	Elsewhere bool // another onboarding uses the same thing; only staff and the system learn this
	Confirmed bool // SettledBy was a check that changes nothing, so our own script or Terraform files may have created it
}

// Ours reports whether the item is this onboarding's to remove: a run created it, or it was inherited, and it was neither
// removed nor left for good. A removal that failed leaves it ours.
func (i Item) Ours() bool {
	return (i.Origin == OriginCreated || i.Origin == OriginInherited) && i.State != ItemRemoved && i.State != ItemLeft
}

// Find returns the item with a key, or the zero Item.
func Find(items []Item, key string) Item {
	for _, i := range items {
		if i.Key == key {
			return i
		}
	}
	return Item{}
}
