package onboarding_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"groundwork/onboarding"
)

// marked is a payload whose every field has a value, and each string names its field.
func marked(e onboarding.Event) onboarding.Event {
	v := reflect.New(reflect.TypeOf(e)).Elem()
	var fill func(reflect.Value, string)
	fill = func(v reflect.Value, name string) {
		switch v.Kind() {
		case reflect.String:
			v.SetString("canary-" + name + strings.Repeat("-long", 60))
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int, reflect.Int64:
			v.SetInt(7)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), name)
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				v.Set(reflect.ValueOf(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)))
				return
			}
			for i := range v.NumField() {
				key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
				fill(v.Field(i), name+"."+key)
			}
		}
	}
	fill(v, "")
	if ended, ok := e.(onboarding.RunEnded); ok {
		v.FieldByName("State").SetString(string(ended.State))
	}
	return v.Interface().(onboarding.Event)
}

// Walks the table of events: nothing that isn't on the list leaves, whatever a payload holds.
func TestAMessageCarriesOnlyWhatIsOnTheListOfItsKind(t *testing.T) {
	// Fields that name people, quote what someone typed, or tell what gives access.
	never := []string{"email", "to", "was", "for", "reason", "changes", "access", "scopes", "waiting_for", "invite", "by"}
	always := []string{"onboarding", "customer", "deployment_name", "sequence", "actor_role"}
	for _, e := range onboarding.Events {
		allowed, known := onboarding.WebhookFields[e.Kind()]
		if !known {
			t.Errorf("%s: say in WebhookFields what its messages carry", e.Kind())
		}
		payload, err := onboarding.EventData(marked(e))
		if err != nil {
			t.Fatal(err)
		}
		var keys map[string]any
		if err := json.Unmarshal(payload, &keys); err != nil {
			t.Fatal(err)
		}
		for _, key := range allowed {
			if _, there := keys[key]; !there || slices.Contains(never, key) || slices.Contains(always, key) {
				t.Errorf("%s: %s can't be on the list", e.Kind(), key)
			}
		}
		at := time.Date(2026, 11, 22, 10, 16, 0, 0, time.UTC)
		line := onboarding.AuditEntry{Seq: 41, Onboarding: "ob_sample", At: at, Actor: "canary-actor@customer.example", Role: onboarding.RoleCustomer, What: e.Kind(), Text: "canary-text", Data: payload, RequestID: "canary-request"}
		body, err := onboarding.WebhookBody(line, onboarding.Onboarding{ID: "ob_sample", Customer: strings.Repeat("Ä", 300), Deployment: "acme", Owner: "canary-owner", Specialist: "canary-specialist", Vendor: onboarding.VendorValues{HandoverURL: "canary-url"}})
		if err != nil {
			t.Fatal(err)
		}
		var read struct {
			Type      onboarding.EventKind
			Timestamp time.Time
			Data      map[string]any
		}
		if err := json.Unmarshal([]byte(body), &read); err != nil || read.Type != e.Kind() || !read.Timestamp.Equal(at) {
			t.Errorf("%s: %v: %s", e.Kind(), err, body)
		}
		want := slices.Concat(allowed, always)
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(read.Data)); !slices.Equal(got, want) {
			t.Errorf("%s carries %v, want %v", e.Kind(), got, want)
		}
		var walk func(string, any)
		walk = func(path string, value any) {
			switch value := value.(type) {
			case string:
				if utf8.RuneCountInString(value) > 200 {
					t.Errorf("%s: %s has %d characters", e.Kind(), path, utf8.RuneCountInString(value))
				}
				if strings.HasPrefix(value, "canary-") && !strings.HasPrefix(value, "canary-."+path) {
					t.Errorf("%s: %s holds %q", e.Kind(), path, value)
				}
			case []any:
				for _, item := range value {
					walk(path, item)
				}
			case map[string]any:
				t.Errorf("%s: %s holds an object, whose keys nobody listed: %v", e.Kind(), path, value)
			}
		}
		for key, value := range read.Data {
			walk(key, value)
		}
	}
	if kinds := onboarding.WebhookKinds(); len(kinds) != len(onboarding.WebhookFields) {
		t.Errorf("%d kinds can be chosen, and %d are listed", len(kinds), len(onboarding.WebhookFields))
	}
}

func TestAnAddressIsShownWithoutWhatGivesAccess(t *testing.T) {
	for address, want := range map[string]string{
		"https://hooks.vendor.example/in?key=secret":    "https://hooks.vendor.example/in",
		"https://me:secret@hooks.vendor.example/in#top": "https://hooks.vendor.example/in",
		"https://hooks.vendor.example":                  "https://hooks.vendor.example",
		"https://hooks.vendor.example?a=b@c/d":          "https://hooks.vendor.example",
		"nonsense":                                      "nonsense",
		"":                                              "",
	} {
		if got := onboarding.BareURL(address); got != want {
			t.Errorf("%s is shown as %s, want %s", address, got, want)
		}
	}
	if w := (onboarding.Webhook{URL: "https://hooks.vendor.example/in?key=secret"}); w.Host() != "https://hooks.vendor.example/in" {
		t.Error(fmt.Sprint(w.Host()))
	}
}
