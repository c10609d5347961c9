package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"groundwork/store/pgtest"
	"groundwork/vault/kmstest"
)

func TestServeRefusesAKeysetThatEverybodyCanRead(t *testing.T) {
	path := keysetFileOf(t, pgtest.NewDatabase(t))
	for mode, refuses := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: false, 0o644: true, 0o604: true, 0o602: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		t.Setenv("KEYSET", "") // as a new process has it
		_, told, err := command(t, "serve")
		if err == nil || !strings.Contains(told, "BASE_URL is missing") || strings.Contains(told, "everyone on this machine may use "+path) != refuses {
			t.Errorf("mode %04o: %v\n%s", mode, err, told)
		}
	}
	t.Setenv("KMS_KEY", kmstest.Key)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, told, _ := command(t, "serve"); strings.Contains(told, "everyone on this machine") {
		t.Errorf("although KMS seals it:\n%s", told)
	}
}

// serviceAccount gives the process credentials of its own.
func serviceAccount(t *testing.T) {
	t.Helper()
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"sample","expires_in":3600,"token_type":"Bearer"}`))
	}))
	t.Cleanup(tokens.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "server@vendor.iam.gserviceaccount.com", "private_key_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": tokens.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
}

func TestNothingStartsWhileKMSIsDown(t *testing.T) {
	db := pgtest.NewDatabase(t)
	serviceAccount(t)
	kms := kmstest.New(t)
	t.Setenv("KMS_KEY", kmstest.Key)
	t.Setenv("KMS_ENDPOINT", kms.URL)
	path := keysetFileOf(t, db)
	fresh := keys(t, "add") // the rotation's commands speak to KMS too
	keys(t, "promote", fresh)
	for name, value := range map[string]string{
		"ADDR": "127.0.0.1:0", "BASE_URL": "http://127.0.0.1:1", "GOOGLE_CLIENT_ID": "x", "GOOGLE_CLIENT_SECRET": "x", "ADMINISTRATORS": "kim@vendor.example",
	} {
		t.Setenv(name, value)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "encryptedKeyset") {
		t.Fatalf("%v: %s", err, text)
	}
	opens := func() error {
		t.Helper()
		_, err := keyFlags{string(text), kmsFlags{kmstest.Key, kms.URL}}.open(t.Context())
		return err
	}
	if err := opens(); err != nil {
		t.Fatal(err)
	}
	kms.Denied = true
	if _, _, err := command(t, "serve"); err == nil || !strings.Contains(err.Error(), "nothing is started: Cloud KMS refuses the key to this machine") {
		t.Errorf("denied: %v", err)
	}
	kms.Close()
	if _, _, err := command(t, "serve"); err == nil || !strings.Contains(err.Error(), "nothing is started: Cloud KMS does not answer") {
		t.Errorf("down: %v", err)
	}
	refused(t, path, "Cloud KMS does not answer", "add")
}
