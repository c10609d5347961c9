package store

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const (
	channel      = "groundwork_changed"
	flushEvery   = 75 * time.Millisecond
	maxNotified  = 250             // IDs a notification; Postgres takes under 8,000 bytes
	listenCheck  = 2 * time.Second // a listener that heard nothing for so long asks whether it is still heard
	listenAnswer = 2 * time.Second // and waits so long for the answer
	listenRetry  = 100 * time.Millisecond
)

// changes tells watchers in this process at once, and other processes by one notification for all that changed
// in a while: a notification in each transaction would cut commits to a quarter, since they then queue.
type changes struct {
	store  *Store
	config *pgx.ConnConfig
	self   string // marks our own notifications: our watchers know already
	ctx    context.Context
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu        sync.Mutex
	watchers  map[onboarding.ID]map[chan struct{}]struct{}
	dirty     map[onboarding.ID]struct{}
	flushing  bool
	listening bool
	heardOnce sync.Once
	ready     chan struct{} // closed once the listener has listened
}

func newChanges(config *pgx.ConnConfig, s *Store) *changes {
	ctx, cancel := context.WithCancel(context.Background())
	return &changes{
		store: s, config: config, self: rand.Text(), ctx: ctx, cancel: cancel,
		watchers: map[onboarding.ID]map[chan struct{}]struct{}{}, dirty: map[onboarding.ID]struct{}{}, ready: make(chan struct{}),
	}
}

func (c *changes) close() {
	c.flush() // what is marked gets out before the pool closes
	c.cancel()
	c.group.Wait()
}

// mark says that something of an onboarding changed; call it after the commit.
func (c *changes) mark(ids ...onboarding.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		c.signal(id)
		c.dirty[id] = struct{}{}
	}
	if !c.flushing && len(c.dirty) > 0 && c.ctx.Err() == nil {
		c.flushing = true
		c.group.Go(func() {
			wait := time.NewTimer(flushEvery)
			defer wait.Stop()
			select {
			case <-wait.C:
			case <-c.ctx.Done():
				return
			}
			c.flush()
		})
	}
}

func (c *changes) flush() {
	c.mu.Lock()
	ids := make([]string, 0, len(c.dirty))
	for id := range c.dirty {
		ids = append(ids, string(id))
	}
	clear(c.dirty)
	c.flushing = false
	c.mu.Unlock()
	for len(ids) > 0 {
		n := min(len(ids), maxNotified)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), acquireTimeout)
		_, err := c.store.pool.Exec(ctx, `SELECT pg_notify($1, $2)`, channel, c.self+" "+strings.Join(ids[:n], " "))
		cancel()
		if err != nil {
			if c.ctx.Err() == nil {
				c.store.log.Warn("could not tell other servers what changed; trying again", "err", err)
				again := make([]onboarding.ID, len(ids))
				for i, id := range ids {
					again[i] = onboarding.ID(id)
				}
				c.mark(again...)
			}
			return
		}
		ids = ids[n:]
	}
}

// signal wakes the watchers of one onboarding; a watcher that has a signal waiting needs no second. With mu held.
func (c *changes) signal(id onboarding.ID) {
	for w := range c.watchers[id] {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

func (c *changes) signalAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.watchers {
		c.signal(id)
	}
}

// Watch gives a signal whenever anything of the onboarding changed, here or on another server: its answers, its
// run, its tasks' logs. Signals that nobody took yet are one. After the database was away there is a signal for
// everyone, since notifications may be lost. It closes when ctx ends. It checks no right: read with an actor.
func (s *Store) Watch(ctx context.Context, id onboarding.ID) <-chan struct{} {
	c := s.changes
	w := make(chan struct{}, 1)
	c.mu.Lock()
	if c.watchers[id] == nil {
		c.watchers[id] = map[chan struct{}]struct{}{}
	}
	c.watchers[id][w] = struct{}{}
	if !c.listening && c.ctx.Err() == nil {
		c.listening = true
		c.group.Go(c.listen)
	}
	c.mu.Unlock()
	context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.watchers[id], w)
		if len(c.watchers[id]) == 0 {
			delete(c.watchers, id)
		}
		close(w) // nobody signals it any more: signals are sent with the lock held
	})
	return w
}

// listen keeps one connection that hears what other servers changed.
func (c *changes) listen() {
	for c.ctx.Err() == nil {
		err := c.hear()
		if c.ctx.Err() != nil {
			return
		}
		c.store.log.Warn("lost the connection that hears of changes; connecting again", "err", err)
		wait := time.NewTimer(listenRetry)
		select {
		case <-wait.C:
		case <-c.ctx.Done():
		}
		wait.Stop()
	}
}

func (c *changes) hear() error {
	conn, err := pgx.ConnectConfig(c.ctx, c.config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(c.ctx)) //nolint:errcheck // it is lost or no longer needed
	if _, err := conn.Exec(c.ctx, "LISTEN "+channel); err != nil {
		return err
	}
	c.heardOnce.Do(func() { close(c.ready) })
	c.signalAll()
	for {
		wait, cancel := context.WithTimeout(c.ctx, listenCheck)
		n, err := conn.WaitForNotification(wait)
		quiet := wait.Err() != nil
		cancel()
		switch {
		case err == nil:
			c.heard(n.Payload)
		case quiet && c.ctx.Err() == nil && !conn.IsClosed():
			ask, cancel := context.WithTimeout(c.ctx, listenAnswer)
			err := conn.Ping(ask)
			cancel()
			if err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func (c *changes) heard(payload string) {
	from, ids, _ := strings.Cut(payload, " ")
	if from == c.self {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range strings.FieldsSeq(ids) {
		c.signal(onboarding.ID(id))
	}
}
