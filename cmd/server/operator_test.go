package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/app"
	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/store"
	"groundwork/store/pgtest"
	"groundwork/vault"
	"groundwork/web"
	"groundwork/wizard"
	"groundwork/wizard/steps"
)

// command runs the program as a shell would and returns what it printed.
func command(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, told bytes.Buffer
	err = run(t.Context(), args, &out, &told)
	return out.String(), told.String(), err
}

// owned makes an onboarding that its owner has accepted.
func owned(t *testing.T, db *store.Store, owner onboarding.Actor) onboarding.ID {
	t.Helper()
	id, err := onboarding.NewID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := db.CreateOnboarding(t.Context(), person(sam.Email, onboarding.RoleSpecialist), onboarding.NewOnboarding{ID: id, Customer: "Acme Sample", OwnerEmail: owner.Email})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.AcceptInvite(t.Context(), token, owner); err != nil {
		t.Fatal(err)
	}
	return id
}

func customer(email string) onboarding.Actor { return person(email, onboarding.RoleCustomer) }

// asOwner changes rows behind the program's back, with triggers off.
func asOwner(t *testing.T, db pgtest.Database, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), "SET session_replication_role = replica; "+sql); err != nil {
		t.Fatal(err)
	}
}

func TestAuditVerifyFindsARowThatWasAlteredByHand(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	good, bad := owned(t, s, customer(ada.Email)), owned(t, s, customer(ben.Email))
	t.Setenv("DATABASE_URL", db.WorkerURL)

	out, told, err := command(t, "audit", "verify")
	t.Logf("before:\n%s%s", out, told)
	if err != nil || strings.Count(out, "whole ") != 2 || !strings.Contains(told, "2 histories checked, 0 altered") {
		t.Fatalf("untouched: %v\n%s%s", err, out, told)
	}
	asOwner(t, db, `UPDATE audit SET actor = 'mallory@evil.example' WHERE seq = 2 AND onboarding = '`+string(bad)+`'`)
	out, told, err = command(t, "audit", "verify")
	t.Logf("after:\n%s%s", out, told)
	if err == nil || !strings.Contains(out, "ALTERED "+string(bad)+": line 2") || !strings.Contains(out, "whole   "+string(good)) || !strings.Contains(told, "1 altered") {
		t.Errorf("altered: %v\n%s%s", err, out, told)
	}
	if out, _, err := command(t, "audit", "verify", "--onboarding", string(good)); err != nil || strings.Contains(out, string(bad)) {
		t.Errorf("one alone: %v\n%s", err, out)
	}
	if _, _, err := command(t, "audit", "verify", "--onboarding", "ob_unknown"); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("unknown: %v", err)
	}
}

