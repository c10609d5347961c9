package web

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"groundwork/onboarding"
)

// TestVendorAccess holds that the table has each binding of the vendor's accounts and no other, and how to end it.
func TestVendorAccess(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	plan := s.planned()
	var b bytes.Buffer
	if err := vendorAccess(Frame{Brand: "Northbeam"}, Planes{Plan: plan}, "/o/x/plan?kind=teardown").Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	if n := doc.Find("tbody td:first-child").Length(); n != 3 {
		t.Errorf("%d rows, want the control plane's bucket, the serving plane's instance, and the token", n)
	}
	text := doc.Text()
	for _, want := range []string{
		"What Northbeam can do after this, and how to end it", plan.Spec.ControlPlaneAccount, plan.Spec.Vendor.ServingAccount, "storage.objects.delete",
		"gcloud storage buckets remove-iam-policy-binding gs://tecton-acme-production-dataplane --member=serviceAccount:" + plan.Spec.ControlPlaneAccount,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("doesn't say %q", want)
		}
	}
	if strings.Contains(text, "roles/storage.objectAdmin") || doc.Find("a[href='/o/x/plan?kind=teardown']").Length() != 1 {
		t.Errorf("has what only Spark may do, or no way to end all of it: %s", text)
	}
}

func TestEndCommand(t *testing.T) {
	const who = " --member=serviceAccount:a@b.iam.gserviceaccount.com --role=roles/x"
	for on, want := range map[string]string{
		"gs://bucket": "gcloud storage buckets remove-iam-policy-binding gs://bucket" + who,
		"serviceAccounts/s@acme-data.iam.gserviceaccount.com": "gcloud iam service-accounts remove-iam-policy-binding s@acme-data.iam.gserviceaccount.com --project=acme-data" + who,
		"projects/acme-data/instances/one":                    "gcloud bigtable instances remove-iam-policy-binding one --project=acme-data" + who,
		"projects/acme-data":                                  "gcloud projects remove-iam-policy-binding acme-data" + who,
		"acme-data.sales":                                     "",
		"gs://bucket; curl https://other.example":             "",
		"gs://$(id)":                                          "",
	} {
		if got := (onboarding.Binding{Member: "serviceAccount:a@b.iam.gserviceaccount.com", Role: "roles/x", On: on}).EndCommand(); got != want {
			t.Errorf("%s: %q, want %q", on, got, want)
		}
	}
}

// A plan that somebody else may have written gives no command, in the table and in the document, and no address to open.
func TestADoubtedPlanShowsNoCommand(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	v := s.done()
	commands := func(v DoneView) int {
		doc, _ := render(t, GalleryPage{"done", Done(v)})
		return doc.Find(".rights .copy").Length()
	}
	if commands(v) == 0 || v.Run.Plan.UIAddress() == "" {
		t.Fatal("the sample has no command or no address to begin with")
	}
	v.Run.Plan = v.Run.Plan.WithoutInstructions()
	if n := commands(v); n != 0 || v.Run.Plan.UIAddress() != "" {
		t.Errorf("%d commands are shown, and the address %q", n, v.Run.Plan.UIAddress())
	}
	shared := s.plan(func(v *PlanView) { v.Plan = v.Plan.WithoutInstructions() })
	doc, _ := render(t, GalleryPage{"plan-document", PlanDocument(shared)})
	if n := doc.Find(".doc-command").Length(); n != 0 {
		t.Errorf("%d commands are in the document", n)
	}
}
