package resources

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"groundwork/onboarding"
	"groundwork/provisioner"
)

// A token that was entered with another address is sent nowhere, and the customer reads what to do.
func TestATokenOfAnotherAddressIsSentNowhere(t *testing.T) {
	t.Parallel()
	var asked []string
	env := &provisioner.Env{ // it has no way to reach anything
		Spec: onboarding.Spec{
			Databricks: onboarding.DatabricksSpec{WorkspaceURL: "https://2.7.gcp.databricks.com", Token: onboarding.SecretSet},
			Redis:      onboarding.RedisSpec{Endpoint: "redis.evil.example:12000", Token: onboarding.SecretSet},
		},
		Secret: func(_ context.Context, purpose onboarding.Purpose, address string) (onboarding.Secret, error) {
			asked = append(asked, string(purpose)+" "+address)
			return onboarding.Secret{}, fmt.Errorf("open: %w", onboarding.ErrOtherAddress)
		},
	}
	_, workspace := openWorkspace(t.Context(), env)
	_, redis := checkRedis(t.Context(), env, redisCluster{Endpoint: env.Spec.Redis.Endpoint})
	for address, err := range map[string]error{"https://2.7.gcp.databricks.com": workspace, "redis.evil.example:12000": redis} {
		var blocked *onboarding.Blocked
		if !errors.As(err, &blocked) || blocked.On != onboarding.PartyCustomer || blocked.Action != "Check "+address+", and enter its token again" {
			t.Errorf("%s: %v", address, err)
		}
	}
	if len(asked) != 2 || asked[0] != "databricks_token https://2.7.gcp.databricks.com" || asked[1] != "redis_token redis.evil.example:12000" {
		t.Errorf("asked for %q", asked)
	}
}
