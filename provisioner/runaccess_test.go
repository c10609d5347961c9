package provisioner

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"groundwork/onboarding"
	"groundwork/vault"
)

// Who started a run, who resumed it last, and who gave the access decide together what it may be used for.
func TestAResumedRunUsesAnAccessAsItsPeopleMay(t *testing.T) {
	const ada, bob, sam = "ada@customer.example", "bob@customer.example", "sam@vendor.example"
	keys, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	code := func(what []byte) []byte {
		code, err := v.Authenticate(what)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	catalog := []*Step{Define(StepDef[string]{
		Name:    "bucket",
		Desired: func(onboarding.Spec) []Want[string] { return One("") },
		Describe: func(onboarding.Spec, string) Description {
			return Description{Title: "the bucket", Resource: "gs://sample"}
		},
		Check: func(context.Context, *Env, string) (*Observed[string], error) {
			return &Observed[string]{Owned: true}, nil
		},
		Permissions: func(onboarding.Spec, string) Needs {
			return Needs{Apply: []onboarding.Permission{{Name: "storage.buckets.create", Why: "to create the bucket"}}}
		},
	})}
	const listed = "storage.buckets.create"
	for _, c := range []struct {
		starter, resumer, giver string
		approved                string // who approved the plan as it is pinned; "" the starter
		otherAccess             bool   // the giver gave this access after the plan was approved
		serves                  bool   // where the access lists less than the run needs; listed, it always serves
	}{
		{starter: ada, giver: ada, serves: true},
		{starter: ada, giver: bob, serves: false},
		{starter: ada, resumer: sam, giver: ada, serves: true}, // the specialist repeats what its giver approved
		{starter: ada, resumer: bob, giver: ada, serves: true},
		{starter: ada, resumer: sam, giver: ada, otherAccess: true, serves: false},
		{starter: ada, resumer: bob, giver: ada, otherAccess: true, serves: false},
		{starter: ada, giver: ada, otherAccess: true, serves: true}, // their own run, their own access
		{starter: ada, resumer: bob, giver: ada, approved: bob, serves: false},
		{starter: ada, resumer: sam, giver: ada, approved: bob, serves: false},
		{starter: ada, giver: ada, approved: bob, serves: true}, // the giver resumed it after the other's approval
		{starter: ada, resumer: bob, giver: bob, serves: true},
		{starter: ada, resumer: bob, giver: bob, approved: bob, serves: true},
		{starter: ada, giver: bob, approved: bob, serves: true}, // the giver approved the change; the starter repeats it
		{starter: ada, resumer: sam, giver: bob, serves: false},
		{starter: bob, resumer: ada, giver: bob, serves: true},
		{starter: bob, resumer: ada, giver: bob, approved: ada, serves: false},
	} {
		for _, lists := range []bool{true, false} {
			t.Run(fmt.Sprintf("%+v lists all %v", c, lists), func(t *testing.T) {
				g := newGoogle(t)
				s, m := g.service(onboarding.ConsentToken{})
				s.cfg.Catalog, s.cfg.Vault = catalog, v
				consent := onboarding.Consent{
					ID: 1, Ref: "grant_held", Onboarding: "ob_sample", Email: c.giver, GivenBy: c.giver, Project: "acme-data", CreatedAt: time.Now(),
				}
				for _, p := range readings {
					consent.Shown = append(consent.Shown, p.Line())
				}
				if lists {
					consent.Shown = append(consent.Shown, listed)
				}
				sealed, err := v.Seal(consent.SealedTo(), onboarding.NewSecret(`{"refresh_token":"refresh"}`))
				if err != nil {
					t.Fatal(err)
				}
				consent.Sealed, consent.MAC = sealed, code(consent.Authority())
				m.Consent = consent

				run := m.Run
				run.Plan.Spec = onboarding.Spec{Onboarding: "ob_sample", Project: "acme-data"}
				run.Pinned, run.StartedBy = []byte(`{"pinned":1}`), c.starter
				if c.resumer != "" {
					run = run.Resumed(c.resumer)
				}
				of := consent // that was held when the plan was approved
				if c.otherAccess {
					of.Ref = "grant_earlier"
				}
				if approver := cmp.Or(c.approved, c.starter); approver == of.GivenBy {
					run.ApprovalMAC = code(run.Approval(of))
				}
				_, opened := s.open(t.Context(), onboarding.System, "ob_sample", "run", "", s.forRun(run, nil))
				if want := c.serves || lists; (opened == nil) != want {
					t.Errorf("opened: %v, want %v", opened, want)
				} else if !want && (onboarding.ErrorCode(opened) != onboarding.CodeSignIn || len(m.Uses) > 0) {
					t.Errorf("%v, used %v", opened, m.Uses)
				}

				// What a code doesn't cover, it doesn't vouch for.
				if run.ApprovalMAC == nil || lists || run.ActsFor() == c.giver {
					return
				}
				for name, forged := range map[string]onboarding.Run{
					"another run":        {ID: "run_other", Onboarding: run.Onboarding, Pinned: run.Pinned},
					"another onboarding": {ID: run.ID, Onboarding: "ob_other", Pinned: run.Pinned},
					"another plan":       {ID: run.ID, Onboarding: run.Onboarding, Pinned: []byte(`{"pinned":2}`)},
				} {
					forged.StartedBy, forged.ResumedBy, forged.Plan, forged.ApprovalMAC = run.StartedBy, run.ResumedBy, run.Plan, slices.Clone(run.ApprovalMAC)
					if err := s.forRun(forged, nil)(consent); onboarding.ErrorCode(err) != onboarding.CodeSignIn {
						t.Errorf("%s: %v", name, err)
					}
				}
				if bytes.Equal(run.Approval(consent), run.Authority()) {
					t.Error("the code of an approval would do as the run's")
				}
			})
		}
	}
}

// A consent that was given to read serves to change nothing, whoever approves, starts, or resumes.
func TestAResumedRunChangesNothingWithAnAccessToRead(t *testing.T) {
	const ada = "ada@customer.example"
	g := onboarding.Consent{ID: 1, Ref: "grant_held", Email: ada, GivenBy: ada, Project: "acme-data", Shown: []string{onboarding.ShownReadOnly}}
	run := onboarding.Run{StartedBy: ada}
	run.Plan.Spec.Project = "acme-data"
	needed := []onboarding.Permission{{Name: "storage.buckets.create"}}
	if err := g.ServesRun(run, true, needed); onboarding.ErrorCode(err) != onboarding.CodeSignIn {
		t.Error(err)
	}
}

// A consent whose page didn't say that everything is removed carries out no teardown, unless it is the customer's own: the
// run stops until somebody gives one that does.
func TestAConsentForARunCarriesOutNoRemoval(t *testing.T) {
	const ada, bob = "ada@customer.example", "bob@customer.example"
	needed := []onboarding.Permission{{Name: "storage.buckets.delete"}}
	for name, c := range map[string]struct {
		givenBy   string
		shown     []string
		resumedBy string
		code      onboarding.Code
	}{
		"the customer's":                              {givenBy: ada},
		"a colleague's":                               {givenBy: bob, shown: []string{"storage.buckets.delete"}, code: onboarding.CodeSignIn},
		"a colleague's, who resumed it":               {givenBy: bob, shown: []string{"storage.buckets.delete"}, resumedBy: bob, code: onboarding.CodeSignIn},
		"a colleague's, who saw that it is a removal": {givenBy: bob, shown: []string{"storage.buckets.delete", onboarding.ShownRemoval}},
		"whose giver isn't known":                     {shown: []string{"storage.buckets.delete"}, code: onboarding.CodeSignIn},
	} {
		g := onboarding.Consent{ID: 1, Ref: "grant_held", Email: c.givenBy, GivenBy: c.givenBy, Project: "acme-data", Shown: c.shown}
		run := onboarding.Run{Kind: onboarding.RunTeardown, StartedBy: ada, ResumedBy: c.resumedBy}
		run.Plan.Spec.Project = "acme-data"
		if err := g.ServesRun(run, false, needed); onboarding.ErrorCode(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A saved token isn't sent to an address that was put in the place of the one that it was entered with.
func TestASavedTokenIsForTheAddressThatWasSavedWithIt(t *testing.T) {
	keys, err := vault.Generate()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	g := newGoogle(t)
	s, m := g.service(onboarding.ConsentToken{})
	s.cfg.Vault = v
	spec := onboarding.Spec{Databricks: onboarding.DatabricksSpec{WorkspaceURL: "https://1.7.gcp.databricks.com"}, Redis: onboarding.RedisSpec{Endpoint: "redis.example:12000"}}
	for _, purpose := range []onboarding.Purpose{onboarding.PurposeDatabricksToken, onboarding.PurposeRedisToken} {
		sealed, err := v.Seal(onboarding.SealedTo{Onboarding: "ob_sample", Purpose: purpose, Address: spec.Address(purpose)}, onboarding.NewSecret("token"))
		if err != nil {
			t.Fatal(err)
		}
		m.Secrets[purpose] = sealed
		a := s.lazy(t.Context(), onboarding.System, "ob_sample", "run", "", nil)
		if got, err := a.secret(t.Context(), purpose, spec.Address(purpose)); err != nil || got.Reveal() != "token" {
			t.Errorf("%s: %v", purpose, err)
		}
		if got, err := a.secret(t.Context(), purpose, "evil.example"); !errors.Is(err, onboarding.ErrOtherAddress) || !got.Empty() {
			t.Errorf("%s for another address: %v", purpose, err)
		}
	}
	// The vendor gets it all the same.
	to, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.EncryptSecrets(t.Context(), "ob_sample", []onboarding.Purpose{onboarding.PurposeRedisToken}, to.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(out[onboarding.PurposeRedisToken])), to)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "token" {
		t.Errorf("the vendor gets %q, %v", got, err)
	}
}
