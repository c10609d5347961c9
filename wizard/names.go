package wizard

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

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
			return "", "Enter only the name, not an address. For example, mycompany-production"
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
		m := "Use only letters a to z, digits, and hyphens"
		if deploymentProblem(fixed) == "" && onlySeparators(lower) {
			m += ". For example, " + fixed
		}
		return "", m
	}
	if m := deploymentProblem(lower); m != "" {
		return "", m
	}
	if s != lower {
		return "", "Deployment names can’t have capital letters. Use " + lower
	}
	return s, ""
}

func onlySeparators(s string) bool {
	return deploymentShape.MatchString(strings.NewReplacer(" ", "-", "_", "-", ".", "-").Replace(s))
}

// deploymentProblem is what is wrong with a name of lowercase letters, digits, and hyphens.
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
	case slices.Contains(reservedNames, s):
		return "Choose another name. " + s + " is reserved"
	case likeGoogle.MatchString(s):
		return "Choose a name without “google”. Google Cloud refuses buckets with that word in their name"
	}
	return ""
}

// reservedNames are addresses beside the deployments' own that the vendor uses or may use.
var reservedNames = []string{
	"about", "account", "accounts", "admin", "api", "app", "apps", "assets", "auth", "billing", "blog", "cdn", "community",
	"console", "dashboard", "docs", "download", "email", "explore", "ftp", "git", "help", "id", "internal",
	"login", "mail", "metrics", "monitoring", "ns", "ns1", "ns2", "resources", "root", "security",
	"signin", "signup", "smtp", "sso", "static", "status", "support", "tecton", "vpn", "web", "webmail", "www",
}

// likeGoogle is the word that bucket names must not hold, and its close misspellings.
var likeGoogle = regexp.MustCompile(`g[o0][o0]g[l1]e`)

var (
	projectShape = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	allDigits    = regexp.MustCompile(`^[0-9]+$`)
)

// IsProjectNumber reports whether s is a project's number rather than its ID.
func IsProjectNumber(s string) bool { return allDigits.MatchString(s) && len(s) >= 6 && len(s) <= 19 }

// ProjectID reads a Google Cloud project ID: 6 to 30 lowercase letters, digits, and hyphens, starting with a letter.
// A pasted address of the Cloud console, and "projects/<id>", are understood.
// Source: cloud.google.com/resource-manager/docs/creating-managing-projects.
func ProjectID(s string) (string, string) {
	s = strings.TrimSpace(s)
	if u, ok := console(s); ok {
		if s = u.Query().Get("project"); s == "" {
			return "", "That address doesn’t contain a project. Open the project in the Cloud console and copy its ID from the dashboard"
		}
	} else if _, ok := cutScheme(s); ok {
		return "", "Enter only the project ID, for example acme-data-prod"
	}
	s = strings.TrimPrefix(s, "projects/")
	if m := plain("Project ID", s, 0); m != "" {
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
		return "", "Enter the project ID, not an email address"
	case projectShape.MatchString(s):
		return s, ""
	case projectShape.MatchString(lower):
		return "", "Project IDs can’t have capital letters. Use " + lower
	case strings.HasSuffix(s, "-"):
		return "", "A project ID ends with a letter or a digit, not a hyphen"
	case len(s) < 6:
		return "", "A project ID has at least 6 characters. Copy it from the Cloud console"
	case len(s) > 30:
		return "", fmt.Sprintf("A project ID has at most 30 characters. This one has %d", utf8.RuneCountInString(s))
	case strings.Contains(s, " "):
		return "", "That looks like a project’s name. Enter the project ID, for example acme-data-prod"
	}
	return "", "A project ID starts with a letter and has only lowercase letters, digits, and hyphens. Copy it from the Cloud console"
}

var bucketShape = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*[a-z0-9]$`)

// inBucket refuses a path in a bucket.
func inBucket(name string) string {
	return fmt.Sprintf("That is a path in the bucket %s. Access is given to whole buckets only: enter gs://%s to let Spark read everything in it, or move the data to a bucket of its own", brief(name), brief(name))
}

// BucketName reads the name of a Cloud Storage bucket: 3 to 63 characters (222 with dots, 63 between two dots).
// "gs://name/" and pasted console addresses are understood. A path in the bucket is refused: access is given to whole
// buckets, and a person who names a path would give more than they meant.
// Source: cloud.google.com/storage/docs/buckets#naming.
func BucketName(s string) (string, string) {
	s = strings.TrimSpace(s)
	if u, ok := console(s); ok {
		prefix := "/storage/browser/"
		if u.Hostname() == "storage.cloud.google.com" {
			prefix = "/"
		}
		s = segmentAfter(u.Path, prefix)
		if _, inside, _ := strings.Cut(strings.TrimPrefix(u.Path, prefix+s), "/"); s != "" && strings.Trim(inside, "/") != "" {
			return "", inBucket(s)
		}
		if s == "" || s == "_details" {
			return "", "That address doesn’t contain a bucket. Open the bucket in the Cloud console and copy its name"
		}
	} else if rest, ok := strings.CutPrefix(s, "gs://"); ok {
		name, inside, _ := strings.Cut(rest, "/")
		if strings.Trim(inside, "/") != "" {
			return "", inBucket(name)
		}
		s = name
	} else if _, ok := cutScheme(s); ok {
		return "", "Enter just the bucket’s name, or gs://name"
	}
	if m := plain("Bucket name", s, 0); m != "" {
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
		return "", "Bucket names can’t have capital letters. Use " + lower
	case !bucketShape.MatchString(s):
		return "", fmt.Sprintf("“%s” isn’t a bucket name. Use lowercase letters, digits, hyphens, underscores, and dots, with a letter or a digit at both ends", brief(s))
	case strings.Contains(s, ".."):
		return "", "A bucket name can’t have two dots in a row"
	case ipErr == nil:
		return "", "A bucket name can’t be an IP address"
	case likeGoogle.MatchString(s) || strings.HasPrefix(s, "goog"):
		return "", "Bucket names can’t start with goog or contain “google”. Check the name in the Cloud console"
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
			return "", "That address doesn’t contain a dataset. Enter it as project.dataset"
		}
		s = project + "." + dataset
	} else if _, ok := cutScheme(s); ok {
		return "", "Enter the dataset as project.dataset"
	}
	s = strings.ReplaceAll(s, "`", "")
	if m := plain("Dataset", s, 0); m != "" {
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
		return "", fmt.Sprintf("“%s” isn’t a dataset name. Use letters, digits, and underscores, at most 1,024", brief(dataset))
	}
	return project + "." + dataset, ""
}

