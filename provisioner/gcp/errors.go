package gcp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"cloud.google.com/go/storage"
	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"groundwork/onboarding"
)

// Class says how to go on after an error.
type Class string

// The classes.
const (
	Retry   Class = "retry"   // look again after a backoff; the change may or may not have happened
	Wait    Class = "wait"    // Google needs time; not a failure
	Blocked Class = "blocked" // a person must act
	Final   Class = "final"   // trying again changes nothing
)

// Failure is an error as the runner and the customer need it.
type Failure struct {
	Class      Class
	After      time.Duration // for Retry and Wait: what Google asked for; zero: the caller's own backoff
	Grace      time.Duration // for Blocked and Final: how long this may still be Google making something known; zero: it isn't
	Code       onboarding.Code
	On         onboarding.Party // who is waited for
	Action     string           // for Blocked: what they must do
	Message    string           // one or two sentences for the customer
	Said       string           // Google's own sentence, redacted, where it helps to read it; "" else
	Account    string           // that Google doesn't know (yet); "" none
	Sharing    bool             // an organization policy refuses a member of another organization
	API        string           // that is off in the project Consumer; "" none
	Consumer   string           // number or ID of the project that the call was counted against; "" Google didn't say
	Place      string           // ID of the project that API is off in, or whose quota is used up, where it is known to be another than the run's; "" else
	Operator   string           // for the operator, redacted, at most 1,000 bytes
	Permission string           // that Google says is missing; "" it names none
}

// Err returns the failure as the error that ends a task: an [onboarding.Blocked] or an [onboarding.Error].
func (f Failure) Err() error {
	cause := errors.New(f.Operator)
	if f.Class == Blocked {
		return &onboarding.Blocked{Code: f.Code, On: f.On, Action: f.Action, Why: f.Message, Err: cause}
	}
	return &onboarding.Error{Code: f.Code, Message: f.Message, Err: cause}
}

// How long a refusal may still be Google making a binding, an account or a project known (traps T4, T12, T13).
const (
	graceDenied  = 15 * time.Second
	graceUnknown = 2 * time.Minute
)

// Classify reads any error of Google's clients, of the token endpoint or of the network, and passes on what
// steps return themselves. nil is the zero Failure. Each text of Google's has a row in docs/traps.md.
func Classify(err error) Failure {
	if err == nil {
		return Failure{}
	}
	f := classify(err)
	f.Operator = Redact(err.Error())
	return f
}

func classify(err error) Failure {
	var (
		blocked  *onboarding.Blocked
		notReady *onboarding.NotReady
		known    *onboarding.Error
		token    *oauth2.RetrieveError
		api      *googleapi.Error
		ended    *OperationError
		syntax   *json.SyntaxError
		badType  *json.UnmarshalTypeError
		network  net.Error
		address  *url.Error
	)
	switch {
	case errors.As(err, &blocked):
		return Failure{Class: Blocked, Code: blocked.Code, On: blocked.On, Action: blocked.Action, Message: blocked.Why}
	case errors.As(err, &notReady):
		return Failure{Class: Wait, After: notReady.After, On: onboarding.PartyGoogle, Message: notReady.Why}
	case errors.As(err, &known):
		f := Failure{Class: Final, Code: known.Code, Message: known.Message}
		switch known.Code {
		case onboarding.CodeUnavailable:
			f.Class, f.On = Retry, onboarding.PartyGoogle
		case onboarding.CodeSignIn:
			return signIn("")
		}
		return f
	case errors.As(err, &token):
		return classifyToken(token)
	case errors.As(err, &ended):
		return classifyOperation(ended)
	case errors.As(err, &api):
		return classifyAPI(api)
	case errors.Is(err, storage.ErrBucketNotExist), errors.Is(err, storage.ErrObjectNotExist):
		return notFound()
	case errors.Is(err, ErrHugeAnswer), errors.Is(err, ErrNoAnswer), errors.As(err, &syntax), errors.As(err, &badType):
		return retry(onboarding.CodeCloud, "Google's response could not be read. We'll look again.")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return retry(onboarding.CodeTimeout, "Google did not respond in time. We'll check whether the change happened, then try again.")
	case errors.As(err, &address), errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EPIPE), errors.Is(err, context.Canceled):
		return retry(onboarding.CodeUnavailable, "The connection to Google broke. We'll check whether the change happened, then try again.")
	default:
		return Failure{Class: Final, Code: onboarding.CodeInternal, Message: "Something went wrong on our side. Try again, or ask your specialist."}
	}
}

