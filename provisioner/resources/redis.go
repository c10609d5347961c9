package resources

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"groundwork/onboarding"
	"groundwork/provisioner"
)

type redisCluster struct {
	Endpoint   string               `json:"endpoint"` // host:port
	Version    string               `json:"version"`  // "6.x"
	CIDR       string               `json:"cidr,omitempty"`
	Peerings   []onboarding.Peering `json:"peerings,omitempty"`
	AttestedBy string               `json:"attested_by,omitempty"`

	problems []onboarding.Delta // of what was found
}

// Redis is the online store that the customer makes at Redis Enterprise Cloud: we guide, and check over TLS what
// the endpoint lets us see. An endpoint that cannot be reached from here is attested by a person, by name.
var Redis = provisioner.Define(provisioner.StepDef[redisCluster]{
	Name:     "redis",
	Desired:  wantRedis,
	Describe: describeRedis,
	Check:    checkRedis,
	Diff:     func(_, got redisCluster) []onboarding.Delta { return got.problems },
	Guide:    guideRedis,
	Facts:    factsOfRedis,
	Unchecked: map[onboarding.Purpose]string{
		onboarding.PurposeRedisToken: "Redis: its token was wiped after the handover. To have it checked, enter the token again at the online store step.",
	},
	Timeout: 5 * time.Minute,
})

func wantRedis(spec onboarding.Spec) []provisioner.Want[redisCluster] {
	if spec.OnlineStore != onboarding.OnlineRedis {
		return nil
	}
	r := spec.Redis
	return provisioner.One(redisCluster{
		Endpoint: r.Endpoint, Version: spec.Vendor.Defaults().RedisVersion, CIDR: r.CIDR, AttestedBy: r.AttestedBy, Peerings: spec.Peerings(),
	})
}

func describeRedis(_ onboarding.Spec, want redisCluster) provisioner.Description {
	return provisioner.Description{
		Title: "Set up Redis Enterprise Cloud", Noun: "Redis Enterprise Cloud", Resource: cmp.Or(want.Endpoint, "a Redis Enterprise Cloud cluster"),
		Why:     "The online store: features are served from here. You create the cluster in your own Redis account; we check it.",
		Console: "https://app.redislabs.com/",
		Cost:    "billed by Redis through Google Cloud Marketplace",
	}
}

// factsOfRedis leaves the token out: it travels apart.
func factsOfRedis(_ onboarding.Spec, want redisCluster) []onboarding.Fact {
	return []onboarding.Fact{
		{Key: "online_store.primary_endpoint", Value: want.Endpoint, Label: "Redis endpoint"},
		{Key: "online_store.tls", Value: true},
		{Key: "online_store.cidr", Value: want.CIDR},
		{Key: "online_store.peerings", Value: want.Peerings},
		{Key: "online_store.attested_by", Value: want.AttestedBy},
		{Key: "versions.redis", Value: want.Version},
	}
}

// checkRedis finds the cluster absent until its endpoint was answered.
func checkRedis(ctx context.Context, env *provisioner.Env, want redisCluster) (*provisioner.Observed[redisCluster], error) {
	if want.Endpoint == "" {
		return nil, nil
	}
	if env.Spec.Redis.Token != onboarding.SecretSet {
		return nil, &onboarding.Blocked{
			Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Action: "Enter the Redis authentication token",
			Why: "We don't have the cluster's authentication token yet. Copy it from the database's page at Redis and enter it at the online store step.",
		}
	}
	token, err := openSecret(ctx, env, onboarding.PurposeRedisToken, want.Endpoint)
	if errors.Is(err, errWiped) {
		env.Say(provisioner.NotTested, "The Redis token was wiped after the handover, so the endpoint was not checked again. To have it checked, enter the token again at the online store step")
		return &provisioner.Observed[redisCluster]{State: want}, nil
	}
	if errors.Is(err, errNone) {
		return nil, &onboarding.Blocked{
			Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Action: "Enter the Redis authentication token again",
			Why: "The cluster's authentication token was wiped before it was used. Enter it at the online store step, then try again.",
		}
	}
	if err != nil {
		return nil, err
	}
	got := want
	seen, err := probeRedis(ctx, env, want, token)
	switch {
	case errors.As(err, new(*unreachable)) && want.AttestedBy != "":
		env.Say(provisioner.Attested, "The endpoint %s cannot be reached from here. %s attested that it is set up as required. Nothing was tested", want.Endpoint, want.AttestedBy)
	case err != nil && errors.As(err, new(*unreachable)):
		got.problems = []onboarding.Delta{onboarding.Differs("unreachable", "the endpoint "+want.Endpoint+" cannot be reached from here: check the address, or, if the network is private, enter your full name at the online store step to confirm what is listed there")}
	case err != nil:
		return nil, err
	default:
		got.problems = seen
	}
	return &provisioner.Observed[redisCluster]{State: got}, nil
}

