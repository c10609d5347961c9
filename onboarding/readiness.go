package onboarding

import "errors"

// ErrReadOnly marks a CodeUnavailable: the database takes no writes for now.
var ErrReadOnly = errors.New("the database takes no writes")

// Readiness is what a process can do with its database as it is.
type Readiness struct {
	ReadOnly bool // it takes no writes for now: pages can be read
	// Schema is the database's version, and Needs the one that this program was made for. A database that is ahead is fine:
	// each version runs on the schema of the next.
	Schema, Needs int64
}

// Behind reports whether the schema is older than the program.
func (r Readiness) Behind() bool { return r.Schema < r.Needs }
