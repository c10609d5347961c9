package web

import (
	"testing"

	"groundwork/onboarding"
)

func TestInitialsStandForAPicture(t *testing.T) {
	for want, a := range map[string]onboarding.Contact{
		"MN": {Name: "Marek Novák", Email: "m@vendor.example"},
		"ÁŠ": {Name: "álvaro de la šantos"},
		"C":  {Name: "Cher"},
		"KR": {Email: "kim.rivera@vendor.example"},
		"S":  {Email: "sam@vendor.example"},
		"":   {Email: "7@vendor.example"},
	} {
		if got := initials(a); got != want {
			t.Errorf("%+v: %q, want %q", a, got, want)
		}
	}
}
