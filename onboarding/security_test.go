package onboarding_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"groundwork/onboarding"
)

// A line says from where, also one that is written far from the request that caused it.
func TestASecurityLineHasAnAddress(t *testing.T) {
	t.Parallel()
	request := onboarding.WithClient(t.Context(), "203.0.113.9")
	for _, c := range []struct {
		name          string
		ctx           context.Context
		address, want string
	}{
		{"a request's", request, "", "203.0.113.9"},
		{"what goes on after the answer", context.WithoutCancel(request), "", "203.0.113.9"},
		{"stated", request, "198.51.100.7", "198.51.100.7"},
		{"the background's", t.Context(), "", onboarding.SecurityServer},
	} {
		var log bytes.Buffer
		onboarding.SecurityLog{Log: slog.New(slog.NewJSONHandler(&log, nil))}.Write(c.ctx, onboarding.SecurityEvent{Kind: onboarding.SecurityKeyUsed, Outcome: onboarding.SecurityDone, Address: c.address})
		if !strings.Contains(log.String(), `"address":"`+c.want+`"`) {
			t.Errorf("%s: %s", c.name, log.String())
		}
	}
}
