package wizard

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The readers of this file take the text that a person typed or pasted and give the value that is meant and "",
// or a sentence that says what to mend. A reader gives its own result back unchanged.

// clean refuses what no single-line answer holds: invalid UTF-8, line breaks, control and invisible characters,
// and text longer than limit characters (0: any length). free lets emoji and right-to-left marks pass, which need joiners.
func clean(label, s string, free bool, limit int) string {
	if !utf8.ValidString(s) {
		return label + " has characters that can’t be read. Type it instead of pasting it"
	}
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return label + " has a line break. Enter it on one line"
		case unicode.IsControl(r):
			return label + " has a hidden control character. Type it instead of pasting it"
		case r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069':
			return label + " has a hidden character that turns text around. Type it instead of pasting it"
		case unicode.Is(unicode.Cf, r) && !free:
			return label + " has an invisible character. Type it instead of pasting it"
		}
	}
	if n := utf8.RuneCountInString(s); limit > 0 && n > limit {
		return fmt.Sprintf("%s must have %d characters or fewer. It has %d", label, limit, n)
	}
	return ""
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(next) {
		return s // an abbreviation
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// brief is a piece of what was typed, for a sentence.
func brief(s string) string {
	const most = 60
	s = printable(s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// lookalikes maps letters of other alphabets to the Latin letter that they are mistaken for.
// Source: a part of Unicode's confusables, www.unicode.org/Public/security/latest/confusables.txt.
var lookalikes = map[rune]rune{
	'а': 'a', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'һ': 'h', 'і': 'i', 'ј': 'j', 'ӏ': 'l', 'о': 'o', 'р': 'p', 'ԛ': 'q',
	'ѕ': 's', 'у': 'y', 'х': 'x', 'ԝ': 'w', 'ѵ': 'v', 'к': 'k', 'м': 'm', 'т': 't', 'п': 'n', 'ո': 'n', 'օ': 'o',
	'А': 'a', 'В': 'b', 'С': 'c', 'Е': 'e', 'Н': 'h', 'І': 'i', 'Ј': 'j', 'К': 'k', 'М': 'm', 'О': 'o', 'Р': 'p',
	'Ѕ': 's', 'Т': 't', 'Х': 'x', 'У': 'y',
	'α': 'a', 'ο': 'o', 'ν': 'v', 'ρ': 'p', 'ι': 'i', 'κ': 'k', 'υ': 'u', 'γ': 'y', 'ɡ': 'g', 'ı': 'i', 'ɑ': 'a',
	'Α': 'a', 'Β': 'b', 'Ε': 'e', 'Η': 'h', 'Ι': 'i', 'Κ': 'k', 'Μ': 'm', 'Ν': 'n', 'Ο': 'o', 'Ρ': 'p', 'Τ': 't',
	'Χ': 'x', 'Υ': 'y', 'Ζ': 'z',
	'‐': '-', '‑': '-', '‒': '-', '–': '-', '—': '-', '−': '-', '﹣': '-', '－': '-', '。': '.', '．': '.',
}

// latin is s in the Latin letters that it looks like, and the first letter that was another one (0: none).
func latin(s string) (string, rune) {
	var first rune
	out := strings.Map(func(r rune) rune {
		to, ok := lookalikes[r]
		if !ok && r >= '！' && r <= '～' { // full width
			to, ok = r-0xFEE0, true
		}
		if !ok {
			return r
		}
		if first == 0 {
			first = r
		}
		return to
	}, s)
	return out, first
}

// foreign says which letter of another alphabet is in s, "" if none that looks like a Latin one.
func foreign(s string) string {
	if _, other := latin(s); other != 0 {
		return mistaken(other) + ". Type it again"
	}
	return ""
}

// mistaken says what a look-alike is not.
func mistaken(r rune) string {
	switch to := latinOf(r); to {
	case '-':
		return fmt.Sprintf("“%c” is a dash, not a hyphen", r)
	default:
		return fmt.Sprintf("“%c” looks like “%c” but is another character", r, to)
	}
}

// MaxDeployment is the most characters that a deployment name has.
const MaxDeployment = 21

var deploymentShape = regexp.MustCompile(`^[a-z0-9-]*$`)

// DeploymentName reads a deployment name: a DNS label of at most [MaxDeployment] characters that is also a part
// of a bucket's name. The deployment's own address, https://<name>.tecton.ai, is understood.
// Sources: the vendor's deployment documentation; RFC 1035; cloud.google.com/storage/docs/buckets#naming.
func DeploymentName(s string) (string, string) {
	s = strings.TrimSpace(s)
	if rest, ok := cutScheme(s); ok || strings.Contains(s, ".tecton.ai") {
		host, _, _ := strings.Cut(rest, "/")
		name, found := strings.CutSuffix(strings.ToLower(host), ".tecton.ai")
		if !found || strings.ContainsAny(name, ".@:") {
			return "", "Enter the name alone, not an address. For example, mycompany-production"
		}
		s = name
	}
	if m := clean("Deployment name", s, false, 0); m != "" {
		return "", m
	}
	plain, other := latin(s)
	lower := strings.ToLower(plain)
	if other != 0 && deploymentShape.MatchString(lower) {
		return "", fmt.Sprintf("%s. Type the name again as %s", mistaken(other), lower)
	}
	if !deploymentShape.MatchString(lower) {
		fixed := strings.Trim(strings.Map(func(r rune) rune {
			switch {
			case r == ' ' || r == '_' || r == '.':
				return '-'
			case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-':
				return r
			}
			return -1
		}, lower), "-")
		m := "Use only letters a to z, digits and hyphens"
		if deploymentProblem(fixed) == "" && onlySeparators(lower) {
			m += ". For example, " + fixed
		}
		return "", m
	}
	if m := deploymentProblem(lower); m != "" {
		return "", m
	}
	if s != lower {
		return "", "Deployment names have no capital letters. Use " + lower
	}
	return s, ""
}

func latinOf(r rune) rune {
	out, _ := latin(string(r))
	to, _ := utf8.DecodeRuneInString(out)
	return to
}

func onlySeparators(s string) bool {
	return deploymentShape.MatchString(strings.NewReplacer(" ", "-", "_", "-", ".", "-").Replace(s))
}

// deploymentProblem is what is wrong with a name of lower-case letters, digits and hyphens.
func deploymentProblem(s string) string {
	switch over := len(s) - MaxDeployment; {
	case s == "":
		return "Enter a deployment name"
	case over == 1:
		return fmt.Sprintf("Enter a name of at most %d characters. This one is 1 character too long", MaxDeployment)
	case over > 1:
		return fmt.Sprintf("Enter a name of at most %d characters. This one is %d characters too long", MaxDeployment, over)
	case strings.HasPrefix(s, "-"):
		return "Start the name with a letter or a digit, not a hyphen"
	case strings.HasSuffix(s, "-"):
		return "End the name with a letter or a digit, not a hyphen"
	case strings.HasPrefix(s, "xn--"):
		return "Choose a name that doesn’t start with xn--, which is kept for addresses in other alphabets"
	case likeGoogle.MatchString(s):
		return "Choose a name without “google”. Google Cloud refuses buckets with that word in their name"
	}
	return ""
}

// likeGoogle is the word that bucket names must not hold, and its close misspellings.
var likeGoogle = regexp.MustCompile(`g[o0][o0]g[l1]e`)

// cutScheme cuts "https://" and the like off; false when there is none.
func cutScheme(s string) (string, bool) {
	if i := strings.Index(s, "://"); i > 0 && !strings.ContainsAny(s[:i], "/?#@ ") {
		return s[i+3:], true
	}
	return s, false
}

// console reads an address of Google's consoles; false when s isn't one.
func console(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" {
		return nil, false
	}
	switch u.Hostname() {
	case "console.cloud.google.com", "console.developers.google.com", "storage.cloud.google.com":
		return u, true
	}
	return nil, false
}

// segmentAfter is the path segment that follows prefix, without the console's ";tab=…".
func segmentAfter(path, prefix string) string {
	_, rest, ok := strings.Cut(path, prefix)
	if !ok {
		return ""
	}
	rest, _, _ = strings.Cut(rest, "/")
	rest, _, _ = strings.Cut(rest, ";")
	return rest
}

var (
	projectShape = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	allDigits    = regexp.MustCompile(`^[0-9]+$`)
)

// IsProjectNumber tells whether s is a project's number rather than its ID.
func IsProjectNumber(s string) bool { return allDigits.MatchString(s) && len(s) >= 6 && len(s) <= 19 }

// ProjectID reads a Google Cloud project ID: 6 to 30 lower-case letters, digits and hyphens, starting with a letter.
// A pasted address of the Cloud console, and "projects/<id>", are understood.
// Source: cloud.google.com/resource-manager/docs/creating-managing-projects.
func ProjectID(s string) (string, string) {
	s = strings.TrimSpace(s)
	if u, ok := console(s); ok {
		if s = u.Query().Get("project"); s == "" {
			return "", "That address names no project. Open the project in the Cloud console and copy its ID from the dashboard"
		}
	} else if _, ok := cutScheme(s); ok {
		return "", "Enter the project ID alone, for example acme-data-prod"
	}
	s = strings.TrimPrefix(s, "projects/")
	if m := clean("Project ID", s, false, 0); m != "" {
		return "", m
	}
	if m := foreign(s); m != "" {
		return "", m
	}
	lower := strings.ToLower(s)
	switch {
	case s == "":
		return "", "Enter the project ID"
	case IsProjectNumber(s):
		return "", "That is a project number. Enter the project ID, for example acme-data-prod"
	case strings.Contains(s, ":"):
		return "", "Projects with a domain in their ID (example.com:project) can’t be used. Choose another project"
	case strings.Contains(s, "@"):
		return "", "Enter the project ID, not an e-mail address"
	case projectShape.MatchString(s):
		return s, ""
	case projectShape.MatchString(lower):
		return "", "Project IDs have no capital letters. Use " + lower
	case strings.HasSuffix(s, "-"):
		return "", "A project ID ends with a letter or a digit, not a hyphen"
	case len(s) < 6:
		return "", "A project ID has at least 6 characters. Copy it from the Cloud console"
	case len(s) > 30:
		return "", fmt.Sprintf("A project ID has at most 30 characters. This one has %d", utf8.RuneCountInString(s))
	case strings.Contains(s, " "):
		return "", "That looks like a project’s name. Enter the project ID, for example acme-data-prod"
	}
	return "", "A project ID starts with a letter and has only lower-case letters, digits and hyphens. Copy it from the Cloud console"
}

var bucketShape = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*[a-z0-9]$`)

// BucketName reads the name of a Cloud Storage bucket: 3 to 63 characters (222 with dots, 63 between two dots).
// "gs://name/…" and pasted console addresses are understood.
// Source: cloud.google.com/storage/docs/buckets#naming.
func BucketName(s string) (string, string) {
	s = strings.TrimSpace(s)
	if u, ok := console(s); ok {
		s = segmentAfter(u.Path, "/storage/browser/")
		if u.Hostname() == "storage.cloud.google.com" {
			s = segmentAfter(u.Path, "/")
		}
		if s == "" || s == "_details" {
			return "", "That address names no bucket. Open the bucket in the Cloud console and copy its name"
		}
	} else if rest, ok := strings.CutPrefix(s, "gs://"); ok {
		s, _, _ = strings.Cut(rest, "/")
	} else if _, ok := cutScheme(s); ok {
		return "", "Enter the bucket’s name alone or as gs://name"
	}
	if m := clean("Bucket name", s, false, 0); m != "" {
		return "", m
	}
	if m := foreign(s); m != "" {
		return "", m
	}
	lower := strings.ToLower(s)
	limit := 63
	if strings.Contains(s, ".") {
		limit = 222
	}
	_, ipErr := netip.ParseAddr(s)
	switch {
	case len(s) < 3:
		return "", "A bucket name has at least 3 characters"
	case len(s) > limit:
		return "", fmt.Sprintf("A bucket name has at most %d characters. This one has %d", limit, utf8.RuneCountInString(s))
	case s != lower && bucketShape.MatchString(lower):
		return "", "Bucket names have no capital letters. Use " + lower
	case !bucketShape.MatchString(s):
		return "", fmt.Sprintf("“%s” isn’t a bucket name. Use lower-case letters, digits, hyphens, underscores and dots, with a letter or a digit at both ends", brief(s))
	case strings.Contains(s, ".."):
		return "", "A bucket name has no two dots in a row"
	case ipErr == nil:
		return "", "A bucket name can’t be an IP address"
	case likeGoogle.MatchString(s) || strings.HasPrefix(s, "goog"):
		return "", "No bucket’s name may start with goog or hold “google”. Check the name in the Cloud console"
	}
	for part := range strings.SplitSeq(s, ".") {
		if len(part) > 63 {
			return "", "Each part of a bucket name between dots has at most 63 characters"
		}
	}
	return s, ""
}

var (
	datasetShape = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
	workspaceTab = regexp.MustCompile(`!1s([^!]+)!2s([^!]+)`)
)

// DatasetRef reads a BigQuery dataset as "project.dataset". "project:dataset", quotes in backticks and pasted
// console addresses are understood.
// Source: cloud.google.com/bigquery/docs/datasets#dataset-naming.
func DatasetRef(s string) (string, string) {
	s = strings.TrimSpace(s)
	if u, ok := console(s); ok {
		q := u.Query()
		project, dataset := q.Get("p"), q.Get("d")
		if m := workspaceTab.FindStringSubmatch(q.Get("ws")); m != nil && dataset == "" {
			project, dataset = m[1], m[2]
		}
		if project == "" {
			project = q.Get("project")
		}
		if dataset == "" {
			return "", "That address names no dataset. Enter it as project.dataset"
		}
		s = project + "." + dataset
	} else if _, ok := cutScheme(s); ok {
		return "", "Enter the dataset as project.dataset"
	}
	s = strings.ReplaceAll(s, "`", "")
	if m := clean("Dataset", s, false, 0); m != "" {
		return "", m
	}
	if m := foreign(s); m != "" {
		return "", m
	}
	project, dataset, ok := strings.Cut(s, ":")
	if !ok {
		project, dataset, ok = strings.Cut(s, ".")
	}
	switch {
	case !ok:
		return "", fmt.Sprintf("“%s” has no project. Enter it as project.dataset", brief(s))
	case dataset == "":
		return "", fmt.Sprintf("“%s” has no dataset. Enter it as project.dataset", brief(s))
	}
	project, m := ProjectID(project)
	if m != "" {
		return "", m
	}
	if first, _, more := strings.Cut(dataset, "."); more && datasetShape.MatchString(first) {
		return "", fmt.Sprintf("“%s” is a table. Enter its dataset, %s.%s", brief(s), project, brief(first))
	}
	if !datasetShape.MatchString(dataset) || len(dataset) > 1024 {
		return "", fmt.Sprintf("“%s” isn’t a dataset’s name. Use letters, digits and underscores, at most 1,024", brief(dataset))
	}
	return project + "." + dataset, ""
}

const serviceAccountSuffix = ".iam.gserviceaccount.com"

var (
	accountID = regexp.MustCompile(`^[a-z](?:[-a-z0-9]{4,28}[a-z0-9])$`)
	// systemProjects are Google's own projects, whose accounts no customer may use.
	systemProjects = regexp.MustCompile(`^(gcp-sa-.*|gcp-gae-service|compute-system|container-engine-robot|containerregistry|cloud-filer|dataflow-service-producer-prod|dataproc-accounts|cloudcomposer-accounts|cloud-ml\.google\.com|serverless-robot-prod|service-networking|storage-transfer-service|system)$`)
)

// ServiceAccount reads the e-mail address of a service account that somebody made: <id>@<project>.iam.gserviceaccount.com,
// the id with 6 to 30 characters. A person's address and Google's default accounts are refused with the reason.
// Source: cloud.google.com/iam/docs/service-account-types, cloud.google.com/iam/docs/service-accounts-create.
func ServiceAccount(s string) (string, string) {
	s = strings.TrimSpace(s)
	if _, ok := console(s); ok {
		return "", "Copy the account’s e-mail address from that page. It ends with " + serviceAccountSuffix
	}
	s = strings.TrimPrefix(s, "serviceAccount:")
	if m := emailProblem("Service account", s); m != "" {
		return "", m
	}
	id, domain, _ := strings.Cut(strings.ToLower(s), "@")
	s = id + "@" + domain
	project, ok := strings.CutSuffix(domain, serviceAccountSuffix)
	switch {
	case domain == "developer.gserviceaccount.com":
		return "", "That is the Compute Engine default account, which every machine of the project may use. Enter an account made for this, or have one created"
	case domain == "appspot.gserviceaccount.com":
		return "", "That is the App Engine default account, which the project’s apps use. Enter an account made for this, or have one created"
	case domain == "cloudservices.gserviceaccount.com":
		return "", "That is an account that Google itself uses. Enter an account made for this, or have one created"
	case !ok && (domain == "iam.gserviceaccount.com" || strings.HasSuffix(domain, "gserviceaccount.com")):
		return "", "A service account’s address has the form name@project.iam.gserviceaccount.com"
	case !ok:
		return "", fmt.Sprintf("%s is not a service account. Enter an address that ends with %s", brief(s), serviceAccountSuffix)
	case systemProjects.MatchString(project):
		return "", "That is an account that Google itself uses. Enter an account made for this, or have one created"
	case !accountID.MatchString(id):
		return "", "The part before the @ has 6 to 30 lower-case letters, digits and hyphens, and starts with a letter"
	}
	if strings.Contains(project, ".") { // project.example.com, a project in a domain
		return "", "Accounts of projects with a domain in their ID can’t be used. Enter an account of another project"
	}
	if !projectShape.MatchString(project) {
		return "", fmt.Sprintf("“%s” isn’t a project ID. A service account’s address has the form name@project.iam.gserviceaccount.com", brief(project))
	}
	return s, ""
}

// AccountProject is the project ID in a service account's address, "" if s isn't one.
func AccountProject(s string) string {
	_, domain, _ := strings.Cut(s, "@")
	project, ok := strings.CutSuffix(domain, serviceAccountSuffix)
	if !ok {
		return ""
	}
	return project
}

// emailProblem is what is wrong with the shape of an e-mail address.
// Source: RFC 5321, section 4.5.3.1: 64 characters before the @, 254 in all.
func emailProblem(label, s string) string {
	if m := clean(label, s, false, 254); m != "" {
		return m
	}
	if m := foreign(s); m != "" {
		return m
	}
	local, domain, ok := strings.Cut(s, "@")
	switch {
	case s == "":
		return "Enter an e-mail address"
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

// Email reads a person's e-mail address and gives it in lower case. "Ada <ada@customer.example>" and "mailto:" are understood.
func Email(s string) (string, string) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "mailto:")
	if strings.HasSuffix(s, ">") && !strings.ContainsFunc(s, unicode.IsControl) {
		if a, err := mail.ParseAddress(s); err == nil {
			s = a.Address
		}
	}
	if m := emailProblem("E-mail address", s); m != "" {
		return "", m
	}
	for _, r := range s {
		if r > unicode.MaxASCII {
			return "", fmt.Sprintf("“%c” can’t be used in an e-mail address here. Use letters a to z", r)
		}
	}
	s = strings.ToLower(s)
	if strings.HasSuffix(s, "gserviceaccount.com") {
		return "", "That is a service account. Enter a person’s e-mail address"
	}
	return s, ""
}

// Addressee reads whom to invite: a person's e-mail address, or a company's domain as "@customer.example" or
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
		return "", "Enter an e-mail address, or a company’s domain such as @customer.example"
	case !domainShape.MatchString(domain):
		return "", fmt.Sprintf("“%s” is neither an e-mail address nor a domain. Enter name@customer.example, or @customer.example for whoever of the company signs in first", brief(domain))
	case strings.HasSuffix(domain, "gserviceaccount.com"):
		return "", "That is a domain of service accounts. Enter a person’s e-mail address, or their company’s domain"
	case PublicMail(domain):
		return "", fmt.Sprintf("Anybody can have an address at %s. Enter the person’s whole address, for example name@%s", domain, domain)
	}
	return "@" + domain, ""
}