func retry(code onboarding.Code, message string) Failure {
	return Failure{Class: Retry, Code: code, On: onboarding.PartyGoogle, Message: message}
}

func signIn(why string) Failure {
	return Failure{
		Class: Blocked, Code: onboarding.CodeSignIn, On: onboarding.PartyCustomer, Action: "Sign in to Google again",
		Message: cmp.Or(why, "Google no longer accepts the access that was granted.") + " Nothing is lost: after you sign in again, the work resumes where it stopped.",
	}
}

func notFound() Failure {
	return Failure{Class: Final, Grace: graceUnknown, Code: onboarding.CodeNotFound, Message: "Google can't find something that this needs. If it was deleted, start again from a new plan."}
}

func classifyToken(e *oauth2.RetrieveError) Failure {
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Subtype     string `json:"error_subtype"`
	}
	_ = json.Unmarshal(e.Body, &body) // a body that isn't JSON leaves the status to judge by
	body.Error, body.Description = cmp.Or(e.ErrorCode, body.Error), cmp.Or(e.ErrorDescription, body.Description)
	status, after := 0, time.Duration(0)
	if e.Response != nil {
		status, after = e.Response.StatusCode, retryAfter(e.Response.Header)
	}
	switch {
	case body.Subtype == "invalid_rapt" || strings.Contains(body.Description, "invalid_rapt") || strings.Contains(body.Description, "reauth"):
		return signIn("Your organization ends Google sessions after some time.")
	case body.Error == "invalid_grant":
		return signIn("Google ended the access of this account: it expired, or it was removed in the account or together with another access of the same account.")
	case body.Error == "admin_policy_enforced", body.Error == "access_denied":
		return Failure{
			Class: Blocked, Code: onboarding.CodeSignIn, On: onboarding.PartyOrganization, Action: "Allow this application in the Google Workspace admin console",
			Message: "Your Google Workspace administrator does not let this application use Google Cloud.",
		}
	case slices.Contains([]string{"invalid_client", "deleted_client", "disabled_client", "unauthorized_client", "invalid_scope"}, body.Error):
		return Failure{Class: Blocked, Code: onboarding.CodeInternal, On: onboarding.PartySpecialist, Action: "Check the OAuth client of this server", Message: "Google does not accept this server's own registration. Your specialist can see why."}
	case status == http.StatusUnauthorized:
		return signIn("")
	default:
		f := retry(onboarding.CodeUnavailable, "Google's sign-in service gave an unexpected response. We'll try again.")
		f.After = after
		return f
	}
}

// answer is what Google's error answers say beside their status.
type answer struct {
	status     string // "ABORTED"
	reasons    []string
	metadata   map[string]string
	violations []string // types, subjects and descriptions
	delay      time.Duration
	text       string // message and violations
}

func readAnswer(e *googleapi.Error) answer {
	a := answer{text: e.Message, metadata: map[string]string{}}
	var body struct {
		Error struct {
			Status  string `json:"status"`
			Message string `json:"message"`
			Errors  []struct {
				Reason  string `json:"reason"`
				Message string `json:"message"`
			} `json:"errors"`
			Details []struct {
				Reason     string            `json:"reason"`
				Metadata   map[string]string `json:"metadata"`
				RetryDelay string            `json:"retryDelay"`
				Violations []struct {
					Type        string `json:"type"`
					Subject     string `json:"subject"`
					Description string `json:"description"`
				} `json:"violations"`
			} `json:"details"`
		} `json:"error"`
	}
	_ = json.Unmarshal([]byte(e.Body), &body) // HTML and half answers leave the status to judge by
	for _, item := range e.Errors {
		a.reasons = append(a.reasons, item.Reason)
		a.text += "\n" + item.Message
	}
	a.status = body.Error.Status
	a.text += "\n" + body.Error.Message
	for _, item := range body.Error.Errors {
		a.reasons = append(a.reasons, item.Reason)
	}
	for _, d := range body.Error.Details {
		if d.Reason != "" {
			a.reasons = append(a.reasons, d.Reason)
		}
		for k, v := range d.Metadata {
			a.metadata[k] = v
		}
		if delay, err := time.ParseDuration(d.RetryDelay); err == nil && delay > 0 {
			a.delay = min(delay, maxAfter)
		}
		for _, v := range d.Violations {
			a.violations = append(a.violations, v.Type, v.Subject, v.Description)
		}
	}
	a.text += "\n" + strings.Join(a.violations, "\n")
	return a
}

