package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/api/bigtableadmin/v2"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/provisioner/steptest"
	"groundwork/web"
	"groundwork/wizard"
	"groundwork/wizard/steps"
	"groundwork/wizard/steps/sample"
)

// TestEveryOptionNamesTheSameThings walks every combination of every option of the wizard through an onboarding. What is
// beside the form, the plan, the verification, the last page, the record and the teardown are about the same resources and
// bindings.
func TestEveryOptionNamesTheSameThings(t *testing.T) {
	t.Parallel()
	for _, combination := range sample.Combinations() {
		t.Run(named(combination), func(t *testing.T) {
			t.Parallel()
			w := steptest.New(t, specOf(t, combination), resources.Catalog())
			if w.Spec.Bigtable.Adopt {
				makeInstance(t, w)
			}
			outline, plan := w.Outline(), w.Plan()
			if got, want := things(outline), things(plan.Tasks); !slices.Equal(got, want) {
				t.Errorf("beside the form:\n%s\nthe plan:\n%s", lines(got), lines(want))
			}
			lasting := slices.DeleteFunc(slices.Clone(outline), func(l onboarding.PlannedTask) bool { return l.Temporary })
			created(t, outline, plan)
			run := w.Succeeds(w.Execute(onboarding.RunProvision, plan))
			bindings := bindingsOf(plan.Tasks)
			recorded(t, run, w.Facts(), bindings)
			namedInFacts(t, outline, w.Facts())
			kept(t, w.Spec, run)
			enabled(t, w, plan)
			confirmed(t, run, w.Facts())
			removed(t, lasting, w.TeardownPlan())

			// Without any of its bindings, the verification misses each of them.
			w.Succeeds(w.Teardown(func(name onboarding.TaskName) bool {
				line, _ := plan.Task(name)
				return len(line.Bindings) > 0
			}))
			verify := w.Task(w.Verify(), onboarding.TaskName(resources.Verify.Name()))
			for _, b := range bindings {
				if verify.State != onboarding.TaskFailed || !strings.Contains(verify.Message, b) {
					t.Errorf("the verification is %s and doesn't miss %q: %s", verify.State, b, verify.Message)
				}
			}
		})
	}
}

// named is the combination without the steps that have one option.
func named(combination []sample.Option) string {
	var names []string
	for _, o := range combination {
		if o.Name != o.Step {
			names = append(names, o.Name)
		}
	}
	return strings.Join(names, " ")
}

// specOf answers the wizard, in the sample cloud's project.
func specOf(t *testing.T, combination []sample.Option) onboarding.Spec {
	t.Helper()
	journey := wizard.New(steps.All())
	c := wizard.Case{
		Onboarding: steptest.Spec().Onboarding, Answers: onboarding.Answers{},
		Vendor: onboarding.VendorValues{ControlPlaneAccount: steptest.ControlPlane, ServingAccount: steptest.Serving, AllowDataproc: true},
	}
	for _, o := range combination {
		form := o.Form()
		for _, values := range form {
			for i := range values {
				values[i] = strings.NewReplacer("acme-data-prod", steptest.Spec().Project, sample.ControlPlane, steptest.ControlPlane).Replace(values[i])
			}
		}
		step, _ := journey.Step(o.Step)
		saved, err := step.Parse(context.Background(), c, form)
		if err != nil || len(saved.Problems) > 0 {
			t.Fatalf("%s of %s: %v, %v", o.Name, o.Step, saved.Problems, err)
		}
		c.Answers[o.Step] = saved.Answer
	}
	return journey.Spec(c)
}

// makeInstance makes the instance that the customer has already.
func makeInstance(t *testing.T, w *steptest.World) {
	t.Helper()
	parent := "projects/" + w.Spec.Project
	w.Cloud.AddProject(emulator.Project{ID: w.Spec.Project, Billing: true, APIs: []string{"bigtableadmin.googleapis.com"}})
	_, err := w.Clients(steptest.Owner).Bigtable.Projects.Instances.Create(parent, &bigtableadmin.CreateInstanceRequest{
		InstanceId: w.Spec.Bigtable.InstanceID, Instance: &bigtableadmin.Instance{DisplayName: "Acme's features"},
		Clusters: map[string]bigtableadmin.Cluster{"acme-c1": {Location: parent + "/locations/us-west1-a", ServeNodes: 1}},
	}).Context(t.Context()).Do()
	if err != nil {
		t.Fatal(err)
	}
}

// things are what tasks are about, sorted: each resource, and each binding.
func things(tasks []onboarding.PlannedTask) []string {
	var out []string
	for _, t := range tasks {
		out = append(out, string(t.Name)+" "+t.Resource)
	}
	out = append(out, bindingsOf(tasks)...)
	slices.Sort(out)
	return out
}

