package onboarding

import (
	"slices"
	"strings"
)

// Sort names an order of the list of onboardings: the key of one of [Orders], with "-" before it if descending.
// "" is [DefaultSort].
type Sort string

// DefaultSort shows the latest activity first.
const DefaultSort Sort = "-activity"

// Order is something the list can be sorted by.
type Order struct {
	Key        string // in a [Sort]
	Label      string // heads the list's column
	Descending bool   // the direction that the first click on the column gives
	Age        bool   // the column shows how long ago, so ascending times are descending values
}

// Orders are all orders, in the sequence of the list's columns. The store has the SQL of each.
var Orders = []Order{
	{Key: "customer", Label: "Customer"},
	{Key: "status", Label: "Status"},
	{Key: "waiting", Label: "Waiting on", Age: true}, // since when; what waits on nobody comes last
	{Key: "specialist", Label: "Specialist"},
	{Key: "activity", Label: "Last activity", Descending: true},
}

// OrderOf returns the order with a key; false if there is none.
func OrderOf(key string) (Order, bool) {
	i := slices.IndexFunc(Orders, func(o Order) bool { return o.Key == key })
	if i < 0 {
		return Order{}, false
	}
	return Orders[i], true
}

// Sort is the order in one direction.
func (o Order) Sort(descending bool) Sort {
	if descending {
		return Sort("-" + o.Key)
	}
	return Sort(o.Key)
}

// Order is what s sorts by, and in which direction; false if there is no such order.
func (s Sort) Order() (o Order, descending, ok bool) {
	if s == "" {
		s = DefaultSort
	}
	key, descending := strings.CutPrefix(string(s), "-")
	o, ok = OrderOf(key)
	return o, descending, ok
}
