package wizard

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"groundwork/onboarding"
)

// reading is what a reader makes of what was typed: the value meant, or the sentence that says what to correct.
type reading struct{ typed, value, problem string }

func TestReadersTakeWhatIsMeantAndSayWhatToMend(t *testing.T) {
	tests := []struct {
		name     string
		read     func(string) (string, string)
		readings []reading
	}{
		{"deployment name", DeploymentName, []reading{
			{"", "", "Enter a deployment name"},
			{"a", "a", ""},
			{"mycompany-production", "mycompany-production", ""},
			{"abcdefghijklmnopqrstu", "abcdefghijklmnopqrstu", ""},
			{"abcdefghijklmnopqrstuv", "", "Enter a name of at most 21 characters. This one is 1 character too long"},
			{"abcdefghijklmnopqrstuvwx", "", "Enter a name of at most 21 characters. This one is 3 characters too long"},
			{"MyCompany-Production", "", "Deployment names can’t have capital letters. Use mycompany-production"},
			{"acme-", "", "End the name with a letter or a digit, not a hyphen"},
			{"-acme", "", "Start the name with a letter or a digit, not a hyphen"},
			{"xn--acme", "", "Choose a name that doesn’t start with xn--, which is kept for addresses in other alphabets"},
			{"www", "", "Choose another name. www is reserved"},
			{"support", "", "Choose another name. support is reserved"},
			{"my-support", "my-support", ""},
			{"7acme", "7acme", ""},
			{"a--b", "a--b", ""},
			{" acme ", "acme", ""},
			{"аcme", "", "“а” looks like “a” but is a different character. Type the name again as acme"},
			{"acmе-prod", "", "“е” looks like “e” but is a different character. Type the name again as acme-prod"},
			{"ac\u200bme", "", "Deployment name has an invisible character. Type it instead of pasting it"},
			{"../x", "", "Use only letters a to z, digits, and hyphens"},
			{"'; DROP TABLE x;--", "", "Use only letters a to z, digits, and hyphens"},
			{"{{7*7}}", "", "Use only letters a to z, digits, and hyphens"},
			{"<script>alert(1)</script>", "", "Use only letters a to z, digits, and hyphens"},
			{"ac\x00me", "", "Deployment name has a hidden control character. Type it instead of pasting it"},
			{strings.Repeat("a", 1048576), "", "Enter a name of at most 21 characters. This one is 1048555 characters too long"},
			{"https://acme.tecton.ai/", "acme", ""},
			{"acme.tecton.ai", "acme", ""},
			{"https://console.cloud.google.com/?project=x", "", "Enter only the name, not an address. For example, mycompany-production"},
			{"mygoogle", "", "Choose a name without “google”. Google Cloud refuses buckets with that word in their name"},
			{"my-g00gle", "", "Choose a name without “google”. Google Cloud refuses buckets with that word in their name"},
			{"acme prod", "", "Use only letters a to z, digits, and hyphens. For example, acme-prod"},
			{"acme_prod", "", "Use only letters a to z, digits, and hyphens. For example, acme-prod"},
			{"acme.prod", "", "Use only letters a to z, digits, and hyphens. For example, acme-prod"},
			{"ac\xffme", "", "Deployment name has characters that can’t be read. Type it instead of pasting it"},
			{"acm\u00e9", "", "Use only letters a to z, digits, and hyphens"},
			{"acme\nx", "", "Deployment name has a line break. Enter it on one line"},
			{"\uff21\uff23\uff2d\uff25", "", "“Ａ” looks like “A” but is a different character. Type the name again as acme"},
			{"\u00dcnder", "", "Use only letters a to z, digits, and hyphens"},
			{"my company is far too long really", "", "Use only letters a to z, digits, and hyphens"},
		}},
		{"project ID", ProjectID, []reading{
			{"", "", "Enter the project ID"},
			{"acme-data-prod", "acme-data-prod", ""},
			{"https://console.cloud.google.com/home/dashboard?project=acme-data-prod&authuser=1", "acme-data-prod", ""},
			{"https://console.cloud.google.com/", "", "That address doesn’t contain a project. Open the project in the Cloud console and copy its ID from the dashboard"},
			{"Acme-Data", "", "Project IDs can’t have capital letters. Use acme-data"},
			{"123456789012", "", "That is a project number. Enter the project ID, for example acme-data-prod"},
			{"abc", "", "A project ID has at least 6 characters. Copy it from the Cloud console"},
			{"a-", "", "A project ID ends with a letter or a digit, not a hyphen"},
			{"My Project", "", "That looks like a project’s name. Enter the project ID, for example acme-data-prod"},
			{"example.com:proj", "", "Projects with a domain in their ID (example.com:project) can’t be used. Choose another project"},
			{"ada@customer.example", "", "Enter the project ID, not an email address"},
			{"projects/acme-data-prod", "acme-data-prod", ""},
			{strings.Repeat("a", 31), "", "A project ID has at most 30 characters. This one has 31"},
			{"1abcdef", "", "A project ID starts with a letter and has only lowercase letters, digits, and hyphens. Copy it from the Cloud console"},
			{"acme-prod-", "", "A project ID ends with a letter or a digit, not a hyphen"},
			{"аcme-data", "", "“а” looks like “a” but is a different character. Type it again"},
		}},
		{"bucket", BucketName, []reading{
			{"gs://my-bucket/path", "", "That is a path in the bucket my-bucket. Access is given to whole buckets only: enter gs://my-bucket to let Spark read everything in it, or move the data to a bucket of its own"},
			{"gs://my-bucket/", "my-bucket", ""},
			{"https://console.cloud.google.com/storage/browser/my-bucket/reports/2026?project=x", "", "That is a path in the bucket my-bucket. Access is given to whole buckets only: enter gs://my-bucket to let Spark read everything in it, or move the data to a bucket of its own"},
			{"my-bucket", "my-bucket", ""},
			{"https://console.cloud.google.com/storage/browser/my-bucket;tab=objects?project=x", "my-bucket", ""},
			{"https://console.cloud.google.com/storage/browser?project=x", "", "That address doesn’t contain a bucket. Open the bucket in the Cloud console and copy its name"},
			{"https://storage.cloud.google.com/bk1/obj", "", "That is a path in the bucket bk1. Access is given to whole buckets only: enter gs://bk1 to let Spark read everything in it, or move the data to a bucket of its own"},
			{"https://storage.cloud.google.com/bk1", "bk1", ""},
			{"My-Bucket", "", "Bucket names can’t have capital letters. Use my-bucket"},
			{"a", "", "A bucket name has at least 3 characters"},
			{"ab..cd", "", "A bucket name can’t have two dots in a row"},
			{"1.2.3.4", "", "A bucket name can’t be an IP address"},
			{"goog-x", "", "Bucket names can’t start with goog or contain “google”. Check the name in the Cloud console"},
			{"my-google", "", "Bucket names can’t start with goog or contain “google”. Check the name in the Cloud console"},
			{"_x", "", "A bucket name has at least 3 characters"},
			{strings.Repeat("a", 64), "", "A bucket name has at most 63 characters. This one has 64"},
			{"../x", "", "“../x” isn’t a bucket name. Use lowercase letters, digits, hyphens, underscores, and dots, with a letter or a digit at both ends"},
			{"https://evil.example/x", "", "Enter just the bucket’s name, or gs://name"},
		}},
		{"dataset", DatasetRef, []reading{
			{"acme-data.sales", "acme-data.sales", ""},
			{"acme-data:sales", "acme-data.sales", ""},
			{"`acme-data.sales`", "acme-data.sales", ""},
			{"sales", "", "“sales” has no project. Enter it as project.dataset"},
			{"acme-data.sales.orders", "", "“acme-data.sales.orders” is a table. Enter its dataset, acme-data.sales"},
			{"acme-data.", "", "“acme-data.” has no dataset. Enter it as project.dataset"},
			{"https://console.cloud.google.com/bigquery?project=acme-data&p=acme-pub&d=sales&page=dataset", "acme-pub.sales", ""},
			{"https://console.cloud.google.com/bigquery?project=acme-data&ws=!1m4!1m3!3m2!1sacme-data!2ssales", "acme-data.sales", ""},
			{"https://console.cloud.google.com/bigquery?project=acme-data", "", "That address doesn’t contain a dataset. Enter it as project.dataset"},
			{"acme-data.sa-les", "", "“sa-les” isn’t a dataset name. Use letters, digits, and underscores, at most 1,024"},
			{".sales", "", "Enter the project ID"},
			{"Acme-data.sales", "", "Project IDs can’t have capital letters. Use acme-data"},
		}},
		{"service account", ServiceAccount, []reading{
			{"tecton-acme-spark@acme-data.iam.gserviceaccount.com", "tecton-acme-spark@acme-data.iam.gserviceaccount.com", ""},
			{"serviceAccount:tecton-acme-spark@acme-data.iam.gserviceaccount.com", "tecton-acme-spark@acme-data.iam.gserviceaccount.com", ""},
			{"ada@customer.example", "", "ada@customer.example is not a service account. Enter an address that ends with .iam.gserviceaccount.com"},
			{"ada@gmail.com", "", "ada@gmail.com is not a service account. Enter an address that ends with .iam.gserviceaccount.com"},
			{"no-at", "", "Service account needs an @, for example name@example.com"},
			{"a@b@c.example", "", "Service account has more than one @. Enter one address"},
			{"x@y\r\nBcc: z@evil.example", "", "Service account has a line break. Enter it on one line"},
			{"123-compute@developer.gserviceaccount.com", "", "That is the Compute Engine default account, which every machine in the project can use. Enter an account made for this, or have one created"},
			{"acme@appspot.gserviceaccount.com", "", "That is the App Engine default account, which the project’s apps use. Enter an account made for this, or have one created"},
			{"123@cloudservices.gserviceaccount.com", "", "That is an account that Google itself uses. Enter an account made for this, or have one created"},
			{"service-1@gcp-sa-x.iam.gserviceaccount.com", "", "That is an account that Google itself uses. Enter an account made for this, or have one created"},
			{strings.Repeat("a", 255) + "@x.example", "", "Service account must have 254 characters or fewer. It has 265"},
			{"x@acme-data.iam.gserviceaccount.com", "", "The part before the @ has 6 to 30 lowercase letters, digits, and hyphens, and starts with a letter"},
			{"spark-acct@acme-data.customer.example.iam.gserviceaccount.com", "", "Accounts from projects with a domain in their ID can’t be used. Enter an account from another project"},
			{"spark-acct@AC.iam.gserviceaccount.com", "", "“ac” isn’t a project ID. A service account’s address has the form name@project.iam.gserviceaccount.com"},
			{"spark-acct@iam.gserviceaccount.com", "", "A service account’s address has the form name@project.iam.gserviceaccount.com"},
			{"https://console.cloud.google.com/iam-admin/serviceaccounts/details/1234", "", "Copy the account’s email address from that page. It ends with .iam.gserviceaccount.com"},
			{"spark-acct@acme-data.iam.gserviceaccount.com.evil.example", "", "spark-acct@acme-data.iam.gserviceaccount.com.evil.example is not a service account. Enter an address that ends with .iam.gserviceaccount.com"},
			{"@acme-data.iam.gserviceaccount.com", "", "Service account needs 1 to 64 characters before the @"},
		}},
		{"email address", Email, []reading{
			{"Ada@Customer.example", "ada@customer.example", ""},
			{"Ada Sample <ada@customer.example>", "ada@customer.example", ""},
			{"mailto:ada@customer.example", "ada@customer.example", ""},
			{"ada", "", "Email address needs an @, for example name@example.com"},
			{"o'ada@customer.example", "o'ada@customer.example", ""},
			{"https://ada@customer.example", "", "Enter one address without spaces or brackets, for example name@example.com"},
			{"ada@b@c", "", "Email address has more than one @. Enter one address"},
			{"ada@customer.example\nBcc: x@evil.example", "", "Email address has a line break. Enter it on one line"},
			{"a b@c.example", "", "Enter one address without spaces or brackets, for example name@example.com"},
			{strings.Repeat("a", 245) + "@x.example", "", "Email address must have 254 characters or fewer. It has 255"},
			{"ada@customer", "", "Check the part after the @. “customer” isn’t a domain"},
			{"x@acme-data.iam.gserviceaccount.com", "", "That is a service account. Enter a person’s email address"},
			{"\u00e4da@customer.example", "", "“ä” can’t be used in an email address here. Use letters a to z"},
			{"a..b@customer.example", "", "Check the dots before the @"},
			{"a,b@c.example", "", "Enter one address without spaces or brackets, for example name@example.com"},
			{strings.Repeat("a", 65) + "@x.example", "", "Email address needs 1 to 64 characters before the @"},
		}},
		{"addressee of an invite", Addressee, []reading{
			{" Ada@Customer.example ", "ada@customer.example", ""},
			{"Ada Sample <ada@customer.example>", "ada@customer.example", ""},
			{"ada@gmail.com", "ada@gmail.com", ""},
			{"@Customer.example", "@customer.example", ""},
			{"customer.example", "@customer.example", ""},
			{"*@customer.example", "@customer.example", ""},
			{"@eu.customer-group.co.uk", "@eu.customer-group.co.uk", ""},
			{"@", "", "Enter an email address, or a company’s domain such as @customer.example"},
			{"grace", "", "“grace” is neither an email address nor a domain. Enter name@customer.example, or @customer.example for the first person from the company to sign in"},
			{"@customer", "", "“customer” is neither an email address nor a domain. Enter name@customer.example, or @customer.example for the first person from the company to sign in"},
			{"@customer.example.", "", "“customer.example.” is neither an email address nor a domain. Enter name@customer.example, or @customer.example for the first person from the company to sign in"},
			{"@127.0.0.1", "", "“127.0.0.1” is neither an email address nor a domain. Enter name@customer.example, or @customer.example for the first person from the company to sign in"},
			{"https://customer.example/", "", "“https://customer.example/” is neither an email address nor a domain. Enter name@customer.example, or @customer.example for the first person from the company to sign in"},
			{"@customer.example, @other.example", "", "Email address has more than one @. Enter one address"},
			{"@@customer.example", "", "Email address has more than one @. Enter one address"},
			{"@customer.example\nBcc: x@evil.example", "", "Email address has a line break. Enter it on one line"},
			{"@customer.exam\u200bple", "", "Domain has an invisible character. Type it instead of pasting it"},
			{"@" + strings.Repeat("a.", 127) + "example", "", "Domain must have 253 characters or fewer. It has 261"},
			{"@gmail.com", "", "Anyone can have an address at gmail.com. Enter the person’s whole address, for example name@gmail.com"},
			{"yahoo.co.jp", "", "Anyone can have an address at yahoo.co.jp. Enter the person’s whole address, for example name@yahoo.co.jp"},
			{"@acme-data.iam.gserviceaccount.com", "", "That is a domain of service accounts. Enter a person’s email address, or their company’s domain"},
		}},
		{"IP range", CIDR, []reading{
			{"10.20.0.0/24", "10.20.0.0/24", ""},
			{"10.20.0.0/33", "", "“/33” isn’t a size. Use a number from 8 to 32 after the slash, for example 10.20.0.0/24"},
			{"10.20.0.5/24", "", "10.20.0.5/24 is an address inside a range. Use 10.20.0.0/24"},
			{"0.0.0.0/0", "", "That is the whole internet. Enter only the range of the Redis network"},
			{"2001:db8::/32", "", "Enter an IPv4 range, for example 10.20.0.0/24"},
			{"10.20.0.0", "", "Add the size of the range, for example 10.20.0.0/24"},
			{"", "", "Enter an IP range"},
			{"x", "", "Enter an IPv4 range, for example 10.20.0.0/24"},
			{"10.20.0.0/-1", "", "“/-1” isn’t a size. Use a number from 8 to 32 after the slash, for example 10.20.0.0/24"},
			{"10.20.0.0/1e1", "", "“/1e1” isn’t a size. Use a number from 8 to 32 after the slash, for example 10.20.0.0/24"},
			{"10.0.0.0/7", "", "That range is too large to peer. Use a number from 8 to 32 after the slash"},
			{"127.0.0.0/8", "", "127.0.0.0/8 is reserved for other uses and can’t be peered. Enter the range of the Redis network"},
			{"169.254.1.0/24", "", "169.254.1.0/24 is reserved for other uses and can’t be peered. Enter the range of the Redis network"},
			{"10.20.0/24", "", "Enter an IPv4 range, for example 10.20.0.0/24"},
			{"010.20.0.0/24", "", "Enter an IPv4 range, for example 10.20.0.0/24"},
			{"10.20.0.0/024", "", "“/024” isn’t a size. Use a number from 8 to 32 after the slash, for example 10.20.0.0/24"},
			{"::ffff:10.0.0.0/104", "", "Enter an IPv4 range, for example 10.20.0.0/24"},
		}},
		{"endpoint", HostPort, []reading{
			{"redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345", "redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345", ""},
			{"redis.example.com:0", "", "“0” isn’t a port. Use a number from 1 to 65535"},
			{"redis.example.com:65536", "", "“65536” isn’t a port. Use a number from 1 to 65535"},
			{"redis.example.com:-1", "", "“-1” isn’t a port. Use a number from 1 to 65535"},
			{"redis.example.com:1e3", "", "“1e3” isn’t a port. Use a number from 1 to 65535"},
			{"redis.example.com", "", "Enter the endpoint as host:port, for example redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345"},
			{"redis.example.com:", "", "Add the port after the host name, for example redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345"},
			{"10.0.0.1:6379", "", "Enter the host name, not an IP address"},
			{"127.1:6379", "", "Enter the host name, not an IP address"},
			{"[::1]:6379", "", "Enter the host name, not an IP address"},
			{"localhost:6379", "", "Enter a host name that can be reached from outside, not localhost"},
			{"metadata.google.internal:80", "", "Enter a host name that can be reached from outside, not metadata.google.internal"},
			{"redis://u:p@redis.example.com:6379", "", "Leave out the scheme and the password. Enter host:port"},
			{"rediss://redis.example.com:6379", "", "Leave out the scheme. Enter redis.example.com:6379"},
			{"u:p@redis.example.com:6379", "", "Leave out the user and the password. Enter host:port"},
			{"redis.example.com.:6379", "", "Remove the dot at the end of the host name"},
			{"2130706433:80", "", "Enter the host name, not an IP address"},
			{"0x7f000001:80", "", "Enter the host name, not an IP address"},
			{"redis:6379", "", "“redis” isn’t a host name. Copy the whole address"},
			{"redis.example.com:06379", "", "“06379” isn’t a port. Use a number from 1 to 65535"},
			{"REDIS.example.com:6379", "redis.example.com:6379", ""},
			{"::ffff:169.254.169.254:80", "", "Enter the host name, not an IP address"},
		}},
		{"workspace", WorkspaceURL, []reading{
			{"https://123.4.gcp.databricks.com/?o=123", "https://123.4.gcp.databricks.com", ""},
			{"https://1234567890123456.7.gcp.databricks.com", "https://1234567890123456.7.gcp.databricks.com", ""},
			{"1234567890123456.7.gcp.databricks.com/browse", "https://1234567890123456.7.gcp.databricks.com", ""},
			{"http://123.4.gcp.databricks.com", "", "Use https:// instead of http://"},
			{"javascript:alert(1)", "", "Enter an address that starts with https://, such as https://1234567890123456.7.gcp.databricks.com"},
			{"javascript://123.4.gcp.databricks.com", "", "Enter an address that starts with https://, such as https://1234567890123456.7.gcp.databricks.com"},
			{"file:///etc/passwd", "", "Enter an address that starts with https://, such as https://1234567890123456.7.gcp.databricks.com"},
			{"https://good@evil.example", "", "Remove the user name before the @. Enter only the workspace’s address"},
			{"https://123.4.gcp.databricks.com@evil.example", "", "Remove the user name before the @. Enter only the workspace’s address"},
			{"https://x.gcp.databricks.com.evil.example", "", "“x.gcp.databricks.com.evil.example” isn’t a Databricks workspace on Google Cloud. Its address ends with .gcp.databricks.com"},
			{"https://evil.example\\.gcp.databricks.com", "", "Remove the backslash. Enter an address such as https://1234567890123456.7.gcp.databricks.com"},
			{"https://evil.example#.gcp.databricks.com", "", "“evil.example” isn’t a Databricks workspace on Google Cloud. Its address ends with .gcp.databricks.com"},
			{"https://evil.example?.gcp.databricks.com", "", "“evil.example” isn’t a Databricks workspace on Google Cloud. Its address ends with .gcp.databricks.com"},
			{"https://123.4.gcp.databricks.com#@evil.example", "", "Remove the user name before the @. Enter only the workspace’s address"},
			{"https://123.4.gcp.databricks.com:8443", "", "Remove the port “:8443” from the address"},
			{"https://123.4.gcp.databricks.com:443/", "", "Remove the port “:443” from the address"},
			{"https://123.4.gcp.databricks.com./", "", "Remove the dot at the end of the host name"},
			{"https://127.1", "", "Enter the host name, not an IP address"},
			{"https://2130706433", "", "Enter the host name, not an IP address"},
			{"https://0x7f000001", "", "Enter the host name, not an IP address"},
			{"https://0x7f.1", "", "Enter the host name, not an IP address"},
			{"https://[::1]", "", "Enter the host name, not an IP address"},
			{"https://[::ffff:169.254.169.254]", "", "Enter the host name, not an IP address"},
			{"https://[64:ff9b::a9fe:a9fe]", "", "Enter the host name, not an IP address"},
			{"https://169.254.169.254/latest", "", "Enter the host name, not an IP address"},
			{"https://adb-1.2.azuredatabricks.net", "", "That workspace isn’t on Google Cloud. Enter one whose address ends with .gcp.databricks.com"},
			{"https://acme.cloud.databricks.com", "", "That workspace isn’t on Google Cloud. Enter one whose address ends with .gcp.databricks.com"},
			{"https://accounts.gcp.databricks.com", "", "That is Databricks’ own page, not a workspace. Open the workspace and copy its address, such as https://1234567890123456.7.gcp.databricks.com"},
			{"https://gcp.databricks.com", "", "Enter the whole address of the workspace, such as https://1234567890123456.7.gcp.databricks.com"},
			{"https://acme.gcp.databricks.com", "https://acme.gcp.databricks.com", ""},
			{"https://a.b.c.gcp.databricks.com", "", "“a.b.c.gcp.databricks.com” isn’t a Databricks workspace on Google Cloud. Its address ends with .gcp.databricks.com"},
			{"https://%31.gcp.databricks.com", "", "“%31.gcp.databricks.com” isn’t a host name. Copy the whole address"},
			{"https://123.4.gcp.dаtabricks.com", "", "“а” looks like “a” but is a different character. Type it again"},
			{"123.4.gcp.databricks.com:8443", "", "Remove the port “:8443” from the address"},
			{"", "", "Enter the workspace address, such as https://1234567890123456.7.gcp.databricks.com"},
			{"https://", "", "Enter the workspace address, such as https://1234567890123456.7.gcp.databricks.com"},
			{"data:text/html,x", "", "Enter an address that starts with https://, such as https://1234567890123456.7.gcp.databricks.com"},
			{"https:/123.4.gcp.databricks.com", "", "Enter an address that starts with https://, such as https://1234567890123456.7.gcp.databricks.com"},
			{"//123.4.gcp.databricks.com", "", "Enter an address that starts with https://, such as https://1234567890123456.7.gcp.databricks.com"},
			{"HTTPS://123.4.GCP.databricks.com", "https://123.4.gcp.databricks.com", ""},
			{"https://123.4.gcp.databricks.com:80:90/", "", "Remove the port “:80:90” from the address"},
			{"ftp://x", "", "Enter an address that starts with https://, such as https://1234567890123456.7.gcp.databricks.com"},
		}},
		{"https address", HTTPSURL, []reading{
			{"https://bucket.s3.amazonaws.com/x?X-Amz-Signature=1", "https://bucket.s3.amazonaws.com/x?X-Amz-Signature=1", ""},
			{"http://x.example", "", "Use https:// instead of http://"},
			{"https://10.0.0.1/", "", "Enter the host name, not an IP address"},
			{"https://u:p@x.example/", "", "Remove the user name before the @"},
			{"https://x.example:8443/", "", "Remove the port from the address"},
			{"x", "", "Enter an address that starts with https://"},
			{"https://localhost/x", "", "Enter a host name that can be reached from outside, not localhost"},
			{"https://x.example/#a", "", "Remove the part after the #"},
			{"javascript:alert(1)", "", "Enter an address that starts with https://"},
		}},
		{"network", Network, []reading{
			{"default", "default", ""},
			{"projects/p/global/networks/my-net", "my-net", ""},
			{"My-Net", "", "Network names can’t have capital letters. Use my-net"},
			{"-x", "", "A network name starts with a letter and has only lowercase letters, digits, and hyphens"},
			{"", "", "Enter the network’s name"},
		}},
		{"instance ID", InstanceID, []reading{
			{"tecton-acme", "tecton-acme", ""},
			{"abc", "", "An instance ID has at least 6 characters. This one has 3"},
			{"Tecton-Acme", "", "Instance IDs can’t have capital letters. Use tecton-acme"},
			{"x-", "", "An instance ID has at least 6 characters. This one has 2"},
			{"https://console.cloud.google.com/bigtable/instances/tecton-acme/overview?project=x", "tecton-acme", ""},
			{"projects/p/instances/tecton-acme", "tecton-acme", ""},
			{strings.Repeat("a", 34), "", "An instance ID has at most 33 characters. This one has 34"},
			{"tecton-acme-", "", "An instance ID ends with a letter or a digit, not a hyphen"},
			{"1tecton", "", "An instance ID starts with a letter and has only lowercase letters, digits, and hyphens"},
		}},
		{"role", RoleName, []reading{
			{"roles/bigtable.user", "roles/bigtable.user", ""},
			{"projects/acme-data/roles/x_y", "projects/acme-data/roles/x_y", ""},
			{"bigtable.user", "", "Enter the role as roles/…, projects/…/roles/… or organizations/…/roles/…"},
			{"roles/<x>", "", "Enter the role as roles/…, projects/…/roles/… or organizations/…/roles/…"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range tt.readings {
				value, problem := tt.read(r.typed)
				if value != r.value || problem != r.problem {
					t.Errorf("%s:\n got (%q, %q)\nwant (%q, %q)", fmt.Sprintf("%.60q", r.typed), value, problem, r.value, r.problem)
				}
			}
		})
	}
}

// What a reader of an address gives is safe to use: a further property of its values.
var safe = map[string]func(value string) bool{
	"DeploymentName": func(v string) bool { return len(v) <= MaxDeployment && domainShape.MatchString(v+".example") },
	"ProjectID":      projectShape.MatchString,
	"Email": func(v string) bool {
		a, err := mail.ParseAddress(v)
		return err == nil && a.Address == v && strings.ToLower(v) == v && len(v) <= 254
	},
	"Addressee":      func(v string) bool { return strings.Count(v, "@") == 1 && !strings.ContainsAny(v, " ,;<>\"") },
	"ServiceAccount": func(v string) bool { return projectShape.MatchString(onboarding.AccountProject(v)) },
	"CIDR": func(v string) bool {
		p, err := netip.ParsePrefix(v)
		return err == nil && p.Addr().Is4() && p.Bits() >= 8 && p == p.Masked() && !p.Addr().IsLoopback() && !p.Addr().IsLinkLocalUnicast() && !p.Addr().IsMulticast()
	},
	"HostPort": func(v string) bool {
		host, port, err := net.SplitHostPort(v)
		n, numErr := strconv.Atoi(port)
		_, isIP := netip.ParseAddr(host)
		return err == nil && numErr == nil && n >= 1 && n <= 65535 && isIP != nil && strings.Contains(host, ".")
	},
	"WorkspaceURL": func(v string) bool {
		u, err := url.Parse(v)
		return err == nil && v == "https://"+u.Host && u.Host == u.Hostname() && strings.HasSuffix(u.Host, WorkspaceSuffix)
	},
	"HTTPSURL": func(v string) bool {
		u, err := url.Parse(v)
		if err != nil {
			return false
		}
		_, isIP := netip.ParseAddr(u.Hostname())
		return u.Scheme == "https" && u.User == nil && (u.Port() == "" || u.Port() == "443") && isIP != nil && !strings.HasSuffix(strings.ToLower(u.Hostname()), ".internal")
	},
}

// What a reader gives, it reads as the same; it gives a value or a sentence; and the value is safe.
func FuzzReaders(f *testing.F) {
	for _, s := range []string{
		"acme-prod", " ACME ", "https://acme.tecton.ai/", "gs://b-1/x", "a-b-c-d:ds", "x@acme-data.iam.gserviceaccount.com", "serviceAccount:spark-1@acme-data.iam.gserviceaccount.com",
		"Ada <ada@customer.example>", "mailto:ada@customer.example", "@customer.example", "*.customer.example", "10.0.0.0/24", "::ffff:10.0.0.0/104", "redis.example.com:1", "127.1:80", "0x7f.1:443",
		"https://1.2.gcp.databricks.com/?o=1", "https://evil.example#.gcp.databricks.com", "https://good@evil.example", "https://bucket.example/put?X=%20", "https://10.0.0.1/", "roles/x", "\x00\xff\u200b",
		"https://console.cloud.google.com/bigquery?p=acme-data&d=x", "https://console.cloud.google.com/home?project=acme-data-prod", "https://console.cloud.google.com/storage/browser/b-1;tab=x", "6.x", "C01abc23d",
		"projects/p/global/networks/net", "projects/acme-data/instances/tecton-acme", "аcme", "\uff21\uff23\uff2d\uff25",
	} {
		f.Add(s)
	}
	readers := map[string]func(string) (string, string){
		"DeploymentName": DeploymentName, "ProjectID": ProjectID, "BucketName": BucketName, "DatasetRef": DatasetRef,
		"ServiceAccount": ServiceAccount, "Email": Email, "Addressee": Addressee, "CIDR": CIDR, "HostPort": HostPort, "WorkspaceURL": WorkspaceURL,
		"HTTPSURL": HTTPSURL, "Network": Network, "InstanceID": InstanceID, "RoleName": RoleName, "Company": Company,
		"redisVersion": redisVersion, "googleCustomerID": googleCustomerID,
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, read := range readers {
			value, problem := read(s)
			if (value == "") == (problem == "") {
				t.Errorf("%s(%q) = (%q, %q); want a value or a sentence", name, s, value, problem)
			}
			if problem != "" {
				if len(problem) > 700 || !utf8.ValidString(problem) || strings.Contains(problem, "\x00") {
					t.Errorf("%s(%.60q) says %q", name, s, problem)
				}
				continue
			}
			if again, p := read(value); again != value || p != "" {
				t.Errorf("%s(%q) = %q, but reads that as (%q, %q)", name, s, value, again, p)
			}
			if strings.ContainsAny(value, "\x00\r\n\t") {
				t.Errorf("%s(%q) = %q holds a control character", name, s, value)
			}
			if holds := safe[name]; holds != nil && !holds(value) {
				t.Errorf("%s(%q) = %q, which is not safe to use", name, s, value)
			}
		}
	})
}

