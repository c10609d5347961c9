package emulator

import (
	"maps"
	"slices"
	"strings"
)

// registerTools serves what only the command line tools ask for.
func (e *Emulator) registerTools() {
	e.handle("iam.googleapis.com", "POST /v1/permissions:queryTestablePermissions", (*call).testablePermissions)
}

// testablePermissions lists what a custom role of the resource may hold; gcloud asks before it makes a role.
func (c *call) testablePermissions() (any, error) {
	var in struct {
		FullResourceName string `json:"fullResourceName"`
		PageSize         int    `json:"pageSize"`
		PageToken        string `json:"pageToken"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	resource, ok := strings.CutPrefix(in.FullResourceName, "//cloudresourcemanager.googleapis.com/")
	if !ok {
		return nil, fail("INVALID_ARGUMENT", "Invalid resource name %s.", in.FullResourceName)
	}
	if err := c.require(resource, "resourcemanager.projects.get"); err != nil {
		return nil, err
	}
	type permission struct {
		Name  string `json:"name"`
		Stage string `json:"stage"`
	}
	var out struct {
		Permissions []permission `json:"permissions,omitempty"`
	}
	for _, on := range slices.Sorted(maps.Keys(known)) {
		for _, name := range slices.Sorted(maps.Keys(known[on])) {
			out.Permissions = append(out.Permissions, permission{name, "GA"})
		}
	}
	return out, nil
}
