package provisioner

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"groundwork/onboarding"
)

// Commands are a task's lines of the script, each as its words, which are quoted there.
type Commands struct {
	Unless []string // a command that succeeds where the resource is there, whoever made it; nil: Run may be repeated
	Run    [][]string
}

// AsYou is a word of [Commands] that the shell makes the header with the access of whoever runs the script.
const AsYou = "Authorization: Bearer $(gcloud auth print-access-token)"

type export struct {
	onboarding.PlanFile
	text func(onboarding.Spec, []*Task) string
}

// exports are the files of a plan, in the order in which they are offered.
var exports = []export{
	{onboarding.PlanFile{Name: "plan.sh", Title: "Script for gcloud"}, script},
	{onboarding.PlanFile{Name: "main.tf", Title: "Terraform configuration"}, terraformConfig},
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
// order, the same marks, so that a run afterwards finds its work done. It reads no cloud and holds no secret. An
// unknown name is CodeNotFound.
func (s *Service) Export(spec onboarding.Spec, file string) (string, error) {
	i := slices.IndexFunc(exports, func(e export) bool { return e.Name == file })
	if i < 0 {
		return "", onboarding.Errorf(onboarding.CodeNotFound, "There is no file %q of the plan. Go back to the plan and choose one.", file)
	}
	tasks, err := Graph(s.cfg.Catalog, spec)
	if err != nil {
		return "", fmt.Errorf("%s of %s: %w", file, spec.Onboarding, err)
	}
	return exports[i].text(spec, tasks), nil
}

// script may be run again: what is there is left as it is.
func script(spec onboarding.Spec, tasks []*Task) string {
	var b strings.Builder
	b.WriteString("#!/usr/bin/env bash\n")
	comment(&b, "Prepares the project "+spec.Project+" for "+spec.Deployment+".")
	comment(&b, "Sign in first: gcloud auth login. It may be run again: what is there is left as it is.")
	comment(&b, "Then open the plan again: it finds what was made, checks it, and hands it over.")
	b.WriteString("set -euo pipefail\n")
	for _, t := range tasks {
		if t.gcloud == nil {
			continue
		}
		b.WriteString("\n")
		comment(&b, t.Description.Title+". "+t.Description.Why)
		c, indent := t.gcloud(), ""
		if c.Unless != nil {
			indent = "  "
			fmt.Fprintf(&b, "if ! %s >/dev/null 2>&1; then\n", shell(c.Unless))
		}
		for _, words := range c.Run {
			b.WriteString(indent + shell(words) + "\n")
		}
		if c.Unless != nil {
			b.WriteString("fi\n")
		}
	}
	leftOver(&b, tasks, func(t *Task) bool { return t.gcloud != nil })
	return b.String()
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
		by := "the run does it"
		if t.Step.guide != nil {
			by = "by hand, as the plan says"
		}
		comment(b, "- "+t.Description.Title+": "+by)
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
		switch {
		case w == AsYou:
			w = `"` + w + `"`
		case w == "" || strings.ContainsFunc(w, func(r rune) bool { return !unquoted(r) }):
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

func unquoted(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@,+", r)
}

func terraformConfig(spec onboarding.Spec, tasks []*Task) string {
	var b strings.Builder
	comment(&b, "Prepares the project "+spec.Project+" for "+spec.Deployment+".")
	comment(&b, "After terraform apply, open the plan again: it finds what was made, checks it, and hands it over.")
	b.WriteString("\n")
	terraform := hclwrite.NewBlock("terraform", nil)
	terraform.Body().AppendNewBlock("required_providers", nil).Body().SetAttributeValue("google", cty.ObjectVal(map[string]cty.Value{
		"source": cty.StringVal("hashicorp/google"), "version": cty.StringVal(">= 5.0"),
	}))
	provider := hclwrite.NewBlock("provider", []string{"google"})
	provider.Body().SetAttributeValue("project", cty.StringVal(spec.Project))
	provider.Body().SetAttributeValue("region", cty.StringVal(spec.Region))
	b.WriteString(rendered(terraform) + "\n" + rendered(provider))

	address := map[*Task]string{}
	for _, t := range tasks {
		if t.terraform == nil {
			continue
		}
		block := t.terraform(identifier(t.Name, address))
		if block == nil {
			continue
		}
		address[t] = strings.Join(block.Labels(), ".")
		if block.Type() == "data" {
			address[t] = "data." + address[t]
		}
		var behind []hclwrite.Tokens
		for _, d := range t.DependsOn {
			if address[d] != "" {
				behind = append(behind, hclwrite.TokensForIdentifier(address[d]))
			}
		}
		if len(behind) > 0 {
			block.Body().SetAttributeRaw("depends_on", hclwrite.TokensForTuple(behind))
		}
		b.WriteString("\n")
		comment(&b, t.Description.Title+". "+t.Description.Why)
		b.WriteString(rendered(block))
	}
	leftOver(&b, tasks, func(t *Task) bool { return address[t] != "" })
	return b.String()
}

// checklist is for the console: what, why, with which settings, for whom.
func checklist(spec onboarding.Spec, tasks []*Task) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Prepare %s for %s\n\nWhen all is done, open the plan again: it finds what was made, checks it, and hands it over.\n", spec.Project, spec.Deployment)
	for _, t := range tasks {
		p := t.planned()
		if t.gcloud == nil && p.Guide == nil {
			continue // the run does it
		}
		fmt.Fprintf(&b, "\n- [ ] **%s**: %s\n", p.Title, p.Resource)
		item := func(text string) { b.WriteString("  - " + strings.Join(strings.Fields(text), " ") + "\n") }
		item(p.Why)
		for _, g := range p.Guide {
			item(g.Text)
			if g.Code != "" {
				b.WriteString("\n        " + strings.ReplaceAll(strings.TrimSpace(g.Code), "\n", "\n        ") + "\n\n")
			}
		}
		for _, bind := range p.Bindings {
			item("Give `" + bind.Member + "` the role `" + bind.Role + "` on " + bind.On)
		}
		if len(p.Bindings) == 0 && p.Guide == nil {
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

func rendered(block *hclwrite.Block) string {
	f := hclwrite.NewEmptyFile()
	f.Body().AppendBlock(block)
	return string(hclwrite.Format(f.Bytes()))
}

// identifier is a task's name as Terraform takes it, and no other task's.
func identifier(task onboarding.TaskName, taken map[*Task]string) string {
	base := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, string(task))
	name := base
	for n := 2; slices.ContainsFunc(slices.Collect(maps.Values(taken)), func(a string) bool { return strings.HasSuffix(a, "."+name) }); n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	return name
}
