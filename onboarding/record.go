package onboarding

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the schema
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// RecordSchema is the JSON Schema of a record.
//
//go:embed record.schema.json
var RecordSchema []byte

// Record is outputs.json: a JSON object that keeps the order of its keys. Its checksum covers all other keys.
type Record []recordEntry

type recordEntry struct {
	key   string
	value any // a *Record where the key has keys of its own
}

// Set adds a value at a path: "compute.platform".
func (r *Record) Set(path string, value any) error {
	key, rest, nested := strings.Cut(path, ".")
	i := slices.IndexFunc(*r, func(e recordEntry) bool { return e.key == key })
	if !nested {
		if i >= 0 {
			return fmt.Errorf("the record has two values for %s", path)
		}
		*r = append(*r, recordEntry{key, value})
		return nil
	}
	if i < 0 {
		i = len(*r)
		*r = append(*r, recordEntry{key, &Record{}})
	}
	inner, ok := (*r)[i].value.(*Record)
	if !ok {
		return fmt.Errorf("the record has a value for %s, and keys below it", key)
	}
	return inner.Set(rest, value)
}

// MarshalJSON writes the keys in their order.
func (r Record) MarshalJSON() ([]byte, error) {
	b := []byte("{")
	for i, e := range r {
		key, err := json.Marshal(e.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(e.value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, key...), ':'), value...)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads the keys of an object in their order, and leaves their values as they are written.
func (r *Record) UnmarshalJSON(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(errors.New("a record is one JSON object"), err)
	}
	*r = nil
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		*r = append(*r, recordEntry{key.(string), value})
	}
	return nil
}

// Seal writes a record with its checksum, indented for people.
func (r Record) Seal() ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	sum, err := RecordChecksum(body)
	if err != nil {
		return nil, err
	}
	if err = r.Set("checksum", sum); err != nil {
		return nil, err
	}
	if body, err = json.MarshalIndent(r, "", "  "); err != nil {
		return nil, err
	}
	return append(body, '\n'), nil
}

// RecordChecksum computes a record's checksum: "sha256:" and the hex SHA-256 of its JSON without the key "checksum", keys
// sorted, without blanks. A record whose key equals it is unchanged since it was written.
func RecordChecksum(record []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(record))
	dec.UseNumber()
	var fields map[string]any
	if err := dec.Decode(&fields); err != nil {
		return "", fmt.Errorf("read the record: %w", err)
	}
	if _, err := dec.Token(); fields == nil || !errors.Is(err, io.EOF) {
		return "", errors.New("read the record: it is one JSON object and nothing after it")
	}
	delete(fields, "checksum")
	var canonical bytes.Buffer
	enc := json.NewEncoder(&canonical)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(fields); err != nil {
		return "", fmt.Errorf("write the record: %w", err)
	}
	sum := sha256.Sum256(bytes.TrimSuffix(canonical.Bytes(), []byte("\n")))
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// Fingerprint names a public key: "sha256:" and the hex SHA-256 of its text.
func Fingerprint(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// handedSecret is what the record says of how one secret went.
type handedSecret struct {
	Secret      Purpose       `json:"secret"`
	State       DeliveryState `json:"state"`
	Way         DeliveryWay   `json:"way,omitempty"` // absent: not known yet
	Key         string        `json:"key,omitempty"` // fingerprint of the key it was encrypted with
	EncryptedAt *time.Time    `json:"encrypted_at,omitempty"`
	At          *time.Time    `json:"at,omitempty"` // when it was delivered or confirmed
	By          string        `json:"by,omitempty"` // who confirmed
}

// RecordWith is a run's record with how the run's secrets went by now. The record as a run wrote it doesn't change.
func RecordWith(written []byte, run RunID, deliveries []Delivery) ([]byte, error) {
	var r Record
	if err := json.Unmarshal(written, &r); err != nil {
		return nil, fmt.Errorf("read the record of %s: %w", run, err)
	}
	r = slices.DeleteFunc(r, func(e recordEntry) bool { return e.key == "secrets" || e.key == "checksum" })
	secrets := []handedSecret{} // never null
	for _, d := range deliveries {
		for _, p := range d.Purposes {
			if d.Run == run && d.Kind == DeliverSecrets {
				secrets = append(secrets, handedSecret{p, d.State, d.Way, d.Key, moment(d.EncryptedAt), moment(d.EndedAt), d.EndedBy})
			}
		}
	}
	if err := r.Set("secrets", secrets); err != nil {
		return nil, err
	}
	return r.Seal()
}

// moment is a time, nil if it hasn't come.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