func (a answer) reason(any ...string) bool {
	return slices.ContainsFunc(a.reasons, func(r string) bool { return slices.Contains(any, r) })
}

func (a answer) says(any ...string) bool {
	return slices.ContainsFunc(any, func(s string) bool { return strings.Contains(strings.ToLower(a.text), strings.ToLower(s)) })
}

var (
	constraint     = regexp.MustCompile(`(?:[a-zA-Z]+C|c)onstraints/[a-zA-Z0-9._]+[a-zA-Z0-9]`)
	apiName        = regexp.MustCompile(`[a-z]+\.googleapis\.com`)
	perimeterID    = regexp.MustCompile(`vpcServiceControlsUniqueIdentifier: ?([\w-]+)`)
	unknownAccount = regexp.MustCompile(`(?:Service account|User|Group) (\S+) does not exist`)
	permissionName = regexp.MustCompile(`(?:^|[^\w./-])((?:bigquery|bigtable|billing|cloudkms|compute|dataproc|iam|logging|monitoring|orgpolicy|resourcemanager|secretmanager|serviceusage|storage)\.[a-zA-Z]+\.[a-zA-Z]+)\b`)
	keptObject     = regexp.MustCompile(`Object '(.+?)' is (?:subject|under)`)
	keptUntil      = regexp.MustCompile(`until (\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d)?)`)
	countedAgainst = regexp.MustCompile(`(?i)consumer '(?:project_number:|projects/)([0-9]+)'`)
	deniedWithName = regexp.MustCompile(`(?:[Pp]ermission|does not have)[s]? '?([a-z][a-zA-Z]+\.[a-zA-Z]+\.[a-zA-Z]+)\b`)
)

