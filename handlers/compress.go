package handlers

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
)

// compressed are the media types that shrink: pages and downloads. Event streams are not among them.
var compressed = []string{"text/html", "text/csv", "text/plain", "application/json"}

// compress sends a page as zstd or gzip, whichever the browser accepts. A few random bytes of padding hide the exact
// length, because pages repeat what visitors type (BREACH). Routes that show a one-time link are sent as they are:
// see route.link.
func compress() (func(http.Handler) http.HandlerFunc, error) {
	return gzhttp.NewWrapper(gzhttp.ContentTypes(compressed), gzhttp.RandomJitter(32, 0, false))
}
