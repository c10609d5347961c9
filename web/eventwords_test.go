package web

import (
	"strings"
	"testing"

	"groundwork/onboarding"
)

func TestEachEventIsToldInASentence(t *testing.T) {
	const ada, sam = "ada@customer.example", "sam@vendor.example"
	told := map[onboarding.EventKind]bool{}
	for _, c := range []struct {
		actor string
		event onboarding.Event
		want  string
	}{
		{sam, onboarding.OnboardingCreated{Customer: "Acme"}, "sam@vendor.example created the onboarding for Acme."},
		{sam, onboarding.OnboardingCreated{Customer: "Acme", CopyOf: "ob_1"}, "sam@vendor.example created the onboarding for Acme from a copy of ob_1."},
		{ada, onboarding.CopyAsked{}, "ada@customer.example asked for another onboarding from a copy of this one."},
		{ada, onboarding.PlanRead{Invite: 7}, "ada@customer.example opened the plan with the link that they were sent."},
		{sam, onboarding.CopyDeclined{}, "sam@vendor.example declined to start another onboarding from a copy of this one."},
		{sam, onboarding.CopyDeclined{Reason: "Rename it instead."}, "sam@vendor.example declined to start another onboarding from a copy of this one. Reason: Rename it instead."},
		{sam, onboarding.CopyMade{Copy: "ob_2"}, "sam@vendor.example started the onboarding ob_2 from a copy of this one."},
		{sam, onboarding.Assigned("", sam), "sam@vendor.example assigned the onboarding to sam@vendor.example."},
		{sam, onboarding.Assigned(sam, ""), "sam@vendor.example unassigned the onboarding."},
		{sam, onboarding.OnboardingRestored{}, "sam@vendor.example restored the onboarding."},
		{sam, onboarding.NameReleased{Name: "acme-prod"}, "sam@vendor.example released the name acme-prod, although the deployment was never torn down."},
		{sam, onboarding.OnboardingArchived{}, "sam@vendor.example archived the onboarding. Its consents and secrets were wiped."},
		{"", onboarding.OnboardingForgotten{}, "Groundwork erased the personal data of this onboarding."},
		{"", onboarding.OnboardingForgotten{Erased: 1, Kept: 1}, "Groundwork erased the personal data of this onboarding, including the people and details in 1 earlier line of this history. 1 older line can't be erased without breaking the chain of hashes, and was kept."},
		{sam, onboarding.OnboardingForgotten{Erased: 4, Kept: 3}, "sam@vendor.example erased the personal data of this onboarding, including the people and details in 4 earlier lines of this history. 3 older lines can't be erased without breaking the chain of hashes, and were kept."},
		{sam, onboarding.VendorChanged{Changes: []onboarding.Change{{Label: "Serving project", After: "p"}}}, "sam@vendor.example changed the deployment values."},
		{sam, onboarding.VendorChanged{}, "sam@vendor.example saved the deployment values without changes."},
		{sam, onboarding.InviteCreated{To: ada, Role: onboarding.RoleCustomer}, "sam@vendor.example invited ada@customer.example as the customer."},
		{ada, onboarding.InviteCreated{To: "bob@customer.example", Role: onboarding.RoleColleague, Again: true}, "ada@customer.example invited bob@customer.example as a colleague again. The earlier link no longer works."},
		{ada, onboarding.InviteAccepted{Role: onboarding.RoleCustomer, To: ada}, "ada@customer.example accepted the invitation as the customer."},
		{ada, onboarding.InviteAccepted{Role: onboarding.RoleCustomer, To: "@customer.example"}, "ada@customer.example accepted the invitation for anyone at customer.example as the customer."},
		{sam, onboarding.InviteRevoked{To: "@customer.example", Role: onboarding.RoleCustomer}, "sam@vendor.example withdrew the invitation for anyone at customer.example."},
		{"", onboarding.InvitesErased{Count: 1}, "Groundwork erased 1 unused invitation."},
		{"", onboarding.InvitesErased{Count: 3}, "Groundwork erased 3 unused invitations."},
		{sam, onboarding.CustomerReplaced{Was: ada, To: "bob@customer.example"}, "sam@vendor.example replaced the customer ada@customer.example with bob@customer.example. All open invitations and links to the plan were withdrawn."},
		{ada, onboarding.ColleagueRemoved{Email: "bob@customer.example"}, "ada@customer.example removed the colleague bob@customer.example."},
		{ada, onboarding.AnswerSaved{Step: "region", Title: "Region", First: true}, "ada@customer.example answered Region."},
		{ada, onboarding.AnswerSaved{Step: "region", Title: "Region", Changes: []onboarding.Change{{Label: "Region", After: "us-east1"}}}, "ada@customer.example changed the answers for Region."},
		{ada, onboarding.AnswerSaved{Step: "region", Title: "Region"}, "ada@customer.example saved Region again without changes."},
		{sam, onboarding.CheckOverridden{Check: "domain", Title: "Members from outside are allowed", Reason: "Their policy has an exception for us."}, "sam@vendor.example allowed the run to start although the check “Members from outside are allowed” failed. Reason: Their policy has an exception for us."},
		{ada, onboarding.ConsentAsked{}, "ada@customer.example went to Google to give consent."},
		{ada, onboarding.ConsentRefused{Code: "access_denied"}, "ada@customer.example returned from Google without consenting. You canceled at Google."},
		{ada, onboarding.ConsentRefused{Code: "admin_policy_enforced"}, "ada@customer.example returned from Google without consenting. Your Workspace administrator blocks this app."},
		{ada, onboarding.ConsentGiven{Email: "ada@gmail.example"}, "ada@customer.example granted access to Google Cloud as ada@gmail.example, to choose a project."},
		{ada, onboarding.ConsentGiven{Email: ada, Project: "acme-data"}, "ada@customer.example granted access to the project acme-data as ada@customer.example."},
		{ada, onboarding.ConsentProject{Email: ada, Project: "acme-data"}, "ada@customer.example chose the project acme-data for the consent of ada@customer.example."},
		{"", onboarding.ConsentWiped{Email: ada, Revoked: true}, "Groundwork revoked the consent of ada@customer.example at Google and wiped it from our servers."},
		{"", onboarding.ConsentWiped{Email: ada, Kept: true}, "Groundwork wiped the consent of ada@customer.example from our servers. Google keeps it while another access of the same account is in use."},
		{"", onboarding.ConsentWiped{Revoked: true}, "Groundwork revoked a consent at Google and wiped it from our servers."},
		{ada, onboarding.ConsentWiped{Email: ada}, "ada@customer.example wiped the consent of ada@customer.example from our servers. Google did not confirm that it was revoked."},
		{"", onboarding.SecretsWiped{Purposes: []onboarding.Purpose{onboarding.PurposeDatabricksToken}}, "Groundwork wiped the Databricks token."},
		{"", onboarding.SecretsWiped{Purposes: []onboarding.Purpose{onboarding.PurposeDatabricksToken, onboarding.PurposeRedisToken}}, "Groundwork wiped the Databricks token and the Redis token."},
		{"", onboarding.SecretsWiped{Purposes: []onboarding.Purpose{onboarding.PurposeDatabricksToken, onboarding.PurposeRedisToken, onboarding.PurposeVendorAPIKey}, Withdrawn: true}, "Groundwork wiped the Databricks token, the Redis token, and the vendor's API key. Enter again what is still needed."},
		{ada, onboarding.RunSubmitted{Purpose: onboarding.RunProvision, Tasks: 11, Access: ada}, "ada@customer.example approved the plan with 11 tasks and started the run, using the consent of ada@customer.example."},
		{ada, onboarding.RunSubmitted{Purpose: onboarding.RunVerify, Tasks: 1}, "ada@customer.example approved the plan with 1 task and started the verification."},
		{ada, onboarding.RunSubmitted{Purpose: onboarding.RunTeardown, Tasks: 2}, "ada@customer.example approved the plan with 2 tasks and started the teardown."},
		{"", onboarding.RunStarted{Access: ada}, "Groundwork started the run, using the consent of ada@customer.example."},
		{ada, onboarding.RunRetried{}, "ada@customer.example resumed the run."},
		{ada, onboarding.PlanApproved{Access: ada}, "ada@customer.example approved the changed plan and resumed the run, using the consent of ada@customer.example."},
		{ada, onboarding.RunCancelAsked{}, "ada@customer.example asked to cancel the run."},
		{sam, onboarding.ReminderSent{To: ada, For: "Answer “Region”"}, "sam@vendor.example reminded ada@customer.example by mail. The onboarding is waiting for: Answer “Region”"},
		{sam, onboarding.OnboardingViewed{}, "sam@vendor.example opened this onboarding (first view of the day)."},
		{ada, onboarding.FileDownloaded{File: "audit.json"}, "ada@customer.example downloaded audit.json (first download of the day)."},
		{ada, onboarding.AccessRefused{Route: "POST /o/{id}/teardown"}, "ada@customer.example was refused an action that their role doesn't allow: POST /o/{id}/teardown"},
		{"", onboarding.InventoryFilled{Items: 14}, "Groundwork recorded what earlier runs had created, changed, or found: 14 items."},
		{"", onboarding.InventoryFilled{Items: 1, Unknown: 1}, "Groundwork recorded what earlier runs had created, changed, or found: 1 item. For 1 of them, no record says who created them, so a teardown leaves them."},
		{"", onboarding.RunEnded{State: onboarding.RunSucceeded}, "Groundwork finished the run."},
		{"", onboarding.SecretsEncrypted{Purposes: []onboarding.Purpose{onboarding.PurposeDatabricksToken, onboarding.PurposeRedisToken}, Key: "sha256:0123456789abcdef0123"}, "Groundwork encrypted the Databricks token and Redis token with the vendor’s key sha256:0123456789abcdef… and wiped our sealed copy."},
		{ada, onboarding.SecretsConfirmed{Purposes: []onboarding.Purpose{onboarding.PurposeRedisToken}}, ada + " confirmed that they entered the Redis token in the vendor’s console. Our sealed copy was wiped."},
		{"", onboarding.HandoverDelivered{What: onboarding.DeliverRecord, Way: onboarding.WayPut}, "Groundwork delivered the record to the vendor’s address."},
		{"", onboarding.HandoverDelivered{What: onboarding.DeliverSecrets, Purposes: []onboarding.Purpose{onboarding.PurposeRedisToken}, Way: onboarding.WayWebhook}, "Groundwork delivered the encrypted Redis token to the vendor’s webhook."},
		{sam, onboarding.HandoverRetried{What: onboarding.DeliverRecord}, sam + " had the record sent again."},
		{"", onboarding.RunEnded{State: onboarding.RunBlocked, Task: "Create the bucket", WaitingOn: onboarding.PartyCustomer, WaitingFor: "Sign in to Google again."}, "Groundwork paused the run at “Create the bucket”. Next step: Sign in to Google again."},
		{"", onboarding.RunEnded{State: onboarding.RunBlocked}, "Groundwork paused the run."},
		{"", onboarding.RunEnded{Purpose: onboarding.RunProvision, State: onboarding.RunFailed, Task: "Create the bucket"}, "Groundwork stopped the run because “Create the bucket” failed. Everything created so far is kept."},
		{"", onboarding.RunEnded{State: onboarding.RunFailed}, "Groundwork stopped the run because a task failed."},
		{"", onboarding.RunEnded{Purpose: onboarding.RunTeardown, State: onboarding.RunFailed, Task: "Remove the bucket"}, "Groundwork stopped the teardown because “Remove the bucket” failed. What it didn’t get to is still there."},
		{"", onboarding.RunEnded{Purpose: onboarding.CheckOnly, State: onboarding.RunSucceeded}, "Groundwork finished the check."},
		{"", onboarding.RunEnded{Purpose: onboarding.RunVerify, State: onboarding.RunBlocked}, "Groundwork paused the verification."},
		{ada, onboarding.RunEnded{Purpose: onboarding.RunProvision, State: onboarding.RunCanceled}, "ada@customer.example canceled the run. Everything created so far is kept."},
	} {
		data, err := onboarding.EventData(c.event)
		if err != nil {
			t.Fatal(err)
		}
		entry := onboarding.AuditEntry{What: c.event.Kind(), Actor: c.actor, Role: onboarding.RoleCustomer, Data: data}
		if c.actor == "" {
			entry.Actor, entry.Role = onboarding.System.Email, onboarding.RoleSystem
		}
		told[entry.What] = true
		if got := EventSentence(entry); got != c.want {
			t.Errorf("%s is told as\n%s, want\n%s", entry.What, got, c.want)
		}
		reader := Frame{Email: c.actor}
		if you := reader.subject(entry) + " " + reader.deed(entry); c.actor != "" && you != strings.Replace(c.want, c.actor, "You", 1) {
			t.Errorf("%s is told to its actor as\n%s", entry.What, you)
		}
	}
	for _, e := range onboarding.Events {
		if !told[e.Kind()] {
			t.Errorf("%s has no sentence here", e.Kind())
		}
	}
}

