package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"groundwork/onboarding"
	"groundwork/store"
)

// databaseFlags is how a command of the operator's reaches the database.
type databaseFlags struct {
	DatabaseURL      string `help:"Postgres, as the login of workers." env:"DATABASE_URL"`
	DatabasePassword string `help:"The password for DATABASE_URL, kept apart from it." env:"DATABASE_PASSWORD"`
	Plaintext        string `name:"database-plaintext" help:"As for serve." env:"DATABASE_PLAINTEXT"`
}

func (f databaseFlags) problems() []string {
	if f.DatabaseURL == "" {
		return []string{"DATABASE_URL is missing. Set it to postgres://groundwork_worker@host:5432/groundwork, with the password in DATABASE_PASSWORD or DATABASE_PASSWORD_FILE"}
	}
	return plaintextProblems("DATABASE_URL", f.DatabaseURL, f.Plaintext)
}

func (f databaseFlags) open(ctx context.Context) (*store.Store, error) {
	return store.Open(ctx, store.Config{URL: withPassword(f.DatabaseURL, f.DatabasePassword), MaxConns: 8})
}

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Check that no line of a history was changed, lost or added; exit 1 if one was."`
}

type auditVerifyCmd struct {
	databaseFlags
	rootFlags
	Onboarding string `help:"ID of one onboarding; default: all of them, and the roots over them."`
	File       string `help:"A history downloaded as JSON, CSV or ZIP, checked without the database. With --key, its signed end is checked too, which a CSV has none of."`
	Record     string `help:"With --file: the record (outputs.json) of the same onboarding. The history must hold the line at which the record was signed." type:"path"`
	Compare    bool   `help:"With --file: also see that the database still holds these very lines."`
}

// Run checks and says what it found, a line an onboarding.
func (c auditVerifyCmd) Run(ctx context.Context, s streams, files fileProblems) error {
	if c.File != "" {
		return c.file(ctx, s, files)
	}
	if c.Record != "" {
		return report(s, "audit verify", []string{"--record needs --file: the history that was downloaded for the same onboarding"})
	}
	if problems := append([]string(files), c.problems()...); len(problems) > 0 {
		return report(s, "audit verify", problems)
	}
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	ids := []onboarding.ID{onboarding.ID(c.Onboarding)}
	if c.Onboarding == "" {
		if ids, err = db.OnboardingIDs(ctx, onboarding.System); err != nil {
			return err
		}
	}
	bad := 0
	for _, id := range ids {
		entries, err := db.VerifyAudit(ctx, onboarding.System, id)
		switch {
		case err == nil:
			fmt.Fprintf(s.Out, "whole   %s%s\n", id, erased(entries))
		case altered(err):
			bad++
			fmt.Fprintf(s.Out, "ALTERED %s: %v\n", id, err)
		default:
			return err
		}
	}
	fmt.Fprintf(s.Err, "%d histories checked, %d altered\n", len(ids), bad)
	if c.Onboarding == "" {
		found, err := c.check(ctx, s, db)
		if err != nil {
			return err
		}
		bad += found
	}
	if bad > 0 {
		return errReported
	}
	return nil
}

func (c auditVerifyCmd) file(ctx context.Context, s streams, files fileProblems) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("open the download: %w", err)
	}
	download, err := onboarding.ReadAudit(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	keys, err := c.keys()
	if err != nil {
		return err
	}
	entries := download.Entries
	since := ""
	id, last := entries[0].Onboarding, entries[len(entries)-1]
	err = store.VerifyChain(entries)
	if err == nil {
		err = download.EndsAsSigned()
	}
	signed := ""
	switch {
	case err != nil:
	case download.HeadText == "" && keys != nil:
		err = errors.New("it has no signed end, so a line that was cut off wouldn't be missed. Download the history as JSON or ZIP, with an up-to-date version")
	case keys != nil && !signedBy(keys, []byte(download.HeadText), download.Signature):
		err = errors.New("its end is signed by none of the public keys")
	case keys != nil:
		signed = ", signed at " + download.SignedAt()
	case download.HeadText != "":
		signed = "; the signature of its end was not checked: name the file of public keys with --key"
	}
	if err == nil && c.Record != "" {
		record, reading := os.ReadFile(c.Record)
		if reading != nil {
			return fmt.Errorf("open the record: %w", reading)
		}
		if err = recordIn(record, entries, keys); keys == nil {
			signed += "; the signature of the record was not checked: name the file of public keys with --key"
		}
	}
	if err != nil {
		fmt.Fprintf(s.Out, "ALTERED %s: %v\n", id, err)
		return errReported
	}
	if c.Compare {
		if problems := append([]string(files), c.problems()...); len(problems) > 0 {
			return report(s, "audit verify", problems)
		}
		db, err := c.open(ctx)
		if err != nil {
			return err
		}
		defer db.Close()
		now, err := db.VerifyAudit(ctx, onboarding.System, id)
		switch {
		case altered(err):
			fmt.Fprintf(s.Out, "ALTERED %s: %v\n", id, err)
			return errReported
		case err != nil:
			return err
		case len(now) < len(entries) || now[len(entries)-1].Hash != last.Hash:
			fmt.Fprintf(s.Out, "ALTERED %s: the database no longer holds line %d of this file\n", id, last.Seq)
			return errReported
		}
		// The same last hash: what the file still says of a line that is erased now is what the line said.
		before, _ := onboarding.Erasure(entries)
		if lines, at := onboarding.Erasure(now); lines > before {
			since = fmt.Sprintf("; erased since in the database: people and texts of %d lines, at %s", lines-before, at.Format(auditTime))
		}
	}
	fmt.Fprintf(s.Out, "whole   %s: %d lines to %s, the last hash is %s%s%s%s\n", id, len(entries), last.At.Format(auditTime), last.Hash, signed, erased(entries), since)
	return nil
}

// recordIn checks that a history holds the line at which a record was signed, and the signature where there are keys.
func recordIn(text []byte, entries []onboarding.AuditEntry, keys []*ecdsa.PublicKey) error {
	var record struct {
		History *onboarding.AuditEnd `json:"history"`
	}
	switch err := json.Unmarshal(text, &record); {
	case err != nil:
		return fmt.Errorf("the record can't be read: %w", err)
	case record.History == nil:
		return errors.New("the record has no signed end of the history: it is of an earlier version, or nothing signed it")
	case keys != nil && !signedBy(keys, []byte(record.History.Text), record.History.Signature):
		return errors.New("the record's end of the history is signed by none of the public keys")
	}
	return record.History.In(entries)
}

const auditTime = "2006-01-02 15:04:05 UTC"

// altered reports whether an error of a verification is about the history, and not about reading it.
func altered(err error) bool {
	var reading *onboarding.Error
	return err != nil && !errors.As(err, &reading)
}

// erased says how much of a history was erased, "" if nothing.
func erased(entries []onboarding.AuditEntry) string {
	lines, at := onboarding.Erasure(entries)
	if lines == 0 {
		return ""
	}
	return fmt.Sprintf("; people and texts of %d lines were erased at %s", lines, at.Format(auditTime))
}
