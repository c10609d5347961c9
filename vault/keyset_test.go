package vault_test

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/vault"
	"groundwork/vault/kmstest"
)

var there = onboarding.SealedTo{Onboarding: "ob_x", Consent: "grant_x", Purpose: onboarding.PurposeGoogleConsent}

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

// stages takes a keyset through a rotation; the keyset of each stage is handed to check.
func stages(t *testing.T, first []byte, read func([]byte) (*vault.Keyset, error), check func(stage string, keyset []byte)) {
	t.Helper()
	keyset, err := read(first)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyset.Keys()
	if err != nil || len(keys) != 4 || keys[1].Use != vault.Authenticates || keys[2].Use != vault.Signs || keys[3].Use != vault.Sessions || !keys[0].Primary || !keys[0].Enabled {
		t.Fatalf("%+v, %v", keys, err)
	}
	old := keys[0].ID
	var fresh uint32
	for _, stage := range []struct {
		name string
		do   func(*vault.Keyset) error
	}{
		{"new", func(*vault.Keyset) error { return nil }},
		{"added", func(k *vault.Keyset) (err error) { fresh, err = k.Add(vault.Seals); return err }},
		{"promoted", func(k *vault.Keyset) error { return k.Promote(fresh) }},
		{"disabled", func(k *vault.Keyset) error { return k.Disable(old) }},
		{"deleted", func(k *vault.Keyset) error { return k.Delete(old) }},
	} {
		if err := stage.do(keyset); err != nil {
			t.Fatalf("%s: %v", stage.name, err)
		}
		text, err := keyset.JSON()
		if err != nil {
			t.Fatal(err)
		}
		check(stage.name, text)
		if keyset, err = read(text); err != nil { // as the next command does
			t.Fatalf("%s: %v", stage.name, err)
		}
	}
	next, err := keyset.Add(vault.Seals)
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"delete what opens": keyset.Delete(next), "disable what seals": keyset.Disable(fresh), "delete what seals": keyset.Delete(fresh),
		"promote what is gone": keyset.Promote(old), "enable what is gone": keyset.Enable(old),
		"promote what is disabled": errors.Join(keyset.Disable(next), keyset.Promote(next)),
	} {
		if err == nil {
			t.Errorf("could %s", name)
		}
	}
}

func TestARotationInStages(t *testing.T) {
	first, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	var before *vault.Vault
	var original, moved []byte
	stages(t, first, vault.ReadKeyset, func(stage string, keyset []byte) {
		now, err := vault.New(keyset)
		if err != nil {
			t.Fatal(err)
		}
		if before == nil {
			before, original = now, seal(t, now, "original")
		}
		opens(t, before, seal(t, now, stage), stage)
		opens(t, now, seal(t, before, stage), stage)
		if stage == "promoted" {
			opens(t, now, original, "original")
			if moved, err = now.Reseal(there, original); err != nil {
				t.Fatal(err)
			}
		}
		if stage == "disabled" || stage == "deleted" {
			opens(t, now, moved, "original")
			if _, err := now.Open(there, original); err == nil {
				t.Errorf("%s: the old key opens", stage)
			}
		}
		before = now
	})
}

func TestAValueNamesItsKey(t *testing.T) {
	first, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keyset, err := vault.ReadKeyset(first)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyset.Keys()
	if err != nil {
		t.Fatal(err)
	}
	v, err := keyset.Vault()
	if err != nil {
		t.Fatal(err)
	}
	sealed := seal(t, v, "x")
	if id, ok := vault.KeyOf(sealed[:5]); !ok || id != keys[0].ID || !bytes.HasPrefix(sealed, keys[0].Prefix()) {
		t.Errorf("sealed by %d, says %d (%v), begins with %x", keys[0].ID, id, ok, sealed[:5])
	}
	if _, ok := vault.KeyOf([]byte("plain text")); ok {
		t.Error("what is not sealed names a key")
	}
	raw := strings.Replace(string(first), `"TINK"`, `"RAW"`, 1)
	if _, err := vault.ReadKeyset([]byte(raw)); err == nil {
		t.Error("a key that leaves no name was taken")
	}
	if _, err := vault.ReadKeyset([]byte("{}")); err == nil {
		t.Error("read a keyset that is none")
	}
}

func TestASealedKeysetOpensWithKMSAlone(t *testing.T) {
	f := kmstest.New(t)
	k := f.Vault()
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
	asked := f.Calls
	opens(t, v, seal(t, v, "x"), "x")
	if f.Calls != asked {
		t.Error("KMS is asked for each value")
	}
	read := func(keyset []byte) (*vault.Keyset, error) { return vault.ReadSealedKeyset(t.Context(), keyset, k) }
	stages(t, sealed, read, func(stage string, keyset []byte) {
		if !strings.Contains(string(keyset), "encryptedKeyset") {
			t.Errorf("%s: not sealed: %s", stage, keyset)
		}
		if _, err := vault.NewSealed(t.Context(), keyset, k); err != nil {
			t.Errorf("%s: %v", stage, err)
		}
	})

	clear, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	down := httptest.NewServer(nil)
	down.Close()
	told := map[string]string{
		"KMS refuses": "Give its account roles/cloudkms.cryptoKeyEncrypterDecrypter", "the answer is damaged": "corrupted on the way",
		"KMS is down and does not answer": "Cloud KMS does not answer", "KMS is down when it should seal": "Cloud KMS does not answer",
	}
	for name, try := range map[string]func() error{
		"a sealed keyset without KMS": func() error { _, err := vault.New(sealed); return err },
		"a cleartext keyset with KMS": func() error { _, err := vault.NewSealed(t.Context(), clear, k); return err },
		"to change it without KMS":    func() error { _, err := vault.ReadKeyset(sealed); return err },
		"to change it in the clear":   func() error { _, err := read(clear); return err },
		"a name that is no key":       func() error { _, err := vault.NewSealed(t.Context(), sealed, vault.KMS{Key: "keyset"}); return err },
		"KMS refuses":                 func() error { f.Denied = true; _, err := vault.NewSealed(t.Context(), sealed, k); return err },
		"the answer is damaged": func() error {
			f.Denied, f.Damaged = false, true
			_, err := vault.NewSealed(t.Context(), sealed, k)
			return err
		},
		"KMS is down and does not answer": func() error {
			_, err := vault.NewSealed(t.Context(), sealed, vault.KMS{Key: kmstest.Key, Endpoint: down.URL, HTTPClient: f.Client()})
			return err
		},
		"KMS is down when it should seal": func() error {
			_, err := vault.GenerateSealed(t.Context(), vault.KMS{Key: kmstest.Key, Endpoint: down.URL, HTTPClient: f.Client()})
			return err
		},
	} {
		err := try()
		if err == nil || !strings.Contains(err.Error(), told[name]) || errors.As(err, new(*vault.KMSError)) != (told[name] != "") {
			t.Errorf("%s: %v", name, err)
		}
		f.Denied, f.Damaged = false, false
	}
}
