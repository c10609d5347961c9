package handlers

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
)

// Sealer seals what must wait in the session for the next page and would be worth stealing from a database dump: an
// invite's link that is shown once. Each value is sealed to a name.
type Sealer interface {
	SealSession(value []byte, name string) ([]byte, error)
	OpenSession(sealed []byte, name string) ([]byte, error)
}

// flashSealer is the sealer without a key of its own: its key follows from the client secret, so every process can open
// what it sealed.
type flashSealer struct{ aead cipher.AEAD }

func newFlashSealer(secret string) (*flashSealer, error) {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "groundwork session v1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the session key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive the session key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("derive the session key: %w", err)
	}
	return &flashSealer{aead}, nil
}

func (f *flashSealer) SealSession(value []byte, name string) ([]byte, error) {
	return f.aead.Seal(nil, nil, value, []byte(name)), nil //nolint:gosec // this AEAD makes its nonces itself
}

func (f *flashSealer) OpenSession(sealed []byte, name string) ([]byte, error) {
	return f.aead.Open(nil, nil, sealed, []byte(name))
}

func (s *Server) putSealed(ctx context.Context, key string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("keep %s: %w", key, err)
	}
	sealed, err := s.flash.SealSession(b, key)
	if err != nil {
		return fmt.Errorf("keep %s: %w", key, err)
	}
	s.sessions.Put(ctx, key, sealed)
	return nil
}

// popSealed takes a sealed value out of the session; false where there is none or it cannot be opened.
func (s *Server) popSealed(ctx context.Context, key string, value any) bool {
	ok := s.peekSealed(ctx, key, value)
	s.sessions.Remove(ctx, key)
	return ok
}

// takeSealed is popSealed for a page that shows the value once. It leaves the value where the page isn't the one that it is
// for, or where nobody sees the page.
func (s *Server) takeSealed(v *visit, key string, value any, here func() bool) bool {
	if v.Method == http.MethodHead || !s.peekSealed(v.Context(), key, value) || !here() {
		return false
	}
	s.sessions.Remove(v.Context(), key)
	return true
}

// peekSealed is popSealed that leaves it there.
func (s *Server) peekSealed(ctx context.Context, key string, value any) bool {
	sealed := s.sessions.GetBytes(ctx, key)
	if sealed == nil {
		return false
	}
	b, err := s.flash.OpenSession(sealed, key)
	return err == nil && json.Unmarshal(b, value) == nil
}
