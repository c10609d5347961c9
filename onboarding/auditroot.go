package onboarding

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"time"
)

// AuditHead is where a history ends.
type AuditHead struct {
	Onboarding ID
	Seq        int64
	Hash       string
}

// AuditLog is where a log of the vendor's own ends: how many lines it has, and a hash over all of them.
type AuditLog struct {
	Lines int64
	Hash  string
}

// AuditRoot covers the ends of all histories and of the vendor's own logs. Each covers the root before it, so that the
// last one covers them all.
type AuditRoot struct {
	ID       int64 // 1, 2, …
	At       time.Time
	Moved    int    // histories that grew since the root before
	Hash     string // see [RootHash]
	Staff    AuditLog
	Settings AuditLog
}

// Text is what is signed.
func (r AuditRoot) Text() string {
	return fmt.Sprintf("groundwork audit root 1\nid: %d\nat: %s\nmoved: %d\nroot: %s\nstaff: %d %s\nsettings: %d %s\n",
		r.ID, r.At.UTC().Format(time.RFC3339Nano), r.Moved, r.Hash, r.Staff.Lines, r.Staff.Hash, r.Settings.Lines, r.Settings.Hash)
}

// ParseAuditRoot reads a text that [AuditRoot.Text] wrote.
func ParseAuditRoot(text string) (AuditRoot, error) {
	var r AuditRoot
	var at string
	_, err := fmt.Sscanf(text, "groundwork audit root 1\nid: %d\nat: %s\nmoved: %d\nroot: %s\nstaff: %d %s\nsettings: %d %s\n",
		&r.ID, &at, &r.Moved, &r.Hash, &r.Staff.Lines, &r.Staff.Hash, &r.Settings.Lines, &r.Settings.Hash)
	if err == nil {
		r.At, err = time.Parse(time.RFC3339Nano, at)
	}
	if err != nil || r.Text() != text {
		return AuditRoot{}, fmt.Errorf("%q is not the text of a root", strings.SplitN(text, "\n", 2)[0])
	}
	return r, nil
}

// RootHash is SHA-256 over the root before ("" for the first) and, ordered by onboarding, the histories that grew since.
type RootHash struct {
	sum   hash.Hash
	Moved int
}

// NewRootHash begins the hash of the root that follows one.
func NewRootHash(before string) *RootHash {
	r := &RootHash{sum: sha256.New()}
	fmt.Fprintf(r.sum, "%s\n", before)
	return r
}

// Add adds the end of a history.
func (r *RootHash) Add(h AuditHead) {
	fmt.Fprintf(r.sum, "%s %d %s\n", h.Onboarding, h.Seq, h.Hash)
	r.Moved++
}

// Hex is the hash in hex.
func (r *RootHash) Hex() string { return hex.EncodeToString(r.sum.Sum(nil)) }

// AuditRootLogged is the message of the log's line that carries a root's text, key and signature.
const AuditRootLogged = "audit root"

// Signer signs a text, and names its key.
type Signer func(text []byte) (key uint32, signature []byte, err error)

// PublicKey checks the signatures of one key.
type PublicKey struct {
	ID  uint32
	PEM string // PKIX, as OpenSSL takes it
}

// SignedAuditRoot is a root as it is kept and sent to the log.
type SignedAuditRoot struct {
	AuditRoot
	Key       uint32 // ID of the key that signed it
	Signature []byte // of its text: ECDSA over P-256 and SHA-256, in ASN.1
}
