package vault

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	"github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"google.golang.org/protobuf/proto"
)

// One keyset holds keys of two kinds: those that seal, of which one is Tink's primary key, and those that authenticate,
// of which the oldest enabled one is used. Tink makes a primitive of keys of one kind, so each kind becomes a handle.

const macType = "type.googleapis.com/google.crypto.tink.HmacKey"

// ErrNoMAC says that a keyset, of an earlier version, has no key that authenticates.
var ErrNoMAC = errors.New("the keyset has no key that authenticates; add one: groundwork keys add --authenticates")

// split parts the keys that seal from those that authenticate; without any of these, the second is nil.
func split(h *keyset.Handle) (seals, authenticates *keyset.Handle, err error) {
	all := insecurecleartextkeyset.KeysetMaterial(h)
	var a, m tink_go_proto.Keyset
	a.PrimaryKeyId = all.GetPrimaryKeyId()
	for _, k := range all.GetKey() {
		if k.GetKeyData().GetTypeUrl() != macType {
			a.Key = append(a.Key, k)
			continue
		}
		if m.PrimaryKeyId == 0 && k.GetStatus() == tink_go_proto.KeyStatusType_ENABLED {
			m.PrimaryKeyId = k.GetKeyId()
		}
		m.Key = append(m.Key, k)
	}
	if seals, err = handle(&a); err != nil {
		return nil, nil, err
	}
	if m.GetPrimaryKeyId() != 0 {
		authenticates, err = handle(&m)
	}
	return seals, authenticates, err
}

func handle(k *tink_go_proto.Keyset) (*keyset.Handle, error) {
	raw, err := proto.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("write keyset: %w", err)
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("use keyset: %w", err)
	}
	return h, nil
}

// newHandle is a keyset with one key of each kind; the primary is the one that seals.
func newHandle() (*keyset.Handle, error) {
	m := keyset.NewManager()
	id, err := m.Add(aead.AES256GCMKeyTemplate())
	if err == nil {
		err = m.SetPrimary(id)
	}
	if err == nil {
		_, err = m.Add(mac.HMACSHA256Tag256KeyTemplate())
	}
	if err != nil {
		return nil, err
	}
	return m.Handle()
}

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

// AddMAC makes a new key that authenticates (HMAC-SHA-256). It is used once all older ones of its kind are disabled.
func (k *Keyset) AddMAC() (uint32, error) {
	id, err := k.manager.Add(mac.HMACSHA256Tag256KeyTemplate())
	if err != nil {
		return 0, fmt.Errorf("add a key that authenticates: %w", err)
	}
	return id, nil
}

// authenticating tells the use of each key: those of the IDs in the map authenticate, all others seal.
func authenticating(h *keyset.Handle) map[uint32]bool {
	ids := map[uint32]bool{}
	for _, k := range h.KeysetInfo().GetKeyInfo() {
		if strings.HasSuffix(k.GetTypeUrl(), ".HmacKey") {
			ids[k.GetKeyId()] = true
		}
	}
	return ids
}

// lastMAC reports whether a key is the only enabled one that authenticates.
func (k *Keyset) lastMAC(id uint32) (bool, error) {
	keys, err := k.Keys()
	if err != nil {
		return false, err
	}
	others, is := 0, false
	for _, key := range keys {
		switch {
		case key.ID == id:
			is = key.Authenticates
		case key.Authenticates && key.Enabled:
			others++
		}
	}
	return is && others == 0, nil
}
