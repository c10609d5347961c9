package web

import (
	"strings"

	"groundwork/onboarding"
)

// Answer is what an error code of Google's sign-in or consent page means: a title, and what to do next.
type Answer struct{ Title, Text string }

// googleAnswers has a sentence of its own for each code. Only access_denied means that the person canceled.
// Sources: RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6,
// developers.google.com/identity/protocols/oauth2/web-server#authorization-errors.
var googleAnswers = map[string]Answer{
	"access_denied":              {"You canceled at Google", "No access was granted. Connect when you're ready, or send this step to a colleague."},
	"admin_policy_enforced":      {"Your Workspace administrator blocks this app", "Your organization's Google Workspace doesn't let this app ask for access. Send your administrator the request below."},
	"org_internal":               {"This app isn't open to your organization yet", "Google limits it to the vendor's own organization. Tell your deployment specialist. The vendor has to change this at Google."},
	"disallowed_useragent":       {"Google doesn't allow sign-in from the browser inside this app", "Open this page in Chrome, Edge, Firefox, or Safari, and connect there."},
	"invalid_request":            {"Google didn't accept the request", "Start again from this page. If it happens twice, tell your deployment specialist."},
	"invalid_scope":              {"Google doesn't recognize a scope that we requested", "The vendor has to correct the app's settings at Google. Tell your deployment specialist."},
	"unauthorized_client":        {"Google doesn't allow this app to ask for access", "The vendor has to correct the app's settings at Google. Tell your deployment specialist."},
	"deleted_client":             {"The vendor's app was deleted at Google", "Tell your deployment specialist. The vendor has to restore it."},
	"redirect_uri_mismatch":      {"Google doesn't recognize our return address", "The vendor has to correct the app's settings at Google. Tell your deployment specialist."},
	"unsupported_response_type":  {"Google didn't understand the request", "The vendor has to correct the app's settings at Google. Tell your deployment specialist."},
	"server_error":               {"Google had an internal error", "Wait a minute, then try again."},
	"temporarily_unavailable":    {"Google is too busy right now", "Wait a few minutes, then try again."},
	"interaction_required":       {"Google needs an answer from you first", "Try again, and complete the steps that Google shows."},
	"login_required":             {"You're signed out of Google", "Try again, and sign in at Google first."},
	"account_selection_required": {"Google needs you to choose an account", "Try again, and choose the account that has access to the project."},
	"consent_required":           {"Google needs your consent on its own page", "Try again, and select Allow at Google."},
}

// GoogleAnswer is what a code means. The text that comes with a code is never shown: anyone can write it into a link.
func GoogleAnswer(code string) Answer {
	if a, ok := googleAnswers[code]; ok {
		return a
	}
	return Answer{"Google answered with an error", "No access was granted. Try again. If it happens twice, tell your deployment specialist."}
}

// SignInAnswer is what a code means at the sign-in.
func SignInAnswer(code string) string {
	const again = "You were not signed in. Try again, and choose the account that was invited."
	switch a := GoogleAnswer(code); {
	case KnownAnswer(code) == "":
		return again
	case code == "access_denied":
		return a.Title + ". " + again
	case code == "admin_policy_enforced":
		return a.Title + ". You were not signed in. Ask your Workspace administrator to allow it, then try again."
	default:
		return a.Title + ". You were not signed in. " + a.Text
	}
}

// KnownAnswer is the code if it is one of those that have a sentence, else "".
func KnownAnswer(code string) string {
	if _, ok := googleAnswers[code]; ok {
		return code
	}
	return ""
}

// InApp reports whether a page is shown by the browser inside an app, where Google refuses to sign anyone in.
func InApp(userAgent string) bool {
	for _, mark := range []string{"; wv)", "LinkedInApp", "FBAN/", "FBAV/", "Instagram ", "Teams/", "TeamsMobile", "Slack/", "Slack_SSB", "Twitter for", "MicroMessenger", "Line/", "Snapchat", "Pinterest/", "GSA/"} {
		if strings.Contains(userAgent, mark) {
			return true
		}
	}
	return false
}

// workspaceRequest is what a customer sends their Workspace administrator when Google blocks the app.
func (v ConnectView) workspaceRequest() string {
	var scopes []string
	for _, s := range v.Scopes {
		scopes = append(scopes, s.Name)
	}
	return "Please allow the app " + v.brand() + " in our Google Workspace.\n\n" +
		"Admin console > Security > Access and data control > API controls > Manage app access > Configure new app.\n" +
		"OAuth client ID: " + v.ClientID + "\n" +
		"Scopes: " + strings.Join(scopes, " ") + "\n" +
		"Access: Trusted, for the people who do the setup.\n\n" +
		"The app sets up resources in our Google Cloud project once, after one of us approves the exact plan. It then gives up its access."
}

// narrowerWords begin the sentence about how much the scope covers.
func (v ConnectView) narrowerWords() string {
	switch v.Kind {
	case onboarding.CheckOnly:
		return "The scope we need, cloud-platform,"
	case onboarding.RunTeardown:
		return "Google offers no narrower scope for removing resources: the scope we need, cloud-platform,"
	}
	return "Google offers no narrower scope for setting up a project: the scope we need, cloud-platform,"
}

// blocked reports whether the person came back because their Workspace administrator blocks the app.
func (v ConnectView) blocked() bool { return v.Answer == GoogleAnswer("admin_policy_enforced") }

// offersFiles reports whether the files make this access needless: they set up, and remove nothing.
func (v ConnectView) offersFiles() bool {
	return v.Kind != onboarding.CheckOnly && v.Kind != onboarding.RunTeardown
}

// heldWords says how long access that was given and not used is held.
func (v ConnectView) heldWords() string {
	if v.Held == 0 {
		return "If no run uses the access, we keep it until you end it."
	}
	return "If no run uses the access, we revoke and wipe it after " + onboarding.SpanText(v.Held) + "."
}

// ScopeReason is a scope that the service asks for, and why, by the kind of plan that the access is for.
func ScopeReason(scope string, kind onboarding.RunKind) Reason {
	switch {
	case !strings.HasSuffix(scope, "/auth/cloud-platform"):
		return Reason{scope, "to know which account granted access"}
	case kind == onboarding.CheckOnly:
		return Reason{scope, "to read your project while the check is in progress; revoked when it is done"}
	case kind == onboarding.RunTeardown:
		return Reason{scope, "to read your project and remove what the plan lists while the teardown is in progress; revoked when it is done"}
	default:
		return Reason{scope, "to read your project and create what the plan lists while the run is in progress; revoked when it is done"}
	}
}
