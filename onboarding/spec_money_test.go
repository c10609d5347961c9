package onboarding

import "testing"

func TestMonthlyWordsSeparateThousands(t *testing.T) {
	for dollars, want := range map[int]string{
		0: "about $0 a month", 470: "about $470 a month", 1410: "about $1,410 a month", 100_000: "about $100,000 a month", 1_234_567: "about $1,234,567 a month",
	} {
		if got := MonthlyWords(dollars); got != want {
			t.Errorf("%d: %q, want %q", dollars, got, want)
		}
	}
}
