//go:build !release

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"groundwork/emulator"
	"groundwork/onboarding"
	"groundwork/wizard"
	answers "groundwork/wizard/steps/sample"
)

// The demo's people; their addresses are plainly samples.
var (
	ada = emulator.Person{Email: "ada@customer.example", Name: "Ada Sample", Domain: "customer.example"}
	ben = emulator.Person{Email: "ben@customer.example", Name: "Ben Sample", Domain: "customer.example"}
	sam = emulator.Person{Email: "sam@vendor.example", Name: "Sam Specialist", Domain: "vendor.example"}
	kim = emulator.Person{Email: "kim@vendor.example", Name: "Kim Administrator", Domain: "vendor.example"}
)

const (
	vendorProject   = "tecton-demo-control" // the vendor's project, with a control plane account per deployment
	vendorCustomer  = "C01vendor7"          // the vendor's Cloud Identity customer, for organization policies
	servingProject  = "tecton-demo-serving"
	sampleWorkspace = "1234567890123456.7.gcp.databricks.com"
	sampleToken     = "dapi-sample-service-principal"
	personToken     = "dapi-sample-person"
	adaDeployment   = "acme-prod"
	adaProject      = "acme-data-prod"
)

// usualAPIs are on in a project that somebody already works in; the run enables the rest.
var usualAPIs = []string{"cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com", "iam.googleapis.com", "storage.googleapis.com", "bigquery.googleapis.com", "orgpolicy.googleapis.com", "cloudbilling.googleapis.com"}

// controlPlaneAccount is the vendor's account for a deployment. A long name is cut: IDs have at most 30 characters.
func controlPlaneAccount(deployment string) string {
	return "tecton-" + deployment[:min(len(deployment), 9)] + "-control-plane@" + vendorProject + ".iam.gserviceaccount.com"
}

// demoSettings are what the vendor of the demo set, as typed. There is no pattern for control plane accounts: the emulated
// cloud knows only the accounts that it was seeded with.
var demoSettings = map[string]url.Values{
	"deployments": {"google_customer_id": {vendorCustomer}, "organization_id": {"200000000002"}},
	"serving":     {onboarding.VendorServingProject: {servingProject}, onboarding.VendorServingNetwork: {"serving"}},
	"handover": {
		onboarding.SettingSecretsTo: {""}, onboarding.SettingConsoleText: {"Settings › Data platforms › Tokens"}, onboarding.SettingConsoleLink: {"https://console.vendor.example/settings/tokens"},
	},
}

// settings saves the demo's settings as an administrator does, unless they were saved before.
func (d seeder) settings(ctx context.Context) error {
	for id, form := range demoSettings {
		group, ok := onboarding.FindSettingGroup(id)
		read := wizard.ParseSettings(group, form)
		if !ok || len(read.Problems) > 0 {
			return fmt.Errorf("settings %s: %v", id, read.Problems)
		}
		err := d.Store.SaveSettings(ctx, person(kim.Email, onboarding.RoleAdministrator), onboarding.SaveSettings{Group: group, Values: read.Values})
		if err != nil && onboarding.ErrorCode(err) != onboarding.CodeStale {
			return fmt.Errorf("settings %s: %w", id, err)
		}
	}
	return nil
}

// seedWorld puts the sample people and projects into an emulated cloud that has none: a cloud that was found in its
// journal stays as it is.
func seedWorld(e *emulator.Emulator) {
	if !e.Fresh() {
		return
	}
	for _, p := range []emulator.Person{ada, ben, sam, kim} {
		e.AddPerson(p)
	}
	e.AddOrganization(emulator.Organization{ID: "100000000001", Domain: "customer.example"})
	e.AddWorkspace(emulator.Workspace{Host: sampleWorkspace, Tokens: map[string]emulator.Principal{
		sampleToken: {Name: "groundwork-jobs", ServicePrincipal: true, CanCreateClusters: true},
		personToken: {Name: ada.Email, CanCreateClusters: true},
	}})
	e.AddServiceAccount(vendorProject, controlPlaneAccount(adaDeployment))
	e.AddProject(emulator.Project{
		ID: adaProject, Name: "Acme data (production)", Billing: true, Organization: "100000000001", APIs: usualAPIs,
		IAM: map[string]string{"user:" + ada.Email: "roles/owner", "user:" + ben.Email: "roles/owner"},
	})
	// A project that Ada may look at and no more: for trying what is said then.
	e.AddProject(emulator.Project{
		ID: "acme-shared", Name: "Acme shared", Billing: true, Organization: "100000000001", APIs: usualAPIs,
		IAM: map[string]string{"user:" + ada.Email: "roles/viewer", "user:" + ben.Email: "roles/owner"},
	})
	e.AddDataset(adaProject, "sales", "US")
}

