package handlers_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"groundwork/web"
)

func TestANameIsLockedAndReservedOnceAnythingWasCreated(t *testing.T) {
	w := newWorld(t)
	ob, b, _ := w.finished()
	for step, typed := range map[string][2]string{"deployment": {"name", "acme-two"}, "region": {"region", "us-east1"}, "project": {"project", "acme-other-data"}} {
		path := web.OnboardingPath(ob.ID, "step", step)
		form := b.get(path)
		if !strings.Contains(form.Find("main").Text(), "This answer is locked") {
			t.Errorf("%s: the page doesn't say beforehand that the answer is locked", step)
		}
		// The page has no form for it; a tab that was opened before the lock still has one.
		p := b.post(path, typed[0], typed[1], "version", strconv.Itoa(w.onboarding(ob.ID).Version))
		want(t, p, http.StatusUnprocessableEntity)
		if problem := p.Find("#errors").Text(); !strings.Contains(problem, "“"+typed[1]+"” isn’t saved") || !strings.Contains(problem, "because resources were created with it") {
			t.Errorf("%s: what was typed is gone, or the reason is missing: %q", step, problem)
		}
		if !strings.Contains(p.Find("main").Text(), "tear down the deployment first, or start another onboarding from a copy of this one") {
			t.Errorf("%s: no way out: %q", step, p.Find("main").Text())
		}
	}
	sams := w.as(sam)
	if p := sams.get(web.AdminPath(ob.ID)); !strings.Contains(p.Text(), "the name acme-prod stays reserved until the deployment is torn down") {
		t.Error("the archive form doesn't say that the name stays reserved")
	}
	want(t, sams.post(web.AdminPath(ob.ID, "archive"), "confirm", "yes"), http.StatusSeeOther)

	other := w.begun()
	path := web.OnboardingPath(other.ID, "step", "deployment")
	p := b.post(path, "name", "acme-prod", "version", version(t, b.get(path)))
	want(t, p, http.StatusUnprocessableEntity)
	if !strings.Contains(p.Find("#errors").Text(), "already taken") {
		t.Errorf("the name of an archived deployment: %q", p.Find("#errors").Text())
	}
}

// After connecting, the projects are a list. A line of it fills the field without JavaScript; any other value in the
// address is ignored, and nothing is saved.
func TestAProjectIsPickedFromTheList(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	path := "/o/" + string(ob.ID) + "/step/project"
	p := b.get(path)
	line := p.Find("ul.picks a")
	if line.Length() != 1 || !strings.Contains(line.Text(), "Acme data") || !strings.Contains(line.Text(), "123456789012") {
		t.Fatalf("the list is %q", p.Find("ul.picks").Text())
	}
	before := w.onboarding(ob.ID)
	if got := b.get(path+strings.Split(line.AttrOr("href", ""), "#")[0]).Find("input[name=project]").AttrOr("value", ""); got != "acme-data-prod" {
		t.Errorf("the field holds %q", got)
	}
	saved := p.Find("input[name=project]").AttrOr("value", "")
	if got := b.get(path+"?project=not-offered").Find("input[name=project]").AttrOr("value", ""); got != saved {
		t.Errorf("a value that isn't offered was taken: %q", got)
	}
	if after := w.onboarding(ob.ID); after.Version != before.Version {
		t.Errorf("looking at the list saved version %d over %d", after.Version, before.Version)
	}
}
