package emulator

import (
	"fmt"
	"time"

	"google.golang.org/api/storage/v1"
)

// softDelete keeps an object that was deleted or replaced, for as long as its bucket says (T30).
func (c *call) softDelete(o objectState) {
	b, ok := c.e.storage.buckets.get(o.Meta.Bucket)
	if !ok || b.Meta.SoftDeletePolicy == nil || b.Meta.SoftDeletePolicy.RetentionDurationSeconds == 0 {
		return
	}
	until := c.now.Add(time.Duration(b.Meta.SoftDeletePolicy.RetentionDurationSeconds) * time.Second)
	o.Meta.SoftDeleteTime, o.Meta.HardDeleteTime = c.now.Format(milliseconds), until.Format(milliseconds)
	c.e.storage.deleted.put(fmt.Sprintf("%s/%s#%d", o.Meta.Bucket, o.Meta.Name, o.Meta.Generation), o)
}

// softDeleted lists the deleted objects that the bucket still keeps.
func (c *call) softDeleted(b bucketState) *storage.Objects {
	out := &storage.Objects{Kind: "storage#objects"}
	for _, key := range c.e.storage.deleted.keys(b.Meta.Name + "/" + c.query.Get("prefix")) {
		o, _ := c.e.storage.deleted.get(key)
		if until, err := time.Parse(milliseconds, o.Meta.HardDeleteTime); err == nil && c.now.Before(until) {
			out.Items = append(out.Items, &o.Meta)
		}
	}
	return out
}
