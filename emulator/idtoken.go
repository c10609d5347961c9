package emulator

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// signingKey is the one key of the id tokens.
type signingKey struct {
	ID  string          `json:"id"`
	JWK json.RawMessage `json:"jwk"`
}

// claims are what Google says of a person.
func (e *Emulator) claims(email string, scopes []string) map[string]any {
	p, ok := e.people.get(email)
	if !ok {
		p = Person{Email: email}
	}
	m := map[string]any{"sub": e.subject(email)}
	if slices.Contains(scopes, "email") || slices.Contains(scopes, basicScopes[3]) {
		m["email"], m["email_verified"] = email, true
	}
	if slices.Contains(scopes, "profile") || slices.Contains(scopes, basicScopes[4]) {
		given, family, _ := strings.Cut(p.Name, " ")
		m["name"], m["given_name"], m["family_name"] = p.Name, given, family
	}
	if p.Domain != "" {
		m["hd"] = p.Domain
	}
	return m
}

// subject is a stable account number of 21 digits, another one for each owner of the address.
func (e *Emulator) subject(email string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(email))
	if p, _ := e.people.get(email); p.Owner > 0 {
		_, _ = fmt.Fprintf(h, " %d", p.Owner)
	}
	return fmt.Sprintf("1%020d", h.Sum64())
}

func (c *call) idToken(client OAuthClient, email string, scopes []string, nonce, access string, signedIn time.Time) (string, error) {
	key, err := c.e.signingKey()
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("id token: %w", err)
	}
	m := c.e.claims(email, scopes)
	m["iss"], m["aud"], m["azp"] = c.issuer(), client.ID, client.ID
	m["iat"], m["exp"] = c.now.Unix(), c.now.Add(accessTokenLife).Unix()
	sum := sha256.Sum256([]byte(access))
	m["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:16])
	if nonce != "" {
		m["nonce"] = nonce
	}
	if !signedIn.IsZero() && !client.NoSessionAge {
		m["auth_time"] = signedIn.Unix()
	}
	t, err := jwt.Signed(signer).Claims(m).Serialize()
	if err != nil {
		return "", fmt.Errorf("id token: %w", err)
	}
	return t, nil
}

// signingKey is the key of the id tokens, made when first needed and then kept.
func (e *Emulator) signingKey() (jose.JSONWebKey, error) {
	var k jose.JSONWebKey
	if s, ok := e.keys.get("id"); ok {
		if err := k.UnmarshalJSON(s.JWK); err != nil {
			return k, fmt.Errorf("signing key: %w", err)
		}
		return k, nil
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return k, fmt.Errorf("signing key: %w", err)
	}
	k = jose.JSONWebKey{Key: private, KeyID: e.id(40), Algorithm: "RS256", Use: "sig"}
	raw, err := k.MarshalJSON()
	if err != nil {
		return k, fmt.Errorf("signing key: %w", err)
	}
	e.keys.put("id", signingKey{ID: k.KeyID, JWK: raw})
	return k, nil
}

func certs(c *call) (any, error) {
	k, err := c.e.signingKey()
	if err != nil {
		return nil, err
	}
	c.header.Set("Cache-Control", "public, max-age=3600")
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.Public()}}, nil
}

func userInfo(c *call) (any, error) {
	if c.person == "" {
		return nil, c.authorized()
	}
	return c.e.claims(c.person, c.token.Scopes), nil
}
