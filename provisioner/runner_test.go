package provisioner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"groundwork/onboarding"
	"groundwork/provisioner/ledgertest"
)

// cloud is a place where things exist, belong to somebody and have a setting.
type cloud struct {
	mu      sync.Mutex
	things  map[string]thing
	applies map[string]int // calls that reached it
	before  func(ctx context.Context, name string) error
	after   func(name string) error // the answer, once the change is made
	verify  func(name string) error
	took    time.Duration
}

type thing struct {
	setting string
	owned   bool
}

type want struct {
	Name    string `json:"name"`
	Setting string `json:"setting"`
}

func newCloud() *cloud { return &cloud{things: map[string]thing{}, applies: map[string]int{}} }

func (c *cloud) put(name, setting string, owned bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.things[name] = thing{setting, owned}
}

func (c *cloud) made(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applies[name]
}

// def is a step whose resource lives in the cloud.
func (c *cloud) def(name string, behind ...*Step) StepDef[want] {
	return StepDef[want]{
		Name: name, DependsOn: behind,
		Desired: func(onboarding.Spec) []Want[want] { return One(want{name, "right"}) },
		Describe: func(onboarding.Spec, want) Description {
			return Description{Title: "Create " + name, Resource: name, Why: "A test wants it."}
		},
		Check: func(ctx context.Context, _ *Env, w want) (*Observed[want], error) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			t, ok := c.things[w.Name]
			if !ok {
				return nil, nil
			}
			return &Observed[want]{State: want{w.Name, t.setting}, Owned: t.owned}, nil
		},
		Diff: func(w, g want) []onboarding.Delta {
			if w.Setting != g.Setting {
				return []onboarding.Delta{onboarding.Differs("setting", "setting is "+g.Setting, g.Setting)}
			}
			return nil
		},
		Apply: func(ctx context.Context, _ *Env, ch Change[want]) error {
			if c.before != nil {
				if err := c.before(ctx, ch.Want.Name); err != nil {
					return err
				}
			}
			if c.took > 0 {
				time.Sleep(c.took)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			c.mu.Lock()
			c.applies[ch.Want.Name]++
			c.things[ch.Want.Name] = thing{ch.Want.Setting, true}
			c.mu.Unlock()
			if c.after != nil {
				return c.after(ch.Want.Name)
			}
			return nil
		},
		Verify: func(_ context.Context, _ *Env, w want) error {
			if c.verify != nil {
				return c.verify(w.Name)
			}
			return nil
		},
		Undo: func(_ context.Context, _ *Env, w want) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.things, w.Name)
			return nil
		},
	}
}

func (c *cloud) step(name string, behind ...*Step) *Step { return Define(c.def(name, behind...)) }

// offline is a network in which nothing answers. What the real one does in a bubble of synctest stays behind for the
// tests outside of it, and stops them.
type offline struct{}

func (offline) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("nobody answers at %s", r.URL.Host)
}

// bundle is a service over a catalog, with the plan as it stands approved.
func bundle(t *testing.T, catalog ...*Step) (*Service, *ledgertest.Ledger) {
	t.Helper()
	m := newLedger(onboarding.Plan{})
	s := NewService(Config{Ledger: m, Vault: ledgertest.Vault{}, Catalog: catalog, Transport: offline{}})
	plan, err := s.Plan(t.Context(), onboarding.Actor{Email: "ada@customer.example"}, onboarding.Onboarding{ID: "ob_sample"}, onboarding.Spec{Onboarding: "ob_sample", Deployment: "acme", Project: "acme-data"})
	if err != nil {
		t.Fatal(err)
	}
	m = newLedger(plan)
	s.cfg.Ledger = m
	return s, m
}

func execute(t *testing.T, s *Service) {
	t.Helper()
	if err := s.Execute(t.Context(), "run_sample", 1); err != nil {
		t.Fatalf("execute: %v", err)
	}
}

func lost() error {
	return &url.Error{Op: "Post", URL: "https://storage.googleapis.com/", Err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}}
}

func TestARunMakesEverythingOnceInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		bucket := c.step("bucket")
		role := c.step("role", bucket)
		final := c.def("handover")
		final.Final = true
		s, m := bundle(t, Define(final), role, bucket)
		m.Secrets[onboarding.PurposeRedisToken] = []byte("x")
		m.Secrets[onboarding.PurposeVendorAPIKey] = []byte("x")
		var order []string
		c.before = func(_ context.Context, name string) error { order = append(order, name); return nil }
		execute(t, s)
		if m.Snapshot().State != onboarding.RunSucceeded {
			t.Fatalf("run is %s", m.Snapshot().State)
		}
		if got := strings.Join(order, " "); got != "bucket role handover" {
			t.Errorf("made in the order %s", got)
		}
		if got := m.History["bucket"]; got != "started intent result done " {
			t.Errorf("the ledger says %q", got)
		}
		if m.Consent.Live() || m.Consent.Sealed != nil {
			t.Error("the access is still held after the run")
		}
		if len(m.Secrets) == 0 {
			t.Error("the secrets were wiped before the end of the run queued their handover")
		}
		if n := slices.Index(m.Uses, "run"); n < 0 || slices.Contains(m.Uses[n+1:], "run") {
			t.Errorf("the receipt says %q, want run once", m.Uses)
		}
	})
}

func TestAKilledWorkerLosesAndRepeatsNothing(t *testing.T) {
	for _, tt := range []struct {
		name    string
		when    string // the ledger's write that it dies after
		applies int    // by the first worker
	}{
		{"between intent and call", "intent", 0},
		{"between call and result", "", 1},
		{"between result and done", "result", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud()
				first := c.step("network")
				s, m := bundle(t, first, c.step("bucket", first))
				ctx, kill := context.WithCancelCause(t.Context())
				dead := onboarding.Errorf(onboarding.CodeFenced, "The worker lost its session.")
				die := func() {
					m.Orphan()
					kill(dead)
				}
				m.After = func(_, task, kind string) {
					if task == "bucket" && kind == tt.when {
						die()
						time.Sleep(time.Millisecond) // until the cancellation has reached the calls
					}
				}
				if tt.when == "" {
					c.after = func(name string) error {
						if name == "bucket" {
							die()
							return lost()
						}
						return nil
					}
				}
				if err := s.Execute(ctx, "run_sample", 1); err != nil {
					t.Fatalf("the killed worker returned %v", err)
				}
				if got := c.made("bucket"); got != tt.applies {
					t.Fatalf("the killed worker made it %d times, want %d", got, tt.applies)
				}
				m.After, c.after = nil, nil
				if err := s.Execute(t.Context(), "run_sample", 2); err != nil {
					t.Fatal(err)
				}
				if m.Snapshot().State != onboarding.RunSucceeded || c.made("bucket") != 1 || c.made("network") != 1 {
					t.Errorf("run %s, bucket made %d times, network %d", m.Snapshot().State, c.made("bucket"), c.made("network"))
				}
				if got := m.History["network"]; strings.Count(got, "started") != 1 {
					t.Errorf("what was done was done again: %s", got)
				}
			})
		})
	}
}

func TestALostAnswerIsSettledByLookingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		s, m := bundle(t, c.step("bucket"))
		c.after = func(string) error { return lost() }
		execute(t, s)
		if m.Snapshot().State != onboarding.RunSucceeded || c.made("bucket") != 1 {
			t.Errorf("run %s, made %d times: %s", m.Snapshot().State, c.made("bucket"), m.Task("bucket").Message)
		}
	})
}

func TestAChangeThatIsNotVisibleYetIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		def := c.def("account")
		check := def.Check
		var since time.Time
		def.Check = func(ctx context.Context, env *Env, w want) (*Observed[want], error) {
			got, err := check(ctx, env, w)
			if got != nil {
				if since.IsZero() {
					since = env.Now()
				}
				if env.Now().Sub(since) < 20*time.Second {
					return nil, nil
				}
			}
			return got, err
		}
		s, m := bundle(t, Define(def))
		execute(t, s)
		if m.Snapshot().State != onboarding.RunSucceeded || c.made("account") != 1 {
			t.Errorf("run %s, made %d times", m.Snapshot().State, c.made("account"))
		}
		if !strings.Contains(m.History["account"], "waiting") {
			t.Errorf("the page never said that it waits: %s", m.History["account"])
		}
	})
}

func TestAFencedWorkerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		first := c.step("first")
		s, m := bundle(t, first, c.step("second", first), c.step("other"))
		m.After = func(op, task, kind string) {
			if task == "first" && kind == "result" {
				m.Orphan() // paused for long, taken for dead
			}
		}
		execute(t, s)
		if c.made("second") != 0 {
			t.Error("it went on to the next task")
		}
		if m.Snapshot().State != onboarding.RunQueued || m.Task("first").State == onboarding.TaskDone {
			t.Errorf("it wrote after it was fenced: run %s, task %s", m.Snapshot().State, m.Task("first").State)
		}
		m.After = nil
		execute(t, s)
		if m.Snapshot().State != onboarding.RunSucceeded || c.made("first") != 1 {
			t.Errorf("the next worker: run %s, first made %d times", m.Snapshot().State, c.made("first"))
		}
	})
}

func TestARevokedAccessBlocksAndResumesTheSameTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		first := c.step("first")
		def := c.def("bucket", first)
		apply, ended := def.Apply, true
		def.Apply = func(ctx context.Context, env *Env, ch Change[want]) error {
			if ended {
				return &url.Error{Op: "Post", URL: "https://x", Err: &oauth2.RetrieveError{ErrorCode: "invalid_grant", Body: []byte(`{"error":"invalid_grant","error_subtype":"invalid_rapt"}`)}}
			}
			return apply(ctx, env, ch)
		}
		s, m := bundle(t, first, Define(def), c.step("beside"))
		execute(t, s)
		got := m.Task("bucket")
		if m.Snapshot().State != onboarding.RunBlocked || got.State != onboarding.TaskBlocked || got.Code != onboarding.CodeSignIn || got.On != onboarding.PartyCustomer {
			t.Fatalf("run %s, task %s %s on %s", m.Snapshot().State, got.State, got.Code, got.On)
		}
		if m.Task("beside").State != onboarding.TaskDone {
			t.Error("a task that does not depend on it did not go on")
		}
		if !m.Consent.Live() {
			t.Error("the access was wiped though the run isn't over")
		}
		ended = false
		signIn(m, onboarding.ConsentToken{AccessToken: "access-2", Expiry: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)})
		m.Retry()
		used := len(m.Users)
		m.Run = m.Run.Resumed("sam@vendor.example")
		execute(t, s)
		// The end of the access is nobody's but ours.
		if by, purposes := m.Users[used:], m.Uses[used:]; !slices.Equal(purposes, []string{"run", "revoke"}) || by[0] != "sam@vendor.example" || by[1] != onboarding.System.Email {
			t.Errorf("the receipt names %q for %q of what the specialist resumed", by, purposes)
		}
		if m.Snapshot().State != onboarding.RunSucceeded || c.made("first") != 1 || c.made("bucket") != 1 {
			t.Errorf("run %s, first made %d times, bucket %d", m.Snapshot().State, c.made("first"), c.made("bucket"))
		}
	})
}

func TestTheRunDoesNoMoreThanWasApproved(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(*cloud)
		after  func(*cloud)
		adopt  bool
		state  onboarding.RunState
		code   onboarding.Code
		says   string
	}{
		{name: "already done in the meantime", after: func(c *cloud) { c.put("bucket", "right", true) }, state: onboarding.RunSucceeded},
		{name: "another setting in the meantime", after: func(c *cloud) { c.put("bucket", "wrong", true) }, state: onboarding.RunBlocked, code: onboarding.CodePlanChanged, says: "setting is wrong"},
		{name: "a further difference in the meantime", before: func(c *cloud) { c.put("bucket", "old", true) }, after: func(c *cloud) { c.put("bucket", "older", true) }, state: onboarding.RunBlocked, code: onboarding.CodePlanChanged, says: "setting is older"},
		{name: "the approved difference", before: func(c *cloud) { c.put("bucket", "old", true) }, state: onboarding.RunSucceeded},
		{name: "disappeared in the meantime", before: func(c *cloud) { c.put("bucket", "right", true) }, after: func(c *cloud) { delete(c.things, "bucket") }, state: onboarding.RunBlocked, code: onboarding.CodePlanChanged, says: "no longer there"},
		{name: "someone else's in the meantime", after: func(c *cloud) { c.put("bucket", "right", false) }, state: onboarding.RunFailed, code: onboarding.CodeConflict, says: "left it alone"},
		{name: "someone else's that may be adopted", after: func(c *cloud) { c.put("bucket", "right", false) }, adopt: true, state: onboarding.RunBlocked, code: onboarding.CodePlanChanged, says: "now exists"},
		{name: "adopted as approved", before: func(c *cloud) { c.put("bucket", "old", false) }, adopt: true, state: onboarding.RunSucceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud()
				if tt.before != nil {
					tt.before(c)
				}
				def := c.def("bucket")
				def.Adopt = func(onboarding.Spec) bool { return tt.adopt }
				s, m := bundle(t, Define(def))
				if tt.after != nil {
					tt.after(c)
				}
				execute(t, s)
				got := m.Task("bucket")
				if m.Snapshot().State != tt.state || got.Code != tt.code || !strings.Contains(got.Message, tt.says) {
					t.Errorf("run %s, %s: %s; want %s, %s saying %q", m.Snapshot().State, got.Code, got.Message, tt.state, tt.code, tt.says)
				}
				if tt.state != onboarding.RunSucceeded && c.made("bucket") != 0 {
					t.Error("it was changed all the same")
				}
			})
		})
	}
}

func TestAPanicFailsItsTaskAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		s, m := bundle(t, c.step("bad"), c.step("good"))
		c.before = func(_ context.Context, name string) error {
			if name == "bad" {
				panic("index out of range")
			}
			return nil
		}
		execute(t, s)
		bad := m.Task("bad")
		if m.Snapshot().State != onboarding.RunFailed || bad.State != onboarding.TaskFailed || bad.Code != onboarding.CodeInternal || !strings.Contains(bad.Operator, "index out of range") {
			t.Errorf("run %s, task %s %s, operator reads %q", m.Snapshot().State, bad.State, bad.Code, bad.Operator)
		}
		if strings.Contains(bad.Message, "index") || m.Task("good").State != onboarding.TaskDone {
			t.Errorf("customer reads %q, the other task is %s", bad.Message, m.Task("good").State)
		}
	})
}

func TestCancelFinishesTheCallInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		first := c.step("first")
		s, m := bundle(t, first, c.step("second", first))
		c.took = 5 * time.Second
		c.before = func(context.Context, string) error {
			m.Cancel()
			return nil
		}
		execute(t, s)
		if m.Snapshot().State != onboarding.RunCanceled || c.made("first") != 1 || c.made("second") != 0 {
			t.Errorf("run %s, first made %d times, second %d", m.Snapshot().State, c.made("first"), c.made("second"))
		}
		if m.Consent.Live() {
			t.Error("the access is still held")
		}
	})
}

// A long work gets the time it takes while it gets on, and no wait in between. It ends once it stops getting on.
func TestALongWorkGoesOnWhileItGetsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		s, m := bundle(t, c.step("bucket"))
		passes := 0
		c.verify = func(string) error {
			if passes++; passes > 300 {
				return nil
			}
			time.Sleep(time.Minute)
			return &onboarding.NotReady{Done: 10_000, Why: "The objects are being deleted"}
		}
		start := time.Now()
		execute(t, s)
		if took := time.Since(start); m.Snapshot().State != onboarding.RunSucceeded || took > 301*time.Minute {
			t.Errorf("run %s after %v, %s", m.Snapshot().State, took, m.Task("bucket").Message)
		}
		said := slices.ContainsFunc(m.Task("bucket").Events, func(e onboarding.TaskEvent) bool {
			return e.Text == "The objects are being deleted: 3,000,000 so far"
		})
		if !said {
			t.Error("nobody reads how much is done")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		s, m := bundle(t, c.step("bucket"))
		passes := 0
		c.verify = func(string) error {
			if passes++; passes > 60 {
				return &onboarding.NotReady{Why: "The objects are being deleted"}
			}
			time.Sleep(time.Minute)
			return &onboarding.NotReady{Done: 1, Why: "The objects are being deleted"}
		}
		start := time.Now()
		execute(t, s)
		if took := time.Since(start); m.Snapshot().State != onboarding.RunFailed || took > 60*time.Minute+DefaultTimeout {
			t.Errorf("run %s after %v", m.Snapshot().State, took)
		}
	})
}

