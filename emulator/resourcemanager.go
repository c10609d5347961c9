package emulator

import (
	"slices"
	"strconv"
	"strings"
	"time"

	crmv1 "google.golang.org/api/cloudresourcemanager/v1"
	crm "google.golang.org/api/cloudresourcemanager/v3"
)

const crmHost = "cloudresourcemanager.googleapis.com"

// registerResourceManager serves projects and their policies: v3 for the Go clients, v1 for gcloud and Terraform.
func (e *Emulator) registerResourceManager() {
	for _, version := range []string{"v1", "v3"} {
		v3 := version == "v3"
		render := func(c *call, p Project) any {
			if v3 {
				return c.projectV3(p)
			}
			return c.projectV1(p)
		}
		e.handle(crmHost, "GET /"+version+"/projects/{project}", func(c *call) (any, error) {
			p, err := c.needProject("resourcemanager.projects.get")
			if err != nil {
				return nil, err
			}
			return render(c, p), nil
		})
		list := func(c *call) (any, error) { return c.listProjects(v3) }
		e.handle(crmHost, "GET /"+version+"/projects", list)
		if v3 {
			e.handle(crmHost, "GET /v3/projects:search", list)
		}
		e.handle(crmHost, "POST /"+version+"/projects/{project}:getIamPolicy", func(c *call) (any, error) {
			p, err := c.needProject("resourcemanager.projects.getIamPolicy")
			if err != nil {
				return nil, err
			}
			return c.getIAM("projects/" + p.ID)
		})
		e.handle(crmHost, "POST /"+version+"/projects/{project}:setIamPolicy", func(c *call) (any, error) {
			p, err := c.needProject("resourcemanager.projects.setIamPolicy")
			if err != nil {
				return nil, err
			}
			return c.setIAM("projects/" + p.ID)
		})
		e.handle(crmHost, "POST /"+version+"/projects/{project}:testIamPermissions", func(c *call) (any, error) {
			p, ok := c.e.project(c.v("project"))
			if !ok {
				return nil, c.denied("projects/"+c.v("project"), "resourcemanager.projects.get")
			}
			return c.testIAM("projects/" + p.ID)
		})
		e.handle(crmHost, "DELETE /"+version+"/projects/{project}", func(c *call) (any, error) {
			p, err := c.needProject("resourcemanager.projects.delete")
			if err != nil {
				return nil, err
			}
			if p.State != "ACTIVE" {
				return nil, fail("FAILED_PRECONDITION", "Project not active: %s", p.ID)
			}
			p.State = "DELETE_REQUESTED"
			c.e.projects.put(p.ID, p)
			if !v3 {
				return nil, nil
			}
			return c.operation("operations/dp."+c.e.digits(19), p.ID, nil, typed("type.googleapis.com/google.cloud.resourcemanager.v3.Project", c.projectV3(p)), nil), nil
		})
		e.handle(crmHost, "GET /"+version+"/operations/{operation}", func(c *call) (any, error) {
			return c.poll("operations/"+c.v("operation"), "")
		})
	}
	e.handle(crmHost, "POST /v1/projects/{project}:getAncestry", func(c *call) (any, error) {
		p, err := c.needProject("resourcemanager.projects.get")
		if err != nil {
			return nil, err
		}
		a := &crmv1.GetAncestryResponse{Ancestor: []*crmv1.Ancestor{{ResourceId: &crmv1.ResourceId{Type: "project", Id: p.ID}}}}
		if p.Organization != "" {
			a.Ancestor = append(a.Ancestor, &crmv1.Ancestor{ResourceId: &crmv1.ResourceId{Type: "organization", Id: p.Organization}})
		}
		return a, nil
	})
}

// needProject finds the project of the path, by id or number. One that is missing and one that isn't the
// caller's are told apart by nobody: both are 403.
func (c *call) needProject(permission string) (Project, error) {
	if err := c.require("projects/"+c.v("project"), permission); err != nil {
		return Project{}, err
	}
	p, _ := c.e.project(c.v("project"))
	return p, nil
}

func (c *call) projectV3(p Project) *crm.Project {
	out := &crm.Project{
		Name: "projects/" + p.Number, ProjectId: p.ID, DisplayName: p.Name, State: p.State, Labels: p.Labels,
		CreateTime: stamp(p.Created), UpdateTime: stamp(p.Created), Etag: `W/"` + derived(p.ID + p.State)[:8] + `"`,
	}
	if p.Organization != "" {
		out.Parent = "organizations/" + p.Organization
	}
	return out
}

func (c *call) projectV1(p Project) *crmv1.Project {
	n, _ := strconv.ParseInt(p.Number, 10, 64)
	out := &crmv1.Project{
		ProjectNumber: n, ProjectId: p.ID, Name: p.Name, LifecycleState: p.State, Labels: p.Labels, CreateTime: stamp(p.Created),
	}
	if p.Organization != "" {
		out.Parent = &crmv1.ResourceId{Type: "organization", Id: p.Organization}
	}
	return out
}

