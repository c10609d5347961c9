package steps

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"groundwork/onboarding"
	"groundwork/wizard"
)

const onlineStoreID = "online-store"

// The choices of an online store. An instance of Bigtable is either made or adopted.
const (
	storeBigtable         = "bigtable"
	storeBigtableExisting = "bigtable_existing"
	storeRedis            = "redis"
)

type onlineStoreAnswer struct {
	Store    string `json:"store"`
	Instance string `json:"instance,omitempty"` // "" is the default, which follows the deployment's name
	Zone     string `json:"zone,omitempty"`
	Existing string `json:"existing,omitempty"`

	Endpoint      string                 `json:"endpoint,omitempty"`
	EndpointLater bool                   `json:"endpoint_later,omitempty"`
	Token         onboarding.SecretState `json:"token,omitempty"`
	CIDR          string                 `json:"cidr,omitempty"`
	CIDRLater     bool                   `json:"cidr_later,omitempty"`
	SparkNetwork  peer                   `json:"spark_network,omitzero"`
	SparkPeer     peer                   `json:"spark_peer,omitzero"`
	ServingPeer   peer                   `json:"serving_peer,omitzero"`
	AttestedBy    string                 `json:"attested_by,omitempty"`
}

// peer is a network on one side of a VPC peering, any part of which may come later.
type peer struct {
	Project      string `json:"project,omitempty"`
	ProjectLater bool   `json:"project_later,omitempty"`
	Network      string `json:"network,omitempty"`
	NetworkLater bool   `json:"network_later,omitempty"`
}

// onlineStore asks where features are read from while serving.
var onlineStore = wizard.Define(wizard.StepDef[onlineStoreAnswer]{
	ID:    onlineStoreID,
	Title: "Which online store do you want?",
	Name:  "Online store",
	Intro: "Your models read features from here at serving time.",
	Knows: "The team that serves your models in production, or your cloud platform team.",
	Asks:  "Should our online store be a new Bigtable instance, a Bigtable instance that we already have, or Redis Enterprise Cloud? If we have one, what is its ID, and in which region is it?",
	Fields: append([]wizard.Field[onlineStoreAnswer]{
		{
			Name:  "store",
			Label: "Online store",
			Kind:  wizard.KindCards,
			Need:  "Choose an online store",
			Value: func(a *onlineStoreAnswer) *string { return &a.Store },
			Choices: func(context.Context, wizard.Case) ([]wizard.Choice, error) {
				var out []wizard.Choice
				for _, s := range stores {
					out = append(out, wizard.Choice{Value: s.value, Label: s.label, Hint: s.hint})
				}
				return out, nil
			},
		},
		{
			Name:         "instance",
			Label:        "Instance ID",
			Hint:         "6 to 33 lowercase letters, digits, and hyphens.",
			Autocomplete: "off",
			Kind:         wizard.KindText,
			Mono:         true,
			Own:          true,
			Width:        33,
			ShowWhen:     "store=" + storeBigtable,
			Need:         "Enter an instance ID",
			Value:        func(a *onlineStoreAnswer) *string { return &a.Instance },
			Derive:       true,
			Default: func(c wizard.Case) string {
				if n := deploymentName(c); n != "" {
					return onboarding.DefaultInstanceID(n)
				}
				return ""
			},
			Read: wizard.InstanceID,
		},
		{
			Name:     "zone",
			Label:    "Zone",
			Hint:     "Where the instance’s node runs: the zone of your jobs, if you know it. Once you’re connected, we ask Google whether it offers Bigtable there.",
			Kind:     wizard.KindSelect,
			Mono:     true,
			ShowWhen: "store=" + storeBigtable,
			Need:     "Choose a zone",
			Value:    func(a *onlineStoreAnswer) *string { return &a.Zone },
			Default: func(c wizard.Case) string {
				if r, ok := chosenRegion(c); ok {
					return r.zoneNames()[0]
				}
				return ""
			},
			Choices: func(_ context.Context, c wizard.Case) ([]wizard.Choice, error) {
				r, _ := chosenRegion(c)
				var out []wizard.Choice
				for _, z := range r.zoneNames() {
					out = append(out, wizard.Choice{Value: z, Label: z})
				}
				return out, nil
			},
			Unknown: func(string) string { return "Choose a zone of your region from the list" },
		},
		{
			Name:         "existing",
			Label:        "ID of your instance",
			Hint:         "Copy it from the Cloud console. The instance must be in the project that you choose later, with a cluster in your region.",
			Autocomplete: "off",
			Kind:         wizard.KindText,
			Mono:         true,
			Width:        33,
			ShowWhen:     "store=" + storeBigtableExisting,
			Need:         "Enter the ID of your instance",
			Value:        func(a *onlineStoreAnswer) *string { return &a.Existing },
			Read:         wizard.InstanceID,
		},
	}, redisFields...),
	Check: func(a onlineStoreAnswer, c wizard.Case) wizard.Problems {
		if a.Store != storeRedis {
			return nil
		}
		return append(
			samePeer(a.SparkPeer, onboarding.VPC{Project: a.SparkNetwork.Project, Network: a.SparkNetwork.Network}, "spark_peer_network", "your own Spark network"),
			samePeer(a.ServingPeer, onboarding.VPC{Project: c.Vendor.ServingProject, Network: c.Vendor.ServingNetwork}, "serving_peer_network", "the serving network")...,
		)
	},
	MissingVendor: func(a onlineStoreAnswer, c wizard.Case) []string {
		if a.Store == storeRedis && (c.Vendor.ServingProject == "" || c.Vendor.ServingNetwork == "") {
			return []string{"Project and network of the serving plane, for the Redis peering"}
		}
		return nil
	},
	Outline: func(a onlineStoreAnswer, _ wizard.Case) []wizard.Row {
		s, ok := storeOf(a)
		if !ok {
			return nil
		}
		return []wizard.Row{{Label: "Online store", Value: s.outline(a)}}
	},
	Spec: func(a onlineStoreAnswer, spec *onboarding.Spec) {
		if s, ok := storeOf(a); ok {
			s.spec(a, spec)
		}
	},
})

