package steps_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groundwork/onboarding"
	"groundwork/wizard"
	"groundwork/wizard/steps"
	"groundwork/wizard/steps/sample"
)

const controlPlane = sample.ControlPlane

// customer fills in the form as a browser would: it posts a step and keeps what was saved.
type customer struct {
	t       *testing.T
	journey *wizard.Journey
	c       wizard.Case
	secrets map[onboarding.Purpose]string
}

func newCustomer(t *testing.T) *customer {
	return &customer{
		t: t, journey: wizard.New(steps.All()), secrets: map[onboarding.Purpose]string{},
		c: wizard.Case{
			Onboarding: "ob_sample", Answers: onboarding.Answers{},
			Vendor: onboarding.VendorValues{ControlPlaneAccount: controlPlane, ProposedName: "acme-prod"},
		},
	}
}

// post sends name, value pairs and gives what came of it.
func (p *customer) post(step string, pairs ...string) wizard.Saved {
	p.t.Helper()
	s, ok := p.journey.Step(step)
	if !ok {
		p.t.Fatalf("no step %s", step)
	}
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	saved, err := s.Parse(context.Background(), p.c, form)
	if err != nil {
		p.t.Fatalf("%s: %v", step, err)
	}
	return saved
}

// answer posts and saves; a problem fails the test.
func (p *customer) answer(step string, pairs ...string) {
	p.t.Helper()
	saved := p.post(step, pairs...)
	if len(saved.Problems) > 0 {
		p.t.Fatalf("%s: %v", step, saved.Problems)
	}
	p.c.Answers[step] = saved.Answer
	for k, v := range saved.Secrets {
		p.secrets[k] = v.Reveal()
	}
}

func (p *customer) refuse(step, field, sentence string, pairs ...string) {
	p.t.Helper()
	saved := p.post(step, pairs...)
	if got := saved.Problems.At(field); len(got) != 1 || got[0] != sentence {
		p.t.Errorf("%s with %q:\n got %q\nwant %q", step, pairs, saved.Problems, sentence)
	}
	if saved.Answer != nil || len(saved.Secrets) != 0 {
		p.t.Errorf("%s with %q: something was saved", step, pairs)
	}
}

var databricks = []string{"platform", "databricks", "workspace", "https://1234567890123456.7.gcp.databricks.com/?o=1234567890123456", "token", "dapi0123456789abcdef", "runtime", "15.4 LTS", "secret_scope", "on"}

// answerAll answers every step as the sample customer does, but for these.
func (p *customer) answerAll(onlineStore ...string) {
	p.t.Helper()
	own := map[string][]string{
		"deployment":   {"name", " acme-prod "},
		"compute":      databricks,
		"data-sources": {"datasets", "acme-data:sales\r\nacme-data.sales\r\nacme-data.web", "projects", "acme-lake", "buckets", "gs://acme-events/"},
		"project":      {"project", "https://console.cloud.google.com/home/dashboard?project=acme-data-prod"},
	}
	if onlineStore != nil {
		own["online-store"] = onlineStore
	}
	for _, usual := range sample.Usual() {
		if pairs, ok := own[usual.Step]; ok {
			p.answer(usual.Step, pairs...)
		} else {
			p.answer(usual.Step, usual.Pairs()...)
		}
	}
}

func redis(pairs ...string) []string {
	all := []string{
		"store", "redis", "endpoint", "redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345", "redis_token", "s3cret-token",
		"cidr", "10.20.0.0/24", "spark_network_project", "acme-databricks", "spark_network", "databricks-vpc", "spark_peer_project", "redis-peer-one", "spark_peer_network", "net-one",
		"serving_peer_project", "redis-peer-two", "serving_peer_network", "net-two",
	}
	for i := 0; i < len(pairs); i += 2 {
		for j := 0; j < len(all); j += 2 {
			if all[j] == pairs[i] {
				all[j+1] = pairs[i+1]
			}
		}
		all = append(all, pairs[i], pairs[i+1])
	}
	return all
}

func TestAnswersBecomeTheSpec(t *testing.T) {
	p := newCustomer(t)
	p.answerAll()
	want := onboarding.Spec{
		Onboarding: "ob_sample", Deployment: "acme-prod", Region: "us-west1", Project: "acme-data-prod", ControlPlaneAccount: controlPlane,
		Compute:     onboarding.ComputeDatabricks,
		Databricks:  onboarding.DatabricksSpec{WorkspaceURL: "https://1234567890123456.7.gcp.databricks.com", Runtime: "15.4.x-scala2.12", Token: onboarding.SecretSet, SecretScope: true},
		OnlineStore: onboarding.OnlineBigtable,
		Bigtable:    onboarding.BigtableSpec{InstanceID: "tecton-acme-prod", Zone: "us-west1-b"},
		DataSources: []onboarding.DataSource{
			{Kind: onboarding.SourceDataset, Name: "acme-data.sales"},
			{Kind: onboarding.SourceDataset, Name: "acme-data.web"},
			{Kind: onboarding.SourceProject, Name: "acme-lake"},
			{Kind: onboarding.SourceBucket, Name: "acme-events"},
		},
		Vendor: p.c.Vendor.Defaults(),
	}
	if diff := cmp.Diff(want, p.journey.Spec(p.c)); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if p.secrets[onboarding.PurposeDatabricksToken] != "dapi0123456789abcdef" {
		t.Errorf("secrets %v", p.secrets)
	}
	for id, raw := range p.c.Answers {
		if strings.Contains(string(raw), "dapi0") {
			t.Errorf("the answer of %s holds the token: %s", id, raw)
		}
	}
	if !p.journey.Complete(p.c) || p.journey.Next(p.c, "project") != "" || len(p.journey.Waiting(p.c)) != 0 {
		t.Errorf("not complete: first %q, waiting %q", p.journey.First(p.c), p.journey.Waiting(p.c))
	}
}

