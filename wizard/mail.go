package wizard

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
)

// emailProblem is what is wrong with the shape of an email address.
// Source: RFC 5321, section 4.5.3.1: 64 characters before the @, 254 in all.
func emailProblem(label, s string) string {
	if m := plain(label, s, 254); m != "" {
		return m
	}
	local, domain, ok := strings.Cut(s, "@")
	switch {
	case s == "":
		return "Enter an email address"
	case !ok:
		return fmt.Sprintf("%s needs an @, for example name@example.com", label)
	case strings.Contains(domain, "@"):
		return fmt.Sprintf("%s has more than one @. Enter one address", label)
	case strings.ContainsAny(s, " \t,;:<>()[]\\\"`"):
		return "Enter one address without spaces or brackets, for example name@example.com"
	case local == "" || len(local) > 64:
		return fmt.Sprintf("%s needs 1 to 64 characters before the @", label)
	case !domainShape.MatchString(strings.ToLower(domain)):
		return fmt.Sprintf("Check the part after the @. “%s” isn’t a domain", brief(domain))
	case strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, ".."):
		return "Check the dots before the @"
	}
	return ""
}

var domainShape = regexp.MustCompile(`^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

// Email reads a person's email address and gives it in lower case. "Ada <ada@customer.example>" and "mailto:" are understood.
func Email(s string) (string, string) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "mailto:")
	if strings.HasSuffix(s, ">") && !strings.ContainsFunc(s, unicode.IsControl) {
		if a, err := mail.ParseAddress(s); err == nil {
			s = a.Address
		}
	}
	if m := emailProblem("Email address", s); m != "" {
		return "", m
	}
	for _, r := range s {
		if r > unicode.MaxASCII {
			return "", fmt.Sprintf("“%c” can’t be used in an email address here. Use letters a to z", r)
		}
	}
	s = strings.ToLower(s)
	if strings.HasSuffix(s, "gserviceaccount.com") {
		return "", "That is a service account. Enter a person’s email address"
	}
	return s, ""
}

// Addressee reads whom to invite: a person's email address, or a company's domain as "@customer.example" or
// "customer.example". It gives an [onboarding.Addressee].
func Addressee(s string) (string, string) {
	s = strings.TrimSpace(s)
	domain := strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(s, "*"), "@"))
	if strings.Contains(domain, "@") {
		return Email(s)
	}
	if m := clean("Domain", domain, false, 253); m != "" {
		return "", m
	}
	if m := foreign(domain); m != "" {
		return "", m
	}
	switch {
	case domain == "":
		return "", "Enter an email address, or a company’s domain such as @customer.example"
	case !domainShape.MatchString(domain):
		return "", fmt.Sprintf("“%s” is neither an email address nor a domain. Enter name@customer.example, or @customer.example for the first person from the company to sign in", brief(domain))
	case strings.HasSuffix(domain, "gserviceaccount.com"):
		return "", "That is a domain of service accounts. Enter a person’s email address, or their company’s domain"
	case PublicMail(domain):
		return "", fmt.Sprintf("Anyone can have an address at %s. Enter the person’s whole address, for example name@%s", domain, domain)
	}
	return "@" + domain, ""
}

// PublicMail reports whether anybody gets an address at a domain, in lower case, as far as we know.
func PublicMail(domain string) bool {
	provider, _, _ := strings.Cut(domain, ".")
	return publicMail[domain] || publicMail[provider]
}

// publicMail are domains, and providers under any ending, where anybody gets an address: an invite for such a domain
// would be good for everybody who sees the link, and a staff role for everybody. The large ones of most countries are enough: the list is there to
// catch a slip, and a domain that it lacks is still read out on the page that shows the link.
var publicMail = map[string]bool{
	"gmail": true, "googlemail": true, "outlook": true, "hotmail": true, "yahoo": true, "ymail": true, "gmx": true, "yandex": true, "protonmail": true,
	"live.com": true, "live.co.uk": true, "live.nl": true, "live.fr": true, "msn.com": true, "icloud.com": true, "me.com": true, "mac.com": true, "aol.com": true,
	"mail.com": true, "proton.me": true, "pm.me": true, "zoho.com": true, "fastmail.com": true, "tutanota.com": true, "hey.com": true,
	"mail.ru": true, "qq.com": true, "163.com": true, "126.com": true, "naver.com": true, "rediffmail.com": true, "web.de": true, "t-online.de": true,
	"freenet.de": true, "orange.fr": true, "free.fr": true, "laposte.net": true, "libero.it": true, "uol.com.br": true, "seznam.cz": true, "wp.pl": true,
	"comcast.net": true, "verizon.net": true, "btinternet.com": true, "bigpond.com": true, "bluewin.ch": true,
}