// store is one choice of an online store.
type store struct {
	value, label, hint string
	outline            func(onlineStoreAnswer) string
	spec               func(onlineStoreAnswer, *onboarding.Spec)
}

// stores are the choices in the order of the page.
var stores = []store{
	{
		storeBigtable, "New Bigtable instance", "We create it: one SSD node, " + onboarding.MonthlyWords(onboarding.BigtableMonthly),
		func(a onlineStoreAnswer) string { return "Bigtable, new instance in " + a.Zone },
		func(a onlineStoreAnswer, s *onboarding.Spec) {
			s.OnlineStore = onboarding.OnlineBigtable
			s.Bigtable = onboarding.BigtableSpec{InstanceID: cmp.Or(a.Instance, onboarding.DefaultInstanceID(s.Deployment)), Zone: a.Zone}
		},
	},
	{
		storeBigtableExisting, "Existing Bigtable instance", "We only add the access that is needed",
		func(a onlineStoreAnswer) string { return "Bigtable, instance " + a.Existing },
		func(a onlineStoreAnswer, s *onboarding.Spec) {
			s.OnlineStore = onboarding.OnlineBigtable
			s.Bigtable = onboarding.BigtableSpec{InstanceID: a.Existing, Adopt: true}
		},
	},
	{
		storeRedis, "Redis Enterprise Cloud", "You create it at Redis; we guide you and check it",
		func(onlineStoreAnswer) string { return "Redis Enterprise Cloud" },
		func(a onlineStoreAnswer, s *onboarding.Spec) {
			s.OnlineStore = onboarding.OnlineRedis
			s.Redis = onboarding.RedisSpec{
				Endpoint: a.Endpoint, Token: a.Token, CIDR: a.CIDR,
				SparkNetwork: onboarding.VPC{Project: a.SparkNetwork.Project, Network: a.SparkNetwork.Network},
				SparkProject: a.SparkPeer.Project, SparkPeerNet: a.SparkPeer.Network,
				ServingPeer: a.ServingPeer.Project, ServingPeerNet: a.ServingPeer.Network,
				AttestedBy: a.AttestedBy,
			}
		},
	},
}

