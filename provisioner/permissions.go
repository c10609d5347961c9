package provisioner

import (
	"groundwork/onboarding"
)

// Permissions lists every permission that the access is used with, each once, in the catalog's order: what the tasks
// of a run and of a teardown declare, and what is read before them.
func (s *Service) Permissions(spec onboarding.Spec) onboarding.Permissions {
	tasks := s.tasks(spec)
	var c onboarding.Permissions
	seen := map[[2]string]bool{}
	add := func(to *[]onboarding.Permission, all []onboarding.Permission) {
		for _, p := range all {
			if key := [2]string{p.Name, p.On}; !seen[key] {
				seen[key] = true
				*to = append(*to, p)
			}
		}
	}
	for _, t := range tasks {
		add(&c.Run, t.Permissions)
	}
	add(&c.Checks, readings)
	for _, t := range tasks {
		add(&c.Teardown, t.undoPermissions)
	}
	return c
}

// readings are what the checks and the choice of the project read beside what the tasks declare.
var readings = []onboarding.Permission{
	{Name: "resourcemanager.projects.get", Why: "to list your projects, and to see that the chosen one is active and has billing"},
	{Name: "orgpolicy.policy.get", Why: "to find an organization policy that would stop the run; without it, the check says so and nothing else is lost"},
}
