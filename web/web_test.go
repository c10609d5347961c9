package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"groundwork/onboarding"
)

func render(t *testing.T, p GalleryPage) (*goquery.Document, string) {
	t.Helper()
	var b bytes.Buffer
	if err := p.Component.Render(context.Background(), &b); err != nil {
		t.Fatalf("draw %s: %v", p.Name, err)
	}
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatalf("parse %s: %v", p.Name, err)
	}
	return doc, b.String()
}

// keep writes a file below GALLERY_DIR, where that is set: GALLERY_DIR=/tmp/gallery go test ./web leaves a folder
// that any static file server shows.
func keep(t *testing.T, name string, body []byte) {
	t.Helper()
	dir := os.Getenv("GALLERY_DIR")
	if dir == "" {
		return
	}
	to := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, body, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestGallery holds for every page in every state what no page may break.
func TestGallery(t *testing.T) {
	for name, f := range assets().by {
		keep(t, "assets/"+name, f.body)
	}
	seen := map[string]bool{}
	for _, p := range Gallery() {
		if seen[p.Name] {
			t.Errorf("two pages are named %s", p.Name)
		}
		seen[p.Name] = true
		t.Run(p.Name, func(t *testing.T) {
			doc, html := render(t, p)
			keep(t, p.Name+".html", []byte(html))
			checkDocument(t, doc)
			checkPolicy(t, doc)
			checkForms(t, doc)
			checkErrors(t, doc)
		})
	}
}

// TestGalleryHasEveryPage finds the pages by what draws a whole document.
func TestGalleryHasEveryPage(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	calls := func(in ast.Node) []string {
		var names []string
		ast.Inspect(in, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if name, ok := call.Fun.(*ast.Ident); ok {
					names = append(names, name.Name)
				}
			}
			return true
		})
		return names
	}
	var pages, shown []string
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			switch {
			case !ok:
			case strings.HasPrefix(path, "gallery"):
				shown = append(shown, calls(f)...)
			case f.Name.IsExported() && strings.HasSuffix(path, "_templ.go") && slices.Contains(calls(f), "Layout"):
				pages = append(pages, f.Name.Name)
			}
		}
	}
	if len(pages) < 15 {
		t.Fatalf("only found the pages %q", pages)
	}
	for _, page := range pages {
		if !slices.Contains(shown, page) {
			t.Errorf("%s is a page that the gallery doesn't show", page)
		}
	}
}

func checkDocument(t *testing.T, doc *goquery.Document) {
	t.Helper()
	if lang := doc.Find("html").AttrOr("lang", ""); lang == "" {
		t.Error("the document names no language")
	}
	title := doc.Find("head > title").Text()
	if title == "" || strings.HasPrefix(title, " ") {
		t.Errorf("title is %q", title)
	}
	if n := doc.Find("h1").Length(); n != 1 {
		t.Errorf("%d h1, want one", n)
	}
	if n := doc.Find("main").Length(); n != 1 {
		t.Errorf("%d main, want one", n)
	}
	ids := map[string]bool{}
	doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
		id := s.AttrOr("id", "")
		if id == "" || ids[id] {
			t.Errorf("id %q is empty or used twice", id)
		}
		ids[id] = true
	})
	for _, attr := range []string{"aria-labelledby", "aria-describedby", "for", "list", "aria-controls"} {
		doc.Find("[" + attr + "]").Each(func(_ int, s *goquery.Selection) {
			for _, id := range strings.Fields(s.AttrOr(attr, "")) {
				if !ids[id] {
					t.Errorf("%s names %q, which isn't on the page", attr, id)
				}
			}
		})
	}
	doc.Find("button[data-copy]").Each(func(_ int, s *goquery.Selection) {
		if id := s.AttrOr("data-copy", ""); !ids[id] {
			t.Errorf("a copy button copies %q, which isn't on the page", id)
		}
	})
	doc.Find("[hx-target]").Each(func(_ int, s *goquery.Selection) {
		if id := strings.TrimPrefix(s.AttrOr("hx-target", ""), "#"); !ids[id] {
			t.Errorf("htmx targets %q, which isn't on the page", id)
		}
	})
	level := 1
	doc.Find("main h1, main h2, main h3, main h4").Each(func(i int, s *goquery.Selection) {
		l := int(goquery.NodeName(s)[1] - '0')
		if l > level+1 && i > 0 {
			t.Errorf("heading %q jumps from level %d to %d", strings.TrimSpace(s.Text()), level, l)
		}
		level = l
	})
}

