package emulator

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/bigtableadmin/v2"
)

// instanceState is a Bigtable instance as it is journalled, by "projects/p/instances/i".
type instanceState struct {
	Project  string                            `json:"project"` // ID
	Meta     bigtableadmin.Instance            `json:"meta"`
	Clusters map[string]*bigtableadmin.Cluster `json:"clusters"`
	Ready    time.Time                         `json:"ready"` // until then it is being created
}

const bigtableHost = "bigtableadmin.googleapis.com"

func (e *Emulator) registerBigtable() {
	e.instances = newTable[instanceState](e, "instance")
	const instance = "/v2/projects/{project}/instances/{instance}"
	for pattern, fn := range map[string]handler{
		"POST /v2/projects/{project}/instances":    (*call).createInstance,
		"GET /v2/projects/{project}/instances":     (*call).listInstances,
		"GET " + instance:                          (*call).getInstance,
		"PATCH " + instance:                        (*call).patchInstance,
		"DELETE " + instance:                       (*call).deleteInstance,
		"GET " + instance + "/clusters":            (*call).listClusters,
		"GET " + instance + "/clusters/{cluster}":  (*call).getCluster,
		"POST " + instance + ":getIamPolicy":       (*call).instancePolicy,
		"POST " + instance + ":setIamPolicy":       (*call).setInstancePolicy,
		"POST " + instance + ":testIamPermissions": (*call).testInstancePermissions,
		"GET /v2/operations/{name...}":             (*call).bigtableOperation,
	} {
		e.handle(bigtableHost, pattern, fn)
	}
}

// bigtableProject checks the API and the permission, and gives the project of the path.
func (c *call) bigtableProject(permissions ...string) (Project, error) {
	id := c.v("project")
	if err := c.api(bigtableHost, id); err != nil {
		return Project{}, err
	}
	if err := c.require("projects/"+id, permissions...); err != nil {
		return Project{}, err
	}
	p, _ := c.e.project(id)
	return p, nil
}

// needInstance gives the instance of the path, when the caller has the permission on it.
func (c *call) needInstance(permission string) (string, instanceState, error) {
	p, ok := c.e.project(c.v("project"))
	if !ok {
		return "", instanceState{}, c.require("projects/"+c.v("project"), permission)
	}
	if err := c.api(bigtableHost, p.ID); err != nil {
		return "", instanceState{}, err
	}
	name := "projects/" + p.ID + "/instances/" + c.v("instance")
	if err := c.require(name, permission); err != nil {
		return name, instanceState{}, err
	}
	st, ok := c.e.instances.get(name)
	if !ok {
		return name, st, fail("NOT_FOUND", "Instance not found: %s", name)
	}
	return name, st, nil
}

var (
	instanceID = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	zoneName   = regexp.MustCompile(`^projects/[^/]+/locations/([a-z]+-[a-z]+[0-9]+)-([a-z])$`)
)

// checkID holds an ID to the form and length of its collection (T17).
func checkID(collection, id string, shortest, longest int) error {
	if n := len(id); n < shortest || n > longest {
		return fail("INVALID_ARGUMENT", "Invalid id for collection %s : Length should be between [%d,%d], but found %d '%s'", collection, shortest, longest, n, id)
	}
	if !instanceID.MatchString(id) {
		return fail("INVALID_ARGUMENT", "Invalid id for collection %s : Should match [a-z][-a-z0-9]*[a-z0-9], but found '%s'", collection, id)
	}
	return nil
}

func checkDisplayName(name string) error {
	if n := len([]rune(name)); n < 4 || n > 30 {
		return fail("INVALID_ARGUMENT", "Error in field 'instance' : Error in field 'display_name' : Length should be between [4,30], but found %d '%s'", n, name)
	}
	return nil
}

// zoneRegion gives the region of a zone such as projects/p/locations/us-west1-a; "" when there is no such zone.
func zoneRegion(location string) string {
	m := zoneName.FindStringSubmatch(location)
	if m == nil || !strings.Contains(regions[m[1]], m[2]) {
		return ""
	}
	return m[1]
}

func (c *call) createInstance() (any, error) {
	var in bigtableadmin.CreateInstanceRequest
	if err := c.read(&in); err != nil {
		return nil, err
	}
	p, err := c.bigtableProject("bigtable.instances.create", "bigtable.clusters.create")
	if err != nil {
		return nil, err
	}
	st, err := c.newInstance(p, &in)
	if err != nil {
		return nil, err
	}
	name := st.Meta.Name
	if _, exists := c.e.instances.get(name); exists {
		return nil, fail("ALREADY_EXISTS", "Resource '%s' already exists.", name)
	}
	c.e.instances.put(name, st)
	c.e.policies.put(name, policyState{Parent: "projects/" + p.ID})
	done := st.Meta
	done.State = "READY"
	return c.bigtableChange(st, "CreateInstanceMetadata", map[string]any{"originalRequest": in}, done), nil
}

