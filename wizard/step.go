package wizard

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"groundwork/onboarding"
)

// StepDef declares one page of the wizard. T is the answer: a struct that marshals to a JSON object and back.
// Zero functions mean the usual, so a step with fields alone runs.
type StepDef[T any] struct {
	ID     string // stored, never renamed; lower case and hyphens, safe in a URL
	Title  string // the question, the page's h1
	Name   string // a short name for lists and sections, "Region"; "" means Title
	Intro  string // one or two sentences under the title, "" if none
	Fields []Field[T]

	// Show tells whether the step belongs to the journey. nil: always.
	Show func(onboarding.Answers) bool
	// Check looks across fields; it runs when each field is good by itself.
	Check func(T, Context) Problems
	// Probe asks the outside, after Check, and may replace what was typed by what it means (a project number
	// by the project's ID). It is called only with a Lookup.
	Probe func(ctx context.Context, c Context, answer *T) (Problems, error)
	// Summary gives the lines of "Check your answers". nil: a line for each field that applies.
	Summary func(T, Context) []Row
	// Outline gives the lines beside the form. nil: none.
	Outline func(T, Context) []Row
	// MissingVendor names what the specialist must add. nil: nothing.
	MissingVendor func(T, Context) []string
	// Spec adds what the answer means; fields of branches not taken must be left out.
	Spec func(T, *onboarding.Spec)
	// Planner gives the derived names for the answer as typed. nil: the page has no planner.
	Planner func(T) []Derived
	// Connects marks the page that offers to connect a Google account.
	Connects bool
	// Locks marks an answer that can't change once anything was created.
	Locks bool
}