func TestRedisBecomesTheSpecAndMayComeLater(t *testing.T) {
	p := newCustomer(t)
	p.answerAll(redis("attested_by", "Ada Sample 🚀")...)
	spec := p.journey.Spec(p.c)
	want := onboarding.RedisSpec{
		Endpoint: "redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345", Token: onboarding.SecretSet, CIDR: "10.20.0.0/24",
		SparkNetwork: onboarding.VPC{Project: "acme-databricks", Network: "databricks-vpc"}, SparkProject: "redis-peer-one", SparkPeerNet: "net-one", ServingPeer: "redis-peer-two", ServingPeerNet: "net-two", AttestedBy: "Ada Sample 🚀",
	}
	if diff := cmp.Diff(want, spec.Redis); diff != "" || spec.OnlineStore != onboarding.OnlineRedis || spec.Bigtable != (onboarding.BigtableSpec{}) {
		t.Errorf("redis (-want +got):\n%s%+v", diff, spec)
	}
	if got := p.journey.Outstanding(p.c); len(got) != 1 || got[0].On != onboarding.PartySpecialist {
		t.Errorf("without the serving network, outstanding is %+v", got)
	}
	p.c.Vendor.ServingProject, p.c.Vendor.ServingNetwork = "tecton-serving", "default"
	const peerWith = "At Redis, peer with the network default of the project tecton-serving. Then enter Redis’s own project, which the Redis console shows for this peering."
	if got := field(t, p, "online-store", "serving_peer_project").Hint; got != peerWith {
		t.Errorf("the page says %q", got)
	}

	p.answer("online-store", "store", "redis", "endpoint_later", "on", "redis_token_later", "on", "cidr_later", "on",
		"spark_network_project_later", "on", "spark_network_later", "on", "spark_peer_project_later", "on", "spark_peer_network_later", "on", "serving_peer_project_later", "on", "serving_peer_network_later", "on")
	waiting := []string{
		"Redis endpoint", "Redis authentication token", "IP range of the Redis network", "Spark network’s project", "Spark network’s name",
		"Redis project of the peering with your Spark network", "Redis network of the peering with your Spark network",
		"Redis project of the peering with the serving network", "Redis network of the peering with the serving network",
	}
	if diff := cmp.Diff(waiting, p.journey.Waiting(p.c)); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
	if !p.journey.Complete(p.c) {
		t.Error("“I don’t have this yet” leaves the journey stuck")
	}
	for _, l := range p.journey.Steps(p.c) {
		if want := map[bool]wizard.StepState{true: wizard.StepWaiting, false: wizard.StepDone}[l.ID == "online-store"]; l.State != want {
			t.Errorf("step %s is %s, want %s", l.ID, l.State, want)
		}
	}
}

func TestALaterStepCannotBeVisitedFirst(t *testing.T) {
	p := newCustomer(t)
	for _, l := range p.journey.Steps(p.c)[1:] {
		if p.journey.CanVisit(p.c, l.ID) || l.State != wizard.StepLocked {
			t.Errorf("%s may be visited before anything is answered", l.ID)
		}
	}
	if p.journey.CanVisit(p.c, "nonsense") {
		t.Error("an unknown step may be visited")
	}
	p.answer("deployment", "name", "acme-prod")
	if got := p.journey.Next(p.c, "deployment"); got != "region" {
		t.Errorf("next is %q", got)
	}
	if !p.journey.CanVisit(p.c, "region") || p.journey.CanVisit(p.c, "compute") {
		t.Error("the guard doesn’t stand at the first unanswered step")
	}
	p.c.Answers["compute"] = json.RawMessage(`{"platform":"dataproc"}`)
	p.c.Answers["region"] = json.RawMessage(`"not an object`)
	if got := p.journey.First(p.c); got != "region" {
		t.Errorf("with a broken answer, first is %q", got)
	}
}

