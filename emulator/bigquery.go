package emulator

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/api/bigquery/v2"
)

// datasetState is a dataset as it is journalled, by "project/dataset". Its access list is the truth; the policy of
// the resource "projects/p/datasets/d" follows from it, so that permissions are enforced.
type datasetState struct {
	Meta bigquery.Dataset `json:"meta"`
}

const bigqueryHost = "bigquery.googleapis.com"

func (e *Emulator) registerBigQuery() {
	e.datasets = newTable[datasetState](e, "dataset")
	const root, dataset = "/bigquery/v2/projects", "/bigquery/v2/projects/{project}/datasets/{dataset}"
	for _, h := range []string{bigqueryHost, "www.googleapis.com"} {
		for pattern, fn := range map[string]handler{
			"GET " + root:                          (*call).listBigQueryProjects,
			"GET " + root + "/{project}/datasets":  (*call).listDatasets,
			"POST " + root + "/{project}/datasets": (*call).insertDataset,
			"GET " + dataset:                       (*call).getDataset,
			"PATCH " + dataset:                     (*call).patchDataset,
			"PUT " + dataset:                       (*call).updateDataset,
			"DELETE " + dataset:                    (*call).deleteDataset,
			"GET " + dataset + "/tables":           (*call).listDatasetTables,
		} {
			e.handle(h, pattern, fn)
		}
	}
	seeding(e, "datasets", func(v struct{ Project, Dataset, Location string }) any {
		e.AddDataset(v.Project, v.Dataset, v.Location)
		return nil
	})
}

// listDatasetTables lists a dataset's tables, of which there are none here.
func (c *call) listDatasetTables() (any, error) {
	if _, _, err := c.needDataset("bigquery.tables.list"); err != nil {
		return nil, err
	}
	return &bigquery.TableList{Kind: "bigquery#tableList", Etag: c.e.etag(), ForceSendFields: []string{"TotalItems"}}, nil
}

// AddDataset makes a dataset with Google's default access. location "": "US".
func (e *Emulator) AddDataset(project, dataset, location string) {
	e.seed(func() {
		c := &call{e: e, now: e.now(), host: bigqueryHost}
		m := bigquery.Dataset{Location: orElse(location, "US")}
		c.fillDataset(project, dataset, &m)
		m.Access = defaultAccess("")
		c.putDataset(project, m)
	})
}

func datasetName(project, dataset string) string { return project + ":" + dataset }
func datasetResource(project, dataset string) string {
	return "projects/" + project + "/datasets/" + dataset
}

// defaultAccess is what a new dataset gets when its maker names no access.
func defaultAccess(creator string) []*bigquery.DatasetAccess {
	out := []*bigquery.DatasetAccess{
		{Role: "WRITER", SpecialGroup: "projectWriters"},
		{Role: "OWNER", SpecialGroup: "projectOwners"},
	}
	if creator != "" {
		out = append(out, &bigquery.DatasetAccess{Role: "OWNER", UserByEmail: creator})
	}
	return append(out, &bigquery.DatasetAccess{Role: "READER", SpecialGroup: "projectReaders"})
}

// fillDataset sets what Google decides of a new dataset.
func (c *call) fillDataset(project, id string, m *bigquery.Dataset) {
	m.Kind, m.Id = "bigquery#dataset", datasetName(project, id)
	m.DatasetReference = &bigquery.DatasetReference{ProjectId: project, DatasetId: id}
	m.SelfLink = "https://bigquery.googleapis.com/bigquery/v2/projects/" + project + "/datasets/" + id
	m.CreationTime = c.now.UnixMilli()
	m.Type = "DEFAULT"
	m.Location = orElse(m.Location, "US")
}

// putDataset stores the dataset with a new etag, and the policy that its access list means.
func (c *call) putDataset(project string, m bigquery.Dataset) datasetState {
	m.Etag, m.LastModifiedTime = c.e.etag(), c.now.UnixMilli()
	st := datasetState{Meta: m}
	id := m.DatasetReference.DatasetId
	c.e.datasets.put(project+"/"+id, st)
	p := Policy{Etag: m.Etag, Version: 1}
	for _, a := range m.Access {
		if member := accessMember(project, a); member != "" {
			p.Bindings = append(p.Bindings, Binding{Role: longRole(a.Role), Members: []string{member}})
		}
	}
	c.e.policies.put(datasetResource(project, id), policyState{Parent: "projects/" + project, Policy: p})
	return st
}

