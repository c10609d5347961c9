package handlers_test

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/web"
)

const (
	agePublic  = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
	agePrivate = "AGE-SECRET-KEY-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSPVH0NT"
)

// settings posts a group of settings as its form does: with the values that the page shows, but those that are given.
func (b *browser) settings(group string, changed ...string) page {
	b.t.Helper()
	values := b.settingsForm(group)
	for i := 0; i < len(changed); i += 2 {
		values[changed[i]] = changed[i+1]
	}
	return b.post("/admin/settings", pairs(values)...)
}

// settingsForm are the values of a group's form as the page shows it, without the boxes that aren't ticked.
func (b *browser) settingsForm(group string) map[string]string {
	b.t.Helper()
	p := b.get("/admin/settings")
	want(b.t, p, http.StatusOK)
	values := map[string]string{}
	for _, input := range p.Find("form:has(input[name=group][value=" + group + "]) input").EachIter() {
		if kind := input.AttrOr("type", ""); kind == "radio" || kind == "checkbox" {
			if _, on := input.Attr("checked"); !on {
				continue
			}
		}
		values[input.AttrOr("name", "")] = input.AttrOr("value", "")
	}
	return values
}

// pairs are the names and values of a form, as post takes them.
func pairs(form map[string]string) []string {
	var all []string
	for name, value := range form {
		all = append(all, name, value)
	}
	return all
}

func TestABadSettingIsNotSavedAndTheOldOneStays(t *testing.T) {
	w := newWorld(t)
	admin := w.as(root)
	wantTo(t, admin.settings("handover", "age_recipient", "  "+agePublic+" ", "secrets_to", "presigned"), "/admin/settings#handover")
	for _, bad := range []struct{ group, field, value, message string }{
		{"handover", "age_recipient", "age1nonsense", "Enter a public key as age-keygen prints it: age1 and 58 letters and digits"},
		{"handover", "age_recipient", agePrivate, "That is a private key. Keep it to yourself, and enter the public key, which starts with age1"},
		{"handover", "age_recipient", "", "Enter an age recipient, or choose that secrets go nowhere. Secrets leave only encrypted"},
		{"handover", "secrets_to", "mail", "Choose one of the options"},
		{"handover", "console_link", "https://console.vendor.example", "Name the place that the link opens"},
		{"handover", "handover_url", "http://plain.example", "https"},
		{"deployments", "control_plane_pattern", "tecton@vendor-project.iam.gserviceaccount.com", "Write {deployment} where the deployment name goes"},
		{"deployments", "control_plane_pattern", "tecton-{deployment}@{customer}.iam.gserviceaccount.com", "Enter the email address of a service account that has {deployment} in it"},
		{"deployments", "organization_id", "C01abc", "Enter the organization ID from the Cloud console"},
		{"deployments", "offered_regions", "us-west1, us-wset1", "us-wset1 isn’t a region of Google Cloud. Check its spelling"},
		{"addresses", "egress_addresses", "203.0.113.7, vpn.vendor.example", "vpn.vendor.example isn’t an IPv4 address or range"},
		{"addresses", "egress_addresses", "2001:db8::1", "2001:db8::1 isn’t an IPv4 address or range"},
		{"addresses", "control_plane_addresses", "198.51.100.9/24", "198.51.100.9/24 isn’t the start of its range. Enter 198.51.100.0/24"},
		{"addresses", "control_plane_addresses", "0.0.0.0/0", "0.0.0.0/0 is too wide to ask a customer to allow"},
		{"addresses", "egress_addresses", "10.1.2.3", "10.1.2.3 isn’t a public address"},
		{"serving", "serving_project", "tecton-serving", "Enter the serving network too, or leave both empty"},
		{"roles", "act_as_role", "owner!", "role"},
		{"service", "waiting_target", "soon", "Enter a length of time, such as 24 hours or 30 days"},
		{"mail", "mail_from", "nobody", "@"},
	} {
		p := admin.settings(bad.group, bad.field, bad.value)
		want(t, p, http.StatusUnprocessableEntity)
		if !strings.Contains(p.Find("#f-"+bad.field+"-error").Text(), bad.message) && !strings.Contains(p.Find(".error-summary, .summary, [role=alert]").Text(), bad.message) {
			t.Errorf("%s %q: the field doesn't say %q", bad.field, bad.value, bad.message)
		}
		if typed := p.Find("input[type=text][name=" + bad.field + "]"); typed.Length() > 0 && typed.AttrOr("value", "") != bad.value {
			t.Errorf("%s: what was typed is lost: %q", bad.field, typed.AttrOr("value", ""))
		}
	}
	now, err := w.store.Settings(t.Context())
	if err != nil || now.AgeRecipient() != agePublic || now.SecretsTo() != onboarding.SecretsByPut || now.Value("offered_regions") != "" {
		t.Errorf("age recipient %q to %q, regions %q, %v", now.AgeRecipient(), now.SecretsTo(), now.Value("offered_regions"), err)
	}
	p := admin.get("/admin/settings")
	says(t, p, "Where secrets go Nowhere → Presigned address", "root@operator.example")
}

