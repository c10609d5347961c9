package web

import (
	"fmt"
	"strconv"
	"strings"

	"groundwork/onboarding"
)

// EventSentence says what a line of the history reports, for people, with its actor by address.
func EventSentence(e onboarding.AuditEntry) string {
	var nobody Frame
	return strings.TrimSpace(nobody.subject(e) + " " + nobody.deed(e))
}

// subject is the actor of a line, "You" to themselves; "" where the line is a sentence without one: erased, or written by an earlier version
// about its own work.
func (f Frame) subject(e onboarding.AuditEntry) string {
	switch {
	case e.Erased(), e.Text != "" && e.Role == onboarding.RoleSystem:
		return ""
	case e.Role == onboarding.RoleSystem:
		return roleWord(e.Role)
	case e.Actor == f.Email:
		return "You"
	default:
		return e.Actor
	}
}

// deed is what a line reports, after its subject.
func (f Frame) deed(e onboarding.AuditEntry) string {
	switch {
	case e.Erased():
		return "The person and the details of this line were erased."
	case e.What == onboarding.AuditNote:
		return "noted: " + e.Text
	case e.Text == "":
		return eventWords(e)
	case f.subject(e) == "":
		return e.Text
	default:
		return inside(e.Text)
	}
}

// eventWords is what the actor of an event did.
func eventWords(entry onboarding.AuditEntry) string {
	switch e := entry.Event().(type) {
	case onboarding.OnboardingCreated:
		words := "created the onboarding for " + e.Customer
		if e.CopyOf != "" {
			words += " from a copy of " + string(e.CopyOf)
		}
		return words + "."
	case onboarding.CopyAsked:
		return "asked for another onboarding from a copy of this one."
	case onboarding.CopyMade:
		return "started the onboarding " + string(e.Copy) + " from a copy of this one."
	case onboarding.CopyDeclined:
		if e.Reason == "" {
			return "declined to start another onboarding from a copy of this one."
		}
		return "declined to start another onboarding from a copy of this one. Reason: " + e.Reason
	case onboarding.OnboardingAssigned:
		if len(e.Changes) == 0 || e.Changes[0].After == "" {
			return "unassigned the onboarding."
		}
		return "assigned the onboarding to " + e.Changes[0].After + "."
	case onboarding.OnboardingRestored:
		return "restored the onboarding."
	case onboarding.NameReleased:
		return "released the name " + e.Name + ", although the deployment was never torn down."
	case onboarding.OnboardingArchived:
		return "archived the onboarding. Its consents and secrets were wiped."
	case onboarding.OnboardingForgotten:
		return forgottenWords(e)
	case onboarding.VendorChanged:
		if len(e.Changes) == 0 {
			return "saved the deployment values without changes."
		}
		return "changed the deployment values."
	case onboarding.InviteCreated:
		words := "invited " + e.To.Words() + " as " + asRole(e.Role)
		if e.Again {
			return words + " again. The earlier link no longer works."
		}
		return words + "."
	case onboarding.InviteAccepted:
		said := "accepted the invitation"
		if e.To.Domain() != "" {
			said += " for " + e.To.Words()
		}
		said += " as " + asRole(e.Role) + "."
		if e.AnotherAccount {
			said += " Their address now has a different account, and the earlier account lost its access."
		}
		return said
	case onboarding.InviteRevoked:
		return "withdrew the invitation for " + e.To.Words() + "."
	case onboarding.InvitesErased:
		return "erased " + plural(e.Count, "unused invitation", "unused invitations") + "."
	case onboarding.CustomerReplaced:
		return "replaced the customer " + e.Was + " with " + e.To.Words() + ". All open invitations and links to the plan were withdrawn."
	case onboarding.ColleagueRemoved:
		return "removed the colleague " + e.Email + "."
	case onboarding.PlanRead:
		return "opened the plan with the link that they were sent."
	case onboarding.AnswerSaved:
		return answerWords(e)
	case onboarding.CheckOverridden:
		if e.Warning {
			return fmt.Sprintf("accepted the warning of the check “%s”. Reason: %s", orText(e.Title, e.Check), e.Reason)
		}
		return fmt.Sprintf("allowed the run to start although the check “%s” failed. Reason: %s", orText(e.Title, e.Check), e.Reason)
	case onboarding.ConsentAsked:
		return "went to Google to give consent."
	case onboarding.ConsentRefused:
		return "returned from Google without consenting. " + GoogleAnswer(e.Code).Title + "."
	case onboarding.ConsentGiven:
		if e.Project == "" {
			return "granted access to Google Cloud as " + e.Email + ", to choose a project."
		}
		return "granted access to the project " + e.Project + " as " + e.Email + "."
	case onboarding.ConsentProject:
		return "chose the project " + e.Project + " for the consent of " + e.Email + "."
	case onboarding.ConsentWiped:
		consent := "a consent"
		if e.Email != "" {
			consent = "the consent of " + e.Email
		}
		if e.Revoked {
			return "revoked " + consent + " at Google and wiped it from our servers."
		}
		if e.Kept {
			return "wiped " + consent + " from our servers. Google keeps it while another access of the same account is in use."
		}
		return "wiped " + consent + " from our servers. Google did not confirm that it was revoked."
	case onboarding.SecretsWiped:
		return secretsWords(e)
	case onboarding.RunSubmitted:
		return submittedWords(e)
	case onboarding.RunStarted:
		return "started the run" + usingConsent(e.Access)
	case onboarding.RunRetried:
		return "resumed the run" + usingConsent(e.Access)
	case onboarding.PlanApproved:
		return "approved the changed plan and resumed the run" + usingConsent(e.Access)
	case onboarding.RunCancelAsked:
		return "asked to cancel the run."
	case onboarding.InventoryFilled:
		words := "recorded what earlier runs had created, changed, or found: " + plural(e.Items, "item", "items") + "."
		if e.Unknown > 0 {
			words += " For " + strconv.Itoa(e.Unknown) + " of them, no record says who created them, so a teardown leaves them."
		}
		return words
	case onboarding.RunEnded:
		return endedWords(e)
	case onboarding.SecretsEncrypted:
		return "encrypted the " + onboarding.PurposeWords(e.Purposes) + " with the vendor’s key " + shortKey(e.Key) + " and wiped our sealed copy."
	case onboarding.SecretsConfirmed:
		return "confirmed that they entered the " + onboarding.PurposeWords(e.Purposes) + " in the vendor’s console. Our sealed copy was wiped."
	case onboarding.HandoverDelivered:
		return deliveredWords(e)
	case onboarding.HandoverRetried:
		return "had the " + handedWords(e.What, nil) + " sent again."
	case onboarding.OnboardingViewed:
		return "opened this onboarding (first view of the day)."
	case onboarding.FileDownloaded:
		return "downloaded " + e.File + " (first download of the day)."
	case onboarding.AccessRefused:
		return "was refused an action that their role doesn't allow: " + e.Route
	case onboarding.ReminderSent:
		return "reminded " + e.To + " by mail. The onboarding is waiting for: " + e.For
	}
	return fmt.Sprintf("recorded the event %s.", entry.What)
}

