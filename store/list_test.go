package store_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// fill adds onboardings behind the store's back, many at once; customers are "Sample 1" and on.
func fill(t testing.TB, db pgtest.Database, n int) {
	t.Helper()
	conn := owner(t, db)
	_, err := conn.Exec(t.Context(), `
INSERT INTO onboardings (id, customer, owner, status, waiting_on, waiting_since, specialist, activity_at)
SELECT 'ob_' || rpad(translate(i::text, '0189', 'abcd'), 20, 'x'), 'Sample ' || i, 'person' || i || '@customer.example',
	(ARRAY['in_form', 'waiting_vendor', 'done'])[1 + i % 3], CASE WHEN i % 3 = 2 THEN '' ELSE 'customer' END,
	CASE WHEN i % 3 = 2 THEN NULL ELSE timestamptz '2026-01-01' + (i % 7) * interval '1 hour' END,
	CASE WHEN i % 5 = 0 THEN 'sam@vendor.example' ELSE '' END,
	timestamptz '2026-02-01' + (i % 11) * interval '1 minute'
FROM generate_series(1, $1) i`, n)
	must(t, err)
	_, err = conn.Exec(t.Context(), `VACUUM ANALYZE onboardings`)
	must(t, err)
}

// sorts are filters that sort by each declared order, in both directions.
func sorts() []onboarding.Filter {
	var all []onboarding.Filter
	for _, o := range onboarding.Orders {
		all = append(all, onboarding.Filter{Sort: o.Sort(false)}, onboarding.Filter{Sort: o.Sort(true)})
	}
	return all
}

func TestSortsByEachOrderInBothDirections(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	fill(t, db, 57)
	shown := map[string]func(onboarding.Onboarding) string{
		"customer":   func(o onboarding.Onboarding) string { return strings.ToLower(o.Customer) },
		"status":     func(o onboarding.Onboarding) string { return string(o.Status) },
		"specialist": func(o onboarding.Onboarding) string { return o.Specialist },
		"activity":   func(o onboarding.Onboarding) string { return o.ActivityAt.Format(time.RFC3339) },
		"waiting": func(o onboarding.Onboarding) string {
			if o.Waiting.Since.IsZero() {
				return "never"
			}
			return o.Waiting.Since.Format(time.RFC3339)
		},
	}
	for _, f := range sorts() {
		o, descending, _ := f.Sort.Order()
		f.Limit = 1000
		var values []string
		for _, row := range mustList(t, s, f).Items {
			values = append(values, shown[o.Key](row))
		}
		if descending {
			slices.Reverse(values)
		}
		if !slices.IsSorted(values) || values[0] == values[len(values)-1] {
			t.Errorf("by %s: %v", f.Sort, values)
		}
	}
}

func TestEachOrderIsReadFromAnIndex(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	fill(t, db, 5_000)
	const rare = onboarding.StatusTornDown // else the planner may as well filter a longer index
	_, err := owner(t, db).Exec(t.Context(), `UPDATE onboardings SET status = 'torn_down' WHERE customer LIKE '%7'; ANALYZE onboardings`)
	must(t, err)
	for _, f := range sorts() {
		for _, f.Status = range []onboarding.Status{"", rare} {
			f.Cursor = store.Place(f.Sort, mustList(t, s, f).Items[20])
			plan, err := s.ExplainPage(t.Context(), sam, f)
			must(t, err)
			if strings.Contains(plan, "Sort") || strings.Contains(plan, "Seq Scan on onboardings") {
				t.Errorf("tab %q by %s is read by\n%s", f.Status, f.Sort, plan)
			}
		}
	}
}

