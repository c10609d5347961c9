package emulator

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"google.golang.org/api/bigtableadmin/v2"
)

// clusterChange is a change of a cluster that is under way until a time.
type clusterChange struct {
	Until time.Time `json:"until"`
	State string    `json:"state"` // until then: "CREATING" or "RESIZING"
	// Failed changes are undone when they end: Before is what the cluster is then, nil for none.
	Failed bool                   `json:"failed,omitempty"`
	Before *bigtableadmin.Cluster `json:"before,omitempty"`
}

// QuotaBigtableNodes is the quota of a project's nodes in each zone, for [Emulator.SetQuota].
const QuotaBigtableNodes = "bigtable.nodes"

// zoneState is what is true of a zone for every project.
type zoneState struct {
	SoldOut bool `json:"sold_out,omitempty"`
}

// offerState is whether Bigtable is offered in a zone, against what [bigtableZones] says.
type offerState struct {
	Offered bool `json:"offered"`
}

// clusterIDState is the instance that a cluster's ID belongs to, by "projects/p/clusters/c": a project has each ID once, and
// the instance keeps it after both were deleted.
// Source: https://github.com/googleapis/google-cloud-cpp/pull/739
type clusterIDState struct {
	Instance string `json:"instance"`
}

// claimClusters gives the IDs of new clusters to an instance, unless another one has or had them.
func (c *call) claimClusters(p Project, instance string, ids ...string) error {
	key := func(id string) string { return "projects/" + p.ID + "/clusters/" + id }
	for _, id := range ids {
		if had, ok := c.e.clusterIDs.get(key(id)); ok && had.Instance != instance {
			return fail("ALREADY_EXISTS", "Cannot re-create cluster '%s' in a different instance", id)
		}
	}
	for _, id := range ids {
		c.e.clusterIDs.put(key(id), clusterIDState{Instance: instance})
	}
	return nil
}

func (e *Emulator) registerClusters(instance string) {
	e.zones = newTable[zoneState](e, "zone")
	e.offers = newTable[offerState](e, "offer")
	e.clusterIDs = newTable[clusterIDState](e, "cluster-id")
	e.tables = newTable[bigtableadmin.Table](e, "table")
	for pattern, fn := range map[string]handler{
		"GET " + instance + "/clusters":              (*call).listClusters,
		"POST " + instance + "/clusters":             (*call).createCluster,
		"GET " + instance + "/clusters/{cluster}":    (*call).getCluster,
		"PUT " + instance + "/clusters/{cluster}":    (*call).updateCluster,
		"PATCH " + instance + "/clusters/{cluster}":  (*call).updateCluster,
		"DELETE " + instance + "/clusters/{cluster}": (*call).deleteCluster,
	} {
		e.handle(bigtableHost, pattern, fn)
	}
	seeding(e, "zones", func(v struct {
		Zone    string
		SoldOut bool
	},
	) any {
		e.SetZone(v.Zone, v.SoldOut)
		return nil
	})
	seeding(e, "offers", func(v struct {
		Project, Zone string
		Offered       bool
	},
	) any {
		e.OfferZone(v.Project, v.Zone, v.Offered)
		return nil
	})
	seeding(e, "tables", func(v struct{ Project, Instance, Table string }) any {
		e.AddTable(v.Project, v.Instance, v.Table)
		return nil
	})
}

// SetZone makes a zone ("us-west1-a") have no Bigtable servers left, or have them again (T23).
func (e *Emulator) SetZone(zone string, soldOut bool) {
	e.seed(func() { e.zones.put(zone, zoneState{SoldOut: soldOut}) })
}

// OfferZone makes Bigtable exist in a zone ("us-west1-a"), or not: for one project, or for "", for all that have no offer of
// their own.
func (e *Emulator) OfferZone(project, zone string, offered bool) {
	e.seed(func() { e.offers.put(project+"/"+zone, offerState{Offered: offered}) })
}

// offered reports whether a project can use Bigtable in a zone.
func (e *Emulator) offered(project, zone string) bool {
	if o, ok := e.offers.get(project + "/" + zone); ok {
		return o.Offered
	}
	if o, ok := e.offers.get("/" + zone); ok {
		return o.Offered
	}
	return bigtableZones[zone]
}

