package vault

import (
	"errors"
	"fmt"
)

// ErrNoSessionKey says that a keyset, of an earlier version, has no key for what waits in sessions.
var ErrNoSessionKey = errors.New("the keyset has no key for sessions; add one: groundwork keys add --sessions")

// SealSession encrypts what waits in a session under a name.
func (v *Vault) SealSession(value []byte, name string) ([]byte, error) {
	if v.sessions == nil {
		return nil, ErrNoSessionKey
	}
	sealed, err := v.sessions.Encrypt(value, sessionName(name))
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", name, err)
	}
	return sealed, nil
}

// OpenSession decrypts what [Vault.SealSession] sealed under the same name.
func (v *Vault) OpenSession(sealed []byte, name string) ([]byte, error) {
	if v.sessions == nil {
		return nil, ErrNoSessionKey
	}
	value, err := v.sessions.Decrypt(sealed, sessionName(name))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return value, nil
}

// SealsSessions reports whether the keyset has a key for sessions.
func (v *Vault) SealsSessions() bool { return v.sessions != nil }

func sessionName(name string) []byte { return []byte("groundwork\x00session\x00" + name) }