// The names that follow from a deployment's fit Google's rules, and two deployments have none in common.
func FuzzDerivedNames(f *testing.F) {
	for _, pair := range [][2]string{{"acme-prod", "acme"}, {"mycompany-production1", "mycompany-production2"}, {"a", "b"}, {"7acme--prod", "7acme-prod"}, {strings.Repeat("a", 21), strings.Repeat("a", 20) + "b"}, {"tecton-acme", "acme"}} {
		f.Add(pair[0], pair[1])
	}
	derived := func(name string) map[string]string {
		return map[string]string{
			"bucket": onboarding.BucketName(name), "account": onboarding.SparkAccountID(name), "role": onboarding.CustomRoleID(name), "instance": onboarding.DefaultInstanceID(name),
		}
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		a, problem := DeploymentName(a)
		if problem != "" {
			t.Skip()
		}
		names := derived(a)
		if v, p := BucketName(names["bucket"]); v != names["bucket"] || p != "" {
			t.Errorf("%q makes the bucket %q: %s", a, names["bucket"], p)
		}
		if v, p := ServiceAccount(names["account"] + "@acme-data.iam.gserviceaccount.com"); p != "" {
			t.Errorf("%q makes the account %q: %s", a, v, p)
		}
		if v, p := RoleName("projects/acme-data/roles/" + names["role"]); p != "" {
			t.Errorf("%q makes the role %q: %s", a, v, p)
		}
		if v, p := InstanceID(names["instance"]); p != "" {
			t.Errorf("%q makes the instance %q: %s", a, v, p)
		}
		if scope := onboarding.SecretScopeName(a); len(scope) > 128 || !strings.HasPrefix(scope, "tecton-") {
			t.Errorf("%q makes the scope %q", a, scope)
		}
		if b, problem = DeploymentName(b); problem != "" || a == b {
			return
		}
		for what, other := range derived(b) {
			if other == names[what] {
				t.Errorf("%q and %q have one %s, %s", a, b, what, other)
			}
		}
	})
}

