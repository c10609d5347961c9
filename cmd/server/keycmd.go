package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"groundwork/vault"
)

// kmsFlags say which KMS key seals the keyset.
type kmsFlags struct {
	KMSKey      string `name:"kms-key" help:"Cloud KMS key that seals the keyset: projects/p/locations/l/keyRings/r/cryptoKeys/k." env:"KMS_KEY"`
	KMSEndpoint string `name:"kms-endpoint" help:"Send KMS calls to this address." env:"KMS_ENDPOINT"`
}

func (f kmsFlags) kms() vault.KMS { return vault.KMS{Key: f.KMSKey, Endpoint: f.KMSEndpoint} }

// keyFlags say where the keyset that seals tokens comes from.
type keyFlags struct {
	Keyset   string `help:"The keyset that seals tokens, as keygen prints it." env:"KEYSET"`
	kmsFlags `embed:""`
}

func (f keyFlags) problems() []string {
	if f.Keyset == "" {
		return []string{"KEYSET is missing. Run `(umask 077; groundwork keygen > keyset.json)` once and set KEYSET_FILE=keyset.json"}
	}
	return nil
}

// exposed tells that everybody on this machine may read a keyset that opens by itself. As with ssh's keys, the server
// does not start on it.
func (f keyFlags) exposed() []string {
	path := os.Getenv("KEYSET_FILE")
	if path == "" || f.KMSKey != "" {
		return nil
	}
	info, err := os.Stat(path) //nolint:gosec // the operator names it
	if err != nil || info.Mode().Perm()&0o007 == 0 {
		return nil // what can't be read is told already
	}
	return []string{fmt.Sprintf("KEYSET_FILE: everyone on this machine may use %s (mode %04o). Give it to the user that serves and run chmod 600 on it, or seal the keyset with KMS_KEY", path, info.Mode().Perm())}
}

// open fails closed: with KMS_KEY it takes only a keyset that this key seals.
func (f keyFlags) open(ctx context.Context) (*vault.Vault, error) {
	if f.KMSKey != "" {
		v, err := vault.NewSealed(ctx, []byte(f.Keyset), f.kms())
		if errors.As(err, new(*vault.KMSError)) {
			return nil, fmt.Errorf("KEYSET stays closed, so nothing is started: %w", err)
		}
		if err != nil {
			return nil, fmt.Errorf("KEYSET does not open with KMS_KEY; it must be a keyset that `groundwork keygen` printed with the same KMS_KEY: %w", err)
		}
		return v, nil
	}
	v, err := vault.New([]byte(f.Keyset))
	if err != nil {
		return nil, fmt.Errorf("KEYSET is not a keyset as `groundwork keygen` prints it (one that KMS seals needs KMS_KEY): %w", err)
	}
	return v, nil
}

type keygenCmd struct{ kmsFlags }

func (c keygenCmd) Run(ctx context.Context, s streams) error {
	var keyset []byte
	var err error
	if c.KMSKey == "" {
		keyset, err = vault.Generate()
	} else {
		keyset, err = vault.GenerateSealed(ctx, c.kms())
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%s\n", keyset)
	return nil
}
