package e2e

import (
	"net/http"
	"net/url"
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