// A worker that takes over counts on, and a canceled run stops between two looks.
func TestALongWorkIsCountedOnAndCanBeCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := []onboarding.TaskEvent{{Kind: "waiting", Text: "The objects are being deleted: 12,345 so far"}, {Kind: "log", Text: "x: 7 so far"}}
		if n := doneSoFar(events); n != 12345 {
			t.Errorf("it counts on from %d", n)
		}
		c := newCloud()
		s, m := bundle(t, c.step("bucket"))
		c.verify = func(string) error {
			time.Sleep(time.Minute)
			return &onboarding.NotReady{Done: 1, Why: "The objects are being deleted"}
		}
		m.After = func(_, _, kind string) {
			if kind == "waiting" {
				m.Cancel()
			}
		}
		start := time.Now()
		execute(t, s)
		if m.Snapshot().State != onboarding.RunCanceled || time.Since(start) > 3*time.Minute {
			t.Errorf("run %s after %v", m.Snapshot().State, time.Since(start))
		}
	})
}

func TestCancelEndsAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		s, m := bundle(t, c.step("instance"))
		c.verify = func(string) error {
			return &onboarding.NotReady{After: 10 * time.Minute, Why: "Google is working on it."}
		}
		m.After = func(_, _, kind string) {
			if kind == "waiting" {
				m.Cancel()
			}
		}
		start := time.Now()
		execute(t, s)
		if m.Snapshot().State != onboarding.RunCanceled || time.Since(start) > 3*time.Second {
			t.Errorf("run %s after %v", m.Snapshot().State, time.Since(start))
		}
	})
}

func TestShutdownReleasesTheRunAfterTheCallInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		first := c.step("first")
		s, m := bundle(t, first, c.step("second", first))
		c.took = 3 * time.Second
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := func() { cancel(errors.New("job canceled: the engine stops")) }
		c.before = func(context.Context, string) error { stop(); return nil }
		if err := s.Execute(ctx, "run_sample", 1); err != nil {
			t.Fatal(err)
		}
		if m.Snapshot().State != onboarding.RunQueued || c.made("first") != 1 || c.made("second") != 0 || !m.Consent.Live() {
			t.Errorf("run %s, first made %d times, second %d, access live %v", m.Snapshot().State, c.made("first"), c.made("second"), m.Consent.Live())
		}
		c.before = nil
		execute(t, s)
		if m.Snapshot().State != onboarding.RunSucceeded || c.made("first") != 1 {
			t.Errorf("resumed: run %s, first made %d times", m.Snapshot().State, c.made("first"))
		}
	})
}

func TestAJobThatComesInAShutdownIsNotLost(t *testing.T) {
	c := newCloud()
	s, m := bundle(t, c.step("first"))
	ctx, stop := context.WithCancel(t.Context())
	s.cfg.Ledger = stopsInClaim{m, stop}
	if err := s.Execute(ctx, "run_sample", 1); err != nil || m.Snapshot().State != onboarding.RunQueued || m.Owner != 0 || m.Task("first").Attempt != 0 {
		t.Errorf("stopped while it claimed: %v, run %s, owner %d, attempt %d", err, m.Snapshot().State, m.Owner, m.Task("first").Attempt)
	}
	epoch := m.Run.Epoch
	if err := s.Execute(ctx, "run_sample", 1); !errors.Is(err, context.Canceled) || m.Run.Epoch != epoch {
		t.Errorf("stopped before it claimed: %v, epoch %d, was %d", err, m.Run.Epoch, epoch)
	}
}

// stopsInClaim is a ledger whose worker is told to stop while it claims.
type stopsInClaim struct {
	*ledgertest.Ledger
	stop func()
}

func (l stopsInClaim) ClaimRun(ctx context.Context, run onboarding.RunID, worker int64) (onboarding.Run, error) {
	l.stop()
	if err := ctx.Err(); err != nil {
		return onboarding.Run{}, err
	}
	return l.Ledger.ClaimRun(ctx, run, worker)
}

// losesClaims is a ledger that makes claims, and loses the answers to so many of them.
type losesClaims struct {
	*ledgertest.Ledger
	claims, releases int
	committed        bool // whether the claims are made at all
}

func (l *losesClaims) ClaimRun(ctx context.Context, run onboarding.RunID, worker int64) (onboarding.Run, error) {
	if l.claims == 0 {
		return l.Ledger.ClaimRun(ctx, run, worker)
	}
	l.claims--
	claimed := l.Snapshot()
	claimed.Epoch++
	if l.committed {
		var err error
		if claimed, err = l.Ledger.ClaimRun(ctx, run, worker); err != nil {
			return claimed, err
		}
	}
	return claimed, &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "The service is busy.", Err: lost()}
}

