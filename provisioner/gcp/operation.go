package gcp

import (
	"errors"
	"fmt"

	"groundwork/onboarding"
)

// OperationError is how a long-running operation of Google's failed: a google.rpc.Status.
type OperationError struct {
	Name    string
	Code    int64 // of google.rpc.Code: 8 is RESOURCE_EXHAUSTED
	Message string
	Details string // JSON values; "" none
}

func (e *OperationError) Error() string {
	return fmt.Sprintf("operation %s: %d %s", e.Name, e.Code, e.Message)
}

const resourceExhausted = 8

// SoldOut reports whether an operation failed because its zone has no room left, which another zone may have.
func SoldOut(err error) bool {
	var e *OperationError
	return errors.As(err, &e) && answer{text: e.Message}.says("different zone", "not enough servers", "zone_resource_pool_exhausted", "stockout")
}

func classifyOperation(e *OperationError) Failure {
	said := onboarding.Shorten(Redact(e.Message), 300)
	a := answer{text: e.Message + "\n" + e.Details}
	switch {
	case constraint.MatchString(a.text) || a.says("denied by custom org policy", "denied by org policy"):
		return policyForbids(constraint.FindString(a.text), said)
	case SoldOut(e):
		return Failure{
			Class: Blocked, Code: onboarding.CodeQuota, On: onboarding.PartyCustomer, Action: "Choose another zone of the region", Said: said,
			Message: "The zone is out of capacity, so Google rolled back the change. Google says: " + said,
		}
	case e.Code == resourceExhausted:
		return Failure{
			Class: Blocked, Code: onboarding.CodeQuota, On: onboarding.PartyCustomer, Action: "Raise the quota of the project", Said: said,
			Message: "A quota of the project is used up, so Google rolled back the change. Ask for a higher quota at https://console.cloud.google.com/iam-admin/quotas, then try again. Google says: " + said,
		}
	}
	return Failure{Class: Final, Code: onboarding.CodeCloud, Message: "Google started the change but couldn't finish it. Try again. Google says: " + said, Said: said}
}
