package handlers

import (
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"groundwork/onboarding"
	"groundwork/web"
)

// adminExport writes the current filter as CSV, page by page, so that a long list takes no memory.
func (s *Server) adminExport(w http.ResponseWriter, v *visit) error {
	filter := web.ParseFilter(v.URL.Query())
	filter.Cursor, filter.Limit = "", 1000
	page, err := s.App.List(v.Context(), v.actor, filter)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="onboardings.csv"`)
	out := csv.NewWriter(s.patient(w))
	row := func(cells ...string) {
		for i := range cells {
			cells[i] = cell(cells[i])
		}
		_ = out.Write(cells) // kept by the writer: out.Error below
	}
	row("id", "customer", "owner", "deployment", "region", "project", "status", "current", "waiting_on", "waiting_for", "waiting_since", "specialist", "created", "last_activity", "status_code", "waiting_on_code")
	for {
		for _, o := range page.Items {
			row(string(o.ID), o.Customer, onboarding.Addressee(o.Owner).Words(), o.Deployment, o.Region, o.Project, web.StandingWord(o), strings.ReplaceAll(web.PlaceWord(o), "\u00a0", " "), web.WaitingOnWord(o), o.WaitsOn().For,
				stamp(o.WaitsOn().Since), o.Specialist, stamp(o.CreatedAt), stamp(o.ActivityAt), string(o.Status), string(o.WaitsOn().On))
		}
		if out.Flush(); out.Error() != nil {
			noteOf(v.Context()).gone = true
			return nil //nolint:nilerr // the reader has left; there is nobody to tell
		}
		if page.Next == "" {
			return nil
		}
		filter.Cursor = page.Next
		if page, err = s.App.List(v.Context(), v.actor, filter); err != nil {
			noteOf(v.Context()).err = err
			panic(http.ErrAbortHandler) // half a list must not look whole
		}
	}
}

// patientWriter gives each write its own deadline: a download takes as long as its reader goes on reading, and one who
// stopped is let go.
type patientWriter struct {
	http.ResponseWriter
	ctl     *http.ResponseController
	slowest time.Duration
}

func (s *Server) patient(w http.ResponseWriter) patientWriter {
	return patientWriter{w, http.NewResponseController(w), s.Slowest}
}

func (p patientWriter) Write(b []byte) (int, error) {
	if err := p.ctl.SetWriteDeadline(time.Now().Add(p.slowest)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, fmt.Errorf("set the write deadline: %w", err)
	}
	return p.ResponseWriter.Write(b)
}

// cell is a text that no spreadsheet takes for a formula, also where it splits a line at semicolons or tabs. Some read
// full-width signs as plain ones.
func cell(text string) string {
	const signs, separators = "=+-@\uff1d\uff0b\uff0d\uff20", ";\t\r\n"
	var b strings.Builder
	from, last := 0, ';' // the whole text begins a cell
	for i, r := range text {
		if strings.ContainsRune(separators, last) && strings.ContainsRune(signs, r) || i == 0 && strings.ContainsRune("\t\r\n", r) {
			b.WriteString(text[from:i] + "'")
			from = i
		}
		last = r
	}
	return b.String() + text[from:]
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
