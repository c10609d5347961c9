// Package wizard turns step declarations into a journey: which steps there are, which is next, which may be
// visited, what the pages ask and what the answers add to the spec.
//
// It knows no HTTP server, no database and no HTML.
package wizard

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"

	"groundwork/onboarding"
)

// Kind is how a field is rendered and read.
type Kind string

// The kinds of fields.
const (
	KindText     Kind = "text"
	KindSecret   Kind = "secret" // never shown again; the answer holds a SecretState
	KindSelect   Kind = "select"
	KindCards    Kind = "cards" // two to four choices
	KindCheckbox Kind = "checkbox"
	KindLines    Kind = "lines" // one item a line
	// KindConfirm is a value that the customer confirms and never types: a checkbox whose value is the value
	// shown, so that a confirmation of an older value is noticed. Set tells that it is confirmed.
	KindConfirm Kind = "confirm"
)

// Choice is one option of a select or of cards.
type Choice struct {
	Value, Label, Hint string
	Group              string // the heading under which a page lists it together with its neighbors of the same group; "" none
}

// Problem is one thing to correct, at a field.
type Problem struct {
	Field   string // the field's name; "" for the page
	Message string // tells the reader what to do next
}

// Problems are drawn in the summary on top and each at its field, in the order of the fields.
type Problems []Problem

// At returns the messages at a field.
func (p Problems) At(field string) []string {
	var out []string
	for _, x := range p {
		if x.Field == field {
			out = append(out, x.Message)
		}
	}
	return out
}

// Row is one line of "Check your answers".
type Row struct{ Label, Value string }

// Lookup answers questions from other services while a customer fills in the form. A nil Lookup knows nothing:
// choices are then typed, probes are skipped.
type Lookup interface {
	// NameTaken reports whether another onboarding holds the deployment name.
	NameTaken(ctx context.Context, name string) (bool, error)
	// Projects lists the projects that the connected Google account may see; nil without a connection.
	Projects(ctx context.Context) ([]Choice, error)
	// Project looks one project up with the customer's access. An [onboarding.Error] says what to do next.
	Project(ctx context.Context, id string) (ProjectInfo, error)
	// Connected is the email address of the Google account with a live consent, "" if none.
	Connected(ctx context.Context) (string, error)
}

// ProjectInfo is the result of a project lookup.
type ProjectInfo struct {
	ID, Name string
	Number   int64
	Active   bool
}

// Case is what a step's declaration may depend on.
type Case struct {
	Onboarding onboarding.ID
	Answers    onboarding.Answers
	Vendor     onboarding.VendorValues
	Lookup     Lookup // may be nil
	// Wiped are secrets that were given and are not held any more.
	Wiped []onboarding.Purpose
	// Locked is [onboarding.Onboarding.Locked].
	Locked bool

	memory *memory // nil: none
}

// FieldView is a field, ready to be rendered.
type FieldView struct {
	Name, Label, Hint, Autocomplete string
	Kind                            Kind
	Optional                        bool
	Value                           string   // what was typed, or the saved answer; "on" or "" for checkboxes; "" for secrets
	Set                             bool     // a secret is there already, or a confirmation was given
	Unsaved                         bool     // a secret was typed and is not saved
	Wiped                           bool     // a secret was there, and was wiped after the handover
	CanLater                        bool     // "I don't have this yet" is offered as checkbox <name>_later
	Later                           bool     // … and ticked
	Choices                         []Choice // of a select or cards; of a text field: suggestions, anything else may be typed
	Errors                          []string
	Locked                          bool   // resources were created with the saved answer, which can't change
	Width                           int    // length of the input in characters, 0: full
	Mono                            bool   // names and addresses
	ShowWhen                        string // "field=value": belongs to that choice of a cards field of the same page; "" always
}

// Derived is one line of the name planner.
type Derived struct {
	Label string // "Bucket"
	Name  string // "tecton-acme-dataplane"
	Limit int    // characters allowed, 0: none
	Used  int
	Note  string // "shortened, Google allows 30 characters"
}

