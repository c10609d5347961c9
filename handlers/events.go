package handlers

import (
	"net/http"
	"strconv"
	"time"
)

// lookAgain is how many heartbeats pass before a stream's viewer is looked at again.
const lookAgain = 4

// events streams the run: whole parts with a growing id, so that a browser that was away misses nothing.
func (s *Server) events(w http.ResponseWriter, v *visit) error {
	first, err := s.Store.LatestRun(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	last, _ := strconv.ParseInt(v.Header.Get("Last-Event-ID"), 10, 64)
	if first.State.Ended() && last&1 == 1 {
		w.WriteHeader(http.StatusNoContent) // the end was seen: tells the browser not to come back
		return nil
	}
	if err := unlimited(w); err != nil {
		return err
	}
	ctl, h := http.NewResponseController(w), w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if err := ctl.Flush(); err != nil {
		return nil
	}

	detail := v.actor.Role.Staff() && v.URL.Query().Get("view") == "detail"
	frames, leave := s.streams.join(v.actor, v.id, detail)
	defer leave()
	beat := time.NewTicker(s.Heartbeat)
	defer beat.Stop()
	end := time.NewTimer(time.Until(s.sessions.Deadline(v.Context())))
	defer end.Stop()
	beats := 0
	send := func(text string) bool {
		// A reader that takes nothing for half a minute is let go: it comes back with Last-Event-ID.
		_ = ctl.SetWriteDeadline(time.Now().Add(30 * time.Second))
		_, err := w.Write([]byte(text))
		return err == nil && ctl.Flush() == nil
	}
	for {
		select {
		case <-v.Context().Done():
			return nil
		case <-s.stop.Done():
			return nil
		case <-end.C:
			return nil
		case <-beat.C:
			if beats++; beats%lookAgain == 0 && !s.mayGoOn(v) {
				return nil
			}
			if !send(": still here\n\n") {
				return nil
			}
		case f, ok := <-frames:
			if !ok {
				return nil
			}
			id := f.id
			if id <= last {
				id = last + 2 - (last+id)&1 // grows, and keeps its parity
			}
			last = id
			if !send("id: " + strconv.FormatInt(id, 10) + "\n" + f.data) {
				return nil
			}
			if f.ended {
				send("event: end\ndata: end\n\n") // tells the page to close the stream
				return nil
			}
		}
	}
}

// mayGoOn tells whether a stream's viewer is signed in and in the same role still.
func (s *Server) mayGoOn(v *visit) bool {
	raw, found, err := s.Sessions.Find(v.Context(), storedToken(s.sessions.Token(v.Context())))
	if err != nil || !found {
		return false
	}
	_, values, err := s.sessions.Codec.Decode(raw)
	if seen, _ := values[keySeen].(int64); err != nil || s.Now().Sub(time.Unix(seen, 0)) > s.Idle {
		return false
	}
	role, err := s.roleOn(v.Context(), v.actor.Email, v.id)
	return err == nil && role == v.actor.Role
}
