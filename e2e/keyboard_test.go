package e2e

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// keys types as a person does, into whatever has the focus.
func (p *tab) keys(keys string) {
	p.t.Helper()
	ctx, cancel := p.timed()
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.KeyEvent(keys)); err != nil {
		p.t.Fatalf("%s: type %q: %v", p.who, keys, err)
	}
}

// A page of the form is filled in and sent with the keyboard alone: what has the focus can be seen, Tab reaches
// everything in reading order, arrows choose, and Enter saves.
func TestKeyboard(t *testing.T) {
	posted := make(chan url.Values, 1)
	p := startBrowser(t).newTab("keyboard")
	base := serveGallery(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Errorf("read the form: %v", err)
		}
		posted <- r.PostForm
		w.WriteHeader(http.StatusNoContent)
	})
	p.as("light", 1360, 1000)
	p.open(base + "step-cards-empty")

	p.keys(kb.Tab)
	if got := eval[string](p, `document.activeElement.innerText`); got != "Skip to main content" {
		t.Errorf("the first Tab reaches %q, not the link past the bar", got)
	}
	var order []string
	for range 40 {
		p.keys(kb.Tab)
		at := eval[string](p, `(() => { const e = document.activeElement; return e === document.body ? "" : (e.matches("input, select, textarea") ? e.name : e.innerText.trim().split("\n")[0]) })()`)
		if at == "" {
			break
		}
		order = append(order, at)
		if !eval[bool](p, `(() => {
			const e = document.activeElement, card = e.closest(".choice"), s = getComputedStyle(e), c = card && getComputedStyle(card), b = e.getBoundingClientRect();
			const drawn = x => x && x.outlineStyle !== "none" && parseFloat(x.outlineWidth) >= 2;
			return (drawn(s) || drawn(c)) && b.top >= 0 && b.bottom <= innerHeight;
		})()`) {
			t.Errorf("the focus on %q can't be seen", at)
		}
		if at == "platform" {
			p.keys(" ")
		}
		if at == "workspace" {
			p.keys("https://1234567890123456.7.gcp.databricks.com")
		}
	}
	place := func(name string) int {
		for i, at := range order {
			if at == name {
				return i
			}
		}
		t.Errorf("Tab doesn't reach %s: %q", name, order)
		return -1
	}
	if !(place("platform") < place("workspace") && place("workspace") < place("Save and continue") && place("Save and continue") < place("Finish later")) {
		t.Errorf("Tab goes in another order than the page reads: %q", order)
	}

	eval[bool](p, `(document.querySelector("input[name=workspace]").focus(), true)`)
	p.keys(kb.Enter)
	select {
	case form := <-posted:
		if form.Get("workspace") != "https://1234567890123456.7.gcp.databricks.com" || form.Get("platform") != "databricks" || form.Get("version") == "" {
			t.Errorf("Enter sent %v", form)
		}
	case <-time.After(patience):
		p.fatal("Enter in a field doesn't save the page")
	}
}

// The list of onboardings is worked through with the keys that "?" lists, and its head selects the whole page.
func TestTheListsKeys(t *testing.T) {
	p := startBrowser(t).newTab("keys")
	base := serveGallery(t, http.NotFound)
	p.as("light", 1360, 1000)
	p.open(base + "admin")
	p.waitFor("the script", `document.readyState === "complete" && !document.querySelector("[data-keys]").hidden`)
	row := func(n int, of string) string {
		return `(() => { const r = document.querySelectorAll(".list tbody tr")[` + strconv.Itoa(n) + `]; return ` + of + ` })()`
	}
	focused := func(n int) {
		t.Helper()
		if !eval[bool](p, row(n, `r.querySelector(".name") === document.activeElement`)) {
			p.fatal("row %d doesn't have the focus", n)
		}
	}
	said := func(want string) {
		t.Helper()
		if got := eval[string](p, `document.querySelector("#bulk [role=status]").textContent`); got != want {
			p.fatal("the bar says %q, want %q", got, want)
		}
	}

	p.keys("jj")
	focused(1)
	p.keys("k")
	focused(0)
	plain := eval[string](p, row(0, `getComputedStyle(r).backgroundColor`))
	p.keys("jx")
	said("1 selected:")
	if got := eval[string](p, row(1, `getComputedStyle(r).backgroundColor`)); got == plain {
		t.Error("a selected row looks like any other")
	}
	p.axe()
	p.as("dark", 1360, 1000)
	p.axeColors()
	p.as("light", 1360, 1000)
	p.keys("x")
	said("With the selected:")

	every := `document.querySelector("thead input[type=checkbox]")`
	eval[bool](p, every+`.click() || true`)
	said(eval[string](p, `String(document.querySelectorAll(".list tbody tr").length)`) + " selected:")
	p.keys("jx")
	if !eval[bool](p, every+`.indeterminate`) {
		t.Error("the head shows a part of the page as all of it, or as nothing")
	}

	p.keys("?")
	p.waitFor("the keys", `document.getElementById("keys").open`)
	p.axe()
	eval[bool](p, `document.querySelector("#keys input").click() || true`)
	p.keys(kb.Escape)
	p.waitFor("no keys", `!document.getElementById("keys").open`)
	eval[bool](p, `document.activeElement.blur() || true`)
	p.keys("j?")
	if eval[bool](p, `document.getElementById("keys").open || document.activeElement !== document.body`) {
		t.Error("keys that are turned off act")
	}
	eval[bool](p, `document.querySelector("[data-keys]").click() || document.querySelector("#keys input").click() || document.querySelector("#keys button").click() || true`)

	eval[bool](p, `document.getElementById("q").focus() || true`)
	p.keys("jx?")
	if got := eval[string](p, `document.getElementById("q").value`); got != "jx?" {
		t.Errorf("the search field has %q", got)
	}
	eval[bool](p, `document.activeElement.blur() || true`)
	p.keys("j")
	to := eval[string](p, row(0, `r.querySelector(".name").href`))
	p.keys(kb.Enter)
	p.waitFor("the onboarding", `location.href === `+quote(to))
}
