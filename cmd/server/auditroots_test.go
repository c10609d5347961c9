package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"groundwork/app"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/store"
	"groundwork/store/pgtest"
	"groundwork/vault"
	"groundwork/wizard"
	"groundwork/wizard/steps"
)

// signer makes a vault and the file of its public keys.
func signer(t *testing.T) (*vault.Vault, string) {
	t.Helper()
	keyset, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.New(keyset)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "audit-keys.pem")
	if err := os.WriteFile(path, []byte(v.PublicKeys()[0].PEM), 0o600); err != nil {
		t.Fatal(err)
	}
	return v, path
}

func TestRootsInTheLogGiveAwayAHistoryThatItsOwnerRewrote(t *testing.T) {
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	id := owned(t, s, customer(ada.Email))
	keys, public := signer(t)
	var log bytes.Buffer
	useCases, err := app.New(app.Config{
		Store: s, Cloud: &provisioner.Service{}, Journey: wizard.New(steps.All()), Vault: keys, Sign: keys.Sign, Now: s.Now,
		Log: slog.New(slog.NewJSONHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	useCases.AnchorAudit(t.Context())
	useCases.AnchorAudit(t.Context()) // another process, in the same hour
	kept := filepath.Join(t.TempDir(), "server.log")
	if err := os.WriteFile(kept, append([]byte("web-1 | starting\n"), log.Bytes()...), 0o600); err != nil {
		t.Fatal(err)
	}
	if strings.Count(log.String(), `"msg":"`+onboarding.AuditRootLogged) != 1 {
		t.Fatalf("logged:\n%s", log.String())
	}
	t.Setenv("DATABASE_URL", db.WorkerURL)
	verify := func(args ...string) (string, string, error) {
		return command(t, append([]string{"audit", "verify"}, args...)...)
	}
	if out, told, err := verify("--public-keys", public, "--log", kept); err != nil || !strings.Contains(told, "1 roots checked, 1 of them in the log") {
		t.Fatalf("untouched: %v\n%s%s", err, out, told)
	}
	_, foreign := signer(t)
	if out, _, err := verify("--public-keys", foreign); err == nil || !strings.Contains(out, "root 1 is signed by none of the public keys") {
		t.Errorf("with another's keys: %v\n%s", err, out)
	}

	// The end is cut off, with the roots that cover it: nothing in the database tells.
	asOwner(t, db, `DELETE FROM audit WHERE seq > 1 AND onboarding = '`+string(id)+`';
		UPDATE audit_heads h SET seq = 1, hash = (SELECT a.hash FROM audit a WHERE a.onboarding = h.onboarding);
		DELETE FROM audit_root_heads; DELETE FROM audit_roots`)
	if out, told, err := verify(); err != nil || !strings.Contains(told, "0 roots checked without their signatures (give --public-keys), and not compared with a log (give --log)") {
		t.Errorf("without the log: %v\n%s%s", err, out, told)
	}
	if out, _, err := verify("--public-keys", public, "--log", kept); err == nil || !strings.Contains(out, "the database doesn't hold this root of the log") {
		t.Errorf("with the log: %v\n%s", err, out)
	}
	for name, args := range map[string][]string{"no keys": {"--public-keys", kept}, "no file": {"--log", "absent.log"}} {
		if _, _, err := verify(args...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The first root is made soon after the start, and the page's keys check it.
func TestTheServersPageChecksTheRootsThatItMakes(t *testing.T) {
	var base string
	d := startSample(t, pgtest.NewDatabase(t), func(f *siteFlags) { base = f.BaseURL })
	answer, err := http.Get(base + "/audit-keys.pem")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", answer.StatusCode, err)
	}
	path := filepath.Join(t.TempDir(), "audit-keys.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := rootFlags{PublicKeys: path}.keys()
	if err != nil {
		t.Fatal(err)
	}
	d.App.AnchorAudit(t.Context()) // unless a worker was faster
	check, err := d.Store.CheckRoots(t.Context())
	if err != nil || len(check.Roots) != 1 || len(check.Problems) > 0 || !signedBy(keys, []byte(check.Roots[0].Text()), check.Roots[0].Signature) {
		t.Errorf("%+v, %v", check, err)
	}
}
