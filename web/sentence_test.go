package web

import "testing"

func TestASentenceBeginsWithACapitalUnlessItBeginsWithAName(t *testing.T) {
	for in, want := range map[string]string{
		"checked: it matches the plan.": "Checked: it matches the plan.",
		"öffnen":                        "Öffnen",
		"":                              "",
		"to read the policy.":           "To read the policy.",
		"done.":                         "Done.",
		"tecton-acme@tecton-vendor.iam.gserviceaccount.com is unknown": "tecton-acme@tecton-vendor.iam.gserviceaccount.com is unknown",
		"storage.googleapis.com is not on yet.":                        "storage.googleapis.com is not on yet.",
		"gs://acme-landing is gone":                                    "gs://acme-landing is gone",
		"projects/acme: it stays":                                      "projects/acme: it stays",
		"acme-data has been deleted.":                                  "acme-data has been deleted.",
		"constraints/gcp.resourceLocations forbids this":               "constraints/gcp.resourceLocations forbids this",
	} {
		if got := sentenceCase(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