// checkPolicy looks for what the content security policy refuses.
func checkPolicy(t *testing.T, doc *goquery.Document) {
	t.Helper()
	if n := doc.Find("style, [style], script:not([src]), object, embed, base").Length(); n > 0 {
		t.Errorf("%d inline styles, scripts or embedded objects", n)
	}
	doc.Find("*").Each(func(_ int, s *goquery.Selection) {
		for _, a := range s.Get(0).Attr {
			if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on") || strings.HasPrefix(strings.ToLower(a.Val), "javascript:") || strings.HasPrefix(a.Val, "js:") {
				t.Errorf("attribute %s=%q evaluates code", a.Key, a.Val)
			}
			if a.Key == "href" && (a.Val == "" || strings.Contains(a.Val, "templ.failed") || strings.HasPrefix(a.Val, "about:")) {
				t.Errorf("a link leads to %q", a.Val)
			}
		}
	})
	doc.Find("script[src], link[href], img[src]").Each(func(_ int, s *goquery.Selection) {
		at := s.AttrOr("src", s.AttrOr("href", ""))
		if !strings.HasPrefix(at, "/assets/") {
			t.Errorf("%s loads %q from elsewhere", goquery.NodeName(s), at)
		}
		if w := get(at, ""); w.Code != http.StatusOK {
			t.Errorf("%s answers %d", at, w.Code)
		}
	})
}

func checkForms(t *testing.T, doc *goquery.Document) {
	t.Helper()
	doc.Find("input:not([type=hidden]), select, textarea").Each(func(_ int, s *goquery.Selection) {
		id := s.AttrOr("id", "")
		if s.Closest("label").Length() == 0 && (id == "" || doc.Find(`label[for="`+id+`"]`).Length() != 1) {
			t.Errorf("control %q (%s) has no label", s.AttrOr("name", ""), id)
		}
		if _, must := s.Attr("required"); must {
			t.Errorf("control %q would show the browser's own bubble", id)
		}
	})
	doc.Find("form").Each(func(_ int, s *goquery.Selection) {
		if s.AttrOr("action", "") == "" {
			t.Error("a form has no action")
		}
		if s.Find("button, input[type=submit]").Length() == 0 {
			t.Errorf("the form to %s has no button", s.AttrOr("action", ""))
		}
	})
	doc.Find("button").Each(func(_ int, s *goquery.Selection) {
		if strings.TrimSpace(s.Text()) == "" && s.AttrOr("aria-label", "") == "" {
			t.Error("a button has no name")
		}
	})
	doc.Find("a").Each(func(_ int, s *goquery.Selection) {
		if strings.TrimSpace(s.Text()) == "" {
			t.Errorf("the link to %s has no name", s.AttrOr("href", ""))
		}
	})
	doc.Find("fieldset").Each(func(_ int, s *goquery.Selection) {
		if s.ChildrenFiltered("legend").Length() != 1 {
			t.Error("a fieldset has no legend")
		}
	})
}

func checkErrors(t *testing.T, doc *goquery.Document) {
	t.Helper()
	summary := doc.Find("#errors")
	title := doc.Find("head > title").Text()
	if summary.Length() == 0 {
		return
	}
	if !strings.HasPrefix(title, "Error: ") {
		t.Errorf("a page with problems is titled %q", title)
	}
	if summary.AttrOr("tabindex", "") != "-1" {
		t.Error("the summary can't take the focus")
	}
	summary.Find("a").Each(func(_ int, s *goquery.Selection) {
		id := strings.TrimPrefix(s.AttrOr("href", ""), "#")
		field := doc.Find(`[id="` + id + `"]`)
		if field.Length() != 1 {
			t.Errorf("the summary links to #%s, which isn't there", id)
			return
		}
		said := doc.Find(`[id="` + id + `-error"]`).Text()
		if !strings.Contains(said, s.Text()) {
			t.Errorf("the summary says %q, the field %q", s.Text(), said)
		}
		if !strings.Contains(field.AttrOr("aria-describedby", field.Closest("fieldset").AttrOr("aria-describedby", "")), id+"-error") {
			t.Errorf("#%s isn't described by its message", id)
		}
	})
}

func get(path, encoding string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	Assets().ServeHTTP(w, r)
	return w
}

