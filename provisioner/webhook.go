package provisioner

import (
	"fmt"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"groundwork/onboarding"
)

// SignMessage signs a message to an endpoint with each of its secrets, as the header webhook-signature takes it. at is the
// header webhook-timestamp. The log of the message records the use. CodeUnavailable while a secret can't be opened.
func (s *Service) SignMessage(to onboarding.WebhookTarget, id onboarding.DeliveryID, at time.Time, body []byte) (string, error) {
	signatures := make([]string, len(to.Sealed))
	for i, sealed := range to.Sealed {
		secret, err := s.cfg.Vault.Open(to.ID.SealedTo(), sealed)
		if err != nil {
			return "", &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "The signing secret could not be opened right now. We'll try again.", Err: err}
		}
		signer, err := standardwebhooks.NewWebhook(secret.Reveal())
		if err != nil {
			return "", fmt.Errorf("read the signing secret of %s: not base64", to.ID)
		}
		if signatures[i], err = signer.Sign(string(id), at, body); err != nil {
			return "", fmt.Errorf("sign the message %s: %w", id, err)
		}
	}
	return strings.Join(signatures, " "), nil
}
