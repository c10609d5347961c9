package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// look takes the page's picture and holds it against the accessibility rules.
func (p *tab) look(name string) {
	p.t.Helper()
	p.shot(name)
	p.axe()
}

// signIn goes through the emulated provider's pages as that person. The tab stands on them, or comes to them.
func (p *tab) signIn(email string) {
	p.t.Helper()
	p.waitFor("the provider's page", `location.pathname.startsWith("/o/oauth2/") && document.readyState === "complete"`)
	if strings.Contains(p.text(), "Choose an account") {
		p.press(email)
	}
	if strings.Contains(p.text(), "wants access") {
		p.press("Allow")
	}
}

// A customer who knows nothing goes from the invite to the confirmation page, for both online stores; a specialist
// sees it.
func TestWalk(t *testing.T) {
	b := startBrowser(t)
	d := startDemo(t, dataDir(t), "--speed", "300ms", "--no-samples")

	t.Run("bigtable", func(t *testing.T) {
		customer := b.newTab("Ada")
		customer.t = t
		customer.acceptInvite(d.InviteURL, "ada@customer.example")
		customer.answerUntilStore()
		customer.choose("store", "bigtable")
		customer.look("05-online-store-bigtable")
		customer.press("Save and continue")
		customer.finish(d, "bigtable")
	})

	t.Run("the specialist sees it, invites another, who takes Redis", func(t *testing.T) {
		staff := b.newTab("Sam")
		staff.t = t
		staff.open(d.AdminURL)
		staff.look("20-sign-in")
		staff.press("Sign in with Google")
		staff.signIn("sam@vendor.example")
		staff.see("Acme Analytics")
		staff.look("21-admin-list")
		staff.press("Acme Analytics")
		staff.see("Latest activity")
		staff.look("22-admin-detail")
		overview := strings.Split(staff.url(), "?")[0]
		for tab, text := range map[string]string{"run": "Ownership and access", "answers": "Deployment name", "values": "Edit the values", "people": "People and invitations", "history": "Full history, with hashes"} {
			staff.open(overview + "/" + tab)
			staff.see(text)
			staff.look("22-admin-detail-" + tab)
		}
		staff.open(d.URL + "/admin/new")
		staff.press("Create the invitation")
		staff.see("to continue")
		staff.look("23-admin-new-problems")
		staff.fill("customer", "Second Customer")
		staff.fill("owner_email", "ben@customer.example")
		staff.fill("proposed_name", "acme-redis")
		staff.fill("control_plane_account", "tecton-acme-prod-control-plane@tecton-demo-control.iam.gserviceaccount.com")
		staff.fill("serving_project", "tecton-demo-serving")
		staff.fill("serving_network", "serving")
		staff.press("Create the invitation")
		staff.see("/i/")
		staff.look("24-admin-new-created")
		link := eval[string](staff, `[...document.querySelectorAll("input, code, a, pre, output")].map(e => (e.value || e.innerText || "").trim()).find(s => /^https?:.*\/i\/\S+$/.test(s)) || ""`)
		if link == "" {
			staff.fatal("no invite link on the page")
		}

		customer := b.newTab("Ben")
		customer.t = t
		customer.acceptInvite(link, "ben@customer.example")
		customer.answerUntilStore()
		customer.choose("store", "redis")
		customer.fill("endpoint", "redis-14000.internal.c42.us-west1-1.gcp.cloud.redislabs.com:14000")
		customer.fill("redis_token", "sample-redis-token")
		customer.fill("cidr", "10.42.0.0/24")
		customer.fill("spark_network_project", "acme-data-prod")
		customer.fill("spark_network", "databricks-vpc")
		customer.fill("spark_peer_project", "rlrcp-sample")
		customer.fill("spark_peer_network", "databricks-net")
		customer.fill("serving_peer_project", "rlrcp-sample")
		customer.fill("serving_peer_network", "serving-net")
		customer.fill("attested_by", "Ben Sample")
		customer.look("05-online-store-redis")
		customer.press("Save and continue")
		customer.finish(d, "redis")
	})
}

// acceptInvite opens the link, presses the button and signs in as the invited person.
func (p *tab) acceptInvite(link, email string) {
	p.t.Helper()
	p.open(link)
	p.look("01-invite")
	p.press("Accept")
	p.look("01-sign-in")
	p.press("Sign in with Google")
	p.signIn(email)
	p.at("/step/deployment")
}

