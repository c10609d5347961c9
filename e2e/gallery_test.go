package e2e

import (
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"groundwork/web"
)

// serveGallery serves every page in every state, under the policy that the real pages have; what their forms post
// goes to post.
func serveGallery(t *testing.T, post http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", web.Assets())
	mux.HandleFunc("GET /axe.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		http.ServeFile(w, r, "testdata/axe.min.js")
	})
	mux.HandleFunc("POST /", post)
	mux.HandleFunc("GET /", http.NotFound) // streams too: a page is not drawn anew for one that isn't there
	for _, p := range web.Gallery() {
		mux.HandleFunc("GET /gallery/"+p.Name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", web.ContentSecurityPolicy)
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			if err := p.Look(web.LookFrom(r.URL.Query())).Render(r.Context(), w); err != nil {
				t.Errorf("draw %s: %v", p.Name, err)
			}
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = srv.Close() })
	return "http://" + l.Addr().String() + "/gallery/"
}

// neverBack keeps no page for a way back: a browser that does needs a fifth more for each page.
var neverBack = chromedp.Flag("disable-features", "BackForwardCache,Translate,BlinkGenPropertyTrees") // the others are the default

// linkAxe loads axe from the gallery's server. The browser compiles what it has at an address once, and not for each page.
func (p *tab) linkAxe() {
	p.t.Helper()
	ctx, cancel := p.timed()
	defer cancel()
	loaded, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`new Promise(done => {
		const s = document.createElement("script");
		s.src = "/axe.js";
		s.onload = () => done(!!window.axe);
		s.onerror = () => done(false);
		document.head.append(s);
	})`, chromedp.EvalAwaitPromise))
	if err != nil || !loaded {
		p.t.Fatalf("load axe: %v", err)
	}
}

// as draws the tab at that width in the light or dark theme.
func (p *tab) as(theme string, width, height int64) {
	p.t.Helper()
	ctx, cancel := p.timed()
	defer cancel()
	err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height))
	if err == nil {
		_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
	}
	if err != nil {
		p.t.Fatalf("%s at %d px: %v", theme, width, err)
	}
}

// Every page in every state passes axe in both themes, wide and at 320 px, where nothing scrolls sideways, with
// texts of twice the length and from right to left either. Colors are measured in both themes, and everything else at both
// widths.
func TestGallery(t *testing.T) {
	p := startBrowser(t, neverBack).newTab("gallery")
	base := serveGallery(t, http.NotFound)
	all := os.Getenv("SCREENSHOTS") == "all"
	for _, page := range web.Gallery() {
		t.Run(page.Name, func(t *testing.T) {
			p.t = t
			p.as("light", 1360, 1000)
			p.open(base + page.Name)
			p.linkAxe()
			if all {
				p.shot(page.Name + "-light")
			}
			p.unfoldAll(true)
			p.axe()
			p.unfoldAll(false)
			p.as("dark", 1360, 1000)
			p.axeColors()
			if all {
				p.shot(page.Name + "-dark")
			}
			p.as("dark", 320, 800)
			p.axeShape()
			p.unfoldAll(true)
			p.fits()
			p.legible()
			// A translation is longer than the English text, and some languages are written from right to left.
			p.open(base + page.Name + "?dir=rtl&text=long")
			p.unfoldAll(true)
			p.fits()
			if all {
				p.as("light", 390, 844)
				p.shot(page.Name + "-narrow")
			}
		})
	}
}

// unfoldAll opens everything that is folded, so that it is looked at as well, or folds it again.
func (p *tab) unfoldAll(open bool) {
	p.t.Helper()
	if open {
		eval[int](p, `[...document.querySelectorAll("details:not(.menu, [open])")].map(d => { d.open = true; d.dataset.unfolded = "yes" }).length`)
	} else {
		eval[int](p, `[...document.querySelectorAll("[data-unfolded]")].map(d => d.open = false).length`)
	}
}

// legible fails when a text stands in a column so narrow that it breaks within its words.
func (p *tab) legible() {
	p.t.Helper()
	out := eval[string](p, `[...document.querySelectorAll("td, th, p, li, dd, summary, button")].filter(e => {
		const r = e.getBoundingClientRect();
		return r.width > 1 && r.width < 72 && e.innerText.length > 12 && r.height > 80 && !e.closest(".scroll");
	}).map(e => e.tagName + " " + Math.round(e.getBoundingClientRect().width) + " px: " + e.innerText.slice(0, 40)).join(" | ")`)
	if out != "" {
		p.t.Errorf("%s squeezes texts: %s", p.url(), out)
	}
}

// fits fails when the page is wider than the window, and names what sticks out.
func (p *tab) fits() {
	p.t.Helper()
	out := eval[string](p, `(() => {
		const w = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= w) return "";
		const far = [...document.body.querySelectorAll("*")].filter(e => (r => r.right > w + 1 || r.left < -1)(e.getBoundingClientRect()) && !e.closest(".scroll, .tabs"));
		return document.documentElement.scrollWidth + " px: " + far.slice(-3).map(e => e.tagName + "." + e.className + " " + e.innerText.slice(0, 40)).join(" | ");
	})()`)
	if out != "" {
		p.t.Errorf("%s scrolls sideways: %s", p.url(), out)
	}
}
