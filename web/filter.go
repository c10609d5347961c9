package web

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"groundwork/onboarding"
)

// filterField is one parameter of the list's address and the field of the filter that it sets.
type filterField struct {
	name  string
	write func(onboarding.Filter) string // "" leaves it out
	read  func(*onboarding.Filter, string)
}

var filterFields = []filterField{
	{
		"status", func(f onboarding.Filter) string { return string(f.Status) },
		func(f *onboarding.Filter, s string) { f.Status = oneOf(onboarding.Statuses, onboarding.Status(s)) },
	},
	{
		"archived", func(f onboarding.Filter) string {
			if f.Archived {
				return "yes"
			}
			return ""
		},
		func(f *onboarding.Filter, s string) { f.Archived = s == "yes" },
	},
	{
		"q", func(f onboarding.Filter) string { return f.Search },
		func(f *onboarding.Filter, s string) {
			runes := []rune(strings.TrimSpace(norm.NFC.String(clean(s))))
			f.Search = strings.TrimSpace(string(runes[:min(len(runes), maxSearch)]))
		},
	},
	{
		"specialist", func(f onboarding.Filter) string { return f.Specialist },
		func(f *onboarding.Filter, s string) {
			if s = strings.ToLower(strings.TrimSpace(clean(s))); len(s) <= maxAddress && s != anySpecialist {
				f.Specialist = s
			}
		},
	},
	{
		"waiting", func(f onboarding.Filter) string { return string(f.Waiting) },
		func(f *onboarding.Filter, s string) {
			if f.Waiting = oneOf(onboarding.Parties, onboarding.Party(s)); s == "organization_administrator" { // as all else is spelled
				f.Waiting = onboarding.PartyOrganization
			}
		},
	},
	{
		"waited", func(f onboarding.Filter) string { return hours(f.Waited) },
		func(f *onboarding.Filter, s string) {
			if d, err := time.ParseDuration(s); err == nil && d > 0 {
				f.Waited = d
			}
		},
	},
	{
		"sort", func(f onboarding.Filter) string { return string(f.Sort) },
		func(f *onboarding.Filter, s string) {
			if _, _, ok := onboarding.Sort(s).Order(); ok {
				f.Sort = onboarding.Sort(s)
			}
		},
	},
	{
		"cursor", func(f onboarding.Filter) string { return f.Cursor },
		func(f *onboarding.Filter, s string) { f.Cursor = clean(s) },
	},
}

// anySpecialist is in the address of a list that nothing narrows: the list without a query is the reader's own.
const anySpecialist = "any"

const (
	maxSearch  = 200 // characters
	maxAddress = 254 // bytes of an email address
)

// ParseFilter reads a filter from the query of the list's address. It leaves out values that it doesn't know, so that
// an old bookmark still opens.
func ParseFilter(q url.Values) onboarding.Filter {
	var f onboarding.Filter
	for _, field := range filterFields {
		field.read(&f, q.Get(field.name))
	}
	return f
}

// filterQuery is the reverse of [ParseFilter].
func filterQuery(f onboarding.Filter) url.Values {
	q := url.Values{}
	for _, field := range filterFields {
		if s := field.write(f); s != "" {
			q.Set(field.name, s)
		}
	}
	return q
}

// ListURL is the address of the list under a filter.
func ListURL(f onboarding.Filter) string {
	q := filterQuery(f)
	if len(q) == 0 {
		q.Set("specialist", anySpecialist)
	}
	return withQuery("/admin", q)
}

// NamesView reports whether the query of the list's address says anything about what to list.
func NamesView(q url.Values) bool {
	return slices.ContainsFunc(filterFields, func(f filterField) bool { return q.Has(f.name) })
}

func withQuery(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// hours writes a duration for an address: "24h", "" for none.
func hours(d time.Duration) string {
	if d == 0 {
		return ""
	}
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-len("0s")]
		}
	}
	return s
}

// oneOf is v, or the zero value if all doesn't have it.
func oneOf[T comparable](all []T, v T) T {
	if !slices.Contains(all, v) {
		var none T
		return none
	}
	return v
}

// clean is s, or "" where Postgres would not take it.
func clean(s string) string {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return ""
	}
	return s
}