func forgottenWords(e onboarding.OnboardingForgotten) string {
	words := "erased the personal data of this onboarding"
	if e.Erased > 0 {
		words += ", including the people and details in " + plural(e.Erased, "earlier line", "earlier lines") + " of this history"
	}
	switch words += "."; {
	case e.Kept == 1:
		words += " 1 older line can't be erased without breaking the chain of hashes, and was kept."
	case e.Kept > 1:
		words += fmt.Sprintf(" %d older lines can't be erased without breaking the chain of hashes, and were kept.", e.Kept)
	}
	return words
}

func answerWords(e onboarding.AnswerSaved) string {
	title := orText(e.Title, e.Step)
	switch {
	case e.First:
		return "answered " + title + "."
	case len(e.Changes) == 0:
		return "saved " + title + " again without changes."
	default:
		return "changed the answers for " + title + "."
	}
}

func secretsWords(e onboarding.SecretsWiped) string {
	var names []string
	for _, p := range e.Purposes {
		names = append(names, "the "+p.Words())
	}
	words := "wiped " + listed(names) + "."
	if e.Withdrawn {
		words += " Enter again what is still needed."
	}
	return words
}

func submittedWords(e onboarding.RunSubmitted) string {
	plan := "approved the plan"
	if e.Tasks > 0 {
		plan += " with " + plural(e.Tasks, "task", "tasks")
	}
	name := runNoun(e.Purpose)
	if e.Purpose == onboarding.CheckOnly {
		name += ", which changes nothing"
	}
	return plan + " and started the " + name + usingConsent(e.Access)
}

