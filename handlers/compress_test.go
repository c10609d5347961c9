package handlers_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/klauspost/compress/zstd"

	"groundwork/web"
)

// transfer is what one request cost on the wire, as a browser asks for it.
func (b *browser) transfer(path, accept string) (body []byte, sent int, header http.Header) {
	b.t.Helper()
	r := b.request(http.MethodGet, path, "")
	r.Header.Set("Accept-Encoding", accept) // set by hand, the client leaves the answer as it was sent
	res, err := b.c.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: status %d, %v", path, res.StatusCode, err)
	}
	unpacked := io.Reader(strings.NewReader(string(raw)))
	switch res.Header.Get("Content-Encoding") {
	case "zstd":
		d, err := zstd.NewReader(unpacked)
		if err != nil {
			b.t.Fatal(err)
		}
		defer d.Close()
		unpacked = d
	case "gzip":
		if unpacked, err = gzip.NewReader(unpacked); err != nil {
			b.t.Fatal(err)
		}
	}
	if body, err = io.ReadAll(unpacked); err != nil {
		b.t.Fatal(err)
	}
	return body, len(raw), res.Header
}

func TestPagesAreSentInTheEncodingThatTheBrowserAccepts(t *testing.T) {
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	path := web.OnboardingPath(ob.ID, "step", "deployment")
	for accept, want := range map[string]string{"": "", "br": "", "gzip": "gzip", "gzip, deflate, br, zstd": "zstd", "zstd;q=0, gzip": "gzip"} {
		body, sent, h := b.transfer(path, accept)
		if h.Get("Content-Encoding") != want {
			t.Errorf("Accept-Encoding %q: sent as %q, want %q", accept, h.Get("Content-Encoding"), want)
		}
		if !strings.HasSuffix(strings.TrimSpace(string(body)), "</html>") {
			t.Errorf("Accept-Encoding %q: the page isn't whole", accept)
		}
		if want != "" && sent*2 > len(body) {
			t.Errorf("Accept-Encoding %q: %d of %d bytes sent", accept, sent, len(body))
		}
		if h.Get("Vary") == "" && want != "" {
			t.Errorf("Accept-Encoding %q: no Vary", accept)
		}
	}
}

func TestAOneTimeLinkIsNeverCompressed(t *testing.T) {
	w := newWorld(t)
	ob, token := w.invited()
	for _, c := range []struct {
		as   *browser
		path string
	}{
		{w.browser(), "/i/" + token},
		{w.as(sam), web.AdminPath(ob.ID, "people")},
	} {
		if _, _, h := c.as.transfer(c.path, "gzip, zstd"); h.Get("Content-Encoding") != "" {
			t.Errorf("%s is sent as %s", c.path, h.Get("Content-Encoding"))
		}
	}
}

// The first page of the form, with everything that it loads, as a browser with an empty cache and with a full one gets it.
func TestTheFirstPageIsLight(t *testing.T) {
	const first, again, requests = 60 << 10, 8 << 10, 6
	w := newWorld(t)
	ob := w.begun()
	b := w.as(ada)
	body, page, _ := b.transfer(web.OnboardingPath(ob.ID, "step", "deployment"), "gzip, zstd")
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	total, n := page, 1
	doc.Find("link[href^='/assets/'], script[src]").Each(func(_ int, s *goquery.Selection) {
		path := s.AttrOr("href", s.AttrOr("src", ""))
		_, sent, h := b.transfer(path, "gzip, zstd")
		t.Logf("%7d %s", sent, path)
		if !strings.Contains(h.Get("Cache-Control"), "immutable") {
			t.Errorf("%s may not be kept by browsers", path)
		}
		total, n = total+sent, n+1
	})
	t.Logf("%7d page, %d in %d requests", page, total, n)
	if total > first || n > requests {
		t.Errorf("the first page takes %d bytes in %d requests, want at most %d in %d", total, n, first, requests)
	}
	if page > again {
		t.Errorf("the page takes %d bytes once its assets are kept, want at most %d", page, again)
	}
}
