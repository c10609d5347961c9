package web

import (
	"fmt"
	"slices"
	"time"

	"groundwork/onboarding"
)

// query is the list's address under the filter, after change has altered a copy of it. The cursor is dropped.
func (v AdminListView) query(change func(*onboarding.Filter)) string {
	f := v.Filter
	f.Cursor = ""
	if change != nil {
		change(&f)
	}
	return ListURL(f)
}

func (v AdminListView) export() string {
	f := v.Filter
	f.Cursor = ""
	return withQuery("/admin/export.csv", filterQuery(f))
}

// waits are the times that the list offers: those at which the age is colored, a week, and the present one.
func (v AdminListView) waits() []time.Duration {
	all := []time.Duration{v.target(), 2 * v.target(), 7 * 24 * time.Hour}
	if v.Filter.Waited > 0 {
		all = append(all, v.Filter.Waited)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (v AdminListView) target() time.Duration {
	if v.Target == 0 {
		return 24 * time.Hour
	}
	return v.Target
}

func (v AdminListView) filtered() bool { return v.narrowed() || v.Filter.Status != "" }

// detail is where a row leads: with the list and the row's place in it.
func (v AdminListView) detail(i int) string {
	at := ""
	if i < len(v.Page.Places) {
		at = v.Page.Places[i]
	}
	return DetailPlace{Filter: v.Filter, At: at}.URL(v.Page.Items[i].ID)
}

// sorted returns aria-sort, if the list is sorted by the column, and the sort that a click on it asks for.
func (v AdminListView) sorted(o onboarding.Order) (aria string, next onboarding.Sort) {
	by, descending, _ := v.Filter.Sort.Order()
	switch {
	case by.Key != o.Key:
		return "", o.Sort(o.Descending)
	case descending != o.Age:
		return "descending", o.Sort(!descending)
	default:
		return "ascending", o.Sort(!descending)
	}
}

// differs reports whether the last verification of a finished onboarding found differences: only those keep it waiting.
func differs(o onboarding.Onboarding) bool {
	return o.Status == onboarding.StatusDone && o.WaitsOn().On == onboarding.PartyCustomer
}

func (v AdminListView) counted() string {
	n := len(v.Page.Items)
	if v.Page.AtLeast {
		return "More than " + plural(v.Page.Total, "onboarding", "onboardings")
	}
	if v.From == 0 || n == 0 {
		return plural(v.Page.Total, "onboarding", "onboardings")
	}
	return fmt.Sprintf("%d–%d of %d", v.From, v.From+n-1, v.Page.Total)
}

func (v AdminListView) ageTone(w onboarding.Waiting) tone { return ageTone(w, v.Now, v.target()) }

func (v AdminListView) listFrame() Frame {
	f := v.Frame.titled("Onboardings")
	f.Nav = "onboardings"
	f.Error = f.Error || len(v.Problems) > 0
	return f
}

func (v AdminListView) narrowed() bool {
	return v.Filter.Search != "" || v.Filter.Specialist != "" && !v.mine() || v.Filter.Waiting != "" || v.Filter.Waited > 0
}

// mine reports whether the list has the reader's own onboardings only.
func (v AdminListView) mine() bool { return v.Email != "" && v.Filter.Specialist == v.Email }

// clear drops what was searched and chosen. The reader's own onboardings stay their own.
func (v AdminListView) clear(f *onboarding.Filter) {
	f.Search, f.Waiting, f.Waited = "", "", 0
	if !v.mine() {
		f.Specialist = ""
	}
}

// whoseURL is this list with the onboardings of one specialist, "" of all.
func (v AdminListView) whoseURL(specialist string) string {
	return v.query(func(f *onboarding.Filter) { f.Specialist = specialist })
}

// whoseCurrent reports whether the list has the onboardings of that specialist, and isn't a saved view.
func (v AdminListView) whoseCurrent(specialist string) bool {
	return v.Filter.Specialist == specialist && !slices.ContainsFunc(v.Views, func(s SavedView) bool { return s.Current })
}

func (v AdminListView) page(cursor string) string {
	f := v.Filter
	f.Cursor = cursor
	return ListURL(f)
}

// views is where a saved view is made or changed.
func (v AdminListView) views() string { return withQuery("/admin/views", filterQuery(v.Filter)) }

// bulk is where the selected rows are sent.
func (v AdminListView) bulk() string { return withQuery("/admin/bulk", filterQuery(v.Filter)) }
