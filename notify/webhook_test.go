package notify_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"groundwork/notify"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/vault"
)

// messages holds one message, and how its tries ended.
type messages struct {
	notify.WebhookLedger // nothing else is called
	errand               onboarding.WebhookErrand
	outcomes             []onboarding.TryOutcome
}

func (l *messages) DueMessage(context.Context, onboarding.DeliveryID) (onboarding.WebhookErrand, error) {
	l.errand.Tries++
	return l.errand, nil
}

func (l *messages) EndMessage(_ context.Context, _ onboarding.WebhookErrand, o onboarding.TryOutcome) (bool, error) {
	l.outcomes = append(l.outcomes, o)
	return len(l.outcomes) == onboarding.BreakAfter, nil
}

// signing is an endpoint with a secret, and what signs for it.
func signing(t *testing.T, address, secret string) (onboarding.WebhookTarget, *provisioner.Service) {
	t.Helper()
	keyset, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.New(keyset)
	if err != nil {
		t.Fatal(err)
	}
	to := onboarding.WebhookTarget{ID: "wh_sample", URL: address}
	sealed, err := v.Seal(to.ID.SealedTo(), onboarding.NewSecret(secret))
	if err != nil {
		t.Fatal(err)
	}
	to.Sealed = [][]byte{sealed}
	return to, provisioner.NewService(provisioner.Config{Vault: v})
}

const (
	hookSecret  = "whsec_c2FtcGxlIHNlY3JldCB0aGF0IHNpZ25zIGluIHRlc3Rz"
	otherSecret = "whsec_YW5vdGhlciBzZWNyZXQgdGhhdCBzaWducyBpbiB0ZXN0cw=="
)

// The receiver is the one that the documents show.
func TestAMessageIsTakenOnlyWithAValidSignature(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var taken []string
	var busy error
	take := func(id string, message []byte) error {
		mu.Lock()
		defer mu.Unlock()
		taken = append(taken, id+" "+string(message))
		return busy
	}
	verifier := receive(hookSecret, take)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/tampered" {
			r.Body = io.NopCloser(strings.NewReader(`{"type":"forged"}`))
		}
		verifier(w, r)
	}))
	t.Cleanup(server.Close)
	client := (&provisioner.Guard{Dials: map[string]string{"hooks.example": server.URL}}).HTTP()
	try := func(path, secret string, now time.Time) onboarding.TryOutcome {
		t.Helper()
		to, signer := signing(t, "https://hooks.example"+path, secret)
		l := &messages{errand: onboarding.WebhookErrand{WebhookMessage: onboarding.WebhookMessage{ID: "msg_sample", Body: `{"type":"test"}`}, Target: to}}
		s := notify.New(notify.Config{Webhooks: l, Signer: signer, WebhookHTTP: client, Now: func() time.Time { return now }, Backoff: func(int) time.Duration { return time.Minute }})
		if err := s.Message(t.Context(), "msg_sample"); err != nil || len(l.outcomes) != 1 {
			t.Fatalf("%d outcomes, %v", len(l.outcomes), err)
		}
		return l.outcomes[0]
	}
	now := time.Now()
	for name, c := range map[string]struct {
		path, secret string
		at           time.Time
		status       int
	}{
		"signed":                {"/in", hookSecret, now, 204},
		"with another secret":   {"/in", otherSecret, now, 401},
		"with another body":     {"/tampered", hookSecret, now, 401},
		"a replay of last hour": {"/in", hookSecret, now.Add(-time.Hour), 401},
		"of the future":         {"/in", hookSecret, now.Add(time.Hour), 401},
	} {
		if o := try(c.path, c.secret, c.at); o.Try.Status != c.status || (o.Try.Problem == "") != (c.status == 204) || (o.Again == 0) != (c.status == 204) {
			t.Errorf("%s: %+v, want the answer %d", name, o, c.status)
		}
	}
	if len(taken) != 1 || taken[0] != `msg_sample {"type":"test"}` {
		t.Errorf("taken: %q", taken)
	}
	busy = errors.New("busy")
	if o := try("/in", hookSecret, now); o.Try.Status != 503 || o.Try.Answer != "try again\n" || o.Again != time.Minute {
		t.Errorf("a receiver that is busy: %+v", o)
	}
}

func TestEachAnswerOfAnEndpointIsCutAndEnds(t *testing.T) {
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
			_, _ = w.Write([]byte("begins"))
			w.(http.Flusher).Flush()
			<-ended
		case "/silent":
			<-ended
		case "/moved":
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ended) }) // first, since the server waits for its requests
	client := (&provisioner.Guard{Dials: map[string]string{"hooks.example": server.URL}}).HTTP()
	for address, want := range map[string]onboarding.DeliveryTry{
		"https://hooks.example/huge?key=canary":    {Request: "POST https://hooks.example/huge", Status: 200, Answer: strings.Repeat("x", onboarding.MaxAnswer)},
		"https://hooks.example/endless?key=canary": {Request: "POST https://hooks.example/endless", Status: 200, Answer: "begins", Problem: "The response was cut off."},
		"https://hooks.example/silent?key=canary":  {Request: "POST https://hooks.example/silent", Problem: "There was no complete response within 500ms."},
		"https://127.0.0.1/inside?key=canary":      {Request: "POST https://127.0.0.1/inside", Problem: "We aren't allowed to call this address: This address cannot be reached from here: enter a public address."},
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			to, signer := signing(t, address, hookSecret)
			l := &messages{errand: onboarding.WebhookErrand{WebhookMessage: onboarding.WebhookMessage{ID: "msg_sample", Body: `{}`}, Target: to}}
			var logs strings.Builder
			s := notify.New(notify.Config{Webhooks: l, Signer: signer, WebhookHTTP: client, Now: time.Now, Within: 500 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&logs, nil))})
			if err := s.Message(t.Context(), "msg_sample"); err != nil {
				t.Fatal(err)
			}
			got := l.outcomes[0].Try
			if got.Took > 5*time.Second {
				t.Errorf("it took %s", got.Took)
			}
			if got.Took = 0; got != want {
				t.Errorf("%+v\nwant %+v", got, want)
			}
			if strings.Contains(logs.String(), "canary") {
				t.Errorf("the log holds what gives access: %s", logs.String())
			}
		})
	}
}

func TestTheLogSaysThatACircuitBreakerOpened(t *testing.T) {
	t.Parallel()
	to, signer := signing(t, "https://127.0.0.1/", hookSecret)
	l := &messages{errand: onboarding.WebhookErrand{WebhookMessage: onboarding.WebhookMessage{ID: "msg_sample", Webhook: to.ID, Body: `{}`}, Target: to}}
	var logs strings.Builder
	s := notify.New(notify.Config{Webhooks: l, Signer: signer, WebhookHTTP: (&provisioner.Guard{}).HTTP(), Now: time.Now, Log: slog.New(slog.NewTextHandler(&logs, nil))})
	for range onboarding.BreakAfter + 1 {
		if err := s.Message(t.Context(), "msg_sample"); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(logs.String(), "the circuit breaker of a webhook opened"); n != 1 {
		t.Errorf("it is said %d times: %s", n, logs.String())
	}
}
