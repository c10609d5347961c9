package onboarding

import (
	_ "embed" // the script
	"fmt"
	"time"
)

// SignedAuditHead is where a history ended at a time, as a server signed it. Whoever keeps it can see later that lines were
// cut off or rewritten.
type SignedAuditHead struct {
	AuditHead
	At        time.Time
	Key       uint32 // ID of the key that signed it
	Signature []byte // of its text: ECDSA over P-256 and SHA-256, in ASN.1
}

// Text is what is signed.
func (h SignedAuditHead) Text() string {
	return fmt.Sprintf("groundwork audit head 1\nonboarding: %s\nseq: %d\nhash: %s\nat: %s\n", h.Onboarding, h.Seq, h.Hash, h.At.UTC().Format(time.RFC3339Nano))
}

// SignHead signs where a history ends.
func SignHead(head AuditHead, at time.Time, sign Signer) (SignedAuditHead, error) {
	signed := SignedAuditHead{AuditHead: head, At: at}
	var err error
	if signed.Key, signed.Signature, err = sign([]byte(signed.Text())); err != nil {
		return SignedAuditHead{}, fmt.Errorf("sign the end of the history of %s: %w", head.Onboarding, err)
	}
	return signed, nil
}

// VerifyScript checks a download of a history, its signed end included, with Python and OpenSSL alone. It computes the
// hashes that SECURITY.md describes.
//
//go:embed verify.py
var VerifyScript []byte