func TestLinesThatHoldNoKnownEventAreToldToo(t *testing.T) {
	for name, c := range map[string]struct {
		entry onboarding.AuditEntry
		want  string
	}{
		"a person's line of an earlier version": {onboarding.AuditEntry{What: onboarding.EventRunSubmitted, Actor: "ada@customer.example", Text: "Approved the plan of 2 tasks and started the run.", Data: []byte(`{"run":"run_x"}`)}, "ada@customer.example approved the plan of 2 tasks and started the run."},
		"a worker's line of an earlier version": {onboarding.AuditEntry{What: onboarding.EventRunStarted, Role: onboarding.RoleSystem, Text: "The run started."}, "The run started."},
		"an erased line":                        {onboarding.AuditEntry{What: onboarding.EventAnswerSaved, ContentHash: "aa"}, "The person and the details of this line were erased."},
		"a kind of a newer version":             {onboarding.AuditEntry{What: "onboarding.cloned", Actor: "ada@customer.example", Data: []byte(`{}`)}, "ada@customer.example recorded the event onboarding.cloned."},
		"a payload of a newer version":          {onboarding.AuditEntry{What: onboarding.EventRunStarted, Role: onboarding.RoleSystem, Data: []byte(`[]`)}, "Groundwork recorded the event run.started."},
	} {
		if got := EventSentence(c.entry); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