func TestTheStepsAreTheSameInEveryBranch(t *testing.T) {
	p := newCustomer(t)
	var want []string
	for _, s := range steps.All() {
		want = append(want, s.ID())
	}
	check := func() {
		t.Helper()
		var got []string
		for i, l := range p.journey.Steps(p.c) {
			got = append(got, l.ID)
			s, _ := p.journey.Step(l.ID)
			v, err := s.View(context.Background(), p.c)
			if err != nil {
				t.Fatal(err)
			}
			back := ""
			if i > 0 {
				back = want[i-1]
			}
			if v.Number != i+1 || v.Of != len(want) || v.Back != back {
				t.Errorf("%s is step %d of %d, back to %q", l.ID, v.Number, v.Of, v.Back)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	check()
	p.answerAll()
	check()
	p.answerAll(redis()...)
	check()
}

func TestABranchNotTakenIsKeptAndIgnored(t *testing.T) {
	p := newCustomer(t)
	p.c.Vendor.AllowDataproc = true
	p.answerAll(redis()...)
	p.answer("online-store", "store", "bigtable", "instance", "tecton-acme-prod", "zone", "us-west1-a", "endpoint", "nonsense", "cidr", "10.20.0.0/33")
	spec := p.journey.Spec(p.c)
	if spec.Redis != (onboarding.RedisSpec{}) || spec.Bigtable.InstanceID != "tecton-acme-prod" {
		t.Errorf("after changing to Bigtable: %+v", spec)
	}
	for _, row := range section(t, p, "online-store").Rows {
		if strings.Contains(row.Label, "edis") {
			t.Errorf("check your answers shows %v", row)
		}
	}
	if got := field(t, p, "online-store", "endpoint").Value; got != "redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345" {
		t.Errorf("the endpoint of the branch left is %q", got)
	}
	p.answer("online-store", redis("redis_token", "")...)
	if got := p.journey.Spec(p.c).Redis.Token; got != onboarding.SecretSet {
		t.Errorf("back at Redis the token must be typed again: %q", got)
	}

	p.answer("compute", "platform", "dataproc")
	if spec := p.journey.Spec(p.c); spec.Databricks != (onboarding.DatabricksSpec{}) || spec.Compute != onboarding.ComputeDataproc {
		t.Errorf("after changing to Dataproc: %+v", spec)
	}
	p.c.Vendor.AllowDataproc = false
	if got := p.journey.First(p.c); got != "compute" {
		t.Errorf("Dataproc is no longer offered, and first is %q", got)
	}
}

func TestASecretOfABranchNotTakenIsNotTaken(t *testing.T) {
	p := newCustomer(t)
	p.c.Vendor.AllowDataproc = true
	saved := p.post("compute", "platform", "dataproc", "token", "dapi0123456789abcdef")
	if len(saved.Problems) != 0 || len(saved.Secrets) != 0 {
		t.Errorf("got %v and %d secrets", saved.Problems, len(saved.Secrets))
	}
}

// A token that is kept goes to the address it was given for: another address, on whichever branch it was typed, takes
// the token back, and what is stored is wiped with the save.
func TestAKeptSecretIsNotSentToAnotherAddress(t *testing.T) {
	const again = "Enter the authentication token again: the saved one is for a different address"
	p := newCustomer(t)
	p.answerAll(redis()...)
	form := func(pairs ...string) []string { return redis(append(pairs, "redis_token", "")...) }
	if saved := p.post("online-store", form()...); len(saved.Problems) > 0 || len(saved.Dropped) > 0 {
		t.Fatalf("the same address: %v, drops %v", saved.Problems, saved.Dropped)
	}
	p.refuse("online-store", "redis_token", again, form("endpoint", "redis.attacker.example:12000")...)

	// The same in two moves, the first while Bigtable is chosen.
	aside := p.post("online-store", form("endpoint", "redis.attacker.example:12000", "store", "bigtable", "instance", "tecton-acme-prod", "zone", "us-west1-b")...)
	if len(aside.Problems) > 0 {
		t.Fatal(aside.Problems)
	}
	if d := cmp.Diff([]onboarding.Purpose{onboarding.PurposeRedisToken}, aside.Dropped); d != "" {
		t.Errorf("dropped (-want +got):\n%s", d)
	}
	p.c.Answers["online-store"] = aside.Answer
	p.refuse("online-store", "redis_token", "Enter the authentication token, or select “I don’t have this yet”", form("endpoint", "redis.attacker.example:12000")...)

	if saved := p.post("online-store", form("redis_token_later", "on")...); len(saved.Problems) > 0 || len(saved.Dropped) != 1 {
		t.Errorf("a token that is to come: %v, drops %v", saved.Problems, saved.Dropped)
	}
}

func TestAChangedRegionAsksForTheZoneAgain(t *testing.T) {
	p := newCustomer(t)
	p.answerAll()
	p.answer("region", "region", "europe-west1")
	if got := p.journey.Next(p.c, "region"); got != "online-store" {
		t.Errorf("next is %q", got)
	}
	if got := p.journey.Spec(p.c).OnlineStore; got != "" {
		t.Errorf("the spec holds a store in the wrong zone: %q", got)
	}
	if got := field(t, p, "online-store", "zone").Value; got != "europe-west1-b" {
		t.Errorf("the page proposes %q", got)
	}
	p.answer("online-store", "store", "bigtable", "instance", "tecton-acme-prod", "zone", "europe-west1-d")
	if got := p.journey.Next(p.c, "online-store"); got != "" {
		t.Errorf("next is %q, want check your answers", got)
	}
}

func TestAnInstanceLeftAsProposedFollowsTheName(t *testing.T) {
	p := newCustomer(t)
	p.answerAll()
	p.answer("online-store", "store", "bigtable", "zone", "us-west1-b")
	p.answer("deployment", "name", "acme-two")
	if got := p.journey.Spec(p.c).Bigtable.InstanceID; got != "tecton-acme-two" {
		t.Errorf("the instance is %q", got)
	}
	if got := field(t, p, "online-store", "instance").Value; got != "tecton-acme-two" {
		t.Errorf("the page shows %q", got)
	}
}

func TestTheControlPlaneAccount(t *testing.T) {
	p := newCustomer(t)
	p.answerAll()
	p.refuse("accounts", "control_plane", "Confirm the control plane service account, or ask your specialist to correct it", "spark", "create")
	p.refuse("accounts", "control_plane", "The control plane service account has changed since you opened this page. Check it and confirm it again",
		"control_plane", "older@tecton-acme.iam.gserviceaccount.com", "spark", "create")

	p.c.Vendor.ControlPlaneAccount = "tecton-acme-prod-control-two@tecton-acme.iam.gserviceaccount.com"
	if got := p.journey.First(p.c); got != "accounts" {
		t.Errorf("the specialist changed the account and first is %q", got)
	}

	p.c.Vendor.ControlPlaneAccount = ""
	p.answer("accounts", "spark", "create")
	if got := p.journey.Waiting(p.c); !p.journey.Complete(p.c) || len(got) != 1 || got[0] != "Control plane service account" {
		t.Errorf("without the vendor's account: complete %v, waiting %q", p.journey.Complete(p.c), got)
	}
	p.refuse("accounts", "spark_email", "Enter the email address of your Spark service account", "spark", "existing")
	p.c.Vendor.ControlPlaneAccount = controlPlane
	p.refuse("accounts", "spark_email", "That is the control plane’s account. Enter a service account of your own", "control_plane", "on", "spark", "existing", "spark_email", controlPlane)
	p.answer("accounts", "control_plane", "on", "spark", "existing", "spark_email", "spark-jobs@other-project.iam.gserviceaccount.com")
	if got := section(t, p, "accounts").Rows[1].Value; got != "spark-jobs@other-project.iam.gserviceaccount.com, from a project other than acme-data-prod" {
		t.Errorf("check your answers says %q", got)
	}
}

func datasets(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "acme-data.set_%d\n", i)
	}
	return b.String()
}

// A page never claims to hold a secret that it doesn't, nor lets a new one go for an old one without a word.
func TestATypedSecretBesideABadAnswerIsAskedForAgain(t *testing.T) {
	p := newCustomer(t)
	p.answer("deployment", "name", "acme-prod")
	p.answer("region", "region", "us-west1")
	token := func(saved wizard.Saved) wizard.FieldView {
		i := slices.IndexFunc(saved.View.Fields, func(f wizard.FieldView) bool { return f.Name == "token" })
		return saved.View.Fields[i]
	}
	const again = "Enter the Databricks API token again. It isn’t saved, because another answer needs a correction"
	bad := p.post("compute", "platform", "databricks", "workspace", "https://nowhere.example", "token", "dapi0123456789abcdef", "runtime", "15.4.x-scala2.12")
	if f := token(bad); f.Set || !f.Unsaved || !slices.Contains(f.Errors, again) {
		t.Errorf("a first token beside a bad address: %+v", f)
	}
	const workspace = "https://1234567890123456.7.gcp.databricks.com"
	p.answer("compute", "platform", "databricks", "workspace", workspace, "token", "dapi0123456789abcdef", "runtime", "15.4.x-scala2.12")
	bad = p.post("compute", "platform", "databricks", "workspace", workspace, "token", "dapi9999999999999999", "runtime", "newest")
	if f := token(bad); !f.Set || !f.Unsaved || !slices.Contains(f.Errors, again) {
		t.Errorf("a second token beside a bad runtime: %+v", f)
	}
	if bad = p.post("compute", "platform", "databricks", "workspace", workspace, "runtime", "newest"); token(bad).Unsaved || !token(bad).Set {
		t.Errorf("no token was typed: %+v", token(bad))
	}
}

func TestABadAnswerKeepsWhatWasTypedAndNeverASecret(t *testing.T) {
	p := newCustomer(t)
	p.answer("deployment", "name", "acme-prod")
	p.answer("region", "region", "us-west1")
	saved := p.post("compute", "platform", "databricks", "workspace", "http://evil<script>", "token", "dapi0123456789abcdef", "runtime", "newest", "secret_scope", "on", "status", "done", "is_admin", "1")
	var names []string
	for _, x := range saved.Problems {
		names = append(names, x.Field)
	}
	if diff := cmp.Diff([]string{"workspace", "token", "runtime"}, names); diff != "" {
		t.Errorf("problems in the order of the fields (-want +got):\n%s", diff)
	}
	values := map[string]string{}
	for _, f := range saved.View.Fields {
		values[f.Name] = f.Value
		if len(saved.Problems.At(f.Name)) != len(f.Errors) {
			t.Errorf("%s shows %q", f.Name, f.Errors)
		}
	}
	want := map[string]string{"platform": "databricks", "no_workspace": "", "workspace": "http://evil<script>", "workspace_project": "", "workspace_account": "", "token": "", "runtime": "newest", "secret_scope": "on"}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Errorf("typed (-want +got):\n%s", diff)
	}
	if saved.View.Number != 3 || saved.View.Back != "region" {
		t.Errorf("the page lost its place: %d, back %q", saved.View.Number, saved.View.Back)
	}
}