// PublicMail tells whether anybody gets an address at a domain, in lower case, as far as we know.
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

// CIDR reads an IPv4 range such as 10.20.0.0/24, in its canonical form.
// Source: RFC 4632; RFC 6890 for the ranges that can't be peered.
func CIDR(s string) (string, string) {
	s = strings.TrimSpace(s)
	if m := clean("IP range", s, false, 0); m != "" {
		return "", m
	}
	ip, bits, ok := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(ip)
	switch {
	case s == "":
		return "", "Enter an IP range"
	case err == nil && addr.Is6():
		return "", "Enter an IPv4 range, for example 10.20.0.0/24"
	case !ok && err == nil:
		return "", fmt.Sprintf("Add how large the range is, for example %s/24", ip)
	case err != nil:
		return "", "Enter an IPv4 range, for example 10.20.0.0/24"
	}
	n, err := strconv.Atoi(bits)
	if err != nil || n < 0 || n > 32 || bits != strconv.Itoa(n) {
		return "", fmt.Sprintf("“/%s” isn’t a size. Use a number from 8 to 32 after the slash, for example %s/24", brief(bits), ip)
	}
	prefix := netip.PrefixFrom(addr, n)
	switch {
	case n == 0:
		return "", "That is the whole internet. Enter the range of the Redis network alone"
	case n < 8:
		return "", "That range is too large to peer. Use a number from 8 to 32 after the slash"
	case prefix.Masked() != prefix:
		return "", fmt.Sprintf("%s is an address inside a range. Use %s", s, prefix.Masked())
	case overlapsAny(prefix):
		return "", fmt.Sprintf("%s is kept for other uses and can’t be peered. Enter the range of the Redis network", s)
	}
	return prefix.String(), ""
}

