package emulator

import (
	"regexp"
	"slices"
	"strings"
)

// predefined are Google's roles that matter here, limited to the permissions that are served or granted:
// {a,b} stands for each. Source: cloud.google.com/iam/docs/roles-permissions; a test compares them with
// '../shared/data', where that folder is present.
var predefined = map[string]role{
	"roles/bigquery.admin": define("BigQuery Admin",
		"resourcemanager.projects.{get,list}",
		"bigquery.datasets.{create,get,update,delete,getIamPolicy,setIamPolicy}",
		"bigquery.tables.{list,get,getData,create,delete,updateData,update}",
		"bigquery.jobs.{create,list,get}",
	),
	"roles/bigquery.dataOwner": define("BigQuery Data Owner",
		"resourcemanager.projects.{get,list}",
		"bigquery.datasets.{create,get,update,delete,getIamPolicy,setIamPolicy}",
		"bigquery.tables.{list,get,getData,create,delete,updateData,update}",
	),
	"roles/bigquery.dataViewer": define("BigQuery Data Viewer",
		"resourcemanager.projects.{get,list}",
		"bigquery.datasets.{get,getIamPolicy}",
		"bigquery.tables.{list,get,getData}",
	),
	"roles/bigquery.jobUser": define("BigQuery Job User",
		"resourcemanager.projects.{get,list}",
		"bigquery.jobs.create",
	),
	"roles/bigquery.user": define("BigQuery User",
		"resourcemanager.projects.{get,list}",
		"bigquery.datasets.{create,get,getIamPolicy}",
		"bigquery.tables.list",
		"bigquery.jobs.{create,list}",
	),
	"roles/bigtable.admin": define("Bigtable Administrator",
		"resourcemanager.projects.get",
		"bigtable.instances.{create,get,list,update,delete,getIamPolicy,setIamPolicy}",
		"bigtable.clusters.{create,get,list,update,delete}",
		"bigtable.tables.{create,get,list,delete,update,readRows,mutateRows,sampleRowKeys}",
		"bigtable.appProfiles.{create,get,list,update,delete}",
		"bigtable.locations.list",
	),
	"roles/bigtable.reader": define("Bigtable Reader",
		"resourcemanager.projects.get",
		"bigtable.instances.{get,list}",
		"bigtable.clusters.{get,list}",
		"bigtable.tables.{get,list,readRows,sampleRowKeys}",
		"bigtable.appProfiles.{get,list}",
		"bigtable.locations.list",
	),
	"roles/bigtable.user": define("Bigtable User",
		"resourcemanager.projects.get",
		"bigtable.instances.{get,list}",
		"bigtable.clusters.{get,list}",
		"bigtable.tables.{get,list,readRows,mutateRows,sampleRowKeys}",
		"bigtable.appProfiles.{get,list}",
		"bigtable.locations.list",
	),
	"roles/bigtable.viewer": define("Bigtable Viewer",
		"resourcemanager.projects.get",
		"bigtable.instances.{get,list}",
		"bigtable.clusters.{get,list}",
		"bigtable.tables.{get,list}",
		"bigtable.appProfiles.{get,list}",
		"bigtable.locations.list",
	),
	"roles/billing.projectManager": define("Project Billing Manager",
		"resourcemanager.projects.{createBillingAssignment,deleteBillingAssignment}",
	),
	"roles/billing.viewer": define("Billing Account Viewer",
		"billing.accounts.get",
		"billing.accounts.list",
	),
	"roles/browser": define("Browser",
		"resourcemanager.projects.{get,list,getIamPolicy}",
		"resourcemanager.organizations.get",
	),
	"roles/dataproc.editor": define("Dataproc Editor",
		"resourcemanager.projects.{get,list}",
		"dataproc.clusters.{create,get,list,delete,use}",
		"dataproc.jobs.{create,get,list}",
	),
	"roles/dataproc.worker": define("Dataproc Worker",
		"storage.buckets.get",
		"storage.objects.{create,get,list,update,delete,getIamPolicy,setIamPolicy}",
		"storage.multipartUploads.{abort,create,list,listParts}",
		"storage.folders.{create,get,list,delete}",
		"dataproc.agents.create",
		"dataproc.tasks.lease",
		"storage.managedFolders.{create,delete,get,list}",
	),
	"roles/editor": define("Editor",
		"resourcemanager.projects.{get,list,getIamPolicy,update}",
		"serviceusage.services.{get,list,enable,disable,use}",
		"serviceusage.operations.get",
		"iam.serviceAccounts.{create,get,list,delete,update,getIamPolicy,actAs,enable,disable}",
		"iam.roles.{get,list}",
		"orgpolicy.policy.get",
		"orgpolicy.policies.list",
		"orgpolicy.constraints.list",
		"storage.buckets.{create,list,delete}",
		"storage.folders.{create,get,list,delete}",
		"bigquery.datasets.{create,get,getIamPolicy}",
		"bigquery.jobs.{create,list,get}",
		"bigtable.instances.{create,get,list,update,delete,getIamPolicy}",
		"bigtable.clusters.{create,get,list,update,delete}",
		"bigtable.tables.{create,get,list,delete,update,readRows,mutateRows,sampleRowKeys}",
		"bigtable.appProfiles.{create,get,list,update,delete}",
		"bigtable.locations.list",
		"dataproc.clusters.{create,get,list,delete,use}",
		"dataproc.jobs.{create,get,list}",
		"dataproc.agents.create",
		"dataproc.tasks.lease",
		"iam.serviceAccountKeys.{create,delete,disable,enable,get,list}",
		"orgpolicy.customConstraints.{get,list}",
		"iam.denypolicies.{get,list}",
	),
	"roles/iam.roleAdmin": define("Role Administrator",
		"resourcemanager.projects.{get,getIamPolicy}",
		"iam.roles.{create,get,list,update,delete,undelete}",
	),
	"roles/iam.securityAdmin": define("Security Admin",
		"resourcemanager.organizations.{getIamPolicy,setIamPolicy}",
		"resourcemanager.projects.{list,getIamPolicy,setIamPolicy}",
		"serviceusage.services.list",
		"iam.serviceAccounts.{get,list,getIamPolicy,setIamPolicy}",
		"iam.roles.{get,list}",
		"orgpolicy.policies.list",
		"orgpolicy.constraints.list",
		"storage.buckets.{list,getIamPolicy,setIamPolicy}",
		"storage.objects.{list,getIamPolicy,setIamPolicy}",
		"storage.multipartUploads.list",
		"storage.folders.list",
		"bigquery.datasets.{getIamPolicy,setIamPolicy}",
		"bigquery.tables.list",
		"bigquery.jobs.list",
		"bigtable.instances.{list,getIamPolicy,setIamPolicy}",
		"bigtable.clusters.list",
		"bigtable.tables.list",
		"bigtable.appProfiles.list",
		"bigtable.locations.list",
		"dataproc.clusters.list",
		"dataproc.jobs.list",
		"storage.managedFolders.{list,getIamPolicy,setIamPolicy}",
		"iam.serviceAccountKeys.list",
		"orgpolicy.customConstraints.list",
		"iam.denypolicies.list",
		"billing.accounts.list",
	),
	"roles/iam.securityReviewer": define("Security Reviewer",
		"resourcemanager.projects.{getIamPolicy,list}",
		"iam.serviceAccounts.{get,list,getIamPolicy}",
		"iam.roles.{get,list}",
		"storage.buckets.{list,getIamPolicy}",
		"bigquery.datasets.getIamPolicy",
		"bigtable.instances.{list,getIamPolicy}",
	),
	"roles/iam.serviceAccountAdmin": define("Service Account Admin",
		"resourcemanager.projects.{get,list}",
		"iam.serviceAccounts.{create,get,list,delete,update,getIamPolicy,setIamPolicy,undelete,enable,disable}",
	),
	"roles/iam.serviceAccountTokenCreator": define("Service Account Token Creator",
		"resourcemanager.projects.{get,list}",
		"iam.serviceAccounts.{get,list,getAccessToken}",
	),
	"roles/iam.serviceAccountUser": define("Service Account User",
		"resourcemanager.projects.{get,list}",
		"iam.serviceAccounts.{get,list,actAs}",
	),
	"roles/orgpolicy.policyViewer": define("Organization Policy Viewer",
		"orgpolicy.policy.get",
		"orgpolicy.policies.list",
		"orgpolicy.constraints.list",
		"orgpolicy.customConstraints.{get,list}",
	),
	"roles/owner": define("Owner",
		"resourcemanager.projects.{get,list,getIamPolicy,setIamPolicy,createBillingAssignment,deleteBillingAssignment,update,delete}",
		"serviceusage.services.{get,list,enable,disable,use}",
		"serviceusage.operations.get",
		"iam.serviceAccounts.{create,get,list,delete,update,getIamPolicy,setIamPolicy,actAs,undelete,enable,disable}",
		"iam.roles.{create,get,list,update,delete,undelete}",
		"orgpolicy.policy.get",
		"orgpolicy.policies.list",
		"orgpolicy.constraints.list",
		"storage.buckets.{create,list,delete}",
		"storage.folders.{create,get,list,delete}",
		"bigquery.datasets.{create,get,update,delete,getIamPolicy,setIamPolicy}",
		"bigquery.jobs.{create,list,get}",
		"bigtable.instances.{create,get,list,update,delete,getIamPolicy,setIamPolicy}",
		"bigtable.clusters.{create,get,list,update,delete}",
		"bigtable.tables.{create,get,list,delete,update,readRows,mutateRows,sampleRowKeys}",
		"bigtable.appProfiles.{create,get,list,update,delete}",
		"bigtable.locations.list",
		"dataproc.clusters.{create,get,list,delete,use}",
		"dataproc.jobs.{create,get,list}",
		"dataproc.agents.create",
		"dataproc.tasks.lease",
		"iam.serviceAccountKeys.{create,delete,disable,enable,get,list}",
		"orgpolicy.customConstraints.{get,list}",
		"iam.denypolicies.{get,list}",
	),
	"roles/resourcemanager.projectIamAdmin": define("Project IAM Admin",
		"resourcemanager.projects.{get,getIamPolicy,setIamPolicy}",
	),
	"roles/serviceusage.serviceUsageAdmin": define("Service Usage Admin",
		"serviceusage.services.{get,list,enable,disable,use}",
		"serviceusage.operations.get",
	),
	"roles/serviceusage.serviceUsageConsumer": define("Service Usage Consumer",
		"serviceusage.services.{get,list,use}",
		"serviceusage.operations.get",
	),
	"roles/storage.admin": define("Storage Admin",
		"resourcemanager.projects.{get,list}",
		"orgpolicy.policy.get",
		"storage.buckets.{create,get,list,update,delete,getIamPolicy,setIamPolicy}",
		"storage.objects.{create,get,list,update,delete,getIamPolicy,setIamPolicy}",
		"storage.multipartUploads.{abort,create,list,listParts}",
		"storage.folders.{create,get,list,delete}",
		"storage.managedFolders.{create,delete,get,list,getIamPolicy,setIamPolicy}",
	),
	"roles/storage.legacyBucketOwner": define("Storage Legacy Bucket Owner",
		"storage.buckets.{get,update,getIamPolicy,setIamPolicy}",
		"storage.objects.{create,list,delete}",
		"storage.multipartUploads.{abort,create,list,listParts}",
		"storage.folders.{create,get,list,delete}",
		"storage.managedFolders.{create,delete,get,list,getIamPolicy,setIamPolicy}",
	),
	"roles/storage.legacyBucketReader": define("Storage Legacy Bucket Reader",
		"storage.buckets.get",
		"storage.objects.list",
		"storage.multipartUploads.list",
		"storage.folders.{get,list}",
		"storage.managedFolders.{get,list}",
	),
	"roles/storage.objectAdmin": define("Storage Object Admin",
		"resourcemanager.projects.{get,list}",
		"orgpolicy.policy.get",
		"storage.objects.{create,get,list,update,delete,getIamPolicy,setIamPolicy}",
		"storage.multipartUploads.{abort,create,list,listParts}",
		"storage.folders.{create,get,list,delete}",
		"storage.managedFolders.{create,delete,get,list}",
	),
	"roles/storage.objectCreator": define("Storage Object Creator",
		"resourcemanager.projects.{get,list}",
		"orgpolicy.policy.get",
		"storage.objects.create",
		"storage.multipartUploads.{abort,create,listParts}",
		"storage.folders.create",
		"storage.managedFolders.create",
	),
	"roles/storage.objectViewer": define("Storage Object Viewer",
		"resourcemanager.projects.{get,list}",
		"storage.objects.{get,list}",
		"storage.folders.{get,list}",
		"storage.managedFolders.{get,list}",
	),
	"roles/viewer": define("Viewer",
		"resourcemanager.projects.{get,list,getIamPolicy}",
		"serviceusage.services.{get,list}",
		"serviceusage.operations.get",
		"iam.serviceAccounts.{get,list,getIamPolicy}",
		"iam.roles.{get,list}",
		"orgpolicy.policy.get",
		"orgpolicy.policies.list",
		"orgpolicy.constraints.list",
		"storage.buckets.list",
		"storage.folders.{get,list}",
		"bigquery.datasets.{get,getIamPolicy}",
		"bigquery.jobs.{create,list,get}",
		"bigtable.instances.{get,list,getIamPolicy}",
		"bigtable.clusters.{get,list}",
		"bigtable.tables.{get,list,readRows,sampleRowKeys}",
		"bigtable.appProfiles.{get,list}",
		"bigtable.locations.list",
		"dataproc.clusters.{get,list}",
		"dataproc.jobs.{get,list}",
		"iam.serviceAccountKeys.{get,list}",
		"orgpolicy.customConstraints.{get,list}",
		"iam.denypolicies.{get,list}",
	),
}

