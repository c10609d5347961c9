package resources

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner"
)

// recordFormat is the version of outputs.json's shape.
const recordFormat = 1

type handover struct {
	Deployment string `json:"deployment"`
	Deliver    bool   `json:"deliver"` // also to the address that the specialist configured
}

// Handover writes the record, outputs.json, and delivers it. It runs last and may be repeated: the record is made
// from the spec and a read, and the delivery is a PUT.
var Handover = provisioner.Define(provisioner.StepDef[handover]{
	Name:        "handover",
	DependsOn:   []*provisioner.Step{Verify},
	Desired:     wantHandover,
	Describe:    describeHandover,
	Verify:      handOver,
	Permissions: permissionsOfHandover,
	Final:       true,
	HandsOver:   true,
})

func wantHandover(spec onboarding.Spec) []provisioner.Want[handover] {
	return provisioner.One(handover{Deployment: spec.Deployment, Deliver: spec.Vendor.HandoverURL != ""})
}

func describeHandover(_ onboarding.Spec, want handover) provisioner.Description {
	d := provisioner.Description{
		Title: "Hand over to the vendor", Resource: "outputs.json",
		Why: "The record holds what the vendor needs to finish the deployment. It holds no secret. You can download it.",
	}
	if want.Deliver {
		d.Why += " It is also sent to the address that your specialist configured."
	}
	return d
}

// Record is outputs.json. Its checksum covers all other fields.
type Record struct {
	Format                int             `json:"format"`
	Deployment            string          `json:"deployment_name"`
	Address               string          `json:"address"`
	Region                string          `json:"region"`
	Project               string          `json:"project_id"`
	ProjectNumber         string          `json:"project_number"`
	Bucket                string          `json:"bucket"`
	SparkAccount          string          `json:"spark_service_account"`
	ControlPlaneAccount   string          `json:"control_plane_service_account"`
	CustomRole            string          `json:"control_plane_custom_role"`
	CustomRolePermissions []string        `json:"control_plane_custom_role_permissions"`
	Compute               RecordCompute   `json:"compute"`
	OnlineStore           RecordOnline    `json:"online_store"`
	DataSources           []RecordSource  `json:"data_sources"`
	Bindings              []RecordBinding `json:"bindings"`
	Verified              []RecordCheck   `json:"verified"`
	VerifiedAs            string          `json:"verified_as"` // whose access the tests used
	Versions              RecordVersions  `json:"versions"`
	Checksum              string          `json:"checksum,omitempty"` // "sha256:…", over the canonical JSON without it
}

// RecordCompute is the compute platform. The workspace's token travels apart.
type RecordCompute struct {
	Platform     string `json:"platform"` // "databricks" or "dataproc"
	WorkspaceURL string `json:"workspace_url,omitempty"`
	Runtime      string `json:"runtime_version,omitempty"`
	SecretScope  string `json:"secret_scope,omitempty"`
	Region       string `json:"region,omitempty"`
}

// RecordOnline is the online store. Redis' token travels apart.
type RecordOnline struct {
	Kind            string       `json:"kind"` // "bigtable" or "redis"
	Project         string       `json:"project_id,omitempty"`
	Instance        string       `json:"instance_id,omitempty"`
	PrimaryEndpoint string       `json:"primary_endpoint,omitempty"`
	TLS             bool         `json:"tls,omitempty"`
	CIDR            string       `json:"cidr,omitempty"`
	Peerings        []RecordPeer `json:"peerings,omitempty"`
	AttestedBy      string       `json:"attested_by,omitempty"`
}

// RecordPeer is one end of a VPC peering of Redis.
type RecordPeer struct {
	With    string `json:"with"` // "databricks" or "serving"
	Project string `json:"gcp_redis_project_id"`
	Network string `json:"gcp_redis_network_name"`
}

// RecordSource is a data source that Spark may read.
type RecordSource struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// RecordBinding is a binding that was read back.
type RecordBinding struct {
	Member string `json:"member"`
	Role   string `json:"role"`
	On     string `json:"on"`
}

// RecordCheck is a task of the run: what it saw to, when it was done, and what it found.
type RecordCheck struct {
	Task  string    `json:"task"`
	Title string    `json:"title"`
	At    time.Time `json:"at"` // UTC
	Found []string  `json:"found,omitempty"`
}

// RecordVersions says what made the record.
type RecordVersions struct {
	Groundwork string `json:"groundwork"`
	Redis      string `json:"redis,omitempty"` // as required
}

func handOver(ctx context.Context, env *provisioner.Env, _ handover) error {
	number, err := projectNumber(ctx, env, env.Spec.Project)
	if err != nil {
		return err
	}
	body, err := seal(newRecord(env, number))
	if err != nil {
		return fmt.Errorf("make the record: %w", err)
	}
	if err := env.PutRecord(ctx, body); err != nil {
		return fmt.Errorf("keep the record: %w", err)
	}
	if env.Spec.Vendor.HandoverURL == "" {
		return nil
	}
	if err := deliver(ctx, env, body); err != nil {
		return err
	}
	env.Log("The record was delivered to the vendor")
	return nil
}

