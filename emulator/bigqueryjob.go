package emulator

import (
	"errors"
	"regexp"
	"slices"

	"google.golang.org/api/bigquery/v2"
)

// registerJobs serves query jobs for one statement: GRANT of a role on a dataset, which is how the bq client gives one.
func (e *Emulator) registerJobs() {
	e.jobs = newTable[bigquery.Job](e, "bigquery-job")
	e.handle(bigqueryHost, "POST /bigquery/v2/projects/{project}/jobs", (*call).insertJob)
	e.handle(bigqueryHost, "GET /bigquery/v2/projects/{project}/jobs/{job}", (*call).getJob)
	e.handle(bigqueryHost, "GET /bigquery/v2/projects/{project}/queries/{job}", (*call).getQueryResults)
}

// Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-control-language
var grantStatement = regexp.MustCompile("(?i)^\\s*GRANT `([^`]+)`\\s+ON SCHEMA `([^`]+)`\\.`([^`]+)`\\s+TO \"([^\"]+)\"\\s*;?\\s*$")

func (c *call) insertJob() (any, error) {
	var in bigquery.Job
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if err := c.api(bigqueryHost, c.v("project")); err != nil {
		return nil, err
	}
	if err := c.require("projects/"+c.v("project"), "bigquery.jobs.create"); err != nil {
		return nil, err
	}
	p, _ := c.e.project(c.v("project"))
	if in.Configuration == nil || in.Configuration.Query == nil {
		return nil, fail("UNIMPLEMENTED", "Only query jobs are known here.")
	}
	if in.JobReference == nil {
		in.JobReference = &bigquery.JobReference{}
	}
	ref := in.JobReference
	ref.ProjectId, ref.JobId, ref.Location = p.ID, orElse(ref.JobId, "job_"+c.e.id(24)), "US"
	in.Kind, in.Id, in.Etag = "bigquery#job", p.ID+":US."+ref.JobId, c.e.etag()
	in.Statistics = &bigquery.JobStatistics{CreationTime: c.now.UnixMilli(), StartTime: c.now.UnixMilli(), EndTime: c.now.UnixMilli(), Query: &bigquery.JobStatistics2{StatementType: "GRANT"}}
	in.Configuration.JobType = "QUERY"
	in.Status = &bigquery.JobStatus{State: "DONE"}
	if err := c.grant(in.Configuration.Query.Query); err != nil {
		var g *gerr
		if !errors.As(err, &g) {
			return nil, err
		}
		in.Status.ErrorResult = &bigquery.ErrorProto{Reason: orElse(g.Reason, "invalidQuery"), Message: g.Message}
		in.Status.Errors = []*bigquery.ErrorProto{in.Status.ErrorResult}
	}
	c.e.jobs.put(p.ID+"/"+ref.JobId, in)
	return &in, nil
}

// grant adds the statement's member to the dataset's access list.
func (c *call) grant(statement string) error {
	m := grantStatement.FindStringSubmatch(statement)
	if m == nil {
		return fail("INVALID_ARGUMENT", "Syntax error: only GRANT on one schema to one member is known here").because("invalidQuery")
	}
	role, project, id, member := m[1], m[2], m[3], m[4]
	p, known := c.e.project(project)
	st, exists := c.e.datasets.get(p.ID + "/" + id)
	if err := c.require(datasetResource(orElse(p.ID, project), id), "bigquery.datasets.get", "bigquery.datasets.update", "bigquery.datasets.setIamPolicy"); err != nil {
		return err
	}
	if !known || !exists {
		return fail("NOT_FOUND", "Not found: Dataset %s", datasetName(project, id)).because("notFound")
	}
	entry := &bigquery.DatasetAccess{Role: role, IamMember: member}
	if slices.ContainsFunc(st.Meta.Access, func(a *bigquery.DatasetAccess) bool {
		return longRole(a.Role) == role && accessMember(p.ID, a) == member && a.Condition == nil
	}) {
		return nil
	}
	next := append(slices.Clone(st.Meta.Access), entry)
	if err := c.checkAccess(p, id, st.Meta.Access, next); err != nil {
		return err
	}
	meta := st.Meta
	meta.Access = next
	c.putDataset(p.ID, meta)
	return nil
}

func (c *call) needJob() (bigquery.Job, error) {
	if err := c.require("projects/"+c.v("project"), "bigquery.jobs.get"); err != nil {
		return bigquery.Job{}, err
	}
	job, ok := c.e.jobs.get(c.v("project") + "/" + c.v("job"))
	if !ok {
		return job, fail("NOT_FOUND", "Not found: Job %s", datasetName(c.v("project"), c.v("job"))).because("notFound")
	}
	return job, nil
}

func (c *call) getJob() (any, error) {
	job, err := c.needJob()
	return &job, err
}

// getQueryResults of a statement that returns no rows.
func (c *call) getQueryResults() (any, error) {
	job, err := c.needJob()
	if err != nil {
		return nil, err
	}
	return &bigquery.GetQueryResultsResponse{Kind: "bigquery#getQueryResultsResponse", Etag: c.e.etag(), JobReference: job.JobReference, JobComplete: true, Schema: &bigquery.TableSchema{}}, nil
}