// stamp is a time as Google writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// listProjects lists what the caller may see, and never says what it may not.
func (c *call) listProjects(v3 bool) (any, error) {
	filter := c.query.Get("filter")
	if v3 {
		filter = c.query.Get("query")
	}
	var all []Project
	for _, id := range c.e.projects.keys("") {
		p, _ := c.e.projects.get(id)
		if parent := c.query.Get("parent"); parent != "" && parent != "organizations/"+p.Organization {
			continue
		}
		if c.allowed("projects/"+id, "resourcemanager.projects.get") && p.matches(filter) {
			all = append(all, p)
		}
	}
	c.checked = append(c.checked, "resourcemanager.projects.get on each project")
	page, next, err := paginate(c.query, all, 500)
	if err != nil {
		return nil, err
	}
	if v3 {
		out := &crm.SearchProjectsResponse{NextPageToken: next}
		for _, p := range page {
			out.Projects = append(out.Projects, c.projectV3(p))
		}
		return out, nil
	}
	out := &crmv1.ListProjectsResponse{NextPageToken: next}
	for _, p := range page {
		out.Projects = append(out.Projects, c.projectV1(p))
	}
	return out, nil
}

// matches is the small part of Google's filter language that clients send: terms "key:value", all of which must
// hold; other terms are ignored.
func (p Project) matches(filter string) bool {
	filter = strings.NewReplacer("(", " ", ")", " ", `"`, "", "'", "").Replace(filter)
	for _, term := range strings.Fields(filter) {
		key, value, ok := strings.Cut(term, ":")
		if !ok {
			key, value, ok = strings.Cut(term, "=")
		}
		if !ok {
			continue
		}
		var got string
		switch strings.ToLower(key) {
		case "id", "projectid":
			got = p.ID
		case "name", "displayname":
			got = p.Name
		case "state", "lifecyclestate":
			got = p.State
		default:
			continue
		}
		if !glob(strings.ToLower(value), strings.ToLower(got)) {
			return false
		}
	}
	return true
}

// paginate cuts a list by pageSize and pageToken.
func paginate[T any](q map[string][]string, all []T, most int) (page []T, next string, err error) {
	get := func(k string) string {
		if v := q[k]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	size := most
	if s := get("pageSize"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return nil, "", fail("INVALID_ARGUMENT", "Invalid page size %q.", s)
		}
		if n > 0 {
			size = min(n, most)
		}
	}
	from := 0
	if t := get("pageToken"); t != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(t, "p"))
		if err != nil || n < 0 || n > len(all) {
			return nil, "", fail("INVALID_ARGUMENT", "Invalid page token.")
		}
		from = n
	}
	to := min(len(all), from+size)
	if to < len(all) {
		next = "p" + strconv.Itoa(to)
	}
	return all[from:to], next, nil
}

// getIAM answers a getIamPolicy, whose options may be in the body or in the query.
func (c *call) getIAM(resource string) (any, error) {
	var req struct {
		Options struct {
			RequestedPolicyVersion int `json:"requestedPolicyVersion"`
		} `json:"options"`
	}
	if err := c.read(&req); err != nil {
		return nil, err
	}
	version := req.Options.RequestedPolicyVersion
	if s := c.query.Get("options.requestedPolicyVersion"); s != "" {
		version, _ = strconv.Atoi(s)
	}
	if version != 0 && version != 1 && version != 3 {
		return nil, fail("INVALID_ARGUMENT", "Invalid requested policy version %d. Valid versions are 0, 1 and 3.", version)
	}
	return c.policy(resource, version), nil
}

// setIAM answers a setIamPolicy.
func (c *call) setIAM(resource string) (any, error) {
	var req struct {
		Policy     *Policy `json:"policy"`
		UpdateMask string  `json:"updateMask"`
	}
	if err := c.read(&req); err != nil {
		return nil, err
	}
	if req.Policy == nil {
		return nil, fail("INVALID_ARGUMENT", "The policy is required.")
	}
	return c.setPolicy(resource, *req.Policy)
}

// testIAM answers a testIamPermissions.
func (c *call) testIAM(resource string) (any, error) {
	var req struct {
		Permissions []string `json:"permissions"`
	}
	if err := c.read(&req); err != nil {
		return nil, err
	}
	for _, p := range req.Permissions {
		if strings.Contains(p, "*") || !validPermission(p) {
			return nil, fail("INVALID_ARGUMENT", "Permission %s is not valid for this resource.", p)
		}
	}
	if err := c.enter(resource); err != nil {
		return nil, err
	}
	c.checked = append(c.checked, "test on "+resource)
	out := &crm.TestIamPermissionsResponse{Permissions: c.permitted(resource, req.Permissions)}
	slices.Sort(out.Permissions)
	return out, nil
}

// SetProjectState deletes a project ("DELETE_REQUESTED") or brings it back ("ACTIVE").
func (e *Emulator) SetProjectState(project, state string) {
	e.changeProject(project, func(p *Project) { p.State = state })
}
