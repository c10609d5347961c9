package web

import (
	"net/url"

	"groundwork/onboarding"
)

// OnboardingPath is the address of a page of an onboarding: OnboardingPath(id, "step", "region").
func OnboardingPath(id onboarding.ID, parts ...string) string {
	return join("/o/"+url.PathEscape(string(id)), parts)
}

// AdminPath is the address of an onboarding's admin page, or an act on it: AdminPath(id, "vendor").
func AdminPath(id onboarding.ID, parts ...string) string {
	return join("/admin/o/"+url.PathEscape(string(id)), parts)
}

func join(base string, parts []string) string {
	for _, p := range parts {
		base += "/" + url.PathEscape(p)
	}
	return base
}