func handedWords(what onboarding.DeliveryKind, purposes []onboarding.Purpose) string {
	switch {
	case what == onboarding.DeliverRecord:
		return "record"
	case len(purposes) == 0:
		return "encrypted secrets"
	}
	return "encrypted " + onboarding.PurposeWords(purposes)
}

func deliveredWords(e onboarding.HandoverDelivered) string {
	to := "address"
	if e.Way == onboarding.WayWebhook {
		to = "webhook"
	}
	return "delivered the " + handedWords(e.What, e.Purposes) + " to the vendor’s " + to + "."
}

func endedWords(e onboarding.RunEnded) string {
	switch e.State {
	case onboarding.RunBlocked:
		words := "paused the " + runNoun(e.Purpose) + "."
		if e.Task != "" {
			words = "paused the " + runNoun(e.Purpose) + " at “" + e.Task + "”."
		}
		if e.WaitingFor == "" {
			return words
		}
		return words + " Next step: " + strings.TrimSuffix(e.WaitingFor, ".") + "."
	case onboarding.RunFailed:
		if e.Task != "" {
			return "stopped the " + runNoun(e.Purpose) + " because “" + e.Task + "” failed." + keptWords(e.Purpose)
		}
		return "stopped the " + runNoun(e.Purpose) + " because a task failed." + keptWords(e.Purpose)
	case onboarding.RunCanceled:
		return "canceled the " + runNoun(e.Purpose) + "." + keptWords(e.Purpose)
	default:
		return "finished the " + runNoun(e.Purpose) + "."
	}
}

// runNoun is what a history calls a run of that kind, "" a kind that isn't known.
func runNoun(kind onboarding.RunKind) string {
	if kind == "" || kind == onboarding.RunProvision {
		return "run"
	}
	return inside(kindWord(kind))
}

// keptWords say what a run that didn't finish leaves, "" where that isn't known.
func keptWords(kind onboarding.RunKind) string {
	switch kind {
	case onboarding.RunProvision:
		return " Everything created so far is kept."
	case onboarding.RunTeardown:
		return " What it didn’t get to is still there."
	default:
		return ""
	}
}

// listed joins names: "a", "a and b", "a, b, and c".
func listed(names []string) string {
	if last := len(names) - 1; last > 1 {
		return strings.Join(names[:last], ", ") + ", and " + names[last]
	}
	return strings.Join(names, " and ")
}

// usingConsent ends the sentence about a run with whose consent it uses, "" none.
func usingConsent(email string) string {
	if email == "" {
		return "."
	}
	return ", using the consent of " + email + "."
}

// asRole is a member's role after "as": an onboarding has one customer, and may have several colleagues.
func asRole(r onboarding.Role) string {
	switch r {
	case onboarding.RoleColleague:
		return "a colleague"
	case onboarding.RoleReader:
		return "a reader of the plan"
	}
	return "the " + roleWord(r)
}