// answerUntilStore answers the first three steps, making the mistake that people make.
func (p *tab) answerUntilStore() {
	p.t.Helper()
	name := eval[string](p, `document.querySelector("input[name=name]").value`)
	p.fill("name", "Acme Production Environment")
	p.press("Save and continue")
	p.see("to continue")
	p.look("02-deployment-problem")
	if typed := eval[string](p, `document.querySelector("input[name=name]").value`); typed != "Acme Production Environment" {
		p.fatal("what was typed is gone: %q", typed)
	}
	p.fill("name", name)
	p.see("tecton-" + name + "-dataplane") // the planner, live
	p.look("02-deployment")
	p.press("Save and continue")

	p.at("/step/region")
	p.choose("region", "us-west1")
	p.look("03-region")
	p.press("Save and continue")

	p.at("/step/compute")
	if eval[bool](p, `!!document.querySelector("input[name=platform][value=databricks]")`) {
		p.choose("platform", "databricks")
	}
	p.fill("workspace", "https://1234567890123456.7.gcp.databricks.com/?o=42")
	p.fill("token", "dapi-sample-service-principal")
	p.fill("runtime", "15.4.x-scala2.12")
	p.look("04-compute")
	p.press("Save and continue")
	p.at("/step/online-store")
}

// finish answers the rest, connects, approves the plan and waits for the confirmation page.
func (p *tab) finish(d *demo, online string) {
	p.t.Helper()
	p.at("/step/accounts")
	p.choose("spark", "create")
	if eval[bool](p, `!!document.querySelector("input[type=checkbox][name=control_plane]")`) {
		eval[bool](p, `(() => { const e = document.querySelector("input[type=checkbox][name=control_plane]"); if (!e.checked) e.click(); return true })()`)
	}
	p.look("06-accounts")
	p.press("Save and continue")

	p.at("/step/data-sources")
	p.fill("datasets", "acme-data-prod.sales")
	p.look("07-data-sources")
	p.press("Save and continue")

	p.at("/step/project")
	p.look("08-project")
	p.press("Connect Google Cloud")
	p.look("09-connect")
	p.press("Connect Google Cloud")
	p.waitFor("the consent page", `location.pathname.startsWith("/o/oauth2/")`)
	p.shot("10-consent")
	p.signIn(p.email())
	p.see("is connected")
	if !strings.Contains(p.url(), "/step/project") {
		p.press("Continue")
	}
	p.at("/step/project")
	p.fill("project", "acme-data-prod")
	p.look("11-project-connected")
	p.press("Save and continue")

	p.at("/check")
	p.look("12-check")
	p.press("Continue to the plan")
	p.at("/plan")
	p.see("acme-data-prod")
	p.look("13-plan-" + online)
	p.press("Create")
	p.at("/progress")
	p.look("14-progress")
	p.waitFor("the end of the run", `document.body.innerText.includes("See what was created") || document.body.innerText.includes("outputs.json")`)
	p.shot("15-progress-done-" + online)
	if !strings.HasSuffix(p.url(), "/done") {
		p.press("See what was created")
	}
	p.at("/done")
	p.look("16-done-" + online)

	record := eval[string](p, `(() => { const x = new XMLHttpRequest(); x.open("GET", document.querySelector("a[href$='outputs.json']").href, false); x.send(); return x.status + " " + x.responseText })()`)
	body, ok := strings.CutPrefix(record, "200 ")
	if !ok {
		p.fatal("outputs.json: %.200s", record)
	}
	var outputs map[string]any
	if err := json.Unmarshal([]byte(body), &outputs); err != nil {
		p.fatal("outputs.json is not JSON: %v", err)
	}
	for _, secret := range []string{"dapi-sample", "sample-redis-token", "ya29.", "1//0"} {
		if strings.Contains(body, secret) {
			p.fatal("outputs.json holds a secret: %s", secret)
		}
	}
	if !strings.Contains(body, "us-west1") || !strings.Contains(body, "-dataplane") {
		p.fatal("outputs.json lacks the region or the bucket: %s", body)
	}
	if shot := p.receiptLink(); shot != "" {
		p.open(shot)
		p.see("cloud-platform")
		p.look("17-receipt")
	}
	p.press("history")
	p.at("/audit")
	p.see("You answered")
	p.look("18-history")
	p.open(d.URL + "/sessions")
	p.see("This browser")
	p.look("19-sessions")
}

func (p *tab) receiptLink() string {
	return eval[string](p, `(document.querySelector("a[href$='/receipt']") || {}).href || ""`)
}

func (p *tab) email() string {
	return map[string]string{"Ada": "ada@customer.example", "Ben": "ben@customer.example", "Sam": "sam@vendor.example"}[p.who]
}
