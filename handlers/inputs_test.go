package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store/pgtest"
	"groundwork/web"
	"groundwork/wizard/steps/sample"
)

// form is a page of ours that takes what people type.
type form struct {
	path string   // where it is posted
	who  string   // whose browser posts it
	base []string // name, value pairs of a form that is good but for the field in question
}

// domains is a check that a specialist may decide about.
var domains = onboarding.CheckResult{Name: "policy:domains", Title: "Domains", State: onboarding.CheckFailed, Found: "A policy names two domains.", Overridable: true}

// The forms of an onboarding, by the names that the table uses; a name that isn't here is a step of the wizard.
func formOf(id onboarding.ID, name string) form {
	vendor := []string{"control_plane_account", controlPlane}
	switch name {
	case "new":
		return form{"/admin/new", sam, slices.Concat(vendor, []string{"customer", "Acme Sample", "owner_email", ada, "specialist", sam, "invite_days", "7"})}
	case "vendor":
		return form{web.AdminPath(id, "vendor"), sam, vendor}
	case "assign", "note", "override":
		return form{web.AdminPath(id, name), sam, []string{"check", domains.Name, "finding", domains.Finding()}}
	case "invite":
		return form{web.AdminPath(id, name), sam, []string{"role", "colleague", "email", bob}}
	case "colleague":
		return form{web.OnboardingPath(id, name), ada, nil}
	case "staff":
		return form{"/admin/staff", root, []string{"role", "specialist", "email", bob}}
	}
	branch := map[string][]string{
		"compute":      sample.Named("compute", "databricks").Pairs(),
		"online-store": sample.Named("online-store", "bigtable").Pairs(),
		"existing":     sample.Named("online-store", "bigtable_existing").Pairs(),
		"redis":        sample.Named("online-store", "redis").Pairs(),
		"accounts":     sample.Named("accounts", "create").Pairs(),
		"spark":        sample.Named("accounts", "existing").Pairs(),
	}[name]
	step := name
	switch name {
	case "existing", "redis":
		step = "online-store"
	case "spark":
		step = "accounts"
	}
	return form{web.OnboardingPath(id, "step", step), ada, branch}
}

const (
	workspace = "https://1234567890123456.7.gcp.databricks.com"
	likeIt    = ", such as " + workspace
	noLetters = "Use only letters a to z, digits, and hyphens"
	noIP      = "Enter the host name, not an IP address"
)

// input is something typed into one field of a form, and what stands at the field afterwards.
type input struct {
	phrase string // of the promises
	where  string // "form.field"
	typed  string
	says   string // at the field; "" where the input is taken
	saved  string // of an input that is taken: what is stored instead of what was typed
}

var (
	blanks = "  \t "
	script = "<script>alert(1)</script>"
)

