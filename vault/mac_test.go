package vault_test

import (
	"errors"
	"testing"

	"groundwork/vault"
)

func vaultOf(t *testing.T, k *vault.Keyset) *vault.Vault {
	t.Helper()
	v, err := k.Vault()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAKeyOfItsOwnAuthenticates(t *testing.T) {
	text, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	k, err := vault.ReadKeyset(text)
	if err != nil {
		t.Fatal(err)
	}
	v := vaultOf(t, k)
	code, err := v.Authenticate([]byte("plan"))
	if err != nil {
		t.Fatal(err)
	}
	for what, genuine := range map[string]bool{"plan": true, "Plan": false, "": false} {
		if v.Genuine([]byte(what), code) != genuine {
			t.Errorf("%q: want genuine %v", what, genuine)
		}
	}
	if v.Genuine([]byte("plan"), nil) {
		t.Error("no code is genuine")
	}
	keys, err := k.Keys()
	if err != nil || len(keys) != 4 || keys[1].Use != vault.Authenticates || keys[0].Use != vault.Seals {
		t.Fatalf("keys %+v, %v", keys, err)
	}
	if err := k.Promote(keys[1].ID); err == nil {
		t.Error("a key that authenticates was promoted to seal")
	}
	if err := k.Disable(keys[1].ID); err == nil {
		t.Error("the only key that authenticates was disabled")
	}

	// Its rotation: both servers take each other's codes while two keys are there, and the first's alone are lost with it.
	if _, err := k.Add(vault.Authenticates); err != nil {
		t.Fatal(err)
	}
	added := vaultOf(t, k)
	if again, err := added.Authenticate([]byte("x")); err != nil || !v.Genuine([]byte("x"), again) || !added.Genuine([]byte("plan"), code) {
		t.Errorf("a server without the new key doesn't take a code of one that has it: %v", err)
	}
	if err := k.Disable(keys[1].ID); err != nil {
		t.Fatal(err)
	}
	disabled := vaultOf(t, k)
	if again, err := disabled.Authenticate([]byte("x")); err != nil || !added.Genuine([]byte("x"), again) || disabled.Genuine([]byte("plan"), code) {
		t.Errorf("after disabling the first key: %v", err)
	}
}

// A promoted key authenticates while the older one still checks, so that codes are replaced before it is disabled.
func TestAPromotedKeyAuthenticates(t *testing.T) {
	text, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	k, err := vault.ReadKeyset(text)
	if err != nil {
		t.Fatal(err)
	}
	code := func() uint32 {
		t.Helper()
		c, err := vaultOf(t, k).Authenticate([]byte("plan"))
		id, ok := vault.KeyOf(c)
		if err != nil || !ok {
			t.Fatalf("%x, %v", c, err)
		}
		return id
	}
	older := vaultOf(t, k)
	kept, err := older.Authenticate([]byte("plan"))
	if err != nil {
		t.Fatal(err)
	}
	old := code()
	fresh, err := k.Add(vault.Authenticates)
	if err != nil {
		t.Fatal(err)
	}
	if got := code(); got != old {
		t.Errorf("a key that was only added authenticates")
	}
	sealed := seal(t, older, "x")
	if err := k.Promote(fresh); err != nil {
		t.Fatal(err)
	}
	if text, err = k.JSON(); err == nil {
		k, err = vault.ReadKeyset(text) // as the next command does
	}
	if err != nil {
		t.Fatal(err)
	}
	now := vaultOf(t, k)
	if got := code(); got != fresh || !now.Genuine([]byte("plan"), kept) {
		t.Errorf("the key %d authenticates, want %d; the older code is genuine: %v", got, fresh, now.Genuine([]byte("plan"), kept))
	}
	opens(t, now, sealed, "x")
	if err := k.Promote(fresh); err == nil {
		t.Error("it was promoted twice")
	}
	if err := k.Disable(old); err != nil {
		t.Error(err)
	}
}

// A keyset of an earlier version seals as before, and says what is missing.
func TestAKeysetWithoutAMACSaysSo(t *testing.T) {
	v, err := vault.New([]byte(earlier))
	if err != nil {
		t.Fatal(err)
	}
	opens(t, v, seal(t, v, "x"), "x")
	if _, err := v.Authenticate([]byte("x")); !errors.Is(err, vault.ErrNoMAC) || v.Authenticates() || v.Genuine([]byte("x"), []byte("y")) {
		t.Errorf("%v", err)
	}
}