func (l *losesClaims) ReleaseRun(ctx context.Context, fence onboarding.Fence) error {
	if l.releases > 0 {
		l.releases--
		return &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "The service is busy.", Err: lost()}
	}
	return l.Ledger.ReleaseRun(ctx, fence)
}

func TestAClaimOfUnknownOutcomeIsGivenBack(t *testing.T) {
	for name, committed := range map[string]bool{"committed": true, "not committed": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud()
				s, m := bundle(t, c.step("first"))
				s.cfg.Ledger = &losesClaims{Ledger: m, claims: 1, releases: 30, committed: committed}
				err := s.Execute(t.Context(), "run_sample", 1)
				if committed != (err == nil) {
					t.Errorf("returned %v: a run that was given back has a new job, another needs this one", err)
				}
				if m.Snapshot().State != onboarding.RunQueued || m.Owner != 0 || m.Abandoned != 0 || c.made("first") != 0 {
					t.Errorf("run %s, owner %d, counted %d times, made %d", m.Snapshot().State, m.Owner, m.Abandoned, c.made("first"))
				}
				execute(t, s)
				if m.Snapshot().State != onboarding.RunSucceeded || c.made("first") != 1 {
					t.Errorf("run %s, made %d times", m.Snapshot().State, c.made("first"))
				}
			})
		})
	}
}

func TestGivingBackEndsWithTheWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		s, m := bundle(t, c.step("first"))
		s.cfg.Ledger = &losesClaims{Ledger: m, claims: 1, releases: 1 << 30, committed: true}
		ctx, lose := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { lose(onboarding.Errorf(onboarding.CodeFenced, "The session is lost.")) })
		start := time.Now()
		if err := s.Execute(ctx, "run_sample", 1); err == nil || time.Since(start) < time.Minute || time.Since(start) > time.Minute+time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestAbandoningIsTriedUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		s, m := bundle(t, c.step("first"))
		m.Fail = func(string, string) error { return errors.New("connection refused") }
		l := &abandonsLate{Ledger: m, failures: 30}
		s.cfg.Ledger = l
		if err := s.Execute(t.Context(), "run_sample", 1); err == nil || m.Abandoned != 1 || l.failures != 0 {
			t.Errorf("%v, abandoned %d times, with %d failures left", err, m.Abandoned, l.failures)
		}
	})
}

type abandonsLate struct {
	*ledgertest.Ledger
	failures int
}

func (l *abandonsLate) Abandon(ctx context.Context, fence onboarding.Fence) error {
	if l.failures > 0 {
		l.failures--
		return &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "The service is busy.", Err: lost()}
	}
	return l.Ledger.Abandon(ctx, fence)
}

func TestShutdownDoesNotWaitForACallThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		s, m := bundle(t, c.step("first"))
		ctx, stop := context.WithCancel(t.Context())
		c.before = func(ctx context.Context, _ string) error {
			stop()
			<-ctx.Done()
			return ctx.Err()
		}
		start := time.Now()
		if err := s.Execute(ctx, "run_sample", 1); err != nil || m.Snapshot().State != onboarding.RunQueued || time.Since(start) > 6*time.Second {
			t.Errorf("%v, run %s after %v", err, m.Snapshot().State, time.Since(start))
		}
	})
}

func TestTasksRunAsSoonAsTheirDependenciesAreDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		c.took = 200 * time.Millisecond
		var catalog []*Step
		root := c.step("root")
		catalog = append(catalog, root)
		for i := range 4 {
			tail := root
			for j := range i + 1 { // chains of one to four
				tail = c.step(fmt.Sprintf("chain%d-%d", i, j), tail)
				catalog = append(catalog, tail)
			}
		}
		s, m := bundle(t, catalog...)
		start := time.Now()
		execute(t, s)
		critical := 5 * c.took
		if took := time.Since(start); m.Snapshot().State != onboarding.RunSucceeded || took > critical*105/100 {
			t.Errorf("run %s took %v, its critical path is %v", m.Snapshot().State, took, critical)
		}
	})
}