// inputs is the table of inputs. Each row is posted to the real page.
var inputs = []struct {
	kind string
	rows []input
}{
	{"names and ids", []input{
		{"empty", "deployment.name", "", "Enter a deployment name", ""},
		{"empty", "project.project", "", "Enter the project ID", ""},
		{"empty", "existing.existing", "", "Enter the ID of your instance", ""},
		{"empty", "new.customer", "", "Enter the company’s name", ""},
		{"only blanks", "deployment.name", blanks, "Enter a deployment name", ""},
		{"only blanks", "new.customer", blanks, "Enter the company’s name", ""},
		{"nothing but signs", "new.customer", "!?", "Enter the company’s name", ""},
		{"too short", "project.project", "acme", "A project ID has at least 6 characters. Copy it from the Cloud console", ""},
		{"too short", "online-store.instance", "abc", "An instance ID has at least 6 characters. This one has 3", ""},
		{"too short", "data-sources.buckets", "ab", "Cloud Storage buckets, line 1: a bucket name has at least 3 characters", ""},
		{"shortest", "deployment.name", "a", "", "a"},
		{"longest", "deployment.name", strings.Repeat("a", 21), "", strings.Repeat("a", 21)},
		{"one more", "deployment.name", strings.Repeat("a", 22), "Enter a name of at most 21 characters. This one is 1 character too long", ""},
		{"three more", "new.proposed_name", strings.Repeat("a", 24), "Enter a name of at most 21 characters. This one is 3 characters too long", ""},
		{"longest", "project.project", strings.Repeat("a", 30), "", strings.Repeat("a", 30)},
		{"one more", "project.project", strings.Repeat("a", 31), "A project ID has at most 30 characters. This one has 31", ""},
		{"longest", "online-store.instance", strings.Repeat("a", 33), "", strings.Repeat("a", 33)},
		{"one more", "online-store.instance", strings.Repeat("a", 34), "An instance ID has at most 33 characters. This one has 34", ""},
		{"upper case", "deployment.name", "Acme-Prod", "Deployment names can’t have capital letters. Use acme-prod", ""},
		{"upper case", "project.project", "Acme-Data", "Project IDs can’t have capital letters. Use acme-data", ""},
		{"upper case", "existing.existing", "Our-Instance", "Instance IDs can’t have capital letters. Use our-instance", ""},
		{"upper case", "data-sources.buckets", "acme-one\n\nAcme-Two", "Cloud Storage buckets, line 3: bucket names can’t have capital letters. Use acme-two", ""},
		{"upper case", "redis.spark_peer_network", "Net-One", "Network names can’t have capital letters. Use net-one", ""},
		{"leading hyphen", "deployment.name", "-acme", "Start the name with a letter or a digit, not a hyphen", ""},
		{"trailing hyphen", "deployment.name", "acme-", "End the name with a letter or a digit, not a hyphen", ""},
		{"trailing hyphen", "project.project", "acme-data-", "A project ID ends with a letter or a digit, not a hyphen", ""},
		{"trailing hyphen", "online-store.instance", "tecton-acme-", "An instance ID ends with a letter or a digit, not a hyphen", ""},
		{"xn--", "deployment.name", "xn--acme", "Choose a name that doesn’t start with xn--, which is kept for addresses in other alphabets", ""},
		{"google", "deployment.name", "my-google", "Choose a name without “google”. Google Cloud refuses buckets with that word in their name", ""},
		{"a leading digit, inner hyphens", "deployment.name", "7acme--prod", "", "7acme--prod"},
		{"blanks around", "deployment.name", " acme-next\t", "", "acme-next"},
		{"blanks around", "project.project", "  acme-data-prod  ", "", "acme-data-prod"},
		{"blanks inside", "deployment.name", "acme prod", noLetters + ". For example, acme-prod", ""},
		{"look-alike letters", "deployment.name", "аcme", "“а” looks like “a” but is a different character. Type the name again as acme", ""},
		{"look-alike letters", "project.project", "acmе-data", "“е” looks like “e” but is a different character. Type it again", ""},
		{"zero-width characters", "deployment.name", "ac\u200bme", "Deployment name has an invisible character. Type it instead of pasting it", ""},
		{"zero-width characters", "project.project", "acme\u2060-data", "Project ID has an invisible character. Type it instead of pasting it", ""},
		{"../x", "deployment.name", "../x", noLetters, ""},
		{"../x", "project.project", "../../x", "A project ID starts with a letter and has only lowercase letters, digits, and hyphens. Copy it from the Cloud console", ""},
		{"../x", "data-sources.buckets", "../x", "Cloud Storage buckets, line 1: “../x” isn’t a bucket name. Use lowercase letters, digits, hyphens, underscores, and dots, with a letter or a digit at both ends", ""},
		{"SQL", "deployment.name", "' OR 1=1; DROP TABLE x;--", noLetters, ""},
		{"SQL", "data-sources.datasets", "a.b'; DROP TABLE x;--", "BigQuery datasets, line 1: a project ID has at least 6 characters. Copy it from the Cloud console", ""},
		{"a template", "deployment.name", "{{7*7}}", noLetters, ""},
		{"a script", "deployment.name", script, noLetters, ""},
		{"a script", "project.project", script, "A project ID starts with a letter and has only lowercase letters, digits, and hyphens. Copy it from the Cloud console", ""},
		{"a script", "data-sources.datasets", script, "BigQuery datasets, line 1: “<script>alert(1)</script>” has no project. Enter it as project.dataset", ""},
		{"a script", "vendor.act_as_role", "roles/" + script, "Enter the role as roles/…, projects/…/roles/… or organizations/…/roles/…", ""},
		{"a script, which is a name", "new.customer", script, "", script},
		{"NUL byte", "deployment.name", "ac\x00me", "Deployment name has a hidden control character. Type it instead of pasting it", ""},
		{"NUL byte", "new.customer", "Ac\x00me", "Company has a hidden control character. Type it instead of pasting it", ""},
		{"NUL byte", "note.note", "Ac\x00me", "Write the note without control characters", ""},
		{"NUL byte", "override.reason", "Ac\x00me", "Write the reason without control characters", ""},
		{"NUL byte", "staff.email", "ac\x00me@vendor.example", "Email address has a hidden control character. Type it instead of pasting it", ""},
		{"NUL byte", "assign.specialist", "ac\x00me@vendor.example", "Email address has a hidden control character. Type it instead of pasting it", ""},
		{"a pasted console address", "project.project", "https://console.cloud.google.com/home/dashboard?project=acme-data-prod&authuser=1", "", "acme-data-prod"},
		{"a pasted console address", "existing.existing", "https://console.cloud.google.com/bigtable/instances/our-instance/overview?project=x", "", "our-instance"},
		{"a pasted console address", "data-sources.buckets", "https://console.cloud.google.com/storage/browser/acme-events;tab=objects?project=x", "", "acme-events"},
		{"a path in a bucket", "data-sources.buckets", "acme-events\ngs://acme-landing/2026/", "Cloud Storage buckets, line 2: that is a path in the bucket acme-landing. Access is given to whole buckets only: enter gs://acme-landing to let Spark read everything in it, or move the data to a bucket of its own", ""},
		{"a pasted console address", "data-sources.datasets", "https://console.cloud.google.com/bigquery?project=acme-data&p=acme-pub&d=sales&page=dataset", "", "acme-pub.sales"},
		{"a pasted address of its own", "deployment.name", "https://acme.tecton.ai/", "", "acme"},
		{"a console address without an id", "project.project", "https://console.cloud.google.com/", "That address doesn’t contain a project. Open the project in the Cloud console and copy its ID from the dashboard", ""},
		{"another address", "deployment.name", "https://console.cloud.google.com/?project=x", "Enter only the name, not an address. For example, mycompany-production", ""},
		{"a number for an id", "project.project", "123456789012", "That is a project number. Enter the project ID, for example acme-data-prod", ""},
		{"a number for an id", "data-sources.projects", "123456789012", "Whole BigQuery projects, line 1: that is a project number. Enter the project ID, for example acme-data-prod", ""},
		{"a name for an id", "project.project", "My Project", "That looks like a project’s name. Enter the project ID, for example acme-data-prod", ""},
		{"without its project", "data-sources.datasets", "acme-data.sales\norders", "BigQuery datasets, line 2: “orders” has no project. Enter it as project.dataset", ""},
		{"what will be made", "data-sources.buckets", "gs://tecton-acme-0-dataplane", "tecton-acme-0-dataplane is the bucket that will be created. The Spark account gets access to it anyway, so leave it out", ""},
		{"as many lines as there may be", "data-sources.datasets", datasets(100), "", datasets(100)},
		{"one more", "data-sources.datasets", datasets(101), "Enter at most 100 lines for “BigQuery datasets”. There are 101", ""},
		{"no version", "compute.runtime", "latest", "Enter a runtime version such as 15.4.x-scala2.12", ""},
		{"half a version", "compute.runtime", "9.1", "Add the Scala version, for example 9.1.x-scala2.12", ""},
		{"no version", "vendor.redis_version", "latest", "Enter a Redis version such as 6.x or 7.2", ""},
		{"no id", "vendor.google_customer_id", "customers/1", "Enter the customer ID from the Google Admin console. It starts with C, for example C01abc23d", ""},
	}},
	{"choices", []input{
		{"missing", "region.region", "", "Choose a region", ""},
		{"missing", "compute.platform", "", "Choose where your Spark jobs run", ""},
		{"missing", "online-store.store", "", "Choose an online store", ""},
		{"missing", "accounts.spark", "", "Choose whether to create a Spark service account", ""},
		{"missing", "accounts.control_plane", "", "Confirm the control plane service account, or ask your specialist to correct it", ""},
		{"missing", "staff.role", "", "Choose specialist or administrator", ""},
		{"unknown", "region.region", "somewhere warm", "Choose a region from the list", ""},
		{"unknown", "compute.platform", "emr", "Choose one of the compute platforms offered", ""},
		{"unknown", "online-store.store", "memorystore", "Choose one of the options for “Online store”", ""},
		{"unknown", "accounts.spark", script, "Choose one of the options for “Spark service account”", ""},
		{"unknown", "staff.role", "king", "Choose specialist or administrator", ""},
		{"unknown", "invite.role", "administrator", "Choose whether to invite the customer or a colleague", ""},
		{"a zone for a region", "region.region", "us-west1-a", "Choose a region from the list", ""},
		{"not offered", "compute.platform", "dataproc", "Dataproc isn’t offered for this onboarding. Choose Databricks, or ask your specialist for Dataproc", ""},
		{"not offered", "online-store.zone", "us-west2-a", "Choose a zone of your region from the list", ""},
		{"not offered", "assign.specialist", mallory, "Choose one of the specialists", ""},
		{"not offered", "new.specialist", mallory, "Choose one of the specialists", ""},
		{"confirmed as it was before", "accounts.control_plane", "older@tecton-acme.iam.gserviceaccount.com", "The control plane service account has changed since you opened this page. Check it and confirm it again", ""},
		{"an array", "region.region[]", "us-west1", "Choose a region", ""},
		{"an array", "deployment.name[]", "acme-prod", "Enter a deployment name", ""},
		{"two values", "region.region", "us-west1&region=us-west2", "Give only one answer for “Google Cloud region”", ""},
		{"two values", "deployment.name", "acme&name=other", "Give only one answer for “Deployment name”", ""},
		{"two values", "new.customer", "Acme&customer=Other", "Give only one answer for “Company”", ""},
	}},
	{"email and service accounts", []input{
		{"empty", "colleague.email", "", "Enter an email address", ""},
		{"empty", "new.owner_email", "", "Enter the email address of the person to invite, or a domain such as @customer.example", ""},
		{"empty", "spark.spark_email", "", "Enter the email address of your Spark service account", ""},
		{"no @", "colleague.email", "ada", "Email address needs an @, for example name@example.com", ""},
		{"no @", "new.owner_email", "ada", "“ada” is neither an email address nor a domain. Enter name@customer.example, or @customer.example for the first person from the company to sign in", ""},
		{"no @", "invite.email", "ada", "“ada” is neither an email address nor a domain. Enter name@customer.example, or @customer.example for the first person from the company to sign in", ""},
		{"no @", "staff.email", "ada", "Email address needs an @, for example name@example.com", ""},
		{"no @", "assign.specialist", "ada", "Email address needs an @, for example name@example.com", ""},
		{"no @", "spark.spark_email", "spark-jobs", "Service account needs an @, for example name@example.com", ""},
		{"two @", "colleague.email", "a@b@c.example", "Email address has more than one @. Enter one address", ""},
		{"two @", "new.owner_email", "a@b@c.example", "Email address has more than one @. Enter one address", ""},
		{"two @", "spark.spark_email", "a@b@c.example", "Service account has more than one @. Enter one address", ""},
		{"two addresses", "colleague.email", "a@b.example, c@d.example", "Email address has more than one @. Enter one address", ""},
		{"line break and Bcc:", "colleague.email", "x@y.example\r\nBcc: z@y.example", "Email address has a line break. Enter it on one line", ""},
		{"line break and Bcc:", "new.owner_email", "x@y.example\r\nBcc: z@y.example", "Customer’s email address or domain has a line break. Enter it on one line", ""},
		{"line break and Bcc:", "invite.email", "x@y.example\nBcc: z@y.example", "Email address has a line break. Enter it on one line", ""},
		{"line break and Bcc:", "staff.email", "x@y.example\r\nBcc: z@y.example", "Email address has a line break. Enter it on one line", ""},
		{"line break and Bcc:", "spark.spark_email", "x@y.example\r\nBcc: z@y.example", "Email address of your Spark service account has a line break. Enter it on one line", ""},
		{"255 characters", "colleague.email", strings.Repeat("a", 245) + "@x.example", "Email address must have 254 characters or fewer. It has 255", ""},
		{"255 characters", "new.owner_email", strings.Repeat("a", 245) + "@x.example", "Email address must have 254 characters or fewer. It has 255", ""},
		{"255 characters", "spark.spark_email", strings.Repeat("a", 231) + ".iam.gserviceaccount.com", "Service account must have 254 characters or fewer. It has 255", ""},
		{"accents", "colleague.email", "ádá@customer.example", "“á” can’t be used in an email address here. Use letters a to z", ""},
		{"one's own", "colleague.email", ada, "Enter a colleague's address; this one is yours", ""},
		{"a service account for a person", "colleague.email", "robot@acme.iam.gserviceaccount.com", "That is a service account. Enter a person’s email address", ""},
		{"a service account for a person", "new.owner_email", "robot@acme.iam.gserviceaccount.com", "That is a service account. Enter a person’s email address", ""},
		{"a person for a service account", "spark.spark_email", ada, ada + " is not a service account. Enter an address that ends with .iam.gserviceaccount.com", ""},
		{"a person for a service account", "new.control_plane_account", ada, ada + " is not a service account. Enter an address that ends with .iam.gserviceaccount.com", ""},
		{"a person for a service account", "vendor.serving_account", "someone@gmail.com", "someone@gmail.com is not a service account. Enter an address that ends with .iam.gserviceaccount.com", ""},
		{"Google's default account", "spark.spark_email", "123-compute@developer.gserviceaccount.com", "That is the Compute Engine default account, which every machine in the project can use. Enter an account made for this, or have one created", ""},
		{"the vendor's account", "spark.spark_email", controlPlane, "That is the control plane’s account. Enter a service account of your own", ""},
		{"a service account of another project", "spark.spark_email", "spark-jobs@other-project.iam.gserviceaccount.com", "", "spark-jobs@other-project.iam.gserviceaccount.com"},
		{"a suffix trick", "spark.spark_email", "spark-jobs@acme-data.iam.gserviceaccount.com.evil.example", "spark-jobs@acme-data.iam.gserviceaccount.com.evil.example is not a service account. Enter an address that ends with .iam.gserviceaccount.com", ""},
	}},
	{"network ranges and ports", []input{
		{"/33", "redis.cidr", "10.20.0.0/33", "“/33” isn’t a size. Use a number from 8 to 32 after the slash, for example 10.20.0.0/24", ""},
		{"host bits set", "redis.cidr", "10.20.0.9/24", "10.20.0.9/24 is an address inside a range. Use 10.20.0.0/24", ""},
		{"the whole internet", "redis.cidr", "0.0.0.0/0", "That is the whole internet. Enter only the range of the Redis network", ""},
		{"overlap with a reserved range", "redis.cidr", "169.254.0.0/16", "169.254.0.0/16 is reserved for other uses and can’t be peered. Enter the range of the Redis network", ""},
		{"overlap with a reserved range", "redis.cidr", "127.0.0.0/8", "127.0.0.0/8 is reserved for other uses and can’t be peered. Enter the range of the Redis network", ""},
		{"IPv6", "redis.cidr", "2001:db8::/32", "Enter an IPv4 range, for example 10.20.0.0/24", ""},
		{"IPv4 as IPv6", "redis.cidr", "::ffff:10.0.0.0/104", "Enter an IPv4 range, for example 10.20.0.0/24", ""},
		{"no size", "redis.cidr", "10.20.0.0", "Add the size of the range, for example 10.20.0.0/24", ""},
		{"empty", "redis.endpoint", "", "Enter the Redis endpoint, or select “I don’t have this yet”", ""},
		{"port 0", "redis.endpoint", "redis.example.com:0", "“0” isn’t a port. Use a number from 1 to 65535", ""},
		{"port 65536", "redis.endpoint", "redis.example.com:65536", "“65536” isn’t a port. Use a number from 1 to 65535", ""},
		{"port -1", "redis.endpoint", "redis.example.com:-1", "“-1” isn’t a port. Use a number from 1 to 65535", ""},
		{"port 1e3", "redis.endpoint", "redis.example.com:1e3", "“1e3” isn’t a port. Use a number from 1 to 65535", ""},
		{"no port", "redis.endpoint", "redis.example.com", "Enter the endpoint as host:port, for example redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345", ""},
		{"port 65535", "redis.endpoint", "redis.example.com:65535", "", "redis.example.com:65535"},
		{"an address for a name", "redis.endpoint", "10.0.0.5:6379", noIP, ""},
		{"a name for the inside", "redis.endpoint", "metadata.google.internal:6379", "Enter a host name that can be reached from outside, not metadata.google.internal", ""},
		{"days 0", "new.invite_days", "0", "Enter a number of days from 1 to 90", ""},
		{"days -1", "new.invite_days", "-1", "Enter a number of days from 1 to 90", ""},
		{"days 1e3", "new.invite_days", "1e3", "Enter a number of days from 1 to 90", ""},
		{"days 91", "new.invite_days", "91", "Enter a number of days from 1 to 90", ""},
	}},
	{"secrets, which no page shows again", []input{
		{"empty, where one is saved for this address", "compute.token", "", "", "set"}, // so before another address is taken
		{"of another kind", "compute.token", "dose-canary-access", "That is an OAuth secret. Enter an API token, which starts with dapi", ""},
		{"blanks", "compute.token", "dapi canary-access", "An API token has no spaces. Copy it again", ""},
		{"too short", "compute.token", "dapi", "That is too short for an API token, or has characters that no token has. Copy it again", ""},
		{"too long", "compute.token", "dapi" + strings.Repeat("0", 1024), "Databricks API token must have 1024 characters or fewer. It has 1028", ""},
		{"empty", "redis.redis_token", "", "Enter the authentication token, or select “I don’t have this yet”", ""},
		{"an address", "redis.redis_token", "rediss://:dapi-canary@x.example", "That is an address. Enter only the authentication token", ""},
		{"blanks", "new.vendor_api_key", "dapi-canary with blanks", "Paste the API key exactly as you got it: letters, digits, and symbols, without spaces", ""},
		{"too long", "vendor.vendor_api_key", strings.Repeat("a", 4097), "API key for notebooks must have 4096 characters or fewer. It has 4097", ""},
	}},
	{"workspace address", []input{
		{"empty", "compute.workspace", "", "Enter the workspace address", ""},
		{"http:", "compute.workspace", "http://1.2.gcp.databricks.com", "Use https:// instead of http://", ""},
		{"javascript:", "compute.workspace", "javascript:alert(1)", "Enter an address that starts with https://" + likeIt, ""},
		{"file:", "compute.workspace", "file:///etc/passwd", "Enter an address that starts with https://" + likeIt, ""},
		{"user info", "compute.workspace", "https://good@evil.example", "Remove the user name before the @. Enter only the workspace’s address", ""},
		{"user info", "compute.workspace", "https://1.2.gcp.databricks.com@evil.example", "Remove the user name before the @. Enter only the workspace’s address", ""},
		{"a suffix trick", "compute.workspace", "https://x.gcp.databricks.com.evil.example", "“x.gcp.databricks.com.evil.example” isn’t a Databricks workspace on Google Cloud. Its address ends with .gcp.databricks.com", ""},
		{"a suffix trick", "compute.workspace", "https://evilgcp.databricks.com", "“evilgcp.databricks.com” isn’t a Databricks workspace on Google Cloud. Its address ends with .gcp.databricks.com", ""},
		{"backslash", "compute.workspace", `https://evil.example\.gcp.databricks.com`, "Remove the backslash. Enter an address" + likeIt[1:], ""},
		{"a fragment trick", "compute.workspace", "https://evil.example#.gcp.databricks.com", "“evil.example” isn’t a Databricks workspace on Google Cloud. Its address ends with .gcp.databricks.com", ""},
		{"a fragment trick", "compute.workspace", "https://1.2.gcp.databricks.com#@evil.example", "Remove the user name before the @. Enter only the workspace’s address", ""},
		{"a query trick", "compute.workspace", "https://evil.example?.gcp.databricks.com", "“evil.example” isn’t a Databricks workspace on Google Cloud. Its address ends with .gcp.databricks.com", ""},
		{"a port", "compute.workspace", "https://1.2.gcp.databricks.com:8443", "Remove the port “:8443” from the address", ""},
		{"trailing dot", "compute.workspace", "https://1.2.gcp.databricks.com.", "Remove the dot at the end of the host name", ""},
		{"127.1", "compute.workspace", "https://127.1", noIP, ""},
		{"a decimal address", "compute.workspace", "https://2130706433", noIP, ""},
		{"a hex address", "compute.workspace", "https://0x7f000001", noIP, ""},
		{"[::1]", "compute.workspace", "https://[::1]", noIP, ""},
		{"mapped 169.254.169.254", "compute.workspace", "https://[::ffff:169.254.169.254]", noIP, ""},
		{"NAT64 of 169.254.169.254", "compute.workspace", "https://[64:ff9b::a9fe:a9fe]", noIP, ""},
		{"look-alike letters", "compute.workspace", "https://1.2.gcp.dаtabricks.com", "“а” looks like “a” but is a different character. Type it again", ""},
		{"a script", "compute.workspace", "https://" + script, "“<script>alert(1)<” isn’t a host name. Copy the whole address", ""},
		{"another cloud's", "compute.workspace", "https://adb-1.2.azuredatabricks.net", "That workspace isn’t on Google Cloud. Enter one whose address ends with .gcp.databricks.com", ""},
		{"a pasted page, upper case", "compute.workspace", "HTTPS://1.2.GCP.Databricks.com/browse?o=1#x", "", "https://1.2.gcp.databricks.com"},
		{"the handover's: http:", "new.handover_url", "http://vendor.example/put", "Use https:// instead of http://", ""},
		{"the handover's: inside", "new.handover_url", "https://169.254.169.254/", noIP, ""},
		{"the handover's: user info", "vendor.handover_url", "https://good@vendor.example/put", "Remove the user name before the @", ""},
		{"the handover's: a name for the inside", "vendor.handover_url", "https://metadata.google.internal/", "Enter a host name that can be reached from outside, not metadata.google.internal", ""},
	}},
	{"free text", []input{
		{"longest", "new.customer", strings.Repeat("é", 120), "", strings.Repeat("é", 120)},
		{"one more", "new.customer", strings.Repeat("é", 121), "Company must have 120 characters or fewer. It has 121", ""},
		{"longest", "redis.attested_by", strings.Repeat("é", 100), "", strings.Repeat("é", 100)},
		{"one more", "redis.attested_by", strings.Repeat("é", 101), "Your full name must have 100 characters or fewer. It has 101", ""},
		{"longest", "note.note", strings.Repeat("é", 4000), "", strings.Repeat("é", 4000)},
		{"one more", "note.note", strings.Repeat("é", 4001), "Write at most 4000 characters; this is 4001", ""},
		{"one more", "override.reason", strings.Repeat("é", 501), "Write at most 500 characters; this is 501", ""},
		{"empty", "note.note", blanks, "Write the note first", ""},
		{"empty", "override.reason", blanks, "Enter a reason. The customer will read it, and it stays on the record", ""},
		{"emoji and right-to-left letters", "new.customer", "עברית 👩‍🍳 \u200fLtd", "", "עברית 👩‍🍳 \u200fLtd"},
		{"emoji and right-to-left letters", "redis.attested_by", "שלום 🚀", "", "שלום 🚀"},
		{"text that turns what follows", "new.customer", "Acme \u202eelpmaS", "Company has a hidden character that changes the direction of text. Type it instead of pasting it", ""},
		{"text that turns what follows", "redis.attested_by", "Ada \u202eelpmaS", "Your full name has a hidden character that changes the direction of text. Type it instead of pasting it", ""},
		{"a line break", "new.customer", "Acme\r\nSample", "Company has a line break. Enter it on one line", ""},
		{"no name", "redis.attested_by", "123", "Enter your full name, for example Ada Sample", ""},
		{"longest", "override.reason", strings.Repeat("é", 500), "", strings.Repeat("é", 500)},
		{"a formula", "new.customer", `=HYPERLINK("http://evil.example")`, "", `=HYPERLINK("http://evil.example")`},
	}},
}

