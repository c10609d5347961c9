package vault

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"regexp"
	"time"

	"google.golang.org/api/cloudkms/v1"
	"google.golang.org/api/option"
)

// KMS is a key in Google Cloud KMS that seals the keyset, so that a copied keyset file opens nothing. It is asked
// once, when the keyset is read.
type KMS struct {
	Key        string       // "projects/p/locations/l/keyRings/r/cryptoKeys/k"
	Endpoint   string       // "" is Google's own
	HTTPClient *http.Client // nil: with the machine's own credentials
}

// kmsTimeout bounds one question, retries included.
const kmsTimeout = 20 * time.Second

var kmsKey = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$`)

// master is the key as Tink wants it. It speaks REST: Tink's own integration brings gRPC into the binary.
type master struct {
	ctx  context.Context //nolint:containedctx // tink.AEAD takes none
	key  string
	keys *cloudkms.ProjectsLocationsKeyRingsCryptoKeysService
}

func (k KMS) master(ctx context.Context) (*master, error) {
	if !kmsKey.MatchString(k.Key) {
		return nil, fmt.Errorf("%q is not the name of a KMS key; write it as projects/p/locations/l/keyRings/r/cryptoKeys/k", k.Key)
	}
	var opts []option.ClientOption
	if k.Endpoint != "" {
		opts = append(opts, option.WithEndpoint(k.Endpoint))
	}
	if k.HTTPClient != nil {
		opts = append(opts, option.WithHTTPClient(k.HTTPClient))
	}
	s, err := cloudkms.NewService(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("reach KMS: %w", err)
	}
	return &master{ctx, k.Key, s.Projects.Locations.KeyRings.CryptoKeys}, nil
}

var errDamaged = errors.New("KMS: what was sent or answered was damaged on the way")

func sum(b []byte) int64 { return int64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))) }

// Encrypt seals by KMS; checksums guard both ways.
func (m *master) Encrypt(plain, associated []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(m.ctx, kmsTimeout)
	defer cancel()
	res, err := m.keys.Encrypt(m.key, &cloudkms.EncryptRequest{
		Plaintext: base64.StdEncoding.EncodeToString(plain), PlaintextCrc32c: sum(plain),
		AdditionalAuthenticatedData: base64.StdEncoding.EncodeToString(associated), AdditionalAuthenticatedDataCrc32c: sum(associated),
		ForceSendFields: []string{"PlaintextCrc32c", "AdditionalAuthenticatedDataCrc32c"},
	}).Context(ctx).Do()
	if err != nil {
		return nil, fmt.Errorf("KMS encrypt with %s: %w", m.key, err)
	}
	sealed, err := base64.StdEncoding.DecodeString(res.Ciphertext)
	if err != nil || !res.VerifiedPlaintextCrc32c || !res.VerifiedAdditionalAuthenticatedDataCrc32c || res.CiphertextCrc32c != sum(sealed) {
		return nil, errDamaged
	}
	return sealed, nil
}

// Decrypt opens by KMS; checksums guard both ways.
func (m *master) Decrypt(sealed, associated []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(m.ctx, kmsTimeout)
	defer cancel()
	res, err := m.keys.Decrypt(m.key, &cloudkms.DecryptRequest{
		Ciphertext: base64.StdEncoding.EncodeToString(sealed), CiphertextCrc32c: sum(sealed),
		AdditionalAuthenticatedData: base64.StdEncoding.EncodeToString(associated), AdditionalAuthenticatedDataCrc32c: sum(associated),
		ForceSendFields: []string{"CiphertextCrc32c", "AdditionalAuthenticatedDataCrc32c"},
	}).Context(ctx).Do()
	if err != nil {
		return nil, fmt.Errorf("KMS decrypt with %s: %w", m.key, err)
	}
	plain, err := base64.StdEncoding.DecodeString(res.Plaintext)
	if err != nil || res.PlaintextCrc32c != sum(plain) {
		return nil, errDamaged
	}
	return plain, nil
}
