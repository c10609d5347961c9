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

func (s *step[T]) parse(ctx context.Context, c Case, form url.Values) (Saved, error) {
	v, saved := Answer[T](c, s.def.ID)
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
		if f.locked(c, &before) {
			problem, err := f.keep(ctx, c, before, raw, form.Has(f.Name))
			if err != nil {
				return Saved{}, fmt.Errorf("step %s: %w", s.def.ID, err)
			}
			if problem != "" {
				problems = append(problems, Problem{f.Name, problem})
			}
			continue
		}
		shown[f.Name] = t

		applies := s.applies(f, &v)
		if !applies && (f.Secret != nil || !form.Has(f.Name)) {
			continue
		}
		var sentences []string
		keep := v // a branch not taken takes neither bad input nor what was only proposed
		if repeated && f.Flag == nil {
			sentences = []string{fmt.Sprintf("Give only one answer for “%s”", f.Label)}
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
	if len(problems) > 0 {
		problems = append(problems, s.unsaved(secrets, problems)...)
	}
	s.inOrder(problems)
	drawn := v
	for i := range s.def.Fields { // what was typed is not saved yet, whatever becomes of the page
		if f := &s.def.Fields[i]; f.Secret != nil && secrets[f.Purpose].Reveal() != "" {
			*f.Secret(&drawn) = *f.Secret(&before)
		}
	}
	view, err := s.view(ctx, c, &drawn, saved, shown, problems)
	if err != nil {
		return Saved{}, err
	}
	for i := range view.Fields {
		if f := &s.def.Fields[i]; f.Secret != nil {
			view.Fields[i].Unsaved = secrets[f.Purpose].Reveal() != ""
		}
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

// keep says why a locked field stays as it is in before, if something else was typed; else "".
func (f *Field[T]) keep(ctx context.Context, c Case, before T, raw string, sent bool) (string, error) {
	typed := before
	_, sentences, err := f.read(ctx, c, &typed, raw, false, sent)
	saved := f.text(&before)
	if err != nil || !sent || strings.TrimSpace(raw) == saved || len(sentences) == 0 && f.text(&typed) == saved {
		return "", err
	}
	stays := fmt.Sprintf("The %s stays %s, because resources were created with it", lowerFirst(f.Label), saved)
	if raw = brief(printable(raw)); raw == "" {
		return stays, nil
	}
	return fmt.Sprintf("“%s” isn’t saved. %s", raw, stays), nil
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
			problems = append(problems, Problem{f.Name, fmt.Sprintf("Enter the %s again: the saved one is for a different address", lowerFirst(f.Label))})
		}
	}
	return problems
}

// unsaved asks for each secret again that was typed beside something that needs a correction: a page never shows one, so
// it can't be kept in its field.
func (s *step[T]) unsaved(given map[onboarding.Purpose]onboarding.Secret, others Problems) Problems {
	var problems Problems
	for i := range s.def.Fields {
		f := &s.def.Fields[i]
		if f.Secret != nil && given[f.Purpose].Reveal() != "" && len(others.At(f.Name)) == 0 {
			problems = append(problems, Problem{f.Name, fmt.Sprintf("Enter the %s again. It isn’t saved, because another answer needs a correction", lowerFirst(f.Label))})
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

// read puts what was typed into v and returns the secret typed, if it is one, and the sentences that say what to correct.
func (f *Field[T]) read(ctx context.Context, c Case, v *T, raw string, later, posted bool) (string, []string, error) {
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

func (f *Field[T]) readText(c Case, v *T, raw string, later bool) string {
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

func (f *Field[T]) choose(ctx context.Context, c Case, v *T, raw string) (string, error) {
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

func (f *Field[T]) confirm(c Case, v *T, raw string) string {
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

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

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
	raw = lineEnds.Replace(raw)
	for n, line := range strings.Split(raw, "\n") {
		for item := range strings.SplitSeq(line, ",") {
			item = strings.TrimSpace(item)
			if item == "" {
				continue
			}
			if m := clean("This entry", item, f.Free, f.limit()); m != "" {
				bad(fmt.Sprintf("%s, line %d: %s", f.Label, n+1, lowerFirst(m)))
				continue
			}
			if f.Read != nil {
				var m string
				if item, m = f.Read(item); m != "" {
					bad(fmt.Sprintf("%s, line %d: %s", f.Label, n+1, lowerFirst(m)))
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
		sentences = append(sentences, fmt.Sprintf("%s: %d more lines need a correction", f.Label, more))
	case count == 0 && len(sentences) == 0 && !f.Optional:
		sentences = []string{f.need()}
	}
	return items, sentences
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

// ticked reports whether a checkbox was sent as ticked.
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
