package vault

import (
	"errors"
	"fmt"
)

// ErrNoMAC says that a keyset, of an earlier version, has no key that authenticates.
var ErrNoMAC = errors.New("the keyset has no key that authenticates; add one: groundwork keys add --authenticates")

// Authenticate makes the code of what nobody may change unseen.
func (v *Vault) Authenticate(what []byte) ([]byte, error) {
	if v.mac == nil {
		return nil, ErrNoMAC
	}
	code, err := v.mac.ComputeMAC(what)
	if err != nil {
		return nil, fmt.Errorf("authenticate: %w", err)
	}
	return code, nil
}

// Genuine reports whether a code is what Authenticate made of the same.
func (v *Vault) Genuine(what, code []byte) bool {
	return v.mac != nil && len(code) > 0 && v.mac.VerifyMAC(code, what) == nil
}

// Authenticates reports whether the keyset has a key that authenticates.
func (v *Vault) Authenticates() bool { return v.mac != nil }
