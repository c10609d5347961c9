package notify_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"groundwork/notify"
	"groundwork/onboarding"
	"groundwork/provisioner"
)

// deliveries holds one delivery of a record, and how its tries ended.
type deliveries struct {
	notify.Ledger // nothing else is called
	errand        onboarding.Errand
	outcomes      []onboarding.TryOutcome
}

func (l *deliveries) DueDelivery(context.Context, onboarding.DeliveryID) (onboarding.Errand, error) {
	l.errand.Tries++
	return l.errand, nil
}

func (l *deliveries) EndTry(_ context.Context, _ onboarding.Delivery, o onboarding.TryOutcome) error {
	l.outcomes = append(l.outcomes, o)
	return nil
}

func TestEachAnswerOfTheVendorsAddressIsJudged(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/huge":
			for range 10 << 10 {
				if _, err := w.Write([]byte(strings.Repeat("x", 1<<10))); err != nil {
					return
				}
			}
		case "/endless":
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-ended
		case "/silent":
			<-ended
		case "/moved":
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusTemporaryRedirect)
		case "/gone":
			http.Error(w, "expired\x00\xff", http.StatusForbidden)
		case "/busy":
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ended) }) // first, since the server waits for its requests
	guard := &provisioner.Guard{Dials: map[string]string{"handover.example": server.URL}}
	const again = 7 * time.Second
	for address, want := range map[string]struct {
		problem, needs string
		answer         int // bytes at most
		again          time.Duration
	}{
		"https://handover.example/taken?X=signature":   {},
		"https://handover.example/huge?X=signature":    {answer: onboarding.MaxAnswer},
		"https://handover.example/endless?X=signature": {problem: "The response was cut off.", again: again},
		"https://handover.example/silent?X=signature":  {problem: "There was no complete response within 500ms.", again: again},
		"https://handover.example/busy?X=signature":    {problem: "The address answered 429 Too Many Requests.", again: again},
		"https://handover.example/gone?X=signature":    {problem: "The address answered 403 Forbidden.", needs: "Enter a new address for the handover record", answer: 20, again: again},
		"https://handover.example/moved?X=signature":   {problem: "The address answered 307 Temporary Redirect.", again: again},
		"https://127.0.0.1/inside?X=signature":         {problem: "We aren't allowed to call this address: This address cannot be reached from here: enter a public address.", needs: "Enter a new address for the handover record", again: again},
		"http://handover.example/plain?X=signature":    {problem: "We aren't allowed to call this address: This address cannot be reached from here: enter a public address.", needs: "Enter a new address for the handover record", again: again},
		"": {problem: "No address for the record is configured.", needs: "Enter an address for the handover record", again: again},
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			l := &deliveries{errand: onboarding.Errand{Delivery: onboarding.Delivery{Kind: onboarding.DeliverRecord}, Record: []byte(`{"format":1}`), Vendor: onboarding.VendorValues{HandoverURL: address}}}
			s := notify.New(notify.Config{Ledger: l, HTTP: guard.HTTP(), Within: 500 * time.Millisecond, Backoff: func(int) time.Duration { return again }})
			if err := s.Deliver(t.Context(), "msg_1"); err != nil || len(l.outcomes) != 1 {
				t.Fatalf("%d outcomes, %v", len(l.outcomes), err)
			}
			o := l.outcomes[0]
			if o.Try.Problem != want.problem || o.NeedsVendor != want.needs && !strings.HasSuffix(address, "/moved?X=signature") || o.Again != want.again || len(o.Try.Answer) > want.answer && want.answer > 0 {
				t.Errorf("%+v with an answer of %d bytes, want %+v", o, len(o.Try.Answer), want)
			}
			if kept, err := json.Marshal(o); err != nil || strings.Contains(string(kept), "signature") {
				t.Errorf("what is kept holds the address's signature: %s, %v", kept, err)
			}
		})
	}
}

func TestTriesGoOnForDays(t *testing.T) {
	var total time.Duration
	for n := 1; n <= 20; n++ {
		d := notify.Backoff(n)
		if n > 1 && d < notify.Backoff(n-1) {
			t.Errorf("try %d comes sooner than the one before", n)
		}
		total += d
	}
	if first := notify.Backoff(0); first > 10*time.Second || total < 5*24*time.Hour {
		t.Errorf("the first comes after %s, and 20 take %s", first, total)
	}
}

// doubted has a recipient that somebody wrote into the database.
type doubted struct {
	*deliveries
	setting onboarding.SavedSetting
}

func (d doubted) Settings(context.Context) (onboarding.Settings, error) {
	return onboarding.NewSettings([]onboarding.SavedSetting{d.setting, {Name: onboarding.SettingSecretsTo, Value: string(onboarding.SecretsByPut)}}, nil), nil
}

// refusing fails the test if something is encrypted.
type refusing struct{ t *testing.T }

func (r refusing) EncryptSecrets(context.Context, onboarding.ID, []onboarding.Purpose, string) (map[onboarding.Purpose]string, error) {
	r.t.Error("a secret was encrypted")
	return nil, nil
}

func TestNothingIsEncryptedForARecipientThatNobodySaved(t *testing.T) {
	t.Parallel()
	l := doubted{
		&deliveries{errand: onboarding.Errand{Delivery: onboarding.Delivery{Kind: onboarding.DeliverSecrets}}},
		onboarding.SavedSetting{Name: onboarding.SettingAgeRecipient, Value: "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", Doubted: true},
	}
	s := notify.New(notify.Config{Ledger: l, Secrets: refusing{t}})
	if err := s.Deliver(t.Context(), "msg_1"); err != nil || len(l.outcomes) != 1 {
		t.Fatalf("%d outcomes, %v", len(l.outcomes), err)
	}
	if o := l.outcomes[0]; o.NeedsVendor != "Compare the age recipient in the settings with your own key, then save it again" || !strings.Contains(o.Try.Problem, "isn't known to be the one that an administrator saved") {
		t.Errorf("%+v", o)
	}
}
