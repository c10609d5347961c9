package provisioner

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"groundwork/onboarding"
)

// Commands are a task's lines of the script, each command as its words, which are quoted there. A word [API] before a
// method, an address and a body is a call that gcloud has no flag for.
type Commands struct {
	Look    []string   // prints the marks of what is there, and fails where nothing is; nil: only Run
	Mark    string     // what Look prints of what is ours; "": whose it is doesn't matter
	Ready   string     // what Look prints once it is usable; "": at once
	Make    []string   // where Look finds nothing; nil: it must be there
	Repairs []Repair   // of what Look found
	Run     [][]string // in any case, so they may be repeated
}

// Repair is a command for what a look printed.
type Repair struct {
	If, Unless string // what the look printed; one of them
	Run        []string
}

// Words that begin a command of a [Commands]: a call of Google's API, and one that starts an operation of Bigtable.
const (
	API       = "google"
	Operation = "operation"
)

type export struct {
	onboarding.PlanFile
	text func(exported) string
}

// exported is what the files are made from.
type exported struct {
	spec    onboarding.Spec
	tasks   []*Task
	items   []onboarding.Item
	missing []string // what isn't answered yet, in words
	brand   string   // the vendor's; "": not known
}

// recorded says what comes after the files, as the rest of a sentence.
func (x exported) recorded() string {
	return `open the plan again and choose "I ran it": what was created is checked and recorded for ` + cmp.Or(x.brand, "the vendor") + ", and nothing is changed."
}

// incomplete says that the files aren't the plan yet; "" once they are.
func (x exported) incomplete() string {
	if len(x.missing) == 0 {
		return ""
	}
	return "Not complete yet, so it must not be run. Still missing: " + strings.Join(x.missing, "; ") + "."
}

// exports are the files of a plan, in the order in which they are offered.
var exports = []export{
	{onboarding.PlanFile{Name: "plan.sh", Title: "Script for gcloud"}, script},
	{onboarding.PlanFile{Name: "terraform.zip", Title: "Terraform configuration"}, terraformZip},
	{onboarding.PlanFile{Name: "checklist.md", Title: "Checklist for the console"}, checklist},
}

// Exports are the files that [Service.Export] makes.
func (s *Service) Exports() []onboarding.PlanFile {
	var all []onboarding.PlanFile
	for _, e := range exports {
		all = append(all, e.PlanFile)
	}
	return all
}

// Export is a spec's plan as a file for those who would rather run it themselves: the same declarations, the same
// order, the same marks, so that a run afterwards finds its work done. It reads no cloud and holds no secret. What is
// missing is said in the file, which then refuses to run. The vendor is called by its brand. An unknown name is CodeNotFound.
func (s *Service) Export(ctx context.Context, actor onboarding.Actor, spec onboarding.Spec, missing []string, brand, file string) (string, error) {
	i := slices.IndexFunc(exports, func(e export) bool { return e.Name == file })
	if i < 0 {
		return "", onboarding.Errorf(onboarding.CodeNotFound, "There is no file %q of the plan. Go back to the plan and choose one.", file)
	}
	tasks, err := Graph(s.cfg.Catalog, spec)
	if err != nil {
		return "", fmt.Errorf("%s of %s: %w", file, spec.Onboarding, err)
	}
	for _, t := range tasks {
		t.named(brand)
	}
	items, err := s.cfg.Ledger.Inventory(ctx, actor, spec.Onboarding)
	if err != nil {
		return "", fmt.Errorf("%s of %s: %w", file, spec.Onboarding, err)
	}
	return exports[i].text(exported{spec: spec, tasks: tasks, items: items, missing: missing, brand: brand}), nil
}

// named calls the vendor by its brand in the task's sentences. It's done before they are quoted for a shell.
func (t *Task) named(brand string) {
	d := &t.Description
	for _, text := range []*string{&d.Title, &d.Noun, &d.Why, &d.Tries} {
		*text = onboarding.NameVendor(*text, brand)
	}
	t.byHand = namedIn(t.byHand, brand)
}

