// Package vault seals secrets with Tink's AEAD, bound to the onboarding, consent and purpose they are for, so that a
// sealed value that was copied elsewhere does not open. It authenticates with Tink's MAC and signs with its ECDSA. It
// knows no SQL, no HTTP and nothing of what it seals.
package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	"github.com/tink-crypto/tink-go/v2/signature"
	"github.com/tink-crypto/tink-go/v2/tink"

	"groundwork/onboarding"
)

// Vault seals and opens. The zero value does neither; make one with [New] or [Generate].
type Vault struct {
	aead   tink.AEAD
	mac    tink.MAC    // nil: the keyset, of an earlier version, has no key for it
	signer tink.Signer // the same
	public []onboarding.PublicKey

	sessions tink.AEAD // nil: the same as mac
}

// New returns a vault over a cleartext JSON keyset, as [Generate] writes it.
func New(jsonKeyset []byte) (*Vault, error) { return open(jsonKeyset, nil) }

// NewSealed returns a vault over a JSON keyset that the KMS key seals, as [GenerateSealed] writes it. A cleartext
// keyset is refused, and so is everything while KMS does not answer.
func NewSealed(ctx context.Context, jsonKeyset []byte, k KMS) (*Vault, error) {
	m, err := k.master(ctx)
	if err != nil {
		return nil, err
	}
	return open(jsonKeyset, m)
}

func open(jsonKeyset []byte, master tink.AEAD) (*Vault, error) {
	h, err := read(jsonKeyset, master)
	if err != nil {
		return nil, err
	}
	return over(h)
}

func over(h *keyset.Handle) (*Vault, error) {
	of, err := split(h)
	if err != nil {
		return nil, err
	}
	v := &Vault{}
	if v.aead, err = aead.New(of[Seals]); err != nil {
		return nil, fmt.Errorf("use keyset: %w", err)
	}
	if of[Authenticates] != nil {
		if v.mac, err = mac.New(of[Authenticates]); err != nil {
			return nil, fmt.Errorf("use keyset: %w", err)
		}
	}
	if of[Signs] != nil {
		if v.signer, err = signature.NewSigner(of[Signs]); err != nil {
			return nil, fmt.Errorf("use keyset: %w", err)
		}
		if v.public, err = publicKeys(of[Signs]); err != nil {
			return nil, err
		}
	}
	if of[Sessions] != nil {
		if v.sessions, err = aead.New(of[Sessions]); err != nil {
			return nil, fmt.Errorf("use keyset: %w", err)
		}
	}
	return v, nil
}

// read takes a cleartext keyset where master is nil, and only a sealed one elsewhere.
func read(jsonKeyset []byte, master tink.AEAD) (h *keyset.Handle, err error) {
	r := keyset.NewJSONReader(bytes.NewReader(jsonKeyset))
	if master == nil {
		h, err = insecurecleartextkeyset.Read(r)
	} else {
		h, err = keyset.Read(r, master)
	}
	if down := asked(master); down != nil {
		return nil, down
	}
	if err != nil {
		return nil, fmt.Errorf("read keyset: %w", err)
	}
	return h, nil
}

func write(h *keyset.Handle, master tink.AEAD) ([]byte, error) {
	var buf bytes.Buffer
	var err error
	if w := keyset.NewJSONWriter(&buf); master == nil {
		err = insecurecleartextkeyset.Write(h, w)
	} else {
		err = h.Write(w, master)
	}
	if down := asked(master); down != nil {
		return nil, down
	}
	if err != nil {
		return nil, fmt.Errorf("write keyset: %w", err)
	}
	return buf.Bytes(), nil
}

// Generate makes a new keyset as cleartext JSON: AES-256-GCM to seal, HMAC-SHA-256 to authenticate, ECDSA over P-256 to
// sign, XChaCha20-Poly1305 for sessions. Keep it secret.
func Generate() ([]byte, error) { return generate(nil) }

// GenerateSealed makes a new keyset that only the KMS key can open.
func GenerateSealed(ctx context.Context, k KMS) ([]byte, error) {
	m, err := k.master(ctx)
	if err != nil {
		return nil, err
	}
	return generate(m)
}

