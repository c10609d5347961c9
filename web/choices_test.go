package web

import (
	"fmt"
	"testing"

	"groundwork/wizard"
)

// A few choices are a menu. Many are a list of radio buttons with a filter, under the headings of their groups.
func TestManyChoicesAreAListWithAFilter(t *testing.T) {
	field := func(choices ...wizard.Choice) StepPageView {
		s := samples{}
		return s.step(2, wizard.StepView{ID: "region", Title: "Region", Fields: []wizard.FieldView{{Name: "region", Label: "Region", Kind: wizard.KindSelect, Value: "b", Choices: choices}}}, "")
	}
	doc, _ := render(t, GalleryPage{"step", StepPage(field(wizard.Choice{Value: "a", Label: "A", Hint: "cheap"}, wizard.Choice{Value: "b", Label: "B", Hint: "fast"}))})
	if doc.Find("select option[selected]").Text() != "B – fast" || doc.Find("input[type=radio]").Length() != 0 {
		t.Errorf("a few choices are no menu: %s", doc.Find("form").Text())
	}

	many := []wizard.Choice{{Value: "a", Label: "A", Group: "Asia"}, {Value: "b", Label: "B", Group: "Europe", Hint: "fast"}}
	for i := range manyChoices {
		many = append(many, wizard.Choice{Value: fmt.Sprint(i), Label: fmt.Sprint("Place ", i), Group: "Europe"})
	}
	doc, _ = render(t, GalleryPage{"step", StepPage(field(many...))})
	list := doc.Find(".picks")
	if doc.Find("select").Length() != 0 || list.Find("input[type=radio]").Length() != len(many) || list.Find("input[checked]").AttrOr("value", "") != "b" {
		t.Errorf("many choices are no list: %s", list.Text())
	}
	if list.Find("[role=group]").Length() != 2 || list.Find("[role=group][aria-label=Europe] input").Length() != len(many)-1 {
		t.Errorf("the list isn't grouped: %s", list.Text())
	}
	if filter := doc.Find("input[data-filters]"); filter.AttrOr("data-filters", "") != list.AttrOr("id", "?") || filter.AttrOr("name", "none") != "none" {
		t.Error("the filter isn't the list's, or its text would be posted")
	}
	if line, _ := list.Find("input[value=b]").Closest("label").Attr("data-pick"); line != "b europe fast" {
		t.Errorf("the filter looks in %q", line)
	}
}

// A text field whose choices have names lists them below; a link fills the field without JavaScript.
func TestNamedChoicesOfATextFieldAreListed(t *testing.T) {
	s := samples{}
	doc, _ := render(t, GalleryPage{"step", StepPage(s.project("ada@customer.example"))})
	if doc.Find("datalist").Length() != 0 || doc.Find("input[name=project]").AttrOr("data-filters", "") != doc.Find("ul.picks").AttrOr("id", "?") {
		t.Error("the projects aren't listed below their field")
	}
	links := doc.Find("ul.picks a")
	if links.Length() != 2 || links.Last().AttrOr("href", "") != "?project=acme-data-dev#"+fieldID("project") || links.First().AttrOr("aria-current", "") != "true" {
		h, _ := doc.Find("ul.picks").Html()
		t.Errorf("the list is %s", h)
	}
}
