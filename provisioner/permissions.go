package provisioner

import (
	"slices"

	"groundwork/onboarding"
)

// Permissions lists every permission that the access is used with, each once, in the catalog's order: what the tasks
// of a run and of a teardown declare, and what is read before them. Items are what earlier runs made: a run removes those that
// the spec doesn't ask for, and so does a teardown. What is removed already needs nothing.
func (s *Service) Permissions(spec onboarding.Spec, items []onboarding.Item) onboarding.Permissions {
	tasks := s.tasks(spec)
	earlier, err := s.teardownTasks(spec, there(items))
	if err != nil {
		s.cfg.Log.Error("removals", "onboarding", spec.Onboarding, "error", err)
	}
	earlier = slices.DeleteFunc(earlier, func(t *Task) bool {
		return slices.ContainsFunc(tasks, func(wanted *Task) bool { return wanted.Key == t.Key })
	})
	var c onboarding.Permissions
	add := once(&c)
	for _, t := range tasks {
		add(&c.Run, t.Permissions, "")
		add(&c.Run, t.needs.Change, "")
		add(&c.Run, t.needs.Given, "")
	}
	for _, t := range earlier { // a run removes them itself
		add(&c.Run, t.toRemove(spec), "")
	}
	add(&c.Checks, readings, "")
	add(&c.Checks, zoneReadings(spec), "")
	add(&c.Checks, sourceReadings(spec), "")
	add(&c.Checks, elsewhereReadings(spec, tasks), "")
	add(&c.Checks, rehearsalReadings(spec), "")
	for _, t := range tasks {
		if t.Step.temporary {
			add(&c.Run, t.needs.Undo, "")
			continue
		}
		add(&c.Teardown, t.needs.Undo, inTeardown)
	}
	return c
}

// CheckPermissions lists what a run of [Service.CheckPlan] and the checks before it need: viewers' permissions only.
func (s *Service) CheckPermissions(spec onboarding.Spec) onboarding.Permissions {
	c := onboarding.Permissions{ReadOnly: true}
	add := once(&c)
	for _, t := range s.tasks(spec) {
		if t.Step.temporary {
			continue
		}
		add(&c.Run, t.toRead(), "")
	}
	add(&c.Checks, readings[:1], "")
	return c
}

// inTeardown begins the reason of a teardown where a run needs the permission too.
const inTeardown = "in a teardown, "

// once appends each permission once, whatever list of c it is appended to. The reasons of the others are kept with it, after
// the words that say when.
func once(c *onboarding.Permissions) func(to *[]onboarding.Permission, all []onboarding.Permission, when string) {
	seen := map[[2]string]bool{}
	return func(to *[]onboarding.Permission, all []onboarding.Permission, when string) {
		for _, p := range all {
			key := [2]string{p.Name, p.On}
			if seen[key] {
				p.Why = when + p.Why
				c.Because(p)
				continue
			}
			seen[key] = true
			*to = append(*to, p)
		}
	}
}

// toRemove are the permissions that a teardown needs for the task. One that was made for an earlier spec may be in another
// project than the teardown's.
func (t *Task) toRemove(spec onboarding.Spec) []onboarding.Permission {
	all := slices.Concat(t.needs.Check, t.needs.Undo)
	for i := range all {
		if all[i].On == "" && t.Spec.Project != spec.Project {
			all[i].On = t.Spec.Project
		}
	}
	return all
}

// readings are what the checks and the choice of the project read beside what the tasks declare.
var readings = []onboarding.Permission{
	{Name: "resourcemanager.projects.get", Why: "to list your projects, and to see that the chosen one is active and has billing"},
	{Name: "orgpolicy.policy.get", Why: "to find an organization policy that would stop the run; without it, the check says so and nothing else is lost"},
	{Name: "orgpolicy.customConstraints.list", Why: "to list your organization's own constraints that may stop the run, where the project is in an organization; without it, the check says so and nothing else is lost"},
}

// zoneReadings are what the checks read of where a new Bigtable instance may be.
func zoneReadings(spec onboarding.Spec) []onboarding.Permission {
	if spec.BigtableZone() == "" {
		return nil
	}
	return []onboarding.Permission{{Name: "bigtable.locations.list", Why: "to see in which zones Google offers Bigtable; without it, the check says so and nothing else is lost"}}
}

// sourceReadings are what the checks read of the data sources.
func sourceReadings(spec onboarding.Spec) []onboarding.Permission {
	var all []onboarding.Permission
	for _, source := range spec.DataSources {
		switch {
		case source.Kind == onboarding.SourceBucket:
			all = append(all,
				onboarding.Permission{Name: "storage.buckets.get", Why: "to see that the bucket is there, and who pays for reading it", On: "gs://" + source.Name},
				onboarding.Permission{Name: "serviceusage.services.use", Why: "to read a bucket whose reader pays at this project's expense"})
		case source.Kind == onboarding.SourceProject && source.Name != spec.Project:
			all = append(all,
				onboarding.Permission{Name: "resourcemanager.projects.get", Why: "to see that the data source's project is active", On: source.Name},
				onboarding.Permission{Name: "serviceusage.services.get", Why: "to see whether the BigQuery API is on there", On: source.Name})
		}
	}
	return all
}