func TestVendorValues(t *testing.T) {
	good := map[string][]string{
		"control_plane_account": {"serviceAccount:tecton-acme-prod-control-plane@tecton-acme.iam.gserviceaccount.com"},
		"proposed_name":         {"acme-prod"},
		"allow_dataproc":        {"on"},
		"serving_project":       {"tecton-serving"},
		"serving_network":       {"default"},
		"redis_version":         {"6.X"},
		"google_customer_id":    {"C01abc23d"},
		"handover_url":          {"https://bucket.example/put?signature=1"},
		"status":                {"done"},
	}
	form := ParseVendor(good, onboarding.VendorValues{})
	if len(form.Problems) != 0 || len(form.Warnings) != 0 {
		t.Fatalf("got problems %v, warnings %v", form.Problems, form.Warnings)
	}
	if v := form.Values; v.ControlPlaneAccount != "tecton-acme-prod-control-plane@tecton-acme.iam.gserviceaccount.com" || !v.AllowDataproc || v.RedisVersion != "6.x" {
		t.Errorf("got %+v", v)
	}

	bad := map[string][]string{
		"control_plane_account": {"ada@vendor.example"},
		"proposed_name":         {"Acme"},
		"redis_version":         {"latest"},
		"google_customer_id":    {"customers/1"},
		"act_as_role":           {"owner"},
		"serving_network":       {"a", "b"},
	}
	problems := ParseVendor(bad, onboarding.VendorValues{}).Problems
	want := Problems{
		{"control_plane_account", "ada@vendor.example is not a service account. Enter an address that ends with .iam.gserviceaccount.com"},
		{"proposed_name", "Deployment names can’t have capital letters. Use acme"},
		{"google_customer_id", "Enter the customer ID from the Google Admin console. It starts with C, for example C01abc23d"},
		{"act_as_role", "Enter the role as roles/…, projects/…/roles/… or organizations/…/roles/…"},
		{"serving_network", "Give only one answer for “Serving network”"},
		{"redis_version", "Enter a Redis version such as 6.x or 7.2"},
	}
	if fmt.Sprint(problems) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", problems, want)
	}

	problems = ParseVendor(map[string][]string{"serving_project": {"tecton-serving"}}, onboarding.VendorValues{}).Problems
	if got := problems.At("serving_network"); len(got) != 1 || got[0] != "Enter the serving network too, or leave both empty" {
		t.Errorf("half a serving network gives %q", problems)
	}
}