func TestRetriesHonorGoogleAndEnd(t *testing.T) {
	busy := func(header string) error {
		return &googleapi.Error{Code: 429, Header: map[string][]string{"Retry-After": {header}}}
	}
	t.Run("Retry-After is waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCloud()
			s, m := bundle(t, c.step("bucket"))
			tries := 0
			c.before = func(context.Context, string) error {
				if tries++; tries <= 2 {
					return busy("30")
				}
				return nil
			}
			start := time.Now()
			execute(t, s)
			if m.Snapshot().State != onboarding.RunSucceeded || tries != 3 || time.Since(start) < time.Minute || time.Since(start) > 2*time.Minute {
				t.Errorf("run %s after %d tries and %v", m.Snapshot().State, tries, time.Since(start))
			}
		})
	})
	t.Run("a policy race is repeated at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCloud()
			s, m := bundle(t, c.step("binding"))
			tries := 0
			c.before = func(context.Context, string) error {
				if tries++; tries <= 3 {
					return &googleapi.Error{Code: 409, Message: "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."}
				}
				return nil
			}
			start := time.Now()
			execute(t, s)
			if m.Snapshot().State != onboarding.RunSucceeded || time.Since(start) > 3*time.Second {
				t.Errorf("run %s after %v: %s", m.Snapshot().State, time.Since(start), m.Task("binding").Message)
			}
		})
	})
	t.Run("what never ends fails at the task's deadline, in words", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCloud()
			c.verify = func(string) error { return &onboarding.NotReady{Why: "Google is making the instance."} }
			s, m := bundle(t, c.step("instance"))
			start := time.Now()
			execute(t, s)
			got := m.Task("instance")
			if m.Snapshot().State != onboarding.RunFailed || got.Code != onboarding.CodeTimeout || !strings.Contains(got.Message, "Google is making the instance.") {
				t.Errorf("run %s, %s: %s", m.Snapshot().State, got.Code, got.Message)
			}
			if took := time.Since(start); took > DefaultTimeout || took < DefaultTimeout-time.Minute {
				t.Errorf("gave up after %v", took)
			}
		})
	})
	t.Run("403 just after a binding passes, 403 for good blocks with the permission's name", func(t *testing.T) {
		for _, passes := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud()
				s, m := bundle(t, c.step("bucket"))
				tries := 0
				c.before = func(context.Context, string) error {
					if tries++; passes && tries > 2 {
						return nil
					}
					return &googleapi.Error{Code: 403, Message: "Permission 'storage.buckets.create' denied on resource."}
				}
				execute(t, s)
				got := m.Task("bucket")
				switch {
				case passes && m.Snapshot().State != onboarding.RunSucceeded:
					t.Errorf("run %s: %s", m.Snapshot().State, got.Message)
				case !passes && (m.Snapshot().State != onboarding.RunBlocked || got.Code != onboarding.CodePermission || !strings.Contains(got.Message, "storage.buckets.create")):
					t.Errorf("run %s, %s: %s", m.Snapshot().State, got.Code, got.Message)
				}
			})
		}
	})
}

func TestADatabaseThatIsAwayForAWhileStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		s, m := bundle(t, c.step("bucket"))
		var from time.Time
		m.Fail = func(op, _ string) error {
			if op == "finish" && from.IsZero() {
				from = time.Now()
			}
			if !from.IsZero() && time.Since(from) < 20*time.Second {
				return errors.New("server closed the connection unexpectedly")
			}
			return nil
		}
		execute(t, s)
		if m.Snapshot().State != onboarding.RunSucceeded || c.made("bucket") != 1 {
			t.Errorf("run %s, made %d times", m.Snapshot().State, c.made("bucket"))
		}
	})
}

func TestADatabaseThatStaysAwayGivesTheJobBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		s, m := bundle(t, c.step("bucket"))
		m.Fail = func(string, string) error {
			return errors.New("connection refused, password=CANARY")
		}
		err := s.Execute(t.Context(), "run_sample", 1)
		if err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("returned %v", err)
		}
		if c.made("bucket") != 0 {
			t.Error("it changed the cloud without writing its intent")
		}
		if m.Abandoned != 1 {
			t.Errorf("handed on %d times", m.Abandoned)
		}
	})
}

func TestAnotherWorkersRunIsLeftAlone(t *testing.T) {
	c := newCloud()
	s, m := bundle(t, c.step("bucket"))
	m.Owner, m.Run.State = 7, onboarding.RunRunning
	execute(t, s)
	if c.made("bucket") != 0 || m.Stale != 0 {
		t.Error("it worked on another's run")
	}
}