// namedIn calls the vendor by its brand in instructions.
func namedIn(all []onboarding.Instruction, brand string) []onboarding.Instruction {
	all = slices.Clone(all)
	for i := range all {
		all[i].Text = onboarding.NameVendor(all[i].Text, brand)
	}
	return all
}

//go:embed script.sh
var scriptHelpers string

// script may be run again: what is there is left as it is.
func script(x exported) string {
	spec, tasks := x.spec, x.tasks
	var b strings.Builder
	b.WriteString("#!/usr/bin/env bash\n")
	comment(&b, "Prepares the project "+spec.Project+" for "+spec.Deployment+".")
	comment(&b, "Sign in first: gcloud auth login. To see what it would do, run it with --dry-run.")
	comment(&b, "You can run it again, even after it was stopped: it leaves what already exists unchanged.")
	comment(&b, "Then "+x.recorded())
	for _, p := range scriptNeeds(tasks) {
		comment(&b, "Besides what the plan lists, it needs the permission "+p.Name+" in the project "+spec.Project+", "+p.Why+".")
	}
	why := x.incomplete()
	if why != "" {
		comment(&b, why)
	}
	b.WriteString(scriptHelpers + "\nPROJECT=" + shell([]string{spec.Project}) + "\n")
	if why != "" {
		b.WriteString("if [ -z \"$dry_run\" ]; then stop " + shell([]string{why}) + "; fi\n")
	}
	for _, t := range tasks {
		if t.gcloud == nil {
			continue
		}
		b.WriteString("\n")
		comment(&b, t.Description.Title+". "+t.Description.Why)
		b.WriteString("echo " + shell([]string{t.Description.Title + ": " + t.thing()}) + "\n")
		t.gcloud().write(&b, t.thing())
	}
	done := "Done. Open the plan again to have it checked."
	if left := leftByHand(tasks); left != "" {
		done = "Done, except what this script doesn't create: " + left + ". The end of this file says how. Then open the plan again to have everything checked."
	}
	b.WriteString("\nif [ -n \"$dry_run\" ]; then echo 'Nothing was changed.'; else echo " + shell([]string{done}) + "; fi\n")
	leftOver(&b, tasks, func(t *Task) bool { return t.gcloud != nil })
	return b.String()
}

// scriptNeeds are the permissions in the prepared project that the script's tools take and a run doesn't.
func scriptNeeds(tasks []*Task) (needs []onboarding.Permission) {
	for _, t := range tasks {
		if t.gcloud == nil {
			continue
		}
		for _, words := range append(t.gcloud().Run, t.gcloud().Make) {
			var p onboarding.Permission
			switch {
			case len(words) == 0:
				continue
			case words[0] == API, words[0] == Operation:
				p = onboarding.Permission{Name: "serviceusage.services.use", Why: "because its Google API calls count against the project's quota"}
			case words[0] == "bq":
				p = onboarding.Permission{Name: "bigquery.jobs.create", Why: "because it gives access to a dataset by a query, which is a job of the project"}
			default:
				continue
			}
			if !slices.Contains(needs, p) {
				needs = append(needs, p)
			}
		}
	}
	return needs
}

func (c Commands) write(b *strings.Builder, thing string) {
	switch {
	case c.Look != nil && c.Make == nil:
		fmt.Fprintf(b, "look %s || stop %s\n", shell(c.Look), shell([]string{thing + " is missing. Create it, or choose another in your answers, then download this file again."}))
	case c.Look != nil:
		fmt.Fprintf(b, "if ! look %s; then\n  try %s\n  [ -n \"$dry_run\" ] || until_there %[1]s\nfi\n", shell(c.Look), shell(c.Make))
	}
	if c.Mark != "" {
		fmt.Fprintf(b, "[ -z \"$found\" ] || ours %s\n", shell([]string{thing, c.Mark}))
	}
	if c.Ready != "" {
		fmt.Fprintf(b, "[ -z \"$found\" ] || until_says %s %s\n", shell([]string{c.Ready}), shell(c.Look))
	}
	for _, r := range c.Repairs {
		not := ""
		if r.If == "" {
			not = "! "
		}
		fmt.Fprintf(b, "if [ -n \"$found\" ] && %sprintf '%%s' \"$found\" | grep -qF -- %s; then\n  try %s\nfi\n", not, shell([]string{r.If + r.Unless}), shell(r.Run))
	}
	for _, words := range c.Run {
		b.WriteString("try " + shell(words) + "\n")
	}
}