func TestEveryVendorValueIsReadShownAgainAndDrawn(t *testing.T) {
	for _, d := range onboarding.VendorDeclarations() {
		if d.Shape != onboarding.ShapeFlag && reader(d) == nil {
			t.Errorf("nothing reads the %s of %s", d.Shape, d.Name)
		}
		form := ParseVendor(map[string][]string{d.Name: {" not one"}}, onboarding.VendorValues{})
		if d.Shape == onboarding.ShapeFlag {
			form = ParseVendor(map[string][]string{d.Name: {"yes"}}, onboarding.VendorValues{})
		}
		field := VendorField(d, form.Typed, onboarding.VendorValues{}, form.Problems)
		switch {
		case d.Shape == onboarding.ShapeFlag:
			if d.Get(form.Values) != "on" || field.Value != "on" {
				t.Errorf("%s isn't ticked: %+v", d.Name, field)
			}
		case len(field.Errors) != 1:
			t.Errorf("%s takes anything: %+v", d.Name, field)
		case d.Sealed != "":
			if field.Value != "" || field.Kind != KindSecret || !form.Sealed[d.Sealed].Empty() {
				t.Errorf("%s is shown: %+v", d.Name, field)
			}
		case field.Value != " not one" || d.Get(form.Values) != "":
			t.Errorf("%s isn't shown as typed: %+v", d.Name, field)
		}
	}
}

