package store

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"golang.org/x/text/secure/precis"
)

const (
	scramIterations = 4096 // what Postgres itself uses
	scramSalt       = 16   // bytes
)

// scramVerifier is what Postgres stores instead of a password, with a fresh salt.
// Sources: RFC 5803; postgresql.org/docs/current/catalog-pg-authid.html.
func scramVerifier(password string) (string, error) {
	// As pgx does when it logs in: a password that can't be normalized is used as it is.
	if normal, err := precis.OpaqueString.String(password); err == nil {
		password = normal
	}
	salt := make([]byte, scramSalt)
	_, _ = rand.Read(salt) // never fails
	salted, err := pbkdf2.Key(sha256.New, password, salt, scramIterations, sha256.Size)
	if err != nil {
		return "", err
	}
	client := sha256.Sum256(mac(salted, "Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramIterations, b64(salt), b64(client[:]), b64(mac(salted, "Server Key"))), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