const serviceAccountSuffix = ".iam.gserviceaccount.com"

var (
	accountID = regexp.MustCompile(`^[a-z](?:[-a-z0-9]{4,28}[a-z0-9])$`)
	// systemProjects are Google's own projects, whose accounts no customer may use.
	systemProjects = regexp.MustCompile(`^(gcp-sa-.*|gcp-gae-service|compute-system|container-engine-robot|containerregistry|cloud-filer|dataflow-service-producer-prod|dataproc-accounts|cloudcomposer-accounts|cloud-ml\.google\.com|serverless-robot-prod|service-networking|storage-transfer-service|system)$`)
)

// ServiceAccount reads the email address of a service account that somebody made: <id>@<project>.iam.gserviceaccount.com,
// the id with 6 to 30 characters. A person's address and Google's default accounts are refused with the reason.
// Source: cloud.google.com/iam/docs/service-account-types, cloud.google.com/iam/docs/service-accounts-create.
func ServiceAccount(s string) (string, string) {
	s = strings.TrimSpace(s)
	if _, ok := console(s); ok {
		return "", "Copy the account’s email address from that page. It ends with " + serviceAccountSuffix
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
		return "", "That is the Compute Engine default account, which every machine in the project can use. Enter an account made for this, or have one created"
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
		return "", "The part before the @ has 6 to 30 lowercase letters, digits, and hyphens, and starts with a letter"
	}
	if strings.Contains(project, ".") { // project.example.com, a project in a domain
		return "", "Accounts from projects with a domain in their ID can’t be used. Enter an account from another project"
	}
	if !projectShape.MatchString(project) {
		return "", fmt.Sprintf("“%s” isn’t a project ID. A service account’s address has the form name@project.iam.gserviceaccount.com", brief(project))
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
	if m := plain("Network name", s, 0); m != "" {
		return "", m
	}
	lower := strings.ToLower(s)
	switch {
	case s == "":
		return "", "Enter the network’s name"
	case networkShape.MatchString(s):
		return s, ""
	case networkShape.MatchString(lower):
		return "", "Network names can’t have capital letters. Use " + lower
	case len(s) > 63:
		return "", fmt.Sprintf("A network name has at most 63 characters. This one has %d", utf8.RuneCountInString(s))
	}
	return "", "A network name starts with a letter and has only lowercase letters, digits, and hyphens"
}

// InstanceID reads the ID of a Bigtable instance: 6 to 33 characters. Its full path and a pasted console address
// are understood.
// Source: cloud.google.com/bigtable/docs/creating-instance.
func InstanceID(s string) (string, string) {
	s = strings.TrimSpace(s)
	if u, ok := console(s); ok {
		if s = segmentAfter(u.Path, "/bigtable/instances/"); s == "" {
			return "", "That address doesn’t contain an instance. Open the instance in the Cloud console and copy its ID"
		}
	} else if _, ok := cutScheme(s); ok {
		return "", "Enter only the instance ID, for example tecton-acme"
	} else if i := strings.LastIndex(s, "/instances/"); i >= 0 && strings.HasPrefix(s, "projects/") {
		s = s[i+len("/instances/"):]
	}
	if m := plain("Instance ID", s, 0); m != "" {
		return "", m
	}
	lower := strings.ToLower(s)
	switch {
	case instanceShape.MatchString(s):
		return s, ""
	case instanceShape.MatchString(lower):
		return "", "Instance IDs can’t have capital letters. Use " + lower
	case s == "":
		return "", "Enter the instance ID"
	case len(s) < 6:
		return "", fmt.Sprintf("An instance ID has at least 6 characters. This one has %d", utf8.RuneCountInString(s))
	case len(s) > 33:
		return "", fmt.Sprintf("An instance ID has at most 33 characters. This one has %d", utf8.RuneCountInString(s))
	case strings.HasSuffix(s, "-"):
		return "", "An instance ID ends with a letter or a digit, not a hyphen"
	}
	return "", "An instance ID starts with a letter and has only lowercase letters, digits, and hyphens"
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
