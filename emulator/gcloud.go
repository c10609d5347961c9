package emulator

import (
	"maps"
	"slices"
	"strings"
)

// registerTools serves what only the command line tools ask for.
func (e *Emulator) registerTools() {
	e.handle("iam.googleapis.com", "POST /v1/permissions:queryTestablePermissions", (*call).testablePermissions)
	// Given an address with a path, gcloud keeps of it only the host when it sends and fetches bytes.
	for pattern, fn := range map[string]handler{
		"POST /upload/storage/v1/b/{bucket}/o":           (*call).insertObject,
		"PUT /upload/storage/v1/b/{bucket}/o":            (*call).continueUpload,
		"POST /resumable/upload/storage/v1/b/{bucket}/o": (*call).insertObject,
		"PUT /resumable/upload/storage/v1/b/{bucket}/o":  (*call).continueUpload,
		"GET /download/storage/v1/b/{bucket}/o/{object}": (*call).download,
	} {
		e.handle("", pattern, func(c *call) (any, error) {
			c.host, c.route = storageHost, &route{method: c.route.method, pattern: c.route.pattern}
			if err := c.authorized(); err != nil {
				return nil, err
			}
			return fn(c)
		})
	}
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
	// "//cloudresourcemanager.googleapis.com/projects/p"; gcloud puts an overridden endpoint in front of it.
	_, resource, ok := strings.Cut(in.FullResourceName, "/cloudresourcemanager.googleapis.com/")
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
