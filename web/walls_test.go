package web

import (
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"groundwork/onboarding"
)

// A run shows its tasks in the plan's groups, each task once and under its number in the run.
func TestARunGroupsItsTasksAsThePlanDoes(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	view := s.progress(onboarding.RunRunning)
	doc, _ := render(t, GalleryPage{"progress", Progress(view)})
	want := map[string][]string{
		"Resources 3 of 5 done":                  {"Enable the APIs", "Create the bucket", "Create the Spark service account", "Create the custom role", "Create the Bigtable instance"},
		"Access for your Spark jobs 0 of 2 done": {"Let Spark use the bucket", "Let Spark read acme-data-prod.sales"},
		"Access for Tecton 0 of 2 done":          {"Let the control plane use the bucket", "Let the serving plane use Bigtable"},
		"Checks and handover 0 of 3 done":        {"Check the Databricks workspace", "Verify everything", "Write the handover record"},
	}
	groups := doc.Find("#run-tasks h3")
	if groups.Length() != len(want) {
		t.Errorf("%d groups, want %d", groups.Length(), len(want))
	}
	groups.Each(func(_ int, g *goquery.Selection) {
		tasks := g.Next().Find(".task h4").Map(func(_ int, h *goquery.Selection) string { return h.Text() })
		if got := want[words(g.Text())]; len(got) != len(tasks) {
			t.Errorf("%q has %q, want %q", words(g.Text()), tasks, got)
		} else {
			for i := range got {
				if got[i] != tasks[i] {
					t.Errorf("%q has %q, want %q", words(g.Text()), tasks, got)
				}
			}
		}
	})
	for i, task := range view.Run.Tasks {
		if got := doc.Find("#task-" + string(rune('1'+i)) + " h4").Text(); i < 9 && got != task.Title {
			t.Errorf("task %d is %q, want %q", i+1, got, task.Title)
		}
	}
}

// A teardown names each thing in words, with its identifier once below or beside it, and folds what stays.
func TestATeardownNamesWhatItRemovesInWords(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	view := s.teardown()
	doc, _ := render(t, GalleryPage{"teardown", TeardownPage(view)})
	for id, want := range map[string][]string{
		"goes-resources": {"Control plane’s custom role", "Spark service account"},
		"goes-access":    {"Serving plane’s role on the Bigtable instance", "Control plane’s role on the bucket", "Spark’s access to the dataset acme-data-prod.sales", "Spark’s role on the bucket"},
	} {
		got := doc.Find("[aria-labelledby=" + id + "] strong").Map(func(_ int, h *goquery.Selection) string { return h.Text() })
		if len(got) != len(want) {
			t.Fatalf("%s lists %q, want %q", id, got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s lists %q, want %q", id, got, want)
			}
		}
	}
	doc.Find(".removals li").Each(func(_ int, li *goquery.Selection) {
		if li.Find(".mono").Length() != 1 || li.Find("strong").Text() == li.Find(".mono").Text() {
			t.Errorf("a line without a name or an identifier: %q", words(li.Text()))
		}
	})
	stays := doc.Find("details#stays:not([open])")
	if words(stays.Find("strong").Text()) != "Enabled APIs" || stays.Find("p").Text() != "Other things in the project may use them." {
		t.Errorf("what stays is not folded, or without its reason: %q", words(stays.Text()))
	}
}

// Permissions come by service, each once.
func TestPermissionsComeByService(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	view := s.connect(nil)
	doc, _ := render(t, GalleryPage{"connect", ConnectPage(view)})
	for id, want := range map[string]string{
		"serviceusage": "APIs and services: 1 permission", "storage": "Cloud Storage: 2 permissions",
		"iam": "IAM and service accounts: 2 permissions", "bigtable": "Bigtable: 1 permission",
	} {
		if got := words(doc.Find("details#permissions-" + id + ":not([open]) > summary").Text()); got != want {
			t.Errorf("%s is headed %q, want %q", id, got, want)
		}
	}
	if rows := doc.Find("[id^=permissions-] tbody tr").Length(); rows != len(view.Permissions.Run) {
		t.Errorf("%d rows for %d permissions", rows, len(view.Permissions.Run))
	}
}

