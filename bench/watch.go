package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"golang.org/x/sync/errgroup"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/store"
	"groundwork/wizard"
	"groundwork/wizard/steps"
)

const (
	tabs       = 20 // streams of one run
	perSecond  = 50 // events, each of some run
	broadcasts = 10
)

// watched is a run that streams follow, and what happened in it.
type watched struct {
	*customer
	fence onboarding.Fence
	task  onboarding.TaskName
	mu    sync.Mutex
	told  []told
}

// told is something that happened: every frame from that id on shows it.
type told struct {
	id int64
	at time.Time
}

// stream is one live watcher.
type stream struct {
	of    *watched
	mu    sync.Mutex
	seen  []told // frames
	ended chan struct{}
	end   atomic.Bool // the stream said itself that it is over
}

// measureWatchers opens many live streams of runs whose worker is this process, so that what happens reaches the server
// as from any other.
func measureWatchers(ctx context.Context, l *lab) ([]row, error) {
	if err := l.serve(ctx); err != nil {
		return nil, err
	}
	if err := l.pause(ctx); err != nil {
		return nil, err
	}
	worker, err := store.NewWorker(ctx, l.store)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var group errgroup.Group
	group.Go(func() error { return worker.Run(ctx) })
	rows, err := l.watchers(ctx, worker)
	cancel()
	return rows, errors.Join(err, group.Wait())
}

func (l *lab) watchers(ctx context.Context, worker *store.Worker) ([]row, error) {
	var runs []*watched
	for range max(2, l.Streams/tabs) {
		w, err := l.watchedRun(ctx, worker)
		if err != nil {
			return nil, err
		}
		runs = append(runs, w)
	}
	before := memory(l.server.Process.Pid, "VmRSS:")
	streams, err := l.watch(ctx, runs, l.Streams)
	if err != nil {
		return nil, err
	}
	each := (memory(l.server.Process.Pid, "VmRSS:") - before) / float64(l.Streams)

	// Something happens now here, now there.
	beat := time.NewTicker(time.Second / perSecond)
	defer beat.Stop()
	for range max(perSecond, int(5*l.Each.Seconds()*perSecond)) {
		if err := runs[rand.IntN(len(runs))].tell(ctx, l); err != nil {
			return nil, err
		}
		<-beat.C
	}
	late, lost := delays(streams)
	// Every run ends: who watches it has to see that, and is let go.
	for _, w := range runs {
		if err := w.finish(ctx, l); err != nil {
			return nil, err
		}
	}
	lost += ends(ctx, streams)

	// All watch one run.
	one, err := l.watchedRun(ctx, worker)
	if err != nil {
		return nil, err
	}
	if streams, err = l.watch(ctx, []*watched{one}, l.Streams); err != nil {
		return nil, err
	}
	for range broadcasts {
		if err := one.tell(ctx, l); err != nil {
			return nil, err
		}
		select {
		case <-time.After(l.Each):
		case <-ctx.Done():
		}
	}
	all, missed := delays(streams)
	if err := one.finish(ctx, l); err != nil {
		return nil, err
	}
	lost += missed + ends(ctx, streams)
	from := fmt.Sprintf("%d streams of %d runs", l.Streams, len(runs))
	return []row{
		{What: "a live watcher's memory", Against: "absolute", Unit: "KiB", Value: each, Goal: 32, Beyond: 16, Measured: from + "; growth of the server's resident memory"},
		{What: "event to watcher, p99", Against: "absolute", Unit: "ms", Value: at(late, 0.99), Goal: 250, Beyond: 100, Measured: fmt.Sprintf("%s; %d events a second from another process, median %.0f ms", from, perSecond, at(late, 0.5))},
		{What: "broadcast to all watchers, p99", Against: "absolute", Unit: "ms", Value: at(all, 0.99), Goal: 500, Beyond: 100, Measured: fmt.Sprintf("%d streams of one run, %d events, median %.0f ms", l.Streams, broadcasts, at(all, 0.5))},
		{What: "final states lost", Against: "absolute", Unit: "of " + strconv.Itoa(2*l.Streams), Value: float64(lost), Goal: 0, Measured: "each stream's end of its run"},
	}, nil
}

// pause keeps the server's own worker from the runs.
func (l *lab) pause(ctx context.Context) error {
	jobs, err := river.NewClient(riverpgxv5.New(l.store.Pool()), &river.Config{})
	if err != nil {
		return fmt.Errorf("pause the workers: %w", err)
	}
	if err := jobs.QueuePause(ctx, river.QueueDefault, nil); err != nil {
		return fmt.Errorf("pause the workers: %w", err)
	}
	return nil
}

// submitted makes a customer who started a run.
func (l *lab) submitted(ctx context.Context) (*customer, onboarding.Run, error) {
	c, err := l.customer(ctx)
	if err != nil {
		return nil, onboarding.Run{}, err
	}
	ob, err := l.store.Onboarding(ctx, onboarding.System, c.ob)
	if err != nil {
		return nil, onboarding.Run{}, err
	}
	spec := wizard.New(steps.All()).Wanted(ob)
	spec.Project, spec.Region, spec.Compute, spec.OnlineStore = "acme-data-prod", "us-west1", onboarding.ComputeDatabricks, onboarding.OnlineBigtable
	spec.Bigtable = onboarding.BigtableSpec{InstanceID: onboarding.DefaultInstanceID(spec.Deployment), Zone: "us-west1-a"}
	plan, err := provisioner.NewService(provisioner.Config{Catalog: resources.Catalog(), Now: time.Now}).VerifyPlan(spec)
	if err != nil {
		return nil, onboarding.Run{}, err
	}
	run, err := l.store.Submit(ctx, onboarding.Actor{Email: c.email, Role: onboarding.RoleCustomer}, c.ob, ob.Version, onboarding.RunProvision, plan, func(onboarding.Onboarding) onboarding.Spec { return spec })
	return c, run, err
}