func classifyAPI(e *googleapi.Error) Failure {
	a := readAnswer(e)
	after := cmp.Or(retryAfter(e.Header), a.delay)
	said := onboarding.Shorten(Redact(e.Message), 300)
	slow := func(code onboarding.Code, message string) Failure {
		f := retry(code, message)
		f.After, f.Said = after, said
		return f
	}
	kept := keptIn(e, a)
	// The order matters: the same status, and sometimes the same reason, means different things.
	switch {
	case e.Code == http.StatusUnauthorized:
		return signIn("")
	case a.reason("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientScopes") || a.says("insufficient authentication scopes"):
		return signIn("The access that was granted does not include Google Cloud. Select every checkbox when Google asks.")
	case a.unbilled():
		return noBilling(a.consumer())
	case a.unaccepted():
		return termsOfService("")
	case a.says("do not belong to a permitted customer", "allowedPolicyMemberDomains", "iam.managed.allowedPolicyMembers"):
		return Failure{
			Class: Blocked, Code: onboarding.CodeOrgPolicy, On: onboarding.PartyOrganization, Action: "Allow the vendor's accounts in the organization policy", Sharing: true,
			Message: "An organization policy (domain restricted sharing) lets only your own organization's accounts be granted roles, so the vendor's account is refused. Your organization administrator can allow the vendor's customer ID.",
		}
	case e.Code < 500 && (constraint.MatchString(a.text) || a.says("denied by custom org policy", "denied by org policy")):
		return policyForbids(constraint.FindString(a.text), said)
	case a.reason("vpcServiceControls", "SECURITY_POLICY_VIOLATED") || a.says("prohibited by organization's policy"):
		return perimeterRefuses(a)
	case a.reason("SERVICE_DISABLED", "accessNotConfigured") || a.says("has not been used in project"):
		name := cmp.Or(a.metadata["service"], "An API that this needs")
		return Failure{
			Class: Wait, After: after, Code: onboarding.CodeAPIDisabled, On: onboarding.PartyGoogle,
			API: cmp.Or(a.metadata["service"], apiName.FindString(a.text)), Consumer: a.consumer(),
			Message: name + " is not on yet. A newly enabled API can take a few minutes to work.",
		}
	case a.status == "ABORTED" || a.says("concurrent policy changes"):
		return slow(onboarding.CodeStale, "Someone else changed the same policy at the same time. We'll read it again and repeat the change.")
	case e.Code == http.StatusPreconditionFailed:
		return slow(onboarding.CodeStale, "It changed between reading and writing. We'll read it again and repeat the change.")
	case a.says("another activation or deactivation is in progress"):
		return Failure{Class: Wait, After: after, Code: onboarding.CodeUnavailable, On: onboarding.PartyGoogle, Message: "Google is still busy with another change to this project's APIs."}
	case e.Code == http.StatusTooManyRequests,
		a.reason("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"),
		a.says("quota exceeded for quota metric"), a.status == "RESOURCE_EXHAUSTED":
		f := slow(onboarding.CodeQuota, "Google allows only so many calls at a time, or a quota of the project is used up. We'll wait and try again. If this continues, check the project's quotas.")
		f.Consumer = a.consumer()
		return f
	case e.Code == http.StatusBadRequest && unknownAccount.MatchString(a.text):
		account := unknownAccount.FindStringSubmatch(a.text)[1]
		return Failure{
			Class: Wait, After: after, Code: onboarding.CodeNotFound, On: onboarding.PartyGoogle, Account: account,
			Message: fmt.Sprintf("Google does not know the account %s yet. A new account can take a few minutes to work. If this continues, check that its address is right.", account),
		}
	case e.Code == http.StatusBadRequest && a.says("does not exist in the resource's hierarchy"):
		return Failure{Class: Wait, After: after, Code: onboarding.CodeNotFound, On: onboarding.PartyGoogle, Message: "Google does not recognize the custom role everywhere yet. A new role can take a few minutes to work."}
	case RequesterPays(e):
		return Failure{
			Class: Blocked, Code: onboarding.CodePermission, On: onboarding.PartyCustomer, Action: "Turn off requester pays on the bucket, or choose another",
			Message: "The bucket uses requester pays, so each call must name a project that pays, and this one couldn't.",
		}
	case a.says("marked for deletion"):
		return Failure{Class: Final, Code: onboarding.CodeConflict, Message: "Google keeps the name of a deleted role for up to 37 days, and this one can be restored only in the first 7. Choose another deployment name, or wait."}
	case e.Code == http.StatusConflict && a.says("bucket name is not available"):
		return Failure{Class: Final, Code: onboarding.CodeConflict, Message: "The bucket's name is taken by someone else: names are shared by all users of Google Cloud. Choose another deployment name."}
	case e.Code == http.StatusConflict && a.says("in a different instance"):
		return Failure{
			Class: Final, Code: onboarding.CodeConflict, Said: said,
			Message: "Google keeps the ID of a Bigtable cluster for the instance that had it first, even after that instance was deleted. Choose another instance ID in the form and approve the new plan. Google says: " + said,
		}
	case NotEmpty(e):
		return Failure{Class: Final, Code: onboarding.CodeConflict, Message: "It still holds data, so Google won't delete it. Confirm that the data may be deleted, or empty it yourself."}
	case e.Code == http.StatusConflict:
		return slow(onboarding.CodeStale, "Google says that it already exists. We'll check whether it is ours.")
	case kept != nil:
		return kept.failure(said)
	case e.Code == http.StatusForbidden && a.says("has been deleted", "pending deletion", "is being deleted"):
		f := ProjectDeleted()
		if f.Consumer = a.consumer(); f.Consumer != "" {
			f.Message = "The Google Cloud project " + f.Consumer + " has been deleted. It can be restored within 30 days."
		}
		return f
	case a.reason("CONSUMER_SUSPENDED", "CONSUMER_INVALID"), e.Code == http.StatusForbidden && a.says("consumer '") && a.says("has been suspended"):
		return consumerRefused(a)
	case e.Code == http.StatusForbidden:
		return denied(a)
	case e.Code == http.StatusNotFound:
		return notFound()
	case e.Code == http.StatusRequestTimeout, e.Code >= 500:
		return slow(onboarding.CodeUnavailable, "Google is having a problem. We'll check whether the change happened, then try again.")
	case e.Code >= 200 && e.Code < 300, e.Code >= 300 && e.Code < 400:
		return slow(onboarding.CodeCloud, "Google's response could not be read. We'll look again.")
	default:
		f := Failure{Class: Final, Code: onboarding.CodeCloud, Message: "Google refused the request."}
		if said != "" {
			f.Message = "Google refused the request: " + said
		}
		return f
	}
}

// unbilled reports whether the project has no billing account.
func (a answer) unbilled() bool {
	return a.reason("UREQ_PROJECT_BILLING_NOT_FOUND", "BILLING_DISABLED", "accountDisabled", "billingNotEnabled") ||
		a.says("UREQ_PROJECT_BILLING_NOT_FOUND", "billing account for the owning project is disabled", "billing to be enabled", "billing must be enabled", "billing has not been enabled")
}

