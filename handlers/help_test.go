package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/web"
)

// Each step has a message to whoever knows its answer, ready to copy.
func TestEachStepHasAMessageToWhoeverKnows(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	want(t, w.as(sam).post(web.AdminPath(ob.ID, "assign"), "specialist", sam), http.StatusSeeOther)
	for _, step := range []string{"deployment", "region", "compute", "online-store", "accounts", "data-sources", "project"} {
		p := b.get(web.OnboardingPath(ob.ID, "step", step))
		want(t, p, http.StatusOK)
		message := p.Find(".knows pre").Text()
		if p.Find(".knows [data-copy]").Length() != 1 || !strings.Contains(message, "for Acme Sample") || !strings.Contains(message, "?") || !strings.Contains(message, sam) {
			t.Errorf("%s: the message is %q", step, message)
		}
		if w.as(sam).get(web.OnboardingPath(ob.ID, "step", step)).Find(".knows").Length() != 0 {
			t.Errorf("%s asks the specialist to ask around", step)
		}
	}
}

// The customer sends the cloud step to a colleague in one press from wherever a permission is missing.
func TestTheCloudStepIsForwardedFromWhereItIsNeeded(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	form := web.OnboardingPath(ob.ID, "connect") + "#colleague-heading"
	forwards := func(who *browser, page string) bool {
		t.Helper()
		p := who.get(web.OnboardingPath(ob.ID, page))
		want(t, p, http.StatusOK)
		return p.Find("main a.btn[href='"+form+"']").Length() > 0
	}
	w.joined(ob.ID)
	if p := b.get(web.OnboardingPath(ob.ID, "connect")); p.Find("#colleague-heading").Length() != 1 {
		t.Fatal("there is no form to lead to")
	}
	if b.post(web.OnboardingPath(ob.ID, "revoke")); !forwards(b, "connect") || !forwards(b, "plan") {
		t.Error("the customer can't forward the step before they connect an account")
	}
	if forwards(w.as(bob), "connect") || forwards(w.as(sam), "connect") {
		t.Error("connect: it is the customer who forwards the step")
	}
	b.connect(ob.ID, ada, nil)
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.start("apis")
	k.must(w.store.BlockTask(t.Context(), k.fence(), "apis", &onboarding.Blocked{Code: onboarding.CodePermission, On: onboarding.PartyCustomer, Action: "Get the permission", Why: "serviceusage.services.enable is missing."}))
	k.end(onboarding.RunBlocked)
	if !forwards(b, "progress") || forwards(w.as(bob), "progress") || forwards(w.as(sam), "progress") {
		t.Error("progress: it is the customer who forwards the step")
	}
	live := b.stream(web.OnboardingPath(ob.ID, "events"), "")
	live.until(form)
}

func TestTheVendorsDocumentationIsLinkedFromEveryPage(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	const docs = "https://docs.vendor.example/google-cloud"
	pages := map[string]*browser{web.OnboardingPath(ob.ID, "step", "deployment"): w.as(ada), "/admin": w.as(sam)}
	for path, who := range pages {
		if strings.Contains(who.get(path).Find("header").Text(), "Documentation") {
			t.Errorf("%s links documentation that nobody entered", path)
		}
	}
	wantTo(t, w.as(root).settings("service", "docs_url", docs), "/admin/settings#service")
	for path, who := range pages {
		if who.get(path).Find("header .bar-docs[href='"+docs+"']").Length() != 1 {
			t.Errorf("%s doesn't link the documentation", path)
		}
	}
	want(t, w.as(root).settings("service", "docs_url", "ftp://docs"), http.StatusUnprocessableEntity)
}

// A customer sees who can be asked, and how, also while no specialist is assigned.
func TestACustomerAlwaysSeesWhomToAsk(t *testing.T) {
	w := newWorld(t)
	ob, b, _ := w.finished()
	want(t, w.as(sam).post(web.AdminPath(ob.ID, "assign"), "specialist", ""), http.StatusSeeOther)
	paths := []string{web.OnboardingPath(ob.ID, "check"), web.OnboardingPath(ob.ID, "progress"), web.OnboardingPath(ob.ID, "done")}
	everywhere := func(words, link string) {
		t.Helper()
		for _, path := range paths {
			p := b.get(path)
			want(t, p, http.StatusOK)
			if bar := p.Find("header .contact"); !strings.Contains(bar.Text(), words) || link != "" && bar.Find("a[href='"+link+"']").Length() != 1 {
				t.Errorf("%s: the bar says %q", path, bar.Text())
			}
			if path == paths[0] {
				continue // it has nothing about contacts but the bar
			}
			if main := p.Find("main"); !strings.Contains(main.Text(), words) || link != "" && main.Find("a[href='"+link+"']").Length() != 1 {
				t.Errorf("%s says neither %q nor how to reach them", path, words)
			}
		}
	}
	everywhere("Ask the person who invited you.", "")

	a := w.as(root)
	wantTo(t, a.settings("service", "contact_name", "Onboarding team", "contact_address", "Help@vendor.example"), "/admin/settings#service")
	everywhere("Onboarding team", "mailto:help@vendor.example")
	if p := b.get(paths[0]); strings.Contains(p.Find("header").Text(), "Your specialist") {
		t.Error("a team is called a specialist")
	}
	if p := w.as(sam).get(paths[1]); !strings.Contains(p.Find("main").Text(), "Not assigned yet") || p.Find("header .contact").Length() != 0 {
		t.Error("a specialist who views the page doesn't see that nobody is assigned")
	}
	wantTo(t, a.settings("service", "contact_name", "Onboarding team", "contact_address", "https://vendor.example/contact"), "/admin/settings#service")
	everywhere("Onboarding team", "https://vendor.example/contact")

	want(t, w.as(sam).post(web.AdminPath(ob.ID, "assign"), "specialist", sam), http.StatusSeeOther)
	everywhere("Sample Person", "mailto:"+sam)

	for _, pair := range [][]string{{"contact_name", "Onboarding team", "contact_address", ""}, {"contact_name", "", "contact_address", "help@vendor.example"}, {"contact_name", "Onboarding team", "contact_address", "call us"}} {
		want(t, a.settings("service", pair...), http.StatusUnprocessableEntity)
	}
}
