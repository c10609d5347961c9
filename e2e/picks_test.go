package e2e

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// The filter above many choices hides the others, and the arrow keys then move among those that are left. A line of a named list
// fills its field.
func TestAListOfChoicesIsFilteredAndPickedByKeyboard(t *testing.T) {
	p := startBrowser(t).newTab("picks")
	base := serveGallery(t, http.NotFound)
	p.as("light", 390, 844)
	p.open(base + "step-region")
	shown := func() string {
		return eval[string](p, `[...document.querySelectorAll(".pick-line")].filter(e => e.offsetParent).map(e => e.querySelector("input").value).join(" ")`)
	}
	eval[bool](p, `(document.querySelector("input[type=search]").focus(), true)`)
	p.keys("EUROPE data")
	if got := shown(); got != "europe-west1 europe-west3" {
		t.Errorf("the filter leaves %q", got)
	}
	p.keys(kb.Tab)
	p.keys(" ")
	p.keys(kb.ArrowDown)
	if got := eval[string](p, `document.querySelector("input[name=region]:checked").value`); got != "europe-west3" {
		t.Errorf("the keys chose %q", got)
	}
	eval[bool](p, `(document.querySelector("input[type=search]").focus(), true)`)
	p.keys("x")
	p.see("Nothing matches the filter")

	p.open(base + "step-project-connected")
	eval[bool](p, `(document.querySelector("a[data-value=acme-data-dev]").click(), true)`)
	if got := eval[string](p, `document.querySelector("input[name=project]").value`); got != "acme-data-dev" {
		t.Errorf("the line filled in %q", got)
	}
	if eval[string](p, `location.search`) != "" {
		t.Error("the page was left")
	}
}