// newInstance checks the request and gives what it makes.
func (c *call) newInstance(p Project, in *bigtableadmin.CreateInstanceRequest) (instanceState, error) {
	st := instanceState{Project: p.ID, Clusters: map[string]*bigtableadmin.Cluster{}, Ready: c.ready()}
	if err := checkID("instances", in.InstanceId, 6, 33); err != nil {
		return st, err
	}
	if in.Instance == nil {
		return st, fail("INVALID_ARGUMENT", "Error in field 'instance' : Missing required field")
	}
	if err := checkDisplayName(in.Instance.DisplayName); err != nil {
		return st, err
	}
	if len(in.Clusters) == 0 {
		return st, fail("INVALID_ARGUMENT", "Error in field 'clusters' : Instance must have at least one cluster")
	}
	st.Meta = *in.Instance
	st.Meta.Name = "projects/" + p.ID + "/instances/" + in.InstanceId
	st.Meta.CreateTime = c.now.Format(milliseconds)
	if st.Meta.Type == "" || st.Meta.Type == "TYPE_UNSPECIFIED" {
		st.Meta.Type = "PRODUCTION"
	}
	zones := map[string]bool{}
	for _, id := range sortedKeys(in.Clusters) {
		cl := in.Clusters[id]
		if err := c.checkCluster(p, id, &cl); err != nil {
			return st, err
		}
		if zones[cl.Location] {
			return st, fail("INVALID_ARGUMENT", "Error in field 'clusters' : Two clusters of an instance cannot be in the same zone")
		}
		zones[cl.Location] = true
		cl.Name, cl.State = st.Meta.Name+"/clusters/"+id, ""
		cl.Location = strings.Replace(cl.Location, c.v("project"), p.ID, 1)
		if cl.DefaultStorageType == "" || cl.DefaultStorageType == "STORAGE_TYPE_UNSPECIFIED" {
			cl.DefaultStorageType = "SSD"
		}
		if cl.NodeScalingFactor == "" {
			cl.NodeScalingFactor = "NODE_SCALING_FACTOR_1X"
		}
		st.Clusters[id] = &cl
	}
	return st, c.billing(p.ID)
}

func (c *call) checkCluster(p Project, id string, cl *bigtableadmin.Cluster) error {
	if err := checkID("clusters", id, 6, 30); err != nil {
		return err
	}
	region := zoneRegion(cl.Location)
	zone := cl.Location[strings.LastIndex(cl.Location, "/")+1:]
	if region == "" {
		return fail("INVALID_ARGUMENT", "Error in field 'clusters' : Error in field 'location' : Location '%s' is not available for Cloud Bigtable", zone)
	}
	auto := cl.ClusterConfig != nil && cl.ClusterConfig.ClusterAutoscalingConfig != nil
	if cl.ServeNodes < 1 && !auto {
		return fail("INVALID_ARGUMENT", "Error in field 'clusters' : Error in field 'serve_nodes' : Must be at least 1")
	}
	if !c.locationAllowed(p, zone) && !c.locationAllowed(p, region) {
		return fail("FAILED_PRECONDITION", "'%s' violates constraint 'constraints/gcp.resourceLocations' on the resource 'projects/%s'.", zone, p.ID).with(
			preconditionFailure(violation{Type: "constraints/gcp.resourceLocations", Subject: "orgpolicy:projects/" + p.ID, Description: "Location " + zone + " is not allowed."}))
	}
	return nil
}

// bigtableChange starts the operation of a change; what it answers with is seen when it is done.
func (c *call) bigtableChange(st instanceState, kind string, metadata map[string]any, result bigtableadmin.Instance) any {
	const types = "type.googleapis.com/google.bigtable.admin.v2."
	zone := "global"
	for _, id := range sortedKeys(st.Clusters) {
		zone = st.Clusters[id].Location[strings.LastIndex(st.Clusters[id].Location, "/")+1:]
	}
	metadata["requestTime"] = c.now.Format(milliseconds)
	name := fmt.Sprintf("operations/%s/locations/%s/operations/%s", st.Meta.Name, zone, c.e.digits(19))
	return c.operation(name, st.Project, typed(types+kind, metadata), typed(types+"Instance", &result))
}

func (c *call) bigtableOperation() (any, error) {
	return c.poll("operations/"+c.v("name"), "bigtable.instances.get")
}

// answer is the instance as it is now.
func (st instanceState) answer(now time.Time) *bigtableadmin.Instance {
	m := st.Meta
	m.State = "READY"
	if now.Before(st.Ready) {
		m.State = "CREATING"
	}
	return &m
}

func (st instanceState) cluster(id string, now time.Time) *bigtableadmin.Cluster {
	cl := *st.Clusters[id]
	cl.State = "READY"
	if now.Before(st.Ready) {
		cl.State = "CREATING"
	}
	return &cl
}

