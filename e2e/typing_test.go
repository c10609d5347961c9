package e2e

import "testing"

// holds waits until the field of that name is seen with that text.
func (p *tab) holds(name, text string) {
	p.t.Helper()
	p.waitFor("what was typed into "+name, `document.readyState === "complete" && (e => !!e && e.checkVisibility() && e.value === `+quote(text)+`)(document.querySelector("input[name=`+name+`]:not([type=hidden]), textarea[name=`+name+`]"))`)
}

// unfold opens what is folded under that heading.
func (p *tab) unfold(heading string) {
	p.t.Helper()
	p.waitFor("the folded "+heading, `(() => { const s = [...document.querySelectorAll("summary")].find(s => s.innerText.trim() === `+quote(heading)+`); if (!s) return false; s.parentElement.open = true; return true })()`)
}

// endOthers signs the same person in elsewhere, who ends every other session from there.
func endOthers(t *testing.T, b *browser, url, email string) {
	t.Helper()
	other := b.newTab("elsewhere, " + email)
	other.t = t
	other.open(url)
	other.press("Sign in with Google")
	other.signIn(email)
	other.at("/sessions")
	other.press("End all others")
	other.waitFor("the end of the other sessions", `!document.body.innerText.includes("End all others")`)
}

// Whose session ends while they type finds the text again after signing in, and saves it with one more press.
func TestASessionThatEndsWhileTypingLosesNothing(t *testing.T) {
	b := startBrowser(t)
	d := startDemo(t, dataDir(t), "--speed", "100ms", "--no-samples")

	t.Run("a customer in a step", func(t *testing.T) {
		p := b.newTab("Ada")
		p.t = t
		p.open(d.InviteURL)
		p.press("Accept")
		p.press("Sign in with Google")
		p.signIn("ada@customer.example")
		p.at("/step/deployment")
		const name = "typed-before-the-end"
		p.fill("name", name)
		endOthers(t, b, d.URL+"/sessions", "ada@customer.example")
		p.press("Save and continue")
		p.at("/signin")
		p.see("What you typed is kept")
		p.axe()
		p.press("Sign in with Google")
		p.signIn("ada@customer.example")
		p.at("/step/deployment")
		p.holds("name", name)
		p.press("Save and continue")
		p.at("/step/region")
		p.open(d.URL + "/")
		p.waitFor("the onboarding", `location.pathname.startsWith("/o/ob_")`)
		p.open(eval[string](p, `location.origin + location.pathname.split("/").slice(0, 3).join("/")`) + "/step/deployment")
		p.holds("name", name)
	})

	t.Run("a specialist in a note", func(t *testing.T) {
		p := b.newTab("Sam")
		p.t = t
		p.open(d.AdminURL)
		p.press("Sign in with Google")
		p.signIn("sam@vendor.example")
		p.see("Acme Analytics")
		p.press("Acme Analytics")
		const note = "Called them.\nThey ask for a second region."
		p.unfold("Add a note")
		p.fill("note", note)
		endOthers(t, b, d.URL+"/sessions", "sam@vendor.example")
		p.press("Add the note")
		p.at("/signin")
		p.see("What you typed is kept")
		p.press("Sign in with Google")
		p.signIn("sam@vendor.example")
		p.holds("note", note)
		p.press("Add the note")
		p.see("They ask for a second region.")
		p.waitFor("one note in the list", `[...document.querySelectorAll("li")].filter(e => e.innerText.includes("They ask for a second region.") && e.innerText.includes("sam@vendor.example")).length === 1`)
	})
}
