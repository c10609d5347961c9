package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// gerr is an error as Google answers it.
type gerr struct {
	HTTP     int    // 0: from Status
	Status   string // "PERMISSION_DENIED"; "": from HTTP
	Reason   string // of the legacy list "errors"; "": from Status
	Message  string
	Details  []any       // each with its "@type"
	Location string      // of the legacy list; may be ""
	Header   http.Header // added to the answer; may be nil
}

func (g *gerr) Error() string { return fmt.Sprintf("%d %s: %s", g.HTTP, g.Status, g.Message) }

// statuses pairs Google's canonical codes with HTTP's and the legacy reason.
var statuses = []struct {
	status string
	http   int
	reason string
}{
	{"INVALID_ARGUMENT", 400, "badRequest"},
	{"FAILED_PRECONDITION", 400, "failedPrecondition"},
	{"OUT_OF_RANGE", 400, "outOfRange"},
	{"UNAUTHENTICATED", 401, "authError"},
	{"PERMISSION_DENIED", 403, "forbidden"},
	{"NOT_FOUND", 404, "notFound"},
	{"ALREADY_EXISTS", 409, "alreadyExists"},
	{"ABORTED", 409, "aborted"},
	{"FAILED_PRECONDITION", 412, "conditionNotMet"},
	{"RESOURCE_EXHAUSTED", 429, "rateLimitExceeded"},
	{"CANCELLED", 499, "cancelled"},
	{"INTERNAL", 500, "backendError"},
	{"UNIMPLEMENTED", 501, "notImplemented"},
	{"UNAVAILABLE", 503, "backendError"},
	{"DEADLINE_EXCEEDED", 504, "backendError"},
}

// fail makes an error of a canonical status.
func fail(status, format string, args ...any) *gerr {
	return &gerr{Status: status, Message: fmt.Sprintf(format, args...)}
}

// with adds details and returns the error.
func (g *gerr) with(details ...any) *gerr { g.Details = append(g.Details, details...); return g }

// because sets the legacy reason and returns the error.
func (g *gerr) because(reason string) *gerr { g.Reason = reason; return g }

// errorInfo is the detail that says why, for machines.
func errorInfo(reason, domain string, metadata map[string]string) any {
	return map[string]any{
		"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain, "metadata": metadata,
	}
}

// help is the detail with links.
func help(description, url string) any {
	return map[string]any{
		"@type": "type.googleapis.com/google.rpc.Help",
		"links": []any{map[string]string{"description": description, "url": url}},
	}
}

// violation is one line of a PreconditionFailure.
type violation struct {
	Type        string `json:"type,omitempty"`
	Subject     string `json:"subject,omitempty"`
	Description string `json:"description,omitempty"`
}

// preconditionFailure is the detail that lists what forbids it.
func preconditionFailure(v ...violation) any {
	return map[string]any{"@type": "type.googleapis.com/google.rpc.PreconditionFailure", "violations": v}
}

// fill sets what follows from the rest.
func (g *gerr) fill() {
	for _, s := range statuses {
		if (g.HTTP == 0 || g.HTTP == s.http) && (g.Status == "" || g.Status == s.status) {
			g.HTTP, g.Status = s.http, s.status
			if g.Reason == "" {
				g.Reason = s.reason
			}
			break
		}
	}
	if g.HTTP == 0 {
		g.HTTP = http.StatusBadRequest
	}
	if g.Status == "" {
		g.Status = "UNKNOWN"
	}
}

// answer renders the error as the host does: Cloud Storage has only the legacy list.
func (g *gerr) answer(hostname string) answer {
	g.fill()
	type item struct {
		Message      string `json:"message"`
		Domain       string `json:"domain"`
		Reason       string `json:"reason"`
		Location     string `json:"location,omitempty"`
		LocationType string `json:"locationType,omitempty"`
	}
	it := item{Message: g.Message, Domain: "global", Reason: g.Reason, Location: g.Location}
	if it.Location != "" {
		it.LocationType = "header"
	}
	body := map[string]any{"code": g.HTTP, "message": g.Message}
	if g.Reason != "" {
		body["errors"] = []item{it}
	}
	if !strings.HasPrefix(hostname, "storage.") && !strings.HasPrefix(hostname, "www.") {
		body["status"] = g.Status
		if len(g.Details) > 0 {
			body["details"] = g.Details
		}
	}
	raw, _ := json.Marshal(map[string]any{"error": body})
	h := http.Header{"Content-Type": {"application/json; charset=UTF-8"}}
	for k, v := range g.Header {
		h[k] = v
	}
	return answer{Status: g.HTTP, Header: h, Body: raw}
}