func datasets(n int) string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("acme-data.set_%d", i))
	}
	return strings.Join(names, "\n")
}

// enter sends an input on the form it belongs to, with the version that the onboarding has.
func (b *browser) enter(id onboarding.ID, in input) page {
	b.t.Helper()
	name, field, _ := strings.Cut(in.where, ".")
	f := formOf(id, name)
	pairs := []string{"version", strconv.Itoa(b.w.onboarding(id).Version)}
	for i := 0; i < len(f.base); i += 2 {
		if f.base[i] != strings.TrimSuffix(field, "[]") {
			pairs = append(pairs, f.base[i], f.base[i+1])
		}
	}
	value, more, twice := strings.Cut(in.typed, "&"+field+"=")
	pairs = append(pairs, field, value)
	if twice {
		pairs = append(pairs, field, more)
	}
	return b.post(f.path, pairs...)
}

// TestBadInputs posts each row to its page. A bad one is 422: the sentence at the field and on top, what was typed is still
// there and harmless, and nothing was written. A good one is stored as it was meant.
func TestBadInputs(t *testing.T) {
	w := newWorld(t)
	w.cloud.checks = []onboarding.CheckResult{domains}
	bad, good, planned := w.begun().ID, w.begun().ID, w.begun().ID // good takes what is good; a plan is read of the third
	browsers := map[string]*browser{ada: w.as(ada), sam: w.as(sam), root: w.as(root)}
	for i, id := range []onboarding.ID{bad, good, planned} {
		browsers[ada].fillInAs(id, fmt.Sprintf("acme-%d", i), "")
	}
	browsers[ada].connect(planned, ada, nil)
	want(t, browsers[ada].get(web.OnboardingPath(planned, "plan")), http.StatusOK) // the reading that a specialist decides about
	for _, kind := range inputs {
		t.Run(kind.kind, func(t *testing.T) {
			before := w.stored()
			for _, in := range kind.rows {
				t.Run(in.phrase+" in "+in.where, func(t *testing.T) {
					name, field, _ := strings.Cut(in.where, ".")
					id := bad
					switch {
					case name == "override":
						id = planned
					case in.says == "":
						id = good
					}
					b := *browsers[formOf(id, name).who]
					b.t = t
					if in.says == "" {
						want(t, b.enter(id, in), http.StatusSeeOther)
						if got := w.saved(t, id, name, field); !strings.Contains(got, "|"+in.saved+"|") {
							t.Errorf("stored %.200q, want %.80q", got, in.saved)
						}
						before = w.stored()
						return
					}
					p := b.enter(id, in)
					want(t, p, http.StatusUnprocessableEntity)
					in.mustComplain(t, p, strings.TrimSuffix(field, "[]"))
					w.untouched(t, before)
				})
			}
		})
	}
}

