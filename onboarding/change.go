package onboarding

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
