package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

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

// all reports whether the page has every use of the access.
func (c ReceiptConsent) all() bool {
	return c.MoreURL == "" && c.Pages.Older == "" && c.Pages.Newer == ""
}

// own are the uses of the access itself, and secrets those of sealed secrets while it was open.
func (c ReceiptConsent) own() (own, secrets []onboarding.ConsentUse) {
	for _, u := range c.Uses {
		if u.OfSecret() {
			secrets = append(secrets, u)
		} else {
			own = append(own, u)
		}
	}
	return own, secrets
}

// totals says how often access was given and used, or how much of that the page shows, and whether any is held now.
func (v ReceiptView) totals() string {
	uses, secrets := 0, 0
	for _, c := range v.Consents {
		own, others := c.own()
		uses, secrets = uses+len(own), secrets+len(others)
	}
	now := "None is held now."
	if v.Held {
		now = "1 held now."
	}
	if v.partly() {
		shown := plural(len(v.Consents), "access", "accesses") + " and " + plural(uses, "use", "uses")
		if secrets > 0 {
			shown += ", and " + plural(secrets, "use", "uses") + " of tokens"
		}
		return fmt.Sprintf("This page shows %s, latest first. There are more. %s", shown, now)
	}
	given := fmt.Sprintf("Access was granted %s and used %s. %s", plural(len(v.Consents), "time", "times"), plural(uses, "time", "times"), now)
	if secrets > 0 {
		given += " Tokens were used " + plural(secrets, "time", "times") + "."
	}
	return given
}

// used says how often an access was used, or how much of that the page shows.
func (v ReceiptView) used(c ReceiptConsent) string {
	own, _ := c.own()
	if c.MoreURL != "" {
		return "The latest " + plural(len(own), "use", "uses")
	}
	return "Used " + plural(len(own), "time", "times")
}

// secretsUsed says how often tokens were used while the access was open, or how much of that the page shows.
func (c ReceiptConsent) secretsUsed(secrets []onboarding.ConsentUse) string {
	var names []string
	for _, u := range secrets {
		if name := onboarding.Purpose(u.Purpose).Words(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	count := plural(len(secrets), "use", "uses")
	if !c.all() {
		count += " on this page"
	}
	return sentenceCase(strings.Join(names, " and ")) + ": " + count + ", separate from this access"
}

// askedWords compare the permissions that the plan of a run lists with those of tasks that ran.
func askedWords(ran, idle []onboarding.Permission) string {
	all := plural(len(ran)+len(idle), "permission", "permissions")
	if len(idle) == 0 {
		return all + " asked for, all for tasks that ran"
	}
	return fmt.Sprintf("%s asked for, %d for tasks that ran", all, len(ran))
}
