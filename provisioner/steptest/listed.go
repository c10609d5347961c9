package steptest

import (
	"encoding/json"
	"slices"
	"strings"

	"groundwork/onboarding"
)

// Compare compares two snapshots of an emulated cloud, taken before an onboarding's first run and now, with its inventory.
// It returns what is wrong, a sentence each: something that was there before is gone or is listed as ours, something was
// made that isn't listed, or something is listed as ours that isn't there.
func Compare(before, now []string, items []onboarding.Item) []string {
	var wrong []string
	for _, line := range before {
		if !slices.Contains(now, line) {
			wrong = append(wrong, "was there before, and is gone: "+line)
		}
	}
	var listed []string
	for _, i := range items {
		if i.State == onboarding.ItemRemoved {
			continue
		}
		lines := Lines(i)
		listed = append(listed, lines...)
		for _, line := range lines {
			switch {
			case !i.Ours():
			case slices.Contains(before, line):
				wrong = append(wrong, "was there before, and is listed as "+string(i.Origin)+": "+line)
			case i.State == onboarding.ItemPresent && !slices.Contains(now, line):
				wrong = append(wrong, "is listed as "+string(i.State)+", and isn't there: "+line)
			}
		}
	}
	for _, line := range now {
		if !slices.Contains(before, line) && !slices.Contains(listed, line) && !convenience(line) {
			wrong = append(wrong, "was made, and isn't listed: "+line)
		}
	}
	return wrong
}

// convenience reports whether a line is a binding that Google gives each new bucket.
func convenience(line string) bool {
	return strings.Contains(line, " on buckets/") && (strings.Contains(line, " projectOwner:") || strings.Contains(line, " projectEditor:") || strings.Contains(line, " projectViewer:"))
}

// Lines are the lines of an emulated cloud's snapshot that an item of the inventory is about.
func Lines(i onboarding.Item) []string {
	var want struct {
		Project, Bucket, Account, Instance, Role, Member, Dataset, Email string // of a binding
		Services                                                         []string
		Workspace, Scope, Principal, Permission                          string
	}
	if err := json.Unmarshal(i.Desired, &want); err != nil {
		return []string{"unreadable " + i.Key}
	}
	switch {
	case want.Services != nil:
		var lines []string
		for _, s := range want.Services {
			lines = append(lines, "api "+s+" on "+want.Project)
		}
		return lines
	case want.Dataset != "":
		return []string{ // a dataset's list of access is its policy too
			"READER " + want.Email + " on dataset " + want.Project + "/" + want.Dataset,
			want.Role + " serviceAccount:" + want.Email + " on projects/" + want.Project + "/datasets/" + want.Dataset,
		}
	case want.Member != "":
		return []string{want.Role + " " + want.Member + " on " + policyOf(want.Project, want.Bucket, want.Account, want.Instance)}
	case want.Principal != "":
		return []string{want.Permission + " " + want.Principal + " on scope " + want.Scope + " on " + strings.TrimPrefix(want.Workspace, "https://")}
	case want.Scope != "":
		return []string{"scope " + want.Scope + " on " + strings.TrimPrefix(want.Workspace, "https://")}
	}
	switch bucket, ok := strings.CutPrefix(i.Resource, "gs://"); {
	case ok:
		return []string{"bucket " + bucket}
	case strings.Contains(i.Resource, "@"):
		return []string{"account " + i.Resource}
	case strings.Contains(i.Resource, "/instances/"):
		return []string{"instance " + i.Resource}
	default:
		return []string{"role " + i.Resource}
	}
}

// policyOf is the emulator's name of the resource whose policy a binding is in.
func policyOf(project, bucket, account, instance string) string {
	switch {
	case bucket != "":
		return "buckets/" + bucket
	case account != "":
		_, host, _ := strings.Cut(account, "@")
		return "projects/" + strings.TrimSuffix(host, ".iam.gserviceaccount.com") + "/serviceAccounts/" + account
	case instance != "":
		return "projects/" + project + "/instances/" + instance
	default:
		return "projects/" + project
	}
}