func generate(master tink.AEAD) ([]byte, error) {
	h, err := newHandle()
	if err != nil {
		return nil, fmt.Errorf("generate keyset: %w", err)
	}
	return write(h, master)
}

// associated writes what a value is sealed to, so that no field can run into another, and with the version of the
// scheme, so that a later one cannot be confused with it. A consent has the second. What belongs to no consent, or to one
// without a ref, keeps the first, in which a NUL parts the fields.
func associated(to onboarding.SealedTo) ([]byte, error) {
	if to.Consent != "" {
		return written("groundwork", "v2", string(to.Onboarding), to.Consent, string(to.Purpose)), nil
	}
	if strings.ContainsRune(string(to.Onboarding)+string(to.Purpose), 0) {
		return nil, errors.New("a NUL in what it is sealed to")
	}
	return []byte("groundwork\x00v1\x00" + string(to.Onboarding) + "\x00" + string(to.Purpose)), nil
}

// associatedBound is [associated] for a value that is bound to an address, which is sealed in front of it: whoever hands the
// value on, or reseals it, needn't know the address.
func associatedBound(to onboarding.SealedTo) []byte {
	return written("groundwork", "v3", string(to.Onboarding), string(to.Purpose))
}

// written writes fields with their lengths.
func written(fields ...string) []byte {
	var out strings.Builder
	for _, field := range fields {
		fmt.Fprintf(&out, "%d:%s,", len(field), field)
	}
	return []byte(out.String())
}

// Seal encrypts a secret.
func (v *Vault) Seal(to onboarding.SealedTo, s onboarding.Secret) ([]byte, error) {
	data, err := associated(to)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", to.Purpose, err)
	}
	plain := []byte(s.Reveal())
	if to.Address != "" {
		data, plain = associatedBound(to), append(written(to.Address), plain...)
	}
	sealed, err := v.aead.Encrypt(plain, data)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", to.Purpose, err)
	}
	return sealed, nil
}

// Reseal seals what a value holds with the key that seals now, bound to the same, and tells nobody what it is.
func (v *Vault) Reseal(to onboarding.SealedTo, sealed []byte) ([]byte, error) {
	s, address, err := v.open(to, sealed)
	if err != nil {
		return nil, err
	}
	to.Address = address
	return v.Seal(to, s)
}

// Open decrypts what Seal made for the same; anything else is an error, and [onboarding.ErrOtherAddress] where only the
// address is another. Without an address in to, a value opens whatever it is bound to; a value that was bound to none, by an
// earlier version, opens for each.
func (v *Vault) Open(to onboarding.SealedTo, sealed []byte) (onboarding.Secret, error) {
	s, address, err := v.open(to, sealed)
	if err == nil && address != "" && to.Address != "" && address != to.Address {
		err = fmt.Errorf("open %s: %w", to.Purpose, onboarding.ErrOtherAddress)
	}
	if err != nil {
		return onboarding.Secret{}, err
	}
	return s, nil
}

// open returns the address too that a value is bound to; "" none.
func (v *Vault) open(to onboarding.SealedTo, sealed []byte) (onboarding.Secret, string, error) {
	data, err := associated(to)
	if err != nil {
		return onboarding.Secret{}, "", fmt.Errorf("open %s: %w", to.Purpose, err)
	}
	plain, err := v.aead.Decrypt(sealed, data)
	if err == nil {
		return onboarding.NewSecret(string(plain)), "", nil
	}
	if to.Consent == "" {
		if plain, err := v.aead.Decrypt(sealed, associatedBound(to)); err == nil {
			return unbind(to, string(plain))
		}
	}
	return onboarding.Secret{}, "", fmt.Errorf("open %s: %w", to.Purpose, err)
}

// unbind parts the address from the value behind it.
func unbind(to onboarding.SealedTo, plain string) (onboarding.Secret, string, error) {
	length, rest, _ := strings.Cut(plain, ":")
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n >= len(rest) || rest[n] != ',' {
		return onboarding.Secret{}, "", fmt.Errorf("open %s: it names no address", to.Purpose)
	}
	return onboarding.NewSecret(rest[n+1:]), rest[:n], nil
}