// watchedRun makes a customer whose run this process works on.
func (l *lab) watchedRun(ctx context.Context, worker *store.Worker) (*watched, error) {
	c, run, err := l.submitted(ctx)
	if err != nil {
		return nil, err
	}
	worker.Begin(run.ID) // for as long as the measurement lasts
	if run, err = l.store.ClaimRun(ctx, run.ID, worker.ID()); err != nil {
		return nil, err
	}
	w := &watched{customer: c, fence: onboarding.Fence{Run: run.ID, Epoch: run.Epoch}, task: run.Tasks[0].Name}
	if _, err := l.store.StartTask(ctx, w.fence, w.task); err != nil {
		return nil, err
	}
	return w, nil
}

// frame is the number of the frame that shows the run as it is now.
func (w *watched) frame(ctx context.Context, l *lab) (int64, error) {
	run, err := l.store.Run(ctx, onboarding.System, w.fence.Run)
	n := int64(run.Epoch)
	for _, t := range run.Tasks {
		n += int64(t.Attempt)
		if last := len(t.Events) - 1; last >= 0 {
			n += t.Events[last].ID
		}
	}
	return 2 * n, err
}

// tell lets something happen in the run.
func (w *watched) tell(ctx context.Context, l *lab) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if err := l.store.NoteTask(ctx, w.fence, w.task, "log", "Something happened at "+now.Format(time.RFC3339Nano)+"."); err != nil {
		return err
	}
	id, err := w.frame(ctx, l)
	w.told = append(w.told, told{id, now})
	return err
}

func (w *watched) finish(ctx context.Context, l *lab) error {
	return l.store.EndRun(ctx, w.fence, onboarding.RunSucceeded)
}

// watch opens so many streams and waits until each has drawn its run.
func (l *lab) watch(ctx context.Context, runs []*watched, n int) ([]*stream, error) {
	streams := make([]*stream, n)
	var group errgroup.Group
	group.SetLimit(50)
	for i := range streams {
		s := &stream{of: runs[i%len(runs)], ended: make(chan struct{})}
		streams[i] = s
		group.Go(func() error {
			c, err := dial(ctx, l.base)
			if err != nil {
				return err
			}
			c.r = bufio.NewReaderSize(c, 4<<10)
			if _, err := c.Write(l.page(s.of.customer, "/o/"+string(s.of.ob)+"/events")); err != nil {
				return err
			}
			resp, err := http.ReadResponse(c.r, nil) //nolint:bodyclose // it ends with its connection
			if err != nil {
				return err
			}
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("open a stream: %s", resp.Status)
			}
			body := bufio.NewReaderSize(resp.Body, 4<<10)
			first := make(chan error, 1)
			go func() {
				defer close(s.ended)
				defer c.close()
				first <- s.frame(body)
				for s.frame(body) == nil { //nolint:revive // each frame is noted
				}
			}()
			return <-first
		})
	}
	return streams, group.Wait()
}

// frame reads one frame to its end and notes it.
func (s *stream) frame(r *bufio.Reader) error {
	var id int64
	for {
		line, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		switch text := string(line[:min(len(line), 24)]); {
		case strings.HasPrefix(text, "id: "):
			if id, err = strconv.ParseInt(strings.TrimSpace(text[4:]), 10, 64); err != nil {
				return err
			}
		case strings.HasPrefix(text, "event: end"):
			s.end.Store(true)
			return errors.New("the end")
		case text == "\n" && id > 0:
			s.mu.Lock()
			s.seen = append(s.seen, told{id, time.Now()})
			s.mu.Unlock()
			return nil
		}
	}
}

// delays waits a moment for what is under way, and gives how many milliseconds after each event each stream that
// watched had shown it; missed counts those that never did.
func delays(streams []*stream) (sorted []float64, missed int) {
	deadline := time.Now().Add(10 * time.Second)
	for _, s := range streams {
		s.of.mu.Lock()
		events := s.of.told
		s.of.mu.Unlock()
		var seen []told
		for {
			s.mu.Lock()
			seen = s.seen
			s.mu.Unlock()
			if len(events) == 0 || seen[len(seen)-1].id >= events[len(events)-1].id || time.Now().After(deadline) {
				break
			}
			time.Sleep(10 * time.Millisecond) // between two looks at what other goroutines read
		}
		for _, e := range events {
			i := slices.IndexFunc(seen, func(f told) bool { return f.id >= e.id })
			if i < 0 {
				missed++
				continue
			}
			sorted = append(sorted, float64(seen[i].at.Sub(e.at).Microseconds())/1000)
		}
	}
	slices.Sort(sorted)
	return sorted, missed
}

// ends hangs up and counts the streams that had not been told the end of their run.
func ends(ctx context.Context, streams []*stream) (lost int) {
	over := time.After(30 * time.Second)
	for _, s := range streams {
		select {
		case <-s.ended:
		case <-over:
			over = nil
		case <-ctx.Done():
		}
		if !s.end.Load() {
			lost++
		}
	}
	return lost
}

// memory is a line of a process's status, "VmRSS:" or "VmHWM:" for the most so far, in KiB; 0 where the system doesn't tell.
func memory(pid int, line string) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), line)
	var kib float64
	_, _ = fmt.Sscan(after, &kib) // 0 if there is none
	return kib
}