// storeOf is the choice that was answered.
func storeOf(a onlineStoreAnswer) (store, bool) {
	for _, s := range stores {
		if s.value == a.Store {
			return s, true
		}
	}
	return store{}, false
}

var redisFields = []wizard.Field[onlineStoreAnswer]{
	redisText("endpoint", "Primary endpoint", "Copy the database’s endpoint with its port from the Redis console, for example redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345.",
		"Redis endpoint", wizard.HostPort, 60,
		func(a *onlineStoreAnswer) *string { return &a.Endpoint }, func(a *onlineStoreAnswer) *bool { return &a.EndpointLater }),
	{
		Name:         "redis_token",
		Label:        "Authentication token",
		Hint:         "The database’s default user password. It is kept encrypted and never shown again.",
		Autocomplete: "off",
		Kind:         wizard.KindSecret,
		Mono:         true,
		Width:        40,
		Max:          512,
		ShowWhen:     "store=" + storeRedis,
		Need:         "Enter the authentication token, or select “I don’t have this yet”",
		Secret:       func(a *onlineStoreAnswer) *onboarding.SecretState { return &a.Token },
		Purpose:      onboarding.PurposeRedisToken,
		SentTo:       func(a *onlineStoreAnswer) string { return a.Endpoint },
		Await:        "Redis authentication token",
		Read:         redisToken,
	},
	redisText("cidr", "IP range of the Redis network", "The deployment range of the subscription, for example 10.20.0.0/24. It must not overlap the networks that it is peered with.",
		"IP range of the Redis network", wizard.CIDR, 18,
		func(a *onlineStoreAnswer) *string { return &a.CIDR }, func(a *onlineStoreAnswer) *bool { return &a.CIDRLater }),
	redisText("spark_network_project", "Project of your Spark network", "The Google Cloud project of the VPC network that Databricks or Dataproc runs in. Enter it at Redis to peer the two.",
		"Spark network’s project", wizard.ProjectID, 30,
		func(a *onlineStoreAnswer) *string { return &a.SparkNetwork.Project }, func(a *onlineStoreAnswer) *bool { return &a.SparkNetwork.ProjectLater }),
	redisText("spark_network", "Name of your Spark network", "The VPC network itself. For Databricks, the account console shows it on the workspace’s page.",
		"Spark network’s name", wizard.Network, 40,
		func(a *onlineStoreAnswer) *string { return &a.SparkNetwork.Network }, func(a *onlineStoreAnswer) *bool { return &a.SparkNetwork.NetworkLater }),
	redisText("spark_peer_project", "Redis project, peering with your Spark network", "Redis’s own project, which the Redis console shows for the peering with your Spark network.",
		"Redis project of the peering with your Spark network", wizard.ProjectID, 30,
		func(a *onlineStoreAnswer) *string { return &a.SparkPeer.Project }, func(a *onlineStoreAnswer) *bool { return &a.SparkPeer.ProjectLater }),
	redisText("spark_peer_network", "Redis network, peering with your Spark network", "Redis’s own network, shown for the same peering.",
		"Redis network of the peering with your Spark network", wizard.Network, 40,
		func(a *onlineStoreAnswer) *string { return &a.SparkPeer.Network }, func(a *onlineStoreAnswer) *bool { return &a.SparkPeer.NetworkLater }),
	servingPeerProject,
	redisText("serving_peer_network", "Redis network, peering with the serving network", "Redis’s own network, shown for the same peering.",
		"Redis network of the peering with the serving network", wizard.Network, 40,
		func(a *onlineStoreAnswer) *string { return &a.ServingPeer.Network }, func(a *onlineStoreAnswer) *bool { return &a.ServingPeer.NetworkLater }),
	{
		Name:  "attested_by",
		Label: "Your full name",
		HintFor: func(c wizard.Case) string {
			region := "your region"
			if r, ok := chosenRegion(c); ok {
				region = r.id
			}
			return fmt.Sprintf("Only if the endpoint can’t be reached from the internet, so that we can’t check it. By entering your name, you confirm that the cluster is used by nothing else, runs in several zones of %s with replication, is Redis %s, "+
				"has TLS and the OSS Cluster API with the external endpoint on, and that its maxmemory-policy is noeviction.", region, c.Vendor.Defaults().RedisVersion)
		},
		Autocomplete: "name",
		Kind:         wizard.KindText,
		Optional:     true,
		Own:          true,
		Free:         true,
		Width:        40,
		Max:          100,
		ShowWhen:     "store=" + storeRedis,
		Value:        func(a *onlineStoreAnswer) *string { return &a.AttestedBy },
		Read:         personName,
	},
}

