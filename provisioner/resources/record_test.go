package resources_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	slices.SortFunc(fields["bindings"].([]any), func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	delete(fields, "checksum")
	fields["versions"].(map[string]any)["groundwork"] = "(devel)"
	for _, check := range fields["verified"].([]any) {
		check.(map[string]any)["at"] = ""
	}
	return fields
}
