package handlers_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"groundwork/onboarding"
	"groundwork/vault"
	"groundwork/web"
)

// signs makes the world sign histories.
func signs(t *testing.T) func(*settings) {
	t.Helper()
	keyset, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.New(keyset)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *settings) { c.app.Sign, c.app.AuditKeys = v.Sign, v.PublicKeys() }
}

// unpack writes the files of a zip into a new directory.
func unpack(t *testing.T, body string) string {
	t.Helper()
	files, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range files.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// verified runs the script of a download.
func verified(t *testing.T, dir string, keys ...string) (bool, string) {
	t.Helper()
	run := exec.CommandContext(t.Context(), "python3", append([]string{filepath.Join(dir, "verify.py")}, keys...)...)
	said, err := run.CombinedOutput()
	return err == nil, string(said)
}

// The script in the download checks it with Python and OpenSSL, and finds each way of changing it.
func TestTheScriptInADownloadChecksIt(t *testing.T) {
	for _, tool := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is needed", tool)
		}
	}
	w := newWorld(t, signs(t))
	ob, b := w.ready()
	other := w.begun()
	w.as(sam).post(web.AdminPath(ob.ID, "note"), "note", "“ü”\n<tag> ")
	path := web.OnboardingPath(ob.ID, "audit.zip")
	if first := b.get(web.OnboardingPath(ob.ID, "audit")).Find("a[href='" + path + "']").Length(); first != 1 {
		t.Errorf("%d links to the download", first)
	}
	download := func(path string) string {
		t.Helper()
		p := b.get(path)
		want(t, p, http.StatusOK)
		return p.body
	}
	body := download(path)
	dir := unpack(t, body)
	if ok, said := verified(t, dir); !ok || !strings.Contains(said, "Verified: ") || !strings.Contains(said, "Compare them") {
		t.Fatalf("the true one: %s", said)
	}
	kept := filepath.Join(t.TempDir(), "audit-keys.pem")
	if err := os.WriteFile(kept, []byte(b.get("/audit-keys.pem").body), 0o600); err != nil {
		t.Fatal(err)
	}
	if ok, said := verified(t, dir, kept); !ok || strings.Contains(said, "Compare them") {
		t.Fatalf("with the kept keys: %s", said)
	}
	if err := w.store.ConsentAsked(t.Context(), w.actor(ada), ob.ID); err != nil {
		t.Fatal(err)
	}
	later := unpack(t, download(path))
	foreign := unpack(t, w.as(ada).get(web.OnboardingPath(other.ID, "audit.zip")).body)
	stranger := newWorld(t, signs(t)).browser().get("/audit-keys.pem").body

	// The record that is put beside it must be of a line that the history holds.
	record := func(of string, with func(map[string]any)) func(string) {
		return func(dir string) {
			text, err := os.ReadFile(filepath.Join(of, "head.txt"))
			if err != nil {
				t.Fatal(err)
			}
			signature, err := os.ReadFile(filepath.Join(of, "head.sig"))
			if err != nil {
				t.Fatal(err)
			}
			outputs := map[string]any{"history": onboarding.AuditEnd{Text: string(text), Signature: signature}}
			if with != nil {
				with(outputs)
			}
			made, err := json.Marshal(outputs)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, "acme-prod-outputs.json"), made, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	record(dir, nil)(later)
	if ok, said := verified(t, later, kept); !ok || !strings.Contains(said, "in acme-prod-outputs.json was signed") {
		t.Errorf("a record from before, with a later history: %s", said)
	}

	copyFrom := func(from, name string) func(string) {
		return func(dir string) {
			text, err := os.ReadFile(filepath.Join(from, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	lines := func(change func([]map[string]any) []map[string]any) func(string) {
		return func(dir string) {
			path := filepath.Join(dir, "history.json")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var file struct {
				Onboarding string           `json:"onboarding"`
				Lines      []map[string]any `json:"lines"`
			}
			if err := json.Unmarshal(text, &file); err != nil {
				t.Fatal(err)
			}
			file.Lines = change(file.Lines)
			if text, err = json.Marshal(file); err == nil {
				err = os.WriteFile(path, text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		change func(dir string)
		keys   []string
		why    string
	}{
		"a cut tail":        {lines(func(l []map[string]any) []map[string]any { return l[:len(l)-1] }), nil, "does not end where head.txt says"},
		"a line cut out":    {lines(func(l []map[string]any) []map[string]any { return append(l[:1:1], l[2:]...) }), nil, "line 2 is missing"},
		"a rewritten line":  {lines(func(l []map[string]any) []map[string]any { l[1]["data"] = "{}"; return l }), nil, "line 2 was changed"},
		"a rewritten actor": {lines(func(l []map[string]any) []map[string]any { l[0]["actor"] = mallory; return l }), nil, "line 1 was changed"},
		"a line that looks erased": {lines(func(l []map[string]any) []map[string]any {
			l[0]["actor"], l[0]["data"], l[0]["salt"] = "", "", ""
			return l
		}), nil, "line 1 was emptied"},
		"a later head":             {copyFrom(later, "head.txt"), nil, "does not end where head.txt says"},
		"another history's head":   {func(dir string) { copyFrom(foreign, "head.txt")(dir); copyFrom(foreign, "head.sig")(dir) }, nil, "does not end where head.txt says"},
		"another head's signature": {copyFrom(later, "head.sig"), nil, "signed by none of the public keys"},
		"a foreign key": {func(dir string) {
			if err := os.WriteFile(filepath.Join(dir, "audit-keys.pem"), []byte(stranger), 0o600); err != nil {
				t.Fatal(err)
			}
		}, nil, "signed by none of the public keys"},
		"a head that was signed again": {func(dir string) {
			again := unpack(t, signedAgain(t, dir))
			for _, name := range []string{"head.sig", "audit-keys.pem"} {
				copyFrom(again, name)(dir)
			}
		}, []string{kept}, "signed by none of the public keys"},
		"a record of a line that was cut off": {record(later, nil), nil, "the history does not hold line"},
		"another history's record":            {record(foreign, nil), nil, "the history does not hold line"},
		"a record with another signature": {record(dir, func(outputs map[string]any) {
			end := outputs["history"].(onboarding.AuditEnd)
			signature, err := os.ReadFile(filepath.Join(later, "head.sig"))
			if err != nil {
				t.Fatal(err)
			}
			end.Signature = signature
			outputs["history"] = end
		}), nil, "the end of the history in acme-prod-outputs.json is signed by none of the public keys"},
		"a record of an earlier version": {record(dir, func(outputs map[string]any) { delete(outputs, "history") }), nil, "acme-prod-outputs.json has no signed end"},
		"no lines":                       {lines(func([]map[string]any) []map[string]any { return nil }), nil, "is not a history as it was downloaded"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := unpack(t, body)
			c.change(dir)
			if ok, said := verified(t, dir, c.keys...); ok || !strings.Contains(said, "NOT VERIFIED: ") || !strings.Contains(said, c.why) {
				t.Errorf("verified %v: %s", ok, said)
			}
		})
	}
}

// signedAgain is a zip with another key's signature of a download's head, and that key.
func signedAgain(t *testing.T, dir string) string {
	t.Helper()
	var c settings
	signs(t)(&c)
	head, err := os.ReadFile(filepath.Join(dir, "head.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, signature, err := c.app.Sign(head)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	for name, text := range map[string][]byte{"head.sig": signature, "audit-keys.pem": []byte(c.app.AuditKeys[0].PEM)} {
		f, err := out.Create(name)
		if err == nil {
			_, err = f.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The head is the one that the database keeps apart from the lines: a download doesn't vouch for lines that were cut off.
func TestADownloadDoesNotVouchForACutHistory(t *testing.T) {
	w := newWorld(t, signs(t))
	ob, b := w.ready()
	w.reconfigure(`ALTER TABLE audit NO FORCE ROW LEVEL SECURITY; ALTER TABLE audit DISABLE TRIGGER USER; DELETE FROM audit WHERE onboarding = '` + string(ob.ID) + `' AND seq > 3`)
	dir := unpack(t, b.get(web.OnboardingPath(ob.ID, "audit.zip")).body)
	if ok, said := verified(t, dir); ok || !strings.Contains(said, "does not end where head.txt says") {
		t.Errorf("verified %v: %s", ok, said)
	}
}

func TestASiteThatDoesNotSignOffersNoProof(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	path := web.OnboardingPath(ob.ID, "audit.zip")
	p := b.get(path)
	want(t, p, http.StatusConflict)
	says(t, p, "This site doesn't sign histories. Download the history as JSON or CSV")
	if n := b.get(web.OnboardingPath(ob.ID, "audit")).Find("a[href='" + path + "']").Length(); n != 0 {
		t.Error("the page offers it")
	}
}

// The plain download says where it ends, signed, on a site that signs.
func TestADownloadAsJSONHasItsSignedEnd(t *testing.T) {
	for signed, w := range map[bool]*world{true: newWorld(t, signs(t)), false: newWorld(t)} {
		ob := w.begun()
		p := w.as(ada).get(web.OnboardingPath(ob.ID, "audit.json"))
		want(t, p, http.StatusOK)
		d, err := onboarding.ReadAudit(strings.NewReader(p.body))
		if err != nil || (d.HeadText != "") != signed || d.EndsAsSigned() != nil {
			t.Errorf("signs %v: the end is %q, %v, %v", signed, d.HeadText, err, d.EndsAsSigned())
		}
		d.Entries = d.Entries[:len(d.Entries)-1]
		if signed && d.EndsAsSigned() == nil {
			t.Error("a line that is missing isn't missed")
		}
	}
}
