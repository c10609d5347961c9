package web

import "fmt"

// totals says how often access was given and used, and whether any is held now.
func (v ReceiptView) totals() string {
	held, uses := 0, 0
	for _, c := range v.Consents {
		uses += len(c.Uses)
		if c.Consent.Live() {
			held++
		}
	}
	now := "None is held now."
	if held > 0 {
		now = fmt.Sprintf("%d held now.", held)
	}
	return fmt.Sprintf("Access was given %s and used %s. %s", plural(len(v.Consents), "time", "times"), plural(uses, "time", "times"), now)
}