// AddTable puts a table into a Bigtable instance.
func (e *Emulator) AddTable(project, instance, table string) {
	e.seed(func() {
		name := fmt.Sprintf("projects/%s/instances/%s/tables/%s", project, instance, table)
		e.tables.put(name, bigtableadmin.Table{Name: name, Granularity: "MILLIS"})
	})
}

// zoneRegion gives the region of a zone such as projects/p/locations/us-west1-a; "" for a name of another form.
func zoneRegion(location string) string {
	if m := zoneName.FindStringSubmatch(location); m != nil {
		return m[1]
	}
	return ""
}

func zoneOf(cl *bigtableadmin.Cluster) string { return last(strings.Split(cl.Location, "/")) }

// settleCluster checks a new cluster and fills in what Google decides.
func (c *call) settleCluster(p Project, instance, id string, cl *bigtableadmin.Cluster) error {
	if err := checkID("clusters", id, 6, 30); err != nil {
		return err
	}
	region := zoneRegion(cl.Location)
	zone := zoneOf(cl)
	if region == "" || !c.e.offered(p.ID, zone) {
		return fail("INVALID_ARGUMENT", "Error in field 'clusters' : Error in field 'location' : Location '%s' is not available for Cloud Bigtable", zone)
	}
	if cl.ServeNodes < 1 && !autoscaled(cl) {
		return fail("INVALID_ARGUMENT", "Error in field 'clusters' : Error in field 'serve_nodes' : Must be at least 1")
	}
	if !c.locationAllowed(p, zone) && !c.locationAllowed(p, region) {
		return fail("FAILED_PRECONDITION", "'%s' violates constraint 'constraints/gcp.resourceLocations' on the resource 'projects/%s'.", zone, p.ID).with(
			preconditionFailure(violation{Type: "constraints/gcp.resourceLocations", Subject: "orgpolicy:projects/" + p.ID, Description: "Location " + zone + " is not allowed."}))
	}
	key := ""
	if cl.EncryptionConfig != nil {
		key = cl.EncryptionConfig.KmsKeyName
	}
	if err := c.encrypted(p, "bigtable.googleapis.com", key); err != nil {
		return err
	}
	cl.Name, cl.State = instance+"/clusters/"+id, ""
	cl.Location = "projects/" + p.ID + "/locations/" + zone
	if cl.DefaultStorageType == "" || cl.DefaultStorageType == "STORAGE_TYPE_UNSPECIFIED" {
		cl.DefaultStorageType = "SSD"
	}
	if cl.NodeScalingFactor == "" {
		cl.NodeScalingFactor = "NODE_SCALING_FACTOR_1X"
	}
	return nil
}

// shortage is how an operation fails that needs the clusters: their zone is sold out, or the project's quota of nodes
// is used up. nil: it doesn't.
// Source: https://github.com/GoogleCloudPlatform/DataflowTemplates/pull/993
func (c *call) shortage(p Project, clusters map[string]*bigtableadmin.Cluster) *Status {
	for _, id := range sortedKeys(clusters) {
		cl := clusters[id]
		zone := zoneOf(cl)
		if z, _ := c.e.zones.get(zone); z.SoldOut {
			return &Status{Code: 1, Message: "Operation successfully rolled back : Not enough servers to allocate the requested nodes. We have temporarily sold out of Cloud Bigtable in this zone. Our support team has been notified and will be bringing more resources on board. Please try a different zone or try again later."}
		}
		limit, limited := p.Quotas[QuotaBigtableNodes]
		if nodes := c.nodesIn(p, zone, cl.Name) + cl.ServeNodes; limited && nodes > int64(limit) {
			return &Status{Code: 8, Message: fmt.Sprintf("Operation successfully rolled back : Insufficient node quota. You requested a node count of %d nodes for your cluster, but this request would exceed your project's node quota of %d nodes total across all clusters in this zone.", cl.ServeNodes, limit)}
		}
	}
	return nil
}

// nodesIn counts the project's nodes in a zone, without those of one cluster.
func (c *call) nodesIn(p Project, zone, without string) int64 {
	var n int64
	for _, st := range c.instancesOf(p.ID) {
		for _, cl := range st.clusters(c.now) {
			if zoneOf(cl) == zone && cl.Name != without {
				n += cl.ServeNodes
			}
		}
	}
	return n
}