// reserved are the ranges that no network can have.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
}

func overlapsAny(p netip.Prefix) bool {
	for _, r := range reserved {
		if r.Overlaps(p) {
			return true
		}
	}
	return false
}

// HostPort reads an endpoint as host:port. The host must be a name, since the endpoint is checked over TLS.
func HostPort(s string) (string, string) {
	s = strings.TrimSpace(s)
	if m := clean("Endpoint", s, false, 300); m != "" {
		return "", m
	}
	if rest, ok := cutScheme(s); ok {
		host, _, _ := strings.Cut(rest, "/")
		if strings.Contains(rest, "@") {
			return "", "Leave out the scheme and the password. Enter host:port"
		}
		return "", "Leave out the scheme. Enter " + brief(host)
	}
	if strings.Contains(s, "@") {
		return "", "Leave out the user and the password. Enter host:port"
	}
	i := strings.LastIndex(s, ":")
	if s == "" || i < 0 || strings.HasSuffix(s, "]") {
		return "", "Enter the endpoint as host:port, for example " + exampleEndpoint
	}
	host, port := strings.ToLower(s[:i]), s[i+1:]
	if m := publicHost(host); m != "" {
		return "", m
	}
	if port == "" {
		return "", "Add the port after the host name, for example " + exampleEndpoint
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 || port != strconv.Itoa(n) {
		return "", fmt.Sprintf("“%s” isn’t a port. Use a number from 1 to 65535", brief(port))
	}
	return host + ":" + port, ""
}

const exampleEndpoint = "redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345"

var ipLike = regexp.MustCompile(`^(?i:(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*)\.?$`)

// publicHost is what is wrong with a host name that is to be dialled later: it must be a full public name.
// Which address it leads to is checked when it is dialled.
func publicHost(host string) string {
	switch {
	case host == "":
		return "Enter the host name"
	case strings.ContainsAny(host, "[]") || strings.Contains(host, ":") || ipLike.MatchString(host):
		return "Enter the host name, not an IP address"
	case strings.HasSuffix(host, "."):
		return "Remove the dot at the end of the host name"
	case host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".internal"):
		return "Enter a host name that can be reached from outside, not " + brief(host)
	}
	if m := foreign(host); m != "" {
		return m
	}
	if !domainShape.MatchString(host) || len(host) > 253 {
		return fmt.Sprintf("“%s” isn’t a host name. Copy the whole address", brief(host))
	}
	return ""
}

