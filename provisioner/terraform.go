package provisioner

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"groundwork/onboarding"
)

// EachKey is the placeholder in an import's ID for the key of a block with for_each.
const EachKey = "${each.key}"

// providerVersion is the range of Google's provider for which the blocks are written and checked.
const providerVersion = ">= 6.0, < 7.0"

// terraformZip is the plan as a Terraform module.
func terraformZip(x exported) string {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	files := terraformFiles(x)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(files[name]))
		}
		if err != nil {
			panic("a zip in memory takes any file: " + err.Error())
		}
	}
	if err := z.Close(); err != nil {
		panic("a zip in memory can be closed: " + err.Error())
	}
	return buf.String()
}

// block is a task's place in the configuration.
type block struct {
	task    *Task
	hcl     *hclwrite.Block
	address string // "google_storage_bucket.bucket"
	id      string // by which Terraform imports it; "": it can't
	item    onboarding.Item
}

// ours reports whether a run made it, so that Terraform may take it over. Turning on an API is never undone, so APIs are
// taken over whoever turned them on.
func (b block) ours() bool {
	return b.present() && (b.item.Ours() && !b.item.Elsewhere || b.task.Step.stays != "")
}

// spared reports whether it is a binding that was there before our runs. Terraform would take it for its own as soon as it
// added it, and terraform destroy would remove it. A binding that a check found may be in the customer's Terraform state
// already, because this very configuration created it; forgetting it would leave it behind after a destroy.
func (b block) spared() bool { return b.foreign() && !b.item.Confirmed }

// present reports whether a check found it and no run has removed it. Terraform refuses to import what doesn't exist, and
// nobody knows whether something that was only intended does.
// found reports whether a check found the binding, so that it may be Terraform's or have been there before.
func (b block) found() bool { return b.foreign() && b.item.Confirmed }

// foreign reports whether it is a binding that is there and that no run made.
func (b block) foreign() bool { return b.item.Binding && b.present() && !b.ours() }

func (b block) present() bool {
	switch b.item.State {
	case "", onboarding.ItemIntended, onboarding.ItemRemoved:
		return false
	}
	return true
}

func terraformFiles(x exported) map[string]string {
	blocks := terraformBlocks(x)
	return map[string]string{
		"main.tf": terraformMain(x, blocks), "variables.tf": terraformVariables(x, blocks), "outputs.tf": terraformOutputs(blocks),
		"imports.tf": terraformImports(blocks), "README.md": terraformReadme(x, blocks),
	}
}

func terraformBlocks(x exported) []block {
	var blocks []block
	address := map[*Task]string{}
	for _, t := range x.tasks {
		if t.terraform == nil {
			continue
		}
		b, id := t.terraform(identifier(t.Name, address))
		if b == nil {
			continue
		}
		address[t] = strings.Join(b.Labels(), ".")
		if b.Type() == "data" {
			address[t] = "data." + address[t]
		}
		var behind []hclwrite.Tokens
		for _, d := range t.DependsOn {
			if address[d] != "" {
				behind = append(behind, hclwrite.TokensForIdentifier(address[d]))
			}
		}
		if len(behind) > 0 {
			b.Body().SetAttributeRaw("depends_on", hclwrite.TokensForTuple(behind))
		}
		blocks = append(blocks, block{t, b, address[t], id, onboarding.Find(x.items, t.Key)})
	}
	return blocks
}

