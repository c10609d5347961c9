package handlers

import (
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
)

func TestSessionsAreReadAsScsReadsThem(t *testing.T) {
	c, err := newSessionCodec()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.types) == 0 || len(c.types) == len(c.empty) {
		t.Fatalf("%d of %d bytes describe the types", len(c.types), len(c.empty))
	}
	sessions := []map[string]any{
		{keyEmail: "ada@customer.example", keyOwn: true, keySigned: int64(1_700_000_000), keyFlows: []byte("flows")},
		{},
		{keyEmail: "bob@customer.example", keyFlash: "Saved."},
	}
	deadline := time.Now().UTC()
	for i, values := range sessions {
		data, err := scs.GobCodec{}.Encode(deadline.Add(time.Duration(i)), values)
		if err != nil {
			t.Fatal(err)
		}
		for _, cut := range []int{len(data) - 1, len(c.types) + 1, len(c.types), 3} { // a decoder that failed isn't asked again
			if _, _, err := c.Decode(data[:cut]); err == nil && cut < len(data) {
				t.Errorf("%d of %d bytes are a session", cut, len(data))
			}
		}
		at, got, err := c.Decode(data)
		if err != nil || !at.Equal(deadline.Add(time.Duration(i))) || !maps.EqualFunc(got, values, func(a, b any) bool { return reflect.DeepEqual(a, b) }) {
			t.Errorf("%v is read as %v until %v, %v", values, got, at, err)
		}
	}
}

// A server that uses gob for something else first gives the types other numbers.
func TestSessionsOfOtherServersAreRead(t *testing.T) {
	c, err := newSessionCodec()
	if err != nil {
		t.Fatal(err)
	}
	data, err := c.Encode(time.Now(), map[string]any{keyEmail: "ada@customer.example"})
	if err != nil {
		t.Fatal(err)
	}
	c.types = append([]byte{c.types[0] ^ 1}, c.types[1:]...)
	if _, values, err := c.Decode(data); err != nil || values[keyEmail] != "ada@customer.example" {
		t.Errorf("read %v, %v", values, err)
	}
}

func BenchmarkReadingASession(b *testing.B) {
	c, err := newSessionCodec()
	if err != nil {
		b.Fatal(err)
	}
	data, err := c.Encode(time.Now(), map[string]any{
		keyEmail: "ada@customer.example", keyName: "Ada", keyAccount: "https://accounts.google.com 117603605311506892812", keyOwn: false, keyDomain: "customer.example",
		keySigned: int64(1), keyProved: int64(1), keySeen: int64(1), keyStaff: "", keyAgent: "Firefox on Linux",
	})
	if err != nil {
		b.Fatal(err)
	}
	for name, codec := range map[string]scs.Codec{"scs": scs.GobCodec{}, "ours": c} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := codec.Decode(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
