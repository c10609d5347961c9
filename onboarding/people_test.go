package onboarding_test

import (
	"testing"

	"groundwork/onboarding"
)

func TestADomainAdmitsItsOwnAddressesAlone(t *testing.T) {
	for _, c := range []struct {
		to    onboarding.Addressee
		email string
		want  bool
	}{
		{"@customer.example", "ada@customer.example", true},
		{"@customer.example", "ada+work@customer.example", true},
		{"@customer.example", "ada@eu.customer.example", false},
		{"@customer.example", "ada@evilcustomer.example", false},
		{"@customer.example", "ada@customer.example.evil.example", false},
		{"@customer.example", "ada@evil.example@customer.example", false},
		{"@customer.example", "@customer.example", false},
		{"@customer.example", "customer.example", false},
		{"@customer.example", "ada@customer.example.", false},
		{"@customer.example", "", false},
		{"@eu.customer.example", "ada@customer.example", false},
		{"ada@customer.example", "ada@customer.example", true},
		{"ada@customer.example", "bob@customer.example", false},
		{"", "ada@customer.example", false},
		{"@", "ada@", false},
	} {
		if got := c.to.Admits(c.email); got != c.want {
			t.Errorf("%q admits %q: %v, want %v", c.to, c.email, got, c.want)
		}
	}
}