func TestAuditVerifyReadsADownload(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	id := owned(t, s, customer(ada.Email))
	asOwner(t, db, `SET session_replication_role = origin; -- a line as earlier versions wrote it
		INSERT INTO audit (onboarding, actor, role, what, text, data) VALUES ('`+string(id)+`', '`+ada.Email+`', 'customer', 'test.line', E'=1+1\r\nnext', '{"b":"<","a":1}')`)
	entries, err := pgtest.Audit(t.Context(), s, customer(ada.Email), id)
	if err != nil {
		t.Fatal(err)
	}
	var asJSON, asCSV bytes.Buffer
	if err := pgtest.WriteAudit(onboarding.NewAuditJSON(&asJSON, id, web.EventSentence), entries); err != nil {
		t.Fatal(err)
	}
	if err := pgtest.WriteAudit(onboarding.NewAuditCSV(&asCSV, web.EventSentence), entries); err != nil {
		t.Fatal(err)
	}
	last := entries[len(entries)-1]
	for name, text := range map[string]string{"history.json": asJSON.String(), "history.csv": asCSV.String()} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, _, err := command(t, "audit", "verify", "--file", path); err != nil || !strings.Contains(out, last.Hash) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if out, told, err := command(t, "audit", "verify", "--file", path, "--compare", "--database-url", db.WorkerURL); err != nil {
			t.Errorf("%s compared: %v\n%s%s", name, err, out, told)
		}
		forged := strings.Replace(text, ada.Email, "eve@customer.example", 1)
		if err := os.WriteFile(path, []byte(forged), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, _, err := command(t, "audit", "verify", "--file", path); err == nil || !strings.Contains(out, "was changed") {
			t.Errorf("a forged %s: %v\n%s", name, err, out)
		}
	}
	// A chain that somebody computed anew from its altered line on is whole in itself; a download gives it away.
	kept := filepath.Join(t.TempDir(), "kept.json")
	if err := os.WriteFile(kept, asJSON.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	last.Text = "Nothing happened."
	last.ContentHash = store.ContentHash(last)
	hash := store.ChainHash(last)
	asOwner(t, db, `UPDATE audit SET text = 'Nothing happened.', content_hash = '`+last.ContentHash+`', hash = '`+hash+`' WHERE text LIKE '=1+1%'; UPDATE audit_heads SET hash = '`+hash+`'`)
	if out, _, err := command(t, "audit", "verify", "--database-url", db.WorkerURL); err != nil {
		t.Errorf("the forged chain should be whole in itself: %v\n%s", err, out)
	}
	if out, _, err := command(t, "audit", "verify", "--file", kept, "--compare", "--database-url", db.WorkerURL); err == nil || !strings.Contains(out, "no longer holds line") {
		t.Errorf("the download did not give the forged chain away: %v\n%s", err, out)
	}
}

// A history whose end was cut off is whole in itself, and so is one whose lines were written anew with new hashes. The
// signed end gives both away, in each format that has one.
func TestAuditVerifyChecksTheSignedEnd(t *testing.T) {
	s := pgtest.New(t)
	id := owned(t, s, customer(ada.Email))
	for range 2 {
		if err := s.ConsentAsked(t.Context(), customer(ada.Email), id); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := pgtest.Audit(t.Context(), s, customer(ada.Email), id)
	if err != nil || len(entries) < 3 {
		t.Fatalf("%d lines, %v", len(entries), err)
	}
	keys, public := signer(t)
	_, foreign := signer(t)
	last := entries[len(entries)-1]
	head, err := onboarding.SignHead(onboarding.AuditHead{Onboarding: id, Seq: last.Seq, Hash: last.Hash}, s.Now(), keys.Sign)
	if err != nil {
		t.Fatal(err)
	}
	rewritten := slices.Clone(entries)
	one := &rewritten[len(rewritten)-1]
	one.Actor = "eve@customer.example"
	one.ContentHash = store.ContentHash(*one)
	one.Hash = store.ChainHash(*one)
	anew := head // the end that the rewritten lines have, which nobody signed
	anew.Hash = one.Hash
	file := func(write func(io.Writer) error) []byte {
		t.Helper()
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	asJSON := func(head onboarding.SignedAuditHead, lines []onboarding.AuditEntry) []byte {
		return file(func(w io.Writer) error {
			return pgtest.WriteAudit(onboarding.NewSignedAuditJSON(w, head, web.EventSentence), lines)
		})
	}
	asZIP := func(head onboarding.SignedAuditHead, lines []onboarding.AuditEntry) []byte {
		return file(func(w io.Writer) error {
			out := zip.NewWriter(w)
			for name, text := range map[string][]byte{"history.json": asJSON(head, lines), "head.txt": []byte(head.Text()), "head.sig": head.Signature} {
				part, err := out.Create(name)
				if err != nil {
					return err
				}
				if _, err := part.Write(text); err != nil {
					return err
				}
			}
			return out.Close()
		})
	}
	asCSV := file(func(w io.Writer) error {
		return pgtest.WriteAudit(onboarding.NewAuditCSV(w, web.EventSentence), entries)
	})
	unsigned := file(func(w io.Writer) error {
		return pgtest.WriteAudit(onboarding.NewAuditJSON(w, id, web.EventSentence), entries)
	})
	record := func(end *onboarding.AuditEnd) []byte {
		text, err := json.Marshal(map[string]any{"format": 1, "history": end})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	earlier, err := onboarding.SignHead(onboarding.AuditHead{Onboarding: id, Seq: 2, Hash: entries[1].Hash}, s.Now(), keys.Sign)
	if err != nil {
		t.Fatal(err)
	}
	other, err := onboarding.SignHead(onboarding.AuditHead{Onboarding: "ob_other", Seq: 2, Hash: entries[1].Hash}, s.Now(), keys.Sign)
	if err != nil {
		t.Fatal(err)
	}
	// The last line was changed by whoever holds the key: only a record from before gives it away.
	forged, err := onboarding.SignHead(anew.AuditHead, s.Now(), keys.Sign)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		text   []byte
		record []byte
		key    string
		whole  bool
		says   string
	}{
		{"the record at the end", asJSON(head, entries), record(head.End()), public, true, ", signed at "},
		{"the record before the end", asJSON(head, entries), record(earlier.End()), public, true, ", signed at "},
		{"the record, in a zip, without a key", asZIP(head, entries), record(earlier.End()), "", true, "; the signature of the record was not checked"},
		{"the record beside a CSV without a key", asCSV, record(head.End()), "", true, "; the signature of the record was not checked"},
		{"the record of lines that were rewritten and signed", asJSON(forged, rewritten), record(head.End()), public, false, "the history doesn't hold the line"},
		{"the record of a line that was cut off", asCSV, record(forged.End()), "", false, "the history doesn't hold the line"},
		{"another onboarding's record", asJSON(head, entries), record(other.End()), public, false, "the history doesn't hold the line"},
		{"a record that nobody signed", asJSON(head, entries), record(&onboarding.AuditEnd{Text: head.Text(), Key: head.Key, Signature: earlier.Signature}), public, false, "the record's end of the history is signed by none"},
		{"a record of an earlier version", asJSON(head, entries), record(nil), public, false, "the record has no signed end"},
		{"no record", asJSON(head, entries), []byte("{"), public, false, "the record can't be read"},
	} {
		dir := t.TempDir()
		history, outputs := filepath.Join(dir, "history"), filepath.Join(dir, "outputs.json")
		for path, text := range map[string][]byte{history: c.text, outputs: c.record} {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		args := []string{"audit", "verify", "--file", history, "--record", outputs}
		if c.key != "" {
			args = append(args, "--key", c.key)
		}
		if out, told, err := command(t, args...); (err == nil) != c.whole || !strings.Contains(out, c.says) {
			t.Errorf("%s: %v\n%s%s", c.name, err, out, told)
		}
	}
	for _, c := range []struct {
		name  string
		text  []byte
		key   string
		whole bool
		says  string
	}{
		{"JSON", asJSON(head, entries), public, true, ", signed at " + head.At.UTC().Format(time.RFC3339Nano)},
		{"ZIP", asZIP(head, entries), public, true, ", signed at "},
		{"JSON without a key", asJSON(head, entries), "", true, "the signature of its end was not checked"},
		{"CSV without a key", asCSV, "", true, last.Hash},
		{"JSON, cut off", asJSON(head, entries[:len(entries)-1]), public, false, "not where its signed end says"},
		{"ZIP, cut off", asZIP(head, entries[:len(entries)-1]), public, false, "not where its signed end says"},
		{"JSON, cut off, without a key", asJSON(head, entries[:len(entries)-1]), "", false, "not where its signed end says"},
		{"JSON, rewritten", asJSON(head, rewritten), public, false, "not where its signed end says"},
		{"ZIP, rewritten", asZIP(head, rewritten), public, false, "not where its signed end says"},
		{"JSON, rewritten with its end", asJSON(anew, rewritten), public, false, "signed by none of the public keys"},
		{"ZIP, rewritten with its end", asZIP(anew, rewritten), public, false, "signed by none of the public keys"},
		{"JSON, of another's key", asJSON(head, entries), foreign, false, "signed by none of the public keys"},
		{"CSV", asCSV, public, false, "it has no signed end"},
		{"JSON whose signed end was taken off", unsigned, public, false, "it has no signed end"},
	} {
		path := filepath.Join(t.TempDir(), "history")
		if err := os.WriteFile(path, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"audit", "verify", "--file", path}
		if c.key != "" {
			args = append(args, "--key", c.key)
		}
		if out, told, err := command(t, args...); (err == nil) != c.whole || !strings.Contains(out, c.says) {
			t.Errorf("%s: %v\n%s%s", c.name, err, out, told)
		}
	}
}

func TestAuditVerifyTellsErasedFromAltered(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	id := owned(t, s, customer(ada.Email))
	t.Setenv("DATABASE_URL", db.WorkerURL)
	download := func(name string) string {
		entries, err := pgtest.Audit(t.Context(), s, onboarding.System, id)
		if err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if err := pgtest.WriteAudit(onboarding.NewAuditJSON(&file, id, web.EventSentence), entries); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	before := download("before.json")
	if err := s.Forget(t.Context(), onboarding.System, id); err != nil {
		t.Fatal(err)
	}
	after := download("after.json")

	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"the database":                 {[]string{"audit", "verify"}, "whole   " + string(id) + "; people and texts of 3 lines were erased at "},
		"a download from before":       {[]string{"audit", "verify", "--file", before, "--compare"}, "erased since in the database: people and texts of 3 lines, at "},
		"a download from after":        {[]string{"audit", "verify", "--file", after}, "; people and texts of 3 lines were erased at "},
		"a download from after, again": {[]string{"audit", "verify", "--file", after, "--compare"}, "whole "},
	} {
		out, told, err := command(t, c.args...)
		t.Logf("%s:\n%s%s", name, out, told)
		if err != nil || !strings.Contains(out, c.want) || strings.Contains(out, "ALTERED") {
			t.Errorf("%s: %v\n%s%s", name, err, out, told)
		}
	}
	asOwner(t, db, `UPDATE audit SET what = 'nothing' WHERE seq = 2`)
	if out, _, err := command(t, "audit", "verify", "--file", before, "--compare"); err == nil || !strings.Contains(out, "ALTERED") {
		t.Errorf("an erased line was changed besides: %v\n%s", err, out)
	}
}

// held is an onboarding whose access is held; it returns the refresh token.
func held(t *testing.T, db *store.Store, keys *vault.Vault, cloud *runningEmulator, email string) (onboarding.ID, string) {
	t.Helper()
	id := owned(t, db, customer(email))
	return id, given(t, db, keys, cloud, id, email)
}

// given keeps a fresh consent whose refresh token is good, and returns that.
func given(t *testing.T, db *store.Store, keys *vault.Vault, cloud *runningEmulator, id onboarding.ID, email string) string {
	t.Helper()
	token := cloud.RefreshToken(emulatedClientID, email, provisioner.Scopes...)
	b, err := json.Marshal(onboarding.ConsentToken{RefreshToken: token})
	if err != nil {
		t.Fatal(err)
	}
	consent(t, db, keys, id, email, string(b))
	return token
}

// consent keeps a fresh consent with this token.
func consent(t *testing.T, db *store.Store, keys *vault.Vault, id onboarding.ID, email, token string) onboarding.Consent {
	t.Helper()
	g := onboarding.Consent{Onboarding: id, Email: email, Scopes: provisioner.Scopes, CreatedAt: time.Now()}
	var err error
	if g.Ref, err = onboarding.NewConsentRef(rand.Reader); err != nil {
		t.Fatal(err)
	}
	if g.Sealed, err = keys.Seal(g.SealedTo(), onboarding.NewSecret(token)); err != nil {
		t.Fatal(err)
	}
	if g, err = db.SaveConsent(t.Context(), customer(email), g); err != nil {
		t.Fatal(err)
	}
	return g
}

// refreshes reports whether the provider still takes a refresh token.
func refreshes(t *testing.T, cloud *runningEmulator, token string) bool {
	t.Helper()
	resp, err := http.PostForm(cloud.URL+"/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {emulatedClientID}, "client_secret": {emulatedClientSecret},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func TestATokenThatWasMovedIntoAnotherRowDoesNotOpen(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	keyset, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.New(keyset)
	if err != nil {
		t.Fatal(err)
	}
	id, other := owned(t, s, customer(ada.Email)), owned(t, s, customer(ben.Email))
	token := `{"refresh_token":"1//sample"}`
	earlier := consent(t, s, keys, id, ada.Email, token)
	later, elsewhere := consent(t, s, keys, id, ada.Email, token), consent(t, s, keys, other, ben.Email, token)
	opens := func(id onboarding.ID) error {
		t.Helper()
		g, err := s.LiveConsent(t.Context(), onboarding.System, id)
		if err != nil {
			t.Fatal(err)
		}
		_, err = keys.Open(g.SealedTo(), g.Sealed)
		return err
	}
	if err := errors.Join(opens(id), opens(other)); err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]onboarding.Consent{"another consent of the onboarding": later, "another onboarding": elsewhere} {
		asOwner(t, db, fmt.Sprintf(`UPDATE grants SET sealed = '\x%x' WHERE id = %d`, earlier.Sealed, g.ID))
		if opens(g.Onboarding) == nil {
			t.Errorf("the token opens in %s", name)
		}
	}
}

func TestRevokeAll(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	cloud, stop, err := startEmulator(t.Context(), "127.0.0.1:0", "", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	seedWorld(cloud.Emulator)
	keyset, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.New(keyset)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DATABASE_URL", db.WorkerURL)
	t.Setenv("KEYSET", string(keyset))
	wantNothingHeld := func(ids ...onboarding.ID) {
		t.Helper()
		for _, id := range ids {
			if g, err := s.LiveConsent(t.Context(), onboarding.System, id); err != nil || g.Live() {
				t.Errorf("%s is still held: %v", id, err)
			}
		}
	}

	one, first := held(t, s, keys, cloud, ada.Email)
	two, second := held(t, s, keys, cloud, ben.Email)
	if !refreshes(t, cloud, first) || !refreshes(t, cloud, second) {
		t.Fatal("the tokens are no good to begin with")
	}
	out, told, err := command(t, "revoke-all", "--emulator", cloud.URL)
	t.Logf("Google is up:\n%s%s", out, told)
	if err != nil || strings.Count(out, "revoked ob_") != 2 || !strings.Contains(told, "2 held: 2 revoked at Google and wiped") {
		t.Errorf("%v\n%s%s", err, out, told)
	}
	wantNothingHeld(one, two)
	if refreshes(t, cloud, first) || refreshes(t, cloud, second) {
		t.Error("Google still takes a revoked token")
	}

	three, _ := held(t, s, keys, cloud, ada.Email)
	stop()
	out, told, err = command(t, "revoke-all", "--emulator", cloud.URL)
	t.Logf("Google is down:\n%s%s", out, told)
	if err == nil || !strings.Contains(out, "wiped   "+string(three)+" "+ada.Email+": not confirmed by Google") || !strings.Contains(told, "1 wiped only here") {
		t.Errorf("%v\n%s%s", err, out, told)
	}
	wantNothingHeld(three)
	last, err := s.LatestConsent(t.Context(), customer(ada.Email), three)
	if err != nil {
		t.Fatal(err)
	}
	uses, err := s.LatestUses(t.Context(), customer(ada.Email), three, []int64{last.ID}, 1)
	if err != nil || len(uses) == 0 || !strings.Contains(uses[0].Text, "myaccount.google.com") {
		t.Errorf("the receipt does not say it: %+v, %v", uses, err)
	}
	if out, told, err := command(t, "revoke-all", "--emulator", cloud.URL); err != nil || out != "" {
		t.Errorf("nothing held: %v\n%s%s", err, out, told)
	}
	t.Setenv("KEYSET", "")
	if _, told, err := command(t, "revoke-all"); err == nil || !strings.Contains(told, "KEYSET is missing") {
		t.Errorf("without a keyset: %v\n%s", err, told)
	}
	if out, _, err := command(t, "revoke-all", "--wipe-only"); err != nil {
		t.Errorf("wiping alone: %v\n%s", err, out)
	}
}

func TestRetentionWipesWhatIsOver(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	cloud, stop, err := startEmulator(t.Context(), "127.0.0.1:0", "", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	seedWorld(cloud.Emulator)
	keyset, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.New(keyset)
	if err != nil {
		t.Fatal(err)
	}
	service := provisioner.NewService(provisioner.Config{Ledger: s, Vault: keys, RevokeURL: cloud.URL + "/revoke"})
	id, token := held(t, s, keys, cloud, ada.Email)
	f := app.Retention{Consents: 24 * time.Hour, Invites: 30 * 24 * time.Hour, People: 90 * 24 * time.Hour}
	now := time.Now()
	logged := ""
	after := func(d time.Duration) {
		t.Helper()
		var log bytes.Buffer
		useCases, err := app.New(app.Config{Store: s, Cloud: service, Journey: wizard.New(steps.All()), Vault: keys, Now: s.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		useCases.Retain(t.Context(), f, now.Add(d))
		t.Logf("after %v: %s", d, log.String())
		if strings.Contains(log.String(), "ERROR") || strings.Contains(log.String(), "@") {
			t.Errorf("after %v: %s", d, log.String())
		}
		logged = log.String()
	}
	live := func() bool {
		g, err := s.LiveConsent(t.Context(), onboarding.System, id)
		if err != nil {
			t.Fatal(err)
		}
		return g.Live()
	}
	after(23 * time.Hour)
	if !live() || !refreshes(t, cloud, token) {
		t.Error("the access ended before its time")
	}
	after(25 * time.Hour)
	if live() || refreshes(t, cloud, token) {
		t.Error("the access is held for longer than GRANT_TTL")
	}

	if !strings.Contains(logged, `"retention: wiped access that no run ended" count=1`) {
		t.Errorf("the log says %s", logged)
	}

	const day = 24 * time.Hour
	// A colleague's part is over before GRANT_TTL is.
	carl := person("carl@customer.example", onboarding.RoleColleague)
	cloud.AddPerson(emulator.Person{Email: carl.Email, Name: carl.Email, Domain: "customer.example"})
	link, _, err := s.CreateInvite(t.Context(), person(sam.Email, onboarding.RoleSpecialist), id, onboarding.Addressee(carl.Email), onboarding.RoleColleague, 2*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AcceptInvite(t.Context(), link, carl); err != nil {
		t.Fatal(err)
	}
	token = given(t, s, keys, cloud, id, carl.Email)
	after(time.Hour)
	if !live() || !refreshes(t, cloud, token) {
		t.Error("a colleague's access ended before their part")
	}
	usual := f
	f.Consents = 0
	after(3 * time.Hour)
	f = usual
	if live() || refreshes(t, cloud, token) || !strings.Contains(logged, "count=1") {
		t.Errorf("a colleague's access is held for longer than their part: %s", logged)
	}

	_, open, err := s.CreateInvite(t.Context(), person(sam.Email, onboarding.RoleSpecialist), id, "late@customer.example", onboarding.RoleColleague, 14*day)
	if err != nil {
		t.Fatal(err)
	}
	invited := func() bool {
		all, err := pgtest.Invites(t.Context(), s, onboarding.System, id)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(all, func(i onboarding.Invite) bool { return i.ID == open.ID })
	}
	after(43 * day)
	if !invited() {
		t.Error("an invitation was erased before its time")
	}
	after(45 * day)
	if invited() || !strings.Contains(logged, `"retention: wiped invitations that nobody used" count=1`) {
		t.Errorf("an invitation that nobody used is kept: %s", logged)
	}
	if entries, err := s.VerifyAudit(t.Context(), onboarding.System, id); err != nil || entries[len(entries)-1].Event() != (onboarding.InvitesErased{Count: 1}) {
		t.Errorf("the history: %v", err)
	}

	ob, err := s.Onboarding(t.Context(), onboarding.System, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.UpdateVendor(t.Context(), person(sam.Email, onboarding.RoleSpecialist), id, ob.Vendor, []byte("sealed")); err != nil {
		t.Fatal(err)
	}
	after(25 * time.Hour)
	if got := sealed(t, db, id); got != "vendor_api_key" {
		t.Errorf("an onboarding that is not finished holds %q", got)
	}
	after(1000 * 24 * time.Hour) // it is not finished: it stays
	if ob, err := s.Onboarding(t.Context(), onboarding.System, id); err != nil || ob.Owner != ada.Email {
		t.Fatalf("an onboarding that is not finished: %+v, %v", ob, err)
	}
	asOwner(t, db, `UPDATE onboardings SET status = 'done' WHERE id = '`+string(id)+`'`)
	after(23 * time.Hour)
	if got := sealed(t, db, id); got != "vendor_api_key" {
		t.Errorf("wiped before its time, left: %q", got)
	}
	after(25 * time.Hour)
	if got := sealed(t, db, id); got != "" {
		t.Errorf("a finished onboarding still holds %q", got)
	}
	asOwner(t, db, `UPDATE onboardings SET status = 'done', answers = '{"deployment": {"name": "acme"}}' WHERE id = '`+string(id)+`'`)
	after(89 * 24 * time.Hour)
	if ob, err := s.Onboarding(t.Context(), onboarding.System, id); err != nil || ob.Owner != ada.Email {
		t.Fatalf("it was forgotten before its time: %+v, %v", ob, err)
	}
	after(91 * 24 * time.Hour)
	ob, err = s.Onboarding(t.Context(), onboarding.System, id)
	if err != nil || ob.Owner != "" || len(ob.Answers) != 0 || !ob.Archived {
		t.Errorf("not forgotten: %+v, %v", ob, err)
	}
	if _, err := s.RoleOn(t.Context(), person(ada.Email, onboarding.RoleCustomer), id); onboarding.ErrorCode(err) != onboarding.CodeNotFound {
		t.Errorf("ada is still a member: %v", err)
	}
	if _, err := s.VerifyAudit(t.Context(), onboarding.System, id); err != nil {
		t.Errorf("the audit: %v", err)
	}
}
