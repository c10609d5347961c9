// Package vault seals secrets with Tink's AEAD, bound to the onboarding and purpose they are for, so that a sealed
// value that was copied elsewhere does not open. It knows no SQL, no HTTP and nothing of what it seals.
package vault

import (
	"bytes"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"groundwork/onboarding"
)

// version is part of the associated data, so that a later scheme cannot be confused with this one.
const version = "v1"

// Vault seals and opens. The zero value does neither; make one with [New] or [Generate].
type Vault struct{ aead tink.AEAD }

// New returns a vault over a cleartext JSON keyset, as [Generate] writes it.
func New(jsonKeyset []byte) (*Vault, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(jsonKeyset)))
	if err != nil {
		return nil, fmt.Errorf("read keyset: %w", err)
	}
	a, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("use keyset: %w", err)
	}
	return &Vault{aead: a}, nil
}

// Generate makes a new keyset (AES-256-GCM) as cleartext JSON. Keep it secret.
func Generate() ([]byte, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("generate keyset: %w", err)
	}
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&buf)); err != nil {
		return nil, fmt.Errorf("write keyset: %w", err)
	}
	return buf.Bytes(), nil
}

func associated(id onboarding.ID, purpose onboarding.Purpose) []byte {
	return []byte("groundwork\x00" + version + "\x00" + string(id) + "\x00" + string(purpose))
}

// Seal encrypts a secret for one onboarding and purpose.
func (v *Vault) Seal(id onboarding.ID, purpose onboarding.Purpose, s onboarding.Secret) ([]byte, error) {
	sealed, err := v.aead.Encrypt([]byte(s.Reveal()), associated(id, purpose))
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	return sealed, nil
}

// Open decrypts what Seal made for the same onboarding and purpose; anything else is an error.
func (v *Vault) Open(id onboarding.ID, purpose onboarding.Purpose, sealed []byte) (onboarding.Secret, error) {
	plain, err := v.aead.Decrypt(sealed, associated(id, purpose))
	if err != nil {
		return onboarding.Secret{}, fmt.Errorf("open %s: %w", purpose, err)
	}
	return onboarding.NewSecret(string(plain)), nil
}
