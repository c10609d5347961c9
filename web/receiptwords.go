package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"groundwork/onboarding"
)

// ParamAccess is the parameter of the receipt's address for the uses of one access.
const ParamAccess = "access"

// ReceiptURL is where all uses of one access are.
func ReceiptURL(id onboarding.ID, access int64) string {
	return withQuery(OnboardingPath(id, "receipt"), url.Values{ParamAccess: {strconv.FormatInt(access, 10)}})
}

func (v ReceiptView) path() string { return OnboardingPath(v.Onboarding.ID, "receipt") }

func (v ReceiptView) pages() pager {
	return pages(v.At, "accesses", v.path(), nil)
}

func (v ReceiptView) usePages(c ReceiptConsent) pager {
	return pages(c.Pages, "uses", v.path(), url.Values{ParamAccess: {strconv.FormatInt(c.Consent.ID, 10)}})
}

// partly reports whether more was given or used than the page shows.
func (v ReceiptView) partly() bool {
	return v.At.Older != "" || v.At.Newer != "" || slices.ContainsFunc(v.Consents, func(c ReceiptConsent) bool { return c.MoreURL != "" })
}

// totals says how often access was given and used, or how much of that the page shows, and whether any is held now.
func (v ReceiptView) totals() string {
	uses := 0
	for _, c := range v.Consents {
		uses += len(c.Uses)
	}
	now := "None is held now."
	if v.Held {
		now = "1 held now."
	}
	if v.partly() {
		return fmt.Sprintf("This page shows %s and %s, latest first. There are more. %s", plural(len(v.Consents), "access", "accesses"), plural(uses, "use", "uses"), now)
	}
	return fmt.Sprintf("Access was given %s and used %s. %s", plural(len(v.Consents), "time", "times"), plural(uses, "time", "times"), now)
}

// used says how often an access was used, or how much of that the page shows.
func (v ReceiptView) used(c ReceiptConsent) string {
	if c.MoreURL != "" {
		return fmt.Sprintf("The latest %d uses", len(c.Uses))
	}
	return "Used " + plural(len(c.Uses), "time", "times")
}
