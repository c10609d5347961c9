package onboarding

import (
	"encoding/json"
	"reflect"
	"testing"
)

// Each stored value but the marker of a wiped key is declared, under its JSON key.
func TestEachVendorValueIsDeclaredOnce(t *testing.T) {
	declared := map[string]bool{}
	for _, d := range VendorDeclarations() {
		if declared[d.Name] {
			t.Errorf("%s is declared twice", d.Name)
		}
		declared[d.Name] = true
		if d.Label == "" || d.Shape == "" || d.Scope == "" {
			t.Errorf("%s has no label, shape or scope", d.Name)
		}
		var v VendorValues
		d.Set(&v, "on")
		var keys map[string]any
		b, err := json.Marshal(v)
		if err == nil {
			err = json.Unmarshal(b, &keys)
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case d.Sealed != "":
			if len(keys) > 0 {
				t.Errorf("%s is sealed, and stored as %s", d.Name, b)
			}
		case len(keys) != 1 || keys[d.Name] == nil:
			t.Errorf("%s is stored as %s", d.Name, b)
		case d.Get(v) != "on":
			t.Errorf("%s is %q after it was set", d.Name, d.Get(v))
		}
	}
	stored := reflect.TypeFor[VendorValues]().NumField() - 1 // APIKeyWiped
	sealed := 1
	if len(declared) != stored+sealed {
		t.Errorf("%d values are declared, %d stored and %d sealed", len(declared), stored, sealed)
	}
}

func TestChangesOfVendorValuesHideWhatGivesAccess(t *testing.T) {
	before := VendorValues{HandoverURL: "https://one.example/?signature=canary", ActAsRole: "roles/iam.serviceAccountUser", RedisVersion: "7.2"}
	after := VendorValues{HandoverURL: "https://two.example/?signature=canary", AllowDataproc: true}
	want := []Change{
		{Label: "API key for notebooks", After: SecretGiven},
		{Label: "Address for the handover record", After: SecretChanged},
		{Label: "Offer Dataproc", Before: "No", After: "Yes"},
		{Label: "Redis version", Before: "7.2", After: "6.x"},
	}
	if got := before.Changes(after, PurposeVendorAPIKey); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
