package resources

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"google.golang.org/api/bigtableadmin/v2"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/gcp"
)

type instance struct {
	Name        string            `json:"name"` // projects/<project>/instances/<id>
	DisplayName string            `json:"display_name,omitempty"`
	Cluster     string            `json:"cluster,omitempty"`
	Zone        string            `json:"zone,omitempty"`
	Nodes       int64             `json:"nodes,omitempty"`
	Storage     string            `json:"storage,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Adopt       bool              `json:"adopt,omitempty"` // chosen by the customer: looked at, never made or changed

	missing bool // of what was found
}

// BigtableInstance is the online store: an instance with one SSD node in a zone of the region, or an existing one
// that the customer chose.
var BigtableInstance = provisioner.Define(provisioner.StepDef[instance]{
	Name:        "bigtable-instance",
	DependsOn:   []*provisioner.Step{EnableAPIs},
	Desired:     wantInstance,
	Identity:    func(i instance) string { return i.Name },
	Policy:      policyOfInstance,
	Describe:    describeInstance,
	Check:       checkInstance,
	Diff:        diffInstance,
	Apply:       applyInstance,
	Operation:   operationOfInstance,
	Started:     startedOnInstance,
	Verify:      verifyInstance,
	Undo:        undoInstance,
	Gcloud:      gcloudInstance,
	Terraform:   terraformInstance,
	HoldsData:   true,
	Adopt:       func(spec onboarding.Spec) bool { return spec.Bigtable.Adopt },
	Makes:       "Bigtable instance",
	Facts:       factsOfInstance,
	APIs:        []string{"bigtable.googleapis.com", "bigtableadmin.googleapis.com"},
	Permissions: permissionsOfInstance,
	Estimate:    5 * time.Minute,
	Timeout:     30 * time.Minute,
})

func wantInstance(spec onboarding.Spec) []provisioner.Want[instance] {
	if spec.OnlineStore != onboarding.OnlineBigtable {
		return nil
	}
	id := spec.BigtableInstance()
	name := "projects/" + spec.Project + "/instances/" + id
	if spec.Bigtable.Adopt {
		return provisioner.One(instance{Name: name, Adopt: true})
	}
	return provisioner.One(instance{
		Name: name, DisplayName: "Tecton " + spec.Deployment, Cluster: clusterID(id), Zone: spec.BigtableZone(),
		Nodes: 1, Storage: "SSD", Labels: spec.Labels(),
	})
}

// longestCluster is how long Google lets a cluster's ID be: shorter than an instance's.
const longestCluster = 30

// clusterID is the instance's ID with "-c1", or with a part of its hash where that is too long: Google gives no ID of a
// project's to a second instance, not even after the first was deleted.
func clusterID(instance string) string {
	if id := instance + "-c1"; len(id) <= longestCluster {
		return id
	}
	sum := sha256.Sum256([]byte(instance))
	end := "-" + hex.EncodeToString(sum[:4])
	return strings.TrimRight(instance[:longestCluster-len(end)], "-") + end
}

func describeInstance(spec onboarding.Spec, want instance) provisioner.Description {
	d := provisioner.Description{
		Title: "Create the Bigtable instance", Noun: "the Bigtable instance", Resource: want.Name,
		Why:     fmt.Sprintf("The online store: features are served from here. One cluster in %s with %s and %s storage, and the labels %s.", want.Zone, nodeWords(want.Nodes), want.Storage, labelWords(want.Labels)),
		Console: "https://console.cloud.google.com/bigtable/instances/" + spec.BigtableInstance() + "/overview?project=" + url.QueryEscape(spec.Project),
		Cost:    onboarding.MonthlyWords(onboarding.BigtableMonthly) + " (1 node at $0.65 an hour, United States list price), and about $0.17 a GB a month of data stored",
		Monthly: onboarding.BigtableMonthly,
	}
	if want.Adopt {
		d.Title, d.Cost, d.Monthly = "Use your Bigtable instance", "", 0
		d.Why = "The online store: features are served from the instance you chose. We use it without changes."
	}
	return d
}

func nodeWords(n int64) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}

func policyOfInstance(i instance) (gcp.Resource, bool) {
	project, id, _ := strings.Cut(strings.TrimPrefix(i.Name, "projects/"), "/instances/")
	return gcp.Instance(project, id), !i.Adopt
}

func factsOfInstance(spec onboarding.Spec, _ instance) []onboarding.Fact {
	return []onboarding.Fact{
		{Key: "online_store.project_id", Value: spec.Project},
		{Key: "online_store.instance_id", Value: spec.BigtableInstance(), Label: "Bigtable instance"},
	}
}

func checkInstance(ctx context.Context, env *provisioner.Env, want instance) (*provisioner.Observed[instance], error) {
	got, err := env.Cloud.Bigtable.Projects.Instances.Get(want.Name).Context(ctx).Do()
	switch {
	case gcp.Absent(err) && want.Adopt:
		return &provisioner.Observed[instance]{State: instance{Name: want.Name, missing: true}}, nil
	case gcp.Absent(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read instance %s: %w", want.Name, err)
	}
	if want.Adopt {
		if err := tellZones(ctx, env, want); err != nil {
			return nil, err
		}
	}
	return &provisioner.Observed[instance]{
		State: instance{Name: got.Name, DisplayName: got.DisplayName, Labels: got.Labels},
		Owned: !want.Adopt && got.Labels["groundwork-onboarding"] == want.Labels["groundwork-onboarding"],
	}, nil
}

// tellZones says where an instance of the customer's is. One in another region works, and each read crosses regions.
func tellZones(ctx context.Context, env *provisioner.Env, want instance) error {
	got, err := env.Cloud.Bigtable.Projects.Instances.Clusters.List(want.Name).Context(ctx).Do()
	if err != nil {
		return fmt.Errorf("clusters of %s: %w", want.Name, err)
	}
	var zones []string
	for _, c := range got.Clusters {
		zones = append(zones, c.Location[strings.LastIndexByte(c.Location, '/')+1:])
	}
	slices.Sort(zones)
	if slices.ContainsFunc(zones, func(z string) bool { return strings.HasPrefix(z, env.Spec.Region+"-") }) {
		env.Log("The instance is in %s", strings.Join(zones, ", "))
		return nil
	}
	env.Say(provisioner.Warning, "The instance is in %s, and not in the region %s. It works, but reads and writes between the two take longer and cost more", cmp.Or(strings.Join(zones, ", "), "no zone"), env.Spec.Region)
	return nil
}

func diffInstance(want, got instance) []onboarding.Delta {
	if got.missing {
		return []onboarding.Delta{onboarding.Differs("missing", "the instance "+want.Name+" does not exist")}
	}
	return labelDeltas(want.Labels, got.Labels)
}

// applyInstance starts Google's operation; Verify sees it end.
func applyInstance(ctx context.Context, env *provisioner.Env, c provisioner.Change[instance]) error {
	want := c.Want
	instances := env.Cloud.Bigtable.Projects.Instances
	switch {
	case want.Adopt:
		return &onboarding.Blocked{
			Code: onboarding.CodeNotFound, On: onboarding.PartyCustomer, Action: "Create the instance, or choose another",
			Why: "There is no Bigtable instance " + want.Name + ", or " + env.Caller + " doesn't have access to it.",
		}
	case c.Got != nil:
		labels := maps.Clone(c.Got.State.Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		maps.Copy(labels, want.Labels)
		op, err := instances.PartialUpdateInstance(want.Name, &bigtableadmin.Instance{Labels: labels}).UpdateMask("labels").Context(ctx).Do()
		if err != nil {
			return fmt.Errorf("label instance %s: %w", want.Name, err)
		}
		return followInstance(env, want, op)
	}
	parent, id, _ := strings.Cut(want.Name, "/instances/")
	op, err := instances.Create(parent, &bigtableadmin.CreateInstanceRequest{
		Parent: parent, InstanceId: id,
		Instance: &bigtableadmin.Instance{DisplayName: want.DisplayName, Labels: want.Labels, Type: "PRODUCTION"},
		Clusters: map[string]bigtableadmin.Cluster{want.Cluster: {
			Location: parent + "/locations/" + want.Zone, ServeNodes: want.Nodes, DefaultStorageType: want.Storage,
		}},
	}).Context(ctx).Do()
	switch {
	case gcp.AlreadyExists(err):
		return &provisioner.Exists{Instead: "Choose another instance ID in the form and approve the new plan.", Err: err}
	case err != nil:
		return fmt.Errorf("create instance %s: %w", want.Name, err)
	}
	return followInstance(env, want, op)
}

func followInstance(env *provisioner.Env, want instance, op *bigtableadmin.Operation) error {
	if !op.Done {
		env.Follow(op.Name)
		return nil
	}
	return instanceError(want, op)
}

func operationOfInstance(ctx context.Context, env *provisioner.Env, want instance, name string) (bool, error) {
	op, err := env.Cloud.Bigtable.Operations.Get(name).Context(ctx).Do()
	if err != nil {
		return false, fmt.Errorf("read operation %s: %w", name, err)
	}
	return op.Done, instanceError(want, op)
}

// startedOnInstance finds a creation or a change of the instance among the operations that Google lists. The list outlives an
// instance whose creation was rolled back.
func startedOnInstance(ctx context.Context, env *provisioner.Env, want instance, since time.Time, known []string) (string, error) {
	var latest string
	list := env.Cloud.Bigtable.Operations.Projects.Operations.List("operations/" + want.Name)
	err := list.Pages(ctx, func(page *bigtableadmin.ListOperationsResponse) error {
		for _, op := range page.Operations {
			var about struct {
				RequestTime     time.Time `json:"requestTime"`
				OriginalRequest struct {
					InstanceID string `json:"instanceId"`
					Instance   struct {
						Name string `json:"name"`
					} `json:"instance"`
				} `json:"originalRequest"`
			}
			if json.Unmarshal(op.Metadata, &about) != nil { // of a kind that isn't ours
				continue
			}
			ours := about.OriginalRequest.Instance.Name == want.Name || strings.HasSuffix(want.Name, "/instances/"+about.OriginalRequest.InstanceID)
			if ours && !about.RequestTime.Before(since) && !slices.Contains(known, op.Name) {
				latest, since = op.Name, about.RequestTime
			}
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("operations on %s: %w", want.Name, err)
	}
	return latest, nil
}

// instanceError is how an operation on the instance ended; nil: well, or not yet.
func instanceError(want instance, op *bigtableadmin.Operation) error {
	if op.Error == nil {
		return nil
	}
	failed := &gcp.OperationError{Name: op.Name, Code: op.Error.Code, Message: op.Error.Message, Details: details(op.Error.Details)}
	if !gcp.SoldOut(failed) || want.Zone == "" {
		return failed
	}
	region := want.Zone[:strings.LastIndexByte(want.Zone, '-')]
	return &onboarding.Blocked{
		Code: onboarding.CodeQuota, On: onboarding.PartyCustomer, Action: "Choose another zone of " + region, Err: failed,
		Why: fmt.Sprintf("The zone %s has no capacity for the Bigtable instance, so Google rolled it back. Choose another zone of %s in the form and approve the new plan, or try again later. Google says: %s", want.Zone, region, failed.Said()),
	}
}

func verifyInstance(ctx context.Context, env *provisioner.Env, want instance) error {
	got, err := env.Cloud.Bigtable.Projects.Instances.Get(want.Name).Context(ctx).Do()
	if err != nil && !gcp.Absent(err) {
		return fmt.Errorf("read instance %s: %w", want.Name, err)
	}
	if err != nil || got.State != "READY" {
		return &onboarding.NotReady{Why: "Google is still creating the Bigtable instance"}
	}
	return nil
}

// undoInstance keeps the instance, which may hold data, unless deleting the data was confirmed apart.
func undoInstance(ctx context.Context, env *provisioner.Env, want instance) error {
	got, err := checkInstance(ctx, env, want)
	if err != nil || got == nil || !got.Owned {
		return err
	}
	if !env.Spec.EraseData {
		return &provisioner.Left{Why: want.Name + " may hold data, so it stays in your project, and Google bills it until you delete it."}
	}
	if _, err := env.Cloud.Bigtable.Projects.Instances.Delete(want.Name).Context(ctx).Do(); err != nil && !gcp.Absent(err) {
		return fmt.Errorf("delete instance %s: %w", want.Name, err)
	}
	return nil
}

// gcloudInstance makes the instance with its labels in one call, which gcloud has no flag for.
func gcloudInstance(spec onboarding.Spec, want instance) provisioner.Commands {
	id := spec.BigtableInstance()
	look := []string{"gcloud", "bigtable", "instances", "describe", id, "--project=" + spec.Project, "--format=value[separator=' '](name,state,labels.groundwork-onboarding)"}
	if want.Adopt {
		return provisioner.Commands{Look: look}
	}
	parent := "projects/" + spec.Project
	body := asJSON(map[string]any{
		"parent": parent, "instanceId": id,
		"instance": map[string]any{"displayName": want.DisplayName, "labels": want.Labels, "type": "PRODUCTION"},
		"clusters": map[string]any{want.Cluster: map[string]any{
			"location": parent + "/locations/" + want.Zone, "serveNodes": want.Nodes, "defaultStorageType": want.Storage,
		}},
	})
	return provisioner.Commands{
		Look: look, Mark: want.Labels["groundwork-onboarding"], Ready: "READY",
		Make: []string{provisioner.Operation, "POST", "https://bigtableadmin.googleapis.com/v2/" + parent + "/instances", body},
	}
}

func terraformInstance(spec onboarding.Spec, want instance, name string) (*hclwrite.Block, string) {
	if want.Adopt {
		return nil, "" // Google's provider reads no instances
	}
	b := resource("google_bigtable_instance", name)
	set(b, "project", spec.Project, "name", spec.BigtableInstance(), "display_name", want.DisplayName)
	b.Body().SetAttributeValue("labels", labels(want.Labels))
	b.Body().SetAttributeValue("deletion_protection", cty.True)
	cluster := b.Body().AppendNewBlock("cluster", nil)
	set(cluster, "cluster_id", want.Cluster, "zone", want.Zone, "storage_type", want.Storage)
	cluster.Body().SetAttributeValue("num_nodes", cty.NumberIntVal(want.Nodes))
	if !strings.HasSuffix(want.Cluster, "-c1") {
		// The cluster of an instance from before may have another ID. Terraform would replace it, data and all.
		life := b.Body().AppendNewBlock("lifecycle", nil)
		life.Body().SetAttributeRaw("ignore_changes", hclwrite.TokensForTuple([]hclwrite.Tokens{hclwrite.TokensForIdentifier("cluster")}))
	}
	return b, want.Name
}

func permissionsOfInstance(_ onboarding.Spec, want instance) provisioner.Needs {
	if want.Adopt {
		return provisioner.Needs{Check: []onboarding.Permission{
			permission("bigtable.instances.get", "to see that the instance you chose exists", ""),
			permission("bigtable.clusters.list", "to see which zones it is in", ""),
		}}
	}
	return provisioner.Needs{
		Check: []onboarding.Permission{permission("bigtable.instances.get", "to look for the instance and to see when it's ready", "")},
		Apply: []onboarding.Permission{
			permission("bigtable.instances.create", "to create the instance", ""),
			permission("bigtable.clusters.create", "to create the instance's cluster", ""),
		},
		Change: []onboarding.Permission{permission("bigtable.instances.update", "to set the instance's labels, only if they differ from the plan", "")},
		Undo:   []onboarding.Permission{permission("bigtable.instances.delete", "to delete the instance, only if you choose to delete its data too", "")},
	}
}