// shortRoles are the words that an access list says for these roles, whichever it was given.
// Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset.FIELDS.access
var shortRoles = map[string]string{
	"roles/bigquery.dataViewer": "READER", "roles/bigquery.dataEditor": "WRITER", "roles/bigquery.dataOwner": "OWNER",
}

func shortRole(role string) string { return orElse(shortRoles[role], role) }

func longRole(role string) string {
	for long, short := range shortRoles {
		if short == role {
			return long
		}
	}
	return role
}

// accessMember is the policy's word for whom an entry of an access list names; "" for views and the like.
func accessMember(project string, a *bigquery.DatasetAccess) string {
	switch {
	case a.UserByEmail != "" && isAccount(a.UserByEmail):
		return "serviceAccount:" + strings.ToLower(a.UserByEmail)
	case a.UserByEmail != "":
		return "user:" + strings.ToLower(a.UserByEmail)
	case a.GroupByEmail != "":
		return "group:" + strings.ToLower(a.GroupByEmail)
	case a.Domain != "":
		return "domain:" + a.Domain
	case a.IamMember != "":
		return a.IamMember
	}
	switch a.SpecialGroup {
	case "projectOwners":
		return "projectOwner:" + project
	case "projectWriters":
		return "projectEditor:" + project
	case "projectReaders":
		return "projectViewer:" + project
	}
	return a.SpecialGroup // allAuthenticatedUsers
}

// needDataset gives the dataset of the path, when the caller has the permissions on it.
func (c *call) needDataset(permissions ...string) (Project, datasetState, error) {
	id := c.v("project")
	if err := c.api(bigqueryHost, id); err != nil {
		return Project{}, datasetState{}, err
	}
	p, ok := c.e.project(id)
	if !ok {
		return p, datasetState{}, c.require("projects/"+id, permissions...)
	}
	st, exists := c.e.datasets.get(p.ID + "/" + c.v("dataset"))
	if err := c.require(datasetResource(p.ID, c.v("dataset")), permissions...); err != nil {
		return p, st, err
	}
	if !exists {
		return p, st, fail("NOT_FOUND", "Not found: Dataset %s", datasetName(p.ID, c.v("dataset")))
	}
	return p, st, nil
}

func (c *call) getDataset() (any, error) {
	p, st, err := c.needDataset("bigquery.datasets.get")
	if err != nil {
		return nil, err
	}
	if not := c.Header.Get("If-None-Match"); not != "" && not == st.Meta.Etag {
		return answer{Status: http.StatusNotModified}, nil
	}
	return c.shownDataset(p, st), nil
}

// shownDataset is the dataset as the caller may see it: the access list only with the permission to read it.
func (c *call) shownDataset(p Project, st datasetState) *bigquery.Dataset {
	m := st.Meta
	if !p.CoarseDatasets && !c.allowed(datasetResource(p.ID, m.DatasetReference.DatasetId), "bigquery.datasets.getIamPolicy") {
		m.Access = nil
	}
	return &m
}

var datasetID = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

