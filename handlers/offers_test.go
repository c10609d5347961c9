package handlers_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/jackc/pgx/v5"

	"groundwork/handlers"
	"groundwork/onboarding"
	"groundwork/web"
)

// offer is a button of a page, with what a browser sends when it is pressed.
type offer struct {
	page, action string
	form         url.Values
	fields       []field // that a person can change
}

// field is a control that a person can change, and another value of it.
type field struct{ kind, name, other string }

func (o offer) String() string { return o.page + " offers " + o.action + " " + o.form.Encode() }

// changed is the offer's form with one field changed.
func (o offer) changed(f field) url.Values {
	form := url.Values{}
	for k, v := range o.form {
		form[k] = slices.Clone(v)
	}
	if f.kind == "checkbox" && form.Has(f.name) {
		form.Del(f.name)
	} else {
		form.Set(f.name, f.other)
	}
	return form
}

// presses are the form as it is, and with the first field of each kind changed.
func (o offer) presses() []url.Values {
	forms, kinds := []url.Values{o.form}, map[string]bool{}
	for _, f := range o.fields {
		if !kinds[f.kind] {
			forms = append(forms, o.changed(f))
		}
		kinds[f.kind] = true
	}
	return forms
}

// another is a value that a field takes besides the one that it has.
var another = map[string]string{
	"name": "acme-two", "project": "acme-other", "workspace": "https://6543210987654321.7.gcp.databricks.com", "runtime": "14.3.x-scala2.12",
	"workspace_project": "acme-databricks", "workspace_account": "db-1234567890123456@prod-gcp-us-west1.iam.gserviceaccount.com",
	"instance": "tecton-acme-two", "existing": "acme-features", "spark_email": "existing-spark@acme-data-prod.iam.gserviceaccount.com",
	"datasets": "acme-warehouse.typed", "projects": "acme-typed", "buckets": "gs://acme-typed", "email": "eve@customer.example", "token": "dapi-0123456789",
	"endpoint": "redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345", "redis_token": "another", "cidr": "10.20.0.0/24",
}

// offers are the buttons of a page that a browser would press.
func offers(path string, p page) []offer {
	var out []offer
	p.Find("form").Each(func(_ int, f *goquery.Selection) {
		action := f.AttrOr("action", "")
		if strings.ToLower(f.AttrOr("method", "get")) != "post" || !strings.HasPrefix(action, "/o/") {
			return
		}
		controls := f.Find("input, select, textarea, button")
		if id := f.AttrOr("id", ""); id != "" {
			controls = controls.AddSelection(p.Find("[form='" + id + "']"))
		}
		base := offer{page: path, action: action, form: url.Values{}}
		var buttons []*goquery.Selection
		controls.Each(func(_ int, c *goquery.Selection) {
			name, value := c.AttrOr("name", ""), c.AttrOr("value", "")
			_, disabled := c.Attr("disabled")
			if disabled || c.Closest("fieldset[disabled]").Length() > 0 {
				return
			}
			_, fixed := c.Attr("readonly")
			kind := c.AttrOr("type", "text")
			switch goquery.NodeName(c) {
			case "button":
				if c.AttrOr("tabindex", "") != "-1" && c.AttrOr("type", "submit") == "submit" {
					buttons = append(buttons, c)
				}
				return
			case "select":
				kind, value = "select", c.Find("option[selected]").AttrOr("value", c.Find("option").First().AttrOr("value", ""))
				other := ""
				c.Find("option").Each(func(_ int, o *goquery.Selection) {
					if v := o.AttrOr("value", ""); v != "" && v != value && other == "" {
						other = v
					}
				})
				base.fields = append(base.fields, field{kind, name, other})
			case "textarea":
				kind, value = "textarea", c.Text()
			}
			_, checked := c.Attr("checked")
			switch kind {
			case "checkbox", "radio":
				if !checked {
					if n := len(base.fields); n == 0 || base.fields[n-1].name != name { // another choice is enough
						base.fields = append(base.fields, field{kind, name, value})
					}
					return
				}
			case "hidden", "select":
			default:
				if other, ok := another[name]; ok && !fixed {
					base.fields = append(base.fields, field{kind, name, other})
				}
			}
			if name != "" {
				base.form.Add(name, value)
			}
		})
		for i, b := range buttons {
			o := base
			if i > 0 { // the same form
				o.fields = nil
			}
			o.action = b.AttrOr("formaction", o.action)
			o.form = o.changed(field{name: b.AttrOr("name", "none"), other: b.AttrOr("value", "")})
			o.form.Del("none")
			out = append(out, o)
		}
	})
	return out
}

