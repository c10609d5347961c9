package main

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/wizard"
)

// receiver is the vendor's storage: it keeps what is PUT to a path with the right signature, and is down for as many requests as its test wants.
type receiver struct {
	mu    sync.Mutex
	down  int
	calls int
	got   map[string][]byte // by path, the latest
	host  string
	url   string
}

func newReceiver(t *testing.T, host string, down int) *receiver {
	r := &receiver{down: down, got: map[string][]byte{}, host: host}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	switch {
	case req.Method != http.MethodPut || req.URL.Query().Get("X-Goog-Signature") != "canary-signature":
		http.Error(w, "no such signature", http.StatusForbidden)
	case r.down > 0:
		r.down--
		http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
	default:
		r.got[req.URL.Path] = body
	}
}

func (r *receiver) at(path string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got[path]
}

// handedOver is a site whose deliveries reach the receiver, tried again at once.
func handedOver(t *testing.T, db pgtest.Database, r *receiver) seeder {
	return startSample(t, db, func(f *siteFlags) {
		f.Tests.Dials = map[string]string{r.host: r.url}
		f.Tests.Backoff = func(int) time.Duration { return 50 * time.Millisecond }
	})
}

// provisioned is an onboarding with every secret there is, whose run has succeeded; its specialist entered the addresses.
func (d seeder) provisioned(t *testing.T, s sample, record, secrets string) (onboarding.Onboarding, onboarding.Actor) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	seedSampleCloud(d.cloud, s)
	owner := person(s.owner(), onboarding.RoleCustomer)
	ob, token, err := d.create(ctx, s.Customer, s.owner(), s.Name, sam.Email, controlPlaneAccount(s.Name))
	must(err)
	_, err = d.Store.AcceptInvite(ctx, token, owner)
	must(err)
	vendor := ob.Entered
	vendor.HandoverURL, vendor.SecretsURL = record, secrets
	must(d.Store.UpdateVendor(ctx, person(sam.Email, onboarding.RoleSpecialist), ob.ID, vendor, nil))
	ob, err = d.Store.Onboarding(ctx, owner, ob.ID)
	must(err)
	ob, err = d.answer(ctx, owner, ob, s.answers(), len(d.Journey.Steps(wizard.Case{Vendor: ob.Vendor})))
	must(err)
	must(d.consent(ctx, owner, ob.ID, ob.Project))
	plan, err := d.Service.Plan(ctx, owner, ob, d.Journey.Wanted(ob))
	must(err)
	run, err := d.Store.Submit(ctx, owner, ob.ID, ob.Version, onboarding.RunProvision, plan, d.Journey.Wanted)
	must(err)
	run, err = d.settled(ctx, owner, run.ID)
	must(err)
	if run.State != onboarding.RunSucceeded {
		t.Fatalf("the run is %s: %+v", run.State, run.Tasks)
	}
	ob, err = d.Store.Onboarding(ctx, owner, ob.ID)
	must(err)
	return ob, owner
}

// until reads the onboarding and its deliveries until they are as wanted.
func (d seeder) until(t *testing.T, id onboarding.ID, what string, ok func(onboarding.Onboarding, []onboarding.Delivery) bool) (onboarding.Onboarding, []onboarding.Delivery) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ob, err := d.Store.Onboarding(t.Context(), onboarding.System, id)
		if err != nil {
			t.Fatal(err)
		}
		all, err := d.Store.Deliveries(t.Context(), onboarding.System, id)
		if err != nil {
			t.Fatal(err)
		}
		if ok(ob, all) {
			return ob, all
		}
		if time.Now().After(end) {
			t.Fatalf("%s: it never was. %s, waits on %+v: %+v", what, ob.Status, ob.Waiting, all)
		}
	}
}

// only is the delivery of a kind, of those of one run.
func only(all []onboarding.Delivery, kind onboarding.DeliveryKind) onboarding.Delivery {
	for _, d := range all {
		if d.Kind == kind {
			return d
		}
	}
	return onboarding.Delivery{}
}