// unreachable is the error of an endpoint that gave no TLS connection.
type unreachable struct{ err error }

func (u *unreachable) Error() string { return "redis unreachable: " + u.err.Error() }
func (u *unreachable) Unwrap() error { return u.err }

// silent is a server that took the connection and did not answer as Redis does.
var silent = &onboarding.NotReady{Why: "The Redis endpoint does not answer like Redis. We'll try again"}

// probeRedis asks AUTH, PING, INFO, CLUSTER INFO and, where the server lets it be read, the eviction policy.
func probeRedis(ctx context.Context, env *provisioner.Env, want redisCluster, token onboarding.Secret) ([]onboarding.Delta, error) {
	host, _, err := net.SplitHostPort(want.Endpoint)
	if err != nil {
		return []onboarding.Delta{onboarding.Differs("endpoint", "the endpoint "+want.Endpoint+" is not of the form host:port")}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	conn, err := env.Dial(ctx, "tcp", want.Endpoint)
	if err != nil {
		return nil, &unreachable{err}
	}
	secure := tls.Client(conn, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return []onboarding.Delta{onboarding.Differs("tls", "the endpoint "+want.Endpoint+" does not speak TLS with a certificate for "+host+": turn TLS on ("+tlsProblem(err)+")")}, nil
	}
	defer func() { _ = secure.Close() }()
	server := newRESP(secure)
	if _, err := server.ask(ctx, "AUTH", token.Reveal()); err != nil {
		if isAuth(err) {
			return nil, &onboarding.Blocked{
				Code: onboarding.CodeGuide, On: onboarding.PartyCustomer, Action: "Enter the Redis authentication token again", Err: err,
				Why: "Redis refused the authentication token. Copy it again from the database's page at Redis, and enter it at the online store step.",
			}
		}
		return nil, silent
	}
	if _, err := server.ask(ctx, "PING"); err != nil {
		return nil, silent
	}
	// value is what a command tells, "" where the server refuses it; one that breaks off is asked again from the start.
	var broken error
	value := func(words ...string) string {
		if broken != nil {
			return ""
		}
		reply, err := server.ask(ctx, words...)
		if err != nil && !errors.As(err, new(refusal)) {
			broken = silent
		}
		if len(reply) == 0 {
			return ""
		}
		return reply[len(reply)-1]
	}
	// said is a value in a sentence. The customer names the server, so it may answer with anything.
	said := func(value string) string { return onboarding.Shorten(value, 60) }
	info, cluster, policy := value("INFO", "server"), value("CLUSTER", "INFO"), value("CONFIG", "GET", "maxmemory-policy")
	if broken != nil {
		return nil, broken
	}
	var problems []onboarding.Delta
	if v := field(info, "redis_version"); v == "" {
		env.Say(provisioner.NotTested, "Redis did not report its version: not tested")
	} else if !versionFits(want.Version, v) {
		problems = append(problems, onboarding.Differs("version", "the server's version is "+said(v)+", wanted "+want.Version, said(v)))
	}
	switch state := field(cluster, "cluster_state"); {
	case cluster == "":
		problems = append(problems, onboarding.Differs("cluster-api", "the OSS Cluster API is off: turn it on, with the external endpoint"))
	case state != "ok":
		problems = append(problems, onboarding.Differs("cluster-state", "the cluster's state is "+cmp.Or(said(state), "unknown")+", wanted ok", said(state)))
	}
	switch policy {
	case "noeviction":
	case "":
		env.Say(provisioner.NotTested, "Redis does not allow its eviction policy to be read: not tested")
	default:
		problems = append(problems, onboarding.Differs("eviction-policy", "the eviction policy is "+said(policy)+", wanted noeviction", said(policy)))
	}
	if len(problems) == 0 {
		env.Say(provisioner.Principal, "the database’s default user")
		env.Log("Redis at %s answered over TLS, accepted the token, and has the required version and settings, where they could be read", want.Endpoint)
	}
	return problems, nil
}

func isAuth(err error) bool {
	var said refusal
	if !errors.As(err, &said) {
		return false
	}
	text := string(said)
	return strings.HasPrefix(text, "WRONGPASS") || strings.HasPrefix(text, "NOAUTH") || strings.HasPrefix(text, "ERR invalid password") ||
		strings.HasPrefix(text, "ERR AUTH") || strings.Contains(text, "called without any password configured")
}

func tlsProblem(err error) string {
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		return "the certificate is not trusted"
	}
	return "no TLS answer"
}