// pages are the onboarding's pages that a person can be on: each route, each step, and all that these link to.
func (b *browser) pages(id onboarding.ID) map[string]page {
	b.t.Helper()
	at := web.OnboardingPath(id)
	todo := []string{at + "/plan?kind=teardown", at + "/plan?kind=verify"}
	for _, r := range handlers.Routes() {
		rest, ok := strings.CutPrefix(r.Pattern, "/o/{id}/")
		if ok && r.Method == http.MethodGet && !strings.Contains(rest, "{") && rest != "events" {
			todo = append(todo, at+"/"+rest)
		}
	}
	for _, step := range []string{"deployment", "region", "compute", "online-store", "accounts", "data-sources", "project"} {
		todo = append(todo, at+"/step/"+step)
	}
	seen, out := map[string]bool{}, map[string]page{}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		if path, _, _ = strings.Cut(path, "#"); seen[path] || strings.HasPrefix(path, at+"/connect/start") {
			continue
		}
		seen[path] = true
		p := b.get(path)
		if p.status == http.StatusSeeOther && strings.HasPrefix(p.to(), at+"/") {
			todo = append(todo, p.to())
		}
		if p.status != http.StatusOK || !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") {
			continue
		}
		out[path] = p
		p.Find("main a[href]").Each(func(_ int, a *goquery.Selection) {
			link := a.AttrOr("href", "")
			if !strings.HasPrefix(link, at+"/") {
				return
			}
			link = strings.Replace(link, "?from=check", "", 1) // the same page
			todo = append(todo, link)
		})
	}
	return out
}

// snapshot keeps what is stored, so that each button is pressed in the same state. The cookies go with their session.
type snapshot struct {
	w       *world
	b       *browser
	conn    *pgx.Conn
	columns map[string]string // of each table, those that aren't computed
	all     string            // reads the rows of every table
	kept    map[string]string // the rows of each table, as the text of an array
	cookies []*http.Cookie
}

