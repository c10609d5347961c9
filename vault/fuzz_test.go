package vault_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/vault"
	"groundwork/vault/kmstest"
)

// answer is what a key service says, whatever it is asked.
type answer struct {
	status int
	body   string
}

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// A key service that doesn't know the key opens nothing, whatever it answers.
func FuzzKMSAnswers(f *testing.F) {
	sealed, err := vault.GenerateSealed(f.Context(), kmstest.New(f).Vault())
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range []string{
		`{"plaintext":"","plaintextCrc32c":"0"}`, `{"plaintext":"AAAA","plaintextCrc32c":"1"}`, `{"plaintext":"not base64"}`, `{"plaintextCrc32c":99999999999999999999}`,
		`{"error":{"code":403,"status":"PERMISSION_DENIED"}}`, "<html>", "null", "[]", "", "\xff",
	} {
		for _, status := range []int{200, 204, 400, 403, 404} { // 429 and 5xx are asked again for a while
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 499 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status/100 == 3 {
			t.Skip()
		}
		k := vault.KMS{Key: kmstest.Key, Endpoint: "https://kms.example", HTTPClient: &http.Client{Transport: answer{status, body}}}
		if _, err := vault.NewSealed(t.Context(), sealed, k); err == nil {
			t.Errorf("%d %q opened the keyset", status, body)
		}
	})
}

// A file is a keyset that seals and opens, or an error.
func FuzzKeyset(f *testing.F) {
	good, err := vault.Generate()
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := vault.GenerateSealed(f.Context(), kmstest.New(f).Vault())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(sealed)
	f.Add(bytes.ReplaceAll(good, []byte("TINK"), []byte("RAW")))
	f.Add(bytes.ReplaceAll(good, []byte("ENABLED"), []byte("DISABLED")))
	for _, s := range []string{"", "{}", "[]", "null", `{"primaryKeyId":1,"key":[]}`, "\xff"} {
		f.Add([]byte(s))
	}
	to := onboarding.SealedTo{Onboarding: "ob_x", Purpose: onboarding.PurposeRedisToken}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := vault.New(raw)
		if err != nil {
			return
		}
		value, err := v.Seal(to, onboarding.NewSecret("x"))
		if err != nil {
			t.Fatalf("%s is taken and can't seal: %v", raw, err)
		}
		if got, err := v.Open(to, value); err != nil || got.Reveal() != "x" {
			t.Errorf("%s can't open what it sealed: %v", raw, err)
		}
	})
}

// What wasn't sealed here, and for this, doesn't open.
func FuzzOpen(f *testing.F) {
	keyset, err := vault.Generate()
	if err != nil {
		f.Fatal(err)
	}
	v, err := vault.New(keyset)
	if err != nil {
		f.Fatal(err)
	}
	to := onboarding.SealedTo{Onboarding: "ob_x", Consent: "grant_x", Purpose: onboarding.PurposeGoogleConsent}
	good, err := v.Seal(to, onboarding.NewSecret("x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, "ob_x", "grant_x")
	f.Add(good, "ob_y", "grant_x")
	f.Add(good, "ob_x", "")
	f.Add(good[:len(good)-1], "ob_x", "grant_x")
	f.Add(append(bytes.Clone(good), 0), "ob_x", "grant_x")
	f.Add([]byte{}, "", "")
	f.Fuzz(func(t *testing.T, sealed []byte, id, consent string) {
		at := onboarding.SealedTo{Onboarding: onboarding.ID(id), Consent: consent, Purpose: onboarding.PurposeGoogleConsent}
		got, err := v.Open(at, sealed)
		if opened := err == nil; opened != (bytes.Equal(sealed, good) && at == to) {
			t.Errorf("%x for %q, %q opened %v as %q", sealed, id, consent, opened, got.Reveal())
		}
	})
}
