package main

import (
	"log/slog"
	"strings"
	"testing"

	"groundwork/store"
	"groundwork/store/pgtest"
)

// What an operator does with keys and accesses is in the security log too, with who and how it ended.
func TestOperatorsCommandsAreSecurityEvents(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	keys := startedWith(t, keysetFileOf(t, db))
	id := owned(t, s, customer(ada.Email))
	consent(t, s, keys, id, ada.Email, "canary-token")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"keys", "add"}, []string{`"level":"INFO","msg":"security","log":"security","kind":"key_changed","outcome":"done"`, `"route":"groundwork keys add"`}},
		{[]string{"keys", "promote", "1"}, []string{`"level":"WARN","msg":"security","log":"security","kind":"key_changed","outcome":"failed"`, `"route":"groundwork keys promote"`}},
		{[]string{"revoke-all", "--wipe-only"}, []string{
			`"kind":"access_ended","outcome":"done"`, `"onboarding":"` + string(id) + `"`,
			`"kind":"revoked_all","outcome":"failed"`, `"route":"groundwork revoke-all"`, // Google wasn't asked
		}},
	} {
		out, told, _ := command(t, c.args...)
		for _, want := range c.want {
			if !strings.Contains(told, want) {
				t.Errorf("%s doesn't write %s:\n%s%s", strings.Join(c.args, " "), want, out, told)
			}
		}
		if strings.Contains(told, "canary") {
			t.Errorf("%s writes a secret", c.args[0])
		}
	}
}

func TestPeopleOfTheSecurityLogAreHashedAlikeOnAllServers(t *testing.T) {
	one := siteFlags{GoogleClientSecret: "s", SecurityLogPeople: "hashed"}
	if a, b := one.securityLog(slog.Default()), one.securityLog(slog.Default()); len(a.Pseudonyms) == 0 || string(a.Pseudonyms) != string(b.Pseudonyms) {
		t.Error("two servers hash differently")
	}
	if named := (&siteFlags{GoogleClientSecret: "s"}).securityLog(slog.Default()); named.Pseudonyms != nil {
		t.Error("people are hashed by default")
	}
	f := siteFlags{SecurityLogPeople: "none"}
	if !strings.Contains(strings.Join(f.problems(), " "), "SECURITY_LOG_PEOPLE is none. Leave it out, or write hashed") {
		t.Errorf("%q", f.problems())
	}
}