func newRecord(env *provisioner.Env, number string) Record {
	spec := env.Spec
	r := Record{
		Format: recordFormat, Deployment: spec.Deployment, Address: spec.UIAddress(), Region: spec.Region,
		Project: spec.Project, ProjectNumber: number, Bucket: spec.Bucket(), SparkAccount: spec.SparkAccount(),
		ControlPlaneAccount: spec.ControlPlaneAccount, CustomRole: roleName(spec), CustomRolePermissions: wantRole(spec)[0].State.Permissions,
		Compute: RecordCompute{Platform: string(spec.Compute)}, OnlineStore: RecordOnline{Kind: string(spec.OnlineStore)},
		DataSources: []RecordSource{}, Bindings: []RecordBinding{}, Verified: []RecordCheck{}, VerifiedAs: env.Caller,
		Versions: RecordVersions{Groundwork: version()},
	}
	switch spec.Compute {
	case onboarding.ComputeDatabricks:
		r.Compute.WorkspaceURL, r.Compute.Runtime = spec.Databricks.WorkspaceURL, spec.Databricks.Runtime
		if spec.Databricks.SecretScope {
			r.Compute.SecretScope = spec.SecretScope()
		}
	case onboarding.ComputeDataproc:
		r.Compute.Region = spec.Region
	}
	switch spec.OnlineStore {
	case onboarding.OnlineBigtable:
		r.OnlineStore.Project, r.OnlineStore.Instance = spec.Project, instanceID(spec)
	case onboarding.OnlineRedis:
		x := spec.Redis
		r.OnlineStore.PrimaryEndpoint, r.OnlineStore.TLS, r.OnlineStore.CIDR, r.OnlineStore.AttestedBy = x.Endpoint, true, x.CIDR, x.AttestedBy
		r.OnlineStore.Peerings = []RecordPeer{{"databricks", x.DatabricksProject, x.DatabricksNetwork}, {"serving", x.ServingPeer, x.ServingPeerNet}}
		r.Versions.Redis = spec.Vendor.Defaults().RedisVersion
	}
	for _, s := range spec.DataSources {
		r.DataSources = append(r.DataSources, RecordSource{string(s.Kind), s.Name})
	}
	for _, b := range wantVerification(spec)[0].State.Bindings {
		r.Bindings = append(r.Bindings, RecordBinding{b.Member, b.Role, b.On})
	}
	for _, t := range env.Results() {
		if t.State != onboarding.TaskDone || t.Name == "handover" {
			continue
		}
		c := RecordCheck{Task: string(t.Name), Title: t.Title, At: t.FinishedAt.UTC()}
		for _, e := range t.Events {
			if e.Kind == "log" && !slices.Contains(c.Found, e.Text) {
				c.Found = append(c.Found, e.Text)
			}
		}
		r.Verified = append(r.Verified, c)
	}
	return r
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// seal writes a record with its checksum, indented for people.
func seal(r Record) ([]byte, error) {
	r.Checksum = ""
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	if r.Checksum, err = Checksum(body); err != nil {
		return nil, err
	}
	if body, err = json.MarshalIndent(r, "", "  "); err != nil {
		return nil, err
	}
	return append(body, '\n'), nil
}

// Checksum computes a record's checksum: "sha256:" and the hex SHA-256 of its JSON without the field "checksum",
// keys sorted, without blanks. A record whose field equals it is as it was written.
func Checksum(record []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(record))
	dec.UseNumber()
	var fields map[string]any
	if err := dec.Decode(&fields); err != nil {
		return "", fmt.Errorf("read the record: %w", err)
	}
	if _, err := dec.Token(); fields == nil || !errors.Is(err, io.EOF) {
		return "", errors.New("read the record: it is one JSON object and nothing after it")
	}
	delete(fields, "checksum")
	var canonical bytes.Buffer
	enc := json.NewEncoder(&canonical)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(fields); err != nil {
		return "", fmt.Errorf("write the record: %w", err)
	}
	sum := sha256.Sum256(bytes.TrimSuffix(canonical.Bytes(), []byte("\n")))
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// deliver puts the record at the presigned address. The address is a credential: no error carries it.
func deliver(ctx context.Context, env *provisioner.Env, body []byte) error {
	blocked := func(why string) error {
		return &onboarding.Blocked{
			Code: onboarding.CodeUnavailable, On: onboarding.PartySpecialist, Action: "Give a new address for the handover", Why: why,
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, env.Spec.Vendor.HandoverURL, bytes.NewReader(body))
	if err != nil || req.URL.Scheme != "https" {
		return blocked("The vendor's address for the record is not an https address.")
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := env.HTTP.Do(req)
	if err != nil {
		var refused *onboarding.Error
		if errors.As(err, &refused) {
			return blocked("The vendor's address for the record may not be called: " + refused.Message)
		}
		return &onboarding.NotReady{Why: "The vendor's address for the record cannot be reached; it is tried again"}
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16)) // so that the connection can be used again
	switch {
	case res.StatusCode < 300:
		return nil
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode >= 500:
		return &onboarding.NotReady{Why: fmt.Sprintf("The vendor's address for the record answered %d; it is tried again", res.StatusCode)}
	default:
		return blocked(fmt.Sprintf("The vendor's address for the record answered %d. The record itself is kept and can be downloaded.", res.StatusCode))
	}
}

func permissionsOfHandover(onboarding.Spec, handover) []onboarding.Permission {
	return []onboarding.Permission{permission("resourcemanager.projects.get", "to put the project's number in the record", "")}
}
