package handlers

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// flashSealer seals what must wait in the session for the next page and would be worth stealing from a database
// dump: an invite's link that is shown once. Its key follows from the client secret, so every process can open it.
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

func (s *Server) putSealed(ctx context.Context, key string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("keep %s: %w", key, err)
	}
	s.sessions.Put(ctx, key, s.flash.aead.Seal(nil, nil, b, []byte(key))) //nolint:gosec // this AEAD makes its nonces itself
	return nil
}

// popSealed takes a sealed value out of the session; false where there is none or it cannot be opened.
func (s *Server) popSealed(ctx context.Context, key string, value any) bool {
	sealed := s.sessions.PopBytes(ctx, key)
	if sealed == nil {
		return false
	}
	b, err := s.flash.aead.Open(nil, nil, sealed, []byte(key))
	return err == nil && json.Unmarshal(b, value) == nil
}
