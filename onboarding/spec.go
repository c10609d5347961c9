package onboarding

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
)

// Compute is the customer's compute platform.
type Compute string

// The compute platforms.
const (
	ComputeDatabricks Compute = "databricks"
	ComputeDataproc   Compute = "dataproc"
)

// Computes are all compute platforms.
var Computes = []Compute{ComputeDatabricks, ComputeDataproc}

// Label is the platform's name for people.
func (c Compute) Label() string {
	return map[Compute]string{ComputeDatabricks: "Databricks", ComputeDataproc: "Dataproc"}[c]
}

// OnlineStore is the customer's online store.
type OnlineStore string

// The online stores.
const (
	OnlineBigtable OnlineStore = "bigtable"
	OnlineRedis    OnlineStore = "redis"
)

// OnlineStores are all online stores.
var OnlineStores = []OnlineStore{OnlineBigtable, OnlineRedis}

// Label is the store's name for people.
func (s OnlineStore) Label() string {
	return map[OnlineStore]string{OnlineBigtable: "Bigtable", OnlineRedis: "Redis Enterprise Cloud"}[s]
}

// DataSourceKind is what kind of data source the Spark account may read.
type DataSourceKind string

// The kinds of data sources.
const (
	SourceDataset DataSourceKind = "bigquery_dataset" // Name is "project.dataset"
	SourceProject DataSourceKind = "bigquery_project" // Name is a project ID
	SourceBucket  DataSourceKind = "bucket"           // Name is a bucket's name
)

// DataSource is one place the Spark service account may read.
type DataSource struct {
	Kind DataSourceKind `json:"kind"`
	Name string         `json:"name"`
}

// Spec is everything that should exist in the customer's cloud. It follows from the answers and the vendor's
// values alone; every name that is derived is a method, so that there is one rule for it.
type Spec struct {
	Onboarding          ID             `json:"onboarding"`
	Deployment          string         `json:"deployment"`
	Region              string         `json:"region"`
	Project             string         `json:"project"` // data plane project ID
	ControlPlaneAccount string         `json:"control_plane_account"`
	Compute             Compute        `json:"compute"`
	Databricks          DatabricksSpec `json:"databricks,omitzero"`
	OnlineStore         OnlineStore    `json:"online_store"`
	Bigtable            BigtableSpec   `json:"bigtable,omitzero"`
	Redis               RedisSpec      `json:"redis,omitzero"`
	ExistingSpark       string         `json:"existing_spark,omitempty"` // email of an existing Spark account; empty: created
	DataSources         []DataSource   `json:"data_sources,omitempty"`
	RequesterPays       bool           `json:"requester_pays,omitempty"` // a bucket among the data sources uses requester pays
	Rehearsal           bool           `json:"rehearsal,omitempty"`      // the run ends with a rehearsal as the Spark account
	Vendor              VendorValues   `json:"vendor"`                   // with defaults filled in
	EraseData           bool           `json:"erase_data,omitempty"`     // teardown: all data may be deleted too; approvals of this version decide item by item, see [PlannedTask.Erase]
}

// Wanted reads from an onboarding what it asks for as it stands; the wizard's journey knows.
type Wanted func(Onboarding) Spec

