package gcp

import (
	"math/rand/v2"
	"strings"
	"testing"

	"groundwork/onboarding"
)

// The words before the patterns only save time: what the patterns alone would remove is removed.
func TestRedactingWithoutTheWordsIsTheSame(t *testing.T) {
	t.Parallel()
	pieces := []string{
		"bearer ", "BeArEr\t", "abc.DEF/123", "token", "ID_TOKEN", "client_secret", "client_ſecret", "Client_Secret", "to\u212aen", "?code", "&CODE", "code", "assertion", "aſſertion",
		"password", "paſſword", "X-Goog-Signature", "x-amz-ſignature", "=", ": ", `": "`, "'", "ya29.", "Ya29.", "a0b", "1//", "0123456789abcdef", "dapi", "DAPI", "dapi0123456789abcdef0123-2",
		" ", "\n", "é", "bucket gs://acme is there", ", ",
	}
	r := rand.New(rand.NewPCG(1, 2))
	changed := 0
	for range 20_000 {
		var b strings.Builder
		for range 1 + r.IntN(6) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		want := onboarding.Shorten(b.String(), 16<<10)
		before := want
		for _, secret := range secrets {
			want = secret.ReplaceAllString(want, "${1}[redacted]")
		}
		if before != want {
			changed++
		}
		if got := Redact(b.String()); got != onboarding.Shorten(want, 1000) {
			t.Fatalf("%q becomes %q, want %q", b.String(), got, want)
		}
	}
	if changed < 1000 {
		t.Errorf("only %d texts held a secret", changed)
	}
}

func BenchmarkRedact(b *testing.B) {
	for b.Loop() {
		Redact("Google accepted: Create the bucket: gs://tecton-acme-prod in us-west1")
	}
}