// A receipt begins with its totals, and the history folds all but the sentence of each line.
func TestReceiptAndHistoryBeginWithWhatMatters(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	receipt, _ := render(t, GalleryPage{"receipt", Receipt(s.receipt())})
	if got, want := receipt.Find(".totals").Text(), "Access was granted 4 times and used 3 times. 1 held now. Tokens were used 1 time."; got != want {
		t.Errorf("the totals are %q, want %q", got, want)
	}
	over := s.receipt()
	over.Consents, over.Held = over.Consents[len(over.Consents)-1:], false
	receipt, _ = render(t, GalleryPage{"receipt", Receipt(over)})
	if got, want := receipt.Find(".totals").Text(), "Access was granted 1 time and used 3 times. None is held now. Tokens were used 1 time."; got != want {
		t.Errorf("the totals are %q, want %q", got, want)
	}
	long, _ := render(t, GalleryPage{"receipt-long", Receipt(s.receiptLong())})
	if got, want := long.Find(".totals").Text(), "This page shows 4 accesses and 3 uses, and 1 use of tokens, latest first. There are more. 1 held now."; got != want {
		t.Errorf("the totals are %q, want %q", got, want)
	}
	if receipt.Find("details:not([open]) table tbody tr").Length() != 4 {
		t.Error("the uses aren't folded")
	}
	history, _ := render(t, GalleryPage{"audit", AuditPage(s.auditPage(s.customer()))})
	history.Find(".timeline-audit li").Each(func(i int, li *goquery.Selection) {
		if li.Find("details:not([open])").Length() != 1 || li.Find("details abbr").Length() != 1 || li.Find(".audit-line > p").Length() != 1 {
			t.Errorf("line %d isn't one sentence with its details folded", i+1)
		}
	})
}

// An endpoint's kinds of events, and what an onboarding overrides, fold into a line for each group that counts them. What
// is chosen, and what has a problem, is open.
func TestLongFormsFoldWhatNobodyChose(t *testing.T) {
	pages := map[string]GalleryPage{}
	for _, p := range Gallery() {
		pages[p.Name] = p
	}
	for name, want := range map[string]map[string]bool{
		"webhook": {"Runs: 3 of 11 chosen": true, "Handover: 1 of 5 chosen": true, "Onboardings: 0 of 8 chosen": false, "Histories: 0 of 1 chosen": false},
		// Nothing is chosen yet, so there is everything to choose from.
		"webhook-new":                {"Runs: 0 of 11 chosen": true, "Histories: 0 of 1 chosen": true},
		"admin-detail-values-errors": {"Deployment: 0 of 5 overridden": true, "Compute and roles: 1 of 9 overridden": false},
	} {
		doc, _ := render(t, pages[name])
		got := map[string]bool{}
		doc.Find("form details").Each(func(_ int, d *goquery.Selection) {
			_, open := d.Attr("open")
			got[words(d.Children().First().Text())] = open
		})
		for line, open := range want {
			if is, found := got[line]; !found || is != open {
				t.Errorf("%s: %q is open: %t, found: %t; want open: %t", name, line, is, found, open)
			}
		}
	}
}

// The document says once what a teardown does, and in an entry only where that differs.
func TestTheDocumentSaysOnceWhatATeardownDoes(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	view := s.document(nil)
	view.Plan.Tasks[1].Undo = onboarding.UndoRemovesData
	doc, _ := render(t, GalleryPage{"plan-document", PlanDocument(view)})
	if got := doc.Find("dt:contains('Undo')").Next().Text(); got != impersonal(onboarding.UndoRemovesData) {
		t.Errorf("the entries say %q", got)
	}
	if n := doc.Find("dt:contains('To remove only this')").Length(); n == 0 {
		t.Error("no entry has the command that ends it")
	}
}
