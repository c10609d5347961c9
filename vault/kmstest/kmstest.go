// Package kmstest is Cloud KMS for tests, over REST, with a cipher that guards nothing.
package kmstest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"testing"

	"groundwork/vault"
)

// Key is the one key that there is.
const Key = "projects/vendor/locations/europe/keyRings/groundwork/cryptoKeys/keyset"

// KMS is a running key service.
type KMS struct {
	*httptest.Server
	Denied, Damaged bool // how it answers
	Calls           int
}

// Vault is how a vault asks it.
func (k *KMS) Vault() vault.KMS {
	return vault.KMS{Key: Key, Endpoint: k.URL, HTTPClient: k.Client()}
}

// New starts a key service for the test.
func New(t testing.TB) *KMS {
	t.Helper()
	k := &KMS{}
	sum := func(b []byte) string { return fmt.Sprint(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))) }
	flip := func(b []byte) []byte {
		out := bytes.Clone(b)
		for i := range out {
			out[i] ^= 0x5a
		}
		return out
	}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.Calls++
		w.Header().Set("Content-Type", "application/json")
		if k.Denied {
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
		out := map[string]any{}
		switch r.URL.Path {
		case "/v1/" + Key + ":encrypt":
			sealed := flip(in.Plaintext)
			out = map[string]any{"ciphertext": base64.StdEncoding.EncodeToString(sealed), "ciphertextCrc32c": sum(sealed), "verifiedPlaintextCrc32c": true, "verifiedAdditionalAuthenticatedDataCrc32c": true}
		case "/v1/" + Key + ":decrypt":
			plain := flip(in.Ciphertext)
			out = map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain), "plaintextCrc32c": sum(plain)}
			if k.Damaged {
				out["plaintextCrc32c"] = sum(append(plain, 1))
			}
		default:
			t.Errorf("asked for %s", r.URL.Path)
		}
		_ = json.NewEncoder(w).Encode(out)
	}))
	t.Cleanup(k.Close)
	return k
}