// Saving another setting vouches for no value that the form shows as doubted: the administrator confirms exactly that one.
func TestADoubtedSettingIsConfirmedBeforeItIsSaved(t *testing.T) {
	w := newWorld(t)
	admin, conn := w.as(root), w.owner()
	const evil = "age19kaaz2l6dnz3tswn6cdfthn9slsm36fnx9cwagfveze9twkjfc4sz4fgs8"
	change := func(value string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), `UPDATE settings SET value = to_jsonb($1::text) WHERE name = 'age_recipient'`, value); err != nil {
			t.Fatal(err)
		}
	}
	vouched := func(value, when string) {
		t.Helper()
		now, err := w.store.Settings(t.Context())
		if err != nil || now.AgeRecipient() != value || now.RecipientDoubted() {
			t.Errorf("%s: recipient %q, doubted %v, %v", when, now.AgeRecipient(), now.RecipientDoubted(), err)
		}
	}
	wantTo(t, admin.settings("handover", "age_recipient", agePublic), "/admin/settings#handover")
	stale := admin.settingsForm("handover")
	change(evil)
	shown := admin.settingsForm("handover")
	shown["console_text"] = "Settings, Tokens"
	for _, confirmed := range []string{"", agePublic} {
		shown["checked_age_recipient"] = confirmed
		p := admin.post("/admin/settings", pairs(shown)...)
		want(t, p, http.StatusUnprocessableEntity)
		says(t, p, "Confirm that you checked this value, or enter the right one")
	}
	// The form was open before the value was changed, or the value is put back before the form is sent.
	stale["age_recipient"] = evil
	p := admin.post("/admin/settings", pairs(stale)...)
	want(t, p, http.StatusUnprocessableEntity)
	says(t, p, "“age recipient for secrets” has a value that may not be an administrator’s")
	change(agePublic)
	shown["checked_age_recipient"] = ""
	want(t, admin.post("/admin/settings", pairs(shown)...), http.StatusUnprocessableEntity)
	vouched(agePublic, "refused")

	change(evil)
	shown = admin.settingsForm("handover")
	shown["age_recipient"] = agePublic
	wantTo(t, admin.post("/admin/settings", pairs(shown)...), "/admin/settings#handover")
	vouched(agePublic, "entered again")
	change(evil)
	wantTo(t, admin.settings("handover", "checked_age_recipient", evil), "/admin/settings#handover")
	vouched(evil, "confirmed")
}

func TestTheAddressesToAllowAreSettings(t *testing.T) {
	w := newWorld(t)
	wantTo(t, w.as(root).settings("addresses", "egress_addresses", "203.0.113.7/32 203.0.113.32/28", "control_plane_addresses", "198.51.100.0/24"), "/admin/settings#addresses")
	ob, b := w.ready()
	v := w.onboarding(ob.ID).Vendor
	if v.EgressAddresses != "203.0.113.7, 203.0.113.32/28" || v.ControlPlaneAddresses != "198.51.100.0/24" {
		t.Errorf("an onboarding has the addresses %q and %q", v.EgressAddresses, v.ControlPlaneAddresses)
	}
	// The customer reads them where the workspace is asked for, before a workspace refuses the first call (T33).
	says(t, b.get(web.OnboardingPath(ob.ID, "step", "compute")), "If the workspace has an IP access list, a workspace administrator adds these addresses to the list. This service: 203.0.113.7, 203.0.113.32/28. Tecton's control plane: 198.51.100.0/24.")
}

