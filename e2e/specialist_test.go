package e2e

import (
	"strings"
	"testing"
)

// inBothThemes passes axe in the light theme, and in the dark one what a theme can break.
func (p *tab) inBothThemes() {
	p.t.Helper()
	p.as("light", 1360, 1000)
	p.axe()
	p.as("dark", 1360, 1000)
	p.axeColors()
}

// listed waits until the list has exactly these customers.
func (p *tab) listed(customers ...string) {
	p.t.Helper()
	p.waitFor("the list of "+strings.Join(customers, ", "), `document.readyState === "complete" && [...document.querySelectorAll("tbody tr")].map(e => e.querySelector("a").innerText.trim()).sort().join() === `+quote(strings.Join(customers, ",")))
}

// selectAll ticks every onboarding on the page of the list.
func (p *tab) selectAll(n int) {
	p.t.Helper()
	got := eval[int](p, `(() => { const all = [...document.querySelectorAll("input[type=checkbox][name=row]")]; for (const e of all) if (!e.checked) e.click(); return all.filter(e => e.checked).length })()`)
	if got != n {
		p.fatal("%d onboardings are selected, want %d", got, n)
	}
}

// submit sends the form whose address ends with that act, as a click on its button does, and waits for the next page.
func (p *tab) submit(act string) {
	p.t.Helper()
	p.waitFor("the button of "+act, `(() => { const b = document.querySelector("form[action*='/`+act+`'] button"); if (!b || !b.checkVisibility()) return false; window.__left = true; b.click(); return true })()`)
	p.waitFor("the next page", `document.readyState === "complete" && !window.__left`)
}

// A specialist's day in a browser, each page in both themes: the list, an invitation, a note, a search, an assignment of
// several, an archive and a return from it.
func TestSpecialistsDay(t *testing.T) {
	b := startBrowser(t)
	d := startDemo(t, dataDir(t), "--speed", "100ms", "--no-samples")
	p := b.newTab("Sam")
	p.open(d.AdminURL)
	p.press("Sign in with Google")
	p.signIn("sam@vendor.example")
	p.listed("Acme Analytics")
	p.inBothThemes()

	p.press("Invite customer")
	p.at("/admin/new")
	p.inBothThemes()
	p.fill("customer", "Birch Bikes")
	p.fill("owner_email", "ben@customer.example")
	p.press("Create the invitation")
	p.see("The invitation is ready")
	p.inBothThemes()
	link := eval[string](p, `(document.querySelector("main").innerText.match(/https?:\/\/\S+\/i\/[\w-]+/) || [""])[0]`)
	guest := b.newTab("Ben")
	guest.open(link)
	guest.see("Accept")

	p.press("Open the onboarding")
	p.see("Birch Bikes")
	p.unfold("Add a note")
	p.fill("note", "They start in January.")
	p.press("Add the note")
	p.waitFor("the note in the list", `[...document.querySelectorAll("li")].some(e => e.innerText.includes("They start in January.") && e.innerText.includes("sam@vendor.example"))`)
	p.inBothThemes()

	p.open(d.URL + "/admin")
	p.fill("q", "birch")
	p.press("Apply")
	p.listed("Birch Bikes")
	p.inBothThemes()
	p.open(d.URL + "/admin")
	p.listed("Acme Analytics", "Birch Bikes") // their own
	p.press("Everyone’s")                     // where those stay that are given to someone else
	p.listed("Acme Analytics", "Birch Bikes")

	p.selectAll(2)
	const to = "kim@vendor.example" // who creates an onboarding has it
	p.waitFor("the choice of "+to, `(() => { const s = document.querySelector("form[action^='/admin/bulk'] select[name=specialist]"); s.value = `+quote(to)+`; s.dispatchEvent(new Event("change", {bubbles: true})); return s.value === `+quote(to)+` })()`)
	p.press("Assign")
	p.see("Assign 2 onboardings to " + to + "?")
	p.inBothThemes()
	p.press("Assign 2 onboardings")
	p.at("/admin")
	p.waitFor("both assigned", `[...document.querySelectorAll("tbody tr")].filter(e => e.innerText.includes(`+quote(to)+`)).length === 2`)
	p.inBothThemes()

	p.press("Birch Bikes")
	p.waitFor("the onboarding", `location.pathname.startsWith("/admin/o/ob_") && document.readyState === "complete"`)
	p.unfold("Archive")
	p.choose("confirm", "yes")
	p.inBothThemes()
	p.submit("archive")
	p.see("Archived")
	p.open(d.URL + "/admin")
	p.listed("Acme Analytics")
	p.open(d.URL + "/admin?archived=yes")
	p.listed("Birch Bikes")
	p.inBothThemes()
	guest.open(link)
	guest.waitFor("the link's end", `!document.body.innerText.includes("Accept")`)

	p.press("Birch Bikes")
	p.waitFor("the archived onboarding", `location.pathname.startsWith("/admin/o/ob_") && document.readyState === "complete"`)
	p.unfold("Restore")
	p.inBothThemes()
	p.submit("restore")
	p.waitFor("the restored onboarding", `document.readyState === "complete" && !!document.querySelector("form[action*='/archive']") && !document.querySelector("form[action*='/restore']")`)
	p.see("They start in January.")
	p.inBothThemes()
	p.open(d.URL + "/admin")
	p.listed("Acme Analytics", "Birch Bikes")
}
