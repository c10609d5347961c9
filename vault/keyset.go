package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Keyset is a keyset whose keys are changed in stages, so that servers which have the stage before and servers which
// have the stage after open each other's values: a key is added, promoted once every server has it, and disabled once
// no value is sealed by it. Source: https://developers.google.com/tink/design/keysets.
type Keyset struct {
	manager *keyset.Manager
	master  tink.AEAD // nil: in the clear
}

// Key is one key of a keyset, without its material.
type Key struct {
	ID      uint32
	Primary bool // it seals; there is one such key
	Enabled bool // it opens, authenticates, or signs
	Use     Use
}

// ReadKeyset reads a cleartext keyset.
func ReadKeyset(jsonKeyset []byte) (*Keyset, error) { return readKeyset(jsonKeyset, nil) }

// ReadSealedKeyset reads a keyset that the KMS key seals.
func ReadSealedKeyset(ctx context.Context, jsonKeyset []byte, k KMS) (*Keyset, error) {
	m, err := k.master(ctx)
	if err != nil {
		return nil, err
	}
	return readKeyset(jsonKeyset, m)
}

func readKeyset(jsonKeyset []byte, master tink.AEAD) (*Keyset, error) {
	h, err := read(jsonKeyset, master)
	if err != nil {
		return nil, err
	}
	for _, k := range h.KeysetInfo().GetKeyInfo() {
		if k.GetOutputPrefixType() != tink_go_proto.OutputPrefixType_TINK {
			return nil, fmt.Errorf("key %d does not put its name on what it seals, so no one could know whether it is needed", k.GetKeyId())
		}
	}
	return &Keyset{keyset.NewManagerFromHandle(h), master}, nil
}

// Keys are the keyset's keys, oldest first, but for one that was promoted and doesn't seal: it comes first.
func (k *Keyset) Keys() ([]Key, error) {
	h, err := k.handle()
	if err != nil {
		return nil, err
	}
	var keys []Key
	info := h.KeysetInfo()
	for _, i := range info.GetKeyInfo() {
		keys = append(keys, Key{ID: i.GetKeyId(), Primary: i.GetKeyId() == info.GetPrimaryKeyId(), Enabled: i.GetStatus() == tink_go_proto.KeyStatusType_ENABLED, Use: useOf(i.GetTypeUrl())})
	}
	return keys, nil
}

// Add makes a new key for a use. It opens, or checks, what others made, and is used itself once it is promoted.
func (k *Keyset) Add(use Use) (uint32, error) {
	id, err := k.manager.Add(templates[use]())
	if err != nil {
		return 0, fmt.Errorf("add a key that %s: %w", use, err)
	}
	return id, nil
}

// key finds a key.
func (k *Keyset) key(id uint32) (Key, error) {
	keys, err := k.Keys()
	if err != nil {
		return Key{}, err
	}
	for _, key := range keys {
		if key.ID == id {
			return key, nil
		}
	}
	return Key{}, fmt.Errorf("the keyset has no key %d", id)
}

// Promote makes an enabled key the one that is used, for what its use says.
func (k *Keyset) Promote(id uint32) error {
	key, err := k.key(id)
	if err == nil && !key.Enabled {
		err = fmt.Errorf("the key %d is disabled; enable it first", id)
	}
	if err != nil {
		return err
	}
	if key.Use == Seals {
		return k.manager.SetPrimary(id)
	}
	if first, err := k.first(key); first || err != nil {
		return errors.Join(err, fmt.Errorf("the key %d is the one that is used already", id))
	}
	return k.toFront(id)
}

// Disable keeps a key in the keyset that opens nothing any more; the one that seals is refused.
func (k *Keyset) Disable(id uint32) error {
	key, err := k.key(id)
	if err == nil && key.Primary {
		err = fmt.Errorf("the key %d seals; promote another one first", id)
	}
	if err == nil && key.Use != Seals {
		if last, unknown := k.last(key); last || unknown != nil {
			err = errors.Join(unknown, fmt.Errorf("the key %d is the only one that %s; add another first: groundwork keys add --%s", id, key.Use, key.Use))
		}
	}
	if err != nil {
		return err
	}
	return k.manager.Disable(id)
}

// Enable takes Disable back.
func (k *Keyset) Enable(id uint32) error {
	if _, err := k.key(id); err != nil {
		return err
	}
	return k.manager.Enable(id)
}

// Delete removes a disabled key for good.
func (k *Keyset) Delete(id uint32) error {
	key, err := k.key(id)
	if err == nil && key.Enabled {
		err = fmt.Errorf("the key %d is in use; disable it first, and delete it once everything still works", id)
	}
	if err != nil {
		return err
	}
	return k.manager.Delete(id)
}

// JSON is the keyset as it is kept, sealed by KMS if it was.
func (k *Keyset) JSON() ([]byte, error) {
	h, err := k.handle()
	if err != nil {
		return nil, err
	}
	return write(h, k.master)
}

// Vault seals and opens with the keyset as it is now.
func (k *Keyset) Vault() (*Vault, error) {
	h, err := k.handle()
	if err != nil {
		return nil, err
	}
	return over(h)
}

func (k *Keyset) handle() (*keyset.Handle, error) {
	h, err := k.manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("use keyset: %w", err)
	}
	return h, nil
}

// Prefix is what the values begin with that the key sealed: one, and the ID in four bytes.
func (k Key) Prefix() []byte { return binary.BigEndian.AppendUint32([]byte{1}, k.ID) }

// KeyOf is the ID of the key that sealed a value; the value's first five bytes are enough.
func KeyOf(sealed []byte) (id uint32, ok bool) {
	if len(sealed) < 5 || sealed[0] != 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:]), true
}
