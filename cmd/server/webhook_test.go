package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
)

// hookReceiver is the vendor's endpoint: it verifies each message with its secret, and is down for as many requests as its
// test wants.
type hookReceiver struct {
	t       *testing.T
	mu      sync.Mutex
	secret  string
	down    int
	refused int
	got     []hookCall
	url     string
}

type hookCall struct {
	id, at, signature string
	body              []byte
	taken             bool
	message           struct {
		Type      string
		Timestamp time.Time
		Data      json.RawMessage
	}
}

func newHookReceiver(t *testing.T, down int) *hookReceiver {
	r := &hookReceiver{t: t, down: down}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *hookReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	c := hookCall{id: req.Header.Get("webhook-id"), at: req.Header.Get("webhook-timestamp"), signature: req.Header.Get("webhook-signature"), body: body}
	verifier, err := standardwebhooks.NewWebhook(r.secret)
	if err == nil {
		err = verifier.Verify(body, req.Header)
	}
	switch {
	case err != nil || req.Method != http.MethodPost:
		r.refused++
		http.Error(w, "no valid signature", http.StatusUnauthorized)
	case r.down > 0:
		r.down--
		http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
	default:
		c.taken = true
		w.WriteHeader(http.StatusNoContent)
	}
	if json.Unmarshal(body, &c.message) != nil {
		r.t.Errorf("not JSON: %s", body)
	}
	r.got = append(r.got, c)
}

// calls are those of a type, in the order in which they came.
func (r *hookReceiver) calls(kind string) []hookCall {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []hookCall
	for _, c := range r.got {
		if c.message.Type == kind {
			out = append(out, c)
		}
	}
	return out
}

// endpoint adds one as an administrator does, and gives the receiver its secret.
func (d seeder) endpoint(t *testing.T, r *hookReceiver, secrets bool, kinds ...onboarding.EventKind) onboarding.WebhookID {
	t.Helper()
	form := url.Values{"url": {"https://hooks.example/in?key=canary-key"}}
	for _, k := range kinds {
		form.Add("kind", string(k))
	}
	if secrets {
		form.Set("takes_secrets", "yes")
	}
	read, secret, err := d.App.SaveWebhook(t.Context(), person(kim.Email, onboarding.RoleAdministrator), "", 0, form)
	if err != nil {
		t.Fatalf("%v: %+v", err, read.Problems)
	}
	r.mu.Lock()
	r.secret = secret.Reveal()
	r.mu.Unlock()
	return read.Webhook.ID
}

// eventually fails unless something is so within a while.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: it never was", what)
		}
	}
}

