package web

import (
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"

	"groundwork/onboarding"
)

// filters has, for each field that the list's address keeps, filters with every value that it has, or examples.
func filters() map[string][]onboarding.Filter {
	all := map[string][]onboarding.Filter{
		"Archived":   {{Archived: true}},
		"Search":     {{Search: "acme"}, {Search: "Castellan & Sons"}, {Search: "+1 %41#=é"}},
		"Specialist": {{Specialist: "none"}, {Specialist: "sam+eu@vendor.example"}},
		"Waited":     {{Waited: 24 * time.Hour}, {Waited: 36*time.Hour + time.Minute}, {Waited: 90 * time.Second}, {Waited: time.Millisecond}},
		"Cursor":     {{Cursor: "eyJzIjoi_-"}},
	}
	for _, s := range onboarding.Statuses {
		all["Status"] = append(all["Status"], onboarding.Filter{Status: s})
	}
	for _, p := range onboarding.Parties {
		all["Waiting"] = append(all["Waiting"], onboarding.Filter{Waiting: p})
	}
	for _, o := range onboarding.Orders {
		all["Sort"] = append(all["Sort"], onboarding.Filter{Sort: o.Sort(false)}, onboarding.Filter{Sort: o.Sort(true)})
	}
	return all
}

func TestTheAddressKeepsEveryValueOfTheFilter(t *testing.T) {
	all := filters()
	for _, field := range reflect.VisibleFields(reflect.TypeFor[onboarding.Filter]()) {
		if field.Name != "Limit" && len(all[field.Name]) == 0 { // a page's rows aren't the reader's to choose
			t.Errorf("no value of %s is tried", field.Name)
		}
	}
	everything := onboarding.Filter{}
	for _, name := range []string{"Archived", "Status", "Search", "Specialist", "Waiting", "Waited", "Sort", "Cursor"} {
		to := reflect.ValueOf(&everything).Elem().FieldByName(name)
		to.Set(reflect.ValueOf(all[name][0]).FieldByName(name))
	}
	for _, f := range append(slices.Concat(slices.Collect(maps.Values(all))...), onboarding.Filter{}, everything) {
		u, err := url.Parse(ListURL(f))
		if err != nil {
			t.Fatal(err)
		}
		if got := ParseFilter(u.Query()); got != f {
			t.Errorf("%s keeps %+v of %+v", u, got, f)
		}
	}
}

func TestTheAddressTakesEitherSpelling(t *testing.T) {
	for _, s := range []string{string(onboarding.PartyOrganization), "organization_administrator"} {
		if got := ParseFilter(url.Values{"waiting": {s}}); got.Waiting != onboarding.PartyOrganization {
			t.Errorf("%s lists what waits on %q", s, got.Waiting)
		}
	}
}

func TestAClickOnAHeaderSortsByItAndTheNextReverses(t *testing.T) {
	for _, o := range onboarding.Orders {
		filter := onboarding.Filter{Search: "acme"}
		if o.Key == "activity" {
			filter.Sort = "customer"
		}
		var arias []string
		for _, want := range []onboarding.Sort{o.Sort(o.Descending), o.Sort(!o.Descending), o.Sort(o.Descending)} {
			link := header(t, filter, o).Find("a")
			u, err := url.Parse(link.AttrOr("href", ""))
			if err != nil {
				t.Fatal(err)
			}
			if filter = ParseFilter(u.Query()); filter.Sort != want || filter.Search != "acme" {
				t.Fatalf("%s: a click leads to %s, which sorts by %q; want %q", o.Label, u, filter.Sort, want)
			}
			arias = append(arias, header(t, filter, o).AttrOr("aria-sort", ""))
		}
		first, second := "ascending", "descending"
		if o.Descending || o.Age {
			first, second = second, first
		}
		if want := []string{first, second, first}; !slices.Equal(arias, want) {
			t.Errorf("%s: aria-sort is %v, want %v", o.Label, arias, want)
		}
	}
}

func header(t *testing.T, f onboarding.Filter, o onboarding.Order) *goquery.Selection {
	t.Helper()
	var page strings.Builder
	if err := AdminList(AdminListView{Filter: f, Page: onboarding.Page{Items: make([]onboarding.Onboarding, 1)}}).Render(t.Context(), &page); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(page.String()))
	if err != nil {
		t.Fatal(err)
	}
	th := doc.Find("th").FilterFunction(func(_ int, s *goquery.Selection) bool { return strings.TrimSpace(s.Text()) == o.Label })
	if th.Length() != 1 {
		t.Fatalf("%d columns are called %s", th.Length(), o.Label)
	}
	return th
}

// Any address gives a filter that the store accepts, and the link to it gives the same filter.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"q=acme&status=done&sort=-activity", "q=%00&specialist=%ff", "status=nonsense&sort=;DROP&waiting=x", "cursor=e30", "waited=24h", "waited=-1h", "waited=1h1m1.5s", "q=" + strings.Repeat("é", 300), "q=a&q=b", "q=" + strings.Repeat("a", 199) + "+b", "sort=-waiting", "sort=--waiting", "sort=-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, _ := url.ParseQuery(query)
		got := ParseFilter(q)
		for _, text := range []string{got.Search, got.Specialist, got.Cursor} {
			if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
				t.Errorf("%q passed", text)
			}
		}
		if utf8.RuneCountInString(got.Search) > 200 || got.Limit != 0 {
			t.Errorf("%+v", got)
		}
		if got.Status != "" && !slices.Contains(onboarding.Statuses, got.Status) {
			t.Errorf("status %q", got.Status)
		}
		if _, _, ok := got.Sort.Order(); !ok {
			t.Errorf("sort %q", got.Sort)
		}
		u, err := url.Parse(ListURL(got))
		if err != nil {
			t.Fatal(err)
		}
		if back := ParseFilter(u.Query()); back != got {
			t.Errorf("the link to the list keeps %+v of %+v", back, got)
		}
	})
}