func (c *call) getInstance() (any, error) {
	_, st, err := c.needInstance("bigtable.instances.get")
	if err != nil {
		return nil, err
	}
	return st.answer(c.now), nil
}

func (c *call) listInstances() (any, error) {
	p, err := c.bigtableProject("bigtable.instances.list")
	if err != nil {
		return nil, err
	}
	out := &bigtableadmin.ListInstancesResponse{}
	for _, k := range c.e.instances.keys("projects/" + p.ID + "/instances/") {
		st, _ := c.e.instances.get(k)
		out.Instances = append(out.Instances, st.answer(c.now))
	}
	return out, nil
}

func (c *call) patchInstance() (any, error) {
	var in bigtableadmin.Instance
	if err := c.read(&in); err != nil {
		return nil, err
	}
	name, st, err := c.needInstance("bigtable.instances.update")
	if err != nil {
		return nil, err
	}
	mask := strings.Split(c.query.Get("updateMask"), ",")
	for _, field := range mask {
		switch field {
		case "labels":
			st.Meta.Labels = in.Labels
		case "displayName", "display_name":
			if err := checkDisplayName(in.DisplayName); err != nil {
				return nil, err
			}
			st.Meta.DisplayName = in.DisplayName
		case "type":
			st.Meta.Type = in.Type
		default:
			return nil, fail("INVALID_ARGUMENT", "Error in field 'update_mask' : Unknown or immutable field '%s'", field)
		}
	}
	c.e.instances.put(name, st)
	return c.bigtableChange(st, "UpdateInstanceMetadata", map[string]any{}, *st.answer(c.now)), nil
}

func (c *call) deleteInstance() (any, error) {
	name, _, err := c.needInstance("bigtable.instances.delete")
	if err != nil {
		return nil, err
	}
	c.e.instances.delete(name)
	c.e.policies.delete(name)
	return nil, nil
}

// listClusters takes "-" for an instance: the clusters of all of a project's.
func (c *call) listClusters() (any, error) {
	out := &bigtableadmin.ListClustersResponse{}
	add := func(st instanceState) {
		for _, id := range sortedKeys(st.Clusters) {
			out.Clusters = append(out.Clusters, st.cluster(id, c.now))
		}
	}
	if c.v("instance") == "-" {
		p, err := c.bigtableProject("bigtable.clusters.list")
		if err != nil {
			return nil, err
		}
		for _, k := range c.e.instances.keys("projects/" + p.ID + "/instances/") {
			st, _ := c.e.instances.get(k)
			add(st)
		}
		return out, nil
	}
	_, st, err := c.needInstance("bigtable.clusters.list")
	if err != nil {
		return nil, err
	}
	add(st)
	return out, nil
}

func (c *call) getCluster() (any, error) {
	name, st, err := c.needInstance("bigtable.clusters.get")
	if err != nil {
		return nil, err
	}
	if _, ok := st.Clusters[c.v("cluster")]; !ok {
		return nil, fail("NOT_FOUND", "Cluster not found: %s/clusters/%s", name, c.v("cluster"))
	}
	return st.cluster(c.v("cluster"), c.now), nil
}

// policyBody is the body of a getIamPolicy or setIamPolicy of the newer APIs.
type policyBody struct {
	Options struct {
		RequestedPolicyVersion int `json:"requestedPolicyVersion"`
	} `json:"options"`
	Policy     Policy `json:"policy"`
	UpdateMask string `json:"updateMask"`
}

func (c *call) instancePolicy() (any, error) {
	var in policyBody
	if err := c.read(&in); err != nil {
		return nil, err
	}
	name, _, err := c.needInstance("bigtable.instances.getIamPolicy")
	if err != nil {
		return nil, err
	}
	return c.policy(name, in.Options.RequestedPolicyVersion), nil
}

func (c *call) setInstancePolicy() (any, error) {
	var in policyBody
	if err := c.read(&in); err != nil {
		return nil, err
	}
	name, _, err := c.needInstance("bigtable.instances.setIamPolicy")
	if err != nil {
		return nil, err
	}
	p, err := c.setPolicy(name, in.Policy)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (c *call) testInstancePermissions() (any, error) {
	var in bigtableadmin.TestIamPermissionsRequest
	if err := c.read(&in); err != nil {
		return nil, err
	}
	p, ok := c.e.project(c.v("project"))
	name := "projects/" + p.ID + "/instances/" + c.v("instance")
	if _, exists := c.e.instances.get(name); !ok || !exists {
		return nil, fail("NOT_FOUND", "Instance not found: projects/%s/instances/%s", c.v("project"), c.v("instance"))
	}
	if i := slices.IndexFunc(in.Permissions, func(p string) bool { return !strings.HasPrefix(p, "bigtable.") }); i >= 0 {
		return nil, fail("INVALID_ARGUMENT", "Permission %s is not valid for this resource.", in.Permissions[i])
	}
	return &bigtableadmin.TestIamPermissionsResponse{Permissions: c.permitted(name, in.Permissions)}, nil
}
