package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"groundwork/onboarding"
	"groundwork/web"
)

// A long receipt is shown page by page, and says so; following the links shows every access and every use.
func TestALongReceiptIsShownPageByPage(t *testing.T) {
	const accesses, uses = 120, 130
	w := newWorld(t)
	ob := w.begun()
	conn := w.owner()
	defer conn.Close(t.Context())
	for _, sql := range []string{
		`INSERT INTO grants (onboarding, email, given_by, wiped_at, created_at) SELECT $1, 'a' || i || '@customer.example', 'ada@customer.example', now(), now() + (i || ' seconds')::interval FROM generate_series(1, ` + fmt.Sprint(accesses) + `) i`,
		`INSERT INTO grant_uses (grant_id, onboarding, actor, purpose, text) SELECT (SELECT max(id) FROM grants WHERE onboarding = $1), $1, 'ada@customer.example', 'run', 'Use ' || i || '.' FROM generate_series(1, ` + fmt.Sprint(uses) + `) i`,
	} {
		if _, err := conn.Exec(t.Context(), sql, ob.ID); err != nil {
			t.Fatal(err)
		}
	}
	b := w.as(ada)
	seen := map[string]bool{}
	walk := func(from, what string, of func(page) []string) (first page) {
		t.Helper()
		for next, n := from, 0; next != ""; n++ {
			p := b.get(next)
			want(t, p, http.StatusOK)
			if n == 0 {
				first = p
			}
			found := of(p)
			if len(found) > onboarding.PageLines {
				t.Errorf("%s shows %d %s", next, len(found), what)
			}
			for _, one := range found {
				if seen[one] {
					t.Errorf("%s is shown twice", one)
				}
				seen[one] = true
			}
			next = p.Find("nav[aria-label='Pages of "+what+"'] a:contains(Older)").AttrOr("href", "")
		}
		return first
	}
	first := walk(web.OnboardingPath(ob.ID, "receipt"), "accesses", func(p page) (found []string) {
		p.Find("h2 bdi").Each(func(_ int, s *goquery.Selection) { found = append(found, s.Text()) })
		return found
	})
	if len(seen) != accesses {
		t.Errorf("the pages show %d accesses, want %d", len(seen), accesses)
	}
	says(t, first, "This page shows 50 accesses and 20 uses, latest first. There are more. None is held now.", "The latest 20 uses", "Use 130.")
	all := first.Find("a:contains('All uses')")
	if all.Length() != 1 {
		t.Fatalf("%d links to all uses of an access, want 1", all.Length())
	}
	clear(seen)
	walk(all.AttrOr("href", ""), "uses", func(p page) (found []string) {
		p.Find("td:last-child").Each(func(_ int, s *goquery.Selection) { found = append(found, strings.TrimSpace(s.Text())) })
		return found
	})
	if len(seen) != uses || !seen["Use 1."] {
		t.Errorf("the pages show %d uses, want %d", len(seen), uses)
	}
	for _, access := range []string{"0", "x", "999999999999999999999", "1 OR 1"} {
		want(t, b.get(web.OnboardingPath(ob.ID, "receipt")+"?access="+strings.ReplaceAll(access, " ", "+")), http.StatusNotFound)
	}
}

// A use by a run leads to the run, and a use of a token is none of the access.
func TestTheReceiptTellsTheUsesOfARunApart(t *testing.T) {
	w := newWorld(t)
	ob, b := w.ready()
	b.approve(ob.ID)
	k := w.worker(ob.ID)
	k.finish("apis")
	held, err := w.store.LiveConsent(t.Context(), onboarding.System, ob.ID)
	k.must(err)
	for _, purpose := range []string{"run", string(onboarding.PurposeDatabricksToken)} {
		k.must(w.store.RecordUse(t.Context(), held.ID, ada, purpose, "Carry out the approved plan, 2 tasks"))
	}
	p := b.get(web.OnboardingPath(ob.ID, "receipt"))
	says(t, p, "Tokens were used 1 time.", "Databricks token: 1 use, separate from this access")
	if n := p.Find("a[href='" + web.OnboardingPath(ob.ID, "runs", string(k.run.ID)) + "']").Length(); n != 1 {
		t.Errorf("%d links to the run, want that of its one use", n)
	}
}