// servingPeerProject tells which network to peer with, where the specialist has said so.
var servingPeerProject = func() wizard.Field[onlineStoreAnswer] {
	f := redisText("serving_peer_project", "Redis project, peering with the serving network", "",
		"Redis project of the peering with the serving network", wizard.ProjectID, 30,
		func(a *onlineStoreAnswer) *string { return &a.ServingPeer.Project }, func(a *onlineStoreAnswer) *bool { return &a.ServingPeer.ProjectLater })
	f.HintFor = func(c wizard.Case) string {
		if c.Vendor.ServingProject == "" || c.Vendor.ServingNetwork == "" {
			return "Your specialist adds the network to peer with. Until then, select “I don’t have this yet”."
		}
		return fmt.Sprintf("At Redis, peer with the network %s of the project %s. Then enter Redis’s own project, which the Redis console shows for this peering.", c.Vendor.ServingNetwork, c.Vendor.ServingProject)
	}
	return f
}()

// samePeer finds the network that Redis is peered with where Redis's own is asked for: the console shows both.
func samePeer(redis peer, other onboarding.VPC, field, words string) wizard.Problems {
	if redis.Network == "" || redis.Project != other.Project || redis.Network != other.Network {
		return nil
	}
	return wizard.Problems{{Field: field, Message: "That is " + words + ". Enter Redis’s own project and network, which the Redis console shows for the peering"}}
}

// redisText is a field of the Redis branch that may come later.
func redisText(name, label, hint, await string, read func(string) (string, string), width int, value func(*onlineStoreAnswer) *string, later func(*onlineStoreAnswer) *bool) wizard.Field[onlineStoreAnswer] {
	return wizard.Field[onlineStoreAnswer]{
		Name: name, Label: label, Hint: hint, Await: await, Read: read, Width: width, Value: value, Later: later,
		Autocomplete: "off", Kind: wizard.KindText, Mono: true, ShowWhen: "store=" + storeRedis,
		Need: fmt.Sprintf("Enter the %s, or select “I don’t have this yet”", await),
	}
}

// redisToken reads a Redis password, which may hold anything that is typed.
func redisToken(s string) (string, string) {
	if strings.Contains(s, "://") {
		return "", "That is an address. Enter only the authentication token"
	}
	if len(s) < 6 {
		return "", "That is too short for an authentication token. Copy it again"
	}
	return s, ""
}

// personName reads a name that somebody signs with.
func personName(s string) (string, string) {
	if strings.ContainsFunc(s, func(r rune) bool { return r > ' ' && !strings.ContainsRune("0123456789.,-_'’", r) }) {
		return s, ""
	}
	return "", "Enter your full name, for example Ada Sample"
}
