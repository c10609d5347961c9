package vault

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkecdsa "github.com/tink-crypto/tink-go/v2/signature/ecdsa"

	"groundwork/onboarding"
)

// ErrNoSigner says that a keyset, of an earlier version, has no key that signs.
var ErrNoSigner = errors.New("the keyset has no key that signs; add one: groundwork keys add --signs")

// tinkPrefix is how many bytes Tink puts before a signature: one, and the key's ID in four bytes.
const tinkPrefix = 5

// Sign signs a text for people who have only the public key: ECDSA over P-256 and SHA-256, in ASN.1 as OpenSSL takes it.
// It returns the ID of the key too. [ErrNoSigner] without a key for it.
func (v *Vault) Sign(text []byte) (key uint32, sig []byte, err error) {
	if v.signer == nil {
		return 0, nil, ErrNoSigner
	}
	prefixed, err := v.signer.Sign(text)
	if err != nil {
		return 0, nil, fmt.Errorf("sign: %w", err)
	}
	key, ok := KeyOf(prefixed)
	if !ok {
		return 0, nil, errors.New("sign: the signature does not name its key")
	}
	return key, prefixed[tinkPrefix:], nil
}

// Signs reports whether the keyset has a key that signs.
func (v *Vault) Signs() bool { return v.signer != nil }

// PublicKeys are those of the keys that sign and of those that did, oldest first.
func (v *Vault) PublicKeys() []onboarding.PublicKey { return v.public }

// publicKeys reads the public halves of a handle of keys that sign.
func publicKeys(h *keyset.Handle) ([]onboarding.PublicKey, error) {
	half, err := h.Public()
	if err != nil {
		return nil, fmt.Errorf("read the public keys: %w", err)
	}
	var keys []onboarding.PublicKey
	for i := range half.Len() {
		entry, err := half.Entry(i)
		if err != nil {
			return nil, fmt.Errorf("read the public keys: %w", err)
		}
		key, ok := entry.Key().(*tinkecdsa.PublicKey)
		if !ok {
			return nil, fmt.Errorf("the key %d is not for ECDSA", entry.KeyID())
		}
		point, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), key.PublicPoint())
		if err != nil {
			return nil, fmt.Errorf("read the public key %d: %w", entry.KeyID(), err)
		}
		der, err := x509.MarshalPKIXPublicKey(point)
		if err != nil {
			return nil, fmt.Errorf("write the public key %d: %w", entry.KeyID(), err)
		}
		keys = append(keys, onboarding.PublicKey{ID: entry.KeyID(), PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))})
	}
	return keys, nil
}
