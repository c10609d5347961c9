package handlers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"groundwork/handlers"
	"groundwork/onboarding"
	"groundwork/web"
)

// takes reports whether a route takes an address.
func takes(r handlers.Access, path string) bool {
	want, got := strings.Split(r.Pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i, w := range want {
		name, only, _ := strings.Cut(strings.Trim(w, "{}"), ":")
		if !strings.HasPrefix(w, "{") && name != got[i] || only != "" && only != got[i] {
			return false
		}
	}
	return true
}

// refused says who alone may use what a control of a page leads to; "" if the role may.
func refused(role, method, address string) string {
	path, _, _ := strings.Cut(address, "#")
	path, _, _ = strings.Cut(path, "?")
	who := ""
	for _, r := range handlers.Routes() {
		if r.Method != method || !takes(r, path) {
			continue
		}
		if slices.Contains(may[r.Who], role) {
			return ""
		}
		who = r.Who
	}
	return who
}

// A specialist reads each page that its customer has, in the console's frame, and is offered nothing there that would
// be refused.
func TestASpecialistIsOfferedNothingThatWouldBeRefused(t *testing.T) {
	if refused("specialist", http.MethodPost, "/o/ob_x/retry") != "members" || refused("specialist", http.MethodPost, "/o/ob_x/step/project") == "" || refused("specialist", http.MethodPost, "/theme") != "" {
		t.Fatal("the table of routes isn't understood")
	}
	steps := []string{"deployment", "region", "compute", "online-store", "accounts", "data-sources", "project"}
	for name, begin := range map[string]func(*world) onboarding.Onboarding{
		"in the form": func(w *world) onboarding.Onboarding { return w.begun() },
		"ready":       func(w *world) onboarding.Onboarding { ob, _ := w.ready(); return ob },
		"running": func(w *world) onboarding.Onboarding {
			ob, b := w.ready()
			b.approve(ob.ID)
			return ob
		},
		"failed":   func(w *world) onboarding.Onboarding { ob, _, _ := w.failed(); return ob },
		"finished": func(w *world) onboarding.Onboarding { ob, _, _ := w.finished(); return ob },
		"archived": func(w *world) onboarding.Onboarding {
			ob, _, _ := w.failed()
			want(w.t, w.as(sam).post(web.AdminPath(ob.ID, "archive"), "confirm", "yes"), http.StatusSeeOther)
			return ob
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ob := begin(w)
			s := w.as(sam)
			var pages []string
			for _, r := range handlers.Routes() {
				rest, ok := strings.CutPrefix(r.Pattern, "/o/{id}/")
				if !ok || r.Method != http.MethodGet || r.Who != "members and staff" || strings.Contains(rest, "{") || rest == "events" {
					continue
				}
				pages = append(pages, rest)
			}
			for _, step := range steps {
				pages = append(pages, "step/"+step)
			}
			pages = append(pages, "plan?kind=teardown", "plan?kind=verify")
			if run, err := w.store.LatestRun(t.Context(), staffActor(sam), ob.ID); err == nil {
				pages = append(pages, "runs/"+string(run.ID))
			}
			drawn := 0
			for _, page := range pages {
				p := s.get(web.OnboardingPath(ob.ID) + "/" + page)
				if p.status != http.StatusOK || !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") {
					continue
				}
				drawn++
				if banner := p.Find(".viewing"); !strings.Contains(banner.Text(), "You are viewing this as Acme Sample does.") {
					t.Errorf("%s: the banner says %q", page, banner.Text())
				}
				if p.Find(".bar-nav a[href='/admin']").Length() != 1 {
					t.Errorf("%s leaves the console", page)
				}
				offered := func(method, address string) {
					if who := refused("specialist", method, address); who != "" {
						t.Errorf("%s offers %s %s, which is for %s only", page, method, address, who)
					}
				}
				p.Find("form").Each(func(_ int, f *goquery.Selection) {
					offered(strings.ToUpper(f.AttrOr("method", "get")), f.AttrOr("action", ""))
				})
				p.Find("[formaction]").Each(func(_ int, b *goquery.Selection) { offered(http.MethodPost, b.AttrOr("formaction", "")) })
				p.Find("[hx-post]").Each(func(_ int, b *goquery.Selection) { offered(http.MethodPost, b.AttrOr("hx-post", "")) })
				p.Find("a[href^='/']").Each(func(_ int, a *goquery.Selection) { offered(http.MethodGet, a.AttrOr("href", "")) })
			}
			if drawn < 8 {
				t.Errorf("only %d of %d pages are drawn", drawn, len(pages))
			}
		})
	}
}