// A whole handover to a vendor whose servers are down at first: record, secrets and messages arrive, signed, and nothing that
// gives access is left in the database.
func TestRecordSecretsAndSignedMessagesReachAVendorThatIsDownAtFirst(t *testing.T) {
	db := pgtest.NewDatabase(t)
	box, hook := newReceiver(t, "handover.example", 3), newHookReceiver(t, 3)
	d := startSample(t, db, func(f *siteFlags) {
		f.Tests.Dials = map[string]string{box.host: box.url, "hooks.example": hook.url}
		f.Tests.Backoff = func(int) time.Duration { return 50 * time.Millisecond }
	})
	ctx, admin := t.Context(), person(kim.Email, onboarding.RoleAdministrator)
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	id := d.endpoint(t, hook, true, onboarding.EventOnboardingCreated, onboarding.EventAnswerSaved, onboarding.EventRunSucceeded, onboarding.EventHandoverDelivered)
	d.saved(t, "handover", map[string]string{onboarding.SettingAgeRecipient: identity.Recipient().String(), onboarding.SettingSecretsTo: string(onboarding.SecretsByWebhook)})

	s := sample{Customer: "Acme", Name: "acme-webhook", Region: "us-west1", Redis: true}
	ob, _ := d.provisioned(t, s, "https://handover.example/outputs.json?X-Goog-Signature=canary-signature", "")
	_, all := d.until(t, ob.ID, "handed over", func(ob onboarding.Onboarding, _ []onboarding.Delivery) bool {
		return ob.Status == onboarding.StatusDone
	})
	if box.at("/outputs.json") == nil {
		t.Error("the record didn't arrive")
	}
	eventually(t, "the messages arrive", func() bool {
		taken := 0
		for _, c := range slices.Concat(hook.calls("handover.delivered"), hook.calls("run.succeeded"), hook.calls("onboarding.created")) {
			if c.taken {
				taken++
			}
		}
		return taken >= 4 // two deliveries, a run, and an onboarding
	})

	// The secrets: decrypted by the vendor's key, and by no copy of ours.
	tokens := only(all, onboarding.DeliverSecrets)
	arrived := hook.calls("handover.secrets")
	last := arrived[len(arrived)-1]
	if !last.taken || last.id != string(tokens.ID) || tokens.Way != onboarding.WayWebhook {
		t.Fatalf("the secrets' last message is %s, taken %v; the delivery %+v", last.id, last.taken, tokens)
	}
	var encrypted struct {
		Deployment string `json:"deployment_name"`
		Secrets    []struct{ Name, Age string }
	}
	if err := json.Unmarshal(last.message.Data, &encrypted); err != nil || encrypted.Deployment != "acme-webhook" {
		t.Fatalf("%v: %s", err, last.body)
	}
	plain := map[string]string{}
	for _, secret := range encrypted.Secrets {
		r, err := age.Decrypt(armor.NewReader(strings.NewReader(secret.Age)), identity)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		plain[secret.Name] = string(text)
	}
	databricks, redis := s.answers()["compute"].Get("token"), s.answers()["online-store"].Get("redis_token")
	if databricks == "" || plain["databricks_token"] != databricks || redis == "" || plain["redis_token"] != redis {
		t.Errorf("decrypted %d secrets, and not those that the customer entered", len(plain))
	}

	// Each try of a message has its ID and its body, and a timestamp of its own.
	hook.mu.Lock()
	bodies, times, tried := map[string]string{}, map[string]int64{}, map[string]int{}
	for _, c := range hook.got {
		if was, known := bodies[c.id]; known && was != string(c.body) {
			t.Errorf("%s has two bodies:\n%s\n%s", c.id, was, c.body)
		}
		at, err := strconv.ParseInt(c.at, 10, 64)
		if err != nil || at < times[c.id] || at < time.Now().Add(-time.Minute).Unix() {
			t.Errorf("%s: timestamp %q after %d", c.id, c.at, times[c.id])
		}
		bodies[c.id], times[c.id] = string(c.body), at
		tried[c.id]++
		for _, canary := range []string{s.owner(), databricks, redis, "canary"} {
			if strings.Contains(string(c.body), canary) {
				t.Errorf("%s holds %q: %s", c.id, canary, c.body)
			}
		}
	}
	most, secret := 0, hook.secret
	for _, n := range tried {
		most = max(most, n)
	}
	if hook.refused != 0 || most < 2 {
		t.Errorf("%d signatures were wrong; the most tries of a message: %d", hook.refused, most)
	}
	hook.mu.Unlock()

	// What is left: no secret in any table, in the clear or encrypted, nor in the log that an administrator reads.
	wantNowhere(t, db, databricks, redis, secret, strings.TrimPrefix(secret, "whsec_"), "AGE ENCRYPTED FILE", encrypted.Secrets[0].Age[40:80])
	_, messages, err := d.App.Webhook(ctx, admin, id)
	if err != nil {
		t.Fatal(err)
	}
	outage := false
	for _, m := range messages {
		if m.Kind == onboarding.WebhookSecrets {
			t.Error("the log holds the message with the secrets, so it could be replayed")
		}
		for _, try := range m.Log {
			outage = outage || try.Status == 503 && try.Answer == "down for maintenance\n"
			if try.Request != "POST https://hooks.example/in" {
				t.Errorf("the log holds the request %q", try.Request)
			}
		}
	}
	if tries, err := d.Store.DeliveryTries(ctx, admin, ob.ID); err != nil || !slices.ContainsFunc(tries, func(t onboarding.DeliveryTry) bool {
		return t.Request == "POST https://hooks.example/in" && t.Status == 204
	}) {
		t.Errorf("the onboarding's log doesn't show how the secrets went: %+v, %v", tries, err)
	}
	if !outage {
		t.Error("the log doesn't show the outage")
	}
	wantRefused(t, d.Store.SendAgain(ctx, admin, ob.ID, tokens.ID), onboarding.CodeConflict)
}

func TestARotationSignsWithBothSecretsUntilTheOlderOneIsDropped(t *testing.T) {
	db := pgtest.NewDatabase(t)
	hook := newHookReceiver(t, 0)
	d := startSample(t, db, func(f *siteFlags) {
		f.Tests.Dials = map[string]string{"hooks.example": hook.url}
		f.Tests.Backoff = func(int) time.Duration { return 50 * time.Millisecond }
	})
	ctx, admin := t.Context(), person(kim.Email, onboarding.RoleAdministrator)
	id := d.endpoint(t, hook, false, onboarding.EventRunFailed)
	tests := func() []hookCall { return hook.calls("test") }
	send := func(taken bool) hookCall {
		t.Helper()
		before := len(tests())
		if err := d.App.TestWebhook(ctx, admin, id); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a test arrives", func() bool { return len(tests()) > before })
		c := tests()[before]
		if c.taken != taken {
			t.Errorf("a test was taken: %v, want %v; signatures %q", c.taken, taken, c.signature)
		}
		return c
	}
	if c := send(true); strings.Count(c.signature, "v1,") != 1 {
		t.Errorf("signatures %q", c.signature)
	}
	newer, err := d.App.RotateWebhook(ctx, admin, id)
	if err != nil {
		t.Fatal(err)
	}
	if c := send(true); strings.Count(c.signature, "v1,") != 2 { // the receiver still has the older one
		t.Errorf("signatures %q", c.signature)
	}
	hook.mu.Lock()
	older := hook.secret
	hook.secret = newer.Reveal()
	hook.mu.Unlock()
	send(true)
	if err := d.App.DropWebhookSecret(ctx, admin, id); err != nil {
		t.Fatal(err)
	}
	send(true)
	hook.mu.Lock()
	hook.secret = older
	hook.mu.Unlock()
	send(false)
	eventually(t, "the failure is recorded", func() bool {
		w, _, err := d.App.Webhook(ctx, admin, id)
		return err == nil && w.Failures == 1 && w.Problem == "The address answered 401 Unauthorized."
	})
}
