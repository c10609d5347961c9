package web

import (
	"strings"
	"testing"
)

// The customer sees and removes their colleagues also while nobody can be invited, as during a teardown.
func TestColleaguesAreRemovedWhileNobodyIsInvited(t *testing.T) {
	s := exampleSamples()
	for _, c := range []struct {
		name           string
		change         func(*ConnectView)
		listed, invite int
		heading        string
	}{
		{"usual", func(*ConnectView) {}, 3, 1, "Don't have these permissions?"},
		{"teardown", func(v *ConnectView) { v.Colleague = ColleagueForm{} }, 3, 0, "Your colleagues"},
		{"nobody", func(v *ConnectView) { v.Colleague, v.Pending, v.Colleagues = ColleagueForm{}, nil, nil }, 0, 0, ""},
	} {
		doc, _ := render(t, GalleryPage{"connect", ConnectPage(s.connect(c.change))})
		if n := doc.Find("form[action$='/colleague/remove'], form[action$='/colleague/withdraw']").Length(); n != c.listed {
			t.Errorf("%s: %d people are listed, want %d", c.name, n, c.listed)
		}
		if n := doc.Find("form[action$='/colleague']").Length(); n != c.invite {
			t.Errorf("%s: %d forms to invite, want %d", c.name, n, c.invite)
		}
		if got := strings.TrimSpace(doc.Find("#colleague-heading").Text()); got != c.heading {
			t.Errorf("%s: the card is headed %q", c.name, got)
		}
	}
}
