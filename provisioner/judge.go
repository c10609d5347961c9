package provisioner

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// judge is gcp.Classify for a task, whose spec says whose an account or a project is.
func (s *Service) judge(err error, t *Task) gcp.Failure {
	f := gcp.Classify(err)
	switch {
	case f.Account != "":
		return ofAccount(f, t.Spec)
	case f.Sharing:
		return ofSharing(f, t)
	}
	return s.ofClient(f)
}

// ofClient is the failure of a call that is counted against a project, which is the vendor's to put right if it is the OAuth
// client's.
func (s *Service) ofClient(f gcp.Failure) gcp.Failure {
	switch {
	case f.Consumer == "" || s.cfg.OAuth == nil || f.Consumer != ClientProject(s.cfg.OAuth.ClientID):
	case f.Code == onboarding.CodeQuota:
		f.On, f.Place = onboarding.PartySpecialist, f.Consumer
		f.Action = "Raise the quota of the OAuth client's project: https://console.cloud.google.com/iam-admin/quotas?project=" + url.QueryEscape(f.Consumer)
		f.Message = fmt.Sprintf("Google allows this application only so many calls at a time, and the quota of the vendor's own Google Cloud project %s is used up. We'll wait and try again. You don't need to change anything in your project.", f.Consumer)
	case f.Code == onboarding.CodeAPIDisabled:
		f.Class, f.On, f.Place = gcp.Blocked, onboarding.PartySpecialist, f.Consumer
		f.Action = fmt.Sprintf("Enable %s in the OAuth client's project %s", f.API, f.Consumer)
		f.Message = fmt.Sprintf("%s is off in the vendor's own Google Cloud project, so Google refuses the call. Your specialist needs to enable it there. You don't need to change anything in your project.", f.API)
	case f.Code == onboarding.CodeBilling:
		f.On, f.Place = onboarding.PartySpecialist, f.Consumer
		f.Action = "Link a billing account to the OAuth client's project: https://console.cloud.google.com/billing/linkedaccount?project=" + url.QueryEscape(f.Consumer)
		f.Message = fmt.Sprintf("The vendor's own Google Cloud project %s has no active billing account, so Google refuses the call. Your specialist needs to link one there. You don't need to change anything in your project.", f.Consumer)
	default: // suspended, deleted
		f.On, f.Place = onboarding.PartySpecialist, f.Consumer
		f.Action = "Restore the OAuth client's project " + f.Consumer
		f.Message = fmt.Sprintf("Google refuses this application's calls, because the vendor's own Google Cloud project %s was suspended or deleted. Your specialist needs to restore it. You don't need to change anything in your project.", f.Consumer)
	}
	return f
}

// judge is [Service.judge] in a run, whose rehearsal gives a role to the account that signed in.
func (e *execution) judge(err error, t *Task) gcp.Failure {
	f := e.s.judge(err, t)
	if f.Sharing && t.Step.temporary {
		f.On, f.Action = onboarding.PartyCustomer, "Turn the rehearsal off, or have a member of the organization sign in"
		f.Message = fmt.Sprintf("An organization policy (domain restricted sharing) refuses to give a role to %s, the account that signed in, so it can't act as the Spark account. Turn the rehearsal off at the service accounts step and approve the new plan, or have a member of the organization sign in.", e.env.Caller)
	}
	return f
}

// knownWithin is how long Google may take to know an account that somebody named.
const knownWithin = 2 * time.Minute

// ofAccount is the failure about an account that Google doesn't know. One that a person named existed before, or it never
// did; one that this run creates is only not known everywhere yet.
func ofAccount(f gcp.Failure, spec onboarding.Spec) gcp.Failure {
	named := func(on onboarding.Party, what, action string) gcp.Failure {
		f.Class, f.Grace, f.On, f.Action = gcp.Blocked, knownWithin, on, action
		f.Message = fmt.Sprintf("%s %s does not exist, so it can't be granted a role.", what, f.Account)
		return f
	}
	is := func(account string) bool { return account != "" && strings.EqualFold(account, f.Account) }
	switch {
	case is(spec.ControlPlaneAccount):
		return named(onboarding.PartySpecialist, "The control plane service account", "Correct the control plane service account, or create it: "+f.Account)
	case is(spec.Vendor.ServingAccount):
		return named(onboarding.PartySpecialist, "The serving service account", "Correct the serving service account, or create it: "+f.Account)
	case is(spec.ExistingSpark):
		return named(onboarding.PartyCustomer, "The Spark service account", "Create the account, or name another: "+f.Account)
	case is(spec.Databricks.Account):
		return named(onboarding.PartyCustomer, "The Databricks workspace's service account", "Correct the workspace's service account: "+f.Account)
	}
	return f
}

// ofSharing is the refusal of a member of another organization, which Google doesn't name. A task gives a role to one.
func ofSharing(f gcp.Failure, t *Task) gcp.Failure {
	for _, b := range t.Description.Bindings {
		switch email := strings.TrimPrefix(b.Member, "serviceAccount:"); email {
		case t.Spec.ControlPlaneAccount, t.Spec.Vendor.ServingAccount:
			return f
		case t.Spec.Databricks.Account:
			f.Action = "Allow Databricks' account in the organization policy"
			f.Message = fmt.Sprintf("An organization policy (domain restricted sharing) refuses the workspace's own account, %s. It belongs to Databricks, so your organization administrator allows the customer ID %s for this project.", email, databricksCustomer)
		default:
			f.Action = "Allow " + b.Member + " in the organization policy"
			f.Message = fmt.Sprintf("An organization policy (domain restricted sharing) refuses to give a role to %s, which belongs to another organization. Your organization administrator can allow that organization's customer ID for this project.", b.Member)
		}
	}
	return f
}

// tooLong says that Google wants to be asked again only after the task's time is over, as for a limit of how many there
// may be (T24).
func tooLong(f gcp.Failure, spec onboarding.Spec) string {
	text := "Google asks to wait " + inDuration(f.After) + ", which is longer than this task can take."
	if f.Said != "" {
		text += " Google says: " + strings.TrimRight(f.Said, ".") + "."
	}
	if f.Code != onboarding.CodeQuota {
		return text + " Try again after that."
	}
	text += " Ask for a higher quota at https://console.cloud.google.com/iam-admin/quotas?project=" + url.QueryEscape(spec.Project)
	if strings.Contains(strings.ToLower(f.Said), "service account") {
		text += " or name an existing service account in the form"
	}
	return text + ", then try again."
}

// inDuration is a duration in words, in its largest unit.
func inDuration(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := int((d + u.unit/2) / u.unit); d >= u.unit {
			if n == 1 {
				return "1 " + u.name
			}
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	return "a moment"
}
