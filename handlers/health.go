package handlers

import (
	"context"
	"net/http"
	"time"
)

// live says that the process answers.
func (s *Server) live(w http.ResponseWriter, _ *http.Request) { health(w, http.StatusOK, "live\n") }

// ready says whether the database answers within two seconds; a load balancer sends nobody here while it doesn't.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	switch {
	case s.stop.Err() != nil:
		health(w, http.StatusServiceUnavailable, "stopping\n")
	case s.Pinger.Ping(ctx) != nil:
		w.Header().Set("Retry-After", "5")
		health(w, http.StatusServiceUnavailable, "the database doesn't answer\n")
	default:
		health(w, http.StatusOK, "ready\n")
	}
}

func health(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // nobody is left to tell
}
