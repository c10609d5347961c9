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

	"github.com/tink-crypto/tink-go/v2/tink"
	"google.golang.org/api/cloudkms/v1"
	"google.golang.org/api/googleapi"
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
	ctx    context.Context //nolint:containedctx // tink.AEAD takes none
	key    string
	keys   *cloudkms.ProjectsLocationsKeyRingsCryptoKeysService
	failed error // of the latest question; Tink keeps its text alone
}

// KMSError says that KMS did not seal or open, and what to do.
type KMSError struct {
	Key, Advice string
	Err         error
}

func (e *KMSError) Error() string { return fmt.Sprintf("%s (%s): %v", e.Advice, e.Key, e.Err) }
func (e *KMSError) Unwrap() error { return e.Err }

// fails keeps why a question failed.
func (m *master) fails(err error) error {
	advice := "Cloud KMS does not answer. Check that this machine can reach it and has credentials, then start again"
	var answer *googleapi.Error
	switch {
	case errors.Is(err, errDamaged):
		advice = "A request to Cloud KMS or its answer was corrupted on the way. Start again"
	case !errors.As(err, &answer):
	case answer.Code == http.StatusForbidden || answer.Code == http.StatusUnauthorized:
		advice = "Cloud KMS refuses the key to this machine. Give its account roles/cloudkms.cryptoKeyEncrypterDecrypter on the key"
	case answer.Code == http.StatusNotFound:
		advice = "Cloud KMS has no such key. Check KMS_KEY"
	case answer.Code == http.StatusBadRequest:
		advice = "Cloud KMS says that this key did not seal the keyset, or cannot be used. Check KMS_KEY, and that its version is enabled"
	}
	m.failed = &KMSError{m.key, advice, err}
	return m.failed
}

// asked is why the key service failed, if it is one and did.
func asked(a tink.AEAD) error {
	if m, ok := a.(*master); ok {
		return m.failed
	}
	return nil
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
		return nil, (&master{key: k.Key}).fails(fmt.Errorf("find credentials: %w", err))
	}
	return &master{ctx: ctx, key: k.Key, keys: s.Projects.Locations.KeyRings.CryptoKeys}, nil
}

var errDamaged = errors.New("the checksums differ")

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
		return nil, m.fails(fmt.Errorf("encrypt: %w", err))
	}
	if res == nil { // the answer was JSON's null
		return nil, errDamaged
	}
	sealed, err := base64.StdEncoding.DecodeString(res.Ciphertext)
	if err != nil || !res.VerifiedPlaintextCrc32c || !res.VerifiedAdditionalAuthenticatedDataCrc32c || res.CiphertextCrc32c != sum(sealed) {
		return nil, m.fails(errDamaged)
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
		return nil, m.fails(fmt.Errorf("decrypt: %w", err))
	}
	if res == nil {
		return nil, errDamaged
	}
	plain, err := base64.StdEncoding.DecodeString(res.Plaintext)
	if err != nil || res.PlaintextCrc32c != sum(plain) {
		return nil, m.fails(errDamaged)
	}
	return plain, nil
}