// StepView is a page of the wizard, ready to be rendered.
type StepView struct {
	ID, Title, Intro string
	Name             string // short, for lists
	Knows, Asks      string // who most often knows the answer, and what to ask them; "" not declared
	Number, Of       int    // "Step 3 of 7"
	Fields           []FieldView
	Problems         Problems
	Planner          []Derived // the name planner; empty while no name is typed, nil on other pages
	Back             string    // ID of the step before, "" on the first
	Connects         bool      // the page offers to connect a Google account
	Locked           bool      // each of its fields is
	Connected        string    // email address of the connected Google account, "" if none
}

// StepState is where a step stands in the journey.
type StepState string

// The states of a step in the journey.
const (
	StepDone    StepState = "done"
	StepCurrent StepState = "current"
	StepTodo    StepState = "todo"    // may be visited
	StepLocked  StepState = "locked"  // a step before it isn't answered yet
	StepWaiting StepState = "waiting" // answered with "I don't have this yet"
)

// StepLink is one line of the list of steps.
type StepLink struct {
	ID, Title string
	Number    int
	State     StepState
}

// Section is one step's part of "Check your answers".
type Section struct {
	StepID, Title string
	Rows          []Row
	Waiting       []string // what is missing yet: "Databricks API token"
	Locked        bool     // as [StepView.Locked]
}

// Saved is what a post of a step's page gives: the answer to store, secrets to seal, or problems.
type Saved struct {
	Answer   []byte                                   // JSON object for Answers[step]; nil when there are Problems
	Secrets  map[onboarding.Purpose]onboarding.Secret // to be sealed by the caller
	Dropped  []onboarding.Purpose                     // secrets that the answer no longer has
	Problems Problems
	View     StepView // with what was typed; for the 422 page
}

// Step is a wizard step with its types erased, made by [Define]. In a [Journey] it knows its place among the others.
type Step struct {
	declared
	journey *Journey // nil: the step stands alone
}

// declared is what a declaration answers, whatever the type of its answer.
type declared interface {
	ID() string
	Title() string
	// Name is the short name of the step, for lists.
	Name() string
	// Answered reports whether the saved answer is complete and still good.
	Answered(c Case) bool
	// Missing names what was answered with "I don't have this yet".
	Missing(c Case) []string
	// Carried is the saved answer as a copy of the onboarding starts with it; nil where nothing of it is carried over.
	Carried(c Case) (json.RawMessage, error)
	// MissingVendor names what the specialist must add before this step's answer can be used.
	MissingVendor(c Case) []string
	// Outline is the step's part of the summary beside the form; none before the step is answered.
	Outline(c Case) []Row
	Section(c Case) Section
	AddTo(c Case, spec *onboarding.Spec)

	page(ctx context.Context, c Case) (StepView, error)
	parse(ctx context.Context, c Case, form url.Values) (Saved, error)
	withdraw(c Case, wiped []onboarding.Purpose) (answer json.RawMessage, changed bool, err error)
	// outline is Outline of a step that is known to be answered.
	outline(c Case) []Row
	said(c Case) []said
	// reconfirm lists what was confirmed and has changed since.
	reconfirm(c Case) []onboarding.Change
}

// View renders the step from the saved answers.
func (s *Step) View(ctx context.Context, c Case) (StepView, error) {
	v, err := s.page(ctx, c)
	s.place(&v)
	return v, err
}

// Parse reads a posted form: trims, checks, probes. It never fails on bad input; that gives Problems.
func (s *Step) Parse(ctx context.Context, c Case, form url.Values) (Saved, error) {
	saved, err := s.parse(ctx, c, form)
	s.place(&saved.View)
	return saved, err
}

func (s *Step) place(v *StepView) {
	if s.journey == nil {
		return
	}
	v.Of = len(s.journey.steps)
	i := slices.Index(s.journey.steps, s)
	v.Number = i + 1
	if i > 0 {
		v.Back = s.journey.steps[i-1].ID()
	}
}