func (w *world) snapshot(b *browser) *snapshot {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.db.OwnerURL)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close(w.t.Context()) })
	s := &snapshot{w: w, b: b, conn: conn, columns: map[string]string{}}
	if _, err := conn.Exec(w.t.Context(), `SET session_replication_role = replica`); err != nil { // no trigger
		w.t.Fatal(err)
	}
	rows, err := conn.Query(w.t.Context(), `SELECT relname, string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
		WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'river%' AND relname NOT IN ('goose_db_version', 'workers')
			AND attnum > 0 AND NOT attisdropped AND attgenerated = '' GROUP BY relname ORDER BY relname`)
	if err != nil {
		w.t.Fatal(err)
	}
	var each []string
	var table, columns string
	if _, err := pgx.ForEachRow(rows, []any{&table, &columns}, func() error {
		s.columns[table] = columns
		each = append(each, fmt.Sprintf(`SELECT '%[1]s', coalesce(array_agg(r ORDER BY r::text)::text, '{}') FROM public.%[1]s r`, table))
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	s.all = strings.Join(each, " UNION ALL ")
	s.kept = s.rows()
	base, err := url.Parse(w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	s.cookies = b.c.Jar.Cookies(base)
	return s
}

// rows are the rows of each table.
func (s *snapshot) rows() map[string]string {
	s.w.t.Helper()
	rows, err := s.conn.Query(s.w.t.Context(), s.all)
	if err != nil {
		s.w.t.Fatal(err)
	}
	out := map[string]string{}
	var table, text string
	if _, err := pgx.ForEachRow(rows, []any{&table, &text}, func() error {
		out[table] = text
		return nil
	}); err != nil {
		s.w.t.Fatal(err)
	}
	return out
}

// restore brings back what was stored, in the tables that have something else now.
func (s *snapshot) restore() {
	s.w.t.Helper()
	var back pgx.Batch // one transaction
	for table, now := range s.rows() {
		if kept := s.kept[table]; now != kept {
			back.Queue(`DELETE FROM public.` + table)
			back.Queue(fmt.Sprintf(`INSERT INTO public.%[1]s (%[2]s) OVERRIDING SYSTEM VALUE SELECT %[2]s FROM unnest($1::text::public.%[1]s[]) r`, table, s.columns[table]), kept)
		}
	}
	if err := s.conn.SendBatch(s.w.t.Context(), &back).Close(); err != nil {
		s.w.t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.w.t.Fatal(err)
	}
	base, err := url.Parse(s.w.url)
	if err != nil {
		s.w.t.Fatal(err)
	}
	jar.SetCookies(base, s.cookies)
	s.b.c.Jar = jar
}

// known are words of a refusal whose reason the page knew when it was drawn.
var known = []string{"A run is ", "run is in progress", "is archived", "can’t change", "locked", "Only the customer", "Only the person"}

// TestWhatAPageOffersIsTaken presses each button of each page in each state of an onboarding, with the form as it is and
// with one field changed. A form that would be refused for what the page knows isn't offered.
func TestWhatAPageOffersIsTaken(t *testing.T) {
	pressed, seen := 0, 0
	for _, state := range states {
		t.Run(state.name, func(t *testing.T) {
			w := newWorld(t)
			ob, customer := state.make(w)
			people := map[string]*browser{"customer": customer}
			if state.colleague {
				w.joined(ob)
				people["colleague"] = w.as(bob)
			}
			for who, b := range people {
				b.t = t
				pages := b.pages(ob)
				seen += len(pages)
				kept, done := w.snapshot(b), map[string]bool{}
				for _, path := range slices.Sorted(maps.Keys(pages)) {
					for _, o := range offers(path, pages[path]) {
						for _, form := range o.presses() {
							if id := o.action + "?" + form.Encode(); !done[id] {
								done[id] = true
								pressed++
								taken(t, b, who+": "+o.String(), form, b.do(b.request(http.MethodPost, o.action, form.Encode())))
								kept.restore()
							}
						}
					}
				}
			}
		})
	}
	t.Logf("%d states, %d pages, %d buttons pressed", len(states), seen, pressed)
}

// taken fails the test where an offered form was refused.
func taken(t *testing.T, b *browser, o string, form url.Values, got page) {
	t.Helper()
	text := strings.Join(strings.Fields(got.Find("main").Text()), " ")
	switch got.status {
	case http.StatusOK:
	case http.StatusSeeOther:
		if strings.HasPrefix(got.to(), "/signin") {
			t.Errorf("%s: leads to the sign-in", o)
		} else if next := b.get(got.to()); next.status >= 400 {
			t.Errorf("%s: leads to %s, which answers %d", o, got.to(), next.status)
		}
	case http.StatusUnprocessableEntity:
		said := got.Find("[role=alert], .field-err").Text()
		for _, reason := range known {
			if strings.Contains(said, reason) {
				t.Errorf("%s with %s: refused for what the page knew: %.300s", o, form.Encode(), said)
			}
		}
	default:
		t.Errorf("%s with %s: %d %.300s", o, form.Encode(), got.status, text)
	}
}