// WorkspaceSuffix ends the host of every Databricks workspace on Google Cloud.
const WorkspaceSuffix = ".gcp.databricks.com"

const exampleWorkspace = "https://1234567890123456.7.gcp.databricks.com"

var workspaceLabels = regexp.MustCompile(`^(?:[0-9]{1,20}\.[0-9]{1,2}|[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$`)

// WorkspaceURL reads the address of a Databricks workspace on Google Cloud and gives "https://<host>". A pasted
// page of the workspace is understood: its path and query are left out.
// Source: docs.databricks.com/gcp/en/workspace/workspace-details.
func WorkspaceURL(s string) (string, string) {
	s = strings.TrimSpace(s)
	if m := clean("Workspace address", s, false, 4096); m != "" {
		return "", m
	}
	if strings.Contains(s, `\`) {
		return "", "Remove the backslash. Enter an address such as " + exampleWorkspace
	}
	scheme, rest, ok := strings.Cut(s, "://")
	switch {
	case !ok && (strings.HasPrefix(s, "/") || strings.HasPrefix(strings.ToLower(s), "http")):
		return "", "Enter an address that starts with https://, such as " + exampleWorkspace
	case !ok:
		rest = s
		if i := strings.IndexAny(rest, ":/?#"); i >= 0 && rest[i] == ':' && !digitsUpTo(rest[i+1:]) {
			return "", "Enter an address that starts with https://, such as " + exampleWorkspace // javascript:, data:
		}
	case strings.EqualFold(scheme, "http"):
		return "", "Use https:// instead of http://"
	case !strings.EqualFold(scheme, "https"):
		return "", "Enter an address that starts with https://, such as " + exampleWorkspace
	}
	head := rest
	if i := strings.Index(rest, "/"); i >= 0 {
		head = rest[:i]
	}
	host := head
	if i := strings.IndexAny(head, "?#"); i >= 0 {
		host = head[:i]
	}
	switch {
	case strings.Contains(head, "@"):
		return "", "Remove the user name before the @. Enter the workspace’s address alone"
	case host == "":
		return "", "Enter the workspace address, such as " + exampleWorkspace
	}
	host = strings.ToLower(host)
	if bare, port, found := strings.Cut(host, ":"); found && strings.Contains(bare, ".") && !strings.Contains(bare, "[") {
		return "", fmt.Sprintf("Remove the port “:%s” from the address", brief(port))
	}
	if m := publicHost(host); m != "" {
		return "", m
	}
	labels, ok := strings.CutSuffix(host, WorkspaceSuffix)
	switch {
	case ok && (labels == "accounts" || labels == "docs" || labels == "www"):
		return "", "That is Databricks’ own page, not a workspace. Open the workspace and copy its address, such as " + exampleWorkspace
	case ok && workspaceLabels.MatchString(labels):
		return "https://" + host, ""
	case strings.HasSuffix(host, ".azuredatabricks.net") || strings.HasSuffix(host, ".cloud.databricks.com"):
		return "", "That workspace isn’t on Google Cloud. Enter one whose address ends with " + WorkspaceSuffix
	case host == WorkspaceSuffix[1:]:
		return "", "Enter the whole address of the workspace, such as " + exampleWorkspace
	}
	return "", fmt.Sprintf("“%s” isn’t a Databricks workspace on Google Cloud. Its address ends with %s", brief(host), WorkspaceSuffix)
}

// digitsUpTo tells whether s is digits up to the end or to a path: a port.
func digitsUpTo(s string) bool {
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		s = s[:i]
	}
	return s == "" || allDigits.MatchString(strings.TrimPrefix(s, "-"))
}

// HTTPSURL reads an https address with a public host, such as a presigned one; its query is kept as it is.
func HTTPSURL(s string) (string, string) {
	s = strings.TrimSpace(s)
	if m := clean("Address", s, false, 4096); m != "" {
		return "", m
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || strings.ContainsAny(s, "\\ "):
		return "", "Enter an address that starts with https://"
	case u.Scheme == "http":
		return "", "Use https:// instead of http://"
	case u.Scheme != "https" || u.Host == "":
		return "", "Enter an address that starts with https://"
	case u.User != nil:
		return "", "Remove the user name before the @"
	}
	if m := publicHost(strings.ToLower(u.Hostname())); m != "" {
		return "", m
	}
	if p := u.Port(); p != "" && p != "443" {
		return "", "Remove the port from the address"
	}
	if u.Fragment != "" {
		return "", "Remove the part after the #"
	}
	return s, ""
}

var (
	networkShape  = regexp.MustCompile(`^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$`)
	instanceShape = regexp.MustCompile(`^[a-z][-a-z0-9]{4,31}[a-z0-9]$`)
	roleShape     = regexp.MustCompile(`^(?:roles/[A-Za-z0-9_.]{1,100}|(?:projects/[a-z][a-z0-9-]{4,28}[a-z0-9]|organizations/[0-9]{1,19})/roles/[A-Za-z0-9_.]{3,64})$`)
)

// Network reads the name of a VPC network; its full path is understood.
// Source: cloud.google.com/compute/docs/naming-resources (RFC 1035, 1 to 63 characters).
func Network(s string) (string, string) {
	s = strings.TrimSpace(s)
	if i := strings.LastIndex(s, "/networks/"); i >= 0 {
		s = s[i+len("/networks/"):]
		s, _, _ = strings.Cut(s, "?")
	}
	if m := clean("Network name", s, false, 0); m != "" {
		return "", m
	}
	if m := foreign(s); m != "" {
		return "", m
	}
	lower := strings.ToLower(s)
	switch {
	case s == "":
		return "", "Enter the network’s name"
	case networkShape.MatchString(s):
		return s, ""
	case networkShape.MatchString(lower):
		return "", "Network names have no capital letters. Use " + lower
	case len(s) > 63:
		return "", fmt.Sprintf("A network name has at most 63 characters. This one has %d", utf8.RuneCountInString(s))
	}
	return "", "A network name starts with a letter and has only lower-case letters, digits and hyphens"
}

// InstanceID reads the ID of a Bigtable instance: 6 to 33 characters. Its full path and a pasted console address
// are understood.
// Source: cloud.google.com/bigtable/docs/creating-instance.
func InstanceID(s string) (string, string) {
	s = strings.TrimSpace(s)
	if u, ok := console(s); ok {
		if s = segmentAfter(u.Path, "/bigtable/instances/"); s == "" {
			return "", "That address names no instance. Open the instance in the Cloud console and copy its ID"
		}
	} else if _, ok := cutScheme(s); ok {
		return "", "Enter the instance ID alone, for example tecton-acme"
	} else if i := strings.LastIndex(s, "/instances/"); i >= 0 && strings.HasPrefix(s, "projects/") {
		s = s[i+len("/instances/"):]
	}
	if m := clean("Instance ID", s, false, 0); m != "" {
		return "", m
	}
	if m := foreign(s); m != "" {
		return "", m
	}
	lower := strings.ToLower(s)
	switch {
	case instanceShape.MatchString(s):
		return s, ""
	case instanceShape.MatchString(lower):
		return "", "Instance IDs have no capital letters. Use " + lower
	case s == "":
		return "", "Enter the instance ID"
	case len(s) < 6:
		return "", fmt.Sprintf("An instance ID has at least 6 characters. This one has %d", utf8.RuneCountInString(s))
	case len(s) > 33:
		return "", fmt.Sprintf("An instance ID has at most 33 characters. This one has %d", utf8.RuneCountInString(s))
	case strings.HasSuffix(s, "-"):
		return "", "An instance ID ends with a letter or a digit, not a hyphen"
	}
	return "", "An instance ID starts with a letter and has only lower-case letters, digits and hyphens"
}

// RoleName reads a predefined role ("roles/…") or a custom one ("projects/…/roles/…", "organizations/…/roles/…").
// Source: cloud.google.com/iam/docs/roles-overview.
func RoleName(s string) (string, string) {
	s = strings.TrimSpace(s)
	if m := clean("Role", s, false, 200); m != "" {
		return "", m
	}
	if !roleShape.MatchString(s) {
		return "", "Enter the role as roles/…, projects/…/roles/… or organizations/…/roles/…"
	}
	return s, ""
}
