package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"groundwork/wizard"
)

// fieldID is the id of a field's control; for cards, of the first.
func fieldID(name string) string { return "f-" + name }

// describedBy lists the ids that describe a field's control, "" for none.
func describedBy(f wizard.FieldView) string {
	var ids []string
	if f.Hint != "" {
		ids = append(ids, fieldID(f.Name)+"-hint")
	}
	if f.Kind == wizard.KindSecret && (f.Set || f.Wiped) {
		ids = append(ids, fieldID(f.Name)+"-set")
	}
	if len(f.Errors) > 0 {
		ids = append(ids, fieldID(f.Name)+"-error")
	}
	return strings.Join(ids, " ")
}

func width(n int) string {
	switch {
	case n == 0:
		return ""
	case n <= 5:
		return "w-4"
	case n <= 12:
		return "w-10"
	case n <= 22:
		return "w-20"
	case n <= 34:
		return "w-30"
	default:
		return "w-45"
	}
}

// branch is a field with the fields that belong to one of its choices.
type branch struct {
	wizard.FieldView
	When []when
}

// when holds the fields of one choice; N is the choice's number, from 1.
type when struct {
	N      int
	Label  string
	Fields []branch
}

// branches turns a step's flat fields into a tree by ShowWhen. A ShowWhen that names no field or choice of the
// page leaves its field at the top, so that nothing is ever lost.
func branches(fields []wizard.FieldView) []branch {
	known := map[string]wizard.FieldView{}
	for _, f := range fields {
		known[f.Name] = f
	}
	var build func(parent string) []branch
	build = func(parent string) []branch {
		var out []branch
		for _, f := range fields {
			p, _, _ := strings.Cut(f.ShowWhen, "=")
			if f.ShowWhen != "" {
				if q, ok := known[p]; !ok || choiceNumber(q, f.ShowWhen) == 0 || p == f.Name {
					p = ""
				}
			}
			if p != parent {
				continue
			}
			b := branch{FieldView: f}
			var own []branch
			if f.Name != "" {
				own = build(f.Name)
			}
			for _, c := range own {
				n := choiceNumber(f, c.ShowWhen)
				if k := len(b.When); k == 0 || b.When[k-1].N != n {
					b.When = append(b.When, when{N: n, Label: choiceLabel(f, n)})
				}
				w := &b.When[len(b.When)-1]
				w.Fields = append(w.Fields, c)
			}
			out = append(out, b)
		}
		return out
	}
	return build("")
}

// unticked is the number of a checkbox's other choice.
const unticked = 99

// choiceNumber is the number, from 1, of the choice that "field=value" names; 0 for none. A checkbox has two: ticked, and
// with "field=" unticked.
func choiceNumber(f wizard.FieldView, showWhen string) int {
	_, value, _ := strings.Cut(showWhen, "=")
	switch {
	case f.Kind == wizard.KindCheckbox && value == "":
		return unticked
	case f.Kind == wizard.KindCheckbox || f.Kind == wizard.KindConfirm:
		return 1
	}
	for i, c := range f.Choices {
		if c.Value == value {
			return i + 1
		}
	}
	return 0
}

func choiceLabel(f wizard.FieldView, n int) string {
	switch {
	case n == unticked:
		return "anything else"
	case n >= 1 && n <= len(f.Choices):
		return f.Choices[n-1].Label
	}
	return f.Label
}

// ticked reports whether a checkbox's value means yes.
func ticked(value string) bool {
	switch value {
	case "yes", "true", "on", "1":
		return true
	default:
		return false
	}
}

// errorLinks are the summary's lines: each problem with the id of the control it is about.
func errorLinks(problems wizard.Problems) []Link {
	var out []Link
	for _, p := range problems {
		l := Link{Text: p.Message}
		if p.Field != "" {
			l.URL = "#" + fieldID(p.Field)
		}
		out = append(out, l)
	}
	return out
}

func errorsTitle(n int) string {
	if n == 1 {
		return "Fix 1 problem to continue"
	}
	return fmt.Sprintf("Fix %d problems to continue", n)
}

// htmxConfig switches on server-sent events, leaves an opened <details> open over updates, and adds no style,
// which the content security policy would refuse. An error's page isn't put into the page: what was there stays.
const htmxConfig = `{"extensions":"sse","morphIgnore":["data-htmx-powered","open"],"includeIndicatorCSS":false,"history":false,"defaultTimeout":0,"noSwap":[204,304,"4xx","5xx"]}`

func choiceID(field string, i int) string {
	if i == 0 {
		return fieldID(field)
	}
	return fieldID(field) + "-" + strconv.Itoa(i+1)
}

func hasChoice(choices []wizard.Choice, value string) bool {
	for _, c := range choices {
		if c.Value == value {
			return true
		}
	}
	return false
}

// grouped divides choices into neighbors of the same group.
func grouped(choices []wizard.Choice) [][]wizard.Choice {
	var groups [][]wizard.Choice
	for i, c := range choices {
		if i > 0 && choices[i-1].Group == c.Group {
			groups[len(groups)-1] = append(groups[len(groups)-1], c)
		} else {
			groups = append(groups, []wizard.Choice{c})
		}
	}
	return groups
}

// manyChoices is how many choices a menu may have; more are listed with a filter.
const manyChoices = 12

// pickOne reports whether the field is drawn as a list of radio buttons with a filter.
func pickOne(f wizard.FieldView) bool {
	return f.Kind == wizard.KindSelect && len(f.Choices) > manyChoices
}

// pickNamed reports whether a text field has choices that people know by another name, so that they are listed.
func pickNamed(f wizard.FieldView) bool {
	return f.Kind == wizard.KindText && slices.ContainsFunc(f.Choices, func(c wizard.Choice) bool { return c.Label != c.Value })
}

// pickURL fills a text field with a choice, also without JavaScript: the page is drawn again with it.
func pickURL(f wizard.FieldView, c wizard.Choice) string {
	return "?" + url.Values{f.Name: {c.Value}}.Encode() + "#" + fieldID(f.Name)
}

func choiceText(c wizard.Choice) string {
	if c.Hint == "" {
		return c.Label
	}
	return c.Label + " – " + c.Hint
}
