package store

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// clock shows the database's time, which all servers share: the last reading, plus the time since by this process's
// monotonic clock. A wrong or changed clock of this machine makes no difference. It is behind by at most the round trip
// of the reading, and never ahead: what is due now by this clock is due in SQL too. [clock.read] it before the first use.
type clock struct{ last atomic.Pointer[reading] }

type reading struct{ database, process time.Time }

// read runs a statement that returns the database's time as its only value.
func (c *clock) read(ctx context.Context, conn interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, sql string, args ...any,
) error {
	var at time.Time
	if err := conn.QueryRow(ctx, sql, args...).Scan(&at); err != nil {
		return err
	}
	c.last.Store(&reading{at.UTC(), time.Now()})
	return nil
}

// Now is the database's time.
func (c *clock) Now() time.Time {
	r := c.last.Load()
	return r.database.Add(time.Since(r.process))
}

// NowOrNil makes River leave it to SQL's now() where it can.
func (*clock) NowOrNil() *time.Time { return nil }