// noBilling is the failure of a project without billing; "" names the one that is prepared.
func noBilling(consumer string) Failure {
	f := Failure{
		Class: Blocked, Code: onboarding.CodeBilling, On: onboarding.PartyCustomer, Action: "Link a billing account to the project", Consumer: consumer,
		Message: "The project has no active billing account. Link one at https://console.cloud.google.com/billing/linkedaccount, then try again.",
	}
	if consumer != "" {
		f.Action += " " + consumer
		f.Message = fmt.Sprintf("The project %s has no active billing account. Link one at https://console.cloud.google.com/billing/linkedaccount?project=%s, then try again.", consumer, url.QueryEscape(consumer))
	}
	return f
}

// unaccepted reports whether the person never accepted Google Cloud's terms.
func (a answer) unaccepted() bool { return a.says("must accept terms of service", "must accept tos") }

func termsOfService(caller string) Failure {
	caller = cmp.Or(caller, "the Google account that signed in")
	return Failure{
		Class: Blocked, Code: onboarding.CodePermission, On: onboarding.PartyCustomer, Action: "Accept Google Cloud's terms as " + caller,
		Message: "Google wants its terms of service accepted first. Open https://console.cloud.google.com once as " + caller + " and accept the terms, then try again.",
	}
}

// consumer is the project, by number or ID, that the call was counted against; "" where Google doesn't say.
func (a answer) consumer() string {
	if c := strings.TrimPrefix(a.metadata["consumer"], "projects/"); c != "" {
		return strings.TrimPrefix(c, "project_number:")
	}
	if m := countedAgainst.FindStringSubmatch(a.text); m != nil {
		return m[1]
	}
	return ""
}

// consumerRefused is the failure of a call that is counted against a project that Google suspended or doesn't know.
func consumerRefused(a answer) Failure {
	f := Failure{Class: Blocked, Code: onboarding.CodeCloud, On: onboarding.PartyCustomer, Consumer: a.consumer()}
	project := strings.TrimSpace("the project " + f.Consumer)
	f.Action = "Appeal Google's suspension of " + project
	f.Message = "Google suspended " + project + ", so it refuses every call that is counted against it. An owner of the project can see why, and appeal, at https://console.cloud.google.com/appeals, then try again."
	if !a.reason("CONSUMER_SUSPENDED") && !a.says("has been suspended") {
		f.Action = "Find out why Google refuses calls for " + project
		f.Message = "Google refuses every call that is counted against " + project + ", because it isn't a valid project. An owner of the project can see its state at https://console.cloud.google.com/cloud-resource-manager. Then try again."
	}
	return f
}

func policyForbids(name, said string) Failure {
	f := Failure{
		Class: Blocked, Code: onboarding.CodeOrgPolicy, On: onboarding.PartyOrganization, Action: "Make an exception from " + cmp.Or(name, "the organization policy"), Said: said,
		Message: "An organization policy forbids this. Your organization administrator can make an exception for the project.",
	}
	if name != "" {
		f.Message = "The organization policy " + name + " forbids this. Your organization administrator can make an exception for the project."
	}
	if said != "" {
		f.Message += " Google says: " + said
	}
	return f
}

func perimeterRefuses(a answer) Failure {
	f := Failure{
		Class: Blocked, Code: onboarding.CodeOrgPolicy, On: onboarding.PartyOrganization, Action: "Allow this access in VPC Service Controls",
		Message: "Your organization's VPC Service Controls refuse the call. Your organization administrator can allow it.",
	}
	id := a.metadata["uid"]
	if m := perimeterID.FindStringSubmatch(a.text); id == "" && m != nil {
		id = m[1]
	}
	if id != "" {
		f.Message += " They can find the refusal in their audit logs by its identifier " + id + "."
	}
	return f
}

// ProjectDeleted is the failure of everything in a project that was deleted. Most services answer only that a
// permission is missing then.
func ProjectDeleted() Failure {
	return Failure{
		Class: Blocked, Code: onboarding.CodeNotFound, On: onboarding.PartyCustomer, Action: "Restore the project, or choose another",
		Message: "The Google Cloud project has been deleted. It can be restored within 30 days.",
	}
}

