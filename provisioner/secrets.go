package provisioner

import (
	"bytes"
	"context"
	"fmt"

	"filippo.io/age"
	"filippo.io/age/armor"

	"groundwork/onboarding"
)

// EncryptSecrets opens an onboarding's secrets and returns each encrypted to an age recipient, armored. CodeGone or
// CodeNotFound when one isn't held, CodeUnavailable while it can't be opened. The plaintext doesn't leave this function.
func (s *Service) EncryptSecrets(ctx context.Context, id onboarding.ID, purposes []onboarding.Purpose, recipient string) (map[onboarding.Purpose]string, error) {
	to, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return nil, onboarding.Errorf(onboarding.CodeInvalid, "The age recipient in the settings can't be read.")
	}
	encrypted := map[onboarding.Purpose]string{}
	for _, purpose := range purposes {
		sealed, err := s.cfg.Ledger.SealedSecret(ctx, id, purpose)
		if err != nil {
			return nil, fmt.Errorf("secret %s of %s: %w", purpose, id, err)
		}
		secret, err := s.cfg.Vault.Open(onboarding.SealedTo{Onboarding: id, Purpose: purpose}, sealed)
		if err != nil {
			return nil, &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "A secret could not be opened right now. We'll try again.", Err: err}
		}
		if encrypted[purpose], err = encrypt(secret, to); err != nil {
			return nil, fmt.Errorf("encrypt secret %s of %s: %w", purpose, id, err)
		}
	}
	return encrypted, nil
}

func encrypt(secret onboarding.Secret, to age.Recipient) (string, error) {
	var out bytes.Buffer
	armored := armor.NewWriter(&out)
	w, err := age.Encrypt(armored, to)
	if err != nil {
		return "", err
	}
	if _, err := w.Write([]byte(secret.Reveal())); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	if err := armored.Close(); err != nil {
		return "", err
	}
	return out.String(), nil
}
