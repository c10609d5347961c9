package notify_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"groundwork/onboarding"
)

// receive takes messages that are signed with the secret, and answers 401 to all others. docs/webhooks.md shows it.
func receive(secret string, take func(id string, message []byte) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "the body can't be read", http.StatusBadRequest)
			return
		}
		verifier, err := standardwebhooks.NewWebhook(secret) // whsec_…
		if err == nil {
			err = verifier.Verify(body, r.Header)
		}
		if err != nil {
			http.Error(w, "the signature isn't valid", http.StatusUnauthorized)
			return
		}
		if err := take(r.Header.Get(standardwebhooks.HeaderWebhookID), body); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// block is the first block of a language in a document.
func block(t *testing.T, document, language string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/" + document)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s has no block of %s", document, language)
	}
	return string(found[1])
}

func TestTheDocumentsReceiverIsTheTestedOne(t *testing.T) {
	source, err := os.ReadFile("docs_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if shown := block(t, "webhooks.md", "go"); !strings.Contains(string(source), "\n"+shown) {
		t.Errorf("docs/webhooks.md shows another function than receive:\n%s", shown)
	}
}

func TestTheDocumentsListWhatEachMessageCarries(t *testing.T) {
	text, err := os.ReadFile("../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range onboarding.WebhookKinds() {
		keys := "none"
		if fields := onboarding.WebhookFields[kind]; len(fields) > 0 {
			keys = "`" + strings.Join(fields, "`, `") + "`"
		}
		if line := fmt.Sprintf("\n| `%s` | %s |\n", kind, keys); !strings.Contains(string(text), line) {
			t.Errorf("docs/webhooks.md lacks the line%s", line)
		}
	}
}

// asTool makes the test's program one of the tools that the documents call.
const asTool = "GROUNDWORK_TEST_TOOL"

func TestMain(m *testing.M) {
	if os.Getenv(asTool) == "" {
		os.Exit(m.Run())
	}
	if err := tool(filepath.Base(os.Args[0]), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// tool does what age-keygen -y, age -d and a secret manager do, with age's own library.
func tool(name string, args []string) error {
	if name == "store-secret" {
		secret, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(os.Getenv(asTool), strings.ReplaceAll(args[0], "/", ":")), secret, 0o600)
	}
	keyFile, err := os.Open(args[len(args)-1])
	if err != nil {
		return err
	}
	identities, err := age.ParseIdentities(keyFile)
	if err != nil {
		return err
	}
	if name == "age-keygen" {
		_, err := fmt.Println(identities[0].(*age.X25519Identity).Recipient())
		return err
	}
	r, err := age.Decrypt(armor.NewReader(os.Stdin), identities...)
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, r)
	return err
}

// The shell that a vendor copies receives the secrets, and refuses those for another key.
func TestTheDocumentsShellReceivesSecrets(t *testing.T) {
	for _, need := range []string{"sh", "jq", "sha256sum"} {
		if _, err := exec.LookPath(need); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("install %s: %v", need, err)
			}
			t.Skipf("install %s: %v", need, err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, content []byte, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, name := range []string{"age", "age-keygen", "store-secret"} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	script := write("receive.sh", []byte(block(t, "handover.md", "sh")), 0o700)
	ours, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	key := write("groundwork.key", []byte("# created: today\n"+ours.String()+"\n"), 0o600)
	secrets := map[string]string{"databricks_token": "dapi canary\nwith a second line", "redis_token": "  blanks matter  "}
	arrived := func(recipient *age.X25519Recipient) string {
		t.Helper()
		type one struct {
			Name string `json:"name"`
			Age  string `json:"age"`
		}
		var all []one
		for name, text := range secrets {
			var out bytes.Buffer
			armored := armor.NewWriter(&out)
			w, err := age.Encrypt(armored, recipient)
			if err == nil {
				_, err = io.WriteString(w, text)
			}
			if err != nil || w.Close() != nil || armored.Close() != nil {
				t.Fatal(err)
			}
			all = append(all, one{name, out.String()})
		}
		body, err := json.MarshalIndent(map[string]any{"format": 1, "deployment_name": "acme-production", "key": onboarding.Fingerprint(recipient.String()), "secrets": all}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return write("secrets.json", body, 0o600)
	}
	run := func(file string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "sh", script, file, key)
		cmd.Env = append(os.Environ(), asTool+"="+dir, "PATH="+dir+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}

	theirs, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file := arrived(theirs.Recipient())
	if said, err := run(file); err == nil || !strings.Contains(said, "encrypted with the key sha256:") {
		t.Errorf("secrets for another key: %v, %s", err, said)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("secrets that weren't stored are gone: %v", err)
	}
	file = arrived(ours.Recipient())
	if said, err := run(file); err != nil || said != "" {
		t.Fatalf("%v: %s", err, said)
	}
	for name, want := range secrets {
		if got, err := os.ReadFile(filepath.Join(dir, "acme-production:"+name)); err != nil || string(got) != want {
			t.Errorf("%s was stored as %q, want %q, %v", name, got, want, err)
		}
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file with the secrets is still there: %v", err)
	}
}
