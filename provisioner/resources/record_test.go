package resources_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"groundwork/onboarding"
)

// The vendor reads the record by its keys, so a key that was ever written stays. UPDATE_GOLDEN=1 writes the files anew.
func TestTheRecordKeepsItsKeys(t *testing.T) {
	t.Parallel()
	scope := func(s *onboarding.Spec) { s.Databricks.SecretScope = true }
	redis := func(s *onboarding.Spec) {
		s.Compute, s.Databricks = onboarding.ComputeDataproc, onboarding.DatabricksSpec{}
		s.OnlineStore, s.Bigtable = onboarding.OnlineRedis, onboarding.BigtableSpec{}
		s.Vendor.ServingProject, s.Vendor.ServingNetwork = "tecton-serving", "serving-network"
		s.Redis = onboarding.RedisSpec{
			Endpoint: "10.20.0.5:12000", Token: onboarding.SecretSet, CIDR: "10.20.0.0/24", AttestedBy: "Ada Sample",
			SparkNetwork: onboarding.VPC{Project: "acme-databricks", Network: "databricks-vpc"}, SparkProject: "redis-a", SparkPeerNet: "net-a", ServingPeer: "redis-b", ServingPeerNet: "net-b",
		}
	}
	for name, change := range map[string]func(*onboarding.Spec){"databricks-bigtable": scope, "dataproc-redis": redis} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(t, change)
			record := w.Succeeds(w.Run()).Record
			valid(t, record)
			with, err := onboarding.RecordWith(record, "run_1", []onboarding.Delivery{{
				Run: "run_1", Kind: onboarding.DeliverSecrets, Purposes: []onboarding.Purpose{onboarding.PurposeRedisToken}, State: onboarding.DeliveryDone,
				Way: onboarding.WayPut, Key: onboarding.Fingerprint("age1"), EncryptedAt: time.Now(), EndedAt: time.Now(),
			}})
			if err != nil {
				t.Fatal(err)
			}
			valid(t, with)
			// Every binding of the vendor's accounts is in the list, and no other.
			fields, ours := decoded(t, record), 0
			for _, b := range fields["bindings"].([]any) {
				if !strings.Contains(fmt.Sprint(b.(map[string]any)["member"]), "-spark@") {
					ours++
				}
			}
			history, _ := fields["history"].(map[string]any)
			text := fmt.Sprint(history["text"])
			if signature, err := base64.StdEncoding.DecodeString(fmt.Sprint(history["signature"])); err != nil || string(signature) != "signed: "+text || !strings.HasPrefix(text, "groundwork audit head 1\nonboarding: ob_") {
				t.Errorf("the record's end of the history: %v (%v)", history, err)
			}
			rights := fields["vendor_access"].([]any)
			if len(rights) != ours || ours == 0 {
				t.Errorf("%d rights of the vendor's for %d bindings", len(rights), ours)
			}
			for _, r := range rights {
				right := r.(map[string]any)
				end := fmt.Sprint(right["end"])
				if !strings.Contains(end, "remove-iam-policy-binding") || !strings.HasSuffix(end, "--member="+fmt.Sprint(right["member"])+" --role="+fmt.Sprint(right["role"])) {
					t.Errorf("%v ends with %q", right, end)
				}
			}
			if sum, err := onboarding.RecordChecksum(record); err != nil || sum != decoded(t, record)["checksum"] {
				t.Errorf("checksum %s (%v) does not match the record's", sum, err)
			}
			file := filepath.Join("testdata", "record-"+name+".json")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(file, record, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(settled(decoded(t, want)), settled(decoded(t, record))); diff != "" {
				t.Errorf("the record (-golden +now):\n%s", diff)
			}
		})
	}
}

// valid holds a record to the schema that the vendor is given.
func valid(t *testing.T, record []byte) {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(onboarding.RecordSchema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("record.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("record.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(record))
	if err == nil {
		err = compiled.Validate(value)
	}
	if err != nil {
		t.Errorf("the record doesn't fit its schema: %v", err)
	}
	fields := value.(map[string]any)
	fields["versions"] = map[string]any{"groundwork": "(devel)"}
	if compiled.Validate(fields) == nil {
		t.Error("the schema takes a record that doesn't name its build")
	}
}

func decoded(t *testing.T, record []byte) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(record, &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

// settled leaves out what differs from run to run: times, the build's version, and the checksum over both. The order of the
// bindings says nothing.
func settled(fields map[string]any) map[string]any {
	for _, key := range []string{"bindings", "vendor_access"} {
		if list, ok := fields[key].([]any); ok {
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
	}
	delete(fields, "checksum")
	delete(fields, "history") // it has the time, too
	fields["versions"].(map[string]any)["groundwork"] = "test"
	for _, check := range fields["verified"].([]any) {
		check.(map[string]any)["at"] = ""
	}
	return fields
}
