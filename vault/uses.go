package vault

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	"github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/signature"
	"google.golang.org/protobuf/proto"
)

// Use is what a key is for. One keyset holds keys for all of them; Tink makes a primitive of keys of one kind, so each use
// becomes a handle of its own. Of the keys that seal, one is Tink's primary key. Of the others the first enabled one is used:
// the oldest, unless another was promoted.
type Use string

// What a key is for.
const (
	Seals         Use = "seals"
	Authenticates Use = "authenticates"
	Signs         Use = "signs"
	Sessions      Use = "sessions" // seals what waits in sessions
)

// templates are the kinds of new keys: AES-256-GCM, HMAC-SHA-256, ECDSA over P-256, and XChaCha20-Poly1305.
var templates = map[Use]func() *tink_go_proto.KeyTemplate{
	Seals: aead.AES256GCMKeyTemplate, Authenticates: mac.HMACSHA256Tag256KeyTemplate, Signs: signature.ECDSAP256KeyTemplate,
	Sessions: aead.XChaCha20Poly1305KeyTemplate,
}

// useOf is the use of keys of a Tink type.
func useOf(typeURL string) Use {
	switch typeURL {
	case "type.googleapis.com/google.crypto.tink.HmacKey":
		return Authenticates
	case "type.googleapis.com/google.crypto.tink.EcdsaPrivateKey":
		return Signs
	case "type.googleapis.com/google.crypto.tink.XChaCha20Poly1305Key":
		return Sessions
	}
	return Seals
}

// split parts the keys by their use. A use without an enabled key has no handle, but for sealing, which always has one.
func split(h *keyset.Handle) (map[Use]*keyset.Handle, error) {
	all := insecurecleartextkeyset.KeysetMaterial(h)
	sets := map[Use]*tink_go_proto.Keyset{Seals: {PrimaryKeyId: all.GetPrimaryKeyId()}}
	for _, k := range all.GetKey() {
		use := useOf(k.GetKeyData().GetTypeUrl())
		set := sets[use]
		if set == nil {
			set = &tink_go_proto.Keyset{}
			sets[use] = set
		}
		if set.PrimaryKeyId == 0 && k.GetStatus() == tink_go_proto.KeyStatusType_ENABLED {
			set.PrimaryKeyId = k.GetKeyId()
		}
		set.Key = append(set.Key, k)
	}
	handles := map[Use]*keyset.Handle{}
	for use, set := range sets {
		if set.GetPrimaryKeyId() == 0 && use != Seals {
			continue
		}
		of, err := handle(set)
		if err != nil {
			return nil, err
		}
		handles[use] = of
	}
	return handles, nil
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

// newHandle is a keyset with one key for each use; the primary is the one that seals.
func newHandle() (*keyset.Handle, error) {
	m := keyset.NewManager()
	for _, use := range []Use{Seals, Authenticates, Signs, Sessions} {
		id, err := m.Add(templates[use]())
		if err == nil && use == Seals {
			err = m.SetPrimary(id)
		}
		if err != nil {
			return nil, err
		}
	}
	return m.Handle()
}

// first reports whether a key comes before all others for its use.
func (k *Keyset) first(of Key) (bool, error) {
	keys, err := k.Keys()
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(keys, func(key Key) bool { return key.Use == of.Use && key.Enabled })
	return keys[i].ID == of.ID, nil
}

// toFront makes a key the first of the keyset.
func (k *Keyset) toFront(id uint32) error {
	h, err := k.handle()
	if err != nil {
		return err
	}
	all := insecurecleartextkeyset.KeysetMaterial(h)
	i := slices.IndexFunc(all.Key, func(key *tink_go_proto.Keyset_Key) bool { return key.GetKeyId() == id })
	key := all.Key[i]
	all.Key = slices.Insert(slices.Delete(all.Key, i, i+1), 0, key)
	if h, err = handle(all); err != nil {
		return err
	}
	k.manager = keyset.NewManagerFromHandle(h)
	return nil
}

// last reports whether a key is the only enabled one for its use.
func (k *Keyset) last(of Key) (bool, error) {
	keys, err := k.Keys()
	if err != nil {
		return false, err
	}
	for _, key := range keys {
		if key.Use == of.Use && key.ID != of.ID && key.Enabled {
			return false, nil
		}
	}
	return true, nil
}
