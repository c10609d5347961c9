package vault_test

import (
	"errors"
	"testing"

	"groundwork/onboarding"
	"groundwork/vault"
)

func TestSessionsHaveAKeyOfTheirOwn(t *testing.T) {
	text, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.New(text)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := v.SealSession([]byte("a link"), "link")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.OpenSession(sealed, "link"); err != nil || string(got) != "a link" {
		t.Errorf("opens as %q, %v", got, err)
	}
	if _, err := v.OpenSession(sealed, "invite"); err == nil {
		t.Error("it opens under another name")
	}
	to := onboarding.SealedTo{Onboarding: "ob_x", Purpose: "session"}
	if _, err := v.Open(to, sealed); err == nil {
		t.Error("the key of secrets opens it")
	}
	k, err := vault.ReadKeyset(text)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := k.Keys()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if key.Use != vault.Sessions {
			continue
		}
		// Two of its kind open each other's values; one is left when the other is disabled.
		next, err := k.Add(vault.Sessions)
		if err == nil {
			err = k.Disable(key.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		again, err := k.JSON()
		if err != nil {
			t.Fatal(err)
		}
		other, err := vault.New(again)
		if err != nil || !other.SealsSessions() {
			t.Fatalf("with the key %d: %v", next, err)
		}
		if _, err := other.OpenSession(sealed, "link"); err == nil {
			t.Error("a disabled key opens")
		}
		return
	}
	t.Error("a new keyset has no key for sessions")
}

func TestAKeysetWithoutAKeyForSessionsSaysSo(t *testing.T) {
	var v vault.Vault
	if _, err := v.SealSession([]byte("x"), "link"); !errors.Is(err, vault.ErrNoSessionKey) || v.SealsSessions() {
		t.Errorf("sealed with %v", err)
	}
	if _, err := v.OpenSession([]byte("x"), "link"); !errors.Is(err, vault.ErrNoSessionKey) {
		t.Errorf("opened with %v", err)
	}
}
