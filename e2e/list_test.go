package e2e

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/web"
)

// The open list reads itself again: rows keep their place, what is selected and what has the focus, and show what
// changed. That others came is said. Once the reader is signed out, the page says that it stands still.
func TestTheOpenListIsUpToDate(t *testing.T) {
	drawn := time.Now()
	row := func(id onboarding.ID, status onboarding.Status, current string) onboarding.Onboarding {
		return onboarding.Onboarding{ID: id, Customer: "Customer " + string(id), Status: status, Current: current, ActivityAt: drawn}
	}
	var asked, stage atomic.Int32 // how often the list was read, and what it says
	list := onboarding.Filter{Specialist: "sam@vendor.example"}
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", web.Assets())
	mux.HandleFunc("GET /admin", func(w http.ResponseWriter, r *http.Request) {
		items := []onboarding.Onboarding{row("a", onboarding.StatusInForm, "Region"), row("b", onboarding.StatusInForm, "Region")}
		if r.Header.Get("X-Live") != "" {
			asked.Add(1)
			if got := web.ParseFilter(r.URL.Query()); got.Specialist != list.Specialist {
				t.Errorf("another list is read: %s", r.URL)
			}
			switch stage.Load() {
			case 0:
			case 1:
				items[1] = row("b", onboarding.StatusProvisioning, "Create bucket")
			case 2:
				items = []onboarding.Onboarding{row("c", onboarding.StatusInForm, "Region"), row("b", onboarding.StatusDone, "Finished"), items[0]}
			default:
				http.Redirect(w, r, "/signin", http.StatusSeeOther)
				return
			}
		}
		w.Header().Set("Content-Security-Policy", web.ContentSecurityPolicy)
		view := web.AdminListView{Filter: list, Page: onboarding.Page{Items: items, Total: len(items), Counts: map[onboarding.Status]int{"": len(items)}}}
		if err := web.AdminList(view).Render(r.Context(), w); err != nil {
			t.Errorf("draw the list: %v", err)
		}
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	p := startBrowser(t).newTab("list")
	p.open(srv.URL + "/admin")
	p.waitFor("the script", `document.readyState === "complete" && !document.querySelector("[data-keys]").hidden`)
	p.keys("jjx")
	// The page looks by itself too, so each question makes it look, until it has what the server says now.
	const look = `document.dispatchEvent(new Event("visibilitychange"))`
	rows := func(want string) {
		t.Helper()
		p.waitFor("the rows "+want, look+` && [...document.querySelectorAll(".list tbody tr")].map(r => r.querySelector(".pick input").value + " " + r.cells[3].innerText.trim()).join(", ") === `+quote(want))
	}

	rows("a Region, b Region")
	eval[bool](p, `!!(window.cell = document.querySelector(".list tbody .end time"))`)
	stage.Store(1)
	rows("a Region, b Create bucket")
	if !eval[bool](p, `window.cell.isConnected`) {
		t.Error("a cell that didn't change was replaced")
	}
	kept := `document.querySelectorAll(".pick input[name=row]")[1].checked && document.querySelectorAll(".list .name")[1] === document.activeElement`
	if !eval[bool](p, kept) {
		t.Error("the row lost its selection or the focus")
	}
	if eval[bool](p, `document.querySelector("[data-moved]").checkVisibility()`) {
		t.Error("a change to a row is said to move rows")
	}
	stage.Store(2)
	rows("a Region, b Finished")
	p.waitFor("what is said", `document.querySelector("[data-moved]").checkVisibility() && document.querySelector(".count").innerText === "3 onboardings"`)
	if !eval[bool](p, kept) {
		t.Error("the row lost its selection or the focus")
	}
	stage.Store(3)
	p.waitFor("the end", look+` && document.querySelector("[data-ended]").checkVisibility()`)
	before := asked.Load()
	eval[bool](p, look)
	time.Sleep(200 * time.Millisecond) // time for a look that must not come
	if n := asked.Load(); n != before {
		t.Errorf("the list was read %d times more", n-before)
	}
}
