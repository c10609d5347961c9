package onboarding

// Project is a Google Cloud project that the customer's account may see.
type Project struct {
	ID     string // "acme-data"
	Name   string
	Number string // digits
	Active bool   // false: deletion was asked for
}
