package web

import (
	"testing"

	"groundwork/onboarding"
)

func TestEachKindOfEventsCanBeChosenByItsWords(t *testing.T) {
	shown := map[onboarding.EventKind]int{}
	for _, g := range kindGroups() {
		for _, kind := range g.Kinds {
			shown[kind]++
		}
	}
	for _, e := range onboarding.Events {
		if kind := e.Kind(); kindWords[kind] == "" || shown[kind] != 1 {
			t.Errorf("%s has the words %q and is offered %d times", kind, kindWords[kind], shown[kind])
		}
	}
}
