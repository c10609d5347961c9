package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/storage"
	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"groundwork/onboarding"
)

// answered is the error that Google's clients make of an HTTP answer.
func answered(status int, body string, header ...string) error {
	res := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	for i := 0; i+1 < len(header); i += 2 {
		res.Header.Set(header[i], header[i+1])
	}
	return fmt.Errorf("apply bucket: %w", googleapi.CheckResponse(res))
}

func TestClassifyReadsGooglesAnswers(t *testing.T) {
	serviceDisabled := `{"error":{"code":403,"message":"Cloud Bigtable Admin API has not been used in project 123 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/bigtableadmin.googleapis.com/overview?project=123 then retry.","status":"PERMISSION_DENIED","errors":[{"reason":"accessNotConfigured"}],"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED","domain":"googleapis.com","metadata":{"consumer":"projects/123","service":"bigtableadmin.googleapis.com"}}]}}`
	for _, tt := range []struct {
		name  string
		err   error
		class Class
		code  onboarding.Code
		on    onboarding.Party
		says  string
	}{
		{"T1 policy race", answered(409, `{"error":{"code":409,"status":"ABORTED","message":"There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."}}`), Retry, onboarding.CodeStale, onboarding.PartyGoogle, "read it again"},
		{"T2 bucket policy race", answered(412, `{"error":{"code":412,"message":"Precondition Failed","errors":[{"reason":"conditionNotMet","message":"Precondition Failed"}]}}`), Retry, onboarding.CodeStale, onboarding.PartyGoogle, "read it again"},
		{"T2 organization policy with the same code and reason", answered(412, `{"error":{"code":412,"message":"'us' violates constraint 'constraints/gcp.resourceLocations'","errors":[{"reason":"conditionNotMet"}]}}`), Blocked, onboarding.CodeOrgPolicy, onboarding.PartyOrganization, "constraints/gcp.resourceLocations"},
		{"T3 bucket is ours", answered(409, `{"error":{"code":409,"message":"Your previous request to create the named bucket succeeded and you already own it.","errors":[{"reason":"conflict"}]}}`), Retry, onboarding.CodeStale, onboarding.PartyGoogle, "whether it is ours"},
		{"T3 bucket is taken", answered(409, `{"error":{"code":409,"message":"The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.","errors":[{"reason":"conflict"}]}}`), Final, onboarding.CodeConflict, "", "another deployment name"},
		{"T17 cluster of another instance", answered(409, `{"error":{"code":409,"status":"ALREADY_EXISTS","message":"Cannot re-create cluster 'x-c1' in a different instance"}}`), Final, onboarding.CodeConflict, "", "another instance ID"},
		{"T20 custom constraint", answered(412, `{"error":{"code":412,"message":"Operation denied by custom org policy: [\"customConstraints/custom.bucketNeedsCostCenter\": \"cost center label is required\"]","errors":[{"reason":"conditionNotMet"}]}}`), Blocked, onboarding.CodeOrgPolicy, onboarding.PartyOrganization, "The organization policy customConstraints/custom.bucketNeedsCostCenter forbids this"},
		{"T20 in Google's words", answered(400, `{"error":{"code":400,"message":"Operation denied by custom org policy: [\"customConstraints/custom.x\": \"cost center label is required\"]"}}`), Blocked, onboarding.CodeOrgPolicy, onboarding.PartyOrganization, "cost center label is required"},
		{"T20 without a name", answered(412, `{"error":{"code":412,"message":"Request denied by org policy on resource 'b'.","errors":[{"reason":"conditionNotMet"}]}}`), Blocked, onboarding.CodeOrgPolicy, onboarding.PartyOrganization, "An organization policy forbids this"},
		{"T29 requester pays", answered(400, `{"error":{"code":400,"message":"Bucket is requester pays bucket but no user project provided.","errors":[{"reason":"required"}]}}`), Blocked, onboarding.CodePermission, onboarding.PartyCustomer, "requester pays"},
		{"T37 identifier", answered(403, `{"error":{"code":403,"status":"PERMISSION_DENIED","message":"Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: aB3-x_9"}}`), Blocked, onboarding.CodeOrgPolicy, onboarding.PartyOrganization, "aB3-x_9"},
		{"T40 role not known yet", answered(400, `{"error":{"code":400,"message":"Role (projects/acme/roles/tecton_acme) does not exist in the resource's hierarchy.","errors":[{"reason":"invalid"}]}}`), Wait, onboarding.CodeNotFound, onboarding.PartyGoogle, "custom role"},
		{"T4 account not known yet", answered(400, `{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"Service account tecton-acme-spark@acme.iam.gserviceaccount.com does not exist."}}`), Wait, onboarding.CodeNotFound, onboarding.PartyGoogle, "tecton-acme-spark@acme.iam.gserviceaccount.com"},
		{"T4 read of a new account", answered(403, `{"error":{"code":403,"status":"PERMISSION_DENIED","message":"Permission 'iam.serviceAccounts.getIamPolicy' denied on resource (or it may not exist)."}}`), Blocked, onboarding.CodePermission, onboarding.PartyCustomer, "iam.serviceAccounts.getIamPolicy"},
		{"T5 account exists", answered(409, `{"error":{"code":409,"status":"ALREADY_EXISTS","message":"Service account tecton-acme-spark already exists within project projects/acme."}}`), Retry, onboarding.CodeStale, onboarding.PartyGoogle, ""},
		{"T5 account missing", answered(404, `{"error":{"code":404,"status":"NOT_FOUND","message":"Unknown service account"}}`), Final, onboarding.CodeNotFound, "", ""},
		{"T6 role deleted", answered(400, `{"error":{"code":400,"status":"FAILED_PRECONDITION","message":"You can't create a role_id (tecton_acme) which has been marked for deletion.","errors":[{"reason":"failedPrecondition"}]}}`), Final, onboarding.CodeConflict, "", "37 days"},
		{"T6 bad permission", answered(400, `{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"Permission storage.bucket.get is not valid."}}`), Final, onboarding.CodeCloud, "", "Permission storage.bucket.get is not valid."},
		{"T7 API off", answered(403, serviceDisabled), Wait, onboarding.CodeAPIDisabled, onboarding.PartyGoogle, "bigtableadmin.googleapis.com"},
		{"T8 another activation", answered(400, `{"error":{"code":400,"status":"FAILED_PRECONDITION","message":"Another activation or deactivation is in progress for this project."}}`), Wait, onboarding.CodeUnavailable, onboarding.PartyGoogle, "busy"},
		{"T8 no billing", answered(400, `{"error":{"code":400,"status":"FAILED_PRECONDITION","message":"Billing account for project '123' is not found. Billing must be enabled for activation of service(s) 'bigtable.googleapis.com' to proceed.","details":[{"@type":"type.googleapis.com/google.rpc.PreconditionFailure","violations":[{"type":"googleapis.com/billing-enabled","subject":"123","description":"..."}]},{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"UREQ_PROJECT_BILLING_NOT_FOUND","domain":"serviceusage.googleapis.com"}]}}`), Blocked, onboarding.CodeBilling, onboarding.PartyCustomer, "https://console.cloud.google.com/billing"},
		{"terms of service", answered(403, `{"error":{"code":403,"status":"PERMISSION_DENIED","message":"Callers must accept Terms of Service","details":[{"@type":"type.googleapis.com/google.rpc.PreconditionFailure","violations":[{"type":"TOS","subject":"110002","description":"Callers must accept Terms of Service"}]}]}}`), Blocked, onboarding.CodePermission, onboarding.PartyCustomer, "accept the terms"},
		{"an operation without a reason", &OperationError{Name: "operations/1", Code: 13}, Final, onboarding.CodeCloud, "", "no reason but the code 13"},
		{"T9 domain restricted sharing", answered(400, `{"error":{"code":400,"status":"FAILED_PRECONDITION","message":"One or more users named in the policy do not belong to a permitted customer.","details":[{"@type":"type.googleapis.com/google.rpc.PreconditionFailure","violations":[{"type":"constraints/iam.allowedPolicyMemberDomains","subject":"orgpolicy:projects/acme","description":"User x is not in permitted organization."}]}]}}`), Blocked, onboarding.CodeOrgPolicy, onboarding.PartyOrganization, "domain restricted sharing"},
		{"service account creation forbidden", answered(400, `{"error":{"code":400,"status":"FAILED_PRECONDITION","message":"Service account creation is not allowed on this project.","details":[{"@type":"type.googleapis.com/google.rpc.PreconditionFailure","violations":[{"type":"constraints/iam.disableServiceAccountCreation","subject":"projects/acme"}]}]}}`), Blocked, onboarding.CodeOrgPolicy, onboarding.PartyOrganization, "constraints/iam.disableServiceAccountCreation"},
		{"retention policy", answered(403, `{"error":{"code":403,"message":"Object 'b/events.daily.csv' is subject to bucket's retention policy and cannot be deleted, overwritten or archived until 2026-12-01T00:00:00.5-08:00","errors":[{"reason":"retentionPolicyNotMet"}]}}`), Final, onboarding.CodeConflict, "", "the bucket's retention policy keeps the object b/events.daily.csv until 2026-12-01 08:00 UTC."},
		{"object retention", answered(403, `{"error":{"code":403,"message":"Object 'b/o' is subject to object retention and cannot be deleted or overwritten until 2026-12-01T08:00:00Z."}}`), Final, onboarding.CodeConflict, "", "its retention setting keeps the object b/o until 2026-12-01 08:00 UTC."},
		{"event-based hold", answered(403, `{"error":{"code":403,"message":"Object 'b/o' is under active Event-Based hold and cannot be deleted, overwritten or archived until hold is removed."}}`), Final, onboarding.CodeConflict, "", "an event-based hold keeps the object b/o until someone releases it."},
		{"temporary hold", answered(403, `{"error":{"code":403,"message":"Object 'b/o' is under active Temporary hold and cannot be deleted, overwritten or archived until hold is removed."}}`), Final, onboarding.CodeConflict, "", "a temporary hold keeps the object b/o until someone releases it."},
		{"an object's name isn't a permission", answered(403, `{"error":{"code":403,"message":"Access to gs://b/events.daily.csv and 'b/storage.daily.csv' is refused."}}`), Blocked, onboarding.CodePermission, onboarding.PartyCustomer, "does not exist, or the Google account"},
		{"a permission without the word", answered(403, `{"error":{"code":403,"message":"Access Denied: Dataset p:d: bigquery.datasets.get is missing."}}`), Blocked, onboarding.CodePermission, onboarding.PartyCustomer, "lacks the permission bigquery.datasets.get."},
		{"T11 rate", answered(429, `{"error":{"code":429,"message":"The project exceeded the rate limit for creating and deleting buckets.","errors":[{"reason":"rateLimitExceeded"}]}}`, "Retry-After", "7"), Retry, onboarding.CodeQuota, onboarding.PartyGoogle, "wait"},
		{"T11 quota as 403", answered(403, `{"error":{"code":403,"message":"Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service 'iam.googleapis.com' for consumer 'project_number:123'.","status":"PERMISSION_DENIED"}}`), Retry, onboarding.CodeQuota, onboarding.PartyGoogle, "wait"},
		{"T12 project missing or not ours", answered(403, `{"error":{"code":403,"status":"PERMISSION_DENIED","message":"The caller does not have permission"}}`), Blocked, onboarding.CodePermission, onboarding.PartyCustomer, "does not exist, or the Google account"},
		{"missing permission, storage's words", answered(403, `{"error":{"code":403,"message":"ada@customer.example does not have storage.buckets.create access to the Google Cloud project. Permission 'storage.buckets.create' denied on resource (or it may not exist)."}}`), Blocked, onboarding.CodePermission, onboarding.PartyCustomer, "storage.buckets.create"},
		{"unticked scope", answered(403, `{"error":{"code":403,"status":"PERMISSION_DENIED","message":"Request had insufficient authentication scopes.","details":[{"reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}`), Blocked, onboarding.CodeSignIn, onboarding.PartyCustomer, "every checkbox"},
		{"T14 revoked", tokenError(400, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`), Blocked, onboarding.CodeSignIn, onboarding.PartyCustomer, "sign in again"},
		{"T14 session control", tokenError(400, `{"error":"invalid_grant","error_description":"reauth related error (invalid_rapt)","error_subtype":"invalid_rapt"}`), Blocked, onboarding.CodeSignIn, onboarding.PartyCustomer, "organization ends Google sessions"},
		{"our own registration", tokenError(401, `{"error":"invalid_client"}`), Blocked, onboarding.CodeInternal, onboarding.PartySpecialist, "registration"},
		{"our own registration was deleted", tokenError(401, `{"error":"deleted_client","error_description":"The OAuth client was deleted."}`), Blocked, onboarding.CodeInternal, onboarding.PartySpecialist, "registration"},
		{"our own registration was disabled", tokenError(401, `{"error":"disabled_client","error_description":"The OAuth client was disabled."}`), Blocked, onboarding.CodeInternal, onboarding.PartySpecialist, "registration"},
		{"the project is suspended", answered(403, `{"error":{"code":403,"message":"Permission denied: Consumer 'project_number:123' has been suspended.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"CONSUMER_SUSPENDED","domain":"googleapis.com","metadata":{"service":"iam.googleapis.com","consumer":"projects/123"}}]}}`), Blocked, onboarding.CodeCloud, onboarding.PartyCustomer, "Google suspended the project 123"},
		{"the project is suspended, in words", answered(403, `{"error":{"code":403,"message":"Permission denied: Consumer 'project_number:123' has been suspended.","status":"PERMISSION_DENIED"}}`), Blocked, onboarding.CodeCloud, onboarding.PartyCustomer, "Google suspended the project 123"},
		{"the project is not valid", answered(403, `{"error":{"code":403,"message":"Permission denied on resource project 123.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"CONSUMER_INVALID","domain":"googleapis.com","metadata":{"service":"iam.googleapis.com","consumer":"projects/123"}}]}}`), Blocked, onboarding.CodeCloud, onboarding.PartyCustomer, "counted against the project 123"},
		{"no billing, by the consumer", answered(403, `{"error":{"code":403,"message":"This API method requires billing to be enabled. Please enable billing on project #123.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"BILLING_DISABLED","domain":"googleapis.com","metadata":{"service":"bigtableadmin.googleapis.com","consumer":"projects/123"}}]}}`), Blocked, onboarding.CodeBilling, onboarding.PartyCustomer, "The project 123 has no active billing account"},
		{"deleted, by the consumer", answered(403, `{"error":{"code":403,"message":"Project #123 has been deleted.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"CONSUMER_INVALID","domain":"googleapis.com","metadata":{"consumer":"projects/123"}}]}}`), Blocked, onboarding.CodeNotFound, onboarding.PartyCustomer, "The Google Cloud project 123 has been deleted"},
		{"token endpoint down", tokenError(503, `<html>busy</html>`), Retry, onboarding.CodeUnavailable, onboarding.PartyGoogle, "sign-in service"},
		{"401", answered(401, `{"error":{"code":401,"status":"UNAUTHENTICATED","message":"Request had invalid authentication credentials."}}`), Blocked, onboarding.CodeSignIn, onboarding.PartyCustomer, "sign in again"},
		{"T15 not empty", answered(409, `{"error":{"code":409,"message":"The bucket you tried to delete was not empty."}}`), Final, onboarding.CodeConflict, "", "data"},
		{"T15 member without a type", answered(400, `{"error":{"code":400,"message":"Invalid argument","errors":[{"reason":"invalid"}]}}`), Final, onboarding.CodeCloud, "", "Invalid argument"},
		{"503 in HTML", answered(503, `<!DOCTYPE html><html><title>Error 503</title></html>`), Retry, onboarding.CodeUnavailable, onboarding.PartyGoogle, "try again"},
		{"project deleted", answered(403, `{"error":{"code":403,"status":"PERMISSION_DENIED","message":"Project acme has been deleted."}}`), Blocked, onboarding.CodeNotFound, onboarding.PartyCustomer, "deleted"},
		{"VPC Service Controls", answered(403, `{"error":{"code":403,"status":"PERMISSION_DENIED","message":"Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: abc"}}`), Blocked, onboarding.CodeOrgPolicy, onboarding.PartyOrganization, "VPC Service Controls"},
		{"malformed JSON", fmt.Errorf("read: %w", json.Unmarshal([]byte(`{"a":`), &struct{}{})), Retry, onboarding.CodeCloud, onboarding.PartyGoogle, "could not be read"},
		{"huge answer", &url.Error{Op: "Get", URL: "https://x", Err: ErrHugeAnswer}, Retry, onboarding.CodeCloud, onboarding.PartyGoogle, "could not be read"},
		{"connection reset", &url.Error{Op: "Post", URL: "https://x", Err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}}, Retry, onboarding.CodeUnavailable, onboarding.PartyGoogle, "whether the change happened"},
		{"timeout", &url.Error{Op: "Post", URL: "https://x", Err: context.DeadlineExceeded}, Retry, onboarding.CodeTimeout, onboarding.PartyGoogle, "whether the change happened"},
		{"bucket gone", fmt.Errorf("read: %w", storage.ErrBucketNotExist), Final, onboarding.CodeNotFound, "", ""},
		{"a step's own Blocked", fmt.Errorf("verify x: %w", &onboarding.Blocked{Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Why: "Make it."}), Blocked, onboarding.CodeGuide, onboarding.PartyCustomer, "Make it."},
		{"a step's own NotReady", fmt.Errorf("verify x: %w", &onboarding.NotReady{Why: "Soon."}), Wait, "", onboarding.PartyGoogle, "Soon."},
		{"anything else is ours", errors.New("index out of range"), Final, onboarding.CodeInternal, "", "our side"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := Classify(tt.err)
			if f.Class != tt.class || f.Code != tt.code || f.On != tt.on || !strings.Contains(f.Message, tt.says) {
				t.Errorf("got %s %s on %q: %s; want %s %s on %q saying %q", f.Class, f.Code, f.On, f.Message, tt.class, tt.code, tt.on, tt.says)
			}
			if f.Message == "" || f.Class == Blocked && f.Action == "" && tt.name != "a step's own Blocked" {
				t.Errorf("a person would not know what to do: %+v", f)
			}
		})
	}
}

func tokenError(status int, body string) error {
	var parsed struct {
		Error string `json:"error"`
		Text  string `json:"error_description"`
	}
	_ = json.Unmarshal([]byte(body), &parsed) // the library does the same with a body that isn't JSON
	e := &oauth2.RetrieveError{Response: &http.Response{StatusCode: status, Header: http.Header{}}, Body: []byte(body), ErrorCode: parsed.Error, ErrorDescription: parsed.Text}
	return fmt.Errorf("check bucket: %w", &url.Error{Op: "Get", URL: "https://storage.googleapis.com/storage/v1/b/x", Err: e})
}

func TestClassifyHonorsRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want time.Duration
	}{
		{"seconds", answered(429, "{}", "Retry-After", "7"), 7 * time.Second},
		{"date", answered(503, "", "Date", "Sun, 22 Nov 2026 10:00:00 GMT", "Retry-After", "Sun, 22 Nov 2026 10:00:30 GMT"), 30 * time.Second},
		{"a day", answered(429, `{"error":{"code":429,"details":[{"retryDelay":"86401s"}]}}`), 86401 * time.Second},
		{"absurd", answered(503, "", "Retry-After", "999999999999999999"), maxAfter},
		{"negative", answered(503, "", "Retry-After", "-5"), 0},
		{"in the body", answered(429, `{"error":{"code":429,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3.5s"}]}}`), 3500 * time.Millisecond},
		{"none", answered(429, "{}"), 0},
	} {
		if got := Classify(tt.err).After; got != tt.want {
			t.Errorf("%s: waits %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestOperatorTextHoldsNoSecret(t *testing.T) {
	for _, secret := range []string{"ya29.a0AfCANARY", "1//0gCANARYCANARY", "dapi0123456789abcdef0123"} {
		for _, text := range []string{"Authorization: Bearer " + secret, "https://x/?access_token=" + secret + "&y=1", `{"refresh_token": "` + secret + `"}`, "token " + secret} {
			if got := Classify(errors.New(text)).Operator; strings.Contains(got, secret) {
				t.Errorf("%q keeps the secret: %q", text, got)
			}
		}
	}
	if got := Classify(answered(500, strings.Repeat("x", 1<<20))).Operator; len(got) > 1000 {
		t.Errorf("operator text of %d bytes", len(got))
	}
	if got := Redact(`{"code":400}`); got != `{"code":400}` {
		t.Errorf("redacted too much: %s", got)
	}
}

// Whatever answers, there is a way to go on, a sentence, and nothing secret for the operator.
func FuzzClassify(f *testing.F) {
	for _, body := range []string{
		`{"error":{"code":403,"status":"PERMISSION_DENIED","message":"Permission 'x.y.z' denied","details":[{"reason":"SERVICE_DISABLED","metadata":{"service":"x"}}]}}`,
		`{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"9999h"}]}}`,
		`{"error":"invalid_grant","error_description":"reauth related error (invalid_rapt)","error_subtype":"invalid_rapt"}`,
		`<html>ya29.secret-token</html>`, `{"error":{"message":"1//0abcdefghijkl dapi0123456789abcdef0 Bearer ya29.x"}}`, `{"error":{"code":"x"}}`, "null", "[]", "{", "\xff\xfe", "",
	} {
		for _, status := range []int{400, 401, 403, 404, 409, 412, 429, 500, 503} {
			f.Add(status, body, "", "")
		}
	}
	f.Add(429, "{}", "99999999999999999999", "")
	f.Add(429, "{}", "-1", "")
	f.Add(503, "{}", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT")
	f.Fuzz(func(t *testing.T, status int, body, after, date string) {
		if status < 300 || status > 999 {
			t.Skip()
		}
		res := &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {after}, "Date": {date}}, Body: io.NopCloser(strings.NewReader(body))}
		api := fmt.Errorf("apply bucket: %w", googleapi.CheckResponse(res))
		token := &url.Error{Op: "Get", URL: "https://oauth2.example/token", Err: &oauth2.RetrieveError{Response: res, Body: []byte(body)}}
		for name, err := range map[string]error{"API": api, "token": token} {
			got := Classify(err)
			switch got.Class {
			case Retry, Wait, Final:
			case Blocked:
				if got.On == "" || got.Action == "" {
					t.Errorf("%s: blocked on %q to do %q", name, got.On, got.Action)
				}
			default:
				t.Errorf("%s: class %q", name, got.Class)
			}
			if got.Message == "" || got.Code == "" || !utf8.ValidString(got.Message) || len(got.Message) > 2000 {
				t.Errorf("%s: code %q says %q", name, got.Code, got.Message)
			}
			if got.After < 0 || got.After > maxAfter {
				t.Errorf("%s: asks again after %s", name, got.After)
			}
			if len(got.Operator) > 1000 || !utf8.ValidString(got.Operator) || Redact(got.Operator) != got.Operator {
				t.Errorf("%s: the operator reads %q", name, got.Operator)
			}
			if ErrorText := got.Err().Error(); ErrorText == "" {
				t.Errorf("%s: no error", name)
			}
		}
	})
}
