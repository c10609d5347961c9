package gcp

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"groundwork/onboarding"
)

// OperationError is how a long-running operation of Google's failed: a google.rpc.Status.
type OperationError struct {
	Name    string
	Code    int64 // of google.rpc.Code: 8 is RESOURCE_EXHAUSTED
	Message string
	Details string // JSON values, one after the other; "" none
	Caller  string // email address of the person whose access is used; "" isn't known
}

func (e *OperationError) Error() string {
	return fmt.Sprintf("operation %s: %d %s", e.Name, e.Code, e.Said())
}

// Said is Google's own sentence, or what its details say where there is none; "" where they say nothing either.
func (e *OperationError) Said() string {
	if e.Message != "" {
		return e.Message
	}
	var all []string
	for d := json.NewDecoder(strings.NewReader(e.Details)); ; {
		var detail struct {
			Violations []struct {
				Type        string `json:"type"`
				Description string `json:"description"`
			} `json:"violations"`
			Reason string `json:"reason"`
		}
		if d.Decode(&detail) != nil {
			break
		}
		for _, v := range detail.Violations {
			all = append(all, cmp.Or(v.Description, v.Type))
		}
		all = append(all, detail.Reason)
	}
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" })
	return strings.Join(slices.Compact(all), ". ")
}

const resourceExhausted = 8

// SoldOut reports whether an operation failed because its zone has no room left, which another zone may have.
func SoldOut(err error) bool {
	var e *OperationError
	return errors.As(err, &e) && answer{text: e.Said()}.says("different zone", "not enough servers", "zone_resource_pool_exhausted", "stockout")
}

func classifyOperation(e *OperationError) Failure {
	said := onboarding.Shorten(Redact(e.Said()), 300)
	a := answer{text: e.Message + "\n" + e.Details}
	switch {
	case a.unbilled():
		return noBilling("")
	case a.unaccepted():
		return termsOfService(e.Caller)
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
	f := Failure{Class: Final, Code: onboarding.CodeCloud, Message: fmt.Sprintf("Google started the change but couldn't finish it, and gave no reason but the code %d. Try again.", e.Code)}
	if said != "" {
		f.Said, f.Message = said, "Google started the change but couldn't finish it. Try again. Google says: "+said
	}
	return f
}
