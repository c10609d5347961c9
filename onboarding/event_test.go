package onboarding_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
)

// filled is an event with something in every field, so that a round trip loses nothing unnoticed.
func filled(e onboarding.Event) onboarding.Event {
	v := reflect.New(reflect.TypeOf(e)).Elem()
	v.Set(reflect.ValueOf(e))
	for i := range v.NumField() {
		field := v.Field(i)
		switch {
		case !field.IsZero():
		case field.Type() == reflect.TypeFor[[]onboarding.Change]():
			field.Set(reflect.ValueOf([]onboarding.Change{{Label: "Region", Before: "<a>", After: "b"}}))
		case field.Kind() == reflect.Slice:
			field.Set(reflect.MakeSlice(field.Type(), 2, 2))
			field.Index(0).SetString("x")
		case field.Kind() == reflect.String:
			field.SetString("“x” & y")
		case field.Kind() == reflect.Bool:
			field.SetBool(true)
		case field.CanInt():
			field.SetInt(7)
		default:
			field.Set(reflect.ValueOf(history[0].At))
		}
	}
	return v.Interface().(onboarding.Event)
}

func TestEachKindOfEventIsStoredAndReadBack(t *testing.T) {
	seen := map[onboarding.EventKind]bool{}
	for _, e := range onboarding.Events {
		kind := e.Kind()
		if seen[kind] {
			t.Errorf("%s is listed twice", kind)
		}
		seen[kind] = true
		want := filled(e)
		data, err := onboarding.EventData(want)
		if err != nil {
			t.Fatal(err)
		}
		got := onboarding.AuditEntry{What: kind, Data: data}.Event()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		for i := range reflect.TypeOf(e).NumField() {
			if f := reflect.TypeOf(e).Field(i); f.Tag.Get("json") == "" {
				t.Errorf("%s: the field %s has no JSON key of its own", kind, f.Name)
			}
		}
	}
}

// The document is what readers of the log outside of this program have.
func TestTheDocumentListsEachKindAndKey(t *testing.T) {
	text, err := os.ReadFile("../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.SplitN(line, "|", 3); len(cells) == 3 && strings.Contains(cells[1], ".") {
			rows[strings.Trim(cells[1], " `")] = cells[2]
		}
	}
	for _, e := range onboarding.Events {
		row, ok := rows[string(e.Kind())]
		if !ok {
			t.Errorf("%s is missing", e.Kind())
		}
		delete(rows, string(e.Kind()))
		for i := range reflect.TypeOf(e).NumField() {
			key, _, _ := strings.Cut(reflect.TypeOf(e).Field(i).Tag.Get("json"), ",")
			if !strings.Contains(row, "`"+key+"`") {
				t.Errorf("%s: the key %s is missing", e.Kind(), key)
			}
		}
	}
	for kind := range rows {
		t.Errorf("%s is no kind of event", kind)
	}
}

func TestLongValuesAreCutAndTheWholeIsHashed(t *testing.T) {
	long := strings.Repeat("ä", 1001)
	scopes := make([]string, 101)
	for i := range scopes {
		scopes[i] = "scope"
	}
	list, err := json.Marshal(scopes)
	if err != nil {
		t.Fatal(err)
	}
	hash := func(b []byte) string {
		sum := sha256.Sum256(b)
		return hex.EncodeToString(sum[:])
	}
	for name, c := range map[string]struct {
		event, kept onboarding.Event
		clipped     []onboarding.Clip
	}{
		"a string": {
			onboarding.CheckOverridden{Check: "domain", Reason: long, Version: 3},
			onboarding.CheckOverridden{Check: "domain", Reason: long[:2000] + "…", Version: 3},
			[]onboarding.Clip{{Path: "reason", SHA256: hash([]byte(long)), Characters: 1001}},
		},
		"a string in a list": {
			onboarding.VendorChanged{Changes: []onboarding.Change{{Label: "A"}, {Label: "B", Before: long, After: long[:2000]}}},
			onboarding.VendorChanged{Changes: []onboarding.Change{{Label: "A"}, {Label: "B", Before: long[:2000] + "…", After: long[:2000]}}},
			[]onboarding.Clip{{Path: "changes.1.before", SHA256: hash([]byte(long)), Characters: 1001}},
		},
		"a list": {
			onboarding.ConsentGiven{Email: "ada@customer.example", Scopes: scopes},
			onboarding.ConsentGiven{Email: "ada@customer.example", Scopes: scopes[:100]},
			[]onboarding.Clip{{Path: "scopes", SHA256: hash(list), Items: 101}},
		},
		"nothing": {
			onboarding.ConsentGiven{Email: long[:2000], Scopes: scopes[:100]},
			onboarding.ConsentGiven{Email: long[:2000], Scopes: scopes[:100]},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := onboarding.EventData(c.event)
			if err != nil {
				t.Fatal(err)
			}
			e := onboarding.AuditEntry{What: c.event.Kind(), Data: data}
			if diff := cmp.Diff(c.kept, e.Event()); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.clipped, e.Clipped()); diff != "" {
				t.Errorf("clipped (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnUnknownKindHasNoPayload(t *testing.T) {
	for name, e := range map[string]onboarding.AuditEntry{
		"a newer kind":    {What: "onboarding.cloned", Data: []byte(`{"from":"ob_x"}`)},
		"a newer payload": {What: onboarding.EventRunStarted, Data: []byte(`{"run":{"id":"x"}}`)},
		"an erased line":  {What: onboarding.EventRunStarted},
	} {
		if got := e.Event(); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