func TestManyBadLinesAreNamedAndCounted(t *testing.T) {
	p := newCustomer(t)
	p.answer("deployment", "name", "acme-prod")
	got := p.post("data-sources", "datasets", strings.Repeat("nonsense\n", 14)).Problems.At("datasets")
	if len(got) != 11 || got[9] != "BigQuery datasets, line 10: “nonsense” has no project. Enter it as project.dataset" || got[10] != "BigQuery datasets: 4 more lines need a correction" {
		t.Errorf("got %q", got)
	}
	p.refuse("data-sources", "", "Enter at most 100 data sources in all. There are 101", "datasets", datasets(100), "buckets", "acme-events")
}

// What a page shows, posted back unchanged, saves the same answer: nothing drifts when a customer goes Back.
func TestAPagePostedBackUnchangedSavesTheSame(t *testing.T) {
	for name, store := range map[string][]string{
		"bigtable": nil,
		"own name": {"store", "bigtable", "instance", "our-instance", "zone", "us-west1-c"},
		"existing": {"store", "bigtable_existing", "existing", "https://console.cloud.google.com/bigtable/instances/our-instance/overview"},
		"redis":    redis(),
		"private":  redis("attested_by", "Ada Sample"),
		"later":    {"store", "redis", "endpoint_later", "on", "redis_token_later", "on", "cidr_later", "on", "spark_network_project_later", "on", "spark_network_later", "on", "spark_peer_project_later", "on", "spark_peer_network_later", "on", "serving_peer_project_later", "on", "serving_peer_network_later", "on"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newCustomer(t)
			p.answerAll(store...)
			for id, before := range p.c.Answers {
				s, _ := p.journey.Step(id)
				v, err := s.View(context.Background(), p.c)
				if err != nil {
					t.Fatal(err)
				}
				var pairs []string
				for _, f := range v.Fields {
					if f.Value != "" {
						pairs = append(pairs, f.Name, f.Value)
					}
					if f.Later {
						pairs = append(pairs, f.Name+"_later", "on")
					}
				}
				p.answer(id, pairs...)
				if got := p.c.Answers[id]; string(got) != string(before) {
					t.Errorf("%s:\n was %s\n now %s", id, before, got)
				}
			}
		})
	}
}

