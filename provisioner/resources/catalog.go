package resources

import "groundwork/provisioner"

// Catalog lists every cloud step, in the order in which the plan shows them where dependencies leave a choice.
func Catalog() []*provisioner.Step {
	return []*provisioner.Step{
		EnableAPIs,
		Bucket,
		SparkAccount,
		SparkBucketRole,
		ReadDataset,
		ReadProject,
		ReadBucket,
		ReadSessionRole,
		RequesterPaysRole,
		ControlPlaneRole,
		ControlPlaneBucketRole,
		ActAs,
		WorkspaceActAs,
		DataprocWorkerRole,
		DataprocControlPlaneRole,
		BigtableInstance,
		BigtableSparkRole,
		BigtableControlPlaneRole,
		BigtableServingRole,
		Redis,
		DatabricksCheck,
		DatabricksSecretScope,
		DatabricksSecretScopeReaders,
		Verify,
		Rehearsal,
		Handover,
	}
}
