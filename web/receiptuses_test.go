package web

import (
	"testing"
	"time"

	"groundwork/onboarding"
)

// A use of a token is none of the access.
func TestTheReceiptCountsUsesOfTokensApart(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	token := onboarding.ConsentUse{ID: 2, At: s.now, Purpose: string(onboarding.PurposeDatabricksToken), Text: "Carry out the approved plan, 12 tasks"}
	run := onboarding.ConsentUse{ID: 1, At: s.now, Purpose: "run", Text: "Carry out the approved plan, 12 tasks"}
	for _, tt := range []struct {
		uses                  []onboarding.ConsentUse
		more                  string
		totals, uses1, tokens string
	}{
		{[]onboarding.ConsentUse{token, token}, "", "Access was granted 1 time and used 0 times. None is held now. Tokens were used 2 times.", "This access was never used.", "Databricks token: 2 uses, separate from this access"},
		{[]onboarding.ConsentUse{token, run}, "", "Access was granted 1 time and used 1 time. None is held now. Tokens were used 1 time.", "Used 1 time", "Databricks token: 1 use, separate from this access"},
		{[]onboarding.ConsentUse{token, run}, "/more", "This page shows 1 access and 1 use, and 1 use of tokens, latest first. There are more. None is held now.", "The latest 1 use", "Databricks token: 1 use on this page, separate from this access"},
		{[]onboarding.ConsentUse{run}, "", "Access was granted 1 time and used 1 time. None is held now.", "Used 1 time", ""},
	} {
		v := ReceiptView{Frame: s.customer(), Onboarding: s.onboarding(), Consents: []ReceiptConsent{{Consent: onboarding.Consent{ID: 1, Email: "ada@customer.example", WipedAt: s.now}, Uses: tt.uses, MoreURL: tt.more}}}
		doc, _ := render(t, GalleryPage{"receipt", Receipt(v)})
		doc.Find(".vh").Remove()
		if got := doc.Find(".totals").Text(); got != tt.totals {
			t.Errorf("%q, want %q", got, tt.totals)
		}
		own, tokens := words(doc.Find("#consent-1-uses summary, .card-foot.hint").Text()), words(doc.Find("#consent-1-secrets summary").Text())
		if own != tt.uses1 || tokens != tt.tokens {
			t.Errorf("%q and %q, want %q and %q", own, tokens, tt.uses1, tt.tokens)
		}
	}
}

func TestTheReceiptComparesWhatARunAskedForWithWhatItUsed(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	v := s.receipt()
	doc, _ := render(t, GalleryPage{"receipt", Receipt(v)})
	if got, want := words(doc.Find("#use-7 summary").Text()), "3 permissions asked for, all for tasks that ran"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	run := v.Runs[7]
	run.Tasks[1].StartedAt = time.Time{}
	doc, _ = render(t, GalleryPage{"receipt", Receipt(v)})
	if got, want := words(doc.Find("#use-7 summary").Text()), "3 permissions asked for, 1 for tasks that ran"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := words(doc.Find("#use-7 ul").First().Text()), "storage.buckets.createstorage.buckets.get"; got != want {
		t.Errorf("not used: %q, want %q", got, want)
	}
}

func TestTheReceiptOffersToRevokeBesideTheState(t *testing.T) {
	v := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}.receipt()
	doc, _ := render(t, GalleryPage{"receipt", Receipt(v)})
	form := doc.Find("form[action='" + v.RevokeURL + "']")
	if form.Length() != 1 || form.PrevAllFiltered(".totals").Length() != 1 || form.Parent().NextAllFiltered("section").Length() != len(v.Consents) {
		t.Error("the revocation isn't between the state and the accesses")
	}
	if form.Find(".btn-main").Length() != 0 {
		t.Error("the revocation is the page's accent")
	}
}