// field reads a "name:value" line of INFO.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && k == name {
			return v
		}
	}
	return ""
}

// versionFits reports whether a version is a wanted one: "6.x" takes every 6, "6.2" takes 6.2 and 6.2.14.
func versionFits(want, got string) bool {
	want = strings.TrimSuffix(want, ".x")
	return got == want || strings.HasPrefix(got, want+".")
}

func guideRedis(spec onboarding.Spec) []onboarding.Instruction {
	r, v := spec.Redis, spec.Vendor.Defaults()
	spark, serving := peeringsToShow(spec)
	return []onboarding.Instruction{
		{
			Text: "In your Redis account, paid through Google Cloud Marketplace, create a cluster that nothing else uses: Google Cloud, " + spec.Region +
				", several zones, replication on, Redis " + v.RedisVersion + ", OSS Cluster API on with the external endpoint, TLS on, eviction policy noeviction. Or apply this Terraform:",
			Code: redisTerraform(spec), Link: "https://registry.terraform.io/providers/RedisLabs/rediscloud/latest/docs",
		},
		{
			Text: "Peer Redis with your Spark network, the network of your Databricks workspace. At Redis, under Connectivity, VPC peering, enter:",
			Code: redisSide(spark),
		},
		{
			Text: "Redis then shows its own project and network. Enter both at the online store step, and create the peering on your side:",
			Code: peeringCommand(spark), Link: "https://console.cloud.google.com/networking/peering/list",
		},
		{
			Text: "Peer Redis with the vendor's serving network. At Redis, enter:",
			Code: redisSide(serving),
		},
		{Text: "Redis shows a project and network for this peering too. Enter both at the online store step. They are part of the record, and the vendor creates the peering on its side."},
		{Text: "The cluster's address range" + paren(r.CIDR) + " must overlap neither network's ranges."},
		{Text: "Enter the database's endpoint and its authentication token at the online store step. If the endpoint is private, enter your name there to confirm that all of this is done."},
	}
}

// peeringsToShow are the peerings with the Spark and the serving network. What isn't known yet is a placeholder.
func peeringsToShow(spec onboarding.Spec) (spark, serving onboarding.Peering) {
	known := func(p *onboarding.Peering, project, network string) {
		p.Project, p.Network = cmp.Or(p.Project, project), cmp.Or(p.Network, network)
		p.RedisProject, p.RedisNetwork = cmp.Or(p.RedisProject, "PROJECT_THAT_REDIS_SHOWS"), cmp.Or(p.RedisNetwork, "NETWORK_THAT_REDIS_SHOWS")
	}
	all := spec.Peerings()
	known(&all[0], "PROJECT_OF_YOUR_SPARK_NETWORK", "YOUR_SPARK_NETWORK")
	known(&all[1], "PROJECT_OF_THE_SERVING_PLANE", "NETWORK_OF_THE_SERVING_PLANE")
	return all[0], all[1]
}

// redisSide is what Redis asks for to make its side of a peering.
func redisSide(p onboarding.Peering) string {
	return "gcp_project_id = " + p.Project + "\ngcp_network_name = " + p.Network
}

// peeringCommand makes the other side of a peering, in the network that Redis is peered with.
func peeringCommand(p onboarding.Peering) string {
	return "gcloud compute networks peerings create tecton-redis --project=" + p.Project + " --network=" + p.Network +
		" --peer-project=" + p.RedisProject + " --peer-network=" + p.RedisNetwork
}

