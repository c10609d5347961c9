package wizard

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"groundwork/onboarding"
)

// StepDef declares one page of the wizard. T is the answer: a struct that marshals to a JSON object and back.
// Zero functions mean the default, so a step with only fields runs.
type StepDef[T any] struct {
	ID     string // stored, never renamed; lower case and hyphens, safe in a URL
	Title  string // the question, the page's h1
	Name   string // a short name for lists and sections, "Region"; "" means Title
	Intro  string // one or two sentences under the title, "" if none
	Knows  string // who in a company most often knows the answer, as a sentence
	Asks   string // what to ask them, in the customer's words
	Fields []Field[T]

	// Check looks across fields; it runs when each field is good by itself.
	Check func(T, Case) Problems
	// Probe asks the outside, after Check, and may replace what was typed by what it means (a project number
	// by the project's ID). It is called only with a Lookup.
	Probe func(ctx context.Context, c Case, answer *T) (Problems, error)
	// Summary gives the lines of "Check your answers". nil: a line for each field that applies.
	Summary func(T, Case) []Row
	// Outline gives the lines beside the form. nil: none.
	Outline func(T, Case) []Row
	// Missing names what the customer must add beside the fields that come later. nil: nothing.
	Missing func(T, Case) []string
	// MissingVendor names what the specialist must add. nil: nothing.
	MissingVendor func(T, Case) []string
	// Spec adds what the answer means; fields of branches not taken must be left out.
	Spec func(T, *onboarding.Spec)
	// Planner gives the derived names for the answer as typed. nil: the page has no planner.
	Planner func(T) []Derived
	// Connects marks the page that offers to connect a Google account.
	Connects bool
}

// Field declares one control. Exactly one of Value, Flag, Lines and Secret says where the answer is kept.
type Field[T any] struct {
	Name         string // of the control and of problems; never renamed without the page
	Label        string
	Hint         string            // one sentence above the control
	HintFor      func(Case) string // instead of Hint, where it depends on the rest
	Autocomplete string
	Kind         Kind
	Optional     bool
	Quiet        bool // "Check your answers" has no line for it while it is empty
	Mono         bool
	// Own marks what belongs to one onboarding alone: a copy asks for it again. Secrets and confirmations always do.
	Own bool
	// Locks marks what can't change once anything was created with it.
	Locks bool
	Free  bool   // free text: emoji and right-to-left marks are welcome
	Width int    // see [FieldView.Width]
	Max   int    // characters (of each line for KindLines); 0 means 255, or Read's own limit where there is one
	Need  string // the sentence when it is empty; "" means "Enter the <label>"

	// ShowWhen is "field=value": the field applies only to that choice of an earlier cards field, with "field=on" while an
	// earlier checkbox is ticked, or with "field=" while it isn't. "" means always.
	ShowWhen string

	Value  func(*T) *string                 // KindText, KindSelect, KindCards, KindConfirm
	Flag   func(*T) *bool                   // KindCheckbox
	Lines  func(*T) *[]string               // KindLines
	Secret func(*T) *onboarding.SecretState // KindSecret
	// Purpose is what a secret is sealed for.
	Purpose onboarding.Purpose
	// SentTo is the address that a secret is sent to. When it changes, a kept secret is asked for again, so that nobody
	// has it sent to a server of theirs without knowing it. nil: it is sent to no address that the customer names.
	SentTo func(*T) string
	// Later keeps the tick of "I don't have this yet". nil: not offered, except for a secret with Await.
	Later func(*T) *bool
	// Await names what is waited for when it comes later, "Databricks API token". A secret with Await may come later.
	Await string

	// Default fills the control when nothing is saved. With Derive an answer that is empty or equal to it is saved
	// as "", so that it follows what it is derived from.
	Default func(Case) string
	Derive  bool
	// Confirms is the value of a KindConfirm; "" means that there is nothing to confirm yet.
	Confirms func(Case) string
	// Choices of a select or cards, or suggestions for a text field. It must do without a Lookup.
	Choices func(context.Context, Case) ([]Choice, error)
	// Unknown is the sentence for a choice that isn't offered. nil: "Choose one of the options".
	Unknown func(value string) string
	// Read takes what is meant out of what was typed or pasted, and says in a sentence what to correct, or "".
	// For KindLines it reads one line. It must give its own result back unchanged, and refuse what is too long
	// where Max is 0. nil: anything goes.
	Read func(string) (string, string)
}

const (
	defaultMax = 255
	// maxLines is the number of lines that one field takes.
	maxLines = 100
	// lineProblems is how many bad lines are named one by one.
	lineProblems = 10
)

// Define erases the type of a declaration. A declaration that cannot work panics, at the start of the program.
func Define[T any](def StepDef[T]) *Step {
	seen := map[string]bool{}
	for _, f := range def.Fields {
		places := 0
		for _, set := range []bool{f.Value != nil, f.Flag != nil, f.Lines != nil, f.Secret != nil} {
			if set {
				places++
			}
		}
		switch {
		case places != 1:
			panic(fmt.Sprintf("wizard: field %s.%s needs exactly one of Value, Flag, Lines, Secret", def.ID, f.Name))
		case seen[f.Name]:
			panic(fmt.Sprintf("wizard: field %s.%s is declared twice", def.ID, f.Name))
		case (f.Kind == KindSelect || f.Kind == KindCards) && f.Choices == nil:
			panic(fmt.Sprintf("wizard: field %s.%s needs Choices", def.ID, f.Name))
		case f.Kind == KindConfirm && f.Confirms == nil:
			panic(fmt.Sprintf("wizard: field %s.%s needs Confirms", def.ID, f.Name))
		case f.Secret != nil && f.Purpose == "":
			panic(fmt.Sprintf("wizard: field %s.%s needs a Purpose", def.ID, f.Name))
		}
		if parent, _, ok := strings.Cut(f.ShowWhen, "="); ok && !seen[parent] {
			panic(fmt.Sprintf("wizard: field %s.%s is shown by %s, which must come before it", def.ID, f.Name, parent))
		}
		seen[f.Name] = true
	}
	return &Step{declared: &step[T]{def}}
}

type step[T any] struct{ def StepDef[T] }

func (s *step[T]) ID() string { return s.def.ID }

func (s *step[T]) Title() string { return s.def.Title }

// Name is the short name of the step, for lists.
func (s *step[T]) Name() string { return cmp.Or(s.def.Name, s.def.Title) }
