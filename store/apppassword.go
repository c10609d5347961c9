package store

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/secure/precis"
)

// SetAppPassword lets the application's role log in with a password. It connects as the owner, who made the role. Only a
// verifier is sent: Postgres logs the text of statements, and only superusers may turn that off.
func SetAppPassword(ctx context.Context, ownerURL, password string) error {
	verifier, err := scramVerifier(password)
	if err != nil {
		return fmt.Errorf("prepare the password of %s: %w", AppRole, err)
	}
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return fmt.Errorf("connect to the database as its owner: %w", err)
	}
	defer conn.Close(ctx)
	// A utility statement takes no parameters. A verifier is base64 with $, : and -, which need no escaping.
	if _, err := conn.Exec(ctx, "ALTER ROLE "+AppRole+" PASSWORD '"+verifier+"'"); err != nil {
		return fmt.Errorf("set the password of %s: %w", AppRole, err)
	}
	return nil
}

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
