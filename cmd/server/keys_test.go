package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
	"groundwork/vault"
)

// keysetFileOf is a new keyset in a file; the keys commands find it and the database.
func keysetFileOf(t *testing.T, db pgtest.Database) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "keyset.json")
	text, _, err := command(t, "keygen")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KEYSET_FILE", path)
	t.Setenv("DATABASE_URL", db.WorkerURL)
	return path
}

// startedWith is the vault of a server that starts with the file as it is now.
func startedWith(t *testing.T, path string) *vault.Vault {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v, err := keyFlags{Keyset: string(text)}.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// keys runs a keys command that must succeed, and returns what it printed.
func keys(t *testing.T, args ...string) string {
	t.Helper()
	out, told, err := command(t, append([]string{"keys"}, args...)...)
	t.Logf("groundwork keys %s\n%s%s", strings.Join(args, " "), out, told)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// refused runs a keys command that must say why not, and leave the file alone.
func refused(t *testing.T, path, why string, args ...string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, told, err := command(t, append([]string{"keys"}, args...)...)
	if err == nil || !strings.Contains(err.Error()+told, why) {
		t.Errorf("keys %s: %v\n%s", strings.Join(args, " "), err, told)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("keys %s changed the file (%v)", strings.Join(args, " "), err)
	}
}

func primary(t *testing.T, path string) string {
	t.Helper()
	for line := range strings.Lines(keys(t, "list")) {
		if fields := strings.Fields(line); fields[1] == "seals" {
			return fields[0]
		}
	}
	t.Fatal("no key seals")
	return ""
}

// keepAPIKey stores a vendor's key as a server with this vault does.
func keepAPIKey(t *testing.T, db *store.Store, v *vault.Vault, id onboarding.ID, key string) {
	t.Helper()
	sealed, err := v.Seal(onboarding.SealedTo{Onboarding: id, Purpose: onboarding.PurposeVendorAPIKey}, onboarding.NewSecret(key))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.UpdateVendor(t.Context(), person(sam.Email, onboarding.RoleSpecialist), id, onboarding.VendorValues{}, sealed); err != nil {
		t.Fatal(err)
	}
}

// wantKept reads an onboarding's token and vendor's key as a server with this vault does.
func wantKept(t *testing.T, db *store.Store, v *vault.Vault, id onboarding.ID, want string) {
	t.Helper()
	g, err := db.LiveConsent(t.Context(), onboarding.System, id)
	if err != nil {
		t.Fatal(err)
	}
	if token, err := v.Open(g.SealedTo(), g.Sealed); err != nil || token.Reveal() != want {
		t.Errorf("the token: %v, %v", token.Reveal(), err)
	}
	sealed, err := db.SealedSecret(t.Context(), id, onboarding.PurposeVendorAPIKey)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := v.Open(onboarding.SealedTo{Onboarding: id, Purpose: onboarding.PurposeVendorAPIKey}, sealed); err != nil || key.Reveal() != want {
		t.Errorf("the vendor's key: %v, %v", key.Reveal(), err)
	}
}

func TestServersOfNeighboringStagesOpenEachOthersValues(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	path := keysetFileOf(t, db)
	old := primary(t, path)
	kept, passed := owned(t, s, customer(ada.Email)), owned(t, s, customer(ben.Email))
	before := startedWith(t, path)
	consent(t, s, before, kept, ada.Email, "kept since the first stage")
	keepAPIKey(t, s, before, kept, "kept since the first stage")
	var fresh string
	for _, stage := range []struct {
		name string
		do   func()
	}{
		{"add", func() { fresh = keys(t, "add") }},
		{"promote", func() { keys(t, "promote", fresh) }},
		{"reseal", func() { keys(t, "reseal") }},
		{"disable", func() { keys(t, "disable", old) }},
		{"delete", func() { keys(t, "delete", old) }},
	} {
		stage.do()
		now := startedWith(t, path)
		for i, server := range []*vault.Vault{before, now} {
			text := stage.name + ", sealed by " + []string{"one that was not restarted yet", "one that was"}[i]
			consent(t, s, server, passed, ben.Email, text)
			keepAPIKey(t, s, server, passed, text)
			for _, reader := range []*vault.Vault{before, now} {
				wantKept(t, s, reader, passed, text)
				wantKept(t, s, reader, kept, "kept since the first stage")
			}
		}
		if stage.name == "promote" {
			refused(t, path, "Run `groundwork keys reseal` first", "disable", old)
		}
		before = now
	}
	if list := strings.Join(strings.Fields(keys(t, "list")), " "); !strings.HasSuffix(list, " sessions "+fresh+" seals 4 values") || strings.Count(list, " values") != 1 {
		t.Errorf("in the end: %q", list)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestAKeyThatIsNeededStays(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	path := keysetFileOf(t, db)
	old := primary(t, path)
	id := owned(t, s, customer(ada.Email))
	consent(t, s, startedWith(t, path), id, ada.Email, "kept")
	keepAPIKey(t, s, startedWith(t, path), id, "kept")
	refused(t, path, "promote another one first", "disable", old)
	fresh := keys(t, "add")
	if list := keys(t, "list"); !strings.Contains(list, "seals     2 values") || !strings.Contains(list, "opens     0 values") {
		t.Errorf("listed:\n%s", list)
	}
	refused(t, path, "disable it first", "delete", fresh)
	keys(t, "disable", fresh)
	refused(t, path, "enable it first", "promote", fresh)
	keys(t, "enable", fresh)
	keys(t, "promote", fresh)
	refused(t, path, "2 stored values", "disable", old)
	refused(t, path, "has no key 7", "disable", "7")
	t.Setenv("DATABASE_URL", "")
	refused(t, path, "DATABASE_URL is missing", "disable", old)
	if list := keys(t, "list"); strings.Contains(list, "values") {
		t.Errorf("counted without a database:\n%s", list)
	}

	other, _, err := command(t, "keygen")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DATABASE_URL", db.WorkerURL)
	if out, told, err := command(t, "keys", "list"); err == nil || !strings.Contains(strings.Join(strings.Fields(out), " "), old+" missing 2 values") || !strings.Contains(told, "2 values do not open") {
		t.Errorf("with a foreign keyset: %v\n%s%s", err, out, told)
	}
	if out, told, err := command(t, "keys", "reseal"); err == nil || !strings.Contains(out, "0 values resealed") || !strings.Contains(told, "2 values are sealed by other keys, 2 of which do not open") {
		t.Errorf("with a foreign keyset: %v\n%s%s", err, out, told)
	}
	if err := os.WriteFile(path, []byte("no keyset"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, path, "could not be opened", "add")
}

// A key isn't disabled while codes that it made are needed, unless the operator has read what happens to what they cover.
func TestAKeyWhoseCodesAreNeededStays(t *testing.T) {
	db := pgtest.NewDatabase(t)
	path := keysetFileOf(t, db)
	server := func() *store.Store {
		return pgtest.Open(t, db, store.Config{Authenticator: startedWith(t, path)})
	}
	s := server()
	id := owned(t, s, customer(ada.Email))
	consent(t, s, startedWith(t, path), id, ada.Email, "kept")
	g, _ := onboarding.FindSettingGroup("handover")
	administrator := person(kim.Email, onboarding.RoleAdministrator)
	values := map[string]string{onboarding.SettingConsoleText: "Settings, Tokens"}
	save := func(s *store.Store) {
		t.Helper()
		now, err := s.Settings(t.Context())
		if err == nil {
			err = s.SaveSettings(t.Context(), administrator, onboarding.SaveSettings{Group: g, Version: now.Version(g), Values: values})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	save(s)
	code, err := startedWith(t, path).Authenticate([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	number, _ := vault.KeyOf(code)
	old := fmt.Sprint(number)
	fresh := keys(t, "add", "--authenticates")
	for _, why := range []string{"  1 held consents: ", "  1 settings: ", "Everyone signs in again", "No command makes these codes again", "keys disable " + old + " --despite-codes"} {
		refused(t, path, why, "disable", old)
	}
	// Once the other key is promoted, saving the same settings gives them its code. No one confirms anything again.
	keys(t, "promote", fresh)
	save(server())
	_, told, err := command(t, "keys", "disable", old)
	if err == nil || strings.Contains(err.Error()+told, " settings: ") || !strings.Contains(err.Error()+told, "  1 held consents: ") {
		t.Errorf("%v\n%s", err, told)
	}
	keys(t, "disable", old, "--despite-codes")
	if now, err := server().Settings(t.Context()); err != nil || now.Saved(onboarding.SettingConsoleText).Doubted {
		t.Errorf("the setting is doubted, %v", err)
	}
}

func TestResealingBesideAServerLosesNothing(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	path := keysetFileOf(t, db)
	fresh := keys(t, "add")
	older := startedWith(t, path) // not restarted yet after the next
	keys(t, "promote", fresh)
	server := startedWith(t, path)
	id := owned(t, s, customer(ada.Email))
	consent := consent(t, s, older, id, ada.Email, "0")
	var last atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	// The server refreshes as fast as it can; if no command ever comes first, it then refreshes none to three times for each.
	turns := make(chan struct{}, 3)
	var inTurns atomic.Bool
	go func() {
		defer close(stopped)
		for n := int64(1); ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if inTurns.Load() {
				select {
				case <-stop:
					return
				case <-turns:
				}
			}
			sealed, err := older.Seal(consent.SealedTo(), onboarding.NewSecret(strconv.FormatInt(n, 10)))
			if err == nil {
				err = s.ResealConsent(t.Context(), consent.ID, sealed)
			}
			if err != nil {
				t.Error(err)
				return
			}
			last.Store(n)
			g, err := s.LiveConsent(t.Context(), onboarding.System, id)
			if err != nil {
				t.Error(err)
				return
			}
			if now, err := server.Open(g.SealedTo(), g.Sealed); err != nil || now.Reveal() != strconv.FormatInt(n, 10) {
				t.Errorf("wrote %d, read %v, %v", n, now.Reveal(), err)
				return
			}
		}
	}()
	resealed := 0
	for i := range 200 {
		inTurns.Store(i >= 100)
		for range i % 4 {
			if i < 100 {
				break
			}
			select {
			case turns <- struct{}{}:
			case <-stopped:
			}
		}
		out, _, err := command(t, "keys", "reseal")
		n, _, _ := strings.Cut(out, " ")
		if did, convErr := strconv.Atoi(n); convErr != nil || err != nil && !errors.Is(err, errReported) {
			t.Fatalf("%v\n%s", err, out)
		} else if resealed += did; resealed >= 5 && last.Load() >= 50 {
			break
		}
	}
	close(stop)
	<-stopped
	if resealed == 0 {
		t.Error("nothing was resealed in the meantime")
	}
	keys(t, "reseal")
	g, err := s.LiveConsent(t.Context(), onboarding.System, id)
	if err != nil {
		t.Fatal(err)
	}
	if now, err := server.Open(g.SealedTo(), g.Sealed); err != nil || now.Reveal() != strconv.FormatInt(last.Load(), 10) {
		t.Errorf("last written %d, kept %v, %v", last.Load(), now.Reveal(), err)
	}
	if out := keys(t, "reseal"); !strings.HasPrefix(out, "0 values") {
		t.Errorf("resealed again: %s", out)
	}
}
