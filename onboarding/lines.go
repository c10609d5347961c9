package onboarding

import "time"

// PageLines is how many lines a page of a list that only grows has, unless its reader asks for fewer.
const PageLines = 50

// LinesAt says which page of a list that only grows is read. The zero value is the page of the newest lines, and so is
// anything that is no place of the list.
type LinesAt struct {
	Before string // the newest lines before this place, from [Lines.Older]
	From   string // the oldest lines from this place on, from [Lines.Newer]
	Limit  int    // 0 is [PageLines], which is also the most
}

// Lines is a page of a list that only grows: a history, notes, invites, or a task's log.
type Lines[T any] struct {
	Items []T    // newest first
	Older string // the page before this one is [LinesAt.Before] this place; "" on the oldest
	Newer string // the page after this one is [LinesAt.From] this place; "" on the newest
}

// History is a page of an onboarding's history, and what holds for the whole.
type History struct {
	Lines[AuditEntry]
	Count    int64  // lines of the whole
	Last     string // the hash that stands for the whole
	Erased   int64  // lines of the whole whose people and texts were erased
	ErasedAt time.Time
}

// TimelineOf says which lines a timeline has.
type TimelineOf string

// The zero value has both.
const (
	TimelineNotes   TimelineOf = "notes"
	TimelineHistory TimelineOf = "history"
)
