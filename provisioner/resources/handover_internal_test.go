package resources

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
)

// A record reads back as it was written, its checksum holds however it is laid out, and any change breaks it.
func FuzzRecord(f *testing.F) {
	for _, s := range []string{"Acme", "<script>&\u2028</script>", "=1", "\"\\", "é👩\u200d🍳", "checksum", "\x00", ""} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, by, found string) {
		if !utf8.ValidString(by) || !utf8.ValidString(found) {
			t.Skip() // Postgres holds none
		}
		type online struct {
			AttestedBy string `json:"attested_by"`
		}
		type written struct {
			OnlineStore online    `json:"online_store"`
			Verified    []checked `json:"verified"`
			Checksum    string    `json:"checksum"`
		}
		sample := func(w written) onboarding.Record {
			var r onboarding.Record
			for path, value := range map[string]any{"online_store.attested_by": w.OnlineStore.AttestedBy, "verified": w.Verified} {
				if err := r.Set(path, value); err != nil {
					t.Fatal(err)
				}
			}
			return r
		}
		r := written{OnlineStore: online{by}, Verified: []checked{{Task: "redis", Found: []string{found}}}}
		body, err := sample(r).Seal()
		if err != nil {
			t.Fatal(err)
		}
		var back written
		if err := json.Unmarshal(body, &back); err != nil {
			t.Fatal(err)
		}
		r.Checksum = back.Checksum
		if diff := cmp.Diff(r, back); diff != "" {
			t.Errorf("(-written +read):\n%s", diff)
		}
		var laid any
		if err := json.Unmarshal(body, &laid); err != nil {
			t.Fatal(err)
		}
		flat, err := json.Marshal(laid)
		if err != nil {
			t.Fatal(err)
		}
		for _, same := range [][]byte{body, flat} {
			if sum, err := onboarding.RecordChecksum(same); err != nil || sum != back.Checksum || !strings.HasPrefix(sum, "sha256:") {
				t.Errorf("checksum %q, %v; want %q of %s", sum, err, back.Checksum, same)
			}
		}
		back.OnlineStore.AttestedBy += "x"
		other, err := json.Marshal(back)
		if err != nil {
			t.Fatal(err)
		}
		if sum, err := onboarding.RecordChecksum(other); err != nil || sum == r.Checksum {
			t.Errorf("a changed record has the same checksum (%v)", err)
		}
	})
}

// A file that is no record is an error, and never a checksum of nothing.
func FuzzChecksum(f *testing.F) {
	for _, s := range []string{"{}", "null", "[]", "{", `{"checksum":1}`, `{"a":1e400}`, `{"a":1,"a":2}`, "{} {}", "", "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		sum, err := onboarding.RecordChecksum(raw)
		if (err == nil) != (len(sum) == len("sha256:")+64) {
			t.Errorf("%q: %q, %v", raw, sum, err)
		}
		var fields map[string]json.RawMessage
		if err == nil && (json.Unmarshal(raw, &fields) != nil || fields == nil) {
			t.Errorf("%q is no record and has the checksum %s", raw, sum)
		}
	})
}