func paren(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// redisTerraform is the cluster as the rediscloud provider makes it.
// Source: registry.terraform.io/providers/RedisLabs/rediscloud, resources subscription, subscription_database, subscription_peering.
func redisTerraform(spec onboarding.Spec) string {
	r, v := spec.Redis, spec.Vendor.Defaults()
	f := hclwrite.NewEmptyFile()
	str, num, yes := cty.StringVal, cty.NumberIntVal, cty.True
	block := func(in *hclwrite.Body, kind string, labels ...string) *hclwrite.Body {
		return in.AppendNewBlock(kind, labels).Body()
	}
	ref := func(b *hclwrite.Body, name, resource string) {
		b.SetAttributeRaw(name, hclwrite.TokensForIdentifier(resource))
	}
	root := f.Body()
	block(block(root, "terraform"), "required_providers").SetAttributeValue("rediscloud", cty.ObjectVal(map[string]cty.Value{"source": str("RedisLabs/rediscloud")}))
	root.AppendNewline()

	sub := block(root, "resource", "rediscloud_subscription", "tecton")
	sub.SetAttributeValue("name", str("tecton-"+spec.Deployment))
	sub.SetAttributeValue("payment_method", str("marketplace"))
	sub.SetAttributeValue("memory_storage", str("ram"))
	cloud := block(sub, "cloud_provider")
	cloud.SetAttributeValue("provider", str("GCP"))
	region := block(cloud, "region")
	region.SetAttributeValue("region", str(spec.Region))
	region.SetAttributeValue("multiple_availability_zones", yes)
	region.SetAttributeValue("networking_deployment_cidr", str(cmp.Or(r.CIDR, "192.168.100.0/24")))
	region.SetAttributeValue("preferred_availability_zones", cty.ListValEmpty(cty.String))
	plan := block(sub, "creation_plan")
	plan.SetAttributeValue("dataset_size_in_gb", num(25))
	plan.SetAttributeValue("quantity", num(1))
	plan.SetAttributeValue("replication", yes)
	plan.SetAttributeValue("support_oss_cluster_api", yes)
	plan.SetAttributeValue("throughput_measurement_by", str("operations-per-second"))
	plan.SetAttributeValue("throughput_measurement_value", num(25000))
	root.AppendNewline()

	db := block(root, "resource", "rediscloud_subscription_database", "tecton")
	ref(db, "subscription_id", "rediscloud_subscription.tecton.id")
	db.SetAttributeValue("name", str("tecton-"+spec.Deployment))
	if version := strings.TrimSuffix(v.RedisVersion, ".x"); strings.Contains(version, ".") {
		db.SetAttributeValue("redis_version", str(version))
	}
	db.SetAttributeValue("dataset_size_in_gb", num(25))
	db.SetAttributeValue("throughput_measurement_by", str("operations-per-second"))
	db.SetAttributeValue("throughput_measurement_value", num(25000))
	db.SetAttributeValue("replication", yes)
	db.SetAttributeValue("support_oss_cluster_api", yes)
	db.SetAttributeValue("external_endpoint_for_oss_cluster_api", yes)
	db.SetAttributeValue("enable_tls", yes)
	db.SetAttributeValue("data_eviction", str("noeviction"))

	spark, serving := peeringsToShow(spec)
	for _, peer := range []onboarding.Peering{spark, serving} {
		root.AppendNewline()
		p := block(root, "resource", "rediscloud_subscription_peering", peer.With)
		ref(p, "subscription_id", "rediscloud_subscription.tecton.id")
		p.SetAttributeValue("provider_name", str("GCP"))
		p.SetAttributeValue("gcp_project_id", str(peer.Project))
		p.SetAttributeValue("gcp_network_name", str(peer.Network))
	}
	text := hclwrite.Format(f.Bytes())
	return string(text) + fmt.Sprintf(redisOtherSide, spark.Project, spark.Network)
}

// redisOtherSide makes the customer's side of the peering with the Spark network from what Redis gives, and prints what
// the vendor needs for its side of the other. hclwrite writes no templates.
const redisOtherSide = `
resource "google_compute_network_peering" "redis" {
  name         = "tecton-redis"
  network      = "projects/%s/global/networks/%s"
  peer_network = "https://www.googleapis.com/compute/v1/projects/${rediscloud_subscription_peering.databricks.gcp_redis_project_id}/global/networks/${rediscloud_subscription_peering.databricks.gcp_redis_network_name}"
}

output "redis_peerings" {
  description = "Enter these at the online store step."
  value = {
    databricks = [rediscloud_subscription_peering.databricks.gcp_redis_project_id, rediscloud_subscription_peering.databricks.gcp_redis_network_name]
    serving    = [rediscloud_subscription_peering.serving.gcp_redis_project_id, rediscloud_subscription_peering.serving.gcp_redis_network_name]
  }
}
`
