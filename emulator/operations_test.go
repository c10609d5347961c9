package emulator_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/bigtableadmin/v2"
	crm "google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/serviceusage/v1"

	"groundwork/emulator"
)

const (
	instanceID   = "tecton-acme"
	instanceName = project + "/instances/" + instanceID
	clusterName  = instanceName + "/clusters/tecton-acme-c1"
)

func createInstance(k *clients, zone string, nodes int64) (*bigtableadmin.Operation, error) {
	return k.bigtable.Projects.Instances.Create(project, &bigtableadmin.CreateInstanceRequest{
		Parent: project, InstanceId: instanceID, Instance: &bigtableadmin.Instance{DisplayName: "Tecton acme"},
		Clusters: map[string]bigtableadmin.Cluster{"tecton-acme-c1": {Location: project + "/locations/" + zone, ServeNodes: nodes}},
	}).Do()
}

func TestInstanceCreationIsRolledBack(t *testing.T) { // T23
	const soldOut, noQuota = "Please try a different zone", "Insufficient node quota"
	for _, tt := range []struct {
		name  string
		state func(c *cloud)
		code  int64
		text  string
	}{
		{"sold out", func(c *cloud) { c.SetZone("us-west1-a", true) }, 1, soldOut},
		{"quota", func(c *cloud) { c.SetQuota(projectID, emulator.QuotaBigtableNodes, 2) }, 8, noQuota},
		{"rule", func(c *cloud) {
			c.AddRule(emulator.Rule{Match: emulator.Match{Method: "POST", Path: "*/instances"}, Times: 1, Fails: &emulator.Status{Code: 13, Message: "An internal error"}})
		}, 13, "An internal error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			c := newCloud(t, emulator.Config{Speed: time.Minute, Dir: dir})
			tt.state(c)
			k := c.as(owner)
			op := must(createInstance(k, "us-west1-a", 3))(t)
			if got := must(k.bigtable.Projects.Instances.Get(instanceName).Do())(t); got.State != "CREATING" || op.Done {
				t.Errorf("while it is being created: %+v, %+v", got, op)
			}
			left := t.TempDir()
			noError(t, os.CopyFS(left, os.DirFS(dir)))
			again := newCloud(t, emulator.Config{Speed: time.Minute, Dir: left})
			again.pass(time.Minute)
			k = again.as(owner)
			op = must(k.bigtable.Operations.Get(op.Name).Do())(t)
			if !op.Done || op.Error == nil || op.Response != nil || op.Error.Code != tt.code || !strings.Contains(op.Error.Message, tt.text) {
				t.Fatalf("after a restart: %+v %+v", op, op.Error)
			}
			_, err := k.bigtable.Projects.Instances.Get(instanceName).Do()
			wantError(t, err, 404, "", "Instance not found")
			if got := must(k.bigtable.Projects.Instances.List(project).Do())(t); len(got.Instances) != 0 {
				t.Errorf("rolled back and listed: %+v", got.Instances[0])
			}
			must(createInstance(k, "us-west1-b", 1))(t) // another zone, within the quota
			again.pass(time.Minute)
			if got := must(k.bigtable.Projects.Instances.Get(instanceName).Do())(t); got.State != "READY" {
				t.Errorf("the second attempt: %+v", got)
			}
		})
	}
}

func TestClusterUpdate(t *testing.T) {
	c := newCloud(t, emulator.Config{Speed: time.Minute})
	k := c.as(owner)
	must(createInstance(k, "us-west1-a", 1))(t)
	c.pass(time.Minute)
	clusters := k.bigtable.Projects.Instances.Clusters
	resize := func(n int64, state string) *bigtableadmin.Operation {
		t.Helper()
		op := must(clusters.PartialUpdateCluster(clusterName, &bigtableadmin.Cluster{ServeNodes: n}).UpdateMask("serveNodes").Do())(t)
		if got := must(clusters.Get(clusterName).Do())(t); got.State != state {
			t.Errorf("cluster %+v, want %s", got, state)
		}
		c.pass(time.Minute)
		return must(k.bigtable.Operations.Get(op.Name).Do())(t)
	}
	if op := resize(3, "RESIZING"); !op.Done || op.Error != nil {
		t.Errorf("resize: %+v", op)
	}
	c.SetQuota(projectID, emulator.QuotaBigtableNodes, 4)
	if op := resize(5, "RESIZING"); op.Error == nil || op.Error.Code != 8 {
		t.Errorf("resize beyond the quota: %+v", op)
	}
	if got := must(clusters.Get(clusterName).Do())(t); got.ServeNodes != 3 || got.State != "READY" {
		t.Errorf("after a resize that failed: %+v", got)
	}
	must(clusters.Update(clusterName, &bigtableadmin.Cluster{ServeNodes: 2}).Do())(t)
	second := &bigtableadmin.Cluster{Location: project + "/locations/us-west1-b", ServeNodes: 1}
	must(clusters.Create(instanceName, second).ClusterId("tecton-acme-c2").Do())(t)
	c.pass(time.Minute)
	if got := must(clusters.List(instanceName).Do())(t); len(got.Clusters) != 2 || got.Clusters[0].ServeNodes != 2 {
		t.Errorf("clusters %+v", got.Clusters)
	}
	must(clusters.Delete(instanceName + "/clusters/tecton-acme-c2").Do())(t)
	_, err := clusters.Delete(clusterName).Do()
	wantError(t, err, 400, "", "last cluster")
	must(k.bigtable.Projects.Instances.Update(instanceName, &bigtableadmin.Instance{DisplayName: "Tecton two"}).Do())(t)

	c.AddTable(projectID, instanceID, "features")
	if got := must(k.bigtable.Projects.Instances.Tables.List(instanceName).Do())(t); len(got.Tables) != 1 {
		t.Errorf("tables %+v", got.Tables)
	}
	if got := must(k.bigtable.Projects.Instances.AppProfiles.List(instanceName).Do())(t); len(got.AppProfiles) != 1 || got.AppProfiles[0].SingleClusterRouting == nil {
		t.Errorf("app profiles %+v", got.AppProfiles)
	}
	if got := must(k.bigtable.Projects.Locations.List(project).Do())(t); len(got.Locations) < 100 {
		t.Errorf("%d zones", len(got.Locations))
	}
}

