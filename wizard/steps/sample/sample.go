// Package sample is what a sample customer answers: each option of each choice, as a browser posts it. The benchmarks and
// the tests of every package fill in the wizard from here.
package sample

import (
	"maps"
	"net/url"
	"slices"
)

// ControlPlane is the vendor's service account that the sample customer confirms.
const ControlPlane = "tecton-acme-prod-control-plane@tecton-acme.iam.gserviceaccount.com"

// Option is one way to answer a step.
type Option struct {
	Step string
	Name string // the option's value on the page where the step has one choice; else what it is
	form url.Values
}

// Form is a copy of what a browser posts, without the fields of our own such as the version.
func (o Option) Form() url.Values {
	form := maps.Clone(o.form)
	for k, v := range form {
		form[k] = slices.Clone(v)
	}
	return form
}

// Pairs is the form as name, value, name, value.
func (o Option) Pairs() []string {
	var pairs []string
	for _, k := range slices.Sorted(maps.Keys(o.form)) {
		for _, v := range o.form[k] {
			pairs = append(pairs, k, v)
		}
	}
	return pairs
}

// options are all options in the order of the steps; the first of a step is the usual one.
var options = []Option{
	option("deployment", "deployment", "name", "acme-prod"),
	option("region", "region", "region", "us-west1"),
	option("compute", "databricks", "platform", "databricks", "workspace", "https://1234567890123456.7.gcp.databricks.com", "token", "dapi-canary-0123456789", "runtime", "15.4.x-scala2.12"),
	option("compute", "databricks with a secret scope", "platform", "databricks", "workspace", "https://1234567890123456.7.gcp.databricks.com", "token", "dapi-canary-0123456789", "runtime", "15.4.x-scala2.12", "secret_scope", "on"),
	option("compute", "databricks in another project", "platform", "databricks", "workspace", "https://1234567890123456.7.gcp.databricks.com", "token", "dapi-canary-0123456789", "runtime", "15.4.x-scala2.12", "workspace_project", "acme-databricks", "workspace_account", "db-1234567890123456@prod-gcp-us-west1.iam.gserviceaccount.com"),
	option("compute", "dataproc", "platform", "dataproc"),
	option("online-store", "bigtable", "store", "bigtable", "instance", "tecton-acme-prod", "zone", "us-west1-b"),
	option("online-store", "bigtable_existing", "store", "bigtable_existing", "existing", "acme-features"),
	option(
		"online-store", "redis", "store", "redis", "endpoint", "redis-12345.c123.us-west1-2.gcp.cloud.redislabs.com:12345", "redis_token", "dapi-canary-redis",
		"cidr", "10.20.0.0/24", "spark_network_project", "acme-databricks", "spark_network", "databricks-vpc", "spark_peer_project", "redis-peer-one", "spark_peer_network", "net-one",
		"serving_peer_project", "redis-peer-two", "serving_peer_network", "net-two", "attested_by", "Ada Sample",
	),
	option("accounts", "create", "control_plane", ControlPlane, "spark", "create"),
	option("accounts", "existing", "control_plane", ControlPlane, "spark", "existing", "spark_email", "existing-spark@acme-data-prod.iam.gserviceaccount.com"),
	option("accounts", "rehearsed", "control_plane", ControlPlane, "spark", "create", "rehearse", "on"),
	option("data-sources", "none"),
	option("data-sources", "dataset", "datasets", "acme-warehouse.sales"),
	option("data-sources", "project", "projects", "acme-warehouse"),
	option("data-sources", "bucket", "buckets", "gs://acme-landing"),
	option("data-sources", "bucket that bills its readers", "buckets", "gs://acme-landing", "requester_pays", "on"),
	option("data-sources", "all", "datasets", "acme-warehouse.sales", "projects", "acme-warehouse", "buckets", "gs://acme-landing"),
	option("project", "project", "project", "acme-data-prod"),
}

func option(step, name string, pairs ...string) Option {
	form := url.Values{}
	for pair := range slices.Chunk(pairs, 2) {
		form.Add(pair[0], pair[1])
	}
	return Option{step, name, form}
}

// Options returns every option of every step, in the order of the steps; the usual one of a step comes first.
func Options() []Option { return slices.Clone(options) }

// Usual returns one option for each step, in their order.
func Usual() []Option {
	var out []Option
	for _, o := range options {
		if len(out) == 0 || out[len(out)-1].Step != o.Step {
			out = append(out, o)
		}
	}
	return out
}

// Named returns an option. It panics where there is none, since that is a mistake in the caller.
func Named(step, name string) Option {
	for _, o := range options {
		if o.Step == step && o.Name == name {
			return o
		}
	}
	panic("sample: no option " + name + " of " + step)
}

// Combinations returns every combination of one option for each step, each in the order of the steps.
func Combinations() [][]Option {
	all := [][]Option{nil}
	for _, usual := range Usual() {
		var longer [][]Option
		for _, so := range all {
			for _, o := range options {
				if o.Step == usual.Step {
					longer = append(longer, append(slices.Clone(so), o))
				}
			}
		}
		all = longer
	}
	return all
}
