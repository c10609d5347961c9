package handlers_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"groundwork/notify"
	"groundwork/onboarding"
	"groundwork/web"
)

// withMail is a world in which mail is on and lands in the inbox.
func withMail(t *testing.T) (*world, *notify.Mailer, *notify.Inbox) {
	t.Helper()
	inbox := &notify.Inbox{}
	w := newWorldIn(t, map[string]string{onboarding.MailServer: "smtp.vendor.example:587"}, func(c *settings) {
		c.DemoMail = func() (out []web.DemoMail) {
			for _, m := range inbox.Messages() {
				out = append(out, web.DemoMail{At: m.At, Message: m.Message})
			}
			return out
		}
	})
	w.as(root).settings("mail", "mail_from", "onboarding@vendor.example")
	return w, &notify.Mailer{Ledger: w.store, Sender: inbox, Write: func(l onboarding.Letter) onboarding.Message { return web.Mail(l, w.url) }}, inbox
}

// deliver makes a try of each mail about an onboarding.
func (w *world) deliver(m *notify.Mailer, id onboarding.ID) {
	w.t.Helper()
	mails, err := w.store.Mails(w.t.Context(), staffActor(sam), id)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, mail := range mails {
		if err := m.Mail(w.t.Context(), mail.ID, false); err != nil {
			w.t.Fatal(err)
		}
	}
}

var inviteLink = regexp.MustCompile(`http://[^\s"<]*/i/[\w-]+`)

func TestAnInvitationByMailShowsItsLinkToItsReaderOnly(t *testing.T) {
	w, mailer, inbox := withMail(t)
	staff := w.as(sam)
	p := staff.post("/admin/new", "customer", "Acme Analytics", "owner_email", "@customer.example", "send_mail", "yes")
	want(t, p, http.StatusUnprocessableEntity)
	says(t, p, "A domain has no mailbox. Enter one person’s address, or send the link yourself")

	created := staff.post("/admin/new", "customer", "Acme Analytics", "owner_email", ada, "specialist", sam, "send_mail", "yes")
	id := onboarding.ID(strings.TrimPrefix(created.to(), "/admin/created/"))
	p = staff.get(created.to())
	says(t, p, "The invitation is on its way", "ada@customer.example")
	if inviteLink.MatchString(p.body) {
		t.Error("the page shows a link that stops working")
	}
	says(t, staff.get("/admin/o/"+string(id)+"/people"), "Invitation to ada@customer.example Queued")
	w.deliver(mailer, id)
	says(t, staff.get("/admin/o/"+string(id)+"/people"), "Invitation to ada@customer.example Sent")
	messages := inbox.Messages()
	if len(messages) != 1 || messages[0].To != ada || messages[0].ReplyTo != sam {
		t.Fatalf("messages %+v", messages)
	}
	link := inviteLink.FindString(messages[0].Text)
	if link == "" || !strings.Contains(messages[0].HTML, link) {
		t.Fatalf("no link in\n%s\n%s", messages[0].Text, messages[0].HTML)
	}
	customer := w.as(ada)
	wantTo(t, customer.post(strings.TrimPrefix(link, w.url)), "/o/"+string(id))
	p = w.browser().get("/demo/mail")
	says(t, p, messages[0].Subject)

	// Every page of the customer names the specialist, and how to reach them.
	p = customer.get("/o/" + string(id) + "/step/deployment")
	if bar := p.Find("header .contact"); !strings.Contains(bar.Text(), "Sample Person") || bar.Find("a[href='mailto:"+sam+"']").Length() != 1 {
		t.Errorf("the bar says %q", bar.Text())
	}
}

