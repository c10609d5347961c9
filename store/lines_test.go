package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
)

func TestATimelineIsReadPageByPage(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	for i := range 70 {
		must(t, s.Assign(t.Context(), sam, ob.ID, fmt.Sprintf("s%d@vendor.example", i)))
		if i%2 == 0 {
			must(t, s.AddNote(t.Context(), sam, ob.ID, fmt.Sprintf("Note %d.", i)))
		}
	}
	whole := history(t, s, ob.ID)
	name := func(e onboarding.AuditEntry) string { return fmt.Sprint(e.Seq, e.Text) }
	for of, lines := range map[onboarding.TimelineOf]int{"": len(whole) + 35, onboarding.TimelineHistory: len(whole), onboarding.TimelineNotes: 35} {
		var older, newer []string // both newest first
		page, err := s.Timeline(t.Context(), sam, ob.ID, of, onboarding.LinesAt{})
		must(t, err)
		if page.Newer != "" {
			t.Errorf("%q: the first page has a newer one", of)
		}
		for {
			if !slices.IsSortedFunc(page.Items, func(a, b onboarding.AuditEntry) int { return b.At.Compare(a.At) }) {
				t.Errorf("%q: a page is not ordered by time", of)
			}
			for _, e := range page.Items {
				older = append(older, name(e))
			}
			if page.Older == "" {
				break
			}
			page, err = s.Timeline(t.Context(), sam, ob.ID, of, onboarding.LinesAt{Before: page.Older})
			must(t, err)
		}
		if len(older) != lines || len(slices.Compact(slices.Sorted(slices.Values(older)))) != lines {
			t.Errorf("%q: %d lines on all pages, want %d, each once", of, len(older), lines)
		}
		for {
			var names []string
			for _, e := range page.Items {
				names = append(names, name(e))
			}
			newer = append(names, newer...)
			if page.Newer == "" {
				break
			}
			from := page.Newer
			page, err = s.Timeline(t.Context(), sam, ob.ID, of, onboarding.LinesAt{From: from})
			must(t, err)
			if page.Newer == "" && len(older) > onboarding.PageLines { // the newest page is full, so it overlaps
				for len(newer) > 0 && slices.ContainsFunc(page.Items, func(e onboarding.AuditEntry) bool { return name(e) == newer[0] }) {
					newer = newer[1:]
				}
			}
		}
		if diff := cmp.Diff(older, newer); diff != "" {
			t.Errorf("%q (-to older pages +to newer pages):\n%s", of, diff)
		}
	}
	_, err := s.Timeline(t.Context(), ada, ob.ID, "", onboarding.LinesAt{})
	wantCode(t, err, onboarding.CodeForbidden)
}

func TestAHistoryPageKnowsTheWhole(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	check := func() {
		t.Helper()
		page, err := s.History(t.Context(), sam, ob.ID, onboarding.LinesAt{})
		must(t, err)
		whole := history(t, s, ob.ID)
		erased, at := onboarding.Erasure(whole)
		if page.Count != int64(len(whole)) || page.Last != whole[len(whole)-1].Hash || page.Erased != int64(erased) || !page.ErasedAt.Equal(at) {
			t.Errorf("%d lines to %s, %d erased at %v; want %d to %s, %d at %v", page.Count, page.Last, page.Erased, page.ErasedAt, len(whole), whole[len(whole)-1].Hash, erased, at)
		}
	}
	check()
	must(t, s.Forget(t.Context(), sam, ob.ID))
	check()
	must(t, s.Forget(t.Context(), sam, ob.ID))
	check()
	_, err := s.History(t.Context(), onboarding.Actor{Email: "eve@other.example", Role: onboarding.RoleCustomer}, ob.ID, onboarding.LinesAt{})
	wantCode(t, err, onboarding.CodeNotFound)
}

// A download that begins before an erasure doesn't end after it as if nothing had happened: it would not verify.
func TestAHistoryThatIsErasedWhileItIsReadIsNotWhole(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ob := begin(t, s, ada, onboarding.VendorValues{})
	for i := range 210 {
		must(t, s.Assign(t.Context(), sam, ob.ID, fmt.Sprintf("s%d@vendor.example", i)))
	}
	lines := 0
	err := s.EachLine(t.Context(), sam, ob.ID, func(onboarding.AuditEntry) error {
		if lines++; lines == 1 {
			must(t, s.Assign(t.Context(), sam, ob.ID, "")) // a line that comes later isn't in it
			must(t, s.Forget(t.Context(), sam, ob.ID))
		}
		return nil
	})
	wantCode(t, err, onboarding.CodeConflict)
	over := errors.New("enough")
	if err := s.EachLine(t.Context(), sam, ob.ID, func(onboarding.AuditEntry) error { return over }); !errors.Is(err, over) {
		t.Errorf("stopped with %v", err)
	}
}