// clusters are the instance's clusters as they are now.
func (st instanceState) clusters(now time.Time) []*bigtableadmin.Cluster {
	var out []*bigtableadmin.Cluster
	for _, id := range sortedKeys(st.Clusters) {
		if cl, ok := st.cluster(id, now); ok {
			out = append(out, cl)
		}
	}
	return out
}

func (st instanceState) cluster(id string, now time.Time) (*bigtableadmin.Cluster, bool) {
	have, ok := st.Clusters[id]
	change := st.Changes[id]
	if change.Failed && !now.Before(change.Until) {
		have, ok = change.Before, change.Before != nil
	}
	if !ok {
		return nil, false
	}
	cl := *have
	switch {
	case now.Before(st.Ready):
		cl.State = "CREATING"
	case now.Before(change.Until):
		cl.State = change.State
	default:
		cl.State = "READY"
	}
	return &cl, true
}

// needCluster gives the instance and the cluster of the path, when the caller has the permission on the instance.
func (c *call) needCluster(permission string) (string, instanceState, *bigtableadmin.Cluster, error) {
	name, st, err := c.needInstance(permission)
	if err != nil {
		return name, st, nil, err
	}
	cl, ok := st.cluster(c.v("cluster"), c.now)
	if !ok {
		return name, st, nil, fail("NOT_FOUND", "Cluster not found: %s/clusters/%s", name, c.v("cluster"))
	}
	return name, st, cl, nil
}

// listClusters takes "-" for an instance: the clusters of all of a project's.
func (c *call) listClusters() (any, error) {
	out := &bigtableadmin.ListClustersResponse{}
	if c.v("instance") == "-" {
		p, err := c.bigtableProject("bigtable.clusters.list")
		if err != nil {
			return nil, err
		}
		for _, st := range c.instancesOf(p.ID) {
			out.Clusters = append(out.Clusters, st.clusters(c.now)...)
		}
		return out, nil
	}
	_, st, err := c.needInstance("bigtable.clusters.list")
	if err != nil {
		return nil, err
	}
	out.Clusters = st.clusters(c.now)
	return out, nil
}

func (c *call) getCluster() (any, error) {
	_, _, cl, err := c.needCluster("bigtable.clusters.get")
	if err != nil {
		return nil, err
	}
	return cl, nil
}

func (c *call) createCluster() (any, error) {
	var in bigtableadmin.Cluster
	if err := c.read(&in); err != nil {
		return nil, err
	}
	_, st, err := c.needInstance("bigtable.clusters.create")
	if err != nil {
		return nil, err
	}
	id := c.query.Get("clusterId")
	if _, exists := st.cluster(id, c.now); exists {
		return nil, fail("ALREADY_EXISTS", "Resource '%s/clusters/%s' already exists.", st.Meta.Name, id)
	}
	p, _ := c.e.project(st.Project)
	if err := c.settleCluster(p, st.Meta.Name, id, &in); err != nil {
		return nil, err
	}
	if err := c.claimClusters(p, st.Meta.Name, id); err != nil {
		return nil, err
	}
	request := map[string]any{"parent": st.Meta.Name, "clusterId": id, "cluster": &in}
	return c.changeCluster(st, id, &in, clusterChange{State: "CREATING"}, "CreateClusterMetadata", request), nil
}

// updateCluster resizes: both forms of the update change the number of nodes and the autoscaling, and nothing else.
func (c *call) updateCluster() (any, error) {
	var in bigtableadmin.Cluster
	if err := c.read(&in); err != nil {
		return nil, err
	}
	_, st, old, err := c.needCluster("bigtable.clusters.update")
	if err != nil {
		return nil, err
	}
	if old.State != "READY" {
		return nil, fail("FAILED_PRECONDITION", "Cluster %s is currently being changed, please try again.", old.Name)
	}
	next := *old
	next.ServeNodes, next.ClusterConfig = in.ServeNodes, in.ClusterConfig
	if next.ServeNodes < 1 && !autoscaled(&next) {
		return nil, fail("INVALID_ARGUMENT", "Error in field 'cluster' : Error in field 'serve_nodes' : Must be at least 1")
	}
	metadata, request := "UpdateClusterMetadata", any(&in)
	if c.Method == http.MethodPatch {
		metadata = "PartialUpdateClusterMetadata"
		request = map[string]any{"cluster": &in, "updateMask": c.query.Get("updateMask")}
	}
	return c.changeCluster(st, c.v("cluster"), &next, clusterChange{State: "RESIZING", Before: old}, metadata, request), nil
}