func TestAGuideBlocksUntilTheCustomerDidIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		def := c.def("redis")
		def.Apply, def.Undo = nil, nil
		def.Guide = func(onboarding.Spec) []onboarding.Instruction {
			return []onboarding.Instruction{{Text: "Make a cluster."}}
		}
		s, m := bundle(t, Define(def))
		execute(t, s)
		if got := m.Task("redis"); m.Snapshot().State != onboarding.RunBlocked || got.Code != onboarding.CodeGuide || got.On != onboarding.PartyCustomer {
			t.Fatalf("run %s, %s on %s", m.Snapshot().State, got.Code, got.On)
		}
		c.put("redis", "right", false)
		m.Retry()
		execute(t, s)
		if m.Snapshot().State != onboarding.RunSucceeded {
			t.Errorf("run %s after the customer did it: %s", m.Snapshot().State, m.Task("redis").Message)
		}
	})
}

func TestTeardownRemovesOnlyWhatIsOursInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		bucket := c.step("bucket")
		binding := c.step("binding", bucket)
		keeps := c.def("role")
		keeps.Undo = func(context.Context, *Env, want) error { return &Left{Why: "Google keeps its name."} }
		gone := c.def("gone")
		gone.Undo = func(context.Context, *Env, want) error {
			return &Left{Gone: true, Why: "It is deleted, and Google keeps its ID."}
		}
		s, _ := bundle(t, bucket, binding, c.step("theirs"), Define(keeps), Define(gone))
		for _, name := range []string{"bucket", "binding", "role", "gone"} {
			c.put(name, "right", true)
		}
		c.put("theirs", "right", false)
		plan, err := s.TeardownPlan(t.Context(), onboarding.System, onboarding.Onboarding{ID: "ob_sample"}, onboarding.Spec{Onboarding: "ob_sample", Project: "acme-data"})
		if err != nil {
			t.Fatal(err)
		}
		if theirs, _ := plan.Task("theirs"); theirs.Action != onboarding.ActionNone || !strings.Contains(theirs.Remark(), "not created by this onboarding") {
			t.Errorf("the plan says of someone else's: %s, %s", theirs.Action, theirs.Remark())
		}
		m := newLedger(plan)
		s.cfg.Ledger = m
		m.Run.Kind = onboarding.RunTeardown
		var order []string
		m.After = func(_, task, kind string) {
			if kind == "done" {
				order = append(order, task)
			}
		}
		execute(t, s)
		if m.Snapshot().State != onboarding.RunSucceeded || slices.Index(order, "binding") > slices.Index(order, "bucket") {
			t.Errorf("run %s, order %v", m.Snapshot().State, order)
		}
		if len(c.things) != 3 || c.things["theirs"] != (thing{"right", false}) {
			t.Errorf("left in the cloud: %v", c.things)
		}
		if got := m.Task("role"); !strings.Contains(got.Message, "Google keeps its name.") || got.Left != "Google keeps its name." {
			t.Errorf("what stays is not told: %q, %q", got.Message, got.Left)
		}
		if got := m.Task("gone"); got.Left != "" || got.Message != "It is deleted, and Google keeps its ID." {
			t.Errorf("what was removed is said to be left, because its ID stays: %q, %q", got.Message, got.Left)
		}
		if got := m.Task("theirs"); got.Left != "It stays: it was not created by this onboarding." {
			t.Errorf("why someone else's is left: %q", got.Left)
		}
		if got := m.Task("bucket"); got.Left != "" {
			t.Errorf("what was removed is said to be left: %q", got.Left)
		}
	})
}

// A run that an earlier version pinned, or whose row was changed, does nothing until its plan is approved again.
func TestARunThatIsNotKnownWaitsForAnotherApproval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		first := c.step("first")
		s, m := bundle(t, first)
		s.cfg.Vault = doubting{t: t}
		execute(t, s)
		got := m.Task("first")
		if m.Snapshot().State != onboarding.RunBlocked || got.State != onboarding.TaskBlocked || got.Code != onboarding.CodePlanChanged || got.ActionText != "Approve the plan again" {
			t.Errorf("run %s, task %s, code %s: %s", m.Snapshot().State, got.State, got.Code, got.ActionText)
		}
		if c.made("first") != 0 || len(m.Uses) != 0 {
			t.Errorf("made %d, used for %v", c.made("first"), m.Uses)
		}
	})
}