func TestControlPlaneAccountOfAnotherDeploymentIsAWarning(t *testing.T) {
	for _, tt := range []struct{ account, deployment, want string }{
		{"tecton-acme-control-plane@tecton-acme.iam.gserviceaccount.com", "acme", ""},
		{"", "acme", ""},
		{"tecton-acme-control-plane@tecton-acme.iam.gserviceaccount.com", "", ""},
		{"tecton-other-control-plane@tecton-acme.iam.gserviceaccount.com", "acme", "tecton-other-control-plane@tecton-acme.iam.gserviceaccount.com is named after the deployment other, but this one is acme. Check that it is the right account"},
		{"control@tecton-acme.iam.gserviceaccount.com", "acme", "control@tecton-acme.iam.gserviceaccount.com doesn’t have the usual form, tecton-acme-control-plane@…. Check that it is the right account"},
	} {
		if got := ControlPlaneWarning(tt.account, tt.deployment); got != tt.want {
			t.Errorf("ControlPlaneWarning(%q, %q) = %q, want %q", tt.account, tt.deployment, got, tt.want)
		}
	}
}

func TestInvitee(t *testing.T) {
	got, problems := ParseInvitee(map[string][]string{"customer": {"  Ácme  🚀 Ltd "}, "owner_email": {"Ada Sample <Ada@Customer.example>"}})
	if want := (Invitee{Customer: "Ácme 🚀 Ltd", OwnerEmail: "ada@customer.example"}); got != want || len(problems) != 0 {
		t.Errorf("got %+v, %v", got, problems)
	}
	_, problems = ParseInvitee(map[string][]string{"customer": {strings.Repeat("x", 121)}, "owner_email": {"ada@customer.example\r\nBcc: all@customer.example"}, "specialist": {"grace"}})
	want := Problems{
		{"customer", "Company must have 120 characters or fewer. It has 121"},
		{"owner_email", "Customer’s email address or domain has a line break. Enter it on one line"},
		{"specialist", "Email address needs an @, for example name@example.com"},
	}
	if fmt.Sprint(problems) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", problems, want)
	}
	if _, problems = ParseInvitee(nil); len(problems) != 2 {
		t.Errorf("an empty form gives %q", problems)
	}
}