// leftByHand names what no file makes and somebody has to; "" nothing.
func leftByHand(tasks []*Task) string {
	var names []string
	for _, t := range tasks {
		if t.byHand != nil {
			names = append(names, t.noun())
		}
	}
	return strings.Join(names, ", ")
}

// leftOver says what the file doesn't do, and who does it.
func leftOver(b *strings.Builder, tasks []*Task, done func(*Task) bool) {
	tasks = slices.DeleteFunc(slices.Clone(tasks), done)
	if len(tasks) == 0 {
		return
	}
	b.WriteString("\n")
	comment(b, "Not in this file:")
	for _, t := range tasks {
		switch {
		case t.byHand != nil:
			comment(b, "- "+t.Description.Title+": do it by hand before you have this checked, or let a run do it")
			for _, i := range t.byHand {
				comment(b, "  "+i.Text)
				if i.Code != "" {
					b.WriteString("#     " + i.Code + "\n")
				}
			}
		case t.Step.guide != nil:
			comment(b, "- "+t.Description.Title+": by hand, as the plan says")
		default:
			comment(b, "- "+t.Description.Title+": a run does this")
		}
	}
}

// comment writes one line, whatever the text holds.
func comment(b *strings.Builder, text string) {
	b.WriteString("# " + strings.Join(strings.Fields(text), " ") + "\n")
}

// shell quotes words for Bash, so that nothing that a customer typed is run.
func shell(words []string) string {
	out := make([]string, 0, len(words))
	for _, w := range words {
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return !unquoted(r) }) {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

func unquoted(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@,+", r)
}

// checklist is for the console: what, why, with which settings, for whom.
func checklist(x exported) string {
	spec, tasks := x.spec, x.tasks
	var b strings.Builder
	fmt.Fprintf(&b, "# Prepare %s for %s\n\nWhen all is done, %s\n", spec.Project, spec.Deployment, x.recorded())
	if why := x.incomplete(); why != "" {
		fmt.Fprintf(&b, "\n**%s**\n", why)
	}
	for _, t := range tasks {
		p := t.planned()
		guide := slices.Concat(namedIn(p.Guide, x.brand), p.ByHand)
		if t.gcloud == nil && guide == nil {
			continue // the run does it
		}
		fmt.Fprintf(&b, "\n- [ ] **%s**: %s\n", p.Title, p.Resource)
		item := func(text string) { b.WriteString("  - " + strings.Join(strings.Fields(text), " ") + "\n") }
		item(p.Why)
		for _, g := range guide {
			item(g.Text)
			if g.Code != "" {
				b.WriteString("\n        " + strings.ReplaceAll(strings.TrimSpace(g.Code), "\n", "\n        ") + "\n\n")
			}
		}
		for _, bind := range p.Bindings {
			item("Give `" + bind.Member + "` the role `" + bind.Role + "` on " + bind.On)
		}
		if len(p.Bindings) == 0 && guide == nil {
			for _, line := range settings(p.Desired) {
				item(line)
			}
		}
		if p.Console != "" {
			item("Console: " + p.Console)
		}
	}
	return b.String()
}

// settings are a desired state's fields, a line each, as the record names them.
func settings(desired json.RawMessage) []string {
	var fields map[string]any
	if json.Unmarshal(desired, &fields) != nil {
		return nil
	}
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		switch v := fields[k].(type) {
		case []any:
			var all []string
			for _, one := range v {
				all = append(all, fmt.Sprint(one))
			}
			lines = append(lines, k+": "+strings.Join(all, ", "))
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				lines = append(lines, fmt.Sprintf("%s: %s = %v", k, name, v[name]))
			}
		default:
			lines = append(lines, fmt.Sprintf("%s: %v", k, v))
		}
	}
	return lines
}
