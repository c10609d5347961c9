package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"groundwork/onboarding"
	"groundwork/web"
)

// audit shows the history with its hashes.
func (s *Server) audit(w http.ResponseWriter, v *visit) error {
	ob, err := s.App.Onboarding(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	entries, err := s.App.History(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	view := web.AuditView{Frame: s.onboardingFrame(v, ob, "History"), Onboarding: ob, Lines: int64(len(entries)), Last: entries[len(entries)-1].Hash, Signed: s.App.Signs()}
	view.Erased, view.ErasedAt = onboarding.Erasure(entries)
	path, end := web.OnboardingPath(v.id, "audit"), len(entries)
	if before, err := strconv.Atoi(v.URL.Query().Get("before")); err == nil && before > 1 && before <= end {
		end = before - 1
		view.Newer = path
		if newer := end + auditLines; newer < len(entries) {
			view.Newer += "?before=" + strconv.Itoa(newer+1)
		}
	}
	begin := max(end-auditLines, 0)
	if begin > 0 {
		view.Older = path + "?before=" + strconv.Itoa(begin+1)
	}
	view.Entries = slices.Clone(entries[begin:end])
	slices.Reverse(view.Entries)
	return s.draw(w, v.Request, http.StatusOK, web.AuditPage(view))
}

// auditLines is how many lines of a history a page shows.
const auditLines = 100

func (s *Server) auditJSON(w http.ResponseWriter, v *visit) error {
	return s.auditFile(w, v, "application/json", "json", func(w io.Writer, entries []onboarding.AuditEntry) error {
		return onboarding.WriteAuditJSON(w, v.id, entries, web.EventSentence)
	})
}

func (s *Server) auditCSV(w http.ResponseWriter, v *visit) error {
	return s.auditFile(w, v, "text/csv", "csv", func(w io.Writer, entries []onboarding.AuditEntry) error {
		return onboarding.WriteAuditCSV(w, entries, web.EventSentence)
	})
}

// auditFile sends the history as a download that `audit verify --file` takes.
func (s *Server) auditFile(w http.ResponseWriter, v *visit, kind, ending string, write func(io.Writer, []onboarding.AuditEntry) error) error {
	entries, err := s.App.History(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	attach(w.Header(), kind, string(v.id)+"-history."+ending)
	if err := write(w, entries); err != nil {
		noteOf(v.Context()).gone = true
	}
	return nil
}

// browserName is what a browser says of itself, short and printable.
func browserName(r *http.Request) string {
	name := strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(r.UserAgent(), ""))
	return name[:len(string([]rune(name)[:min(120, len([]rune(name)))]))]
}

// sessionID names a session to its owner: a hash of what the store knows it by, which is a hash of the cookie.
func sessionID(stored string) string {
	sum := sha256.Sum256([]byte("groundwork session id\x00" + stored))
	return hex.EncodeToString(sum[:12])
}

// storedSession is a session of somebody's, by the token that the store keeps it under.
type storedSession struct {
	stored string
	web.Session
}

// sessionsOf reads the live sessions of one person's account, latest seen first.
func (s *Server) sessionsOf(ctx context.Context, who onboarding.Actor) ([]storedSession, error) {
	all, err := s.Sessions.Of(ctx, who.Email)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	var out []storedSession
	for stored, raw := range all {
		_, values, err := s.sessions.Codec.Decode(raw)
		if err != nil {
			return nil, fmt.Errorf("read a session: %w", err)
		}
		signed, _ := values[keySigned].(int64)
		seen, _ := values[keySeen].(int64)
		agent, _ := values[keyAgent].(string)
		if account, _ := values[keyAccount].(string); account != string(who.Account) {
			continue // of another account, which had the address before
		}
		if s.Now().Sub(time.Unix(seen, 0)) > s.Idle {
			continue // over already: its next request says so
		}
		out = append(out, storedSession{stored, web.Session{ID: sessionID(stored), Browser: agent, SignedAt: time.Unix(signed, 0), SeenAt: time.Unix(seen, 0)}})
	}
	slices.SortFunc(out, func(a, b storedSession) int {
		if c := b.SeenAt.Compare(a.SeenAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, nil
}

// sessionsPage lists where the visitor is signed in.
func (s *Server) sessionsPage(w http.ResponseWriter, v *visit) error {
	mine, err := s.sessionsOf(v.Context(), v.actor)
	if err != nil {
		return err
	}
	view := web.SessionsView{Frame: s.frame(v.Request, "Where you are signed in")}
	current := sessionID(storedToken(s.sessions.Token(v.Context())))
	for _, one := range mine {
		one.Current = one.ID == current
		if one.Current {
			view.Sessions = slices.Insert(view.Sessions, 0, one.Session)
		} else {
			view.Sessions = append(view.Sessions, one.Session)
		}
	}
	return s.draw(w, v.Request, http.StatusOK, web.SessionsPage(view))
}

// sessionsEnd ends one session of the visitor's, or all others. One that is not theirs is not found.
func (s *Server) sessionsEnd(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	which := v.form.Get(web.FieldSession)
	current := sessionID(storedToken(s.sessions.Token(ctx)))
	if which == current {
		return s.signOut(w, v)
	}
	mine, err := s.sessionsOf(ctx, v.actor)
	if err != nil {
		return err
	}
	ended := 0
	for _, one := range mine {
		if one.ID == current || (which != "others" && one.ID != which) {
			continue
		}
		if err := s.Sessions.Delete(ctx, one.stored); err != nil {
			return err
		}
		ended++
	}
	if ended == 0 && which != "others" {
		return onboarding.Errorf(onboarding.CodeNotFound, "This session has ended already. Go back to see the others.")
	}
	s.say(ctx, "The session ended. That browser has to sign in again.")
	return seeOther(w, v.Request, "/sessions")
}

func (s *Server) receipt(w http.ResponseWriter, v *visit) error {
	ctx := v.Context()
	ob, err := s.App.Onboarding(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	consents, err := s.App.Consents(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	view := web.ReceiptView{Frame: s.onboardingFrame(v, ob, "Receipt of access"), Onboarding: ob}
	for _, c := range consents {
		view.Consents = append(view.Consents, web.ReceiptConsent{Consent: c.Consent, Uses: c.Uses})
		if c.Live() && v.actor.Role.Member() {
			view.RevokeURL = web.OnboardingPath(v.id, "revoke")
		}
	}
	handover, err := s.App.Handover(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	for _, d := range handover.Deliveries {
		if d.Kind == onboarding.DeliverSecrets {
			view.Secrets = append(view.Secrets, d)
		}
	}
	return s.draw(w, v.Request, http.StatusOK, web.Receipt(view))
}