func denied(a answer) Failure {
	f := Failure{
		Class: Blocked, Grace: graceDenied, Code: onboarding.CodePermission, On: onboarding.PartyCustomer,
		Action:  "Get the missing permission, or have a colleague who has it sign in",
		Message: "The project or resource does not exist, or the Google account that signed in isn't allowed to use it.",
	}
	if a.says("or it may not exist") {
		f.Grace = graceUnknown
	}
	if name := missingPermission(a); name != "" {
		f.Permission, f.Message = name, "The Google account that signed in lacks the permission "+name+"."
	}
	return f
}

// missingPermission finds the permission that a refusal names, "" if it names none.
func missingPermission(a answer) string {
	if p := a.metadata["permission"]; p != "" {
		return p
	}
	if m := deniedWithName.FindStringSubmatch(a.text); m != nil {
		return m[1]
	}
	for _, m := range permissionName.FindAllStringSubmatch(a.text, -1) {
		if !strings.HasSuffix(m[1], "com") && !strings.Contains(m[1], ".iam.") {
			return m[1]
		}
	}
	return ""
}

// IsStatus reports whether err is Google's answer with one of these HTTP statuses.
func IsStatus(err error, status ...int) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && slices.Contains(status, e.Code)
}

// Refused reports whether err is an answer of Google's that refuses the call, so that it had no effect and started nothing. A
// conflict isn't one: what is in the way may be an earlier call's. Nor is an answer that asks to come back later.
func Refused(err error) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code >= 400 && e.Code < 500 &&
		e.Code != http.StatusRequestTimeout && e.Code != http.StatusConflict && e.Code != http.StatusTooManyRequests
}

// NotEmpty reports whether Google refuses to delete something because it still holds data.
func NotEmpty(err error) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code == http.StatusConflict && readAnswer(e).says("not empty")
}

// AlreadyExists reports whether Google refuses to create something because it exists. A race about a policy has the same status.
func AlreadyExists(err error) bool {
	var e *googleapi.Error
	if !errors.As(err, &e) || e.Code != http.StatusConflict {
		return false
	}
	a := readAnswer(e)
	return a.status != "ABORTED" && !a.says("concurrent policy changes")
}

// Absent reports whether Google says that the thing asked for is not there: 404, or the storage client's own word for it.
func Absent(err error) bool {
	return IsStatus(err, http.StatusNotFound) || errors.Is(err, storage.ErrBucketNotExist) || errors.Is(err, storage.ErrObjectNotExist)
}

// maxAfter bounds what a header may say, so that it can be calculated with.
const maxAfter = 10 * 365 * 24 * time.Hour

// retryAfter reads the header's seconds, or its date, which is compared with the answer's own: our clock may be wrong.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	var d time.Duration
	if s, err := strconv.Atoi(v); err == nil {
		d = time.Duration(min(s, int(maxAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		if from, err := http.ParseTime(h.Get("Date")); err == nil {
			d = at.Sub(from)
		}
	}
	return min(max(d, 0), maxAfter)
}

// secrets are what looks like one. A text that contains none of the words, in lower case, has no match: most texts are told
// apart so, without running the patterns.
var secrets = []struct {
	words []string
	*regexp.Regexp
}{
	{[]string{"bearer"}, regexp.MustCompile(`(?i)(bearer\s+)[\w.~+/=-]+`)},
	{
		[]string{"token", "client_secret", "code", "assertion", "password", "signature"},
		regexp.MustCompile(`(?i)((?:access_token|refresh_token|id_token|client_secret|[?&]code|assertion|password|token|X-Goog-Signature|X-Amz-Signature)["']?\s*[=:]\s*["']?)[^\s"'&,}]+`),
	},
	{[]string{"ya29."}, regexp.MustCompile(`()\bya29\.[\w.-]+`)},
	{[]string{"1//"}, regexp.MustCompile(`()\b1//[\w-]{10,}`)},
	{[]string{"dapi"}, regexp.MustCompile(`()\bdapi[0-9a-f]{16,}(?:-\d+)?`)},
}

// Redact removes what looks like a secret from a text for operators, makes it printable, and clips it to 1,000 bytes.
func Redact(text string) string {
	text = onboarding.Shorten(text, 16<<10) // before the patterns run: an answer may be huge
	// To the patterns, the long s is an s too.
	lower := strings.ReplaceAll(strings.ToLower(text), "ſ", "s")
	for _, secret := range secrets {
		if slices.ContainsFunc(secret.words, func(word string) bool { return strings.Contains(lower, word) }) {
			text = secret.ReplaceAllString(text, "${1}[redacted]")
		}
	}
	return onboarding.Shorten(text, 1000)
}
