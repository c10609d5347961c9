package emulator

import (
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/api/storage/v1"
)

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`)
	regionName = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+$`)
)

// locationType tells regions from larger places; "" for a place that isn't there.
func locationType(location string) string {
	switch l := strings.ToLower(location); {
	case l == "us", l == "eu", l == "asia":
		return "multi-region"
	case l == "nam4", l == "eur4", l == "eur5", l == "eur7", l == "eur8", l == "asia1":
		return "dual-region"
	case regionName.MatchString(l) && regions[l] != "":
		return "region"
	}
	return ""
}

// bucketAllowedIn checks a new bucket against the project's billing and organization policies, and settles its location.
func (c *call) bucketAllowedIn(p Project, in *storage.Bucket) error {
	asked := in.Location
	if asked == "" {
		asked = "US"
	}
	if in.LocationType = locationType(asked); in.LocationType == "" {
		return storageRefusal(400, "invalid", "The specified location constraint is not valid.")
	}
	in.Location = strings.ToUpper(asked)
	if err := c.billing(p.ID); err != nil {
		return err
	}
	if !c.locationAllowed(p, strings.ToLower(asked)) {
		return conditionNotMet("'%s' violates constraint 'constraints/gcp.resourceLocations'", strings.ToLower(asked))
	}
	if c.enforced(p.ID, "storage.uniformBucketLevelAccess") && !uniform(in) {
		return conditionNotMet("Request violates constraint 'constraints/storage.uniformBucketLevelAccess'")
	}
	key := ""
	if in.Encryption != nil {
		key = in.Encryption.DefaultKmsKeyName
	}
	return storageOwn(c.encrypted(p, storageHost, key))
}

func uniform(b *storage.Bucket) bool {
	return b.IamConfiguration != nil && b.IamConfiguration.UniformBucketLevelAccess != nil && b.IamConfiguration.UniformBucketLevelAccess.Enabled
}

// settleBucket checks a bucket as it will be and fills in what Google decides; old is the state before the change,
// nil for a new bucket.
func (c *call) settleBucket(b, old *bucketState) error {
	m := &b.Meta
	if bad := badLabel(m.Labels); bad != "" {
		return storageRefusal(400, "invalid", "Invalid label: %s", bad)
	}
	p, _ := c.e.project(b.Project)
	if err := c.settleSoftDelete(p, m, old); err != nil {
		return err
	}
	if err := c.settleRetention(m, old); err != nil {
		return err
	}
	if err := c.requireRetention(p, m); err != nil {
		return err
	}
	iam := storage.BucketIamConfiguration{PublicAccessPrevention: "inherited"}
	if m.IamConfiguration != nil {
		iam = *m.IamConfiguration
	}
	if iam.PublicAccessPrevention == "" || iam.PublicAccessPrevention == "unspecified" {
		iam.PublicAccessPrevention = "inherited"
	}
	u := storage.BucketIamConfigurationUniformBucketLevelAccess{Enabled: uniform(m)}
	if u.Enabled {
		// The switch stays free for 90 days, then it is locked.
		u.LockedTime = c.now.AddDate(0, 0, 90).Format(milliseconds)
		if old != nil && uniform(&old.Meta) {
			u.LockedTime = old.Meta.IamConfiguration.UniformBucketLevelAccess.LockedTime
		}
	}
	iam.UniformBucketLevelAccess = &u
	iam.BucketPolicyOnly = &storage.BucketIamConfigurationBucketPolicyOnly{Enabled: u.Enabled, LockedTime: u.LockedTime}
	m.IamConfiguration = &iam
	m.Etag = storageEtag(m.Metageneration)
	method := "CREATE"
	if old != nil {
		method = "UPDATE"
	}
	return c.custom(p, "storage.googleapis.com/Bucket", method, m)
}

// requireRetention checks how long objects must be kept. Where the organization restricts that, a bucket without a retention
// policy is refused whenever it is made or changed.
// Source: https://cloud.google.com/storage/docs/org-policy-constraints#retention-policy
func (c *call) requireRetention(p Project, m *storage.Bucket) error {
	o := c.e.constraint(p.ID, "storage.retentionPolicySeconds")
	if o == nil || o.AllowAll || !o.DenyAll && len(o.Allowed)+len(o.Denied) == 0 {
		return nil
	}
	var seconds int64
	if m.RetentionPolicy != nil {
		seconds = m.RetentionPolicy.RetentionPeriod
	}
	if seconds == 0 || !o.permits(names(strconv.FormatInt(seconds, 10))) {
		return conditionNotMet("'%d' violates constraint 'constraints/storage.retentionPolicySeconds'", seconds)
	}
	return nil
}

// settleSoftDelete checks how long deleted objects are kept (T30): 7 days unless something else was asked for.
// Source: https://cloud.google.com/storage/docs/soft-delete
func (c *call) settleSoftDelete(p Project, m *storage.Bucket, old *bucketState) error {
	const day = 24 * 3600
	if m.SoftDeletePolicy == nil {
		m.SoftDeletePolicy = &storage.BucketSoftDeletePolicy{RetentionDurationSeconds: 7 * day}
	}
	s := m.SoftDeletePolicy
	if old != nil && old.Meta.SoftDeletePolicy.RetentionDurationSeconds == s.RetentionDurationSeconds {
		s.EffectiveTime = old.Meta.SoftDeletePolicy.EffectiveTime
		return nil
	}
	seconds := s.RetentionDurationSeconds
	if seconds != 0 && (seconds < 7*day || seconds > 90*day) {
		return storageRefusal(400, "invalid", "The soft delete retention duration must be 0, or between 7 and 90 days.")
	}
	if !c.e.constraint(p.ID, "storage.softDeletePolicySeconds").permits(names(strconv.FormatInt(seconds, 10))) {
		return conditionNotMet("'%d' violates constraint 'constraints/storage.softDeletePolicySeconds'", seconds)
	}
	s.EffectiveTime = c.now.Format(milliseconds)
	return nil
}

var labelKey, labelValue = regexp.MustCompile(`^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$`), regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$`)

// badLabel is the first label that Google refuses; "": none.
// Source: https://cloud.google.com/resource-manager/docs/labels-overview#requirements
func badLabel(labels map[string]string) string {
	for _, k := range sortedKeys(labels) {
		if v := labels[k]; !labelKey.MatchString(k) || !labelValue.MatchString(v) {
			return k + "=" + v
		}
	}
	return ""
}

// keepBucket restores what a change cannot touch.
func keepBucket(m, old *storage.Bucket) {
	m.Kind, m.Id, m.Name, m.SelfLink = old.Kind, old.Id, old.Name, old.SelfLink
	m.ProjectNumber, m.Generation, m.Metageneration = old.ProjectNumber, old.Generation, old.Metageneration
	m.Location, m.LocationType, m.TimeCreated, m.Rpo = old.Location, old.LocationType, old.TimeCreated, old.Rpo
	m.Acl, m.DefaultObjectAcl = nil, nil
	if m.StorageClass == "" {
		m.StorageClass = old.StorageClass
	}
	if m.SoftDeletePolicy == nil {
		m.SoftDeletePolicy = old.SoftDeletePolicy
	}
}
