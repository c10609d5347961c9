package vault_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"groundwork/onboarding"
	"groundwork/vault"
)

func newVault(t *testing.T) *vault.Vault {
	t.Helper()
	keyset, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.New(keyset)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAValueOpensOnlyForWhatItWasSealedTo(t *testing.T) {
	v := newVault(t)
	places := map[string]onboarding.SealedTo{
		"a consent":                        there,
		"another consent":                  {Onboarding: "ob_x", Consent: "grant_y", Purpose: onboarding.PurposeGoogleConsent},
		"another onboarding":               {Onboarding: "ob_y", Consent: "grant_x", Purpose: onboarding.PurposeGoogleConsent},
		"another purpose":                  {Onboarding: "ob_x", Consent: "grant_x", Purpose: onboarding.PurposeRedisToken},
		"a consent of before":              {Onboarding: "ob_x", Purpose: onboarding.PurposeGoogleConsent},
		"a secret":                         {Onboarding: "ob_x", Purpose: onboarding.PurposeRedisToken},
		"a secret elsewhere":               {Onboarding: "ob_y", Purpose: onboarding.PurposeRedisToken},
		"the grant's end in the purpose":   {Onboarding: "ob_x", Consent: "grant", Purpose: "_x" + onboarding.PurposeGoogleConsent},
		"the length of a field in another": {Onboarding: "ob_x,7:grant_x,", Consent: "12", Purpose: onboarding.PurposeGoogleConsent},
		"the second scheme in the first":   {Onboarding: "ob_x,7:grant_x,12:google_grant,"},
		"the purpose's start elsewhere":    {Onboarding: "ob_xredis", Purpose: "_token"},
	}
	for from, a := range places {
		sealed, err := v.Seal(a, onboarding.NewSecret("x"))
		if err != nil {
			t.Fatal(err)
		}
		for to, b := range places {
			if _, err := v.Open(b, sealed); (err == nil) != (from == to) {
				t.Errorf("sealed to %s, opened as %s: %v", from, to, err)
			}
		}
	}
	for _, field := range []onboarding.SealedTo{{Onboarding: "a\x00b", Purpose: "c"}, {Onboarding: "a", Purpose: "b\x00c"}} {
		if _, err := v.Seal(field, onboarding.NewSecret("x")); err == nil {
			t.Errorf("sealed to %q", field)
		}
	}
}

// earlier is a keyset of an earlier version.
const earlier = `{"primaryKeyId":2660496974,"key":[{"keyData":{"typeUrl":"type.googleapis.com/google.crypto.tink.AesGcmKey",` +
	`"value":"GiBkiT20V178EPOUbaC9W+vXHEmY+qmccmxsIY5QAAEV1Q==","keyMaterialType":"SYMMETRIC"},"status":"ENABLED","keyId":2660496974,"outputPrefixType":"TINK"}]}`

func TestWhatAnEarlierVersionSealedStillOpens(t *testing.T) {
	v, err := vault.New([]byte(earlier))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := hex.DecodeString("019e93f64ea27166d3704e55720d31ea0c94cb7a8fb8a66d07f5734c4f26dd0c3621379d21")
	if err != nil {
		t.Fatal(err)
	}
	before := onboarding.SealedTo{Onboarding: "ob_aaaaaaaaaaaaaaaaaaaa", Purpose: onboarding.PurposeGoogleConsent}
	if got, err := v.Open(before, sealed); err != nil || got.Reveal() != "kept" {
		t.Errorf("opened %v, %v", got, err)
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := v.Open(before, sealed); err == nil {
		t.Error("a damaged value opens")
	}
	if _, err := v.Open(before, bytes.Clone(sealed[:4])); err == nil {
		t.Error("a cut value opens")
	}
}

// A token is for the address that was saved with it, wherever an address was put in the meantime.
func TestATokenOpensForItsAddressAlone(t *testing.T) {
	v := newVault(t)
	const own, evil = "https://1.7.gcp.databricks.com", "https://2.7.gcp.databricks.com"
	to := onboarding.SealedTo{Onboarding: "ob_x", Purpose: onboarding.PurposeDatabricksToken, Address: own}
	at := func(address string) onboarding.SealedTo {
		to := to
		to.Address = address
		return to
	}
	bound, err := v.Seal(to, onboarding.NewSecret("dapi:1,x"))
	if err != nil {
		t.Fatal(err)
	}
	resealed, err := v.Reseal(at(""), bound)
	if err != nil {
		t.Fatal(err)
	}
	for name, sealed := range map[string][]byte{"sealed": bound, "resealed": resealed} {
		for _, address := range []string{own, ""} {
			if s, err := v.Open(at(address), sealed); err != nil || s.Reveal() != "dapi:1,x" {
				t.Errorf("%s, for %q: %v, %q", name, address, err, s.Reveal())
			}
		}
		for _, address := range []string{evil, own + ".evil.example", own[:len(own)-1]} {
			if s, err := v.Open(at(address), sealed); !errors.Is(err, onboarding.ErrOtherAddress) || !s.Empty() {
				t.Errorf("%s, for %q: %v", name, address, err)
			}
		}
	}
	for name, other := range map[string]onboarding.SealedTo{
		"another onboarding": {Onboarding: "ob_y", Purpose: to.Purpose, Address: own},
		"another purpose":    {Onboarding: to.Onboarding, Purpose: onboarding.PurposeRedisToken, Address: own},
		"a consent":          {Onboarding: to.Onboarding, Consent: "grant_x", Purpose: to.Purpose, Address: own},
	} {
		if _, err := v.Open(other, bound); err == nil {
			t.Errorf("%s opens it", name)
		}
	}
	// An earlier version bound it to no address; it works until the token is saved again, and nobody without the key makes one.
	before, err := v.Seal(at(""), onboarding.NewSecret("dapi"))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := v.Open(to, before); err != nil || s.Reveal() != "dapi" {
		t.Errorf("sealed by an earlier version: %v", err)
	}
}
