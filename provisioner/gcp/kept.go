package gcp

import (
	"errors"
	"net/http"
	"time"

	"google.golang.org/api/googleapi"

	"groundwork/onboarding"
)

// Kept is an object that Google refuses to delete or replace, whoever asks.
type Kept struct {
	Object string // "bucket/name"
	By     string // "the bucket's retention policy"
	Until  string // "2026-12-01 08:00 UTC", or in words
}

// KeptBy reads such a refusal from an error; nil: it is another one.
func KeptBy(err error) *Kept {
	var e *googleapi.Error
	if !errors.As(err, &e) {
		return nil
	}
	return keptIn(e, readAnswer(e))
}

func keptIn(e *googleapi.Error, a answer) *Kept {
	if e.Code != http.StatusForbidden {
		return nil
	}
	k := &Kept{Object: "in the bucket", Until: "someone releases it"}
	switch {
	case a.says("active Event-Based hold"):
		k.By = "an event-based hold"
	case a.says("Temporary hold"):
		k.By = "a temporary hold"
	case a.says("object retention"):
		k.By, k.Until = "its retention setting", "that ends"
	case a.says("retention policy"):
		k.By, k.Until = "the bucket's retention policy", "that ends"
	default:
		return nil
	}
	if m := keptObject.FindStringSubmatch(a.text); m != nil {
		k.Object = m[1]
	}
	if m := keptUntil.FindStringSubmatch(a.text); m != nil {
		k.Until = m[1]
		if at, err := time.Parse(time.RFC3339Nano, m[1]); err == nil {
			k.Until = at.UTC().Format("2006-01-02 15:04 UTC")
		}
	}
	return k
}

// String is what keeps what, for the middle of a sentence: "a temporary hold keeps the object b/o until someone releases it".
func (k *Kept) String() string {
	return k.By + " keeps the object " + k.Object + " until " + k.Until
}

func (k *Kept) failure(said string) Failure {
	return Failure{
		Class: Final, Code: onboarding.CodeConflict, Said: said,
		Message: "Google won't delete or replace an object: " + k.String() + ". Try again after that. Google says: " + said,
	}
}
