package web

import (
	"bytes"
	"context"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/a-h/templ"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// GalleryPath is where the demo shows the gallery.
const GalleryPath = "/gallery"

// galleryWidths are the widths in CSS pixels at which every page must hold: a phone at the smallest, a tablet, a desktop.
var galleryWidths = []int{320, 768, 1360}

// GalleryPolicy is the policy for the gallery's pages: the page that shows three widths frames the others.
const GalleryPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; " +
	"form-action 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'"

// GalleryView lists the gallery's pages, or one of them at several widths.
type GalleryView struct {
	Frame
	Names []string // of all pages
	Page  string   // the page shown by [GalleryWidths]; "" in the list
	Query string   // only pages whose name contains it
	Look  GalleryLook
}

// GalleryLook is how a page of the gallery is drawn. The zero value draws it as it is.
type GalleryLook struct {
	Theme string // "light" or "dark"; "" leaves it to the browser
	Dir   string // "rtl" for a language that is written from right to left
	Text  string // "long" doubles every text, as a translation might
}

// LookFrom reads a look from a query; values that aren't known are dropped.
func LookFrom(q url.Values) GalleryLook {
	one := func(name string, known ...string) string {
		if v := q.Get(name); slices.Contains(known, v) {
			return v
		}
		return ""
	}
	return GalleryLook{Theme: one("theme", "light", "dark"), Dir: one("dir", "rtl"), Text: one("text", "long")}
}

// query is the look as [LookFrom] reads it, with its question mark; "" for the zero value.
func (l GalleryLook) query() string {
	q := url.Values{}
	for name, v := range map[string]string{"theme": l.Theme, "dir": l.Dir, "text": l.Text} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

type galleryGroup struct {
	Name  string
	Pages []string
}

// groups sorts the names by the page that they show: what stands before the first hyphen.
func (v GalleryView) groups() []galleryGroup {
	var out []galleryGroup
	for _, name := range v.Names {
		if !strings.Contains(name, strings.ToLower(strings.TrimSpace(v.Query))) {
			continue
		}
		group, _, _ := strings.Cut(name, "-")
		at := slices.IndexFunc(out, func(g galleryGroup) bool { return g.Name == group })
		if at < 0 {
			at, out = len(out), append(out, galleryGroup{Name: group})
		}
		out[at].Pages = append(out[at].Pages, name)
	}
	return out
}

func (v GalleryView) count() int    { return len(v.Names) }
func (v GalleryView) index() string { return GalleryPath + v.Look.query() }
func (v GalleryView) page(name string) string {
	return GalleryPath + "/" + name + "/widths" + v.Look.query()
}
func (v GalleryView) source() string { return GalleryPath + "/" + v.Page + v.Look.query() }

// Look is the page with that look.
func (p GalleryPage) Look(look GalleryLook) templ.Component {
	if look == (GalleryLook{}) {
		return p.Component
	}
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var b bytes.Buffer
		if err := p.Component.Render(ctx, &b); err != nil {
			return err
		}
		doc, err := html.Parse(&b)
		if err != nil {
			return err
		}
		for n := range doc.Descendants() {
			switch {
			case n.Type == html.ElementNode && n.DataAtom == atom.Html:
				setAttr(n, "data-theme", look.Theme)
				setAttr(n, "dir", look.Dir)
			case n.Type == html.TextNode && look.Text == "long" && lengthens(n):
				n.Data = strings.TrimRightFunc(n.Data, unicode.IsSpace) + " " + strings.TrimLeftFunc(n.Data, unicode.IsSpace)
			}
		}
		return html.Render(w, doc)
	})
}

// setAttr sets an attribute, or leaves the element alone for "".
func setAttr(n *html.Node, key, value string) {
	if value == "" {
		return
	}
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
	n.Attr = append(n.Attr, html.Attribute{Key: key, Val: value})
}

// lengthens reports whether a text is one that people read in the page: words, outside of scripts and form values.
func lengthens(n *html.Node) bool {
	switch n.Parent.DataAtom {
	case atom.Script, atom.Style, atom.Title, atom.Textarea, atom.Option, atom.Noscript:
		return false
	}
	return strings.ContainsFunc(n.Data, unicode.IsLetter)
}