// Same reports whether two specs want the same in the cloud. Where the handover goes isn't wanted there: a handover uses the
// addresses of the day, and only plans of earlier versions hold any. Nor is what only checks, words, and the form need.
func (s Spec) Same(other Spec) bool {
	for _, v := range []*VendorValues{&s.Vendor, &other.Vendor} {
		v.HandoverURL, v.SecretsURL = "", ""
		v.EgressAddresses, v.ControlPlaneAddresses, v.GoogleCustomerID, v.OrganizationID = "", "", "", ""
		v.ProposedName, v.AllowDataproc, v.APIKeyWiped = "", false, false
	}
	a, errA := json.Marshal(s)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// DatabricksSpec is the Databricks workspace on Google Cloud.
type DatabricksSpec struct {
	WorkspaceURL string      `json:"workspace_url,omitempty"` // https://1234567890123456.7.gcp.databricks.com
	Runtime      string      `json:"runtime,omitempty"`       // "15.4.x-scala2.12"
	Token        SecretState `json:"token,omitempty"`
	SecretScope  bool        `json:"secret_scope,omitempty"` // make the scope for notebooks
	Project      string      `json:"project,omitempty"`      // of the workspace; "" is the data plane project
	Account      string      `json:"account,omitempty"`      // email of the workspace's own service account, which starts its clusters
}

// BigtableMonthly is what the instance that we create costs a month, in US dollars: one SSD node at $0.65 an hour, 730
// hours, in the United States. Source: cloud.google.com/bigtable/pricing.
const BigtableMonthly = 470

// MonthlyWords are a monthly cost in US dollars: "about $470 a month".
func MonthlyWords(dollars int) string {
	amount := strconv.Itoa(dollars)
	for i := len(amount) - 3; i > 0; i -= 3 {
		amount = amount[:i] + "," + amount[i:]
	}
	return "about $" + amount + " a month"
}

// BigtableSpec is the Bigtable instance.
type BigtableSpec struct {
	InstanceID string `json:"instance_id,omitempty"` // 6 to 33 characters
	Adopt      bool   `json:"adopt,omitempty"`       // an existing instance of the customer's
	Zone       string `json:"zone,omitempty"`        // "us-west1-a"; for an instance we create
}

// RedisSpec is the Redis Enterprise Cloud cluster, which the customer creates.
type RedisSpec struct {
	Endpoint string      `json:"endpoint,omitempty"` // host:port
	Token    SecretState `json:"token,omitempty"`
	CIDR     string      `json:"cidr,omitempty"`
	// The customer's Spark network, and Redis's own of the peering with it. The keys are as old as stored plans.
	SparkNetwork VPC    `json:"spark_network,omitzero"`
	SparkProject string `json:"databricks_project,omitempty"` // gcp_redis_project_id
	SparkPeerNet string `json:"databricks_network,omitempty"` // gcp_redis_network_name
	// Redis's own of the peering with the vendor's serving network, which is a vendor value.
	ServingPeer    string `json:"serving_peer_project,omitempty"`
	ServingPeerNet string `json:"serving_peer_network,omitempty"`
	AttestedBy     string `json:"attested_by,omitempty"` // a person's name, when the endpoint is private
}

// VPC is a network of a Google Cloud project.
type VPC struct {
	Project string `json:"project,omitempty"`
	Network string `json:"network,omitempty"`
}

// Peering is a VPC peering with Redis: both of its ends, by the names that Redis gives them.
type Peering struct {
	With         string `json:"with"`             // "databricks" or "serving"
	Project      string `json:"gcp_project_id"`   // of the network that Redis is peered with
	Network      string `json:"gcp_network_name"` // the same
	RedisProject string `json:"gcp_redis_project_id"`
	RedisNetwork string `json:"gcp_redis_network_name"`
}

// Peerings are the two that Redis needs: with the customer's Spark network, and with the vendor's serving network. What
// isn't known yet is "".
func (s Spec) Peerings() []Peering {
	r := s.Redis
	return []Peering{
		{"databricks", r.SparkNetwork.Project, r.SparkNetwork.Network, r.SparkProject, r.SparkPeerNet},
		{"serving", s.Vendor.ServingProject, s.Vendor.ServingNetwork, r.ServingPeer, r.ServingPeerNet},
	}
}

// WorkspaceElsewhere reports whether the Databricks workspace is in another project than the data plane. Its own service
// account then has no right to run clusters as the Spark account.
func (s Spec) WorkspaceElsewhere() bool {
	return s.Databricks.Project != "" && s.Databricks.Project != s.Project
}

// UIAddress is where the vendor serves the deployment's pages.
func (s Spec) UIAddress() string { return "https://" + s.Deployment + ".tecton.ai" }

// Bucket is the name of the offline store's bucket.
func (s Spec) Bucket() string { return BucketName(s.Deployment) }

// SparkAccount is the email address of the Spark service account, created or existing.
func (s Spec) SparkAccount() string {
	if s.ExistingSpark != "" {
		return s.ExistingSpark
	}
	return SparkAccountID(s.Deployment) + "@" + s.Project + ".iam.gserviceaccount.com"
}

// BigtableInstance is the ID of the Bigtable instance, created or existing.
func (s Spec) BigtableInstance() string {
	return cmp.Or(s.Bigtable.InstanceID, DefaultInstanceID(s.Deployment))
}

// BigtableZone is the zone in which the instance is created, "" where none is.
func (s Spec) BigtableZone() string {
	if s.OnlineStore != OnlineBigtable || s.Bigtable.Adopt {
		return ""
	}
	return cmp.Or(s.Bigtable.Zone, s.Region+"-a")
}

// CustomRole is the ID of the project's custom role for the control plane's access to the bucket.
func (s Spec) CustomRole() string { return CustomRoleID(s.Deployment) }

// SecretScope is the name of the Databricks secret scope for notebooks.
func (s Spec) SecretScope() string { return SecretScopeName(s.Deployment) }

// Labels mark what is ours, on resources that take labels.
func (s Spec) Labels() map[string]string {
	return map[string]string{"managed-by": "groundwork", "groundwork-onboarding": LabelValue(s.Onboarding), "tecton-deployment": s.Deployment}
}

// OwnerMark is the text that marks ours where there are no labels (descriptions of service accounts and roles).
func (s Spec) OwnerMark() string { return "managed-by=groundwork onboarding=" + string(s.Onboarding) }

// LabelValue is an onboarding's ID as a Google label's value.
func LabelValue(id ID) string { return strings.ToLower(string(id)) }

// DeploymentIn is the deployment's name in the name of one of its resources, or in the beginning of that. It reports
// false for what is called otherwise.
func DeploymentIn(resource string) (string, bool) {
	name, ok := strings.CutPrefix(strings.TrimPrefix(resource, "gs://"), "tecton-")
	return strings.TrimSuffix(strings.TrimSuffix(name, "-dataplane"), "-spark"), ok
}

// BucketName is tecton-<name>-dataplane: at most 38 characters for a name of 21.
func BucketName(deployment string) string { return "tecton-" + deployment + "-dataplane" }

// SparkAccountID is tecton-<name>-spark, shortened deterministically to Google's 30 characters:
// the name is cut and five characters of its SHA-256 keep two long names apart.
func SparkAccountID(deployment string) string {
	full := "tecton-" + deployment + "-spark"
	if len(full) <= 30 {
		return full
	}
	sum := sha256.Sum256([]byte(deployment))
	keep := 30 - len("tecton-") - len("-spark") - 6
	return "tecton-" + strings.TrimRight(deployment[:keep], "-") + "-" + hex.EncodeToString(sum[:])[:5] + "-spark"
}

// CustomRoleID is the custom role's ID; role IDs take no hyphens, so they become underscores.
// A doubled hyphen stays apart from one: it becomes "_.".
func CustomRoleID(deployment string) string {
	return "tecton_" + strings.ReplaceAll(strings.ReplaceAll(deployment, "--", "_."), "-", "_") + "_control_plane"
}

// SecretScopeName is tecton-<name>, or the name itself if it already starts that way.
func SecretScopeName(deployment string) string {
	if strings.HasPrefix(deployment, "tecton-") {
		return deployment
	}
	return "tecton-" + deployment
}

// DefaultInstanceID is the Bigtable instance we propose: tecton-<name>, at most 28 of Google's 33 characters.
func DefaultInstanceID(deployment string) string { return "tecton-" + deployment }

// ControlPlanePermissions is exactly what the control plane may do on the bucket; no predefined role is exactly that.
// Source: the vendor's deployment documentation, "Connect Google Cloud".
var ControlPlanePermissions = []string{
	"storage.buckets.get", "storage.buckets.update", "storage.objects.create", "storage.objects.delete",
	"storage.objects.get", "storage.objects.getIamPolicy", "storage.objects.list",
}

// NoAddress is what a secret is sealed to that was entered before its address: no address opens it.
const NoAddress = "none"

// SealingAddress is [Spec.Address] for a secret that is saved now: [NoAddress] where it has one and that isn't known yet.
func (s Spec) SealingAddress(secret Purpose) string {
	at := s.Address(secret)
	if at == "" && (secret == PurposeDatabricksToken || secret == PurposeRedisToken) {
		return NoAddress
	}
	return at
}

// Address is where a secret of the customer's is tried: the workspace or the database that it was entered with. "" nowhere.
func (s Spec) Address(secret Purpose) string {
	switch secret {
	case PurposeDatabricksToken:
		return s.Databricks.WorkspaceURL
	case PurposeRedisToken:
		return s.Redis.Endpoint
	}
	return ""
}

// AccountProject is the project that a service account's address names, "" where it names none: Google's own
// default accounts carry a project's number, or nothing.
func AccountProject(email string) string {
	id, host, _ := strings.Cut(email, "@")
	if project, ok := strings.CutSuffix(host, ".iam.gserviceaccount.com"); ok {
		return project
	}
	if number, ok := strings.CutSuffix(id, "-compute"); ok && host == "developer.gserviceaccount.com" {
		return number
	}
	return ""
}
