package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/notify"
	"groundwork/onboarding"
	"groundwork/web"
)

func TestASpecialistDeclinesACopyAndTheCustomerReadsWhy(t *testing.T) {
	w, mailer, inbox := withMail(t)
	ob, b, _ := w.finished()
	step, ask := web.OnboardingPath(ob.ID, "step", "deployment"), web.OnboardingPath(ob.ID, "copy")
	s, at := w.as(sam), web.AdminPath(ob.ID, "copy")
	if s.get(web.AdminPath(ob.ID)).Find("#copy button[value=decline]").Length() != 0 {
		t.Error("a request that nobody made can be declined")
	}
	refused := s.post(at, "act", "decline", "reason", "Typed by sam.")
	want(t, refused, http.StatusUnprocessableEntity)
	says(t, refused, "The customer no longer wants a copy, so nothing was declined.", "Typed by sam.")

	before := w.onboarding(ob.ID).Waiting
	wantTo(t, b.post(ask, "step", "deployment"), step)
	long := s.post(at, "act", "decline", "reason", strings.Repeat("x", 501))
	want(t, long, http.StatusUnprocessableEntity)
	says(t, long, "Write at most 500 characters; this is 501", strings.Repeat("x", 501))
	want(t, b.post(at, "act", "decline"), http.StatusForbidden)

	const reason = "Your contract has one deployment.\nAsk <b>sales</b>, then ask again."
	wantTo(t, s.post(at, "act", "decline", "reason", strings.ReplaceAll(reason, "\n", "\r\n")), web.AdminPath(ob.ID))
	if got := w.onboarding(ob.ID); !got.CopyAskedAt.IsZero() || got.Waiting != before {
		t.Errorf("it waits on %+v, before: %+v", got.Waiting, before)
	}
	want(t, s.post(at, "act", "decline"), http.StatusUnprocessableEntity) // pressed twice
	for _, path := range []string{step, web.OnboardingPath(ob.ID, "check")} {
		says(t, b.get(path), "Your specialist declined to start another onboarding from a copy of this one", strings.ReplaceAll(reason, "\n", " "))
	}
	says(t, s.get(web.AdminPath(ob.ID)), sam+" declined to start another onboarding from a copy of this one", strings.ReplaceAll(reason, "\n", " "))
	if !w.said(ob.ID, onboarding.EventCopyDeclined, "declined to start another onboarding from a copy of this one. Reason: Your contract") {
		t.Error("the history doesn't say it")
	}
	if b.get(step).Find("main form[action='"+ask+"']").Length() != 1 {
		t.Error("the customer can't ask again")
	}

	w.deliver(mailer, ob.ID)
	declined := onboarding.Message{
		From: "onboarding@vendor.example", FromName: "Tecton", To: ada, ReplyTo: sam, Subject: "Your request for a copy of acme-prod was declined",
		Text: `Your specialist declined to start another onboarding from a copy of acme-prod.

The reason: Your contract has one deployment.
Ask <b>sales</b>, then ask again.

Nothing changed. To use another name, region, or project, tear down the deployment first, or write to your specialist.

Open the onboarding:
` + w.url + web.OnboardingPath(ob.ID) + `

--
Tecton sent this because you’re part of the Acme Sample onboarding. Questions? Write to Sample Person, sam@vendor.example.
`,
	}
	wantMail(t, inbox, declined)

	// Asked again, nothing is declined any more, and a mail that says so isn't sent.
	w.clock.add(time.Minute)
	wantTo(t, b.post(ask, "step", "deployment"), step)
	wantTo(t, s.post(at, "act", "decline"), web.AdminPath(ob.ID))
	w.clock.add(time.Minute)
	wantTo(t, b.post(ask, "step", "deployment"), step)
	w.deliver(mailer, ob.ID)
	wantMail(t, inbox, declined)
	if text := b.get(step).Find("main").Text(); strings.Contains(text, "declined") {
		t.Errorf("the page still says that the copy was declined: %s", text)
	}
	made := s.post(at)
	want(t, made, http.StatusSeeOther)
	copied := onboarding.ID(strings.TrimPrefix(made.to(), "/admin/o/"))
	w.deliver(mailer, copied)
	wantMail(t, inbox, onboarding.Message{
		From: "onboarding@vendor.example", FromName: "Tecton", To: ada, ReplyTo: sam, Subject: "Your next Tecton onboarding is ready",
		Text: `Another onboarding for Acme Sample was started from a copy. It has your answers but no secrets.

Choose another deployment name, and change any other answer that must differ.

Open the new onboarding:
` + w.url + web.OnboardingPath(copied) + `

--
Tecton sent this because you’re part of the Acme Sample onboarding. Questions? Write to Sample Person, sam@vendor.example.
`,
	})
}

// wantMail compares the only message with its subject, but for the HTML, which has the same sentences.
func wantMail(t *testing.T, inbox *notify.Inbox, want onboarding.Message) {
	t.Helper()
	var got []onboarding.Message
	for _, m := range inbox.Messages() {
		if m.Subject != want.Subject {
			continue
		}
		if !strings.Contains(m.HTML, "<strong>Open the") || strings.Contains(m.HTML, "<b>") {
			t.Errorf("the HTML: %s", m.HTML)
		}
		m.HTML = ""
		got = append(got, m.Message)
	}
	if diff := cmp.Diff([]onboarding.Message{want}, got); diff != "" {
		t.Errorf("the mail (-want +got):\n%s", diff)
	}
}
