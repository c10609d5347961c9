package onboarding

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Bounds of what the history keeps of a payload.
const (
	maxEventText  = 1000 // characters of a string
	maxEventItems = 100  // items of a list
)

// Clip says that a value of a payload is longer than the history keeps, and what the whole was.
type Clip struct {
	Path       string `json:"path"`                 // "changes.2.after"
	SHA256     string `json:"sha256"`               // in hex: of a string's UTF-8 bytes, of a list's JSON without white space
	Characters int    `json:"characters,omitempty"` // of the whole string
	Items      int    `json:"items,omitempty"`      // of the whole list
}

// EventData is an event's payload as the history stores it: its JSON. A string over 1,000 characters is cut and ends in
// "…", a list over 100 items is cut, and "clipped" holds a [Clip] of each, so that the hash of the line covers the
// whole value.
func EventData(e Event) ([]byte, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode the event %s: %w", e.Kind(), err)
	}
	var c clipper
	short := c.clip(raw, "")
	if c.clips == nil {
		return raw, nil
	}
	var payload map[string]json.RawMessage
	c.read(short, &payload)
	payload["clipped"] = c.write(c.clips)
	short = c.write(payload)
	if c.err != nil {
		return nil, fmt.Errorf("clip the event %s: %w", e.Kind(), c.err)
	}
	return short, nil
}

// Clipped are the values of the payload that were cut.
func (e AuditEntry) Clipped() []Clip {
	var d struct {
		Clipped []Clip `json:"clipped"`
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return nil
	}
	return d.Clipped
}

// clipper cuts what is too long and keeps the first error.
type clipper struct {
	clips []Clip
	err   error
}

// clip cuts the strings and lists of a JSON value. The path leads to the value, "" for the payload itself.
func (c *clipper) clip(raw json.RawMessage, path string) json.RawMessage {
	at := func(key string) string {
		if path == "" {
			return key
		}
		return path + "." + key
	}
	switch raw[0] {
	case '"':
		var text string
		c.read(raw, &text)
		if n := utf8.RuneCountInString(text); n > maxEventText {
			c.clips = append(c.clips, Clip{Path: path, SHA256: digest([]byte(text)), Characters: n})
			return c.write(string([]rune(text)[:maxEventText]) + "…")
		}
		return raw
	case '[':
		var items []json.RawMessage
		c.read(raw, &items)
		if len(items) > maxEventItems {
			c.clips = append(c.clips, Clip{Path: path, SHA256: digest(raw), Items: len(items)})
			items = items[:maxEventItems]
		}
		for i, item := range items {
			items[i] = c.clip(item, at(strconv.Itoa(i)))
		}
		return c.write(items)
	case '{':
		var fields map[string]json.RawMessage
		c.read(raw, &fields)
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			fields[key] = c.clip(fields[key], at(key))
		}
		return c.write(fields)
	}
	return raw
}

func (c *clipper) read(raw json.RawMessage, to any) {
	if err := json.Unmarshal(raw, to); err != nil && c.err == nil {
		c.err = err
	}
}

func (c *clipper) write(value any) json.RawMessage {
	raw, err := json.Marshal(value)
	if err != nil && c.err == nil {
		c.err = err
	}
	return raw
}

func digest(whole []byte) string {
	sum := sha256.Sum256(whole)
	return hex.EncodeToString(sum[:])
}