func TestAssets(t *testing.T) {
	t.Run("keep for ever under a hashed name", func(t *testing.T) {
		w := get(Asset("app.css"), "")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
	t.Run("answer 404 under the plain name", func(t *testing.T) {
		if w := get("/assets/app.css", ""); w.Code != http.StatusNotFound {
			t.Errorf("answered %d", w.Code)
		}
	})
	t.Run("come packed to those who take it", func(t *testing.T) {
		w := get(Asset("htmx.min.js"), "br, gzip")
		if w.Header().Get("Content-Encoding") != "gzip" || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Fatalf("headers %v", w.Header())
		}
		r, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != get(Asset("htmx.min.js"), "").Body.String() {
			t.Errorf("unpacked differs: %v", err)
		}
	})
	t.Run("let the style sheet find its fonts", func(t *testing.T) {
		css := get(Asset("app.css"), "").Body.String()
		for _, font := range []string{"inter-latin.woff2", "inter-latin-ext.woff2"} {
			if name := strings.TrimPrefix(Asset(font), "/assets/"); !strings.Contains(css, `url("`+name+`")`) {
				t.Errorf("the style sheet doesn't name %s", name)
			}
		}
	})
	t.Run("refuse a post", func(t *testing.T) {
		w := httptest.NewRecorder()
		Assets().ServeHTTP(w, httptest.NewRequest(http.MethodPost, Asset("app.js"), nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("answered %d", w.Code)
		}
	})
}

// TestProgressParts holds that a live message brings the whole of a run's page up to date, and only that.
func TestProgressParts(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	for name, v := range map[string]ProgressView{
		"of the customer's page": s.progress(onboarding.RunSucceeded),
		"of the staff's page":    s.detail(DetailRun, onboarding.RunRunning).staffRun(),
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := ProgressParts(v).Render(context.Background(), &b); err != nil {
				t.Fatal(err)
			}
			keep(t, "parts-"+v.stateWord()+".txt", b.Bytes())
			parts, err := goquery.NewDocumentFromReader(&b)
			if err != nil {
				t.Fatal(err)
			}
			var body bytes.Buffer
			if err := runBody(v).Render(context.Background(), &body); err != nil {
				t.Fatal(err)
			}
			whole, err := goquery.NewDocumentFromReader(&body)
			if err != nil {
				t.Fatal(err)
			}
			live := map[string]bool{}
			parts.Find("hx-partial").Each(func(_ int, s *goquery.Selection) {
				target := s.AttrOr("hx-target", "")
				live[target] = true
				if s.AttrOr("hx-swap", "") != "innerMorph" {
					t.Errorf("%s is swapped by %q; a morph keeps focus and what is open", target, s.AttrOr("hx-swap", ""))
				}
				want, err := whole.Find(target).Html()
				if err != nil || whole.Find(target).Length() != 1 {
					t.Fatalf("%s isn't on the page once: %v", target, err)
				}
				if got, _ := s.Html(); strings.TrimSpace(got) != strings.TrimSpace(want) {
					t.Errorf("%s differs from the page:\n%s\n%s", target, got, want)
				}
			})
			whole.Find("[id^=run-]").Each(func(_ int, s *goquery.Selection) {
				id := "#" + s.AttrOr("id", "")
				within := s.ParentsFiltered("[id^=run-]").Length() > 0
				if !live[id] && !within && id != "#run-heading" {
					t.Errorf("%s is never brought up to date", id)
				}
			})
		})
	}
}

// TestDetailParts holds that a live message brings parts of the specialists' page up to date that are on it.
func TestDetailParts(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	for _, tab := range []DetailTab{DetailOverview, DetailRun} {
		t.Run(string(tab), func(t *testing.T) {
			v := s.detail(tab, onboarding.RunRunning)
			page, _ := render(t, GalleryPage{string(tab), AdminDetail(v)})
			parts, _ := render(t, GalleryPage{string(tab), DetailParts(v)})
			targets := parts.Find("hx-partial")
			if targets.Length() < 3 {
				t.Errorf("%d parts", targets.Length())
			}
			targets.Each(func(_ int, part *goquery.Selection) {
				target := page.Find(part.AttrOr("hx-target", ""))
				want, _ := target.Html()
				if got, _ := part.Html(); target.Length() != 1 || strings.TrimSpace(got) != strings.TrimSpace(want) {
					t.Errorf("%s is %d times on the page, or differs", part.AttrOr("hx-target", ""), target.Length())
				}
			})
		})
	}
}
