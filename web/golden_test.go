package web

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write the golden files of the gallery")

const goldens = "testdata/gallery"

// TestGalleryGoldens compares the structure and the words of every page in every state with a file that is reviewed:
// landmarks, headings, text, links, buttons and fields, and no pixels. See CONTRIBUTING.md for how to write them anew.
func TestGalleryGoldens(t *testing.T) {
	files, bars, order := map[string]string{}, map[string][]string{}, []string(nil)
	for _, p := range Gallery() {
		page, bar := goldenOf(t, p)
		files[p.Name+".txt"] = page
		if bars[bar] == nil {
			order = append(order, bar)
		}
		bars[bar] = append(bars[bar], p.Name)
	}
	// What is around the pages is in one file, each form of it once: a link in it would change every other.
	var around strings.Builder
	for _, bar := range order {
		fmt.Fprintf(&around, "first on %s:\n%s\n", bars[bar][0], bar)
	}
	files["around.txt"] = around.String()
	if *update {
		if err := os.RemoveAll(goldens); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(goldens, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(goldens, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join(goldens, name))
			if err != nil {
				t.Fatalf("%v: run make golden", err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(files[name], "\n")); diff != "" {
				t.Errorf("the page changed; if that is meant, run make golden and review the difference (-before +now):\n%s", diff)
			}
		})
	}
	left, err := filepath.Glob(filepath.Join(goldens, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		if _, ok := files[filepath.Base(path)]; !ok {
			t.Errorf("%s is of no page: run make golden", path)
		}
	}
}

// What a golden file must show when it changes, and what it must not depend on.
func TestAGoldenShowsStructureAndWords(t *testing.T) {
	const page = `<html lang="en"><head><title>T</title></head><body><header><a href="/a">Home</a></header>
	<main id="main"><h1>Title</h1><p>Some  <b>bold</b>
	text</p><section aria-labelledby="h"><h2 id="h">Part</h2><label for="x">Name</label><input id="x" name="x" value="v" required>
	<select name="s"><option value="1">One</option><option value="2" selected>Two</option></select><textarea name="t">typed</textarea>
	<input type="hidden" name="key" value="random"><input type="checkbox" name="c" checked><button class="btn" disabled>Go</button>
	<details><summary>More</summary><p hidden>Hidden</p></details></section></main><svg><title>no</title></svg></body></html>`
	const inside = `title: T
main
  h1: Title
  p: Some bold text
  section “Part”
    h2: Part
    label: Name
    text x = “v” (required)
    select s: One | *Two
    textarea t = “typed”
    hidden key
    checkbox c (checked)
    <Go> (disabled)
    details
      summary: More
      p (hidden): Hidden
`
	draw := func(page string) string {
		doc, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		page, around := golden(doc)
		return page + around
	}
	const want = inside + "header\n  [Home](/a)\n"
	if diff := cmp.Diff(want, draw(page)); diff != "" {
		t.Error(diff)
	}
	if draw(strings.ReplaceAll(page, `class="btn"`, `class="other"`)) != want || draw(strings.ReplaceAll(page, `value="random"`, `value="again"`)) != want {
		t.Error("looks or a form's key change it")
	}
	for was, now := range map[string]string{"<h2 ": "<h3 ", "Some": "Any", `href="/a"`: `href="/b"`, ` required`: ``, `name="t"`: `name="u"`, "<main": "<div"} {
		if draw(strings.ReplaceAll(page, was, now)) == want {
			t.Errorf("%q for %q changes nothing", now, was)
		}
	}
}

func goldenOf(t *testing.T, p GalleryPage) (page, around string) {
	t.Helper()
	var texts [2]string
	for i := range texts { // twice, since a file that depends on the order of a map would fail now and then
		var b bytes.Buffer
		if err := p.Component.Render(t.Context(), &b); err != nil {
			t.Fatalf("draw %s: %v", p.Name, err)
		}
		doc, err := html.Parse(&b)
		if err != nil {
			t.Fatal(err)
		}
		page, around = golden(doc)
		texts[i] = page + around
	}
	if texts[0] != texts[1] {
		t.Errorf("%s is drawn differently each time", p.Name)
	}
	return page, around
}

// golden is a document's outline, one line for each part that a person meets, and apart from it that of what is around the
// page: the bar and the line below.
func golden(doc *html.Node) (page, around string) {
	g := outliner{labels: map[string]string{}}
	for n := range doc.Descendants() {
		if id := attr(n, "id"); id != "" {
			g.labels[id] = plainText(n)
		}
		if n.Type == html.ElementNode && n.Data == "title" && n.Parent.Data == "head" {
			g.line(0, "title: "+plainText(n))
		}
	}
	bar := outliner{labels: g.labels}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "body" {
			continue
		}
		for c := range n.ChildNodes() {
			if c.Type != html.ElementNode {
				continue
			}
			if c.Data == "header" || c.Data == "footer" {
				bar.element(c, 0, "")
				bar.flush(0, "")
			} else if !slices.Contains([]string{"script", "style", "template", "svg"}, c.Data) {
				g.element(c, 0, "")
				g.flush(0, "")
			}
		}
	}
	return g.b.String(), bar.b.String()
}

type outliner struct {
	b      strings.Builder
	labels map[string]string // text by id
	run    []string          // pieces of the line that is being written
}

func (g *outliner) line(depth int, text string) {
	g.b.WriteString(strings.Repeat("  ", depth) + text + "\n")
}

// flush ends a run of text and inline parts.
func (g *outliner) flush(depth int, prefix string) {
	text := strings.Join(strings.Fields(strings.Join(g.run, "")), " ")
	g.run = nil
	if text != "" {
		g.line(depth, prefix+text)
	}
}