func terraformMain(x exported, blocks []block) string {
	var b strings.Builder
	comment(&b, "Prepares the project "+x.spec.Project+" for "+x.spec.Deployment+".")
	comment(&b, "After terraform apply, "+x.recorded())
	if why := x.incomplete(); why != "" {
		comment(&b, why)
	}
	b.WriteString("\n")
	terraform := hclwrite.NewBlock("terraform", nil)
	terraform.Body().SetAttributeValue("required_version", cty.StringVal(">= 1.7")) // import blocks with for_each
	terraform.Body().AppendNewBlock("required_providers", nil).Body().SetAttributeValue("google", cty.ObjectVal(map[string]cty.Value{
		"source": cty.StringVal("hashicorp/google"), "version": cty.StringVal(providerVersion),
	}))
	provider := hclwrite.NewBlock("provider", []string{"google"})
	provider.Body().SetAttributeRaw("project", variable("project"))
	provider.Body().SetAttributeRaw("region", variable("region"))
	provider.Body().SetAttributeValue("add_terraform_attribution_label", cty.False) // the labels are those of the plan
	b.WriteString(rendered(terraform) + "\n" + rendered(provider))
	if slices.ContainsFunc(blocks, block.paid) {
		payer := hclwrite.NewBlock("provider", []string{"google"})
		payer.Body().SetAttributeValue("alias", cty.StringVal("payer"))
		payer.Body().SetAttributeRaw("project", variable("project"))
		payer.Body().SetAttributeRaw("region", variable("region"))
		payer.Body().SetAttributeRaw("billing_project", variable("project"))
		payer.Body().SetAttributeValue("user_project_override", cty.True)
		payer.Body().SetAttributeValue("add_terraform_attribution_label", cty.False)
		b.WriteString("\n")
		comment(&b, "For buckets that use requester pays: each call names the project that pays.")
		b.WriteString(rendered(payer))
	}
	done := map[*Task]bool{}
	for _, at := range blocks {
		done[at.task] = true
		b.WriteString("\n")
		comment(&b, at.task.Description.Title+". "+at.task.Description.Why)
		if at.spared() {
			comment(&b, at.task.thing()+" was there before our runs, so Terraform doesn't manage it. If it is in your state, Terraform forgets it and leaves it in place.")
			b.WriteString(rendered(at.forgotten()))
			continue
		}
		if at.found() {
			comment(&b, at.task.thing()+" was there when it was first checked. If Terraform didn't create it, delete this block and its import before you apply; otherwise terraform destroy removes it.")
		}
		if at.paid() {
			comment(&b, "If Google answers that the bucket is a requester pays bucket and that no user project is provided, run this instead, then add the address to the variable existing:")
			b.WriteString("#     " + at.payingCommand() + "\n")
		}
		useVariables(at.hcl, x.spec)
		b.WriteString(rendered(at.hcl))
	}
	leftOver(&b, x.tasks, func(t *Task) bool { return done[t] })
	return b.String()
}

// TerraformPayer is the provider of a resource whose calls must name a project that pays (T29). The header that it sends is for
// every call of a provider, so it is one of its own. Source: google/transport/config.go of hashicorp/terraform-provider-google,
// BillingProject.
var TerraformPayer = hcl.Traversal{hcl.TraverseRoot{Name: "google"}, hcl.TraverseAttr{Name: "payer"}}

// paid reports whether the block's calls name a project that pays.
func (b block) paid() bool { return b.hcl.Body().GetAttribute("provider") != nil && !b.spared() }

// payingCommand does with gcloud what the block does.
func (b block) payingCommand() string { return shell(b.task.gcloud().Run[0]) }

// forgotten lets Terraform forget the resource without removing it: a configuration of an earlier plan may have made it.
func (b block) forgotten() *hclwrite.Block {
	removed := hclwrite.NewBlock("removed", nil)
	removed.Body().SetAttributeRaw("from", expression(b.address))
	removed.Body().AppendNewBlock("lifecycle", nil).Body().SetAttributeValue("destroy", cty.False)
	return removed
}

// useVariables puts the variables in place of the values that they default to.
func useVariables(b *hclwrite.Block, spec onboarding.Spec) {
	for name, values := range map[string]map[string]string{
		"project": {spec.Project: "project"}, "location": {strings.ToLower(spec.Region): "region"},
	} {
		a := b.Body().GetAttribute(name)
		if a == nil {
			continue
		}
		for value, v := range values {
			if value != "" && strings.TrimSpace(string(a.Expr().BuildTokens(nil).Bytes())) == string(hclwrite.TokensForValue(cty.StringVal(value)).Bytes()) {
				b.Body().SetAttributeRaw(name, variable(v))
			}
		}
	}
}

func variable(name string) hclwrite.Tokens {
	return hclwrite.TokensForTraversal(hcl.Traversal{hcl.TraverseRoot{Name: "var"}, hcl.TraverseAttr{Name: name}})
}

