package vault_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"testing"

	"groundwork/onboarding"
	"groundwork/vault"
)

// checks reports whether OpenSSL's rules take a signature, by one of the public keys.
func checks(t *testing.T, keys []onboarding.PublicKey, id uint32, text string, sig []byte) bool {
	t.Helper()
	for _, k := range keys {
		if k.ID != id {
			continue
		}
		block, _ := pem.Decode([]byte(k.PEM))
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		return ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), sum[:], sig)
	}
	return false
}

func TestSignaturesAreCheckedWithThePublicKeyAlone(t *testing.T) {
	text, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	k, err := vault.ReadKeyset(text)
	if err != nil {
		t.Fatal(err)
	}
	v := vaultOf(t, k)
	id, sig, err := v.Sign([]byte("root"))
	if err != nil || !checks(t, v.PublicKeys(), id, "root", sig) || checks(t, v.PublicKeys(), id, "Root", sig) {
		t.Fatalf("key %d, %v", id, err)
	}
	if err := k.Promote(id); err == nil {
		t.Error("a key that signs was promoted to seal")
	}
	if err := k.Disable(id); err == nil {
		t.Error("the only key that signs was disabled")
	}

	// After a rotation the new key signs, and the old one's signatures can still be checked.
	fresh, err := k.Add(vault.Signs)
	if err != nil {
		t.Fatal(err)
	}
	if by, _, err := vaultOf(t, k).Sign([]byte("x")); err != nil || by != id {
		t.Errorf("signed by %d before the old key was disabled, %v", by, err)
	}
	if err := k.Disable(id); err != nil {
		t.Fatal(err)
	}
	after := vaultOf(t, k)
	if by, again, err := after.Sign([]byte("x")); err != nil || by != fresh || !checks(t, after.PublicKeys(), by, "x", again) {
		t.Errorf("signed by %d, %v", by, err)
	}
	if !checks(t, after.PublicKeys(), id, "root", sig) {
		t.Error("the disabled key's signature can't be checked any more")
	}
}

func TestAKeysetOfAnEarlierVersionSignsNothing(t *testing.T) {
	if _, _, err := new(vault.Vault).Sign([]byte("x")); !errors.Is(err, vault.ErrNoSigner) {
		t.Errorf("signed: %v", err)
	}
}