func FuzzSteps(f *testing.F) {
	f.Add("compute", "platform=databricks&workspace=https://1.2.gcp.databricks.com&token=dapi0123456789&runtime=15.4")
	f.Add("online-store", "store=redis&endpoint=a.example:1&cidr=10.0.0.0/24&redis_token_later=on")
	f.Add("data-sources", "datasets=a-b-c-d.x%0Ay&buckets=gs://x")
	f.Add("deployment", "name=%00%ff")
	journey := wizard.New(steps.All())
	f.Fuzz(func(t *testing.T, id, query string) {
		s, ok := journey.Step(id)
		form, err := url.ParseQuery(query)
		if !ok || err != nil {
			t.Skip()
		}
		c := wizard.Case{Answers: onboarding.Answers{"deployment": []byte(`{"name":"acme-prod"}`), "region": []byte(`{"region":"us-west1"}`)}}
		saved, err := s.Parse(context.Background(), c, form)
		if err != nil {
			t.Fatalf("bad input is an error: %v", err)
		}
		if (saved.Answer == nil) == (len(saved.Problems) == 0) {
			t.Fatalf("answer %s with problems %v", saved.Answer, saved.Problems)
		}
		if saved.Answer == nil {
			return
		}
		c.Answers[id] = saved.Answer
		if !s.Answered(c) {
			t.Errorf("%s was taken and isn’t an answer", saved.Answer)
		}
	})
}

// outside is what a customer's lookups find.
type outside struct {
	taken, who string
	projects   map[string]wizard.ProjectInfo
	err        error
}

func (o outside) NameTaken(_ context.Context, name string) (bool, error) {
	return name == o.taken, o.err
}

func (o outside) Projects(context.Context) ([]wizard.Choice, error) {
	if o.err != nil {
		return nil, o.err
	}
	var out []wizard.Choice
	for id, p := range o.projects {
		out = append(out, wizard.Choice{Value: id, Label: p.Name})
	}
	return out, nil
}

