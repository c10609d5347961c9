package web

import (
	"strings"
	"testing"
	"time"
)

// Each group of settings folds into a line that counts what is saved. The one that was typed is open, with its problem.
func TestSettingsFoldAndTheTypedGroupIsOpen(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	doc, _ := render(t, GalleryPage{"settings", SettingsPage(s.settings())})
	if n := doc.Find("details[open] form").Length(); n != 0 {
		t.Errorf("%d groups are open, want none", n)
	}
	if got, want := words(doc.Find("details:has(#handover) > summary").Text()), "Handover2 of 5 set here"; got != want {
		t.Errorf("the line is %q, want %q", got, want)
	}
	doc, _ = render(t, GalleryPage{"settings-errors", SettingsPage(s.settingsErrors())})
	open := doc.Find("details[open]:has(form)")
	if open.Length() != 1 || open.Find("form#handover [aria-invalid=true]").Length() != 1 {
		t.Errorf("%d groups are open, want the one with the problem", open.Length())
	}
}

// A recipient that nobody vouches for is shown with what to do about it.
func TestADoubtedRecipientIsShown(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	doc, _ := render(t, GalleryPage{"settings-doubted", SettingsPage(s.settingsDoubted())})
	if said := words(doc.Find("details[open] #handover .note").Text()); !strings.Contains(said, "confirm it. I checked this value: age1ql3z") {
		t.Errorf("the page says %q of a recipient that nobody vouches for", said)
	}
}
