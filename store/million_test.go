package store_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// many are the onboardings of a vendor of a million customers, with what a row holds after the form: i decides all.
type many struct{ i, n int }

var manyColumns = []string{
	"id", "customer", "owner", "deployment", "region", "project", "vendor", "answers", "status", "waiting_on", "waiting_for", "waiting_since",
	"current", "specialist", "created_at", "activity_at",
}

func (m *many) Next() bool { m.i++; return m.i <= m.n }
func (m *many) Err() error { return nil }

func (m *many) Values() ([]any, error) {
	i := m.i
	words := []string{"Halvorsen", "Castellan", "Brightwater", "Ospina", "Lindqvist", "Saffron", "Umbra", "Wexford", "Oberland", "Peregrine", "Tidewater"}
	trades := []string{"Maritime", "Logistics", "Energy", "Foods", "Payments", "Security", "Dairy", "Bank", "Courier", "Ports", "Analytics", "Learning", "Health"}
	name := fmt.Sprintf("%s %s %d", words[i%11], trades[i%13], i)
	deployment := fmt.Sprintf("%s-%d", strings.ToLower(words[i%11])[:5], i)
	status, on, what := onboarding.StatusDone, onboarding.PartyNobody, ""
	switch p := i * 7919 % 1000; {
	case p < 1:
		status = onboarding.StatusTornDown
	case p < 3:
		status, on, what = onboarding.StatusAttention, onboarding.PartyOrganization, "Allow the vendor's accounts in the organization policy"
	case p < 5:
		status = onboarding.StatusProvisioning
	case p < 15:
		status, on, what = onboarding.StatusWaitingVendor, onboarding.PartySpecialist, "Enter the control plane service account"
	case p < 55:
		status, on, what = onboarding.StatusWaitingCustomer, onboarding.PartyCustomer, "Review and approve the plan"
	case p < 205:
		status, on, what = onboarding.StatusInForm, onboarding.PartyCustomer, "Fill in the form"
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i*104729%15_000_000) * time.Second)
	var since *time.Time
	if on != onboarding.PartyNobody {
		since = &at
	}
	specialist := ""
	if i%10 != 0 {
		specialist = fmt.Sprintf("specialist%d@vendor.example", i%200)
	}
	answers := fmt.Sprintf(`{"deployment":{"name":%q},"region":{"region":"us-west1"},"compute":{"platform":"databricks","workspace_url":"https://%d.7.gcp.databricks.com","runtime":"15.4.x-scala2.12","token":"set"},"online":{"store":"bigtable","instance":"%s-online","zone":"us-west1-b"},"sources":{"datasets":"%s-data.warehouse\n%s-data.events"}}`, deployment, i, deployment, deployment, deployment)
	return []any{
		fmt.Sprintf("ob_%020s", strings.NewReplacer("0", "a", "1", "b", "8", "c", "9", "d").Replace(fmt.Sprintf("%020d", i))), name, fmt.Sprintf("person%d@customer%d.example", i, i%50_000), deployment, "us-west1", deployment + "-data",
		fmt.Sprintf(`{"control_plane_account":"tecton-%s-control-plane@tecton-%d.iam.gserviceaccount.com"}`, deployment, i), answers,
		status, on, what, since, "Check your answers", specialist, at.Add(-time.Hour), at,
	}, nil
}

func rows(t testing.TB, db pgtest.Database, n int) {
	t.Helper()
	began := time.Now()
	conn := owner(t, db)
	_, err := conn.CopyFrom(t.Context(), pgx.Identifier{"onboardings"}, manyColumns, &many{n: n})
	must(t, err)
	_, err = conn.Exec(t.Context(), `VACUUM ANALYZE onboardings`)
	must(t, err)
	t.Logf("%d rows in %s", n, time.Since(began).Round(time.Second))
}