// sampleOwner is the address of the customer of a sample.
func (s sample) owner() string { return "it@" + s.Name + ".example" }

// project is the sample's data plane project.
func (s sample) project() string { return s.Name + "-data" }

// seedSampleCloud puts a sample's people and project into the emulated cloud, in the state that its stage needs.
func seedSampleCloud(e *emulator.Emulator, s sample) {
	e.AddPerson(emulator.Person{Email: s.owner(), Name: s.Customer, Domain: s.Name + ".example"})
	p := emulator.Project{ID: s.project(), Name: s.Customer, Billing: s.Stage != stageBilling, APIs: usualAPIs, IAM: map[string]string{"user:" + s.owner(): "roles/owner"}}
	switch s.Stage {
	case stageOrgPolicy:
		p.Policies = []emulator.OrgPolicy{{Constraint: "iam.allowedPolicyMemberDomains", Allowed: []string{"C0own4711"}}}
	case stagePerms:
		p.IAM = map[string]string{"user:" + s.owner(): "roles/viewer"}
	case stageSlow:
		// Google takes its time over this one's instance: each look at the operation finds it still running.
		e.AddRule(emulator.Rule{
			Match:  emulator.Match{Method: "POST", Host: "bigtableadmin.googleapis.com", Path: "/v2/projects/" + s.project() + "/instances"},
			Status: 429, Reason: "rateLimitExceeded", Message: "Quota exceeded for quota metric 'Instance create requests'.",
			Headers: map[string]string{"Retry-After": "20"},
		})
	}
	e.AddProject(p)
	e.AddServiceAccount(vendorProject, controlPlaneAccount(s.Name))
}

// person is the actor of an address.
func person(email string, role onboarding.Role) onboarding.Actor {
	return onboarding.Actor{Email: email, Name: email, Role: role, RequestID: "demo"}
}

// seeder makes the sample onboardings through the use cases that the pages use.
type seeder struct {
	*site
	cloud *emulator.Emulator
}

// create starts an onboarding as a specialist does.
func (d seeder) create(ctx context.Context, customer, owner, name string, specialist string, account string) (onboarding.Onboarding, string, error) {
	id, err := onboarding.NewID(rand.Reader)
	if err != nil {
		return onboarding.Onboarding{}, "", err
	}
	return d.Store.CreateOnboarding(ctx, person(sam.Email, onboarding.RoleSpecialist), onboarding.NewOnboarding{
		ID: id, Customer: customer, OwnerEmail: owner, Specialist: specialist,
		Vendor: onboarding.VendorValues{ControlPlaneAccount: account, ProposedName: name},
	})
}

// first makes the invited customer that the demo is about, and returns the invite's path.
func (d seeder) first(ctx context.Context) (string, error) {
	_, token, err := d.create(ctx, "Acme Analytics", ada.Email, adaDeployment, sam.Email, controlPlaneAccount(adaDeployment))
	if err != nil {
		return "", fmt.Errorf("create %s's onboarding: %w", ada.Name, err)
	}
	return "/i/" + token, nil
}

