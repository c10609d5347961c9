package web

import (
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
)

func TestABrowserIsNamedInShort(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36":                                   "Chrome on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0":           "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1": "Safari on an iPhone",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0":                                                    "Firefox on a Mac",
		"Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36":                   "Chrome on Android",
		"curl/8.14.1": "curl/8.14.1",
		"":            "A browser",
	} {
		if got := browserWord(agent); got != want {
			t.Errorf("%q is called %q, want %q", agent, got, want)
		}
	}
}

func TestGoogleAnswersHaveTheirOwnSentences(t *testing.T) {
	seen := map[string]string{}
	for code, a := range googleAnswers {
		if other, twice := seen[a.Title]; twice {
			t.Errorf("%s and %s read the same", code, other)
		}
		seen[a.Title] = code
		if strings.Contains(a.Title+a.Text, "ancel") != (code == "access_denied") {
			t.Errorf("%s: %s", code, a.Title)
		}
		if said := SignInAnswer(code); !strings.Contains(said, a.Title) || !strings.Contains(said, "You were not signed in") {
			t.Errorf("%s at the sign-in: %s", code, said)
		}
	}
}

// "After you consent again" was shown to people who were about to consent to the teardown.
func TestTheConnectPageOfATeardownIsAboutTheTeardown(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	for kind, want := range map[onboarding.RunKind]string{
		onboarding.RunProvision: "Teardown only: 2 permissions, after you consent again",
		onboarding.RunTeardown:  "Only for the teardown: 2 permissions",
	} {
		doc, _ := render(t, GalleryPage{"connect", ConnectPage(s.connect(func(v *ConnectView) { v.Kind, v.Scopes = kind, scopes(kind) }))})
		if got := words(doc.Find("#teardown-permissions summary").Text()); got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
		text := words(doc.Find("main").Text())
		for _, setup := range []string{"Nothing is changed until you approve the plan.", "create what the plan lists", "Prefer not to grant access?"} {
			if strings.Contains(text, setup) != (kind == onboarding.RunProvision) {
				t.Errorf("%s: about %q", kind, setup)
			}
		}
	}
}

// Google's consent page is closed to two kinds of people; both read how to go on.
func TestTheConnectPageHelpsThoseWhomGoogleRefuses(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	for _, kind := range []onboarding.RunKind{onboarding.RunProvision, onboarding.CheckOnly, onboarding.RunTeardown} {
		view := s.connect(func(v *ConnectView) { v.Kind = kind })
		doc, _ := render(t, GalleryPage{"connect", ConnectPage(view)})
		card := words(doc.Find("#blocked").Text())
		for _, part := range []string{"Send your administrator this request", view.ClientID, "workforce identity federation", "send this step to a colleague who has one"} {
			if !strings.Contains(card, part) {
				t.Errorf("it doesn't say %q: %s", part, card)
			}
		}
	}
}
