package web

import (
	"fmt"
	"strings"
	"time"

	"groundwork/onboarding"
)

// AuditView is a page of an onboarding's history with its hashes; the whole is there for download.
type AuditView struct {
	Frame
	Onboarding   onboarding.Onboarding
	Entries      []onboarding.AuditEntry // latest first
	Lines        int64                   // in the whole history
	Signed       bool                    // there is a download with a signed end
	Last         string                  // the hash that stands for the whole
	Erased       int                     // lines of the whole whose people and texts were erased
	ErasedAt     time.Time
	Newer, Older string // URLs of the neighboring pages, "" none
}

// span names the lines that the page shows.
func (v AuditView) span() string {
	if int64(len(v.Entries)) == v.Lines {
		return plural(len(v.Entries), "line", "lines")
	}
	return fmt.Sprintf("Lines %d to %d of %d", v.Entries[len(v.Entries)-1].Seq, v.Entries[0].Seq, v.Lines)
}

// timelineLines is how much of the history the specialists' page of an onboarding shows.
const timelineLines = 100

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
