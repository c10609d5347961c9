package store_test

import (
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

// One revocation at Google ends everything that one account gave one client.
func TestConsentsOfOneAccountEndTogether(t *testing.T) {
	t.Parallel()
	const cloud = "ada.cloud@customer.example"
	of := func(email, subject, client string) onboarding.Consent {
		g := onboarding.Consent{Email: email, Client: client, Sealed: []byte("sealed")}
		if subject != "" {
			g.Account = onboarding.NewAccount("https://accounts.google.com", subject)
		}
		return g
	}
	for name, c := range map[string]struct {
		ends, other onboarding.Consent
		shared      bool
	}{
		"of the same account":                            {of(cloud, "1", "client"), of(cloud, "1", "client"), true},
		"of an account whose address changed":            {of(cloud, "1", "client"), of("ada@new.example", "1", "client"), true},
		"of another account that has the address now":    {of(cloud, "1", "client"), of(cloud, "2", "client"), false},
		"of another account":                             {of(cloud, "1", "client"), of("ben@customer.example", "2", "client"), false},
		"given to another client":                        {of(cloud, "1", "client"), of(cloud, "1", "other"), false},
		"of an earlier version, with the same address":   {of(cloud, "1", "client"), of(cloud, "", ""), true},
		"of an earlier version, with another address":    {of(cloud, "1", "client"), of("ben@customer.example", "", ""), false},
		"of an earlier version, and so is the other one": {of(cloud, "", ""), of(cloud, "", ""), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, s := t.Context(), pgtest.Open(t, pgtest.NewDatabase(t), store.Config{})
			saved := func(g onboarding.Consent) onboarding.Consent {
				t.Helper()
				g.Onboarding = begin(t, s, ada, onboarding.VendorValues{}).ID
				g, err := s.SaveConsent(ctx, ada, g)
				must(t, err)
				return g
			}
			ends, other := saved(c.ends), saved(c.other)
			if held, err := s.AccountHeld(ctx, c.ends.Email, c.ends.Account, c.ends.Client); err != nil || !held {
				t.Errorf("a held account is not found: %v", err)
			}
			shared, err := s.WipeIfShared(ctx, ada, ends.ID)
			if err != nil || shared != c.shared {
				t.Fatalf("shared %v, %v", shared, err)
			}
			read := func(g onboarding.Consent) onboarding.Consent {
				t.Helper()
				g, err := s.Consent(ctx, ada, g.Onboarding, g.ID)
				must(t, err)
				return g
			}
			if g := read(ends); g.Live() == shared || g.Kept != shared || !g.RevokedAt.IsZero() {
				t.Errorf("it is %+v", g)
			}
			if !read(other).Live() {
				t.Error("the other one ended")
			}
			must(t, s.WipeConsent(ctx, ada, other.ID, time.Now()))
			if g := read(ends); shared && (g.Kept || g.RevokedAt.IsZero()) || !shared && !g.Live() {
				t.Errorf("after the other one was revoked: %+v", g)
			}
		})
	}

	ctx, s := t.Context(), pgtest.Open(t, pgtest.NewDatabase(t), store.Config{})
	var all []onboarding.Consent
	for range 3 {
		g := of(cloud, "1", "client")
		g.Onboarding = begin(t, s, ada, onboarding.VendorValues{}).ID
		g, err := s.SaveConsent(ctx, ada, g)
		must(t, err)
		all = append(all, g)
	}
	if shared, err := s.WipeIfShared(ctx, mallory, all[0].ID); err != nil || shared {
		t.Errorf("somebody else ended it: %v, %v", shared, err)
	}
	again := of(cloud, "1", "client")
	again.Onboarding = all[0].Onboarding
	_, err := s.SaveConsent(ctx, ada, again)
	must(t, err)
	kept := func() (n int) {
		for _, g := range all {
			found, err := s.Consent(ctx, ada, g.Onboarding, g.ID)
			must(t, err)
			if found.Kept {
				n++
			}
		}
		return n
	}
	if kept() != 1 {
		t.Error("a consent that another of the same account replaced isn't said to be kept at Google")
	}
	live, err := s.LiveConsents(ctx)
	must(t, err)
	last := 0
	for _, g := range live {
		shared, err := s.WipeIfShared(ctx, onboarding.System, g.ID)
		must(t, err)
		if !shared {
			last++
			must(t, s.WipeConsent(ctx, onboarding.System, g.ID, time.Time{})) // Google didn't confirm it
		}
	}
	if last != 1 || kept() != 0 {
		t.Errorf("%d were the last, %d are said to be kept at Google though the last one ended", last, kept())
	}
}

// Nobody is told forever that Google is to revoke an access with another one, of which nothing is known any more.
func TestNothingStaysKeptAtGoogleWhoseOtherAccessIsGoneUnasked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(s *store.Store, first, other onboarding.ID) error
		kept bool
	}{
		"the other onboarding was archived":         {func(s *store.Store, _, other onboarding.ID) error { return s.Archive(t.Context(), sam, other) }, false},
		"the other onboarding's people were erased": {func(s *store.Store, _, other onboarding.ID) error { return s.Forget(t.Context(), sam, other) }, false},
		"its own people were erased":                {func(s *store.Store, first, _ onboarding.ID) error { return s.Forget(t.Context(), sam, first) }, false},
		"its own onboarding was archived":           {func(s *store.Store, first, _ onboarding.ID) error { return s.Archive(t.Context(), sam, first) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, s := t.Context(), pgtest.Open(t, pgtest.NewDatabase(t), store.Config{})
			var given []onboarding.Consent
			for range 2 {
				g, err := s.SaveConsent(ctx, ada, onboarding.Consent{
					Onboarding: begin(t, s, ada, onboarding.VendorValues{}).ID, Email: ada.Email, Client: "client", Sealed: []byte("sealed"),
					Account: onboarding.NewAccount("https://accounts.google.com", "1"),
				})
				must(t, err)
				given = append(given, g)
			}
			if shared, err := s.WipeIfShared(ctx, ada, given[0].ID); err != nil || !shared {
				t.Fatalf("shared %v, %v", shared, err)
			}
			must(t, c.do(s, given[0].Onboarding, given[1].Onboarding))
			g, err := s.Consent(ctx, sam, given[0].Onboarding, given[0].ID)
			must(t, err)
			if g.Kept != c.kept || !g.RevokedAt.IsZero() {
				t.Errorf("it is kept: %v, and revoked at %v", g.Kept, g.RevokedAt)
			}
		})
	}
}