func bindingsOf(tasks []onboarding.PlannedTask) []string {
	var out []string
	for _, t := range tasks {
		for _, b := range t.Bindings {
			out = append(out, inWords(b))
		}
	}
	return out
}

func inWords(b onboarding.Binding) string { return b.Member + " lacks " + b.Role + " on " + b.On }

func lines(all []string) string { return strings.Join(all, "\n") }

// created compares the counts beside the form with the plan's lines.
func created(t *testing.T, outline []onboarding.PlannedTask, plan onboarding.Plan) {
	t.Helper()
	count := map[string]int{}
	for _, line := range plan.Tasks {
		if line.Action != onboarding.ActionCreate || line.Temporary {
			continue
		}
		count["binding"] += len(line.Bindings)
		if line.Makes != "" {
			count[line.Makes]++
		} else if len(line.Bindings) == 0 {
			t.Errorf("%s is created and isn't counted beside the form", line.Name)
		}
	}
	var shown string
	for _, row := range web.OutlineRows(outline) {
		if row.Label == "Will be created" {
			shown = ", " + row.Value + ", "
		}
	}
	for kind, n := range count {
		if !strings.Contains(shown, fmt.Sprintf(", %d %s, ", n, kind)) && !strings.Contains(shown, fmt.Sprintf(", %d %ss, ", n, kind)) {
			t.Errorf("the plan creates %d of %q; beside the form: %s", n, kind, shown)
		}
	}
	if n := strings.Count(shown, ",") - 1; n != len(count) {
		t.Errorf("beside the form are %d kinds, in the plan %d: %s", n, len(count), shown)
	}
}

// recorded finds each fact at its place in the record, and the plan's bindings.
func recorded(t *testing.T, run onboarding.Run, facts []onboarding.Fact, bindings []string) {
	t.Helper()
	var record map[string]any
	if err := json.Unmarshal(run.Record, &record); err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		raw, err := json.Marshal(f.Value)
		if err != nil {
			t.Fatal(err)
		}
		var want any
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		at := any(record)
		for key := range strings.SplitSeq(f.Key, ".") {
			inner, _ := at.(map[string]any)
			at = inner[key]
		}
		if !reflect.DeepEqual(at, want) {
			t.Errorf("the record has %v at %s, want %v", at, f.Key, want)
		}
	}
	var read struct{ Bindings []onboarding.Binding }
	if err := json.Unmarshal(run.Record, &read); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range read.Bindings {
		got = append(got, inWords(b))
	}
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(bindings))) {
		t.Errorf("the record's bindings:\n%s\nthe plan's:\n%s", lines(got), lines(bindings))
	}
}

// namedInFacts finds the name of each resource that a run creates among what people read of the record.
func namedInFacts(t *testing.T, outline []onboarding.PlannedTask, facts []onboarding.Fact) {
	t.Helper()
	for _, line := range outline {
		if line.Makes != "" && !slices.ContainsFunc(facts, func(f onboarding.Fact) bool {
			return f.Label != "" && strings.HasSuffix(line.Resource, f.Words())
		}) {
			t.Errorf("the record doesn't hand over the %s %s: declare its Facts", line.Makes, line.Resource)
		}
	}
}

// kept finds everything that is wanted in the plan or in the record, so that no answer gets lost behind the spec.
func kept(t *testing.T, spec onboarding.Spec, run onboarding.Run) {
	t.Helper()
	plan, err := json.Marshal(run.Plan.Tasks)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var wanted map[string]any
	if err := json.Unmarshal(raw, &wanted); err != nil {
		t.Fatal(err)
	}
	delete(wanted, "vendor") // many of its values matter only to some specs
	var look func(at string, value any)
	look = func(at string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for key, inner := range v {
				look(at+"."+key, inner)
			}
		case []any:
			for _, inner := range v {
				look(at, inner)
			}
		case string:
			if secret := onboarding.SecretState(v); secret != onboarding.SecretSet && !bytes.Contains(append(plan, run.Record...), []byte(v)) {
				t.Errorf("%s of the spec, %q, is neither in the plan nor in the record", at, v)
			}
		}
	}
	look("", wanted)
}

// enabled finds each of Google's APIs that was called among those that the plan turns on.
func enabled(t *testing.T, w *steptest.World, plan onboarding.Plan) {
	t.Helper()
	apis, _ := plan.Task(onboarding.TaskName(resources.EnableAPIs.Name()))
	for _, call := range w.Cloud.Calls() {
		if call.Host == "policytroubleshooter.googleapis.com" {
			continue // it belongs to no project of the customer's; where it is off, the record says that this was not tested
		}
		if strings.HasSuffix(call.Host, ".googleapis.com") && !strings.Contains(string(apis.Desired), `"`+call.Host+`"`) {
			t.Errorf("%s is called, and no step of the plan declares that it needs the API", call.Host)
		}
	}
}