func TestWalksTheListForthAndBack(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	fill(t, db, 57)
	for _, f := range append(sorts(), []onboarding.Filter{
		{},
		{Status: onboarding.StatusDone},
		{Search: "SAMPLE"},
		{Search: "e 1"},
		{Search: "5"},
		{Specialist: sam.Email},
		{Specialist: "none"},
		{Waiting: onboarding.PartyCustomer, Sort: "waiting"},
		{Waited: 24 * time.Hour, Sort: "waiting"},
		{Search: "sample", Status: onboarding.StatusInForm, Sort: "customer"},
	}...) {
		t.Run(fmt.Sprintf("%+v", f), func(t *testing.T) {
			all := f
			all.Limit = 1000
			whole, err := s.ListOnboardings(t.Context(), sam, all)
			must(t, err)
			if whole.Total != len(whole.Items) || whole.Next != "" || whole.Prev != "" || whole.Total == 0 {
				t.Fatalf("total %d of %d items, next %q, prev %q", whole.Total, len(whole.Items), whole.Next, whole.Prev)
			}
			sum := 0
			for st, n := range whole.Counts {
				if st != "" {
					sum += n
				}
			}
			if sum != whole.Counts[""] {
				t.Errorf("counts %v", whole.Counts)
			}
			f.Limit = 4
			var seen []onboarding.Onboarding
			var pages [][]onboarding.Onboarding
			var last onboarding.Page
			for {
				page, err := s.ListOnboardings(t.Context(), sam, f)
				must(t, err)
				seen, pages, last = append(seen, page.Items...), append(pages, page.Items), page
				if f.Cursor = page.Next; page.Next == "" {
					break
				}
				if len(pages) > 100 {
					t.Fatal("no end")
				}
			}
			if !slices.Equal(ids(seen), ids(whole.Items)) {
				t.Fatalf("page by page\n%v\nat once\n%v", ids(seen), ids(whole.Items))
			}
			for i := len(pages) - 2; i >= 0; i-- {
				f.Cursor = last.Prev
				page, err := s.ListOnboardings(t.Context(), sam, f)
				must(t, err)
				if !slices.Equal(ids(page.Items), ids(pages[i])) {
					t.Fatalf("back on page %d\n%v\nwant\n%v", i, ids(page.Items), ids(pages[i]))
				}
				last = page
			}
			if last.Prev != "" {
				t.Error("there is a page before the first")
			}
		})
	}
	for _, f := range []onboarding.Filter{{Sort: "id; DROP TABLE"}, {Status: "gone"}, {Cursor: "xyz"}, {Cursor: "e30"}} {
		_, err := s.ListOnboardings(t.Context(), sam, f)
		wantCode(t, err, onboarding.CodeInvalid)
	}
	for _, search := range []string{"%", "e_1", `\`, "'; --"} {
		page, err := s.ListOnboardings(t.Context(), sam, onboarding.Filter{Search: search})
		if err != nil || page.Total != 0 {
			t.Errorf("search %q finds %d, %v", search, page.Total, err)
		}
	}
}

func TestNeighborsAreTheListsOwn(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{Now: func() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }})
	fill(t, db, 23)
	for _, f := range append(sorts(), []onboarding.Filter{
		{},
		{Status: onboarding.StatusInForm, Sort: "waiting"},
		{Search: "sample 1", Sort: "customer"},
		{Search: "s"},
		{Specialist: sam.Email},
		{Waited: time.Hour},
	}...) {
		t.Run(fmt.Sprintf("%+v", f), func(t *testing.T) {
			page, err := s.ListOnboardings(t.Context(), sam, f)
			must(t, err)
			if len(page.Items) < 2 || len(page.Places) != len(page.Items) {
				t.Fatalf("%d items, %d places", len(page.Items), len(page.Places))
			}
			for i, o := range page.Items {
				want := onboarding.Neighbors{Position: i + 1, Total: len(page.Items)}
				if i > 0 {
					want.Prev = onboarding.Neighbor{ID: page.Items[i-1].ID, Place: page.Places[i-1]}
				}
				if i+1 < len(page.Items) {
					want.Next = onboarding.Neighbor{ID: page.Items[i+1].ID, Place: page.Places[i+1]}
				}
				for _, at := range []string{"", page.Places[i], "made-up", page.Places[(i+1)%len(page.Places)]} {
					f.Cursor = at
					got, err := s.Neighbors(t.Context(), sam, o, f)
					must(t, err)
					if got != want {
						t.Fatalf("of %s at %q: %+v, want %+v", o.Customer, at, got, want)
					}
				}
			}
		})
	}
	_, err := s.Neighbors(t.Context(), ada, onboarding.Onboarding{}, onboarding.Filter{})
	wantCode(t, err, onboarding.CodeForbidden)
}

func TestWhoWorksThroughAListKeepsTheirPlaceInIt(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	for range 5 {
		begin(t, s, ada, onboarding.VendorValues{})
	}
	unassigned := onboarding.Filter{Specialist: "none"}
	for _, o := range mustList(t, s, onboarding.Filter{}).Items {
		must(t, s.Assign(t.Context(), sam, o.ID, ""))
	}
	page := mustList(t, s, unassigned)
	third := page.Items[2]
	must(t, s.Assign(t.Context(), sam, third.ID, sam.Email)) // leaves the filter, and is the latest of all
	now, err := s.Onboarding(t.Context(), sam, third.ID)
	must(t, err)
	unassigned.Cursor = page.Places[2]
	got, err := s.Neighbors(t.Context(), sam, now, unassigned)
	must(t, err)
	if got.Prev.ID != page.Items[1].ID || got.Next.ID != page.Items[3].ID || got.Position != 0 {
		t.Errorf("neighbors %+v in %v", got, ids(page.Items))
	}
}

func mustList(t testing.TB, s *store.Store, f onboarding.Filter) onboarding.Page {
	t.Helper()
	page, err := s.ListOnboardings(t.Context(), sam, f)
	must(t, err)
	return page
}

func ids(obs []onboarding.Onboarding) []onboarding.ID {
	out := make([]onboarding.ID, len(obs))
	for i, o := range obs {
		out[i] = o.ID
	}
	return out
}

func TestTheTabsCountWhatMoves(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	begin(t, s, ada, onboarding.VendorValues{})
	counts := func() string {
		page, err := s.ListOnboardings(t.Context(), sam, onboarding.Filter{})
		must(t, err)
		return fmt.Sprint(page.Counts[""], page.Counts[onboarding.StatusInForm], page.Counts[onboarding.StatusProvisioning])
	}
	if got := counts(); got != "2 2 0" {
		t.Errorf("at first %s", got)
	}
	run := submit(t, s, ada, ob)
	if got := counts(); got != "2 1 1" {
		t.Errorf("after a submit %s", got)
	}
	must(t, s.CancelRun(t.Context(), ada, run.ID))
	must(t, s.Archive(t.Context(), sam, ob.ID))
	if got := counts(); got != "1 1 0" {
		t.Errorf("after archiving %s", got)
	}
}

// What is in an address is a place in the list or a sentence; a place is written as it was read.
func FuzzCursor(f *testing.F) {
	for _, c := range []string{
		`{"s":"","k":["2026-02-01T00:00:00Z"],"i":"ob_x"}`, `{"s":"waiting","k":["infinity"],"i":"ob_x","b":true}`, `{"s":"customer","k":["acme"],"i":"ob_x"}`,
		`{"s":"-specialist","k":["","2026-02-01T00:00:00Z"],"i":"ob_x"}`, `{"s":"customer","k":["\u0000"],"i":"ob_x"}`, `{"s":"customer","k":["a"],"i":"\u0000"}`, `{}`, `{"s":"","k":["yesterday"]}`, `{"s":"customer","k":"acme","i":"ob_x"}`, `[]`, "null", "{\"k\":\"\u0000\"}",
	} {
		for _, sort := range []string{"", "customer", "waiting", "-specialist", "id; DROP TABLE"} {
			f.Add(base64.RawURLEncoding.EncodeToString([]byte(c)), sort)
		}
	}
	f.Add("xyz", "")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, text, sort string) {
		again, err := store.ReadCursor(text, onboarding.Sort(sort))
		if err != nil {
			if onboarding.ErrorCode(err) != onboarding.CodeInvalid {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if twice, err := store.ReadCursor(again, onboarding.Sort(sort)); err != nil || twice != again {
			t.Errorf("%q is written as %q, which is read as %q, %v", text, again, twice, err)
		}
		if raw, err := base64.RawURLEncoding.DecodeString(again); err != nil || bytes.Contains(raw, []byte(`\u0000`)) || !utf8.Valid(raw) {
			t.Errorf("%q holds what Postgres can't: %s", text, raw)
		}
	})
}

func TestFindsWordsInAnyOrderAndResources(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	fill(t, db, 3)
	_, err := owner(t, db).Exec(t.Context(), `
INSERT INTO onboardings (id, customer, owner, status, deployment, project) VALUES
	('ob_saffronxxxxxxxxxxxxx', 'Saffron Payments', 'it@saffron.example', 'in_form', 'saffron-pay', 'acme_100')`)
	must(t, err)
	for search, want := range map[string]int{
		"saffron payments": 1, "payments saffron": 1, "Payments  SAFFRON": 1, "payments zebra": 0, "payments sample": 0,
		"payments s": 1, "s payments": 1, "payments q": 0, "payments %": 0, "payments acme_1": 1, "payments acme%1": 0, "-- ;": 0,
		"tecton-saffron-pay": 1, "tecton-saff": 1, "gs://tecton-saffron-pay-dataplane": 1, "tecton-saffron-pay-spark payments": 1,
		"tecton-zebra": 0, "tecton-": 0, "tecton-sa": 0, "sample 1": 1,
	} {
		page, err := s.ListOnboardings(t.Context(), sam, onboarding.Filter{Search: search})
		must(t, err)
		if page.Total != want || len(page.Items) != want {
			t.Errorf("%q finds %d, %d of them on the page; want %d", search, page.Total, len(page.Items), want)
		}
	}
}

// Under the application's policy the index would not serve: LIKE isn't leakproof.
func TestTheSearchIsServedByItsIndexForTheStaff(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	n := 100_000
	if os.Getenv("LONG") != "" {
		n = 1_000_000
	}
	fill(t, db, n)
	role, plan, err := s.ExplainSearch(t.Context(), sam, onboarding.Filter{Search: "person17777@"})
	must(t, err)
	if role != store.StaffLogin {
		t.Errorf("searches as %s", role)
	}
	if !strings.Contains(plan, "Bitmap Index Scan on onboardings_search") {
		t.Errorf("plan:\n%s", plan)
	}
	t.Logf("among %d, as %s:\n%s", n, role, plan)
	_, words, err := s.ExplainSearch(t.Context(), sam, onboarding.Filter{Search: "customer.example person17777@"})
	must(t, err)
	if !strings.Contains(words, "Bitmap Index Scan on onboardings_search") || strings.Contains(words, "Seq Scan on onboardings") {
		t.Errorf("two words are found by\n%s", words)
	}
	page, err := s.ListOnboardings(t.Context(), sam, onboarding.Filter{Search: "Person17777@"})
	if err != nil || page.Total != 1 || page.Items[0].Customer != "Sample 17777" || page.AtLeast {
		t.Errorf("found %d, %v", page.Total, err)
	}
	page, err = s.ListOnboardings(t.Context(), sam, onboarding.Filter{Search: "sample"})
	if err != nil || !page.AtLeast || len(page.Items) != 50 || page.Next == "" {
		t.Errorf("a search that finds all: %d items, total %d, at least %v, %v", len(page.Items), page.Total, page.AtLeast, err)
	}
}

func TestWatchersHearOfChangesHereAndElsewhere(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	here, there := pgtest.Open(t, db, store.Config{}), pgtest.Open(t, db, store.Config{})
	ob := begin(t, here, ada, onboarding.VendorValues{})
	mark := begin(t, here, ada, onboarding.VendorValues{})
	near, far, foreign := here.Watch(t.Context(), ob.ID), there.Watch(t.Context(), ob.ID), there.Watch(t.Context(), newID(t))
	nearMark, farMark := here.Watch(t.Context(), mark.ID), there.Watch(t.Context(), mark.ID)
	<-here.Listening()
	<-there.Listening()
	for _, w := range []<-chan struct{}{near, far, foreign, nearMark, farMark} {
		hear(t, w) // listening begins with a signal to everyone
	}
	// What begin did may arrive late, and signals keep their order: the second marker that is heard comes after it.
	settle := func() {
		for range 2 {
			must(t, here.AddNote(t.Context(), sam, mark.ID, "marker"))
			hear(t, nearMark)
			hear(t, farMark)
		}
		drain(near, far)
	}
	settle()
	if _, err := here.SaveAnswer(t.Context(), ada, save(ob, "region", `{}`)); err != nil {
		t.Fatal(err)
	}
	hear(t, near)
	hear(t, far)
	select {
	case <-foreign:
		t.Error("a watcher heard of another onboarding")
	default:
	}
	if _, err := owner(t, db).Exec(t.Context(), store.CutListener); err != nil {
		t.Fatal(err)
	}
	hear(t, far) // connected again: what was missed is unknown
	settle()
	must(t, there.AddNote(t.Context(), sam, ob.ID, "x"))
	hear(t, near)
	hear(t, far)
}

func TestAWatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx, cancel := contextWithCancel(t)
	w := s.Watch(ctx, newID(t))
	cancel()
	late := time.After(patience)
	for {
		select {
		case _, open := <-w:
			if !open {
				return
			}
		case <-late:
			t.Fatal("still open")
		}
	}
}

func hear(t testing.TB, w <-chan struct{}) {
	t.Helper()
	select {
	case <-w:
	case <-time.After(patience):
		t.Fatal("heard nothing")
	}
}

func drain(ws ...<-chan struct{}) {
	for _, w := range ws {
		select {
		case <-w:
		default:
		}
	}
}
