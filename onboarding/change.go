package onboarding

import "encoding/json"

// Change is one value before and after an act, labeled as in the form that made the change. Of a secret it says only
// that there is one.
type Change struct {
	Label  string `json:"label"`
	Before string `json:"before,omitempty"` // "" if there was none
	After  string `json:"after,omitempty"`  // "" if there is none anymore
}

// These stand for a secret in a [Change].
const (
	SecretGiven   = "given, not shown"
	SecretChanged = "changed, not shown"
)

// Changes returns the values before and after that an entry of the history recorded; nil if there are none.
func (e AuditEntry) Changes() []Change {
	var d struct {
		Changes []Change `json:"changes"`
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return nil
	}
	return d.Changes
}
