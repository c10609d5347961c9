package handlers

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"groundwork/onboarding"
	"groundwork/web"
)

// lookAgain is how many heartbeats pass before a stream's viewer is looked at again.
const lookAgain = 4

// events streams the run: whole parts with a growing id, so that a browser that was away misses nothing.
func (s *Server) events(w http.ResponseWriter, v *visit) error {
	first, err := s.App.LatestRun(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	last, _ := strconv.ParseInt(v.Header.Get("Last-Event-ID"), 10, 64)
	if first.State.Ended() && last&1 == 1 {
		w.WriteHeader(http.StatusNoContent) // the end was seen: tells the browser not to come back
		return nil
	}
	leave, err := s.streams.admit(v.actor.Email)
	if err != nil {
		return err
	}
	hijacked := false
	defer func() {
		if !hijacked {
			leave()
		}
	}()
	ctl, h := http.NewResponseController(w), w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	h.Set("Transfer-Encoding", "identity") // the stream ends with its connection
	w.WriteHeader(http.StatusOK)
	if v.Method == http.MethodHead {
		return nil
	}
	if err := ctl.Flush(); err != nil {
		noteOf(v.Context()).gone = true
		return nil //nolint:nilerr // nobody is left to tell
	}
	// From here on the stream is its own: the server would keep the request, its buffers and the deep stack of the way
	// here, four times of what the stream needs, for as long as somebody watches.
	conn, _, err := ctl.Hijack()
	if err != nil {
		return fmt.Errorf("take the connection over: %w", err)
	}
	var place web.DetailPlace
	if tab := web.LiveTab(v.URL.Query().Get("view")); tab != "" && v.actor.Role.Staff() {
		place = placeOf(v, tab)
	}
	watcher := &watcher{
		s: s, conn: conn, actor: v.actor, id: v.id, place: place, last: last,
		session: storedToken(s.sessions.Token(v.Context())), end: s.sessions.Deadline(v.Context()),
	}
	hijacked = true
	go func() {
		defer leave()
		watcher.watch()
	}()
	return nil
}

// watcher is somebody who watches a run.
type watcher struct {
	s       *Server
	conn    net.Conn
	actor   onboarding.Actor
	id      onboarding.ID
	place   web.DetailPlace
	last    int64  // id of the latest message
	session string // the stored token
	end     time.Time
}

// watch sends what happens until the run or the session ends, the viewer goes away, or the server stops.
func (w *watcher) watch() {
	s := w.s
	defer w.conn.Close() //nolint:errcheck // whoever watched may be gone
	defer func() {
		if p := recover(); p != nil {
			s.Logger.Error("a stream panicked", "onboarding", string(w.id), "error", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	frames, leave := s.streams.join(w.actor, w.id, w.place)
	defer leave()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = w.conn.Read(make([]byte, 1)) // a browser says nothing more; this ends when it hangs up
	}()
	beat := time.NewTicker(s.Heartbeat)
	defer beat.Stop()
	end := time.NewTimer(w.end.Sub(s.Now()))
	defer end.Stop()
	beats := 0
	for {
		select {
		case <-gone:
			return
		case <-s.stop.Done():
			return
		case <-end.C:
			return
		case <-beat.C:
			if beats++; beats%lookAgain == 0 && !w.mayGoOn() {
				return
			}
			if !w.send([]byte("event: beat\ndata: beat\n\n")) { // the page's script sees no comment
				return
			}
		case f, ok := <-frames:
			if !ok {
				return
			}
			id := f.id
			if id <= w.last {
				id = w.last + 2 - (w.last+id)&1 // grows, and keeps its parity
			}
			w.last = id
			if !w.send([]byte("id: "+strconv.FormatInt(id, 10)+"\n"), f.data) {
				return
			}
			if f.ended {
				w.send([]byte("event: end\ndata: end\n\n")) // tells the page to close the stream
				return
			}
		}
	}
}

// send writes parts without joining them: all viewers share a frame. One who takes nothing comes back with Last-Event-ID.
func (w *watcher) send(parts ...[]byte) bool {
	_ = w.conn.SetWriteDeadline(time.Now().Add(w.s.Slowest))
	buffers := net.Buffers(parts)
	_, err := buffers.WriteTo(w.conn)
	return err == nil
}

// mayGoOn reports whether the viewer is signed in and in the same role still.
func (w *watcher) mayGoOn() bool {
	s := w.s
	ctx, cancel := context.WithTimeout(s.stop, s.Timeout)
	defer cancel()
	raw, found, err := s.Sessions.Find(ctx, w.session)
	if err != nil || !found {
		return false
	}
	_, values, err := s.sessions.Codec.Decode(raw)
	if seen, _ := values[keySeen].(int64); err != nil || s.Now().Sub(time.Unix(seen, 0)) > s.Idle {
		return false
	}
	role, err := s.App.RoleOn(ctx, w.actor, w.id)
	return err == nil && role == w.actor.Role
}
