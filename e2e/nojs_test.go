package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
)

// visitor is a person whose browser has no JavaScript: links, forms and cookies alone.
type visitor struct {
	t      *testing.T
	client *http.Client
	email  string
	from   string // the address that they come from, behind a proxy; "" this machine

	rehearse bool // asks for the rehearsal at the accounts

	at     *url.URL
	status int
	page   *goquery.Document
	body   string
}

func newVisitor(t *testing.T, email string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, email: email, client: &http.Client{Jar: jar, Timeout: patience}}
}

func (v *visitor) take(resp *http.Response, err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatalf("%s: %v", v.email, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatalf("%s: read %s: %v", v.email, resp.Request.URL, err)
	}
	v.at, v.status, v.body = resp.Request.URL, resp.StatusCode, string(body)
	if v.page, err = goquery.NewDocumentFromReader(strings.NewReader(v.body)); err != nil {
		v.t.Fatal(err)
	}
}

func (v *visitor) open(address string) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.resolve(address), nil)
	if err != nil {
		v.t.Fatal(err)
	}
	v.send(req)
}

func (v *visitor) send(req *http.Request) {
	v.t.Helper()
	if v.from != "" {
		req.Header.Set("X-Forwarded-For", v.from)
	}
	v.take(v.client.Do(req))
}

func (v *visitor) resolve(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		v.t.Fatal(err)
	}
	if v.at != nil {
		u = v.at.ResolveReference(u)
	}
	return u.String()
}

func (v *visitor) fatal(format string, args ...any) {
	v.t.Helper()
	v.t.Fatalf("%s at %s (%d): %s\npage: %s", v.email, v.at, v.status, fmt.Sprintf(format, args...), strings.Join(strings.Fields(v.page.Find("main").Text()), " "))
}

// follow opens the link with that text.
func (v *visitor) follow(text string) {
	v.t.Helper()
	var href string
	v.page.Find("a[href]").EachWithBreak(func(_ int, a *goquery.Selection) bool {
		if strings.Contains(strings.Join(strings.Fields(a.Text()), " "), text) {
			href, _ = a.Attr("href")
			return false
		}
		return true
	})
	if href == "" {
		v.fatal("no link %q", text)
	}
	v.open(href)
}

// submit presses the button with that text in its form, with the fields as they are but for the given pairs.
func (v *visitor) submit(button string, pairs ...string) {
	v.t.Helper()
	var b *goquery.Selection
	v.page.Find("form button, form input[type=submit]").EachWithBreak(func(_ int, s *goquery.Selection) bool {
		if strings.Contains(strings.Join(strings.Fields(s.Text()), " "), button) {
			b = s
			return false
		}
		return true
	})
	if b == nil {
		v.fatal("no button %q", button)
	}
	form := b.Closest("form")
	if id, ok := b.Attr("form"); ok {
		form = v.page.Find("form#" + id)
	}
	data := url.Values{}
	form.Find("input[name], textarea[name], select[name]").Each(func(_ int, s *goquery.Selection) {
		name, _ := s.Attr("name")
		value, _ := s.Attr("value")
		switch kind, _ := s.Attr("type"); {
		case goquery.NodeName(s) == "textarea":
			data.Set(name, s.Text())
		case goquery.NodeName(s) == "select":
			if o := s.Find("option[selected]"); o.Length() > 0 {
				value, _ := o.Attr("value")
				data.Set(name, value)
			}
		case kind == "radio" || kind == "checkbox":
			if _, on := s.Attr("checked"); on {
				data.Add(name, value)
			}
		case kind != "submit":
			data.Set(name, value)
		}
	})
	if name, ok := b.Attr("name"); ok {
		value, _ := b.Attr("value")
		data.Set(name, value)
	}
	for i := 0; i < len(pairs); i += 2 {
		data.Set(pairs[i], pairs[i+1])
	}
	action, _ := form.Attr("action")
	if to, ok := b.Attr("formaction"); ok {
		action = to
	}
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.resolve(action), strings.NewReader(data.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", v.at.Scheme+"://"+v.at.Host) // as every browser does
	v.send(req)
}

// deletingData are the choices of a teardown's page that delete all that may hold data.
func (v *visitor) deletingData() []string {
	v.t.Helper()
	var pairs []string
	v.page.Find("input[type=radio][value=remove]").Each(func(_ int, s *goquery.Selection) {
		pairs = append(pairs, s.AttrOr("name", ""), "remove")
	})
	if len(pairs) == 0 {
		v.fatal("the page asks about no data")
	}
	return pairs
}

// signIn goes through the provider's pages.
func (v *visitor) signIn() {
	v.t.Helper()
	if !strings.HasPrefix(v.at.Path, "/o/oauth2/") {
		v.fatal("this is not the provider's page")
	}
	if strings.Contains(v.body, "Choose an account") {
		v.follow(v.email)
	}
	if strings.Contains(v.body, "wants access") {
		v.submit("Allow")
	}
}

// must says where the visitor has to be now.
func (v *visitor) must(path string) {
	v.t.Helper()
	if v.status != http.StatusOK || !strings.HasSuffix(v.at.Path, path) {
		v.fatal("want %s", path)
	}
}

// onboard goes from the invite to the button that starts the run, and presses it. It returns the progress page's path.
func (v *visitor) onboard(invite, project string) string {
	v.t.Helper()
	v.reachPlan(invite, project)
	v.approve(project)
	return v.at.Path
}

// approve presses the button that starts the run.
func (v *visitor) approve(project string) {
	v.t.Helper()
	v.submit("in " + project)
	v.must("/progress")
}

// reachPlan goes from the invite to the button that starts the run.
func (v *visitor) reachPlan(invite, project string) {
	v.t.Helper()
	v.open(invite)
	v.submit("Accept")
	v.follow("Sign in with Google")
	v.signIn()
	v.must("/step/deployment")
	v.submit("Save and continue")
	v.must("/step/region")
	v.submit("Save and continue", "region", "us-west1")
	v.must("/step/compute")
	v.submit("Save and continue", "platform", "databricks", "workspace", "https://1234567890123456.7.gcp.databricks.com",
		"token", "dapi-sample-service-principal", "runtime", "15.4.x-scala2.12")
	v.must("/step/online-store")
	v.submit("Save and continue", "store", "bigtable", "zone", "us-west1-a")
	v.must("/step/accounts")
	confirmed, _ := v.page.Find("input[name=control_plane]").Attr("value")
	accounts := []string{"spark", "create", "control_plane", confirmed}
	if v.rehearse {
		accounts = append(accounts, "rehearse", "on")
	}
	v.submit("Save and continue", accounts...)
	v.must("/step/data-sources")
	v.submit("Save and continue", "datasets", project+".sales")
	v.must("/step/project")
	v.follow("Connect Google Cloud")
	v.follow("Connect Google Cloud")
	v.signIn()
	if !strings.HasSuffix(v.at.Path, "/step/project") {
		v.follow("Continue")
	}
	v.submit("Save and continue", "project", project)
	v.must("/check")
	v.follow("Continue to the plan")
	v.must("/plan")
}

// patience is how long a test waits for what comes within seconds on a machine that has nothing else to do.
const patience = 2 * time.Minute

// eventually looks again until ok, as a page without JavaScript reloads itself.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come within %v", what, patience)
		}
		time.Sleep(100 * time.Millisecond) // between two looks at another process
	}
}