// action is the end of the address that the form is posted to.
func (in input) action() string {
	name, _, _ := strings.Cut(in.where, ".")
	path := formOf("", name).path
	return path[strings.LastIndex(path, "/")+1:]
}

// mustComplain checks a page that asks for a correction at a field.
func (in input) mustComplain(t *testing.T, p page, field string) {
	t.Helper()
	at := "f-" + field
	switch in.where {
	case "override.reason": // a page has one for each check
		at = "f-reason-policy-domains"
	case "invite.role": // two buttons, one of which is pressed
		at = "f-email"
	}
	if title := p.Find("title").Text(); !strings.HasPrefix(title, "Error: ") {
		t.Errorf("title %q", title)
	}
	if got := p.Find("[id='" + at + "-error']").Text(); !strings.Contains(got, in.says) {
		t.Errorf("at the field stands %q, want %q", got, in.says)
	}
	links := p.Find("#errors a").FilterFunction(func(_ int, a *goquery.Selection) bool { return strings.Contains(a.Text(), in.says) })
	if to := links.AttrOr("href", ""); to != "#"+at || p.Find("[id='"+at+"']").Length() != 1 {
		t.Errorf("the summary leads to %q: %s", to, p.Find("#errors").Text())
	}
	if strings.Contains(p.body, "<script>alert") || strings.Contains(p.body, ">49<") {
		t.Error("what was typed is not escaped")
	}
	control := p.Find("main form[action*='/" + in.action() + "'] [name='" + field + "']")
	kind := control.AttrOr("type", goquery.NodeName(control))
	shown := control.AttrOr("value", "")
	switch kind {
	case "radio", "checkbox":
		return // what isn't offered can't be drawn
	case "password":
		if shown != "" {
			t.Errorf("the secret came back as %q", shown)
		}
		return
	case "textarea":
		shown = control.Text()
	case "select":
		shown = control.Find("option[selected]").AttrOr("value", "")
	}
	typed, _, _ := strings.Cut(strings.NewReplacer("\x00", "", "\r\n", "\n").Replace(in.typed), "&"+field+"=")
	if strings.HasSuffix(in.where, "[]") {
		typed = ""
	}
	if strings.TrimSpace(shown) != strings.TrimSpace(typed) {
		t.Errorf("typed %.80q, drawn %.80q", typed, shown)
	}
}

