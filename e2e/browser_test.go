package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// needBrowser names the browser, or fails in CI and skips elsewhere with the command that installs one.
func needBrowser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const how = "no browser: bin/need chromium installs one"
	if os.Getenv("CI") != "" {
		t.Fatal(how)
	}
	t.Skip(how)
	return ""
}

// tab is one person's browser tab, with its own cookies.
type tab struct {
	t   *testing.T
	ctx context.Context
	who string
}

// browser starts a headless browser; newTab opens a tab of its own person in it.
type browser struct {
	t   *testing.T
	ctx context.Context
}

func startBrowser(t *testing.T, more ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(needBrowser(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WindowSize(1360, 1000), chromedp.UserDataDir(t.TempDir()))
	opts = append(opts, more...)
	actx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(actx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return &browser{t, ctx}
}

func (b *browser) newTab(who string) *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	b.t.Cleanup(cancel)
	// The tab lives as long as the context of its first act, which therefore has no deadline.
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("open a tab for %s: %v", who, err)
	}
	return &tab{b.t, ctx, who}
}

// timed bounds one act in the browser, so that a page that never comes is a failure with a picture.
func (p *tab) timed() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.ctx, patience)
}

func (p *tab) fatal(format string, args ...any) {
	p.t.Helper()
	p.shot("failure")
	p.t.Fatalf("%s at %s: %s\npage:\n%s", p.who, p.url(), fmt.Sprintf(format, args...), p.text())
}

func (p *tab) open(url string) {
	p.t.Helper()
	ctx, cancel := p.timed()
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		p.fatal("open %s: %v", url, err)
	}
}

func eval[T any](p *tab, js string) T {
	p.t.Helper()
	ctx, cancel := p.timed()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js))
	if err != nil {
		p.t.Fatalf("%s: evaluate %.80s: %v", p.who, js, err)
	}
	return v
}

func (p *tab) url() string  { return eval[string](p, `location.href`) }
func (p *tab) text() string { return eval[string](p, `document.body ? document.body.innerText : ""`) }

// waitFor polls a JavaScript condition until it holds.
func (p *tab) waitFor(what, js string) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second) // a question that a new page swallows is asked again
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](js))
		cancel()
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			p.fatal("%s did not come within %v", what, patience)
		}
		time.Sleep(50 * time.Millisecond) // between two looks at the browser
	}
}

func (p *tab) see(text string) {
	p.t.Helper()
	p.waitFor("the text "+text, `!!document.body && document.body.innerText.includes(`+quote(text)+`)`)
}

func (p *tab) at(path string) {
	p.t.Helper()
	p.waitFor("the page "+path, `location.pathname.endsWith(`+quote(path)+`) && document.readyState === "complete"`)
}

// press clicks the button or link with that text, as a person would find it, and waits for the page that follows.
func (p *tab) press(text string) {
	p.t.Helper()
	js := `(() => {
		const seen = e => e.offsetParent !== null;
		const all = [...document.querySelectorAll("button, a, summary, input[type=submit]")].filter(seen);
		const words = e => (e.innerText || e.value || "").trim();
		const hit = all.find(e => words(e) === ` + quote(text) + `) || all.find(e => words(e).startsWith(` + quote(text) + `)) || all.find(e => words(e).includes(` + quote(text) + `));
		if (!hit) return false;
		window.__left = true;
		hit.click();
		return true;
	})()`
	p.waitFor("the button "+text, js)
	p.waitFor("the next page", `document.readyState === "complete" && !window.__left`)
}

// choose ticks the radio or checkbox with that name and value.
func (p *tab) choose(name, value string) {
	p.t.Helper()
	sel := fmt.Sprintf(`input[name=%q][value=%q]`, name, value)
	p.waitFor("the choice "+name+"="+value, `(() => { const e = document.querySelector(`+quote(sel)+`); if (!e) return false; e.click(); return e.checked; })()`)
}

// fill types into the field of that name, as keys do: with input events.
func (p *tab) fill(name, value string) {
	p.t.Helper()
	sel := fmt.Sprintf(`input[name=%q]:not([type=hidden]), textarea[name=%q], select[name=%q]`, name, name, name)
	p.waitFor("the field "+name, `(() => { const e = document.querySelector(`+quote(sel)+`); if (!e) return false;
		e.focus(); e.value = `+quote(value)+`;
		e.dispatchEvent(new Event("input", {bubbles: true})); e.dispatchEvent(new Event("change", {bubbles: true}));
		return e.value === `+quote(value)+`; })()`)
}

// shots is where screenshots are kept; e2e/screenshots by default.
func shots() string {
	if dir := os.Getenv("SCREENSHOT_DIR"); dir != "" {
		return dir
	}
	return "screenshots"
}

func (p *tab) shot(name string) {
	p.t.Helper()
	ctx, cancel := p.timed()
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Logf("screenshot %s: %v", name, err)
		return
	}
	if err := os.MkdirAll(shots(), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(shots(), name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// axe runs the accessibility rules on the page and reports each violation.
func (p *tab) axe() {
	p.t.Helper()
	p.runAxe(`{resultTypes: ["violations"]}`)
}

// axeColors runs the rules that another theme can break.
func (p *tab) axeColors() {
	p.t.Helper()
	p.runAxe(`{resultTypes: ["violations"], preload: false, runOnly: ["color-contrast", "link-in-text-block"]}`)
}

// axeShape runs the rules that another width can break.
func (p *tab) axeShape() {
	p.t.Helper()
	p.runAxe(`{resultTypes: ["violations"], preload: false, rules: {"color-contrast": {enabled: false}}}`)
}

func (p *tab) runAxe(options string) {
	p.t.Helper()
	if !eval[bool](p, `!!window.axe`) {
		js, err := os.ReadFile("testdata/axe.min.js")
		if err != nil {
			p.t.Fatal(err)
		}
		ctx, cancel := p.timed()
		defer cancel()
		if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](string(js))); err != nil {
			p.t.Fatalf("load axe: %v", err)
		}
	}
	ctx, cancel := p.timed()
	defer cancel()
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](`axe.run(document, `+options+`).then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.nodes.map(n => n.target.join(" ")).join(", "))))`, chromedp.EvalAwaitPromise))
	if err != nil {
		p.fatal("axe: %v", err)
	}
	var violations []string
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		p.t.Fatal(err)
	}
	for _, v := range violations {
		p.t.Errorf("%s at %s: accessibility: %s", p.who, p.url(), v)
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always marshals
	return strings.ReplaceAll(string(b), "\u2028", `\u2028`)
}