// confirmed finds each of the plan's resources, and each fact for people, on the last page.
func confirmed(t *testing.T, run onboarding.Run, facts []onboarding.Fact) {
	t.Helper()
	var b bytes.Buffer
	if err := web.Done(web.DoneView{Run: run, Facts: facts}).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	page := html.UnescapeString(b.String())
	for _, line := range run.Plan.Tasks {
		if !strings.Contains(page, line.Resource) {
			t.Errorf("the last page doesn't name %s", line.Resource)
		}
	}
	for _, f := range facts {
		if f.Label != "" && (f.Words() == "" || !strings.Contains(page, f.Label) || !strings.Contains(page, f.Words())) {
			t.Errorf("the last page lacks %q: %q", f.Label, f.Words())
		}
	}
}

// removed finds in the teardown what a run creates or uses, and nothing else; what is left says why.
func removed(t *testing.T, outline []onboarding.PlannedTask, teardown onboarding.Plan) {
	t.Helper()
	for _, line := range outline {
		gone, listed := teardown.Task(line.Name)
		applies := line.Action == onboarding.ActionCreate || line.Action == onboarding.ActionAdopt
		switch {
		case applies != listed:
			t.Errorf("%s, which a run would %s, is in the teardown: %v", line.Name, line.Action, listed)
		case !listed:
		case gone.Resource != line.Resource:
			t.Errorf("%s is about %s, and in the teardown about %s", line.Name, line.Resource, gone.Resource)
		case gone.Action != onboarding.ActionDelete && gone.Stays == "":
			t.Errorf("the teardown leaves %s and doesn't say why", line.Name)
		case line.Action == onboarding.ActionAdopt && gone.Action == onboarding.ActionDelete:
			t.Errorf("the teardown deletes %s, which was there before", line.Name)
		}
	}
	for _, gone := range teardown.Tasks {
		if !slices.ContainsFunc(outline, func(line onboarding.PlannedTask) bool { return line.Name == gone.Name }) {
			t.Errorf("the teardown has %s, which no run does", gone.Name)
		}
	}
}

// Beside the form stands what a run would create as far as the answers go: nothing is missing for an answer that is still
// to come, and nothing is promised that the rest of the answers doesn't keep.
func TestTheOutlineGrowsWithTheAnswers(t *testing.T) {
	t.Parallel()
	service := provisioner.NewService(provisioner.Config{Catalog: resources.Catalog()})
	want := map[string]string{
		"deployment":   "1 bucket, 1 service account, 1 custom role, 3 bindings",
		"compute":      "1 bucket, 1 service account, 1 custom role, 3 bindings",
		"online-store": "1 bucket, 1 service account, 1 custom role, 1 Bigtable instance, 6 bindings",
		"project":      "1 bucket, 1 service account, 1 custom role, 1 Bigtable instance, 6 bindings",
	}
	for n, o := range sample.Usual() {
		rows := web.OutlineRows(service.Outline(specOf(t, sample.Usual()[:n+1])))
		if w := want[o.Step]; w != "" && rows[0].Value != w {
			t.Errorf("after %s: %q, want %q", o.Step, rows[0].Value, w)
		}
		if cost := rows[1].Value; (o.Step == "online-store") && !strings.Contains(cost, "Bigtable instance: "+onboarding.MonthlyWords(onboarding.BigtableMonthly)) {
			t.Errorf("the cost after %s: %q", o.Step, cost)
		}
	}
	if rows := web.OutlineRows(nil); rows != nil {
		t.Errorf("before there is a name: %v", rows)
	}
}

// An option that no cloud step knows would be offered in vain.
func TestEveryOptionOfAChoiceChangesThePlan(t *testing.T) {
	t.Parallel()
	service := provisioner.NewService(provisioner.Config{Catalog: resources.Catalog()})
	outline := func(spec onboarding.Spec) string { return lines(things(service.Outline(spec))) }
	seen := map[string]string{}
	for _, combination := range sample.Combinations() {
		spec := specOf(t, combination)
		text := outline(spec)
		if other, ok := seen[text]; ok {
			t.Errorf("%q and %q are planned alike", other, named(combination))
		}
		seen[text] = named(combination)

		noPlatform, noStore := spec, spec
		noPlatform.Compute, noStore.OnlineStore = "", ""
		if outline(noPlatform) == text {
			t.Errorf("%s: no cloud step is about the platform %s", named(combination), spec.Compute)
		}
		if outline(noStore) == text {
			t.Errorf("%s: no cloud step is about the online store %s", named(combination), spec.OnlineStore)
		}
	}
}
