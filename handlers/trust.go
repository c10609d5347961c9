package handlers

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
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
	history, err := s.App.History(v.Context(), v.actor, v.id, linesAt(v))
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.AuditPage(web.AuditView{Frame: s.onboardingFrame(v, ob, "History"), Onboarding: ob, History: history, Signed: s.App.Signs()}))
}

// linesAt is the page of a list that the request asks for.
func linesAt(v *visit) onboarding.LinesAt {
	q := v.URL.Query()
	return onboarding.LinesAt{Before: q.Get(web.ParamBefore), From: q.Get(web.ParamFrom)}
}

func (s *Server) auditJSON(w http.ResponseWriter, v *visit) error {
	head, err := s.App.SignedHead(v.Context(), v.actor, v.id) // before the lines, as in a download with proof
	signs := onboarding.ErrorCode(err) != onboarding.CodeConflict
	if err != nil && signs {
		return err
	}
	return s.sendFile(w, v, "application/json", "history.json", func(w io.Writer) error {
		if !signs {
			return s.writeHistory(v, onboarding.NewAuditJSON(w, v.id, web.EventSentence), math.MaxInt64)
		}
		return s.writeHistory(v, onboarding.NewSignedAuditJSON(w, head, web.EventSentence), head.Seq)
	})
}

// A table has no place for a signature that a spreadsheet keeps, so this download has none.
func (s *Server) auditCSV(w http.ResponseWriter, v *visit) error {
	return s.sendFile(w, v, "text/csv", "history.csv", func(w io.Writer) error {
		return s.writeHistory(v, onboarding.NewAuditCSV(w, web.EventSentence), math.MaxInt64)
	})
}

// writeHistory writes the history up to a line, as `audit verify --file` takes it.
func (s *Server) writeHistory(v *visit, file onboarding.AuditWriter, last int64) error {
	err := s.App.EachLine(v.Context(), v.actor, v.id, func(e onboarding.AuditEntry) error {
		if e.Seq > last {
			return nil
		}
		return file.Write(e)
	})
	if err != nil {
		return err
	}
	return file.Close()
}

// sendFile sends a download of an onboarding's as it is written. What fails in the middle breaks it off: half a file must
// not look whole.
func (s *Server) sendFile(w http.ResponseWriter, v *visit, kind, name string, write func(io.Writer) error) error {
	ob, err := s.App.Onboarding(v.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	to := &downloader{w: s.patient(w)}
	out := bufio.NewWriterSize(to, 32<<10) // so that each write that has to be in time is worth its while
	attach(w.Header(), kind, ob.FileName(name))
	err = write(out)
	if err == nil {
		err = out.Flush()
	}
	switch {
	case to.left:
		noteOf(v.Context()).gone = true
	case err != nil && to.began:
		noteOf(v.Context()).err = err
		panic(http.ErrAbortHandler)
	case err != nil:
		w.Header().Del("Content-Disposition")
		return err
	}
	return nil
}

// downloader is who reads a download.
type downloader struct {
	w           io.Writer
	began, left bool
}

func (r *downloader) Write(b []byte) (int, error) {
	r.began = true
	n, err := r.w.Write(b)
	r.left = r.left || err != nil
	return n, err
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
	view := web.ReceiptView{Frame: s.onboardingFrame(v, ob, "Receipt of access"), Onboarding: ob}
	held, err := s.App.LiveConsent(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	if view.Held = held.Live(); view.Held && v.actor.Role.Member() {
		view.RevokeURL = web.OnboardingPath(v.id, "revoke")
	}
	if access := v.URL.Query().Get(web.ParamAccess); access != "" {
		return s.receiptOf(w, v, view, access)
	}
	page, err := s.App.Receipt(ctx, v.actor, v.id, linesAt(v))
	if err != nil {
		return err
	}
	view.At.Older, view.At.Newer = page.Older, page.Newer
	for _, c := range page.Items {
		shown := web.ReceiptConsent{Consent: c.Consent, Uses: c.Uses}
		if c.More {
			shown.MoreURL = web.ReceiptURL(v.id, c.ID)
		}
		view.Consents = append(view.Consents, shown)
	}
	if view.Runs, err = s.receiptRuns(v, view); err != nil {
		return err
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

// receiptOf shows one access with a page of its uses.
func (s *Server) receiptOf(w http.ResponseWriter, v *visit, view web.ReceiptView, access string) error {
	id, err := strconv.ParseInt(access, 10, 64)
	if err != nil {
		return onboarding.Errorf(onboarding.CodeNotFound, "There is no such access. Go back to the receipt.")
	}
	g, uses, err := s.App.ReceiptOf(v.Context(), v.actor, v.id, id, linesAt(v))
	if err != nil {
		return err
	}
	if !g.Live() { // another one is held
		view.RevokeURL = ""
	}
	view.One, view.Consents = true, []web.ReceiptConsent{{Consent: g, Uses: uses.Items, Pages: uses}}
	if view.Runs, err = s.receiptRuns(v, view); err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.Receipt(view))
}

// receiptRuns are the runs that used the accesses on the page.
func (s *Server) receiptRuns(v *visit, view web.ReceiptView) (map[int64]onboarding.Run, error) {
	var uses []onboarding.ConsentUse
	for _, c := range view.Consents {
		uses = append(uses, c.Uses...)
	}
	return s.App.RunsOf(v.Context(), v.actor, v.id, uses)
}