// role is a set of permissions.
type role struct {
	title       string
	permissions []string // sorted
}

func define(title string, patterns ...string) role {
	r := role{title: title}
	for _, p := range patterns {
		prefix, verbs, ok := strings.Cut(p, "{")
		if !ok {
			r.permissions = append(r.permissions, p)
			continue
		}
		for _, v := range strings.Split(strings.TrimSuffix(verbs, "}"), ",") {
			r.permissions = append(r.permissions, prefix+v)
		}
	}
	slices.Sort(r.permissions)
	return r
}

func (r role) has(permission string) bool {
	_, ok := slices.BinarySearch(r.permissions, permission)
	return ok
}

// others are Google's permissions on the same kinds of resources that nothing here needs.
var others = define("",
	"bigquery.datasets.{createTagBinding,deleteTagBinding,link,listEffectiveTags,listSharedDatasetUsage,listTagBindings,updateTag}",
	"bigquery.jobs.{createGlobalQuery,delete,listAll,listExecutionMetadata,update}",
	"bigquery.tables.{createIndex,createSnapshot,createTagBinding,deleteIndex,deleteSnapshot,deleteTagBinding,export,getIamPolicy,listEffectiveTags,listTagBindings,replicateData,restoreSnapshot,setCategory,setColumnDataPolicy,setIamPolicy,updateIndex,updateTag}",
	"bigtable.instances.{createTagBinding,deleteTagBinding,executeQuery,listEffectiveTags,listTagBindings,ping}",
	"bigtable.tables.{checkConsistency,generateConsistencyToken,getIamPolicy,setIamPolicy,undelete}",
	"billing.accounts.{getCarbonInformation,getIamPolicy,getPaymentInfo,getPricing,getSpendingInformation,getUsageExportSpec,setIamPolicy}",
	"dataproc.agents.{delete,get,list,update}",
	"dataproc.clusters.{getIamPolicy,repair,setIamPolicy,start,stop,update}",
	"dataproc.jobs.{cancel,delete,getIamPolicy,setIamPolicy,update}",
	"dataproc.tasks.{listInvalidatedLeases,reportStatus}",
	"iam.denypolicies.{create,delete,update}",
	"orgpolicy.customConstraints.{create,delete,update}",
	"resourcemanager.organizations.{createPolicyBinding,deletePolicyBinding,searchPolicyBindings,updatePolicyBinding}",
	"iam.roles.{createTagBinding,deleteTagBinding,listEffectiveTags,listTagBindings}",
	"iam.serviceAccounts.{createTagBinding,deleteTagBinding,getOpenIdToken,implicitDelegation,listEffectiveTags,listTagBindings,signBlob,signJwt}",
	"resourcemanager.projects.{createPolicyBinding,deletePolicyBinding,move,searchPolicyBindings,undelete,updateLiens,updatePolicyBinding}",
	"storage.buckets.{createTagBinding,deleteTagBinding,enableObjectRetention,getIpFilter,getObjectInsights,listEffectiveTags,listTagBindings,relocate,restore,setIpFilter,viewIntelligenceDetails}",
	"storage.folders.{rename}",
	"storage.objects.{createContext,deleteContext,move,overrideUnlockedRetention,restore,setRetention,updateContext}",
)

// known are the permissions by the resource that they are on, "storage.objects".
var known = func() map[string]map[string]bool {
	m := map[string]map[string]bool{}
	add := func(r role) {
		for _, p := range r.permissions {
			on := p[:strings.LastIndex(p, ".")]
			if m[on] == nil {
				m[on] = map[string]bool{}
			}
			m[on][p] = true
		}
	}
	for _, r := range predefined {
		add(r)
	}
	add(others)
	return m
}()

// validPermission reports whether Google has the permission: by the tables for the resources that they know, by
// its shape for others.
func validPermission(p string) bool {
	if !permissionPattern.MatchString(p) {
		return false
	}
	on, ok := known[p[:strings.LastIndex(p, ".")]]
	return !ok || on[p]
}

var permissionPattern = regexp.MustCompile(`^([a-z0-9.-]+/|[a-z][a-zA-Z0-9]*\.)[a-zA-Z][a-zA-Z0-9_]*\.[a-zA-Z][a-zA-Z0-9]*$`)
