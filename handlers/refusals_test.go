package handlers_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/web"
)

// TestARefusedFormComesBackWithWhatWasTyped: a page is open while someone else, or another tab, changes the state. A
// form of it that is refused then comes back with what was typed.
func TestARefusedFormComesBackWithWhatWasTyped(t *testing.T) {
	fails := func(w *world, id onboarding.ID, b *browser) {
		starts(w, id, b)
		k := w.worker(id)
		k.finish("apis")
		k.start("bucket")
		k.must(w.store.FailTask(w.t.Context(), k.fence(), "bucket", onboarding.CodeConflict, "The name is taken.", "409"))
		k.end(onboarding.RunFailed)
	}
	review := func(kind onboarding.RunKind, end func(*worker)) func(*world, onboarding.ID, *browser) {
		return func(w *world, id onboarding.ID, b *browser) {
			k := w.runner()
			k.review(id, b, kind)
			end(k)
		}
	}
	goesOn := func(*worker) {}
	refused := 0
	for _, c := range []struct {
		name   string
		before func(*world) (onboarding.ID, *browser)
		change func(*world, onboarding.ID, *browser)
	}{
		{"a run starts", isReady, starts},
		{"it is archived", isReady, archives},
		{"other answers are saved", isReady, otherAnswers},
		{"the access is lost", isReady, revokes},
		{"a run creates something and fails", isReady, fails},
		{"a decision is pending and a run starts", then(isReady, func(w *world, _ onboarding.ID, _ *browser) { w.cloud.earlier = earlier() }), starts},
		{"it is archived after a run", hasFailed, archives},
		{"the run is retried", hasFailed, func(w *world, id onboarding.ID, b *browser) {
			wantTo(w.t, b.post(web.OnboardingPath(id, "retry")), web.OnboardingPath(id, "progress"))
		}},
		{"the paused run is canceled", blockedBy(onboarding.CodeGuide, onboarding.PartyCustomer), cancels},
		{"the finished onboarding is archived", isFinished, archives},
		{"it is verified", isFinished, review(onboarding.RunVerify, goesOn)},
		{"it is being torn down", isFinished, review(onboarding.RunTeardown, goesOn)},
		{"it is torn down", isFinished, review(onboarding.RunTeardown, removed)},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			id, b := c.before(w)
			b.t = t
			pages := b.pages(id)
			c.change(w, id, w.as(ada))
			kept, done := w.snapshot(b), map[string]bool{}
			for _, path := range slices.Sorted(maps.Keys(pages)) {
				for _, o := range offers(path, pages[path]) {
					for _, f := range o.fields {
						o.form = o.changed(f)
					}
					form := o.form
					if key := o.action + "?" + form.Encode(); len(o.fields) == 0 || done[key] {
						continue
					} else {
						done[key] = true
					}
					got := b.do(b.request(http.MethodPost, o.action, form.Encode()))
					if got.status >= 400 {
						refused++
						for _, f := range o.fields {
							if !got.shows(f, form) {
								t.Errorf("%s: %d, and %s is lost: %.300s", o, got.status, f.name, strings.Join(strings.Fields(got.Find("main").Text()), " "))
							}
						}
					}
					kept.restore()
				}
			}
		})
	}
	if refused < 20 {
		t.Errorf("only %d forms were refused", refused)
	}
}

// shows reports whether a page has what was typed into a field. No page has a secret.
func (p page) shows(f field, form url.Values) bool {
	control := "[name='" + f.name + "']"
	switch f.kind {
	case "password":
		return true
	case "checkbox":
		return !form.Has(f.name) || p.Find("input"+control+"[checked]").Length() > 0
	case "radio":
		return p.Find("input"+control+"[value='"+form.Get(f.name)+"'][checked]").Length() > 0 || strings.Contains(p.Find("[role=alert]").Text(), "“"+form.Get(f.name)+"”")
	case "select":
		return p.Find("select"+control+" option[selected][value='"+form.Get(f.name)+"']").Length() > 0 || strings.Contains(p.Find("main").Text(), form.Get(f.name))
	}
	typed := form.Get(f.name)
	return p.Find("input"+control).AttrOr("value", "") == typed || strings.Contains(p.Find("main").Text(), typed)
}
