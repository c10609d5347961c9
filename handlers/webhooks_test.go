package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/provisioner"
)

var rootActor = onboarding.Actor{Email: root, Role: onboarding.RoleAdministrator}

// guardedWebhooks lets endpoints be on hosts of the vendor only.
func guardedWebhooks(c *settings) {
	c.app.CheckWebhook = (&provisioner.Guard{Dials: map[string]string{".vendor.example": "127.0.0.1:9"}}).Check
}

func TestAnAdministratorAddsAnEndpointAndSeesItsSecretOnce(t *testing.T) {
	w := newWorld(t, guardedWebhooks)
	admin := w.as(root)
	want(t, admin.get("/admin/webhooks/new"), http.StatusOK)
	for _, bad := range []struct {
		message string
		pairs   []string
	}{
		{"Enter the address of the endpoint", []string{"url", " ", "kind", "run.succeeded"}},
		{"Use https:// instead of http://", []string{"url", "http://hooks.vendor.example", "kind", "run.succeeded"}},
		{"Remove the user name before the @", []string{"url", "https://me@hooks.vendor.example", "kind", "run.succeeded"}},
		{"Remove the port from the address", []string{"url", "https://hooks.vendor.example:8443", "kind", "run.succeeded"}},
		{"This address can’t be reached from here", []string{"url", "https://127.0.0.1/", "kind", "run.succeeded"}},
		{"This address can’t be reached from here", []string{"url", "https://169.254.169.254/latest", "kind", "run.succeeded"}},
		{"Choose at least one kind of event, or the customers’ secrets", []string{"url", "https://hooks.vendor.example/in", "kind", "made.up"}},
	} {
		p := admin.post("/admin/webhooks/new", bad.pairs...)
		want(t, p, http.StatusUnprocessableEntity)
		says(t, p, bad.message)
		if got := p.Find("input[name=url]").AttrOr("value", ""); got != bad.pairs[1] {
			t.Errorf("what was typed is lost: %q", got)
		}
	}
	if all, err := w.store.Webhooks(t.Context(), rootActor); err != nil || len(all) != 0 {
		t.Fatalf("something bad was saved: %+v, %v", all, err)
	}

	added := admin.post("/admin/webhooks/new", "url", "https://hooks.vendor.example/in?key=canary-key", "kind", "run.succeeded", "kind", "onboarding.created", "takes_secrets", "yes")
	path := added.to()
	if !strings.HasPrefix(path, "/admin/webhooks/wh_") {
		t.Fatalf("led to %q", path)
	}
	p := admin.get(path)
	secret := p.Find("#signing-secret").Text()
	if !strings.HasPrefix(secret, "whsec_") || len(secret) < 40 {
		t.Fatalf("the page shows the secret %q", secret)
	}
	if again := admin.get(path); strings.Contains(again.body, "whsec_") {
		t.Error("the secret is shown twice")
	}
	rotated := admin.post(path, "act", "rotate")
	wantTo(t, rotated, path)
	if second := admin.get(path).Find("#signing-secret").Text(); !strings.HasPrefix(second, "whsec_") || second == secret {
		t.Errorf("the second secret is %q", second)
	}
	says(t, admin.get(path), "Two secrets sign every message")
	wantTo(t, admin.post(path, "act", "rotate"), path)
	says(t, admin.get(path), "Drop the older one first")
	wantTo(t, admin.post(path, "act", "drop"), path)
	says(t, admin.get(path), "One secret signs every message")

	// The settings offer the endpoint as destination, and it can't be removed then.
	wantTo(t, admin.settings("handover", "age_recipient", agePublic, "secrets_to", "webhook"), "/admin/settings#handover")
	wantTo(t, admin.post(path, "act", "remove", "confirm", "yes"), path)
	says(t, admin.get(path), "Customers’ secrets go to this endpoint")
	wantTo(t, admin.settings("handover", "secrets_to", ""), "/admin/settings#handover")

	w.other("carol@other.example", "dave@other.example") // an onboarding is created
	wantTo(t, admin.post(path, "act", "test"), path)
	p = admin.get(path)
	says(t, p, "An onboarding was created")
	says(t, p, "A test")
	if strings.Contains(p.Find("#log").Text(), "canary-key") {
		t.Error("the log shows what gives access")
	}
	id := onboarding.WebhookID(strings.TrimPrefix(path, "/admin/webhooks/"))
	messages, err := w.store.WebhookMessages(t.Context(), rootActor, id)
	if err != nil || len(messages) != 2 {
		t.Fatalf("messages %+v, %v", messages, err)
	}
	wantTo(t, admin.post(path, "act", "replay", "message", string(messages[1].ID)), path)
	want(t, admin.post(path, "act", "replay", "message", "msg_unknown"), http.StatusNotFound)

	// Saved: a stale page says so and keeps what was typed.
	wantTo(t, admin.post(path, "version", "1", "url", "https://hooks.vendor.example/in", "kind", "run.failed"), path)
	p = admin.post(path, "version", "1", "url", "https://other.vendor.example/in", "kind", "run.failed")
	want(t, p, http.StatusConflict)
	if got := p.Find("input[name=url]").AttrOr("value", ""); got != "https://other.vendor.example/in" {
		t.Errorf("what was typed is lost: %q", got)
	}
	wantTo(t, admin.post(path, "act", "disable"), path)
	wantTo(t, admin.post(path, "act", "test"), path)
	says(t, admin.get(path), "because the endpoint is disabled")
	wantTo(t, admin.post(path, "act", "enable"), path)
	wantTo(t, admin.post(path, "act", "remove"), path)
	says(t, admin.get(path), "Nothing was removed")
	wantTo(t, admin.post(path, "act", "remove", "confirm", "yes"), "/admin/settings#webhooks")
	want(t, admin.get(path), http.StatusNotFound)

	p = admin.get("/admin/settings")
	says(t, p, "https://hooks.vendor.example/in, signing secret")
	if strings.Contains(p.body, "canary-key") || strings.Contains(p.body, secret) {
		t.Error("the record of changes holds what gives access")
	}
	for _, other := range []string{sam, ada} {
		want(t, w.as(other).get("/admin/webhooks/new"), http.StatusForbidden)
	}
}

func TestSecretsGoByWebhookOnlyWhereAnEndpointTakesThem(t *testing.T) {
	w := newWorld(t, guardedWebhooks)
	admin := w.as(root)
	p := admin.settings("handover", "age_recipient", agePublic, "secrets_to", "webhook")
	want(t, p, http.StatusUnprocessableEntity)
	says(t, p, "No enabled webhook endpoint takes the customers’ secrets")
	now, err := w.store.Settings(t.Context())
	if err != nil || now.SecretsTo() != onboarding.SecretsNowhere || now.AgeRecipient() != "" {
		t.Errorf("saved: %q to %q, %v", now.AgeRecipient(), now.SecretsTo(), err)
	}
}
