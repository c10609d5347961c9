package gcp

import (
	"errors"
	"net/http"
	"strings"

	"google.golang.org/api/googleapi"
)

// RequesterPays reports whether Google refused a call because the bucket bills the caller's project and the call names
// none (T29).
func RequesterPays(err error) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code == http.StatusBadRequest && strings.Contains(e.Error(), "requester pays bucket but no user project")
}