// samples makes the sample onboardings, a few at a time.
func (d seeder) samples(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, s := range samples {
		g.Go(func() error {
			if err := d.sample(ctx, i, s); err != nil {
				return fmt.Errorf("sample %s: %w", s.Name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// answers is what the sample's customer answers, by wizard step.
func (s sample) answers() map[string]url.Values {
	v := func(pairs ...string) url.Values {
		out := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			out.Set(pairs[i], pairs[i+1]) //nolint:gosec // they come in pairs
		}
		return out
	}
	compute := v("platform", "databricks", "workspace", "https://"+sampleWorkspace, "runtime", "15.4.x-scala2.12", "token", sampleToken)
	if s.Stage == stageLater {
		compute.Del("token")
		compute.Set("token_later", "yes")
	}
	online := v("store", "bigtable", "zone", s.Region+"-b")
	if s.Redis {
		online = v(
			"store", "redis", "endpoint", "redis-14000.internal.c42.us-central1-1.gcp.cloud.redislabs.com:14000", "redis_token", "sample-redis-token",
			"cidr", "10.42.0.0/24", "spark_network_project", s.project(), "spark_network", "databricks-vpc", "spark_peer_project", "rlrcp-sample", "spark_peer_network", "databricks-net",
			"serving_peer_project", "rlrcp-sample", "serving_peer_network", "serving-net", "attested_by", "Iris Sample",
		)
		if s.Stage == stageGuide {
			online.Del("attested_by")
		}
	}
	return map[string]url.Values{
		"deployment":   v("name", s.Name),
		"region":       v("region", s.Region),
		"compute":      compute,
		"online-store": online,
		"accounts":     v("spark", "create"),
		"data-sources": v("projects", s.project()),
		"project":      v("project", s.project()),
	}
}

// sample takes one sample to its stage.
func (d seeder) sample(ctx context.Context, i int, s sample) error {
	seedSampleCloud(d.cloud, s)
	specialist := []string{sam.Email, kim.Email, sam.Email, ""}[i%4]
	account := controlPlaneAccount(s.Name)
	if s.Stage == stageVendor {
		account = ""
	}
	ob, token, err := d.create(ctx, s.Customer, s.owner(), s.Name, specialist, account)
	if err != nil || s.Stage == stageInvited {
		return err
	}
	owner := person(s.owner(), onboarding.RoleCustomer)
	if _, err := d.Store.AcceptInvite(ctx, token, owner); err != nil {
		return err
	}
	count := len(d.Journey.Steps(wizard.Case{}))
	if s.Stage == stageForm {
		count = s.Steps
	}
	if ob, err = d.answer(ctx, owner, ob, s.answers(), count); err != nil {
		return err
	}
	switch s.Stage {
	case stageForm, stageVendor, stageLater, stageReady:
		return nil
	}
	return d.provision(ctx, owner, ob, s)
}

// usual is how the sample customer answers a step that no sample of the demo answers in its own way.
func usual(step string) url.Values {
	for _, o := range answers.Usual() {
		if o.Step == step {
			return o.Form()
		}
	}
	return url.Values{}
}

// answer posts the first count steps as the pages do: parsed, checked, sealed, saved.
func (d seeder) answer(ctx context.Context, actor onboarding.Actor, ob onboarding.Onboarding, given map[string]url.Values, count int) (onboarding.Onboarding, error) {
	for _, link := range d.Journey.Steps(wizard.Case{Vendor: ob.Vendor})[:count] {
		step, _ := d.Journey.Step(link.ID)
		c := wizard.Case{Onboarding: ob.ID, Answers: ob.Answers, Vendor: ob.Vendor}
		form := given[link.ID]
		if form == nil {
			form = usual(link.ID)
		}
		view, err := step.View(ctx, c)
		if err != nil {
			return ob, err
		}
		for _, f := range view.Fields { // what the page would have filled in by itself
			if !form.Has(f.Name) && f.Value != "" && f.Kind != wizard.KindCheckbox {
				form.Set(f.Name, f.Value)
			}
			if f.Kind == wizard.KindConfirm {
				form.Set(f.Name, f.Value)
			}
		}
		saved, err := step.Parse(ctx, c, form)
		if err != nil {
			return ob, err
		}
		if len(saved.Problems) > 0 {
			return ob, fmt.Errorf("step %s: %s: %s", link.ID, saved.Problems[0].Field, saved.Problems[0].Message)
		}
		save, _, err := d.Journey.Save(c, link.ID, saved, ob.Version, d.Vault.Seal)
		if err != nil {
			return ob, err
		}
		if ob, err = d.Store.SaveAnswer(ctx, actor, save); err != nil {
			return ob, err
		}
	}
	return ob, nil
}

// consent gives the owner's cloud access to the onboarding, as the consent page does.
func (d seeder) consent(ctx context.Context, owner onboarding.Actor, id onboarding.ID, project string) error {
	token, err := json.Marshal(onboarding.ConsentToken{RefreshToken: d.cloud.RefreshToken(emulatedClientID, owner.Email, d.Service.Scopes()...)})
	if err != nil {
		return err
	}
	consent := onboarding.Consent{Onboarding: id, Email: owner.Email, Scopes: d.Service.Scopes(), Asked: d.Service.Scopes(), CreatedAt: d.Store.Now(), Project: project}
	if consent.Ref, err = onboarding.NewConsentRef(rand.Reader); err != nil {
		return err
	}
	if consent.Sealed, err = d.Vault.Seal(consent.SealedTo(), onboarding.NewSecret(string(token))); err != nil {
		return err
	}
	_, err = d.Store.SaveConsent(ctx, owner, consent)
	return err
}

// provision connects, plans, approves and waits until the run has got as far as the stage says.
func (d seeder) provision(ctx context.Context, owner onboarding.Actor, ob onboarding.Onboarding, s sample) error {
	if err := d.consent(ctx, owner, ob.ID, ob.Project); err != nil {
		return err
	}
	spec := d.Journey.Spec(wizard.Case{Onboarding: ob.ID, Answers: ob.Answers, Vendor: ob.Vendor})
	plan, err := d.Service.Plan(ctx, owner, ob, spec)
	if err != nil {
		return err
	}
	if s.Stage == stageSignIn { // withdrawn between approval and run, as Google's session control does
		d.cloud.RevokeTokens(owner.Email)
	}
	run, err := d.Store.Submit(ctx, owner, ob.ID, ob.Version, onboarding.RunProvision, plan, d.Journey.Wanted)
	if err != nil {
		return err
	}
	if s.Stage == stageSlow {
		return nil
	}
	run, err = d.settled(ctx, owner, run.ID)
	if err == nil && s.Stage == stageDone && run.State == onboarding.RunSucceeded {
		return d.confirm(ctx, owner, ob.ID)
	}
	if err != nil || s.Stage != stageTornDown || run.State != onboarding.RunSucceeded {
		return err
	}
	// The access ended with the run: taking it away again needs fresh consent.
	if err := d.consent(ctx, owner, ob.ID, ob.Project); err != nil {
		return err
	}
	spec.EraseData = true // else what holds data would be left
	if plan, err = d.Service.TeardownPlan(ctx, owner, ob, spec); err != nil {
		return err
	}
	if run, err = d.Store.Submit(ctx, owner, ob.ID, ob.Version, onboarding.RunTeardown, plan, d.Journey.Wanted); err != nil {
		return err
	}
	_, err = d.settled(ctx, owner, run.ID)
	return err
}

// confirm waits until the tokens need the owner's word that they are in the vendor's console, and gives it.
func (d seeder) confirm(ctx context.Context, owner onboarding.Actor, id onboarding.ID) error {
	changed := time.NewTicker(100 * time.Millisecond)
	defer changed.Stop()
	for {
		all, err := d.Store.Deliveries(ctx, owner, id)
		if err != nil || len(all) == 0 {
			return err
		}
		for _, one := range all {
			if one.State == onboarding.DeliveryUnconfirmed {
				return d.Store.ConfirmSecrets(ctx, owner, id, one.ID)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed.C:
		}
	}
}

// settled waits until a run needs nobody's machine any more.
func (d seeder) settled(ctx context.Context, actor onboarding.Actor, id onboarding.RunID) (onboarding.Run, error) {
	changed := time.NewTicker(100 * time.Millisecond)
	defer changed.Stop()
	for {
		run, err := d.Store.Run(ctx, actor, id)
		if err != nil || !run.State.Active() {
			return run, err
		}
		select {
		case <-ctx.Done():
			return run, ctx.Err()
		case <-changed.C:
		}
	}
}

// empty reports whether nothing was seeded yet.
func (d seeder) empty(ctx context.Context) (bool, error) {
	page, err := d.Store.ListOnboardings(ctx, person(kim.Email, onboarding.RoleAdministrator), onboarding.Filter{Limit: 1})
	return len(page.Items) == 0, err
}

// invite gives the demo's invite again: a fresh link while the old one was not used, else the onboarding itself.
func (d seeder) invite(ctx context.Context) (string, error) {
	actor := person(kim.Email, onboarding.RoleAdministrator)
	page, err := d.Store.ListOnboardings(ctx, actor, onboarding.Filter{Search: ada.Email, Limit: 10})
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(page.Items, func(ob onboarding.Onboarding) bool { return strings.EqualFold(ob.Owner, ada.Email) })
	if i < 0 {
		return "", errors.New("the demo's first onboarding is gone: start with --reset")
	}
	id := page.Items[i].ID
	if _, err := d.Store.RoleOn(ctx, person(ada.Email, onboarding.RoleCustomer), id); err == nil || onboarding.ErrorCode(err) == onboarding.CodeForbidden { // bound to her account
		return "/o/" + string(id), nil
	}
	token, _, err := d.Store.CreateInvite(ctx, actor, id, onboarding.Addressee(ada.Email), onboarding.RoleCustomer, 14*24*time.Hour)
	return "/i/" + token, err
}
