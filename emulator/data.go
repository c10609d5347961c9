package emulator

import (
	"encoding/json"
	"fmt"

	"google.golang.org/api/bigquery/v2"
	"google.golang.org/api/bigtableadmin/v2"
)

// dataServices holds what the services that keep data keep.
type dataServices struct {
	storage    storageTables
	datasets   *table[datasetState]  // by "project/dataset"
	jobs       *table[bigquery.Job]  // by "project/job"
	instances  *table[instanceState] // by "projects/p/instances/i"
	zones      *table[zoneState]     // by "us-west1-a"
	clusterIDs *table[clusterIDState]
	offers     *table[offerState] // by "project/us-west1-a", "/us-west1-a" for every project
	tables     *table[bigtableadmin.Table]
	workspaces *table[workspaceState]
}

// registerData makes the tables and routes of the services that keep data.
func (e *Emulator) registerData() {
	e.registerStorage()
	e.registerBigQuery()
	e.registerJobs()
	e.registerBigtable()
	e.registerDatabricks()
	e.registerTools()
}

// regions are Google's regions, each with the letters of its zones. A service may be in fewer.
// Source: https://cloud.google.com/compute/docs/regions-zones
var regions = map[string]string{
	"africa-south1": "abc", "asia-east1": "abc", "asia-east2": "abc", "asia-northeast1": "abc", "asia-northeast2": "abc",
	"asia-northeast3": "abc", "asia-south1": "abc", "asia-south2": "abc", "asia-southeast1": "abc", "asia-southeast2": "abc", "asia-southeast3": "abc",
	"australia-southeast1": "abc", "australia-southeast2": "abc", "europe-central2": "abc", "europe-north1": "abc", "europe-north2": "abc",
	"europe-southwest1": "abc", "europe-west1": "bcd", "europe-west2": "abc", "europe-west3": "abc", "europe-west4": "abc",
	"europe-west6": "abc", "europe-west8": "abc", "europe-west9": "abc", "europe-west10": "abc", "europe-west12": "abc",
	"me-central1": "abc", "me-central2": "abc", "me-west1": "abc", "northamerica-northeast1": "abc",
	"northamerica-northeast2": "abc", "northamerica-south1": "abc", "southamerica-east1": "abc", "southamerica-west1": "abc",
	"us-central1": "abcf", "us-east1": "bcd", "us-east4": "abc", "us-east5": "abc", "us-south1": "abc", "us-west1": "abc",
	"us-west2": "abc", "us-west3": "abc", "us-west4": "abc",
}

// bigtableZones are the zones in which every project may use Bigtable: here all that there are. [Emulator.OfferZone] changes
// it, since no page of Google's says the same as Google does.
// Source: https://github.com/googleapis/google-cloud-ruby/pull/2170
var bigtableZones = func() map[string]bool {
	zones := map[string]bool{}
	for region, letters := range regions {
		for _, letter := range letters {
			zones[region+"-"+string(letter)] = true
		}
	}
	return zones
}()

// deepCopy gives a value that shares nothing with v, by way of its JSON.
func deepCopy[T any](v T) T {
	raw, err := json.Marshal(v)
	var out T
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		panic(fmt.Sprintf("emulator: %T does not copy: %v", v, err))
	}
	return out
}

// mergePatch lays a JSON merge patch (RFC 7396) over v: null takes a field away.
func mergePatch[T any](v T, patch []byte) (T, error) {
	var out T
	var have, change map[string]any
	raw, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(raw, &have)
	}
	if err != nil {
		panic(fmt.Sprintf("emulator: %T does not marshal: %v", v, err))
	}
	if len(patch) > 0 {
		if err := json.Unmarshal(patch, &change); err != nil {
			return out, fail("INVALID_ARGUMENT", "Invalid JSON payload received. %v", err)
		}
	}
	merge(have, change)
	if raw, err = json.Marshal(have); err != nil {
		panic(fmt.Sprintf("emulator: a patched %T does not marshal: %v", v, err))
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, fail("INVALID_ARGUMENT", "Invalid JSON payload received. %v", err)
	}
	return out, nil
}

func merge(have, change map[string]any) {
	for k, v := range change {
		sub, isObject := v.(map[string]any)
		switch {
		case v == nil:
			delete(have, k)
		case isObject:
			old, ok := have[k].(map[string]any)
			if !ok {
				old = map[string]any{}
			}
			merge(old, sub)
			have[k] = old
		default:
			have[k] = v
		}
	}
}

// The roles that Google itself puts on new buckets and datasets, beside those that people are given.
func init() {
	predefined["roles/storage.legacyObjectOwner"] = define("Storage Legacy Object Owner", "storage.objects.{get,update,getIamPolicy,setIamPolicy}")
	predefined["roles/storage.legacyObjectReader"] = define("Storage Legacy Object Reader", "storage.objects.get")
	predefined["roles/bigquery.dataEditor"] = define("BigQuery Data Editor",
		"resourcemanager.projects.{get,list}", "bigquery.datasets.{create,get,getIamPolicy}",
		"bigquery.tables.{list,get,getData,create,delete,updateData,update}")
}

// milliseconds is how these services write a time.
const milliseconds = "2006-01-02T15:04:05.000Z07:00"