func (g *outliner) children(n *html.Node, depth int) {
	g.inside(n, depth, "")
	g.flush(depth, "")
}

// inside writes what is in a node; prefix begins its first line of text.
func (g *outliner) inside(n *html.Node, depth int, prefix string) {
	for c := range n.ChildNodes() {
		switch {
		case c.Type == html.TextNode:
			g.run = append(g.run, c.Data)
		case c.Type != html.ElementNode || slices.Contains([]string{"script", "style", "template", "svg", "br"}, c.Data):
			g.run = append(g.run, " ")
		default:
			g.element(c, depth, prefix)
		}
	}
}

func (g *outliner) element(n *html.Node, depth int, prefix string) {
	name := n.Data
	switch name {
	case "a":
		g.run = append(g.run, " ["+plainText(n)+"]("+attr(n, "href")+")"+state(n)+" ")
	case "button":
		g.run = append(g.run, " <"+plainText(n)+">"+state(n)+" ")
	case "input", "select", "textarea":
		g.flush(depth, prefix)
		g.line(depth, field(n))
	case "progress":
		g.flush(depth, prefix)
		g.line(depth, "progress "+attr(n, "value")+" of "+attr(n, "max"))
	case "header", "nav", "main", "aside", "footer", "section", "form", "table", "ul", "ol", "dl", "details", "fieldset", "dialog", "article":
		g.flush(depth, prefix)
		g.group(n, depth, name)
	case "h1", "h2", "h3", "h4", "h5", "h6", "p", "li", "dt", "dd", "th", "td", "caption", "legend", "label", "summary", "pre", "figcaption":
		g.flush(depth, prefix)
		g.block(n, depth, name+state(n)+": ")
	case "div", "tr", "thead", "tbody", "hgroup", "figure", "datalist":
		g.flush(depth, prefix)
		if role := attr(n, "role"); role != "" || attr(n, "aria-label") != "" || attr(n, "aria-labelledby") != "" || hidden(n) {
			g.group(n, depth, strings.TrimSpace(name+" "+role))
			return
		}
		g.children(n, depth)
	default: // inline
		if hidden(n) {
			return
		}
		g.inside(n, depth, prefix)
	}
}

// block is a line with its text, and below it what else it holds.
func (g *outliner) block(n *html.Node, depth int, prefix string) {
	before := g.b.Len()
	g.inside(n, depth+1, "")
	rest := g.b.String()[before:]
	text := strings.Join(strings.Fields(strings.Join(g.run, "")), " ")
	g.run = nil
	if rest == "" {
		if text != "" {
			g.line(depth, prefix+text)
		}
		return
	}
	// What it holds was written before its last words: the line goes first.
	all := g.b.String()[:before]
	g.b.Reset()
	g.b.WriteString(all)
	g.line(depth, strings.TrimSpace(prefix))
	g.b.WriteString(rest)
	if text != "" {
		g.line(depth+1, text)
	}
}

// group is a landmark or another part with parts; one without any isn't drawn.
func (g *outliner) group(n *html.Node, depth int, name string) {
	label := attr(n, "aria-label")
	for id := range strings.FieldsSeq(attr(n, "aria-labelledby")) {
		label = strings.TrimSpace(label + " " + g.labels[id])
	}
	if label != "" {
		name += " “" + label + "”"
	}
	if method := attr(n, "method"); n.Data == "form" {
		name += " " + strings.ToUpper(method) + " " + attr(n, "action")
	}
	g.line(depth, strings.TrimSpace(name)+state(n))
	g.children(n, depth+1)
}

// field is a control with what a person would find in it. A hidden one has only its name: its value may be a key.
func field(n *html.Node) string {
	kind, name := n.Data, attr(n, "name")
	switch kind {
	case "select":
		var options []string
		for o := range n.Descendants() {
			if o.Type == html.ElementNode && o.Data == "option" {
				text := plainText(o)
				if has(o, "selected") {
					text = "*" + text
				}
				options = append(options, text)
			}
		}
		return "select " + name + state(n) + ": " + strings.Join(options, " | ")
	case "textarea":
		return "textarea " + name + value(plainText(n)) + state(n)
	}
	if kind = attr(n, "type"); kind == "" {
		kind = "text"
	}
	if kind == "hidden" {
		return "hidden " + name
	}
	return kind + " " + name + value(attr(n, "value")) + state(n)
}

func value(v string) string {
	if v == "" {
		return ""
	}
	return fmt.Sprintf(" = “%s”", v)
}

// state are the attributes that change what a part is to a person.
func state(n *html.Node) string {
	var out []string
	for _, key := range []string{"hidden", "open", "checked", "required", "disabled", "readonly", "download"} {
		if has(n, key) {
			out = append(out, key)
		}
	}
	for _, key := range []string{"aria-invalid", "aria-current", "aria-expanded"} {
		if v := attr(n, key); v != "" && v != "false" {
			out = append(out, strings.TrimPrefix(key, "aria-")+" "+v)
		}
	}
	if label := attr(n, "aria-label"); label != "" && (n.Data == "a" || n.Data == "button" || n.Data == "input") {
		out = append(out, "label "+label)
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, ", ") + ")"
}

func hidden(n *html.Node) bool { return has(n, "hidden") }

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// plainText is a node's text without drawings and scripts, each space once.
func plainText(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		if n.Type == html.ElementNode && slices.Contains([]string{"script", "style", "template", "svg"}, n.Data) {
			return
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}