func terraformVariables(x exported, blocks []block) string {
	var all []string
	add := func(name, kind, description string, value cty.Value) *hclwrite.Block {
		v := hclwrite.NewBlock("variable", []string{name})
		v.Body().SetAttributeValue("description", cty.StringVal(description))
		v.Body().SetAttributeRaw("type", expression(kind))
		v.Body().SetAttributeValue("default", value)
		return v
	}
	all = append(all,
		rendered(add("project", "string", "The project to set up.", cty.StringVal(x.spec.Project))),
		rendered(add("region", "string", "The region of the bucket.", cty.StringVal(strings.ToLower(x.spec.Region)))),
	)
	there := []cty.Value{}
	for _, b := range blocks {
		if b.ours() && b.id != "" {
			there = append(there, cty.StringVal(b.address))
		}
	}
	existing := cty.SetValEmpty(cty.String)
	if len(there) > 0 {
		existing = cty.SetVal(there)
	}
	all = append(all, rendered(add("existing", "set(string)", "What exists already and is imported, by its address in main.tf. Defaults to what our runs created.", existing)))
	if why := x.incomplete(); why != "" {
		v := add("complete", "bool", why, cty.False)
		check := v.Body().AppendNewBlock("validation", nil)
		check.Body().SetAttributeRaw("condition", variable("complete"))
		check.Body().SetAttributeValue("error_message", cty.StringVal(why))
		all = append(all, rendered(v))
	}
	return strings.Join(all, "\n")
}

func terraformOutputs(blocks []block) string {
	var all []string
	for _, b := range blocks {
		if b.hcl.Type() != "resource" || b.spared() || len(b.task.Facts) == 0 || b.hcl.Body().GetAttribute("for_each") != nil {
			continue
		}
		out := hclwrite.NewBlock("output", []string{b.hcl.Labels()[1]})
		out.Body().SetAttributeValue("description", cty.StringVal(b.task.thing()))
		out.Body().SetAttributeRaw("value", expression(b.address+".id"))
		all = append(all, rendered(out))
	}
	return strings.Join(all, "\n")
}

// terraformImports takes over what the variable names. A resource that isn't there can't be imported, so that the rest is
// left to be made.
func terraformImports(blocks []block) string {
	all := []string{}
	for _, b := range blocks {
		if b.id == "" || b.spared() {
			continue
		}
		in := hclwrite.NewBlock("import", nil)
		keys, to, id := hclwrite.TokensForValue(cty.StringVal("it")), b.address, hclwrite.TokensForValue(cty.StringVal(b.id))
		var each string
		if a := b.hcl.Body().GetAttribute("for_each"); a != nil {
			each, to = strings.TrimSpace(string(a.Expr().BuildTokens(nil).Bytes())), to+"[each.key]"
			before, _ := strings.CutSuffix(b.id, EachKey)
			text := hclwrite.TokensForValue(cty.StringVal(before)).Bytes()
			id = expression(strings.TrimSuffix(string(text), `"`) + EachKey + `"`)
		} else {
			each = "toset([" + string(keys.Bytes()) + "])"
		}
		in.Body().SetAttributeRaw("for_each", expression(fmt.Sprintf("contains(var.existing, %s) ? %s : toset([])", hclwrite.TokensForValue(cty.StringVal(b.address)).Bytes(), each)))
		in.Body().SetAttributeRaw("to", expression(to))
		in.Body().SetAttributeRaw("id", id)
		all = append(all, rendered(in))
	}
	return strings.Join(all, "\n")
}

