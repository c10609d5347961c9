package onboarding

import (
	"cmp"
	"fmt"
)

// Fact is one thing that the handover record says: about the deployment, or about a resource of the plan.
type Fact struct {
	Key   string // its place in outputs.json: "compute.workspace_url"; the vendor reads it, so it is never renamed
	Value any    // as JSON
	Label string // for people; "": only the record has it
	Text  string // the value for people, where it isn't the value itself
}

// Words is the value for people.
func (f Fact) Words() string { return cmp.Or(f.Text, fmt.Sprint(f.Value)) }
