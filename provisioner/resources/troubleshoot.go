package resources

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/api/policytroubleshooter/v3"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/gcp"
)

// shownBy is a permission of each role that the Spark account is given, by which Google is asked whether the role works. A
// role that the vendor chose otherwise isn't asked about.
var shownBy = map[string]string{
	"roles/storage.objectAdmin":  "storage.objects.create",
	"roles/storage.objectViewer": "storage.objects.get",
	"roles/bigquery.dataViewer":  "bigquery.tables.getData",
	readSessionUser:              readSessions,
	usageConsumer:                usesProject,
	"roles/bigtable.user":        "bigtable.tables.readRows",
}

// fullName is Google's full name of what a binding is on, "" for what isn't asked about.
func fullName(on string) string {
	switch bucket, isBucket := strings.CutPrefix(on, "gs://"); {
	case isBucket:
		return "//storage.googleapis.com/projects/_/buckets/" + bucket
	case strings.HasPrefix(on, "bigquery "):
		project, dataset, _ := strings.Cut(strings.TrimPrefix(on, "bigquery "), ".")
		return "//bigquery.googleapis.com/projects/" + project + "/datasets/" + dataset
	case strings.HasPrefix(on, "projects/") && strings.Contains(on, "/instances/"):
		return "//bigtable.googleapis.com/" + on
	case strings.HasPrefix(on, "projects/"):
		return "//cloudresourcemanager.googleapis.com/" + on
	}
	return ""
}

// sparkMay asks Google's Policy Troubleshooter whether the Spark account may use what the plan lets it use, without acting as it,
// and returns what is denied in words. An answer that doesn't tell is not tested, never a failure.
func sparkMay(ctx context.Context, env *provisioner.Env, bindings []onboarding.Binding) []string {
	account := env.Spec.SparkAccount()
	var denied, untold []string
	asked := 0
	for _, b := range bindings {
		permission, resource := shownBy[b.Role], fullName(b.On)
		if b.Member != serviceAccount(account) || permission == "" || resource == "" {
			continue
		}
		asked++
		got, err := env.Cloud.Access.Iam.Troubleshoot(&policytroubleshooter.GoogleCloudPolicytroubleshooterIamV3TroubleshootIamPolicyRequest{
			AccessTuple: &policytroubleshooter.GoogleCloudPolicytroubleshooterIamV3AccessTuple{Principal: account, FullResourceName: resource, Permission: permission},
		}).Context(ctx).Do()
		switch {
		case err != nil:
			untold = append(untold, b.On+" ("+strings.TrimSuffix(gcp.Classify(err).Message, ".")+")")
		case got.DenyPolicyExplanation != nil && got.DenyPolicyExplanation.DenyAccessState == "DENY_ACCESS_STATE_DENIED":
			denied = append(denied, fmt.Sprintf("a deny policy denies %s on %s to %s, although %s grants it", permission, b.On, account, b.Role))
		case got.OverallAccessState != "CAN_ACCESS":
			untold = append(untold, b.On) // the binding itself was read back already
		}
	}
	if len(untold) > 0 && len(denied) == 0 {
		env.Say(provisioner.NotTested, "Google did not say whether %s can use %s", account, strings.Join(untold, ", "))
	}
	if told := asked - len(untold); told > 0 && len(denied) == 0 {
		env.Log("Google's Policy Troubleshooter says that %s may use %d of the %d things that the plan lets it use; no deny policy blocks it", account, told, asked)
	}
	return denied
}
