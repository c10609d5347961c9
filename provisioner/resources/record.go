package resources

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner"
)

// recordFormat is the version of outputs.json's shape.
const recordFormat = 1

// record is outputs.json: a JSON object that keeps the order of its keys. Its checksum covers all other keys.
type record []entry

type entry struct {
	key   string
	value any // a *record where the key has keys of its own
}

// set adds a value at a path: "compute.platform".
func (r *record) set(path string, value any) error {
	key, rest, nested := strings.Cut(path, ".")
	i := slices.IndexFunc(*r, func(e entry) bool { return e.key == key })
	if !nested {
		if i >= 0 {
			return fmt.Errorf("the record has two values for %s", path)
		}
		*r = append(*r, entry{key, value})
		return nil
	}
	if i < 0 {
		i = len(*r)
		*r = append(*r, entry{key, &record{}})
	}
	inner, ok := (*r)[i].value.(*record)
	if !ok {
		return fmt.Errorf("the record has a value for %s, and keys below it", key)
	}
	return inner.set(rest, value)
}

// MarshalJSON writes the keys in their order.
func (r record) MarshalJSON() ([]byte, error) {
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

// checked is a task of the run: what it saw to, when it was done, and what it found.
type checked struct {
	Task  string    `json:"task"`
	Title string    `json:"title"`
	At    time.Time `json:"at"` // UTC
	Found []string  `json:"found,omitempty"`
}

// newRecord puts together what the tasks declare, and what this run did.
func newRecord(env *provisioner.Env, number string) (record, error) {
	facts := []onboarding.Fact{{Key: "format", Value: recordFormat}}
	facts = append(facts, provisioner.Facts(env.Tasks)...)
	facts = append(
		facts,
		onboarding.Fact{Key: "project_number", Value: number},
		onboarding.Fact{Key: "bindings", Value: bindingsOf(env.Tasks)},
		onboarding.Fact{Key: "verified", Value: results(env)},
		onboarding.Fact{Key: "verified_as", Value: env.Caller}, // whose access the tests used
		onboarding.Fact{Key: "versions.groundwork", Value: version()},
	)
	var r record
	for _, f := range facts {
		if err := r.set(f.Key, f.Value); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// results are the tasks that are done by now: all but the handover.
func results(env *provisioner.Env) []checked {
	out := []checked{} // never null
	for _, t := range env.Results() {
		if t.State != onboarding.TaskDone || t.Name == "handover" {
			continue
		}
		c := checked{Task: string(t.Name), Title: t.Title, At: t.FinishedAt.UTC()}
		for _, e := range t.Events {
			if e.Kind == "log" && !slices.Contains(c.Found, e.Text) {
				c.Found = append(c.Found, e.Text)
			}
		}
		out = append(out, c)
	}
	return out
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// seal writes a record with its checksum, indented for people.
func seal(r record) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	sum, err := Checksum(body)
	if err != nil {
		return nil, err
	}
	if err = r.set("checksum", sum); err != nil {
		return nil, err
	}
	if body, err = json.MarshalIndent(r, "", "  "); err != nil {
		return nil, err
	}
	return append(body, '\n'), nil
}

// Checksum computes a record's checksum: "sha256:" and the hex SHA-256 of its JSON without the key "checksum", keys
// sorted, without blanks. A record whose key equals it is unchanged since it was written.
func Checksum(record []byte) (string, error) {
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
