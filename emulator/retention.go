package emulator

import (
	"net/http"
	"time"

	"google.golang.org/api/storage/v1"
)

// pacific is how Cloud Storage writes the end of a retention.
var pacific = time.FixedZone("", -8*60*60)

// keeps refuses to delete or replace an object that a hold, or its bucket's retention policy, keeps.
// Source: https://github.com/treeverse/lakeFS/issues/1339 for the policy; the holds' texts are from memory.
func (c *call) keeps(b bucketState, o objectState) error {
	hold := ""
	switch {
	case o.Meta.TemporaryHold:
		hold = "Temporary"
	case o.Meta.EventBasedHold:
		hold = "Event-Based"
	}
	if hold != "" {
		return storageRefusal(http.StatusForbidden, "objectUnderActiveHold", "Object '%s/%s' is under active %s hold and cannot be deleted, overwritten or archived until hold is removed.", o.Meta.Bucket, o.Meta.Name, hold)
	}
	if until := retained(b, o.Meta); c.now.Before(until) {
		return storageRefusal(http.StatusForbidden, "retentionPolicyNotMet", "Object '%s/%s' is subject to bucket's retention policy and cannot be deleted, overwritten or archived until %s",
			o.Meta.Bucket, o.Meta.Name, until.In(pacific).Format("2006-01-02T15:04:05.999999-07:00"))
	}
	return nil
}

// retained is until when the bucket's retention policy keeps an object; zero: there is none.
func retained(b bucketState, o storage.Object) time.Time {
	made, err := time.Parse(milliseconds, o.TimeCreated)
	if b.Meta.RetentionPolicy == nil || err != nil {
		return time.Time{}
	}
	return made.Add(time.Duration(b.Meta.RetentionPolicy.RetentionPeriod) * time.Second)
}

// settleRetention checks a retention policy. None here is locked: it may be changed and removed.
func (c *call) settleRetention(m *storage.Bucket, old *bucketState) error {
	r := m.RetentionPolicy
	if r == nil {
		return nil
	}
	if r.RetentionPeriod < 1 || r.RetentionPeriod > 3_155_760_000 {
		return storageRefusal(http.StatusBadRequest, "invalid", "The retention period must be between 1 second and 100 years.")
	}
	r.IsLocked, r.EffectiveTime = false, c.now.Format(milliseconds)
	if old != nil && old.Meta.RetentionPolicy != nil {
		r.EffectiveTime = old.Meta.RetentionPolicy.EffectiveTime
	}
	return nil
}

// shown is an object as it is answered.
func (c *call) shown(b bucketState, m storage.Object) *storage.Object {
	if until := retained(b, m); !until.IsZero() {
		m.RetentionExpirationTime = until.Format(milliseconds)
	}
	return &m
}

// patchObject sets and releases holds, and changes what describes the object.
func (c *call) patchObject() (any, error) {
	if err := c.read(&storage.Object{}); err != nil {
		return nil, err
	}
	o, err := c.existingObject("storage.objects.update")
	if err != nil {
		return nil, err
	}
	next, err := mergePatch(o.Meta, c.body)
	if err != nil {
		return nil, err
	}
	o.Meta.TemporaryHold, o.Meta.EventBasedHold = next.TemporaryHold, next.EventBasedHold
	o.Meta.Metadata, o.Meta.ContentType = next.Metadata, next.ContentType
	o.Meta.Metageneration++
	o.Meta.Updated = c.now.Format(milliseconds)
	c.e.storage.objects.put(o.Meta.Bucket+"/"+o.Meta.Name, o)
	b, _ := c.e.storage.buckets.get(o.Meta.Bucket)
	return c.shown(b, o.Meta), nil
}
