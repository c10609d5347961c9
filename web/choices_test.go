package web

import (
	"testing"

	"groundwork/wizard"
)

// Regions come under their continents; choices with hints of their own keep them beside their labels.
func TestASelectGroupsChoicesThatShareTheirHint(t *testing.T) {
	field := func(choices ...wizard.Choice) StepPageView {
		s := samples{}
		return s.step(2, wizard.StepView{ID: "region", Title: "Region", Fields: []wizard.FieldView{{Name: "region", Label: "Region", Kind: wizard.KindSelect, Value: "b", Choices: choices}}}, "")
	}
	doc, _ := render(t, GalleryPage{"step", StepPage(field(
		wizard.Choice{Value: "a", Label: "A", Hint: "Asia"}, wizard.Choice{Value: "b", Label: "B", Hint: "Europe"}, wizard.Choice{Value: "c", Label: "C", Hint: "Europe"},
	))})
	if doc.Find("optgroup").Length() != 2 || doc.Find("optgroup[label=Europe] option").Text() != "BC" || doc.Find("option[selected]").AttrOr("value", "") != "b" {
		h, _ := doc.Find("select").Html()
		t.Errorf("the regions aren't grouped: %s", h)
	}
	doc, _ = render(t, GalleryPage{"step", StepPage(field(wizard.Choice{Value: "a", Label: "A", Hint: "cheap"}, wizard.Choice{Value: "b", Label: "B", Hint: "fast"}))})
	if doc.Find("optgroup").Length() != 0 || doc.Find("option[value=b]").Text() != "B – fast" {
		t.Errorf("hints of single choices became groups: %s", doc.Find("select").Text())
	}
}
