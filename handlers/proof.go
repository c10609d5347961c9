package handlers

import (
	"archive/zip"
	"fmt"
	"io"
	"net/http"

	"groundwork/onboarding"
	"groundwork/web"
)

// auditProof sends the history with its signed end, and the script that checks them without our program.
func (s *Server) auditProof(w http.ResponseWriter, v *visit) error {
	head, err := s.App.SignedHead(v.Context(), v.actor, v.id) // before the lines: what comes between belongs to the next download
	if err != nil {
		return err
	}
	return s.sendFile(w, v, "application/zip", "history.zip", func(w io.Writer) error {
		out := zip.NewWriter(w)
		for _, f := range []struct {
			name  string
			write func(io.Writer) error
		}{
			{"verify.py", text(onboarding.VerifyScript)},
			{"head.txt", text([]byte(head.Text()))},
			{"head.sig", text(head.Signature)},
			{"audit-keys.pem", s.writeAuditKeys},
			{"history.json", func(w io.Writer) error {
				return s.writeHistory(v, onboarding.NewSignedAuditJSON(w, head, web.EventSentence), head.Seq)
			}},
		} {
			file, err := out.Create(f.name)
			if err == nil {
				err = f.write(file)
			}
			if err != nil {
				return err
			}
		}
		return out.Close()
	})
}

func text(body []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(body)
		return err
	}
}

// auditKeys shows the public keys that check what is signed about histories, in a form that OpenSSL reads.
func (s *Server) auditKeys(w http.ResponseWriter, v *visit) error {
	w.Header().Set("Content-Type", "application/x-pem-file")
	if s.writeAuditKeys(w) != nil {
		noteOf(v.Context()).gone = true
	}
	return nil
}

func (s *Server) writeAuditKeys(w io.Writer) error {
	for _, key := range s.App.AuditKeys() {
		if _, err := fmt.Fprintf(w, "Key %d\n%s", key.ID, key.PEM); err != nil {
			return fmt.Errorf("write the public keys: %w", err)
		}
	}
	return nil
}
