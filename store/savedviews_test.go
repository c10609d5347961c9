package store_test

import (
	"fmt"
	"testing"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
)

func TestSavedViewsAreOnesOwnOrShared(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	kim := onboarding.Actor{Email: "kim@vendor.example", Role: onboarding.RoleAdministrator}
	lee := onboarding.Actor{Email: "lee@vendor.example", Role: onboarding.RoleSpecialist}
	seen := func(who onboarding.Actor) string {
		t.Helper()
		views, err := s.ListViews(t.Context(), who)
		must(t, err)
		text := ""
		for _, v := range views {
			text += fmt.Sprintf("%s by %s %v %s; ", v.Name, v.By, v.Shared, v.Query)
		}
		return text
	}
	wants := func(who onboarding.Actor, want string) {
		t.Helper()
		if got := seen(who); got != want {
			t.Errorf("%s sees\n%s, want\n%s", who.Email, got, want)
		}
	}
	must(t, s.SaveListView(t.Context(), sam, onboarding.ListView{Name: "Mine", Query: "specialist=sam"}))
	must(t, s.SaveListView(t.Context(), sam, onboarding.ListView{Name: "mine", Query: "specialist=sam%40"})) // replaces
	must(t, s.SaveListView(t.Context(), lee, onboarding.ListView{Name: "Mine", Query: "specialist=lee"}))
	must(t, s.SaveListView(t.Context(), kim, onboarding.ListView{Name: "Stuck", Query: "waited=48h", Shared: true}))
	wantCode(t, s.SaveListView(t.Context(), sam, onboarding.ListView{Name: "All", Shared: true}), onboarding.CodeForbidden)
	wants(sam, "Stuck by kim@vendor.example true waited=48h; mine by sam@vendor.example false specialist=sam%40; ")
	wants(lee, "Stuck by kim@vendor.example true waited=48h; Mine by lee@vendor.example false specialist=lee; ")
	views, err := s.ListViews(t.Context(), lee)
	must(t, err)
	stuck, theirs := views[0].ID, views[1].ID
	for _, id := range []int64{stuck, theirs, 0} {
		wantCode(t, s.RenameListView(t.Context(), sam, id, "Taken"), onboarding.CodeNotFound)
		wantCode(t, s.DeleteListView(t.Context(), sam, id), onboarding.CodeNotFound)
	}
	must(t, s.SaveListView(t.Context(), lee, onboarding.ListView{Name: "Late", Query: "waited=24h"}))
	wantCode(t, s.RenameListView(t.Context(), lee, theirs, "LATE"), onboarding.CodeConflict)
	must(t, s.RenameListView(t.Context(), lee, theirs, "Lee's"))
	must(t, s.RenameListView(t.Context(), kim, stuck, "Waits for days"))
	wants(lee, "Waits for days by kim@vendor.example true waited=48h; Late by lee@vendor.example false waited=24h; Lee's by lee@vendor.example false specialist=lee; ")
	must(t, s.DeleteListView(t.Context(), kim, stuck))
	must(t, s.DeleteListView(t.Context(), lee, theirs))
	wants(lee, "Late by lee@vendor.example false waited=24h; ")
	_, err = s.ListViews(t.Context(), ada)
	wantCode(t, err, onboarding.CodeForbidden)
	for i := range 48 {
		must(t, s.SaveListView(t.Context(), lee, onboarding.ListView{Name: fmt.Sprintf("View %d", i)}))
	}
	must(t, s.SaveListView(t.Context(), lee, onboarding.ListView{Name: "The fiftieth"}))
	wantCode(t, s.SaveListView(t.Context(), lee, onboarding.ListView{Name: "One more"}), onboarding.CodeConflict)
	must(t, s.SaveListView(t.Context(), lee, onboarding.ListView{Name: "The fiftieth", Query: "q=x"}))
}
