package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"groundwork/web"
)

// The demo shows every page in every state, in the look that the address asks for. Elsewhere there is no such page.
func TestTheDemoShowsEveryPageInEveryState(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.Gallery = web.Gallery })
	b := w.browser()
	index := b.get("/gallery")
	want(t, index, http.StatusOK)
	links := index.Find(".gallery-list a")
	if links.Length() != len(web.Gallery()) {
		t.Errorf("%d links to %d pages", links.Length(), len(web.Gallery()))
	}
	if n := b.get("/gallery?q=receipt").Find(".gallery-list a").Length(); n == 0 || n == links.Length() {
		t.Errorf("the filter leaves %d of %d pages", n, links.Length())
	}

	widths := b.get("/gallery/receipt/widths?dir=rtl&text=long")
	want(t, widths, http.StatusOK)
	frames := widths.Find("iframe")
	if frames.Length() != 3 || frames.First().AttrOr("src", "") != "/gallery/receipt?dir=rtl&text=long" {
		t.Errorf("%d frames, the first of %q", frames.Length(), frames.First().AttrOr("src", ""))
	}

	plain, long := b.get("/gallery/receipt"), b.get("/gallery/receipt?dir=rtl&text=long&theme=dark")
	want(t, plain, http.StatusOK)
	root := long.Find("html")
	if root.AttrOr("dir", "") != "rtl" || root.AttrOr("data-theme", "") != "dark" {
		t.Errorf("the page's root is %v", root.Nodes[0].Attr)
	}
	if p, l := strings.TrimSpace(plain.Find("h1").Text()), strings.TrimSpace(long.Find("h1").Text()); l != p+" "+p {
		t.Errorf("the heading %q became %q", p, l)
	}
	if plain.Find("html").AttrOr("dir", "") != "" || b.get("/gallery/receipt?dir=%22%3E").Find("html").AttrOr("dir", "") != "" {
		t.Error("a direction that isn't known was taken")
	}
	if policy := long.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'self'") {
		t.Errorf("the policy is %q", policy)
	}
	want(t, b.get("/gallery/none"), http.StatusNotFound)

	without := newWorld(t).browser()
	for _, path := range []string{"/gallery", "/gallery/receipt", "/gallery/receipt/widths"} {
		p := without.get(path)
		want(t, p, http.StatusNotFound)
		if policy := p.header.Get("Content-Security-Policy"); policy != web.ContentSecurityPolicy {
			t.Errorf("%s has the policy %q", path, policy)
		}
	}
}
