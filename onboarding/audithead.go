package onboarding

import (
	_ "embed" // the script
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// SignedAuditHead is where a history ended at a time, as a server signed it. Anyone who keeps it can see later that lines were
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

// AuditEnd is a signed end of a history as files hold it: a download of the history, and the record.
type AuditEnd struct {
	Text      string `json:"text"` // what is signed
	Key       uint32 `json:"key"`
	Signature []byte `json:"signature"`
}

// End is the head as files hold it.
func (h SignedAuditHead) End() *AuditEnd { return &AuditEnd{h.Text(), h.Key, h.Signature} }

// In checks that a history holds the line at which this end was signed, as it was then: an earlier line than the last, if
// the history went on. Whether one of the vendor's keys signed the end is the caller's to check.
func (e AuditEnd) In(lines []AuditEntry) error {
	if slices.ContainsFunc(lines, func(l AuditEntry) bool { return endsWith(e.Text, l) }) {
		return nil
	}
	return errors.New("the history doesn't hold the line at which the record was signed: lines were cut off or rewritten, or the record is of another onboarding")
}

// endsWith reports whether the text of a signed end, made at whatever time, names a line as the last one.
func endsWith(text string, l AuditEntry) bool {
	head := SignedAuditHead{AuditHead: AuditHead{Onboarding: l.Onboarding, Seq: l.Seq, Hash: l.Hash}}
	untilTime, _, _ := strings.Cut(head.Text(), "at: ")
	return strings.HasPrefix(text, untilTime)
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

// VerifyScript checks a download of a history, its signed end included, with only Python and OpenSSL. It computes the
// hashes that SECURITY.md describes.
//
//go:embed verify.py
var VerifyScript []byte
