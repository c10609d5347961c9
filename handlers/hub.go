package handlers

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"groundwork/onboarding"
	"groundwork/web"
)

// recheck is the net under lost notifications.
const recheck = 3 * time.Second

// frame is one drawn state of a run.
type frame struct {
	id    int64  // odd for the end of the run
	data  []byte // "data: …" lines and the empty line
	ended bool
}

// hub draws each run once for each person however many tabs they have open.
type hub struct {
	ctx    context.Context
	s      *Server
	mu     sync.Mutex
	topics map[topicKey]*topic
	open   map[string]int // streams by person
	all    int
}

type topicKey struct {
	id    onboarding.ID
	email string
	role  onboarding.Role
	place web.DetailPlace // on the specialists' page; the zero value is the customer's page
}

type topic struct {
	cancel context.CancelFunc
	subs   map[chan frame]struct{}
	latest *frame
}

func newHub(ctx context.Context, s *Server) *hub {
	return &hub{ctx: ctx, s: s, topics: map[topicKey]*topic{}, open: map[string]int{}}
}

// admit counts a stream of a person's, until leave is called. Else the person, or the process, has too many.
func (h *hub) admit(person string) (leave func(), err error) {
	most, all := h.s.Limits.Streams, h.s.Limits.AllStreams
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case most > 0 && h.open[person] >= most:
		return nil, &statusError{status: http.StatusTooManyRequests, message: "This page is open in too many tabs to keep them all up to date. Close some of them, then reload this one."}
	case all > 0 && h.all >= all:
		return nil, &statusError{status: http.StatusTooManyRequests, message: "Too many people are watching at once. Reload the page to see the latest state."}
	}
	h.open[person]++
	h.all++
	return sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.all--
		if h.open[person]--; h.open[person] == 0 {
			delete(h.open, person)
		}
	}), nil
}

// join subscribes to a run's frames. A slow reader misses frames between, never the latest. The channel is closed when
// the run cannot be read any more; leave must be called.
func (h *hub) join(actor onboarding.Actor, id onboarding.ID, place web.DetailPlace) (<-chan frame, func()) {
	key := topicKey{id, actor.Email, actor.Role, place}
	ch := make(chan frame, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[key]
	if t == nil {
		ctx, cancel := context.WithCancel(h.ctx)
		t = &topic{cancel: cancel, subs: map[chan frame]struct{}{}}
		h.topics[key] = t
		go h.follow(ctx, key, actor, t)
	}
	t.subs[ch] = struct{}{}
	if t.latest != nil {
		ch <- *t.latest
	}
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(t.subs, ch)
		if len(t.subs) == 0 && h.topics[key] == t {
			delete(h.topics, key)
			t.cancel()
		}
	}
}

// follow draws the run whenever it changed, and every few seconds in case a notification was lost.
func (h *hub) follow(ctx context.Context, key topicKey, actor onboarding.Actor, t *topic) {
	changed := h.s.Watcher.Watch(ctx, key.id)
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	for {
		f, err := h.draw(ctx, actor, key)
		switch code := onboarding.ErrorCode(err); {
		case err == nil:
			h.publish(t, f)
			if f.ended {
				h.drop(key, t, false)
				return
			}
		case code == onboarding.CodeNotFound || code == onboarding.CodeForbidden:
			h.drop(key, t, true)
			return
		case ctx.Err() == nil:
			h.s.Logger.WarnContext(ctx, "draw progress", "onboarding", string(key.id), "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case _, ok := <-changed:
			if !ok {
				changed = nil // the ticker goes on
			}
		case <-tick.C:
		}
	}
}

// drop forgets a topic that has come to its end; who opens the page now begins a new one.
func (h *hub) drop(key topicKey, t *topic, hangUp bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.topics[key] == t {
		delete(h.topics, key)
	}
	t.cancel()
	if hangUp {
		for ch := range t.subs {
			delete(t.subs, ch)
			close(ch)
		}
	}
}

func (h *hub) publish(t *topic, f frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.latest != nil && bytes.Equal(t.latest.data, f.data) {
		return
	}
	t.latest = &f
	for ch := range t.subs {
		select {
		case <-ch: // a reader that is behind gets the newer one instead
		default:
		}
		ch <- f
	}
}

func (h *hub) draw(ctx context.Context, actor onboarding.Actor, key topicKey) (frame, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	page, f, err := h.page(ctx, actor, key)
	if err != nil {
		return frame{}, err
	}
	var b strings.Builder
	if err := page.Render(ctx, &b); err != nil {
		return frame{}, fmt.Errorf("draw progress: %w", err)
	}
	var data bytes.Buffer
	for line := range strings.Lines(b.String()) {
		data.WriteString("data: " + strings.TrimRight(line, "\r\n") + "\n")
	}
	data.WriteString("\n")
	f.data = data.Bytes()
	return f, nil
}

// page is what changed on the topic's page, and the frame for it without its data.
func (h *hub) page(ctx context.Context, actor onboarding.Actor, key topicKey) (templ.Component, frame, error) {
	if key.place.Tab == web.DetailOverview {
		ob, err := h.s.App.Onboarding(ctx, actor, key.id)
		if err != nil {
			return nil, frame{}, err
		}
		view, err := h.s.detailHead(ctx, actor, ob, key.place)
		if err != nil || view.Latest == nil {
			return templ.NopComponent, frame{}, err
		}
		return web.DetailParts(view), ended(int64(view.Latest.Epoch+view.Latest.Done), view.Latest.State), nil
	}
	run, err := h.s.progressView(ctx, actor, key.id)
	if err != nil {
		return nil, frame{}, err
	}
	settings, err := h.s.App.Settings(ctx)
	if err != nil {
		return nil, frame{}, err
	}
	run.Brand, run.Role = settings.Brand(), actor.Role
	if actor.Role.Staff() && key.place.Tab == "" {
		run.Viewing = key.id
	}
	run.Now = time.Time{} // exact times: "3 seconds ago" would make every look a change
	n := int64(run.Run.Epoch)
	for _, t := range run.Run.Tasks {
		n += int64(t.Attempt)
		if last := len(t.Events) - 1; last >= 0 {
			n += t.Events[last].ID
		}
	}
	f := ended(n, run.Run.State)
	if key.place.Tab == "" {
		return web.ProgressParts(run), f, nil
	}
	view, err := h.s.detailHead(ctx, actor, run.Onboarding, key.place)
	view.Run = &run
	return web.DetailParts(view), f, err
}

// ended is a frame whose number is odd if the run has ended.
func ended(n int64, state onboarding.RunState) frame {
	f := frame{id: 2 * n, ended: state.Ended()}
	if f.ended {
		f.id++
	}
	return f
}