func autoscaled(cl *bigtableadmin.Cluster) bool {
	return cl.ClusterConfig != nil && cl.ClusterConfig.ClusterAutoscalingConfig != nil
}

// changeCluster stores what the cluster becomes and starts the operation.
func (c *call) changeCluster(st instanceState, id string, next *bigtableadmin.Cluster, change clusterChange, metadata string, request any) any {
	p, _ := c.e.project(st.Project)
	failed := c.outcome(c.shortage(p, map[string]*bigtableadmin.Cluster{id: next}))
	change.Until, change.Failed = c.ready(), failed != nil
	st.Clusters, st.Changes = maps.Clone(st.Clusters), maps.Clone(st.Changes)
	if st.Changes == nil {
		st.Changes = map[string]clusterChange{}
	}
	st.Clusters[id], st.Changes[id] = next, change
	c.e.instances.put(st.Meta.Name, st)
	done := *next
	done.State = "READY"
	return c.bigtableChange(st, id, metadata, request, typed(bigtableType+"Cluster", &done), failed)
}

func (c *call) deleteCluster() (any, error) {
	name, st, _, err := c.needCluster("bigtable.clusters.delete")
	if err != nil {
		return nil, err
	}
	if len(st.clusters(c.now)) == 1 {
		return nil, fail("FAILED_PRECONDITION", "Cannot delete the last cluster of instance %s.", name)
	}
	st.Clusters, st.Changes = maps.Clone(st.Clusters), maps.Clone(st.Changes)
	delete(st.Clusters, c.v("cluster"))
	delete(st.Changes, c.v("cluster"))
	c.e.instances.put(name, st)
	return nil, nil
}

func (c *call) listTables() (any, error) {
	name, _, err := c.needInstance("bigtable.tables.list")
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(c.query, c.e.tables.keys(name+"/tables/"), 1000)
	out := &bigtableadmin.ListTablesResponse{NextPageToken: next}
	for _, k := range page {
		t, _ := c.e.tables.get(k)
		out.Tables = append(out.Tables, &bigtableadmin.Table{Name: t.Name}) // the view NAME_ONLY, Google's default
	}
	return out, err
}

// listAppProfiles gives the one profile that each instance is made with.
func (c *call) listAppProfiles() (any, error) {
	name, st, err := c.needInstance("bigtable.appProfiles.list")
	if err != nil {
		return nil, err
	}
	a := &bigtableadmin.AppProfile{Name: name + "/appProfiles/default", Etag: derived(name), Description: "Default application profile for this instance"}
	if clusters := st.clusters(c.now); len(clusters) == 1 {
		a.SingleClusterRouting = &bigtableadmin.SingleClusterRouting{ClusterId: last(strings.Split(clusters[0].Name, "/")), AllowTransactionalWrites: true}
	} else {
		a.MultiClusterRoutingUseAny = &bigtableadmin.MultiClusterRoutingUseAny{}
	}
	return &bigtableadmin.ListAppProfilesResponse{AppProfiles: []*bigtableadmin.AppProfile{a}}, nil
}

func (c *call) listZones() (any, error) {
	p, err := c.bigtableProject("bigtable.locations.list")
	if err != nil {
		return nil, err
	}
	zones := maps.Clone(bigtableZones)
	for _, key := range c.e.offers.keys("") {
		_, zone, _ := strings.Cut(key, "/")
		zones[zone] = true
	}
	var all []*bigtableadmin.Location
	for _, zone := range sortedKeys(zones) {
		if c.e.offered(p.ID, zone) {
			all = append(all, &bigtableadmin.Location{Name: "projects/" + p.ID + "/locations/" + zone, LocationId: zone})
		}
	}
	page, next, err := paginate(c.query, all, 1000)
	return &bigtableadmin.ListLocationsResponse{Locations: page, NextPageToken: next}, err
}