func (c *call) insertDataset() (any, error) {
	var in bigquery.Dataset
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if err := c.api(bigqueryHost, c.v("project")); err != nil {
		return nil, err
	}
	if err := c.require("projects/"+c.v("project"), "bigquery.datasets.create"); err != nil {
		return nil, err
	}
	p, _ := c.e.project(c.v("project"))
	if in.DatasetReference == nil || in.DatasetReference.DatasetId == "" {
		return nil, fail("INVALID_ARGUMENT", "Required parameter is missing: datasetReference.datasetId").because("required")
	}
	id := in.DatasetReference.DatasetId
	if !datasetID.MatchString(id) || len(id) > 1024 {
		return nil, fail("INVALID_ARGUMENT", "Invalid dataset ID %q. Dataset IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.", id).because("invalid")
	}
	if _, exists := c.e.datasets.get(p.ID + "/" + id); exists {
		return nil, fail("ALREADY_EXISTS", "Already Exists: Dataset %s", datasetName(p.ID, id)).because("duplicate")
	}
	c.fillDataset(p.ID, id, &in)
	if !c.locationAllowed(p, strings.ToLower(in.Location)) {
		return nil, &gerr{HTTP: 412, Reason: "conditionNotMet", Message: fmt.Sprintf("'%s' violates constraint 'constraints/gcp.resourceLocations' on the resource '%s'.", strings.ToLower(in.Location), datasetResource(p.ID, id))}
	}
	if in.Access == nil {
		in.Access = defaultAccess(c.person)
	} else if err := c.checkAccess(p, id, nil, in.Access); err != nil {
		return nil, err
	}
	st := c.putDataset(p.ID, in)
	return &st.Meta, nil
}

func (c *call) patchDataset() (any, error)  { return c.changeDataset(true) }
func (c *call) updateDataset() (any, error) { return c.changeDataset(false) }

func (c *call) changeDataset(patch bool) (any, error) {
	var in bigquery.Dataset
	if err := c.read(&in); err != nil {
		return nil, err
	}
	p, old, err := c.needDataset()
	if err != nil {
		return nil, err
	}
	resource := datasetResource(p.ID, c.v("dataset"))
	mode := orElse(c.query.Get("updateMode"), "UPDATE_FULL")
	needs := []string{"bigquery.datasets.update", "bigquery.datasets.get"}
	if !p.CoarseDatasets && mode != "UPDATE_METADATA" && in.Access != nil {
		needs = append(needs, "bigquery.datasets.setIamPolicy")
	}
	if err := c.require(resource, needs...); err != nil {
		return nil, err
	}
	if want := c.Header.Get("If-Match"); want != "" && want != "*" && want != old.Meta.Etag {
		return nil, &gerr{HTTP: 412, Status: "FAILED_PRECONDITION", Reason: "conditionNotMet", Message: "Precondition check failed.", Location: "If-Match"}
	}
	next := in
	switch {
	case mode == "UPDATE_ACL":
		next = old.Meta
		next.Access = in.Access
	case patch:
		if next, err = mergePatch(old.Meta, c.body); err != nil {
			return nil, err
		}
	}
	id := c.v("dataset")
	next.Kind, next.Id, next.DatasetReference, next.SelfLink = old.Meta.Kind, old.Meta.Id, old.Meta.DatasetReference, old.Meta.SelfLink
	next.CreationTime, next.Type, next.Location = old.Meta.CreationTime, old.Meta.Type, old.Meta.Location
	if next.Access == nil || mode == "UPDATE_METADATA" {
		next.Access = old.Meta.Access
	}
	if err := c.checkAccess(p, id, old.Meta.Access, next.Access); err != nil {
		return nil, err
	}
	if err := c.custom(p, "bigquery.googleapis.com/Dataset", "UPDATE", next); err != nil {
		return nil, err
	}
	return c.shownDataset(p, c.putDataset(p.ID, next)), nil
}

// ownsDataset reports whether an entry makes somebody an owner.
func ownsDataset(a *bigquery.DatasetAccess) bool {
	return longRole(a.Role) == "roles/bigquery.dataOwner"
}

