package store_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// signed stands for a signature: the tests of vault have real ones.
func signed(text []byte) (uint32, []byte, error) { return 7, text[:8], nil }

// anchor makes the next root.
func anchor(t *testing.T, s *store.Store) onboarding.SignedAuditRoot {
	t.Helper()
	root, err := s.AnchorAudit(t.Context(), 0, signed)
	must(t, err)
	return root
}

func TestARootCoversEveryHistoryThatMoved(t *testing.T) {
	t.Parallel()
	s := pgtest.Open(t, pgtest.NewDatabase(t), store.Config{})
	one := begin(t, s, ada, onboarding.VendorValues{})
	begin(t, s, ada, onboarding.VendorValues{})
	first := anchor(t, s)
	if first.ID != 1 || first.Moved != 2 || first.Key != 7 {
		t.Errorf("the first root: %+v", first)
	}
	if young, err := s.AnchorAudit(t.Context(), time.Hour, signed); err != nil || young.ID != 0 {
		t.Errorf("a second root within the hour: %+v, %v", young, err)
	}
	quiet := anchor(t, s)
	if quiet.Moved != 0 || quiet.Hash == first.Hash {
		t.Errorf("nothing moved: %+v", quiet)
	}
	must(t, s.Assign(t.Context(), sam, one.ID, kim.Email))
	must(t, s.ChangeStaff(t.Context(), kim, "eve@vendor.example", onboarding.RoleSpecialist, true))
	last := anchor(t, s)
	if last.Moved != 1 || last.Staff.Lines != first.Staff.Lines+1 || last.Staff.Hash == first.Staff.Hash {
		t.Errorf("one history and the log of roles moved: %+v", last)
	}
	must(t, s.Forget(t.Context(), onboarding.System, one.ID)) // erases texts and people, and no hash
	check, err := s.CheckRoots(t.Context())
	must(t, err)
	if len(check.Roots) != 3 || len(check.Problems) > 0 || check.Roots[2].Text() != last.Text() {
		t.Errorf("%d roots, %q", len(check.Roots), check.Problems)
	}

	refused := errors.New("no key")
	if _, err := s.AnchorAudit(t.Context(), 0, func([]byte) (uint32, []byte, error) { return 0, nil, refused }); !errors.Is(err, refused) {
		t.Errorf("without a signature: %v", err)
	}
	if next := anchor(t, s); next.ID != 4 || next.Moved != 1 {
		t.Errorf("after a refused signature: %+v", next)
	}
}

// What the database's owner may try: the histories stay whole by their own hashes, and the roots don't.
func TestRootsShowWhatTheDatabasesOwnerRewrote(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]string{
		"the end cut off, and the head with it": `DELETE FROM audit WHERE seq > 1; UPDATE audit_heads h SET seq = 1, hash = (SELECT a.hash FROM audit a WHERE a.onboarding = h.onboarding)`,
		"a chain with another end":              `UPDATE audit SET hash = repeat('a', 64) WHERE (onboarding, seq) IN (SELECT onboarding, seq FROM audit_heads)`,
		"a head of a root":                      `UPDATE audit_root_heads SET hash = repeat('a', 64) WHERE root = 1`,
		"a root taken away":                     `DELETE FROM audit_root_heads WHERE root = 2; DELETE FROM audit_roots WHERE id = 2`,
		"a root's text":                         `UPDATE audit_roots SET text = replace(text, 'moved: 1', 'moved: 2') WHERE id = 2`,
		"no text of a root":                     `UPDATE audit_roots SET text = 'groundwork' WHERE id = 2`,
		"a change of roles taken away":          `DELETE FROM staff_changes`,
		"a change of roles to another person":   `UPDATE staff_changes SET email = 'mallory@vendor.example'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.NewDatabase(t)
			s := pgtest.Open(t, db, store.Config{})
			must(t, s.ChangeStaff(t.Context(), kim, "eve@vendor.example", onboarding.RoleSpecialist, true))
			ob := begin(t, s, ada, onboarding.VendorValues{})
			anchor(t, s)
			must(t, s.Assign(t.Context(), sam, ob.ID, kim.Email))
			anchor(t, s)
			anchor(t, s)
			_, err := owner(t, db).Exec(t.Context(), "SET session_replication_role = replica; "+tamper)
			must(t, err)
			check, err := s.CheckRoots(t.Context())
			must(t, err)
			if len(check.Problems) == 0 {
				t.Error("not detected")
			}
		})
	}
}

func TestTheTextOfARootIsReadBackWhole(t *testing.T) {
	root := onboarding.AuditRoot{ID: 3, At: time.Date(2026, 11, 28, 9, 0, 0, 123000, time.UTC), Moved: 2, Hash: "ab", Staff: onboarding.AuditLog{Lines: 1, Hash: "cd"}, Settings: onboarding.AuditLog{Hash: "ef"}}
	if got, err := onboarding.ParseAuditRoot(root.Text()); err != nil || got != root {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{"", root.Text() + "x", strings.Replace(root.Text(), "id: 3", "id: 03", 1)} {
		if _, err := onboarding.ParseAuditRoot(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// The endpoints that chose it get each root as it was signed, in the transaction that makes it.
func TestARootIsSentToTheEndpointsThatChoseIt(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	begin(t, s, ada, onboarding.VendorValues{})
	const takes, other, off = onboarding.WebhookID("wh_aaaaaaaaaaaaaaaaaaaa"), onboarding.WebhookID("wh_bbbbbbbbbbbbbbbbbbbb"), onboarding.WebhookID("wh_cccccccccccccccccccc")
	for id, kind := range map[onboarding.WebhookID]onboarding.EventKind{takes: onboarding.WebhookRoot, other: onboarding.EventRunStarted, off: onboarding.WebhookRoot} {
		must(t, s.CreateWebhook(t.Context(), kim, onboarding.Webhook{ID: id, URL: "https://hooks.vendor.example/" + string(id), Kinds: []onboarding.EventKind{kind}}, []byte("sealed")))
	}
	must(t, s.EnableWebhook(t.Context(), kim, off, false))
	root := anchor(t, s)
	if young, err := s.AnchorAudit(t.Context(), time.Hour, signed); err != nil || young.ID != 0 {
		t.Fatalf("a second root within the hour: %+v, %v", young, err)
	}
	for id, want := range map[onboarding.WebhookID]int{takes: 1, other: 0, off: 0} {
		if got := messages(t, s, id); len(got) != want {
			t.Errorf("%s has %d messages, want %d", id, len(got), want)
		}
	}
	message := messages(t, s, takes)[0]
	errand, err := s.DueMessage(t.Context(), message.ID)
	must(t, err)
	var body struct {
		Type      string
		Timestamp time.Time
		Data      map[string]any
	}
	must(t, json.Unmarshal([]byte(errand.Body), &body))
	want := map[string]any{"text": root.Text(), "key": float64(root.Key), "signature": base64.StdEncoding.EncodeToString(root.Signature)}
	if diff := cmp.Diff(want, body.Data); diff != "" || body.Type != "audit.root" || !body.Timestamp.Equal(root.At) || errand.Onboarding != "" {
		t.Errorf("%s\n(-want +got):\n%s", errand.Body, diff)
	}
}
