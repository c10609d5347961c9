package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"groundwork/onboarding"
	"groundwork/store"
)

// rootFlags are what the roots in the database are checked against.
type rootFlags struct {
	PublicKeys string `help:"The file that the servers offer at /audit-keys.pem, as it was when you kept it. Without it no signature is checked." type:"path" aliases:"key"`
	Log        string `help:"The servers' log, as it is kept elsewhere: every root in it must be in the database too." type:"path"`
}

// check compares the database with its roots, and prints a line for each problem, then one that sums up.
func (f rootFlags) check(ctx context.Context, s streams, db *store.Store) (bad int, err error) {
	problem := func(format string, args ...any) {
		bad++
		fmt.Fprintf(s.Out, "ALTERED "+format+"\n", args...)
	}
	keys, err := f.keys()
	if err != nil {
		return 0, err
	}
	checked, err := db.CheckRoots(ctx)
	if err != nil {
		return 0, err
	}
	for _, p := range checked.Problems {
		problem("%s", p)
	}
	kept := map[string]bool{}
	for _, r := range checked.Roots {
		kept[r.Text()] = true
		if keys != nil && !signedBy(keys, []byte(r.Text()), r.Signature) {
			problem("root %d is signed by none of the public keys", r.ID)
		}
	}
	logged := 0
	if f.Log != "" {
		err := eachLogged(f.Log, func(text string, signature []byte) {
			logged++
			switch {
			case keys != nil && !signedBy(keys, []byte(text), signature):
				problem("a root in the log is signed by none of the public keys: %q", text)
			case !kept[text]:
				problem("the database doesn't hold this root of the log: %q", text)
			}
		})
		if err != nil {
			return bad, err
		}
	}
	sum := fmt.Sprintf("%d roots checked", len(checked.Roots))
	if keys == nil {
		sum += " without their signatures (give --public-keys)"
	}
	if f.Log == "" {
		sum += ", and not compared with a log (give --log)"
	} else {
		sum += fmt.Sprintf(", %d of them in the log", logged)
	}
	fmt.Fprintln(s.Err, sum)
	return bad, nil
}

// keys reads the public keys; nil without a file.
func (f rootFlags) keys() ([]*ecdsa.PublicKey, error) {
	if f.PublicKeys == "" {
		return nil, nil
	}
	rest, err := os.ReadFile(f.PublicKeys)
	if err != nil {
		return nil, fmt.Errorf("read the public keys: %w", err)
	}
	var keys []*ecdsa.PublicKey
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.PublicKeys, err)
		}
		if key, ok := key.(*ecdsa.PublicKey); ok {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s holds no public key. Download it from /audit-keys.pem of the servers", f.PublicKeys)
	}
	return keys, nil
}

func signedBy(keys []*ecdsa.PublicKey, text, signature []byte) bool {
	sum := sha256.Sum256(text)
	for _, key := range keys {
		if ecdsa.VerifyASN1(key, sum[:], signature) {
			return true
		}
	}
	return false
}

// maxLogLine bounds a line of a log; longer ones are not the servers'.
const maxLogLine = 16 << 20

// eachLogged goes through the roots in a log of JSON lines. What is not JSON, or not a root, is passed over.
func eachLogged(path string, do func(text string, signature []byte)) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLogLine)
	for lines.Scan() {
		var line struct{ Msg, Text, Signature string }
		at := bytes.IndexByte(lines.Bytes(), '{') // collectors put a time or a name before it
		if at < 0 || json.Unmarshal(lines.Bytes()[at:], &line) != nil || line.Msg != onboarding.AuditRootLogged {
			continue
		}
		signature, err := base64.StdEncoding.DecodeString(line.Signature)
		if err != nil {
			signature = nil // signed by nobody
		}
		do(line.Text, signature)
	}
	if err := lines.Err(); err != nil {
		return errors.Join(errors.New("read the log"), err)
	}
	return nil
}
