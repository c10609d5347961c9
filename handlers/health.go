package handlers

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// live says that the process answers.
func (s *Server) live(w http.ResponseWriter, _ *http.Request) { health(w, http.StatusOK, "live\n") }

// ready says whether the database answers within two seconds, and whether its schema is as new as this program; a load
// balancer sends nobody here while it doesn't. A database that takes no writes is no reason: pages can be read, and no
// other server could write either.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if s.stop.Err() != nil {
		health(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	is, err := s.Readiness.Readiness(ctx)
	switch {
	case err != nil:
		w.Header().Set("Retry-After", "5")
		health(w, http.StatusServiceUnavailable, "the database doesn't answer\n")
	case is.Behind():
		w.Header().Set("Retry-After", "5")
		health(w, http.StatusServiceUnavailable, fmt.Sprintf("the database's schema is older than this program, which needs version %d: run groundwork migrate\n", is.Needs))
	case is.ReadOnly:
		health(w, http.StatusOK, "degraded: the database takes no writes\n")
	default:
		health(w, http.StatusOK, "ready\n")
	}
}

func health(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // nobody is left to tell
}
