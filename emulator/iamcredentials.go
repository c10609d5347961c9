package emulator

import (
	"time"

	"google.golang.org/api/iamcredentials/v1"
)

const credentialsHost = "iamcredentials.googleapis.com"

// registerCredentials serves short-lived tokens of service accounts.
func (e *Emulator) registerCredentials() {
	e.handle(credentialsHost, "POST /v1/projects/{project}/serviceAccounts/{account}:generateAccessToken", generateAccessToken)
}

// generateAccessToken gives a token that acts as the account, with the account's own permissions.
func generateAccessToken(c *call) (any, error) {
	var req iamcredentials.GenerateAccessTokenRequest
	if err := c.read(&req); err != nil {
		return nil, err
	}
	lifetime := accessTokenLife
	if req.Lifetime != "" {
		var err error
		if lifetime, err = time.ParseDuration(req.Lifetime); err != nil || lifetime <= 0 || lifetime > accessTokenLife {
			return nil, fail("INVALID_ARGUMENT", "The lifetime %q must be between 1s and %ds.", req.Lifetime, int(accessTokenLife/time.Second))
		}
	}
	if len(req.Scope) == 0 {
		return nil, fail("INVALID_ARGUMENT", "At least one scope is required.")
	}
	a, err := c.needAccount("iam.serviceAccounts.getAccessToken")
	if err != nil {
		return nil, err
	}
	if a.Disabled {
		return nil, fail("FAILED_PRECONDITION", "Service account %s is disabled.", a.Email)
	}
	token := "ya29.c." + c.e.id(80)
	expires := c.now.Add(lifetime).Truncate(time.Second)
	c.e.tokens.put(token, accessToken{Email: a.Email, Scopes: req.Scope, Expires: expires})
	return &iamcredentials.GenerateAccessTokenResponse{AccessToken: token, ExpireTime: expires.Format(time.RFC3339)}, nil
}
