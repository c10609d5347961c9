package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/vault"
)

// fakeKMS answers encrypt and decrypt as Cloud KMS does over REST, with a cipher that guards nothing.
type fakeKMS struct {
	*httptest.Server
	denied, damaged bool
	calls           int
}

const keyName = "projects/vendor/locations/europe/keyRings/groundwork/cryptoKeys/keyset"

func newKMS(t *testing.T) (*fakeKMS, vault.KMS) {
	t.Helper()
	f := &fakeKMS{}
	sum := func(b []byte) string { return fmt.Sprint(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))) }
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.calls++
		w.Header().Set("Content-Type", "application/json")
		if f.denied {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"error":{"code":403,"status":"PERMISSION_DENIED","message":"Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied"}}`))
			return
		}
		var in struct {
			Plaintext, Ciphertext       []byte
			AdditionalAuthenticatedData []byte
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		flip := func(b []byte) []byte {
			out := bytes.Clone(b)
			for i := range out {
				out[i] ^= 0x5a
			}
			return out
		}
		out := map[string]any{}
		switch r.URL.Path {
		case "/v1/" + keyName + ":encrypt":
			sealed := flip(in.Plaintext)
			out = map[string]any{"ciphertext": base64.StdEncoding.EncodeToString(sealed), "ciphertextCrc32c": sum(sealed), "verifiedPlaintextCrc32c": true, "verifiedAdditionalAuthenticatedDataCrc32c": true}
		case "/v1/" + keyName + ":decrypt":
			plain := flip(in.Ciphertext)
			out = map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain), "plaintextCrc32c": sum(plain)}
			if f.damaged {
				out["plaintextCrc32c"] = sum(append(plain, 1))
			}
		default:
			t.Errorf("asked for %s", r.URL.Path)
		}
		_ = json.NewEncoder(w).Encode(out)
	}))
	t.Cleanup(f.Close)
	return f, vault.KMS{Key: keyName, Endpoint: f.URL, HTTPClient: f.Client()}
}

var there = onboarding.SealedTo{Onboarding: "ob_x", Grant: "grant_x", Purpose: onboarding.PurposeGoogleGrant}

func seal(t *testing.T, v *vault.Vault, text string) []byte {
	t.Helper()
	b, err := v.Seal(there, onboarding.NewSecret(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func opens(t *testing.T, v *vault.Vault, sealed []byte, text string) {
	t.Helper()
	got, err := v.Open(there, sealed)
	if err != nil || got.Reveal() != text {
		t.Errorf("opened %v, %v", got, err)
	}
}

func TestRotationSealsWithTheNewKeyAndStillOpensTheOld(t *testing.T) {
	first, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	before, err := vault.New(first)
	if err != nil {
		t.Fatal(err)
	}
	old := seal(t, before, "old")
	second, err := vault.Rotate(first)
	if err != nil {
		t.Fatal(err)
	}
	after, err := vault.New(second)
	if err != nil {
		t.Fatal(err)
	}
	opens(t, after, old, "old")
	fresh := seal(t, after, "new")
	opens(t, after, fresh, "new")
	if _, err := before.Open(there, fresh); err == nil {
		t.Error("the old keyset opens what the new key sealed")
	}
	if _, err := vault.Rotate([]byte("{}")); err == nil {
		t.Error("rotated a keyset that is none")
	}
}

func TestASealedKeysetOpensWithKMSAlone(t *testing.T) {
	f, k := newKMS(t)
	sealed, err := vault.GenerateSealed(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(sealed), "encryptedKeyset") {
		t.Errorf("not sealed: %s", sealed)
	}
	v, err := vault.NewSealed(t.Context(), sealed, k)
	if err != nil {
		t.Fatal(err)
	}
	old := seal(t, v, "x")
	rotated, err := vault.RotateSealed(t.Context(), sealed, k)
	if err != nil {
		t.Fatal(err)
	}
	after, err := vault.NewSealed(t.Context(), rotated, k)
	if err != nil {
		t.Fatal(err)
	}
	asked := f.calls
	opens(t, after, old, "x")
	if f.calls != asked {
		t.Error("KMS is asked for each value")
	}

	clear, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() error{
		"a sealed keyset without KMS": func() error { _, err := vault.New(sealed); return err },
		"a cleartext keyset with KMS": func() error { _, err := vault.NewSealed(t.Context(), clear, k); return err },
		"a name that is no key":       func() error { _, err := vault.NewSealed(t.Context(), sealed, vault.KMS{Key: "keyset"}); return err },
		"KMS refuses":                 func() error { f.denied = true; _, err := vault.NewSealed(t.Context(), sealed, k); return err },
		"the answer is damaged": func() error {
			f.denied, f.damaged = false, true
			_, err := vault.NewSealed(t.Context(), sealed, k)
			return err
		},
		"KMS is down and does not answer": func() error {
			_, err := vault.NewSealed(t.Context(), sealed, vault.KMS{Key: keyName, Endpoint: "http://127.0.0.1:1", HTTPClient: f.Client()})
			return err
		},
	} {
		if err := try(); err == nil {
			t.Errorf("%s: no error", name)
		}
		f.denied, f.damaged = false, false
	}
}
