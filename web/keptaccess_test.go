package web

import (
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
)

// What an earlier run gave the vendor, and the customer keeps, is the vendor's after this run too.
func TestTheVendorsAccessHasWhatIsKeptFromEarlierRuns(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	const instance = "projects/acme-data-prod/instances/tecton-acme-old"
	held := func(member string) onboarding.PlannedTask {
		return onboarding.PlannedTask{
			Name: "remove/bigtable-control-plane-role", Title: "Remove the control plane’s role on the Bigtable instance", Resource: "roles/bigtable.admin on " + instance, Why: "It makes and changes the tables.",
			Unwanted: true, Key: "k", Action: onboarding.ActionNone, Held: []onboarding.Binding{{Member: "serviceAccount:" + member, Role: "roles/bigtable.admin", On: instance}},
		}
	}
	control := s.spec().ControlPlaneAccount
	for _, tt := range []struct {
		name   string
		member string
		change func(*onboarding.PlannedTask)
		want   bool
	}{
		{"kept", control, func(*onboarding.PlannedTask) {}, true},
		{"kept, of an account that the vendor no longer uses", "tecton-old@tecton-acme.iam.gserviceaccount.com", func(*onboarding.PlannedTask) {}, true},
		{"removed by this run", control, func(l *onboarding.PlannedTask) { l.Action = onboarding.ActionDelete }, false},
		{"gone already", control, func(l *onboarding.PlannedTask) { l.Absent = true }, false},
		{"stays, since it could not be read", control, func(l *onboarding.PlannedTask) { l.Stays = "It could not be read, so it stays." }, true},
		{"of the customer's own Spark account", "other@acme-data-prod.iam.gserviceaccount.com", func(*onboarding.PlannedTask) {}, false},
	} {
		line := held(tt.member)
		tt.change(&line)
		v := s.plan(func(v *PlanView) {
			v.Plan.Tasks, v.Decisions = append(v.Plan.Tasks, line), map[string]onboarding.Decision{}
		})
		for page, doc := range map[string]GalleryPage{"plan": {"plan", PlanPage(v)}, "document": {"plan", PlanDocument(v)}} {
			doc, _ := render(t, doc)
			var rows []string
			for _, row := range doc.Find(".rights tr, #doc-access ~ table tr").EachIter() {
				rows = append(rows, words(row.Text()))
			}
			all := strings.Join(rows, "\n")
			if strings.Contains(all, instance) != tt.want || tt.want && !strings.Contains(all, "Granted by an earlier run, and kept.") {
				t.Errorf("%s, on the %s: %s", tt.name, page, all)
			}
		}
	}
}