func (o outside) Project(_ context.Context, id string) (wizard.ProjectInfo, error) {
	for _, p := range o.projects {
		if p.ID == id || fmt.Sprint(p.Number) == id {
			return p, o.err
		}
	}
	if o.err != nil {
		return wizard.ProjectInfo{}, o.err
	}
	return wizard.ProjectInfo{}, onboarding.Errorf(onboarding.CodePermission, "may not see it")
}

func (o outside) Connected(context.Context) (string, error) { return o.who, nil }

func TestATakenNameIsRefused(t *testing.T) {
	p := newCustomer(t)
	p.c.Lookup = outside{taken: "acme-prod"}
	p.refuse("deployment", "name", "acme-prod is already taken. Choose another name", "name", "acme-prod")
	p.answer("deployment", "name", "acme-two")
}

func TestTheProjectIsLookedUpWhereThereIsAccess(t *testing.T) {
	seen := map[string]wizard.ProjectInfo{
		"acme-data-prod": {ID: "acme-data-prod", Name: "Acme data", Number: 123456789012, Active: true},
		"acme-old":       {ID: "acme-old", Number: 223456789012},
	}
	p := newCustomer(t)
	p.answerAll()

	p.c.Lookup = outside{projects: seen}
	p.refuse("project", "project", "That is a project number. Enter the project ID, for example acme-data-prod", "project", "123456789012")
	p.answer("project", "project", "never-looked-up")

	p.c.Lookup = outside{projects: seen, who: "ada@customer.example"}
	p.refuse("project", "project", "acme-unknown does not exist, or ada@customer.example doesn’t have access to it. Check the ID, or connect another Google account", "project", "acme-unknown")
	p.refuse("project", "project", "acme-old is being deleted. Restore it in the Cloud console, or choose another project", "project", "acme-old")
	p.answer("project", "project", "123456789012")
	if got := p.journey.Spec(p.c).Project; got != "acme-data-prod" {
		t.Errorf("the number became %q", got)
	}
	s, _ := p.journey.Step("project")
	v, err := s.View(context.Background(), p.c)
	if err != nil || !v.Connects || v.Connected != "ada@customer.example" || len(v.Fields[0].Choices) != 2 {
		t.Errorf("the page is %+v, %v", v, err)
	}

	for _, code := range []onboarding.Code{onboarding.CodeSignIn, onboarding.CodeUnavailable} {
		p.c.Lookup = outside{who: "ada@customer.example", err: onboarding.Errorf(code, "away")}
		p.answer("project", "project", "acme-data-prod")
		if _, err := s.View(context.Background(), p.c); err != nil {
			t.Errorf("with %s the page fails: %v", code, err)
		}
	}
	p.c.Lookup = outside{who: "ada@customer.example", err: errors.New("broken")}
	if _, err := s.Parse(context.Background(), p.c, url.Values{"project": {"acme-data-prod"}}); err == nil {
		t.Error("a broken lookup goes unnoticed")
	}
}

