package provisioner

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/api/googleapi"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

var clientNumber = regexp.MustCompile(`^([0-9]+)-`)

// ClientProject is the number of the Google Cloud project that an OAuth client ID belongs to, "" where the ID doesn't tell.
func ClientProject(clientID string) string {
	if m := clientNumber.FindStringSubmatch(clientID); m != nil {
		return m[1]
	}
	return ""
}

// disabledAPI reads Google's refusal of a call whose API is off: which API, and in which project, by number (T7, T21).
func disabledAPI(err error) (api, project string, ok bool) {
	var e *googleapi.Error
	if !errors.As(err, &e) {
		return "", "", false
	}
	var body struct {
		Error struct {
			Details []struct {
				Reason   string            `json:"reason"`
				Metadata map[string]string `json:"metadata"`
			} `json:"details"`
		} `json:"error"`
	}
	_ = json.Unmarshal([]byte(e.Body), &body) // what isn't JSON names no API
	for _, d := range body.Error.Details {
		if d.Reason == "SERVICE_DISABLED" {
			return d.Metadata["service"], strings.TrimPrefix(d.Metadata["consumer"], "projects/"), true
		}
	}
	return "", "", false
}

// vendors reports whether a project, by number, is the one of this application's OAuth client.
func (p *preflight) vendors(number string) bool {
	return p.s.cfg.OAuth != nil && number != "" && number == ClientProject(p.s.cfg.OAuth.ClientID)
}

// saw keeps an API that is off in the OAuth client's project.
func (p *preflight) saw(err error) {
	if api, number, ok := disabledAPI(err); ok && p.vendors(number) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !slices.Contains(p.clientOff, api) {
			p.clientOff = append(p.clientOff, api)
		}
	}
}

// refused keeps that Google refuses the OAuth client, or calls because of its project, for another reason than an API that is off.
func (p *preflight) refused(f gcp.Failure) {
	client, project := f.On == onboarding.PartySpecialist && f.Code == onboarding.CodeInternal, f.Code != onboarding.CodeAPIDisabled && p.vendors(f.Consumer)
	if f.Class == gcp.Blocked && (client || project) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.clientOut = f
	}
}

// readOnly are APIs that only the checks call: a run does without.
var readOnly = []string{"orgpolicy.googleapis.com", "cloudbilling.googleapis.com", "policytroubleshooter.googleapis.com"}

// client is the check of the OAuth client's own project, from what all other readings met: Google counts most calls
// against that project, and refuses them where the API is off in it, whatever is on in the customer's.
func (p *preflight) client() check {
	return check{
		result: onboarding.CheckResult{
			Name: "client-apis", Title: "This application can call Google's APIs", On: onboarding.PartySpecialist, Overridable: true,
			Why: "Google counts calls against the project of the application that makes them, and the APIs must be enabled there.",
		},
		read: func(_ context.Context, r *onboarding.CheckResult) error {
			p.mu.Lock()
			off, out := slices.Sorted(slices.Values(p.clientOff)), p.clientOut
			p.mu.Unlock()
			if len(off) == 0 && out.Class == "" {
				r.Found = "No API was refused because of the application."
				return nil
			}
			number := ClientProject(p.s.cfg.OAuth.ClientID)
			if out.Class != "" {
				r.State, r.Found = onboarding.CheckFailed, out.Message
				r.Fix = []string{"Your deployment specialist puts it right: " + out.Action + ".", "Then check again."}
				r.Command = "gcloud projects describe " + number
				r.Link = "https://console.cloud.google.com/home/dashboard?project=" + number
				return nil
			}
			r.State = onboarding.CheckWarning
			if slices.ContainsFunc(off, func(api string) bool { return !slices.Contains(readOnly, api) }) {
				r.State = onboarding.CheckFailed
			}
			r.Found = strings.Join(off, ", ") + " is off in the project of this application's OAuth client. You don't need to change anything in your project."
			r.Fix = []string{"Your deployment specialist needs to enable it in the project " + number + ".", "Wait a few minutes, then check again."}
			r.Command = "gcloud services enable " + strings.Join(off, " ") + " --project=" + number
			r.Link = "https://console.cloud.google.com/apis/dashboard?project=" + number
			return nil
		},
	}
}

// ClientAPIs are the APIs that must be on in the project of the OAuth client: those that the steps and the checks call.
func ClientAPIs(catalog []*Step) []string {
	all := slices.Concat(readOnly, []string{"cloudresourcemanager.googleapis.com", "iam.googleapis.com", "serviceusage.googleapis.com"})
	for _, s := range catalog {
		all = append(all, s.apis...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