func TestBigtableIsOfferedInZones(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	k := c.as(owner)
	zones := func() []string {
		var all []string
		err := k.bigtable.Projects.Locations.List(project).PageSize(7).Pages(t.Context(), func(page *bigtableadmin.ListLocationsResponse) error {
			for _, l := range page.Locations {
				if l.Name != project+"/locations/"+l.LocationId {
					t.Errorf("location %+v", l)
				}
				if strings.HasPrefix(l.LocationId, "us-west1-") {
					all = append(all, l.LocationId)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	create := func(id, zone string) error {
		_, err := k.bigtable.Projects.Instances.Create(project, &bigtableadmin.CreateInstanceRequest{
			InstanceId: id, Instance: &bigtableadmin.Instance{DisplayName: "Sample"},
			Clusters: map[string]bigtableadmin.Cluster{id + "-c1": {Location: project + "/locations/" + zone, ServeNodes: 1}},
		}).Do()
		return err
	}
	if got := zones(); !slices.Equal(got, []string{"us-west1-a", "us-west1-b", "us-west1-c"}) {
		t.Errorf("zones %v", got)
	}
	c.OfferZone("", "us-west1-a", false)
	c.OfferZone("", "us-west1-b", false)
	c.OfferZone(projectID, "us-west1-b", true)
	c.OfferZone(projectID, "us-west1-p", true)
	c.OfferZone("somebody-else", "us-west1-q", true)
	if got := zones(); !slices.Equal(got, []string{"us-west1-b", "us-west1-c", "us-west1-p"}) {
		t.Errorf("zones %v", got)
	}
	wantError(t, create("tecton-one", "us-west1-a"), 400, "", "'us-west1-a' is not available for Cloud Bigtable")
	if err := create("tecton-two", "us-west1-p"); err != nil {
		t.Error(err)
	}
}

func TestEnablingFails(t *testing.T) { // T8, T23
	c := newCloud(t, emulator.Config{Speed: time.Minute})
	k := c.as(owner)
	enable := func() (*serviceusage.Operation, error) {
		return k.usage.Services.Enable(project+"/services/dataproc.googleapis.com", &serviceusage.EnableServiceRequest{}).Do()
	}
	c.SetAPIFailure(projectID, "dataproc.googleapis.com", &emulator.Status{Code: 9, Message: "The terms of service were not accepted."})
	op := must(enable())(t)
	_, err := enable()
	wantError(t, err, 400, "", "Another activation or deactivation is in progress")
	c.pass(time.Minute)
	if op = must(k.usage.Operations.Get(op.Name).Do())(t); !op.Done || op.Error == nil || op.Error.Code != 9 {
		t.Errorf("operation %+v", op)
	}
	if s := must(k.usage.Services.Get(project + "/services/dataproc.googleapis.com").Do())(t); s.State != "DISABLED" {
		t.Errorf("service %+v", s)
	}
	c.SetAPIFailure(projectID, "dataproc.googleapis.com", nil)
	op = must(enable())(t)
	c.pass(time.Minute)
	if op = must(k.usage.Operations.Get(op.Name).Do())(t); !op.Done || op.Error != nil {
		t.Errorf("operation %+v", op)
	}
}

func TestServiceAccountQuota(t *testing.T) { // T24
	c := newCloud(t, emulator.Config{})
	c.SetQuota(projectID, emulator.QuotaServiceAccounts, 1)
	k := c.as(owner)
	noError(t, createSpark(k))
	_, err := k.iam.Projects.ServiceAccounts.Create(project, &iam.CreateServiceAccountRequest{AccountId: "second-one"}).Do()
	wantError(t, err, 429, "rateLimitExceeded", `"retryDelay":"86401s"`)
}

// Times that are set for one project say nothing of another.
func TestPropagation(t *testing.T) {
	slow := emulator.Duration(20 * time.Second)
	for _, tt := range []struct {
		name  string
		times emulator.Propagation
		check func(t *testing.T, c *cloud, known bool)
	}{
		{"accounts", emulator.Propagation{Accounts: slow}, func(t *testing.T, c *cloud, known bool) { // T4
			const spark = "spark-acme@" + projectID + ".iam.gserviceaccount.com"
			k := c.as(owner)
			_, read := k.iam.Projects.ServiceAccounts.Get(project + "/serviceAccounts/" + spark).Do()
			bind := bindProject(t, k, "roles/browser", "serviceAccount:"+spark)
			if known {
				noError(t, read)
				noError(t, bind)
				return
			}
			wantError(t, read, 404, "", "Unknown service account")
			wantError(t, bind, 400, "", "Service account "+spark+" does not exist.")
		}},
		{"roles", emulator.Propagation{Roles: slow}, func(t *testing.T, c *cloud, known bool) { // T40
			k := c.as(owner)
			must(k.iam.Projects.Roles.Get(project + "/roles/tecton_acme").Do())(t)
			bind := bindProject(t, k, project+"/roles/tecton_acme", "serviceAccount:"+vendor)
			if known {
				noError(t, bind)
				return
			}
			wantError(t, bind, 400, "", "Role ("+project+"/roles/tecton_acme) does not exist in the resource's hierarchy.")
		}},
		{"bindings", emulator.Propagation{Bindings: slow}, func(t *testing.T, c *cloud, known bool) { // T13
			_, err := c.as(nobody).projects.Projects.Get(project).Do()
			if known {
				noError(t, err)
				return
			}
			wantError(t, err, 403, "", "The caller does not have permission")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t, emulator.Config{})
			c.SetProjectPropagation(projectID, tt.times)
			k := c.as(owner)
			noError(t, createSpark(k))
			must(k.iam.Projects.Roles.Create(project, &iam.CreateRoleRequest{RoleId: "tecton_acme", Role: &iam.Role{IncludedPermissions: sevenPermissions}}).Do())(t)
			noError(t, bindProject(t, k, "roles/viewer", "user:"+nobody))
			tt.check(t, c, false)
			c.pass(19 * time.Second)
			tt.check(t, c, false)
			c.pass(time.Second)
			tt.check(t, c, true)

			other := c.as(otherOwner)
			must(other.iam.Projects.ServiceAccounts.Create("projects/"+otherID, &iam.CreateServiceAccountRequest{AccountId: "spark-other"}).Do())(t)
			must(other.iam.Projects.ServiceAccounts.Get("projects/" + otherID + "/serviceAccounts/spark-other@" + otherID + ".iam.gserviceaccount.com").Do())(t)
		})
	}
}

// bindProject adds a member to a role of the project.
func bindProject(t *testing.T, k *clients, role, member string) error {
	t.Helper()
	p := policyOf(t, k)
	p.Version = 3
	p.Bindings = append(p.Bindings, &crm.Binding{Role: role, Members: []string{member}})
	_, err := setPolicy(k, p)
	return err
}

// A project has each cluster ID once: it stays the instance's that had it first, after that was deleted too.
func TestAClusterIDStaysItsInstances(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	instances := c.as(owner).bigtable.Projects.Instances
	create := func(instance, cluster string) error {
		_, err := instances.Create(project, &bigtableadmin.CreateInstanceRequest{
			InstanceId: instance, Instance: &bigtableadmin.Instance{DisplayName: "Sample"},
			Clusters: map[string]bigtableadmin.Cluster{cluster: {Location: project + "/locations/us-west1-a", ServeNodes: 1}},
		}).Do()
		return err
	}
	if err := create("tecton-one", "tecton-c1"); err != nil {
		t.Fatal(err)
	}
	wantError(t, create("tecton-two", "tecton-c1"), 409, "alreadyExists", "Cannot re-create cluster 'tecton-c1' in a different instance")
	if _, err := instances.Delete(project + "/instances/tecton-one").Do(); err != nil {
		t.Fatal(err)
	}
	wantError(t, create("tecton-two", "tecton-c1"), 409, "alreadyExists", "Cannot re-create cluster 'tecton-c1' in a different instance")
	if err := create("tecton-one", "tecton-c1"); err != nil {
		t.Errorf("its own instance: %v", err)
	}
	if err := create("tecton-two", "tecton-c2"); err != nil {
		t.Errorf("another cluster: %v", err)
	}
}
