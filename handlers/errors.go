package handlers

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"

	"groundwork/onboarding"
	"groundwork/web"
)

// statusError is an error of the request itself, which the vocabulary of onboardings has no code for.
type statusError struct {
	status  int
	message string // for the person, with what to do next
	err     error  // for the operator; may be nil
}

func (e *statusError) Error() string {
	if e.err == nil {
		return e.message
	}
	return e.message + ": " + e.err.Error()
}

func (e *statusError) Unwrap() error { return e.err }

func badRequest(message string, err error) error {
	return &statusError{http.StatusBadRequest, message, err}
}

// statusOf is the one place where an error becomes a status.
func statusOf(err error) int {
	var se *statusError
	if errors.As(err, &se) {
		return se.status
	}
	if errors.Is(err, context.DeadlineExceeded) && onboarding.ErrorCode(err) == onboarding.CodeInternal {
		return http.StatusServiceUnavailable
	}
	switch onboarding.ErrorCode(err) {
	case onboarding.CodeInvalid:
		return http.StatusUnprocessableEntity
	case onboarding.CodeNotFound:
		return http.StatusNotFound
	case onboarding.CodeStale, onboarding.CodeConflict, onboarding.CodePlanChanged, onboarding.CodeSignIn, onboarding.CodePermission,
		onboarding.CodeOrgPolicy, onboarding.CodeBilling, onboarding.CodeAPIDisabled, onboarding.CodeQuota, onboarding.CodeGuide:
		return http.StatusConflict
	case onboarding.CodeForbidden:
		return http.StatusForbidden
	case onboarding.CodeGone:
		return http.StatusGone
	case onboarding.CodeTooMany:
		return http.StatusTooManyRequests
	case onboarding.CodeUnavailable, onboarding.CodeTimeout:
		return http.StatusServiceUnavailable
	case onboarding.CodeCloud:
		return http.StatusBadGateway
	default:
		return http.StatusInternalServerError
	}
}

// sentence is what the person reads of an error; nothing of an error's inside is shown.
func sentence(err error) string {
	var se *statusError
	if errors.As(err, &se) {
		return se.message
	}
	var e *onboarding.Error
	if errors.As(err, &e) && e.Message != "" && e.Code != onboarding.CodeInternal {
		return e.Message
	}
	if statusOf(err) == http.StatusServiceUnavailable {
		return "We could not answer in time. Nothing was lost. Wait a moment, then try again."
	}
	return "Something went wrong on our side. What was saved is safe. Try again; if it happens again, send us the number below."
}

// correctable returns what to correct in a form, for an error that says so; any other error is returned as it is.
func correctable(err error) (string, error) {
	switch onboarding.ErrorCode(err) {
	case onboarding.CodeInvalid, onboarding.CodeConflict:
		return sentence(err), nil
	}
	return "", err
}

// fail draws the error page and notes the error for the one log line of the request.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	note := noteOf(r.Context())
	note.err = err
	note.watch.address = client(r) // also of what is refused before a route is found
	if note.wrote() {
		return // too late for a page; the log tells
	}
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		note.gone = true
		return // nobody reads it any more
	}
	status := statusOf(err)
	var known *onboarding.Error
	switch {
	case errors.As(err, &known) && known.After > 0:
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(known.After.Seconds()))))
	case status == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "":
		w.Header().Set("Retry-After", "5")
	}
	v := web.MessageView{Frame: s.frame(r, http.StatusText(status)), Status: status, Text: sentence(err)}
	v.Error = true
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		v.Again = s.again(r)
	}
	if status == http.StatusInternalServerError || status == http.StatusBadGateway {
		v.RequestID = note.id
	}
	var to *linked
	if errors.As(err, &to) {
		v.Actions = to.links
	}
	if err := s.draw(w, r, status, web.Message(v)); err != nil {
		note.err = errors.Join(note.err, err)
		http.Error(w, v.Text, status)
	}
}

// linked is an error whose page offers these links on.
type linked struct {
	error
	links []web.Link
}

func (l *linked) Unwrap() error { return l.error }
