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
	Ready    time.Time                         `json:"ready"`            // until then it is being created
	Failed   bool                              `json:"failed,omitempty"` // from Ready on there is no such instance
	Changes  map[string]clusterChange          `json:"changes,omitempty"`
}

const bigtableHost = "bigtableadmin.googleapis.com"

func (e *Emulator) registerBigtable() {
	e.instances = newTable[instanceState](e, "instance")
	const instance = "/v2/projects/{project}/instances/{instance}"
	for pattern, fn := range map[string]handler{
		"POST /v2/projects/{project}/instances":                                 (*call).createInstance,
		"GET /v2/projects/{project}/instances":                                  (*call).listInstances,
		"GET " + instance:                                                       (*call).getInstance,
		"PATCH " + instance:                                                     (*call).patchInstance,
		"DELETE " + instance:                                                    (*call).deleteInstance,
		"PUT " + instance:                                                       (*call).updateInstance,
		"GET " + instance + "/tables":                                           (*call).listTables,
		"GET " + instance + "/appProfiles":                                      (*call).listAppProfiles,
		"GET /v2/projects/{project}/locations":                                  (*call).listZones,
		"POST " + instance + ":getIamPolicy":                                    (*call).instancePolicy,
		"POST " + instance + ":setIamPolicy":                                    (*call).setInstancePolicy,
		"POST " + instance + ":testIamPermissions":                              (*call).testInstancePermissions,
		"GET /v2/operations/{name...}":                                          (*call).bigtableOperation,
		"GET /v2/operations/projects/{project}/instances/{instance}/operations": (*call).listBigtableOperations,
	} {
		e.handle(bigtableHost, pattern, fn)
	}
	e.registerClusters(instance)
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
	st, ok := c.instance(name)
	if !ok {
		return name, st, fail("NOT_FOUND", "Instance not found: %s", name)
	}
	return name, st, nil
}

// instance is the instance of that name, unless its creation was rolled back.
func (c *call) instance(name string) (instanceState, bool) {
	st, ok := c.e.instances.get(name)
	if ok && st.Failed && !c.now.Before(st.Ready) {
		return instanceState{}, false
	}
	return st, ok
}

// instancesOf are the instances of a project, by name.
func (c *call) instancesOf(project string) []instanceState {
	var out []instanceState
	for _, k := range c.e.instances.keys("projects/" + project + "/instances/") {
		if st, ok := c.instance(k); ok {
			out = append(out, st)
		}
	}
	return out
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
	if _, exists := c.instance(name); exists {
		return nil, fail("ALREADY_EXISTS", "Resource '%s' already exists.", name)
	}
	if err := c.claimClusters(p, name, sortedKeys(in.Clusters)...); err != nil {
		return nil, err
	}
	failed := c.outcome(c.shortage(p, st.Clusters))
	st.Failed = failed != nil
	c.e.instances.put(name, st)
	c.e.policies.put(name, policyState{Parent: "projects/" + p.ID})
	done := st.Meta
	done.State = "READY"
	return c.bigtableChange(st, "", "CreateInstanceMetadata", in, typed(bigtableType+"Instance", &done), failed), nil
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
	if bad := badLabel(in.Instance.Labels); bad != "" {
		return st, fail("INVALID_ARGUMENT", "Error in field 'instance' : Error in field 'labels' : Invalid label '%s'", bad)
	}
	if err := c.custom(p, "bigtableadmin.googleapis.com/Instance", "CREATE", in.Instance); err != nil {
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
		if err := c.settleCluster(p, st.Meta.Name, id, &cl); err != nil {
			return st, err
		}
		if zones[cl.Location] {
			return st, fail("INVALID_ARGUMENT", "Error in field 'clusters' : Two clusters of an instance cannot be in the same zone")
		}
		zones[cl.Location] = true
		st.Clusters[id] = &cl
	}
	return st, c.billing(p.ID)
}

const bigtableType = "type.googleapis.com/google.bigtable.admin.v2."

// bigtableChange starts the operation of a change, in the zone of the cluster, or of any of them for "".
func (c *call) bigtableChange(st instanceState, cluster, metadata string, request, result any, failed *Status) any {
	zone := "global"
	for _, id := range sortedKeys(st.Clusters) {
		if cluster == "" || cluster == id {
			zone = zoneOf(st.Clusters[id])
		}
	}
	name := fmt.Sprintf("operations/%s/locations/%s/operations/%s", st.Meta.Name, zone, c.e.digits(19))
	m := map[string]any{"requestTime": c.now.Format(milliseconds)}
	if request != nil {
		m["originalRequest"] = request
	}
	return c.operation(name, st.Project, typed(bigtableType+metadata, m), result, failed)
}

func (c *call) bigtableOperation() (any, error) {
	return c.poll("operations/"+c.v("name"), "bigtable.instances.get")
}

// listBigtableOperations lists what was begun on an instance, also on one whose creation was rolled back; "-" is any
// instance. The permission is the one of reading an operation; Google documents none.
func (c *call) listBigtableOperations() (any, error) {
	p, err := c.bigtableProject("bigtable.instances.get")
	if err != nil {
		return nil, err
	}
	prefix := bigtableHost + " operations/projects/" + p.ID + "/instances/"
	if id := c.v("instance"); id != "-" {
		prefix += id + "/"
	}
	var all []operationAnswer
	for _, k := range c.e.operations.keys(prefix) {
		op, _ := c.e.operations.get(k)
		all = append(all, op.answer(c.now))
	}
	page, next, err := paginate(c.query, all, 100)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"operations": page}
	if next != "" {
		out["nextPageToken"] = next
	}
	return out, nil
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
	for _, st := range c.instancesOf(p.ID) {
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
			if bad := badLabel(in.Labels); bad != "" {
				return nil, fail("INVALID_ARGUMENT", "Error in field 'instance' : Error in field 'labels' : Invalid label '%s'", bad)
			}
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
	request := map[string]any{"instance": &in, "updateMask": c.query.Get("updateMask")}
	return c.bigtableChange(st, "", "UpdateInstanceMetadata", request, typed(bigtableType+"Instance", st.answer(c.now)), c.fails), nil
}

// updateInstance is the older, whole update: it is done when it is answered.
func (c *call) updateInstance() (any, error) {
	var in bigtableadmin.Instance
	if err := c.read(&in); err != nil {
		return nil, err
	}
	name, st, err := c.needInstance("bigtable.instances.update")
	if err != nil {
		return nil, err
	}
	if err := checkDisplayName(in.DisplayName); err != nil {
		return nil, err
	}
	st.Meta.DisplayName, st.Meta.Labels, st.Meta.Type = in.DisplayName, in.Labels, orElse(in.Type, st.Meta.Type)
	c.e.instances.put(name, st)
	return st.answer(c.now), nil
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
	if _, exists := c.instance(name); !ok || !exists {
		return nil, fail("NOT_FOUND", "Instance not found: projects/%s/instances/%s", c.v("project"), c.v("instance"))
	}
	if err := c.enter(name); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(in.Permissions, func(p string) bool { return !strings.HasPrefix(p, "bigtable.") }); i >= 0 {
		return nil, fail("INVALID_ARGUMENT", "Permission %s is not valid for this resource.", in.Permissions[i])
	}
	return &bigtableadmin.TestIamPermissionsResponse{Permissions: c.permitted(name, in.Permissions)}, nil
}