// Field declares one control. Exactly one of Value, Flag, Lines and Secret says where the answer is kept.
type Field[T any] struct {
	Name         string // of the control and of problems; never renamed without the page
	Label        string
	Hint         string               // one sentence above the control
	HintFor      func(Context) string // instead of Hint, where it depends on the rest
	Autocomplete string
	Kind         Kind
	Optional     bool
	Mono         bool
	Free         bool   // free text: emoji and right-to-left marks are welcome
	Width        int    // see [FieldView.Width]
	Max          int    // characters (of each line for KindLines); 0 means 255, or Read's own limit where there is one
	Need         string // the sentence when it is empty; "" means "Enter the <label>"

	// ShowWhen is "field=value": the field applies only to that choice of an earlier cards field, or with "field=on"
	// while an earlier checkbox is ticked. "" means always.
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
	Default func(Context) string
	Derive  bool
	// Confirms is the value of a KindConfirm; "" means that there is nothing to confirm yet.
	Confirms func(Context) string
	// Choices of a select or cards, or suggestions for a text field. It must do without a Lookup.
	Choices func(context.Context, Context) ([]Choice, error)
	// Unknown is the sentence for a choice that isn't offered. nil: "Choose one of the options".
	Unknown func(value string) string
	// Read takes what is meant out of what was typed or pasted, and says in a sentence what to mend, or "".
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
func Define[T any](def StepDef[T]) Step {
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
	return &step[T]{def}
}

// Answer decodes the saved answer of a step; false when there is none or it cannot be read.
func Answer[T any](answers onboarding.Answers, id string) (T, bool) {
	var v T
	raw := answers[id]
	if len(raw) == 0 {
		return v, false
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		var zero T
		return zero, false
	}
	return v, true
}

type step[T any] struct{ def StepDef[T] }

func (s *step[T]) ID() string { return s.def.ID }

func (s *step[T]) Title() string { return s.def.Title }

// Name is the short name of the step, for lists.
func (s *step[T]) Name() string { return cmp.Or(s.def.Name, s.def.Title) }

func (s *step[T]) shown(a onboarding.Answers) bool { return s.def.Show == nil || s.def.Show(a) }

func (s *step[T]) View(ctx context.Context, c Context) (StepView, error) {
	v, saved := Answer[T](c.Answers, s.def.ID)
	return s.view(ctx, c, &v, saved, nil, nil)
}

// typed is what a form held for a field.
type typed struct {
	text  string
	later bool
}

// view draws v; what was typed, where there is any, goes before what is saved.
func (s *step[T]) view(ctx context.Context, c Context, v *T, saved bool, form map[string]typed, problems Problems) (StepView, error) {
	out := StepView{ID: s.def.ID, Title: s.def.Title, Intro: s.def.Intro, Problems: problems, Connects: s.def.Connects, Locked: s.def.Locks && c.Locked}
	if s.def.Connects && c.Lookup != nil {
		who, err := c.Lookup.Connected(ctx)
		if err != nil {
			return StepView{}, fmt.Errorf("connected account of step %s: %w", s.def.ID, err)
		}
		out.Connected = who
	}
	for i := range s.def.Fields {
		f := &s.def.Fields[i]
		fv := FieldView{
			Name: f.Name, Label: f.Label, Hint: f.Hint, Autocomplete: f.Autocomplete, Kind: f.Kind, Optional: f.Optional,
			Width: f.Width, Mono: f.Mono, ShowWhen: f.ShowWhen, CanLater: f.mayCome(), Errors: problems.At(f.Name),
		}
		if f.HintFor != nil {
			fv.Hint = f.HintFor(c)
		}
		if f.Choices != nil {
			choices, err := f.Choices(ctx, c)
			if err != nil {
				return StepView{}, fmt.Errorf("choices of %s: %w", f.Name, err)
			}
			fv.Choices = choices
		}
		switch {
		case f.Kind == KindConfirm:
			fv.Value = f.Confirms(c)
			fv.Set = fv.Value != "" && *f.Value(v) == fv.Value
		case f.Secret != nil:
			fv.Wiped = *f.Secret(v) == onboarding.SecretSet && slices.Contains(c.Wiped, f.Purpose)
			fv.Set = *f.Secret(v) == onboarding.SecretSet && !fv.Wiped
			fv.Later = *f.Secret(v) == onboarding.SecretLater
		case f.Flag != nil:
			fv.Value = f.text(v)
			if !saved && f.Default != nil {
				fv.Value = f.Default(c)
			}
		default:
			fv.Value = f.text(v)
			fv.Later = f.Later != nil && *f.Later(v)
			if (f.Kind == KindSelect || f.Kind == KindCards) && !offers(fv.Choices, fv.Value) {
				fv.Value = "" // no longer offered
			}
			if fv.Value == "" && f.Default != nil && !fv.Later {
				fv.Value = f.Default(c)
			}
		}
		if t, ok := form[f.Name]; ok {
			fv.Later = t.later
			if f.Kind != KindConfirm && f.Secret == nil {
				fv.Value = t.text
			}
		}
		out.Fields = append(out.Fields, fv)
	}
	if s.def.Planner != nil {
		shown := *v
		for i := range s.def.Fields {
			f := &s.def.Fields[i]
			if f.Value != nil && f.Kind != KindConfirm {
				*f.Value(&shown) = out.Fields[i].Value
			}
		}
		if out.Planner = s.def.Planner(shown); out.Planner == nil {
			out.Planner = []Derived{} // no names yet; the page still has its planner
		}
	}
	return out, nil
}

func (f *Field[T]) mayCome() bool { return f.Later != nil || (f.Secret != nil && f.Await != "") }

// text is the field's answer as one string.
func (f *Field[T]) text(v *T) string {
	switch {
	case f.Value != nil:
		return *f.Value(v)
	case f.Lines != nil:
		return strings.Join(*f.Lines(v), "\n")
	case f.Flag != nil && *f.Flag(v):
		return "on"
	}
	return ""
}

// applies tells whether the field belongs to the branch taken in v.
func (s *step[T]) applies(f *Field[T], v *T) bool {
	parent, want, ok := strings.Cut(f.ShowWhen, "=")
	if !ok {
		return true
	}
	for i := range s.def.Fields {
		if p := &s.def.Fields[i]; p.Name == parent {
			return p.text(v) == want && s.applies(p, v)
		}
	}
	return false
}

func (s *step[T]) Parse(ctx context.Context, c Context, form url.Values) (Saved, error) {
	v, saved := Answer[T](c.Answers, s.def.ID)
	before := v
	var problems Problems
	secrets := map[onboarding.Purpose]onboarding.Secret{}
	shown := map[string]typed{}
	for i := range s.def.Fields {
		f := &s.def.Fields[i]
		raw, repeated := single(form[f.Name])
		if f.Lines != nil {
			raw, repeated = strings.Join(form[f.Name], "\n"), false
		}
		t := typed{text: printable(raw)}
		if f.mayCome() {
			t.later = ticked(form[f.Name+"_later"])
		}
		shown[f.Name] = t

		applies := s.applies(f, &v)
		if !applies && (f.Secret != nil || !form.Has(f.Name)) {
			continue
		}
		var sentences []string
		keep := v // a branch not taken takes neither bad input nor what was only proposed
		if repeated && f.Flag == nil {
			sentences = []string{fmt.Sprintf("Give one answer only for “%s”", f.Label)}
		} else {
			var secret string
			var err error
			secret, sentences, err = f.read(ctx, c, &v, raw, t.later, form.Has(f.Name))
			if err != nil {
				return Saved{}, fmt.Errorf("step %s: %w", s.def.ID, err)
			}
			if secret != "" {
				secrets[f.Purpose] = onboarding.NewSecret(secret)
			}
		}
		if !applies {
			if len(sentences) > 0 || f.Default != nil && f.text(&v) == f.Default(c) {
				v = keep
			}
			continue
		}
		for _, m := range sentences {
			problems = append(problems, Problem{f.Name, m})
		}
	}
	problems = append(problems, s.misdirected(&v, &before, secrets)...)
	if len(problems) == 0 && s.def.Check != nil {
		problems = s.def.Check(v, c)
	}
	if len(problems) == 0 && s.def.Probe != nil && c.Lookup != nil {
		var err error
		if problems, err = s.def.Probe(ctx, c, &v); err != nil {
			return Saved{}, fmt.Errorf("probe of step %s: %w", s.def.ID, err)
		}
	}
	s.inOrder(problems)
	view, err := s.view(ctx, c, &v, saved, shown, problems)
	if err != nil {
		return Saved{}, err
	}
	if len(problems) > 0 {
		return Saved{Problems: problems, View: view}, nil
	}
	answer, err := json.Marshal(v)
	if err != nil {
		return Saved{}, fmt.Errorf("answer of step %s: %w", s.def.ID, err)
	}
	out := Saved{Answer: answer, Secrets: secrets, View: view}
	for i := range s.def.Fields {
		if f := &s.def.Fields[i]; f.Secret != nil && *f.Secret(&v) != onboarding.SecretSet {
			out.Dropped = append(out.Dropped, f.Purpose)
		}
	}
	return out, nil
}

// misdirected takes back each kept secret whose address is another than before, on the branch that is taken or off it.
func (s *step[T]) misdirected(v, before *T, given map[onboarding.Purpose]onboarding.Secret) Problems {
	var problems Problems
	for i := range s.def.Fields {
		f := &s.def.Fields[i]
		if f.SentTo == nil || f.SentTo(v) == f.SentTo(before) || *f.Secret(v) != onboarding.SecretSet || given[f.Purpose].Reveal() != "" {
			continue
		}
		*f.Secret(v) = onboarding.SecretMissing
		if s.applies(f, v) {
			problems = append(problems, Problem{f.Name, fmt.Sprintf("Enter the %s again: the one that is kept was given for another address", lowerFirst(f.Label))})
		}
	}
	return problems
}

// inOrder sorts problems by the order of the fields; those of the page come first.
func (s *step[T]) inOrder(p Problems) {
	at := func(x Problem) int {
		return slices.IndexFunc(s.def.Fields, func(f Field[T]) bool { return f.Name == x.Field })
	}
	slices.SortStableFunc(p, func(a, b Problem) int { return cmp.Compare(at(a), at(b)) })
}

// read puts what was typed into v and returns the secret typed, if it is one, and the sentences on what to mend.
func (f *Field[T]) read(ctx context.Context, c Context, v *T, raw string, later, posted bool) (string, []string, error) {
	one := func(m string) (string, []string, error) {
		if m == "" {
			return "", nil, nil
		}
		return "", []string{m}, nil
	}
	switch {
	case f.Flag != nil:
		*f.Flag(v) = posted && ticked([]string{raw})
		return "", nil, nil
	case f.Lines != nil:
		lines, sentences := f.readLines(raw)
		if len(sentences) == 0 {
			*f.Lines(v) = lines
		}
		return "", sentences, nil
	case f.Kind == KindConfirm:
		return one(f.confirm(c, v, raw))
	case f.Secret != nil:
		secret, m := f.readSecret(v, raw, later)
		if m != "" {
			return one(m)
		}
		return secret, nil, nil
	case f.Kind == KindSelect || f.Kind == KindCards:
		m, err := f.choose(ctx, c, v, raw)
		if err != nil {
			return "", nil, err
		}
		return one(m)
	}
	return one(f.readText(c, v, raw, later))
}

func (f *Field[T]) limit() int {
	if f.Max == 0 && f.Read == nil {
		return defaultMax
	}
	return f.Max
}

func (f *Field[T]) need() string {
	if f.Need != "" {
		return f.Need
	}
	verb := "Enter the "
	if f.Kind == KindSelect || f.Kind == KindCards {
		verb = "Choose the "
	}
	return verb + lowerFirst(f.Label)
}

func (f *Field[T]) readText(c Context, v *T, raw string, later bool) string {
	text := strings.TrimSpace(raw)
	if f.Later != nil {
		*f.Later(v) = later && text == ""
	}
	if text == "" {
		*f.Value(v) = ""
		if f.Derive && f.Default != nil && f.Default(c) != "" {
			return ""
		}
		if f.Optional || later && f.Later != nil {
			return ""
		}
		return f.need()
	}
	if m := clean(f.Label, text, f.Free, f.limit()); m != "" {
		return m
	}
	if f.Read != nil {
		var m string
		if text, m = f.Read(text); m != "" {
			return m
		}
	}
	if f.Derive && f.Default != nil && text == f.Default(c) {
		text = ""
	}
	*f.Value(v) = text
	return ""
}

func (f *Field[T]) choose(ctx context.Context, c Context, v *T, raw string) (string, error) {
	text := strings.TrimSpace(raw)
	if text == "" {
		*f.Value(v) = ""
		if f.Optional {
			return "", nil
		}
		return f.need(), nil
	}
	choices, err := f.Choices(ctx, c)
	if err != nil {
		return "", fmt.Errorf("choices of %s: %w", f.Name, err)
	}
	if !offers(choices, text) {
		*f.Value(v) = ""
		if f.Unknown != nil {
			return f.Unknown(printable(text)), nil
		}
		return fmt.Sprintf("Choose one of the options for “%s”", f.Label), nil
	}
	*f.Value(v) = text
	return "", nil
}

func offers(choices []Choice, value string) bool {
	return slices.ContainsFunc(choices, func(x Choice) bool { return x.Value == value })
}

func (f *Field[T]) confirm(c Context, v *T, raw string) string {
	want, got := f.Confirms(c), strings.TrimSpace(raw)
	switch {
	case want == "":
		*f.Value(v) = ""
		return ""
	case got == want || ticked([]string{got}):
		*f.Value(v) = want
		return ""
	case got == "":
		*f.Value(v) = ""
		return f.need()
	}
	*f.Value(v) = ""
	return fmt.Sprintf("The %s has changed since you opened this page. Check it and confirm it again", lowerFirst(f.Label))
}

func (f *Field[T]) readSecret(v *T, raw string, later bool) (secret, problem string) {
	text := strings.TrimSpace(raw)
	state := f.Secret(v)
	switch {
	case text == "" && later && f.mayCome():
		*state = onboarding.SecretLater
		return "", ""
	case text == "" && *state == onboarding.SecretSet:
		return "", ""
	case text == "":
		*state = onboarding.SecretMissing
		if f.Optional {
			return "", ""
		}
		return "", f.need()
	}
	if m := clean(f.Label, text, false, f.limit()); m != "" {
		return "", m
	}
	if f.Read != nil {
		var m string
		if text, m = f.Read(text); m != "" {
			return "", m
		}
	}
	*state = onboarding.SecretSet
	return text, ""
}

// readLines reads one item a line (commas part items too), folds duplicates and names each bad line.
func (f *Field[T]) readLines(raw string) (items, sentences []string) {
	seen := map[string]bool{}
	count, more := 0, 0
	items = []string{}
	bad := func(m string) {
		if len(sentences) == lineProblems {
			more++
			return
		}
		sentences = append(sentences, m)
	}
	raw = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(raw)
	for n, line := range strings.Split(raw, "\n") {
		for item := range strings.SplitSeq(line, ",") {
			item = strings.TrimSpace(item)
			if item == "" {
				continue
			}
			if m := clean("This entry", item, f.Free, f.limit()); m != "" {
				bad(fmt.Sprintf("Line %d: %s", n+1, lowerFirst(m)))
				continue
			}
			if f.Read != nil {
				var m string
				if item, m = f.Read(item); m != "" {
					bad(fmt.Sprintf("Line %d: %s", n+1, lowerFirst(m)))
					continue
				}
			}
			if seen[item] {
				continue
			}
			seen[item] = true
			items = append(items, item)
			count++
		}
	}
	switch {
	case count > maxLines:
		return nil, []string{fmt.Sprintf("Enter at most %d lines for “%s”. There are %d", maxLines, f.Label, count)}
	case more > 0:
		sentences = append(sentences, fmt.Sprintf("%d more lines need mending", more))
	case count == 0 && len(sentences) == 0 && !f.Optional:
		sentences = []string{f.need()}
	}
	return items, sentences
}

func (s *step[T]) Answered(c Context) bool {
	v, ok := Answer[T](c.Answers, s.def.ID)
	if !ok {
		return false
	}
	c.Lookup = nil
	for i := range s.def.Fields {
		f := &s.def.Fields[i]
		if s.applies(f, &v) && !f.good(c, &v) {
			return false
		}
	}
	return s.def.Check == nil || len(s.def.Check(v, c)) == 0
}

// good tells whether the saved answer would be taken again.
func (f *Field[T]) good(c Context, v *T) bool {
	switch {
	case f.Flag != nil:
		return true
	case f.Secret != nil:
		return *f.Secret(v) != onboarding.SecretMissing || f.Optional
	case f.Kind == KindConfirm:
		return *f.Value(v) == f.Confirms(c) || f.Confirms(c) == ""
	}
	if f.Later != nil && *f.Later(v) {
		return true
	}
	copied := *v
	text := f.text(v)
	_, sentences, err := f.read(context.Background(), c, &copied, text, false, true)
	return err == nil && len(sentences) == 0
}

func (s *step[T]) Missing(c Context) []string {
	v, ok := Answer[T](c.Answers, s.def.ID)
	if !ok {
		return nil
	}
	var out []string
	for i := range s.def.Fields {
		if f := &s.def.Fields[i]; s.applies(f, &v) && f.awaited(&v) {
			out = append(out, cmp.Or(f.Await, f.Label))
		}
	}
	return out
}

func (f *Field[T]) awaited(v *T) bool {
	if f.Secret != nil {
		return *f.Secret(v) == onboarding.SecretLater
	}
	return f.Later != nil && *f.Later(v)
}

func (s *step[T]) MissingVendor(c Context) []string {
	v, ok := Answer[T](c.Answers, s.def.ID)
	if !ok || s.def.MissingVendor == nil {
		return nil
	}
	return s.def.MissingVendor(v, c)
}

func (s *step[T]) Outline(c Context) []Row {
	if !s.Answered(c) {
		return nil
	}
	return s.outline(c)
}

func (s *step[T]) outline(c Context) []Row {
	if s.def.Outline == nil {
		return nil
	}
	v, _ := Answer[T](c.Answers, s.def.ID)
	return s.def.Outline(v, c)
}

func (s *step[T]) Section(c Context) Section {
	out := Section{StepID: s.def.ID, Title: s.Name()}
	v, ok := Answer[T](c.Answers, s.def.ID)
	if !ok {
		return out
	}
	out.Waiting = s.Missing(c)
	if s.def.Summary != nil {
		out.Rows = s.def.Summary(v, c)
		return out
	}
	out.Rows = s.rows(c, &v)
	return out
}

// said is what the answer says field by field, as the history tells it.
func (s *step[T]) said(c Context) []said {
	v, ok := Answer[T](c.Answers, s.def.ID)
	if !ok {
		return nil
	}
	purposes := map[string]onboarding.Purpose{}
	for i := range s.def.Fields {
		purposes[s.def.Fields[i].Label] = s.def.Fields[i].Purpose
	}
	out := []said{}
	for _, row := range s.rows(c, &v) {
		out = append(out, said{row.Label, row.Value, purposes[row.Label]})
	}
	return out
}

// Sentences that stand for a value in "Check your answers".
const (
	rowLater  = "I don’t have this yet"
	rowSecret = "Saved, never shown"
	rowWiped  = "Wiped after the handover"
	rowNone   = "None"
)

func (s *step[T]) rows(c Context, v *T) []Row {
	var out []Row
	for i := range s.def.Fields {
		f := &s.def.Fields[i]
		if !s.applies(f, v) {
			continue
		}
		value := f.text(v)
		switch {
		case f.awaited(v):
			value = rowLater
		case f.Secret != nil && *f.Secret(v) == onboarding.SecretSet && slices.Contains(c.Wiped, f.Purpose):
			value = rowWiped
		case f.Secret != nil && *f.Secret(v) == onboarding.SecretSet:
			value = rowSecret
		case f.Flag != nil && value != "":
			value = "Yes"
		case f.Flag != nil:
			value = "No"
		case value == "" && f.Derive && f.Default != nil:
			value = f.Default(c)
		case value == "":
			value = rowNone
		}
		if f.Kind == KindSelect || f.Kind == KindCards {
			value = f.label(c, value)
		}
		out = append(out, Row{f.Label, value})
	}
	return out
}

// label is the choice's label for people.
func (f *Field[T]) label(c Context, value string) string {
	c.Lookup = nil
	choices, err := f.Choices(context.Background(), c)
	if err != nil {
		return value
	}
	for _, x := range choices {
		if x.Value == value {
			return x.Label
		}
	}
	return value
}

func (s *step[T]) AddTo(c Context, spec *onboarding.Spec) {
	if s.def.Spec == nil || !s.Answered(c) {
		return
	}
	v, _ := Answer[T](c.Answers, s.def.ID)
	s.def.Spec(v, spec)
}

// single is the one value of a key: repeated tells that there were several that differ.
func single(values []string) (value string, repeated bool) {
	if len(values) == 0 {
		return "", false
	}
	for _, x := range values[1:] {
		if x != values[0] {
			return values[0], true
		}
	}
	return values[0], false
}

// ticked tells whether a checkbox was sent as ticked.
func ticked(values []string) bool {
	return slices.ContainsFunc(values, func(x string) bool {
		return slices.Contains([]string{"on", "true", "1", "yes"}, strings.ToLower(strings.TrimSpace(x)))
	})
}

// printable is the text for a page: what no page can hold is left out.
func printable(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ReplaceAll(s, "\x00", "")
}
