package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/wizard"
)

const regionID = "region"

type regionAnswer struct {
	Region string `json:"region"`
}

// region asks where everything regional is created.
var region = wizard.Define(wizard.StepDef[regionAnswer]{
	ID:    regionID,
	Title: "Which region should it run in?",
	Name:  "Region",
	Intro: "The bucket, the online store, and everything else that has a location are created in this one region. Choose the one where your Spark jobs and your data are.",
	Knows: "The team that runs your Spark jobs or your data warehouse.",
	Asks:  "In which Google Cloud region do our Spark jobs run, and where is most of the data that they read? For example, us-west1.",
	Fields: []wizard.Field[regionAnswer]{{
		Name:    "region",
		Label:   "Google Cloud region",
		Hint:    "It can’t be changed after the bucket is created. “Databricks” marks the regions on Databricks’ list for Google Cloud; Bigtable’s are on Google’s, at cloud.google.com/bigtable/docs/locations.",
		Kind:    wizard.KindSelect,
		Locks:   true,
		Need:    "Choose a region",
		Value:   func(a *regionAnswer) *string { return &a.Region },
		Choices: func(_ context.Context, c wizard.Case) ([]wizard.Choice, error) { return offeredRegions(c.Vendor), nil },
		Unknown: func(string) string { return "Choose a region from the list" },
	}},
	Outline: func(a regionAnswer, _ wizard.Case) []wizard.Row {
		r, _ := findRegion(a.Region)
		return []wizard.Row{{Label: "Region", Value: r.label()}}
	},
	Summary: func(a regionAnswer, _ wizard.Case) []wizard.Row {
		r, _ := findRegion(a.Region)
		return []wizard.Row{{Label: "Google Cloud region", Value: r.label()}}
	},
	Spec: func(a regionAnswer, s *onboarding.Spec) { s.Region = a.Region },
})

// regionInfo is a region of Google Cloud.
type regionInfo struct {
	id, place, continent string
	zones                string // the letters of its zones
}

func (r regionInfo) label() string { return fmt.Sprintf("%s (%s)", r.id, r.place) }

// zoneNames are the full names of the region's zones, "us-west1-a".
func (r regionInfo) zoneNames() []string {
	var out []string
	for _, z := range r.zones {
		out = append(out, r.id+"-"+string(z))
	}
	return out
}

// regions are Google Cloud's regions by continent, each in the order of its name.
// Source: cloud.google.com/compute/docs/regions-zones, cloud.google.com/about/locations.
var regions = []regionInfo{
	{"africa-south1", "Johannesburg", "Africa", "abc"},
	{"asia-east1", "Taiwan", "Asia", "abc"},
	{"asia-east2", "Hong Kong", "Asia", "abc"},
	{"asia-northeast1", "Tokyo", "Asia", "abc"},
	{"asia-northeast2", "Osaka", "Asia", "abc"},
	{"asia-northeast3", "Seoul", "Asia", "abc"},
	{"asia-south1", "Mumbai", "Asia", "abc"},
	{"asia-south2", "Delhi", "Asia", "abc"},
	{"asia-southeast1", "Singapore", "Asia", "abc"},
	{"asia-southeast2", "Jakarta", "Asia", "abc"},
	{"asia-southeast3", "Bangkok", "Asia", "abc"},
	{"australia-southeast1", "Sydney", "Australia", "abc"},
	{"australia-southeast2", "Melbourne", "Australia", "abc"},
	{"europe-central2", "Warsaw", "Europe", "abc"},
	{"europe-north1", "Finland", "Europe", "abc"},
	{"europe-north2", "Stockholm", "Europe", "abc"},
	{"europe-southwest1", "Madrid", "Europe", "abc"},
	{"europe-west1", "Belgium", "Europe", "bcd"},
	{"europe-west2", "London", "Europe", "abc"},
	{"europe-west3", "Frankfurt", "Europe", "abc"},
	{"europe-west4", "Netherlands", "Europe", "abc"},
	{"europe-west6", "Zurich", "Europe", "abc"},
	{"europe-west8", "Milan", "Europe", "abc"},
	{"europe-west9", "Paris", "Europe", "abc"},
	{"europe-west10", "Berlin", "Europe", "abc"},
	{"europe-west12", "Turin", "Europe", "abc"},
	{"me-central1", "Doha", "Middle East", "abc"},
	{"me-central2", "Dammam", "Middle East", "abc"},
	{"me-west1", "Tel Aviv", "Middle East", "abc"},
	{"northamerica-northeast1", "Montréal", "North America", "abc"},
	{"northamerica-northeast2", "Toronto", "North America", "abc"},
	{"northamerica-south1", "Querétaro", "North America", "abc"},
	{"us-central1", "Iowa", "North America", "abcf"},
	{"us-east1", "South Carolina", "North America", "bcd"},
	{"us-east4", "Northern Virginia", "North America", "abc"},
	{"us-east5", "Columbus", "North America", "abc"},
	{"us-south1", "Dallas", "North America", "abc"},
	{"us-west1", "Oregon", "North America", "abc"},
	{"us-west2", "Los Angeles", "North America", "abc"},
	{"us-west3", "Salt Lake City", "North America", "abc"},
	{"us-west4", "Las Vegas", "North America", "abc"},
	{"southamerica-east1", "São Paulo", "South America", "abc"},
	{"southamerica-west1", "Santiago", "South America", "abc"},
}

// databricksRegions are the regions in which Databricks offers workspaces on Google Cloud. A region that isn't here may have
// been added since, so the page says nothing about it. Bigtable has no such list: it differs by zone and by project, and
// preflight asks Google.
// Source: docs.databricks.com/gcp/resources/supported-regions.
var databricksRegions = []string{
	"asia-northeast1", "asia-south1", "asia-southeast1", "australia-southeast1", "europe-west1", "europe-west2", "europe-west3", "me-central2",
	"northamerica-northeast1", "southamerica-east1", "us-central1", "us-east1", "us-east4", "us-west1", "us-west4",
}

// regionChoices are the regions for people, grouped by continent.
var regionChoices = func() []wizard.Choice {
	var out []wizard.Choice
	for _, r := range regions {
		c := wizard.Choice{Value: r.id, Label: r.label(), Group: r.continent}
		if slices.Contains(databricksRegions, r.id) {
			c.Hint = "Databricks"
		}
		out = append(out, c)
	}
	return out
}()

// offeredRegions are the choices that the vendor offers.
func offeredRegions(v onboarding.VendorValues) []wizard.Choice {
	if v.OfferedRegions == "" {
		return regionChoices
	}
	offered := strings.Split(v.OfferedRegions, ", ")
	return slices.DeleteFunc(slices.Clone(regionChoices), func(c wizard.Choice) bool { return !slices.Contains(offered, c.Value) })
}

func findRegion(id string) (regionInfo, bool) {
	for _, r := range regions {
		if r.id == id {
			return r, true
		}
	}
	return regionInfo{id: id, place: "unknown"}, false
}