func TestTheComputePageSaysWhoKnowsTheAddressesToAllow(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	says(t, b.get(web.OnboardingPath(ob.ID, "step", "compute")), "adds the addresses of this service and of Tecton's control plane to the list: your specialist knows them.")
}

func TestAStaleSettingsPageSaysSoAndKeepsWhatWasTyped(t *testing.T) {
	w := newWorld(t)
	admin := w.as(root)
	wantTo(t, admin.settings("service", "vendor_name", "Feature Works"), "/admin/settings#service")
	if brand := admin.get("/admin").Find(".brand").Text(); !strings.Contains(brand, "Feature Works") {
		t.Errorf("the bar says %q", brand)
	}
	p := admin.post("/admin/settings", "group", "service", "version", "0", "vendor_name", "Mine", "help_url", "https://help.vendor.example")
	want(t, p, http.StatusConflict)
	says(t, p, "Someone else saved these settings since you opened the page")
	if got := p.Find("input[name=help_url]").AttrOr("value", ""); got != "https://help.vendor.example" {
		t.Errorf("typed: %q", got)
	}
	want(t, w.as(sam).get("/admin/settings"), http.StatusForbidden)
}

func TestInvitingNeedsANameAndAnAddressAndSettingsGiveTheRest(t *testing.T) {
	w := newWorld(t)
	admin := w.as(root)
	invited := admin.post("/admin/new", "customer", "Acme Analytics", "owner_email", ada)
	id := onboarding.ID(strings.TrimPrefix(invited.to(), "/admin/created/"))
	if ob := w.onboarding(id); ob.Vendor != (onboarding.VendorValues{}) {
		t.Errorf("values that nobody entered: %+v", ob.Vendor)
	}
	wantTo(t, admin.settings("serving", "serving_project", "tecton-serving", "serving_network", "serving"), "/admin/settings#serving")
	if ob := w.onboarding(id); ob.Vendor.ServingProject != "tecton-serving" || ob.Entered.ServingProject != "" {
		t.Errorf("vendor %+v, entered %+v", ob.Vendor, ob.Entered)
	}
	p := admin.get("/admin/o/" + string(id) + "/values")
	says(t, p, "Empty: tecton-serving, from the settings.")
	if _, open := p.Find("details details:has(#f-serving_project)").Attr("open"); open {
		t.Error("values that nobody overrode are unfolded")
	}
	if got := p.Find("#f-serving_project").AttrOr("value", ""); got != "" {
		t.Errorf("saving the values would override the settings with %q", got)
	}
}

func TestAPatternInTheSettingsEndsTheWaitForTheControlPlaneAccount(t *testing.T) {
	w := newWorld(t)
	id, err := onboarding.NewID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := w.store.CreateOnboarding(t.Context(), staffActor(sam), onboarding.NewOnboarding{ID: id, Customer: "Acme Sample", OwnerEmail: ada})
	if err == nil {
		_, err = w.store.AcceptInvite(t.Context(), token, customerActor(ada))
	}
	if err != nil {
		t.Fatal(err)
	}
	w.as(ada).fillIn(id, "")
	ob := w.onboarding(id)
	if ob.Status != onboarding.StatusWaitingVendor {
		t.Fatalf("status %s", ob.Status)
	}
	pattern := "tecton-{deployment}-control-plane@tecton-control.iam.gserviceaccount.com"
	wantTo(t, w.as(root).settings("deployments", "control_plane_pattern", pattern), "/admin/settings#deployments")
	if now := w.onboarding(ob.ID); now.Status == onboarding.StatusWaitingVendor || now.Waiting.On != onboarding.PartyCustomer {
		t.Errorf("status %s, waiting on %s for %s", now.Status, now.Waiting.On, now.Waiting.For)
	}
}
