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
	row := func(id onboarding.ID, status onboarding.Status, current string) onboarding.Onboarding {
		return onboarding.Onboarding{ID: id, Customer: "Customer " + string(id), Status: status, Current: current, ActivityAt: time.Now()}
	}
	var asked atomic.Int32
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", web.Assets())
	mux.HandleFunc("GET /admin", func(w http.ResponseWriter, r *http.Request) {
		items := []onboarding.Onboarding{row("a", onboarding.StatusInForm, "Region"), row("b", onboarding.StatusInForm, "Region")}
		if r.Header.Get("X-Live") != "" {
			switch asked.Add(1) {
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
		view := web.AdminListView{Page: onboarding.Page{Items: items, Total: len(items), Counts: map[onboarding.Status]int{"": len(items)}}}
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
	look := func() { eval[bool](p, `document.dispatchEvent(new Event("visibilitychange"))`) }
	rows := func(want string) {
		t.Helper()
		p.waitFor("the rows "+want, `[...document.querySelectorAll(".list tbody tr")].map(r => r.querySelector(".pick input").value + " " + r.cells[3].innerText.trim()).join(", ") === `+quote(want))
	}

	rows("a Region, b Region")
	look()
	rows("a Region, b Create bucket")
	kept := `document.querySelectorAll(".pick input[name=row]")[1].checked && document.querySelectorAll(".list .name")[1] === document.activeElement`
	if !eval[bool](p, kept) {
		t.Error("the row lost its selection or the focus")
	}
	if eval[bool](p, `document.querySelector("[data-moved]").checkVisibility()`) {
		t.Error("a change to a row is said to move rows")
	}
	look()
	rows("a Region, b Finished")
	p.waitFor("what is said", `document.querySelector("[data-moved]").checkVisibility() && document.querySelector(".count").innerText === "3 onboardings"`)
	if !eval[bool](p, kept) {
		t.Error("the row lost its selection or the focus")
	}
	look()
	p.waitFor("the end", `document.querySelector("[data-ended]").checkVisibility()`)
	look()
	time.Sleep(200 * time.Millisecond) // time for a look that must not come
	if n := asked.Load(); n != 3 {
		t.Errorf("the list was read %d times, want 3", n)
	}
}