func TestTheNamePlannerShowsEveryNameWithItsLimit(t *testing.T) {
	got := steps.Planner("Mycompany-Production1 ")
	want := []wizard.Derived{
		{Label: "Deployment name", Name: "mycompany-production1", Limit: 21, Used: 21},
		{Label: "Address", Name: "https://mycompany-production1.tecton.ai", Used: 39},
		{Label: "Bucket", Name: "tecton-mycompany-production1-dataplane", Limit: 63, Used: 38},
		{Label: "Spark service account", Name: onboarding.SparkAccountID("mycompany-production1"), Limit: 30, Used: 30, Note: "shortened, Google allows 30 characters"},
		{Label: "Custom role", Name: "tecton_mycompany_production1_control_plane", Limit: 64, Used: 42},
		{Label: "Bigtable instance", Name: "tecton-mycompany-production1", Limit: 33, Used: 28, Note: "if you choose Bigtable"},
		{Label: "Databricks secret scope", Name: "tecton-mycompany-production1", Limit: 128, Used: 28, Note: "if you choose Databricks"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("planner (-want +got):\n%s", diff)
	}
	for _, name := range []string{"", "-a", "<script>", strings.Repeat("a", 64)} {
		if got := steps.Planner(name); got != nil {
			t.Errorf("Planner(%q) = %v", name, got)
		}
	}
	p := newCustomer(t)
	if v := p.post("deployment", "name", strings.Repeat("a", 22)).View; len(v.Planner) != 7 || v.Planner[0].Used != 22 {
		t.Errorf("after a name that is too long the page shows %v", v.Planner)
	}
	if got := field(t, p, "deployment", "name").Value; got != "acme-prod" {
		t.Errorf("the proposed name isn’t filled in: %q", got)
	}
}

func TestTheOutlineGrows(t *testing.T) {
	p := newCustomer(t)
	if got := p.journey.Outline(p.c); got != nil {
		t.Errorf("before anything is answered it shows %v", got)
	}
	p.answer("deployment", "name", "acme-prod")
	if diff := cmp.Diff([]wizard.Row{{Label: "Deployment", Value: "acme-prod"}}, p.journey.Outline(p.c)); diff != "" {
		t.Error(diff)
	}
	p.answerAll()
	want := []wizard.Row{
		{Label: "Deployment", Value: "acme-prod"},
		{Label: "Region", Value: "us-west1 (Oregon)"},
		{Label: "Compute", Value: "Databricks, 1234567890123456.7.gcp.databricks.com"},
		{Label: "Online store", Value: "Bigtable, new instance in us-west1-b"},
		{Label: "Spark account", Value: "tecton-acme-prod-spark, new"},
		{Label: "Data sources", Value: "4"},
		{Label: "Project", Value: "acme-data-prod"},
	}
	if diff := cmp.Diff(want, p.journey.Outline(p.c)); diff != "" {
		t.Errorf("outline (-want +got):\n%s", diff)
	}
}

func TestCheckYourAnswersHidesSecretsAndShowsWhatApplies(t *testing.T) {
	p := newCustomer(t)
	p.answerAll()
	want := []wizard.Row{
		{Label: "Compute platform", Value: "Databricks on Google Cloud"},
		{Label: "Workspace address", Value: "https://1234567890123456.7.gcp.databricks.com"},
		{Label: "Databricks API token", Value: "Saved, never shown"},
		{Label: "Databricks Runtime version", Value: "15.4.x-scala2.12"},
		{Label: "Create a secret scope for notebooks", Value: "Yes"},
	}
	if diff := cmp.Diff(want, section(t, p, "compute").Rows); diff != "" {
		t.Errorf("compute (-want +got):\n%s", diff)
	}
	p.answer("compute", "platform", "databricks", "workspace", "1.2.gcp.databricks.com", "token_later", "on", "runtime", "16.4.x-scala2.13")
	got := section(t, p, "compute")
	if got.Rows[2].Value != "I don’t have this yet" || len(got.Waiting) != 1 || got.Waiting[0] != "Databricks API token" {
		t.Errorf("got %+v", got)
	}
	p.answer("data-sources")
	for _, r := range section(t, p, "data-sources").Rows {
		if r.Value != "None" {
			t.Errorf("without data sources it says %v", r)
		}
	}
}

func section(t *testing.T, p *customer, id string) wizard.Section {
	t.Helper()
	for _, s := range p.journey.Sections(p.c) {
		if s.StepID == id {
			return s
		}
	}
	t.Fatalf("no section %s", id)
	return wizard.Section{}
}

func field(t *testing.T, p *customer, step, name string) wizard.FieldView {
	t.Helper()
	s, _ := p.journey.Step(step)
	v, err := s.View(context.Background(), p.c)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range v.Fields {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no field %s", name)
	return wizard.FieldView{}
}

func BenchmarkPage(b *testing.B) {
	p := newCustomer(&testing.T{})
	p.answerAll()
	s, _ := p.journey.Step("project")
	b.ReportAllocs()
	for b.Loop() {
		if !p.journey.CanVisit(p.c, "project") {
			b.Fatal("may not visit")
		}
		p.journey.StepsAt(p.c, "project")
		p.journey.Outline(p.c)
		if _, err := s.View(context.Background(), p.c); err != nil {
			b.Fatal(err)
		}
	}
}

// Story 16: each peering is between two networks, and the form asks for the one that only the customer knows.
func TestRedissOwnNetworkIsNotTakenForTheCustomers(t *testing.T) {
	p := newCustomer(t)
	p.c.Vendor.ServingProject, p.c.Vendor.ServingNetwork = "tecton-serving", "serving"
	form := []string{
		"store", "redis", "endpoint", "redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345", "redis_token", "sample-token", "cidr", "10.20.0.0/24",
		"spark_network_project", "acme-databricks", "spark_network", "databricks-vpc", "spark_peer_project", "acme-databricks", "spark_peer_network", "databricks-vpc",
		"serving_peer_project", "tecton-serving", "serving_peer_network", "serving",
	}
	got := p.post("online-store", form...).Problems
	for field, want := range map[string]string{
		"spark_peer_network":   "That is your own Spark network. Enter Redis’s own project and network, which the Redis console shows for the peering",
		"serving_peer_network": "That is the serving network. Enter Redis’s own project and network, which the Redis console shows for the peering",
	} {
		if said := got.At(field); len(said) != 1 || said[0] != want {
			t.Errorf("%s: %q", field, said)
		}
	}
	if got := p.post("online-store", "store", "redis").Problems; len(got.At("spark_network_project")) != 1 || len(got.At("spark_network")) != 1 {
		t.Errorf("the Spark network isn't asked for: %v", got)
	}
}

func TestAWorkspaceThatIsToComeIsAnAnswerToTheWholeStep(t *testing.T) {
	p := newCustomer(t)
	p.answerAll()
	p.answer("compute", "platform", "databricks", "no_workspace", "on")
	if !p.journey.Complete(p.c) {
		t.Error("the journey is stuck")
	}
	if got := p.journey.Outstanding(p.c); len(got) != 1 || got[0].What != "Databricks workspace" || got[0].On != onboarding.PartyCustomer {
		t.Errorf("outstanding %+v", got)
	}
	p.answer("compute", "platform", "databricks", "no_workspace", "on", "workspace", "https://typed.too.example", "runtime", "newest") // folded away, so it doesn't count
	if spec := p.journey.Spec(p.c); spec.Compute != onboarding.ComputeDatabricks || spec.Databricks != (onboarding.DatabricksSpec{}) {
		t.Errorf("spec %+v", spec.Databricks)
	}
	if got := p.post("compute", "platform", "databricks").Problems; len(got.At("workspace")) != 1 {
		t.Errorf("without the checkbox nothing is asked: %v", got)
	}
}

func TestAWorkspaceInAnotherProjectNeedsItsServiceAccount(t *testing.T) {
	const account = "db-1234567890123456@prod-gcp-us-west1.iam.gserviceaccount.com"
	workspace := []string{"platform", "databricks", "workspace", "https://1234567890123456.7.gcp.databricks.com", "token", "dapi-canary-0123456789", "runtime", "15.4.x-scala2.12"}
	p := newCustomer(t)
	p.answerAll()
	p.answer("compute", append(workspace, "workspace_project", "acme-databricks")...)
	if got := p.journey.Waiting(p.c); len(got) != 1 || got[0] != "Service account of the Databricks workspace, because it is in another project" {
		t.Errorf("waiting for %q", got)
	}
	for project, want := range map[string]bool{"acme-databricks": true, "acme-data-prod": false, "": false} {
		p.answer("compute", append(workspace, "workspace_project", project, "workspace_account", account)...)
		if got := p.journey.Waiting(p.c); len(got) != 0 {
			t.Errorf("workspace in %q: waiting for %q", project, got)
		}
		if spec := p.journey.Spec(p.c); spec.WorkspaceElsewhere() != want || spec.Databricks.Account != account {
			t.Errorf("workspace in %q: elsewhere %v, account %q", project, spec.WorkspaceElsewhere(), spec.Databricks.Account)
		}
	}
}

func TestOnlyTheRegionsThatTheVendorOffersAreOffered(t *testing.T) {
	p := newCustomer(t)
	p.c.Vendor.OfferedRegions = "us-west1, europe-west3"
	var offered []string
	for _, c := range field(t, p, "region", "region").Choices {
		offered = append(offered, c.Value)
	}
	if diff := cmp.Diff([]string{"europe-west3", "us-west1"}, offered); diff != "" {
		t.Error(diff)
	}
	p.refuse("region", "region", "Choose a region from the list", "region", "us-east1")
	p.c.Vendor.OfferedRegions = ""
	if n := len(field(t, p, "region", "region").Choices); n < 40 {
		t.Errorf("without a choice of the vendor's, %d regions are offered", n)
	}
}

func TestTheControlPlaneAccountFollowsTheNameUntilOneIsEntered(t *testing.T) {
	p := newCustomer(t)
	p.answerAll()
	p.c.Vendor.ControlPlaneAccount, p.c.Vendor.ControlPlanePattern = "", "tecton-{deployment}-control-plane@tecton-control.iam.gserviceaccount.com"
	const account = "tecton-acme-prod-control-plane@tecton-control.iam.gserviceaccount.com"
	if got := field(t, p, "accounts", "control_plane").Value; got != account {
		t.Errorf("to confirm: %q", got)
	}
	p.answer("accounts", "control_plane", account, "spark", "create")
	if spec := p.journey.Spec(p.c); spec.ControlPlaneAccount != account || spec.Vendor.ControlPlanePattern != "" {
		t.Errorf("spec %q, pattern %q", spec.ControlPlaneAccount, spec.Vendor.ControlPlanePattern)
	}
	// Another name is another account, which has to be confirmed. One that Google can't have waits on the specialist.
	p.answer("deployment", "name", "acme-dev")
	if p.journey.Complete(p.c) {
		t.Error("the account of another name needs no confirmation")
	}
	p.answer("deployment", "name", "acme-production-eu")
	p.answer("accounts", "spark", "create")
	if got := p.journey.Waiting(p.c); len(got) != 1 || got[0] != "Control plane service account" {
		t.Errorf("waiting for %q", got)
	}
	p.c.Vendor.ControlPlaneAccount = "tecton-other@tecton-control.iam.gserviceaccount.com"
	if got := field(t, p, "accounts", "control_plane").Value; got != p.c.Vendor.ControlPlaneAccount {
		t.Errorf("to confirm: %q", got)
	}
}

// Each page says who in a company knows its answer, and what to ask them, as a sentence.
func TestEachStepSaysWhomToAsk(t *testing.T) {
	c := newCustomer(t)
	for _, step := range steps.All() {
		v, err := step.View(t.Context(), c.c)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(v.Knows, ".") || !strings.ContainsAny(v.Asks, "?") {
			t.Errorf("%s: knows %q, asks %q", v.ID, v.Knows, v.Asks)
		}
	}
}