// saved are settings of a group as an administrator saves them.
func (d seeder) saved(t *testing.T, group string, values map[string]string) {
	t.Helper()
	g, _ := onboarding.FindSettingGroup(group)
	now, err := d.Store.Settings(t.Context())
	if err == nil {
		err = d.Store.SaveSettings(t.Context(), person(kim.Email, onboarding.RoleAdministrator), onboarding.SaveSettings{Group: g, Version: now.Version(g), Values: values})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// wantRefused fails unless an error has the code.
func wantRefused(t *testing.T, err error, code onboarding.Code) {
	t.Helper()
	if onboarding.ErrorCode(err) != code {
		t.Errorf("%v, want %s", err, code)
	}
}

// wantNowhere fails for a text that any row of the database holds.
func wantNowhere(t *testing.T, db pgtest.Database, texts ...string) {
	t.Helper()
	for table, all := range rows(t, db) {
		for _, row := range all {
			for _, text := range texts {
				if strings.Contains(row, text) || strings.Contains(row, hex.EncodeToString([]byte(text))) {
					t.Errorf("the table %s holds %q", table, text)
				}
			}
		}
	}
}

// Story 10: a wrong address never holds the customer's access; the next try uses the corrected one.
func TestTheHandoverIsRetriedAfterTheRunWithTheAddressOfTheDay(t *testing.T) {
	db := pgtest.NewDatabase(t)
	box := newReceiver(t, "handover.example", 3)
	d := handedOver(t, db, box)
	ob, owner := d.provisioned(t, sample{Customer: "Acme", Name: "acme-handover", Region: "us-west1"}, "https://handover.example/outputs.json?X-Goog-Signature=expired-canary", "")
	_, all := d.until(t, ob.ID, "refused", func(_ onboarding.Onboarding, all []onboarding.Delivery) bool {
		return only(all, onboarding.DeliverRecord).NeedsVendor != "" && only(all, onboarding.DeliverSecrets).State == onboarding.DeliveryUnconfirmed
	})
	if err := d.Store.ConfirmSecrets(t.Context(), owner, ob.ID, only(all, onboarding.DeliverSecrets).ID); err != nil {
		t.Fatal(err)
	}
	ob, _ = d.until(t, ob.ID, "confirmed", func(ob onboarding.Onboarding, all []onboarding.Delivery) bool {
		return ob.Waiting.On == onboarding.PartySpecialist
	})
	if ob.Status != onboarding.StatusHandingOver || ob.Waiting.On != onboarding.PartySpecialist || ob.Waiting.For != "Enter a new address for the handover record" {
		t.Errorf("it is %s and waits on %+v", ob.Status, ob.Waiting)
	}
	if got := sealed(t, db, ob.ID); got != "" {
		t.Errorf("the access or a secret is held for the handover: %s", got)
	}
	if g, err := d.Store.LatestConsent(t.Context(), owner, ob.ID); err != nil || g.RevokedAt.IsZero() {
		t.Errorf("the access wasn't revoked: %+v, %v", g, err)
	}

	vendor := ob.Entered
	vendor.HandoverURL = "https://handover.example/outputs.json?X-Goog-Signature=canary-signature"
	specialist := person(sam.Email, onboarding.RoleSpecialist)
	if err := d.Store.UpdateVendor(t.Context(), specialist, ob.ID, vendor, nil); err != nil {
		t.Fatal(err)
	}
	ob, all = d.until(t, ob.ID, "delivered", func(ob onboarding.Onboarding, all []onboarding.Delivery) bool {
		return ob.Status == onboarding.StatusDone
	})
	sent := only(all, onboarding.DeliverRecord)
	if ob.Status != onboarding.StatusDone || ob.Waiting.On != onboarding.PartyNobody || sent.Way != onboarding.WayPut || sent.Problem != "" {
		t.Errorf("it is %s, waits on %+v: %+v", ob.Status, ob.Waiting, sent)
	}
	record := box.at("/outputs.json")
	sum, err := onboarding.RecordChecksum(record)
	var read struct {
		Deployment string `json:"deployment_name"`
		Checksum   string
	}
	if jsonErr := json.Unmarshal(record, &read); err != nil || jsonErr != nil || read.Deployment != "acme-handover" || read.Checksum != sum {
		t.Errorf("the record that arrived: %+v, %s, %v, %v", read, sum, err, jsonErr)
	}

	tries, err := d.Store.DeliveryTries(t.Context(), specialist, ob.ID)
	if err != nil || len(tries) != sent.Tries {
		t.Fatalf("%d tries are logged of %d, %v", len(tries), sent.Tries, err)
	}
	latest, first := tries[0], tries[len(tries)-1]
	if latest.Status != 200 || latest.Problem != "" || first.Status != 403 || first.Request != "PUT https://handover.example/outputs.json" || first.Answer != "no such signature\n" {
		t.Errorf("the log begins with %+v and ends with %+v", first, latest)
	}
	if !slices.ContainsFunc(tries, func(t onboarding.DeliveryTry) bool { return t.Status == 503 && t.Answer == "down for maintenance\n" }) {
		t.Error("the log doesn't hold the outage")
	}
	for table, all := range rows(t, db) {
		for _, row := range all {
			if table != "onboardings" && (strings.Contains(row, "canary-signature") || strings.Contains(row, "expired-canary")) {
				t.Errorf("the table %s holds what gives access to the vendor's address", table)
			}
		}
	}

	// Pressed again, the same message is sent again.
	box.mu.Lock()
	delete(box.got, "/outputs.json")
	box.mu.Unlock()
	if err := d.Store.SendAgain(t.Context(), specialist, ob.ID, sent.ID); err != nil {
		t.Fatal(err)
	}
	_, again := d.until(t, ob.ID, "sent again", func(_ onboarding.Onboarding, again []onboarding.Delivery) bool {
		return only(again, onboarding.DeliverRecord).State == onboarding.DeliveryDone && only(again, onboarding.DeliverRecord).Tries > sent.Tries
	})
	if len(again) != 2 || box.at("/outputs.json") == nil {
		t.Errorf("%d deliveries; the record arrived again: %v", len(again), box.at("/outputs.json") != nil)
	}
}

// Story 9: the tokens reach the vendor, readable by its key only, and nothing of them is left here.
func TestSecretsReachTheVendorEncrypted(t *testing.T) {
	db := pgtest.NewDatabase(t)
	box := newReceiver(t, "handover.example", 2)
	d := handedOver(t, db, box)
	ctx := t.Context()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	recipient := identity.Recipient().String()
	d.saved(t, "handover", map[string]string{onboarding.SettingAgeRecipient: recipient, onboarding.SettingSecretsTo: string(onboarding.SecretsByPut)})

	ob, owner := d.provisioned(t, sample{Customer: "Acme", Name: "acme-secrets", Region: "us-west1", Redis: true}, "https://handover.example/outputs.json?X-Goog-Signature=canary-signature", "")
	ob, _ = d.until(t, ob.ID, "waits for an address", func(ob onboarding.Onboarding, all []onboarding.Delivery) bool {
		return ob.Waiting.For == "Enter an address for the encrypted secrets"
	})
	if ob.Status != onboarding.StatusHandingOver || ob.Waiting.On != onboarding.PartySpecialist {
		t.Errorf("it is %s and waits on %+v", ob.Status, ob.Waiting)
	}
	if got := sealed(t, db, ob.ID); got != "" {
		t.Errorf("a sealed copy is left although the secrets are encrypted: %s", got)
	}
	vendor := ob.Entered
	vendor.SecretsURL = "https://handover.example/secrets.json?X-Goog-Signature=canary-signature"
	if err := d.Store.UpdateVendor(ctx, person(sam.Email, onboarding.RoleSpecialist), ob.ID, vendor, nil); err != nil {
		t.Fatal(err)
	}
	ob, all := d.until(t, ob.ID, "handed over", func(ob onboarding.Onboarding, _ []onboarding.Delivery) bool {
		return ob.Status == onboarding.StatusDone
	})

	var arrived struct {
		Key     string
		Secrets []struct{ Name, Age string }
	}
	if err := json.Unmarshal(box.at("/secrets.json"), &arrived); err != nil {
		t.Fatalf("%v: %s", err, box.at("/secrets.json"))
	}
	plain := map[string]string{}
	for _, s := range arrived.Secrets {
		r, err := age.Decrypt(armor.NewReader(strings.NewReader(s.Age)), identity)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		plain[s.Name] = string(text)
	}
	answers := sample{Customer: "Acme", Name: "acme-secrets", Region: "us-west1", Redis: true}.answers()
	databricks, redis := answers["compute"].Get("token"), answers["online-store"].Get("redis_token")
	if databricks == "" || redis == "" || plain["databricks_token"] != databricks || plain["redis_token"] != redis || len(plain) != 2 {
		t.Errorf("decrypted: %d secrets, and not those that the customer entered", len(plain))
	}
	if want := onboarding.Fingerprint(recipient); arrived.Key != want || only(all, onboarding.DeliverSecrets).Key != want {
		t.Errorf("the key is %s, want %s", arrived.Key, want)
	}
	wantNowhere(t, db, databricks, redis, "AGE ENCRYPTED FILE", arrived.Secrets[0].Age[40:80])

	succeeded, err := d.Store.SucceededRun(ctx, owner, ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	record, err := onboarding.RecordWith(succeeded.Record, succeeded.ID, all)
	if err != nil {
		t.Fatal(err)
	}
	var says struct {
		Secrets []struct {
			Secret, State, Way, Key string
			At                      time.Time
		}
	}
	if err := json.Unmarshal(record, &says); err != nil {
		t.Fatal(err)
	}
	for _, s := range says.Secrets {
		if s.State != "delivered" || s.Way != "presigned_address" || s.Key != onboarding.Fingerprint(recipient) || s.At.IsZero() {
			t.Errorf("the record says of %s: %+v", s.Secret, s)
		}
	}
	if len(says.Secrets) != 2 || strings.Contains(string(record), "AGE ENCRYPTED") {
		t.Errorf("the record says of %d secrets how they went", len(says.Secrets))
	}
	wantRefused(t, d.Store.SendAgain(ctx, person(sam.Email, onboarding.RoleSpecialist), ob.ID, only(all, onboarding.DeliverSecrets).ID), onboarding.CodeConflict)
}

// Where there is no destination, the sealed copy waits for the customer's word, whatever the retention says.
func TestSecretsWithoutADestinationWaitForTheCustomersWord(t *testing.T) {
	db := pgtest.NewDatabase(t)
	box := newReceiver(t, "handover.example", 0)
	d := handedOver(t, db, box)
	ctx := t.Context()
	ob, owner := d.provisioned(t, sample{Customer: "Acme", Name: "acme-console", Region: "us-west1", Redis: true}, "https://handover.example/outputs.json?X-Goog-Signature=canary-signature", "")
	ob, all := d.until(t, ob.ID, "unconfirmed", func(ob onboarding.Onboarding, all []onboarding.Delivery) bool {
		return len(all) == 2 && slices.ContainsFunc(all, func(d onboarding.Delivery) bool { return d.State == onboarding.DeliveryDone })
	})
	if ob.Status != onboarding.StatusHandingOver || ob.Waiting.On != onboarding.PartyCustomer || ob.Waiting.For != "Enter the Databricks token and Redis token in the vendor's console and confirm" {
		t.Errorf("it is %s and waits on %+v", ob.Status, ob.Waiting)
	}
	if old, err := d.Store.SecretsBefore(ctx, time.Now().Add(1000*time.Hour)); err != nil || len(old) != 0 {
		t.Errorf("the time to keep secrets would drop undelivered ones: %v, %v", old, err)
	}
	if got := sealed(t, db, ob.ID); got != "databricks_token redis_token" {
		t.Errorf("sealed: %s", got)
	}
	tokens := only(all, onboarding.DeliverSecrets)
	mallory := person("mallory@other.example", onboarding.RoleCustomer)
	wantRefused(t, d.Store.ConfirmSecrets(ctx, mallory, ob.ID, tokens.ID), onboarding.CodeNotFound)
	for range 2 { // a double click
		if err := d.Store.ConfirmSecrets(ctx, owner, ob.ID, tokens.ID); err != nil {
			t.Fatal(err)
		}
	}
	ob, all = d.until(t, ob.ID, "done", func(ob onboarding.Onboarding, _ []onboarding.Delivery) bool {
		return ob.Status == onboarding.StatusDone
	})
	if got := sealed(t, db, ob.ID); got != "" || len(ob.Wiped) != 2 {
		t.Errorf("sealed: %s, wiped %v", got, ob.Wiped)
	}
	var says struct {
		Secrets []struct{ Secret, State, Way, By string }
	}
	succeeded, err := d.Store.SucceededRun(ctx, owner, ob.ID)
	if err != nil {
		t.Fatal(err)
	}
	record, err := onboarding.RecordWith(succeeded.Record, succeeded.ID, all)
	if err != nil || json.Unmarshal(record, &says) != nil || len(says.Secrets) != 2 {
		t.Fatalf("%v: %s", err, record)
	}
	downloaded := says.Secrets
	says.Secrets = nil
	if err := json.Unmarshal(box.at("/outputs.json"), &says); err != nil || len(says.Secrets) != 2 {
		t.Fatalf("the record that was sent again: %v, %+v", err, says.Secrets)
	}
	for _, s := range slices.Concat(downloaded, says.Secrets) {
		if s.State != "confirmed" || s.Way != "vendor_console" || s.By != owner.Email {
			t.Errorf("the record says %+v", s)
		}
	}
}