// saved is what is stored for a field, between bars.
func (w *world) saved(t *testing.T, id onboarding.ID, name, field string) string {
	t.Helper()
	var all []string
	switch name {
	case "new":
		page, err := w.store.ListOnboardings(t.Context(), staffActor(sam), onboarding.Filter{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Items {
			all = append(all, o.Customer)
		}
	case "note":
		notes, err := pgtest.Notes(t.Context(), w.store, staffActor(sam), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range notes {
			all = append(all, n.Text)
		}
	case "override":
		conn := w.owner()
		defer conn.Close(t.Context())
		rows, err := conn.Query(t.Context(), `SELECT data ->> 'reason' FROM audit WHERE onboarding = $1 AND what = $2 ORDER BY seq`, id, onboarding.EventCheckOverridden)
		if err == nil {
			all, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		if err != nil {
			t.Fatal(err)
		}
	default:
		path := formOf(id, name).path
		var fields map[string]any
		if err := json.Unmarshal(w.onboarding(id).Answers[path[strings.LastIndex(path, "/")+1:]], &fields); err != nil {
			t.Fatal(err)
		}
		lines, ok := fields[field].([]any)
		if !ok {
			return fmt.Sprintf("|%v|", fields[field])
		}
		for _, l := range lines {
			all = append(all, fmt.Sprint(l))
		}
		return "|" + strings.Join(all, "\n") + "|"
	}
	return "|" + strings.Join(all, "|") + "|"
}
