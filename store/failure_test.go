package store_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"groundwork/onboarding"
	"groundwork/store"
)

// What passes by itself is 503 with a sentence, and not a page that says something went wrong.
func TestWhatPassesByItselfIsUnavailable(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]onboarding.Code{
		"57014": onboarding.CodeUnavailable, // canceled, or statement_timeout
		"25P03": onboarding.CodeUnavailable, // idle_in_transaction_session_timeout
		"25006": onboarding.CodeUnavailable, // read-only
		"57P01": onboarding.CodeUnavailable, "53300": onboarding.CodeUnavailable, "55P03": onboarding.CodeUnavailable,
		"42703": onboarding.CodeInternal, "23514": onboarding.CodeInternal,
	} {
		if got := onboarding.ErrorCode(store.Failure(&pgconn.PgError{Code: code})); got != want {
			t.Errorf("%s is %s, want %s", code, got, want)
		}
	}
}
