package emulator

import (
	"slices"
	"strings"
)

// RefreshToken gives a refresh token as a person's consent to a client would have: for samples that nobody clicks
// through. The client must have been configured.
func (e *Emulator) RefreshToken(client, email string, scopes ...string) string {
	var token string
	e.seed(func() {
		token = "1//0" + e.id(60)
		e.refreshes.put(token, refreshToken{Client: client, Email: strings.ToLower(email), Scopes: slices.Clone(scopes)})
	})
	return token
}

// Fresh reports whether nobody was added yet: the journal, if any, held no world.
func (e *Emulator) Fresh() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.people.keys("")) == 0
}
