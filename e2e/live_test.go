package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// A stream that fails when the page opens it, as when no connection was free, doesn't leave the page as it was.
func TestALivePageRecoversFromAStreamThatFailedAtOnce(t *testing.T) {
	b := startBrowser(t)
	p := b.newTab("Ada")
	var pages, streams atomic.Int32
	mux := http.NewServeMux()
	gallery, err := url.Parse(serveGallery(t, http.NotFound))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: gallery.Scheme, Host: gallery.Host})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/progress") {
			pages.Add(1)
		}
		proxy.ServeHTTP(w, r)
	})
	mux.HandleFunc("/o/ob_sample/events", func(w http.ResponseWriter, _ *http.Request) {
		if streams.Add(1) == 1 {
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte("id: 2\ndata: \n\nid: 3\nevent: end\ndata: end\n\n"))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.open(server.URL + "/gallery/progress")
	eventually(t, "the page drawn anew", func() bool { return pages.Load() == 2 && streams.Load() == 2 })
}