func TestASpecialistRemindsTheCustomerAndTheCustomerTheSpecialist(t *testing.T) {
	w, mailer, inbox := withMail(t)
	id, token := w.waitingOnUs()
	_ = token
	customer, staff := w.as(ada), w.as(sam)

	p := customer.get("/o/" + string(id) + "/check")
	if p.Find("header .contact form[action$='/remind']").Length() != 1 {
		t.Error("the customer can't remind the specialist")
	}
	if staff.get("/admin/o/"+string(id)).Find("form[action$='/remind']").Length() != 0 {
		t.Error("the specialist could remind a customer who isn't waited for")
	}
	customer.post("/o/" + string(id) + "/remind")
	says(t, customer.get("/o/"+string(id)+"/check"), "A reminder is on its way to sam@vendor.example.")
	customer.post("/o/" + string(id) + "/remind")
	says(t, customer.get("/o/"+string(id)+"/check"), "A reminder was sent less than 4 hours ago. Wait before you send another.")
	w.deliver(mailer, id)
	var subjects []string
	for _, m := range inbox.Messages() {
		if m.To != sam || !strings.Contains(m.Text, w.url+"/admin/o/"+string(id)) {
			t.Errorf("message %+v", m)
		}
		subjects = append(subjects, m.Subject)
	}
	// Saving the last answer told the specialist already.
	if all := strings.Join(subjects, "\n"); len(subjects) != 2 || !strings.Contains(all, "Acme Sample is waiting on us") || !strings.Contains(all, "Acme Sample has been waiting since ") {
		t.Errorf("subjects %q", subjects)
	}

	if err := w.store.UpdateVendor(t.Context(), staffActor(sam), id, onboarding.VendorValues{ControlPlaneAccount: controlPlane}, nil); err != nil {
		t.Fatal(err)
	}
	if staff.get("/admin/o/"+string(id)).Find("form[action$='/remind']").Length() != 1 {
		t.Error("the specialist can't remind the customer")
	}
	staff.post("/admin/o/" + string(id) + "/remind")
	says(t, staff.get("/admin/o/"+string(id)), "A reminder is on its way to ada@customer.example.", "reminded ada@customer.example by mail.")
	p = staff.post("/admin/o/" + string(id) + "/remind")
	want(t, p, http.StatusUnprocessableEntity)
	w.clock.add(5 * time.Hour)
	wantTo(t, w.as(sam).post("/admin/o/"+string(id)+"/remind"), "/admin/o/"+string(id)+"/people")
}

// waitingOnUs is an onboarding of ada's that waits for the control plane account.
func (w *world) waitingOnUs() (onboarding.ID, string) {
	w.t.Helper()
	ob, token := w.invited()
	if err := w.store.UpdateVendor(w.t.Context(), staffActor(sam), ob.ID, onboarding.VendorValues{}, nil); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.store.AcceptInvite(w.t.Context(), token, customerActor(ada)); err != nil {
		w.t.Fatal(err)
	}
	w.as(ada).fillIn(ob.ID, "")
	if now := w.onboarding(ob.ID); now.Status != onboarding.StatusWaitingVendor {
		w.t.Fatalf("status %s", now.Status)
	}
	return ob.ID, token
}

func TestWithoutMailNoPagePromisesIt(t *testing.T) {
	w := newWorld(t)
	id, _ := w.waitingOnUs()
	staff := w.as(sam)
	for path, b := range map[string]*browser{"/admin/new": staff, "/admin/o/" + string(id): staff, "/admin/o/" + string(id) + "/people": staff, "/o/" + string(id) + "/check": w.as(ada), "/o/" + string(id) + "/connect": w.as(ada)} {
		p := b.get(path)
		if p.Find("[name=send_mail], form[action$='/remind'], #mail-heading").Length() > 0 {
			t.Errorf("%s offers mail", path)
		}
	}
	want(t, staff.get("/demo/mail"), http.StatusNotFound)
	p := staff.post("/admin/new", "customer", "Acme", "owner_email", "x@customer.example", "send_mail", "yes")
	want(t, p, http.StatusUnprocessableEntity)
	says(t, p, "Mail isn’t set up. Send the link yourself")
}
