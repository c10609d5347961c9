package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// focus moves with Tab until the element that the JavaScript condition on e describes has the focus.
func (p *tab) focus(what, is string) {
	p.t.Helper()
	for range 120 {
		if eval[bool](p, `(e => `+is+`)(document.activeElement)`) {
			return
		}
		p.keys(kb.Tab)
	}
	p.fatal("Tab doesn't reach %s", what)
}

// typeInto types into the field of that name.
func (p *tab) typeInto(name, text string) {
	p.t.Helper()
	p.focus(name, `e.name === `+quote(name)+` && e.type !== "hidden"`)
	p.keys(text)
}

// pick chooses the radio button with that value: Tab reaches its group, and the arrows choose in it.
func (p *tab) pick(name, value string) {
	p.t.Helper()
	p.focus(name, `e.name === `+quote(name)+` && e.type === "radio"`)
	for range 60 {
		if eval[bool](p, `document.activeElement.checked && document.activeElement.value === `+quote(value)) {
			return
		}
		if eval[bool](p, `!document.activeElement.checked && document.activeElement.value === `+quote(value)) {
			p.keys(" ")
			continue
		}
		p.keys(kb.ArrowDown)
	}
	p.fatal("the arrows don't reach %s of %s", value, name)
}

// enter presses the button or link with that text by Tab and Enter, and waits for the page that follows.
func (p *tab) enter(text string) {
	p.t.Helper()
	p.focus(text, `e.matches("a, button, input[type=submit]") && (e.innerText || e.value || "").trim().startsWith(`+quote(text)+`)`)
	eval[bool](p, `window.__left = true`)
	p.keys(kb.Enter)
	p.waitFor("the page after "+text, `document.readyState === "complete" && !window.__left`)
}

// narrow looks at the page at 320 px: it doesn't scroll sideways, and passes axe.
func (p *tab) narrow() {
	p.t.Helper()
	p.fits()
	p.axe()
}

// The journeys that a first walk leaves out: by keyboard only, on a small phone, by two people, and with
// another store after the first run.
func TestOtherWalks(t *testing.T) {
	b := startBrowser(t)
	d := startDemo(t, dataDir(t), "--speed", "100ms", "--no-samples")
	const workspace = "https://1234567890123456.7.gcp.databricks.com"

	ada := b.newTab("Ada")
	ada.as("light", 1360, 1000)
	t.Run("the form by keyboard only", func(t *testing.T) {
		p := ada
		p.t = t
		p.open(d.InviteURL)
		p.enter("Accept")
		p.enter("Sign in with Google")
		p.signIn("ada@customer.example")
		p.at("/step/deployment")
		p.enter("Save and continue")
		p.at("/step/region")
		p.pick("region", "us-west1")
		p.enter("Save and continue")
		p.at("/step/compute")
		p.pick("platform", "databricks")
		p.typeInto("workspace", workspace)
		p.typeInto("token", "dapi-sample-service-principal")
		p.typeInto("runtime", "15.4.x-scala2.12")
		p.enter("Save and continue")
		p.at("/step/online-store")
		p.pick("store", "bigtable")
		p.enter("Save and continue")
		p.at("/step/accounts")
		p.pick("spark", "create")
		p.focus("the confirmation", `e.name === "control_plane" && e.type === "checkbox"`)
		p.keys(" ")
		p.enter("Save and continue")
		p.at("/step/data-sources")
		p.typeInto("datasets", "acme-data-prod.sales")
		p.enter("Save and continue")
		p.at("/step/project")
	})

	if t.Failed() {
		return // what follows goes on from here
	}
	t.Run("a colleague on a small phone connects and starts the run", func(t *testing.T) {
		ada.t = t
		ada.fill("project", "acme-data-prod")
		ada.press("Save and continue")
		ada.at("/check")
		ada.open(strings.Replace(ada.url(), "/check", "/connect", 1))
		ada.waitFor("the colleague's form", `(() => { const e = document.querySelector("details input[name=email], input[name=email]"); if (!e) return false; const d = e.closest("details"); if (d) d.open = true; return true })()`)
		ada.fill("email", "ben@customer.example")
		ada.press("Send this step")
		ada.see("on its way to ben@customer.example")

		ben := b.newTab("Ben")
		ben.t = t
		ben.as("dark", 320, 700)
		ben.open(d.URL + "/demo/mail")
		ben.narrow()
		link := eval[string](ben, `(document.querySelector("main").innerText.match(/https?:\/\/\S+\/i\/[\w-]+/) || [""])[0]`)
		if link == "" {
			ben.fatal("no link in the mail")
		}
		ben.open(link)
		ben.narrow()
		ben.press("Accept")
		ben.press("Sign in with Google")
		ben.signIn("ben@customer.example")
		ben.waitFor("a page of the onboarding", `location.pathname.startsWith("/o/ob_") && document.readyState === "complete"`)
		home := eval[string](ben, `location.origin + location.pathname.split("/").slice(0, 3).join("/")`)
		ben.narrow()
		ben.open(home + "/connect")
		ben.narrow()
		ben.press("Connect Google Cloud")
		ben.signIn("ben@customer.example")
		ben.see("is connected")
		ben.open(home + "/plan")
		ben.see("acme-data-prod")
		ben.narrow()
		ben.press("Create")
		ben.at("/progress")
		ben.waitFor("the end of the run", `document.body.innerText.includes("Everything is set up")`)
		ben.narrow()
		ben.open(home + "/done")
		ben.narrow()
		// The customer sees who did it.
		ada.open(home + "/audit")
		ada.see("ben@customer.example")
	})

	if t.Failed() {
		return
	}
	t.Run("another store after the run", func(t *testing.T) {
		p := ada
		p.t = t
		home := eval[string](p, `location.origin + location.pathname.split("/").slice(0, 3).join("/")`)
		p.open(home + "/step/online-store?from=check")
		p.choose("store", "redis")
		for name, value := range map[string]string{
			"endpoint": "redis-14000.internal.c42.us-west1-1.gcp.cloud.redislabs.com:14000", "redis_token": "sample-redis-token", "cidr": "10.42.0.0/24",
			"spark_network_project": "acme-data-prod", "spark_network": "databricks-vpc", "spark_peer_project": "rlrcp-sample", "spark_peer_network": "databricks-net",
			"serving_peer_project": "rlrcp-sample", "serving_peer_network": "serving-net", "attested_by": "Ada Sample",
		} {
			p.fill(name, value)
		}
		p.press("Save and continue")
		p.at("/check")
		p.open(home + "/plan")
		p.press("Review the permissions and connect")
		p.press("Connect Google Cloud")
		p.signIn("ada@customer.example")
		p.see("is connected")
		p.open(home + "/plan")
		p.see("No longer")
		p.look("30-plan-another-store")
		p.see("about $470 a month")
		p.press("Remove or keep these")
		p.at("/progress")
		p.waitFor("the end of the run", `document.body.innerText.includes("Everything is set up")`)
		p.see("Keep the Bigtable instance")
		p.look("31-progress-another-store")
		p.open(home + "/done")
		p.unfoldAll(true)
		p.see("Keep the Bigtable instance")
		p.see("The Databricks token and Redis token are still sealed on our servers")
		if strings.Contains(p.text(), "Remove the Bigtable instance") {
			p.fatal("the page says that what was kept is removed")
		}
		p.look("32-done-another-store")
	})
}
