package onboarding

import (
	"encoding/json"
	"reflect"
	"time"
)

// AuditNote is the kind of a specialist's note where notes are shown among the lines of a history.
const AuditNote EventKind = "note"

// AuditEntry is one line of an onboarding's append-only, hash-chained history: an event, with who caused it and when.
// Actor, Text and Data are its personal part, which can be erased.
type AuditEntry struct {
	Seq         int64
	Onboarding  ID
	At          time.Time
	Actor       string // email address; [System]'s for the workers
	Role        Role
	What        EventKind
	Text        string // a sentence for people, in lines of earlier versions; else ""
	Data        []byte // the payload, as [EventData] gave it; nil in some lines of earlier versions
	RequestID   string
	Salt        string // hex; goes with the personal part. "" in lines that were written before parts could be erased
	ContentHash string // of salt and personal part, in hex; stays. "" in the same older lines
	PrevHash    string
	Hash        string
}

// Event is the line's payload. nil where it was erased, where an earlier version wrote none, and where a newer version
// wrote a kind or a payload that this one doesn't know.
func (e AuditEntry) Event() Event {
	zero, known := eventTypes[e.What]
	if !known || len(e.Data) == 0 {
		return nil
	}
	payload := reflect.New(zero.Type())
	payload.Elem().Set(zero)
	if json.Unmarshal(e.Data, payload.Interface()) != nil {
		return nil
	}
	return payload.Elem().Interface().(Event)
}

// Changes are the values before and after, as the line's payload lists them; nil where nothing was changed.
func (e AuditEntry) Changes() []Change {
	switch event := e.Event().(type) {
	case AnswerSaved:
		return event.Changes
	case VendorChanged:
		return event.Changes
	case OnboardingAssigned:
		return event.Changes
	}
	return nil
}

// Erased reports whether the line's personal part was erased.
func (e AuditEntry) Erased() bool { return e.ContentHash != "" && e.Salt == "" }

// Erasure counts the erased lines of a history, and reports when the last was; the zero time if none is.
func Erasure(entries []AuditEntry) (lines int, at time.Time) {
	for _, e := range entries {
		if e.Erased() {
			lines++
		}
		if e.What == EventOnboardingForgotten {
			at = e.At
		}
	}
	if lines == 0 {
		return 0, time.Time{}
	}
	return lines, at
}
