package web

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"time"

	"groundwork/onboarding"
)

// AuditView is a page of an onboarding's history with its hashes; the whole is there for download.
type AuditView struct {
	Frame
	onboarding.History
	Onboarding onboarding.Onboarding
	Signed     bool // there is a download with a signed end
}

// span names the lines that the page shows.
func (v AuditView) span() string {
	n := len(v.Items)
	if n == 0 || int64(n) == v.Count {
		return plural(n, "line", "lines")
	}
	return fmt.Sprintf("Lines %d to %d of %d", v.Items[n-1].Seq, v.Items[0].Seq, v.Count)
}

// Parameters of the address of a page of a list, see [onboarding.LinesAt].
const (
	ParamBefore = "before"
	ParamFrom   = "from"
)

// pager leads to the neighbors of a page of a list.
type pager struct {
	Older, Newer string // URLs; "" none
	What         string // "lines"
}

// pages are the links beside a page of the list at an address, whose query is kept.
func pages[T any](l onboarding.Lines[T], what, path string, q url.Values) pager {
	at := func(param, place string) string {
		if place == "" {
			return ""
		}
		to := maps.Clone(q)
		if to == nil {
			to = url.Values{}
		}
		to.Set(param, place)
		return withQuery(path, to)
	}
	return pager{Older: at(ParamBefore, l.Older), Newer: at(ParamFrom, l.Newer), What: what}
}

// after is what a change came to.
func after(c onboarding.Change) string {
	return orText(c.After, "none")
}

// Session is one browser in which a person is signed in.
type Session struct {
	ID       string // for ending it; opens nothing
	Browser  string // what the browser said of itself
	SignedAt time.Time
	SeenAt   time.Time
	Current  bool
}

// SessionsView lists a person's sessions.
type SessionsView struct {
	Frame
	Sessions []Session // the current one first
}

// browserWord is what a browser said of itself in short: "Firefox on Windows". What it can't tell it leaves as it is.
func browserWord(agent string) string {
	find := func(names ...string) string { // mark, word, mark, word; the first mark that is there
		for i := 0; i < len(names); i += 2 {
			if strings.Contains(agent, names[i]) {
				return names[i+1]
			}
		}
		return ""
	}
	// Chrome calls itself Safari too, and Edge and Opera call themselves both.
	browser := find("Edg", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "FxiOS/", "Firefox", "CriOS/", "Chrome", "Chrome/", "Chrome", "Safari/", "Safari")
	on := find("iPhone", "an iPhone", "iPad", "an iPad", "Android", "Android", "CrOS", "ChromeOS", "Windows", "Windows", "Mac OS X", "a Mac", "Linux", "Linux")
	switch {
	case browser != "" && on != "":
		return browser + " on " + on
	case browser != "":
		return browser
	default:
		return orText(agent, "A browser")
	}
}

// FieldSession names the session to end on POST /sessions/end; "others" ends all but the current one.
const FieldSession = "session"

// FieldFree names the address on POST /admin/staff whose role another account may have from then on.
const FieldFree = "free"