// The figures are for docs/operations.md; what is asserted is what doesn't depend on the machine.
func TestTheListAmongAMillion(t *testing.T) {
	n, times := 5_000, 1
	if os.Getenv("LONG") != "" {
		n, times = 1_000_000, 200
	}
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	rows(t, db, n)
	page := func(f onboarding.Filter) onboarding.Page {
		p, err := s.ListOnboardings(t.Context(), sam, f)
		must(t, err)
		return p
	}
	if p := page(onboarding.Filter{}); p.Total != n {
		t.Fatalf("counted %d of %d", p.Total, n)
	}
	deep := func(f onboarding.Filter, i int) onboarding.Filter {
		m := &many{i: i - 1, n: n}
		m.Next()
		v, _ := m.Values()
		o := onboarding.Onboarding{ID: onboarding.ID(v[0].(string)), Customer: v[1].(string), Status: v[8].(onboarding.Status), Specialist: v[13].(string), ActivityAt: v[15].(time.Time)}
		if since := v[11].(*time.Time); since != nil {
			o.Waiting.Since = *since
		}
		f.Cursor = store.Place(f.Sort, o)
		return f
	}
	type look struct {
		name string
		f    onboarding.Filter
	}
	looks := []look{{"first", onboarding.Filter{}}, {"deep", deep(onboarding.Filter{}, n/2)}}
	for _, f := range sorts() {
		looks = append(looks, look{"sort " + string(f.Sort), f}, look{"sort " + string(f.Sort) + ", deep", deep(f, n/2)})
	}
	for _, st := range onboarding.Statuses {
		for _, o := range onboarding.Orders {
			looks = append(looks, look{fmt.Sprintf("tab %s by %s", st, o.Key), onboarding.Filter{Status: st, Sort: o.Sort(o.Descending)}})
		}
	}
	looks = append(looks,
		look{"search rare", onboarding.Filter{Search: "person17777@"}},
		look{"search some", onboarding.Filter{Search: "customer123.example"}},
		look{"search thousands", onboarding.Filter{Search: "777"}},
		look{"search frequent", onboarding.Filter{Search: "halvorsen"}},
		look{"search frequent, customer", onboarding.Filter{Search: "maritime", Sort: "customer"}},
		look{"search nothing", onboarding.Filter{Search: "zebra"}},
		look{"search short", onboarding.Filter{Search: "ha"}},
		look{"search short, nothing", onboarding.Filter{Search: "q7"}},
		look{"search without a letter", onboarding.Filter{Search: "@-@"}},
		look{"specialist", onboarding.Filter{Specialist: "specialist7@vendor.example"}},
		look{"specialist by customer", onboarding.Filter{Specialist: "specialist7@vendor.example", Sort: "customer"}},
		look{"specialist by waiting", onboarding.Filter{Specialist: "specialist7@vendor.example", Sort: "waiting"}},
		look{"specialist, attention", onboarding.Filter{Specialist: "specialist7@vendor.example", Status: onboarding.StatusAttention}},
		look{"specialist who has none", onboarding.Filter{Specialist: "nobody@vendor.example"}},
		look{"unassigned", onboarding.Filter{Specialist: "none"}},
		look{"waiting on customer", onboarding.Filter{Waiting: onboarding.PartyCustomer}},
		look{"waiting on organization", onboarding.Filter{Waiting: onboarding.PartyOrganization}},
		look{"waiting on organization by waiting", onboarding.Filter{Waiting: onboarding.PartyOrganization, Sort: "waiting"}},
		look{"waited for a year", onboarding.Filter{Waited: 365 * 24 * time.Hour}},
		look{"waited for ten minutes by waiting", onboarding.Filter{Waited: 10 * time.Minute, Sort: "waiting"}},
		look{"waiting on Google", onboarding.Filter{Waiting: onboarding.PartyGoogle}},
	)
	for _, l := range looks {
		first := page(l.f)
		for _, o := range first.Items {
			if l.f.Status != "" && o.Status != l.f.Status || l.f.Waiting != "" && o.Waiting.On != l.f.Waiting {
				t.Errorf("%s shows %+v", l.name, o)
			}
		}
		var took []time.Duration
		until := time.Now().Add(10 * time.Second)
		for range times {
			began := time.Now()
			page(l.f)
			took = append(took, time.Since(began))
			if time.Now().After(until) {
				break
			}
		}
		slices.Sort(took)
		if half := took[len(took)/2]; n == 1_000_000 && half > 5*time.Second {
			t.Errorf("%s takes %s", l.name, half)
		}
		key := strings.ReplaceAll(strings.ReplaceAll(l.name, ",", ""), " ", "-")
		t.Attr(key+".p95", fmt.Sprint(ms(took[len(took)*95/100])))
		t.Attr(key+".p99", fmt.Sprint(ms(took[len(took)*99/100])))
		t.Logf("%-40s rows %2d of %7d  p50 %8.2f ms  p99 %8.2f ms", l.name, len(first.Items), first.Total, ms(took[len(took)/2]), ms(took[len(took)*99/100]))
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