// A role that allows much more than the usual one would stand in the plan under that one's harmless title.
func TestARoleFitsWhatItIsFor(t *testing.T) {
	const custom = "projects/acme-data/roles/tectonSpark"
	for field, usual := range map[string]string{
		"act_as_role": "roles/iam.serviceAccountUser", "workspace_role": "roles/iam.serviceAccountUser", "dataproc_control_plane_role": "roles/dataproc.worker",
		"bigtable_spark_role": "roles/bigtable.reader", "bigtable_control_plane_role": "roles/bigtable.user",
	} {
		for role, taken := range map[string]bool{
			usual: true, custom: true, "organizations/123456789/roles/tecton": true, "": true,
			"roles/owner": false, "roles/editor": false, "roles/viewer": false, "roles/iam.serviceAccountTokenCreator": false, "roles/iam.serviceAccountUserX": false,
			"roles/resourcemanager.projectIamAdmin": false, "roles/iam.serviceAccountAdmin": false,
		} {
			form := ParseVendor(map[string][]string{field: {role}}, onboarding.VendorValues{})
			if got := len(form.Problems) == 0; got != taken {
				t.Errorf("%s: %s is taken: %t, %v", field, role, got, form.Problems)
			}
			for _, p := range form.Problems {
				if !strings.Contains(p.Message, role+" isn’t one of the roles for this. Enter ") || !strings.Contains(p.Message, "custom role") {
					t.Errorf("%s: %s: %s", field, role, p.Message)
				}
			}
		}
	}
	for _, d := range onboarding.VendorDeclarations() {
		if d.Shape == onboarding.ShapeRole && d.Roles == "" {
			t.Errorf("%s takes any role", d.Name)
		}
	}
}
