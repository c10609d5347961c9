package onboarding

// Filter says which onboardings a list shows, and in which order. The zero value shows all that aren't archived,
// latest activity first.
type Filter struct {
	Status     Status // "" all
	Search     string // in customer, deployment, project and owner
	Specialist string // e-mail address; "" any, "none" unassigned
	Sort       string // "" or "-activity", "activity", "customer", "-customer", "waiting" (longest first)
	Cursor     string // opaque, of a [Page]; "" the first page
	Waiting    Party  // "" any
	Limit      int    // rows a page; 0: 50
}

// Page is one page of a list.
type Page struct {
	Items  []Onboarding
	Next   string         // cursor of the page after, "" on the last
	Prev   string         // cursor of the page before, "" on the first
	Counts map[Status]int // for the tabs, under the filter without its status; "" counts all
	Total  int            // rows under the whole filter
}