func terraformReadme(x exported, blocks []block) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Prepare %s for %s\n\n", x.spec.Project, x.spec.Deployment)
	if why := x.incomplete(); why != "" {
		fmt.Fprintf(&b, "**%s**\n\n", why)
	}
	fmt.Fprintf(&b, `1. Sign in: `+"`gcloud auth application-default login`"+`. You need Terraform 1.7 or later, and Google's provider %s.
2. `+"`terraform init`, then `terraform plan`"+`. A resource that exists already and isn't in your state is imported if its address is in the variable `+"`existing`"+`; otherwise the apply says that it exists.
3. `+"`terraform apply`"+`. If Google answers that something new does not exist yet, apply again: New accounts and roles take a few minutes to propagate.
4. Open the plan again: it finds what was created, checks it, and hands it over.

Each binding adds one member and removes nobody. Nothing here replaces a whole access list, so authorized views of a dataset stay.
`, providerVersion)
	var not []string
	for _, at := range blocks {
		if at.id == "" && at.hcl.Type() == "resource" && !at.spared() {
			not = append(not, "- `"+at.address+"`")
		}
	}
	if len(not) > 0 {
		b.WriteString("\nThe provider can't import these. An entry that is there already is found when it is added:\n\n" + strings.Join(not, "\n") + "\n")
	}
	if slices.ContainsFunc(blocks, block.paid) {
		fmt.Fprintf(&b, "\nThese bindings are on buckets that may use requester pays. They use the provider `google.payer`, which names the project %s as the one that pays; your account needs the permission `serviceusage.services.use` on it. Google's provider documents this for billing in general, and not for such buckets. If Google still answers that no user project is provided, run the command, then add the binding's address to the variable `existing`:\n\n", x.spec.Project)
		for _, at := range blocks {
			if at.paid() {
				fmt.Fprintf(&b, "- `%s`: `%s`\n", at.address, at.payingCommand())
			}
		}
	}
	b.WriteString(terraformDestroys(blocks))
	if left := leftByHand(x.tasks); left != "" {
		b.WriteString("\nThis configuration doesn't create " + left + ". The end of `main.tf` says how to. Do that before you have the result checked.\n")
	}
	return b.String()
}

// terraformDestroys says what terraform destroy removes. The conditions follow from the blocks.
func terraformDestroys(blocks []block) string {
	var removes, leaves []string
	for _, at := range blocks {
		line := "- `" + at.address + "`: " + at.task.thing()
		switch {
		case at.hcl.Type() != "resource":
			leaves = append(leaves, line+" (it is only read)")
		case at.spared():
			leaves = append(leaves, line+" (it was there before our runs)")
		case at.says("disable_on_destroy", cty.False):
			leaves = append(leaves, line+" (the APIs stay on)")
		case at.says("force_destroy", cty.False):
			removes = append(removes, line+" (only while it is empty; otherwise Google refuses)")
		case at.says("deletion_protection", cty.True):
			removes = append(removes, line+" (with its data, once you set `deletion_protection` to `false` and apply that; until then it stays)")
		case at.found():
			removes = append(removes, line+" (it was there when it was first checked; if Terraform didn't create it, delete its block before you apply)")
		default:
			removes = append(removes, line)
		}
	}
	var b strings.Builder
	b.WriteString("\n## What `terraform destroy` removes\n\nIt removes what is in Terraform's state: what this configuration added or imported.\n")
	if len(removes) > 0 {
		b.WriteString("\n" + strings.Join(removes, "\n") + "\n")
	}
	if len(leaves) > 0 {
		b.WriteString("\nIt leaves in place:\n\n" + strings.Join(leaves, "\n") + "\n")
	}
	b.WriteString("\nTerraform doesn't notice that a binding exists already: adding it again changes nothing, but from then on the binding is in the state, and `terraform destroy` removes it. " +
		"If you have one of these bindings already and something else needs it, delete its block from `main.tf` and `imports.tf` before you apply.\n")
	return b.String()
}

// says reports whether an attribute of the block has a value.
func (b block) says(attribute string, value cty.Value) bool {
	a := b.hcl.Body().GetAttribute(attribute)
	return a != nil && strings.TrimSpace(string(a.Expr().BuildTokens(nil).Bytes())) == string(hclwrite.TokensForValue(value).Bytes())
}

// expression is source as it stands.
func expression(source string) hclwrite.Tokens {
	tokens, diags := hclsyntax.LexExpression([]byte(source), "", hcl.InitialPos)
	if diags.HasErrors() {
		panic("expression " + source + ": " + diags.Error())
	}
	var out hclwrite.Tokens
	end := 0
	for _, t := range tokens {
		if t.Type == hclsyntax.TokenEOF {
			continue
		}
		out = append(out, &hclwrite.Token{Type: t.Type, Bytes: t.Bytes, SpacesBefore: t.Range.Start.Byte - end})
		end = t.Range.End.Byte
	}
	return out
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