// checkAccess checks an access list that replaces old, and gives each entry the form in which BigQuery sends it back.
func (c *call) checkAccess(p Project, id string, old, next []*bigquery.DatasetAccess) error {
	bad := func(format string, args ...any) error {
		return fail("INVALID_ARGUMENT", format, args...).because("invalid")
	}
	resource := datasetResource(p.ID, id)
	for _, a := range next {
		if a.View != nil || a.Routine != nil || a.Dataset != nil {
			continue
		}
		normaliseAccess(a)
		if a.Role == "" {
			return bad("Missing role for access entry of dataset %s", datasetName(p.ID, id))
		}
		member := accessMember(p.ID, a)
		if member == "" {
			return bad("Access entry of dataset %s names nobody", datasetName(p.ID, id))
		}
		if long := longRole(a.Role); shortRole(long) == long {
			if err := c.checkRole(resource, long); err != nil {
				return datasetOwn(p.ID, id, err)
			}
		}
		known := slices.ContainsFunc(old, func(o *bigquery.DatasetAccess) bool { return accessMember(p.ID, o) == member })
		if member == "allAuthenticatedUsers" || known {
			continue
		}
		if err := c.checkMember(resource, member, false); err != nil {
			return datasetOwn(p.ID, id, err)
		}
	}
	if !slices.ContainsFunc(next, ownsDataset) { // T16
		return bad("Cannot remove all owners from a dataset")
	}
	return nil
}

// normaliseAccess gives the short role, and a member by the older field where there is one for its kind.
func normaliseAccess(a *bigquery.DatasetAccess) {
	a.Role = shortRole(a.Role)
	kind, name, _ := strings.Cut(a.IamMember, ":")
	switch {
	case a.IamMember == "allAuthenticatedUsers":
		a.IamMember, a.SpecialGroup = "", a.IamMember
	case kind == "user", kind == "serviceAccount":
		a.IamMember, a.UserByEmail = "", name
	case kind == "group":
		a.IamMember, a.GroupByEmail = "", name
	case kind == "domain":
		a.IamMember, a.Domain = "", name
	}
}

// datasetOwn puts a refusal of the shared policy check in BigQuery's words.
func datasetOwn(project, id string, err error) error {
	var g *gerr
	if !errors.As(err, &g) {
		return err
	}
	own := *g
	own.Reason = "invalid"
	own.Message = fmt.Sprintf("IAM setPolicy failed for Dataset %s: %s", datasetName(project, id), g.Message)
	return &own
}

func (c *call) deleteDataset() (any, error) {
	p, _, err := c.needDataset("bigquery.datasets.delete")
	if err != nil {
		return nil, err
	}
	c.e.datasets.delete(p.ID + "/" + c.v("dataset"))
	c.e.policies.delete(datasetResource(p.ID, c.v("dataset")))
	return emptyAnswer(), nil
}

// listDatasets gives those that the caller may see: all with the permission on the project, else those of its own.
func (c *call) listDatasets() (any, error) {
	if err := c.api(bigqueryHost, c.v("project")); err != nil {
		return nil, err
	}
	p, ok := c.e.project(c.v("project"))
	if !ok {
		return nil, c.require("projects/"+c.v("project"), "bigquery.datasets.get")
	}
	out := &bigquery.DatasetList{Kind: "bigquery#datasetList", Etag: c.e.etag()}
	for _, k := range c.e.datasets.keys(p.ID + "/") {
		st, _ := c.e.datasets.get(k)
		m := st.Meta
		if !c.allowed(datasetResource(p.ID, m.DatasetReference.DatasetId), "bigquery.datasets.get") {
			continue
		}
		out.Datasets = append(out.Datasets, &bigquery.DatasetListDatasets{
			Kind: m.Kind, Id: m.Id, DatasetReference: m.DatasetReference, FriendlyName: m.FriendlyName, Labels: m.Labels, Location: m.Location,
		})
	}
	return out, nil
}

// listBigQueryProjects gives the projects in which the caller may look at datasets.
func (c *call) listBigQueryProjects() (any, error) {
	out := &bigquery.ProjectList{Kind: "bigquery#projectList", Etag: c.e.etag()}
	for _, id := range c.e.projects.keys("") {
		p, _ := c.e.projects.get(id)
		if !c.allowed("projects/"+id, "bigquery.datasets.get") {
			continue
		}
		number, _ := strconv.ParseUint(p.Number, 10, 64)
		out.Projects = append(out.Projects, &bigquery.ProjectListProjects{
			Kind: "bigquery#project", Id: id, NumericId: number, FriendlyName: p.Name,
			ProjectReference: &bigquery.ProjectReference{ProjectId: id},
		})
	}
	out.TotalItems = int64(len(out.Projects))
	return out, nil
}
