package handlers_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"groundwork/web"
)

// stalled is a browser that takes little of an answer before it is read.
func (b *browser) stalled() *http.Client {
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if tcp, ok := conn.(*net.TCPConn); ok {
			err = tcp.SetReadBuffer(256 << 10)
		}
		return conn, err
	}
	return &http.Client{Jar: b.c.Jar, Transport: &http.Transport{DialContext: dial, DisableCompression: true}}
}

// A reader that stops reading is let go: a download that nobody takes holds nothing on for long.
func TestAReaderThatStopsIsCutOff(t *testing.T) {
	const slowest = 150 * time.Millisecond
	w := newWorld(t, func(c *settings) { c.Slowest = slowest })
	ob := w.begun()
	conn := w.owner()
	defer conn.Close(t.Context())
	for _, sql := range []string{
		`SET session_replication_role = replica`,
		`INSERT INTO audit (onboarding, seq, at, actor, role, what, text, data, prev_hash, hash, salt, content_hash)
		SELECT '` + string(ob.ID) + `', h.seq + i, clock_timestamp(), 'ada@customer.example', 'customer', 'answer.saved', '', json_build_object('step', 'region', 'title', repeat('x', 8000), 'changes', '[]'::json), repeat('a', 64), repeat('a', 64), repeat('a', 32), repeat('a', 64)
		FROM audit_heads h, generate_series(1, 2500) i WHERE h.onboarding = '` + string(ob.ID) + `'`,
		`UPDATE audit_heads SET seq = seq + 2500 WHERE onboarding = '` + string(ob.ID) + `'`,
		`INSERT INTO onboardings (id, customer, status, owner) SELECT 'ob_' || lpad(translate(i::text, '0189', 'wxyz'), 20, 'a'), repeat('x', 8000), 'in_form', '' FROM generate_series(1, 2500) i`,
		`SET session_replication_role = origin`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	const whole = 2500 * 8000
	for path, who := range map[string]string{
		web.OnboardingPath(ob.ID, "audit.json"): ada, web.OnboardingPath(ob.ID, "audit.csv"): ada, "/admin/export.csv": sam,
	} {
		t.Run(path, func(t *testing.T) {
			b := w.as(who)
			res, err := b.stalled().Do(b.request(http.MethodGet, path, ""))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Fatalf("status %d", res.StatusCode)
			}
			time.Sleep(5 * slowest)
			n, err := io.Copy(io.Discard, res.Body)
			if err == nil || n >= whole {
				t.Errorf("after a pause, %d bytes came, and %v", n, err)
			}
		})
		t.Run("a reader that goes on gets "+path, func(t *testing.T) {
			b := w.as(who)
			res, err := b.stalled().Do(b.request(http.MethodGet, path, ""))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if n, err := io.Copy(io.Discard, res.Body); err != nil || n < whole {
				t.Errorf("%d bytes came, and %v", n, err)
			}
		})
	}
}

func TestLiveStreamsAreLimitedPerPersonAndPerProcess(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*settings)
		ada    int // streams that ada gets before she is refused
		sam    int // and the status for the next person
	}{
		"by default":     {func(c *settings) { c.Limits.Streams = 0 }, 20, http.StatusOK},
		"by the process": {func(c *settings) { c.Limits.AllStreams = 3 }, 3, http.StatusTooManyRequests},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.change)
			ob := w.provisioning(t)
			open := func(b *browser) *http.Response {
				t.Helper()
				res, err := b.c.Do(b.request(http.MethodGet, web.OnboardingPath(ob, "events"), ""))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { res.Body.Close() })
				return res
			}
			a, s := w.as(ada), w.as(sam)
			for i := range c.ada {
				if res := open(a); res.StatusCode != http.StatusOK {
					t.Fatalf("stream %d: status %d", i+1, res.StatusCode)
				}
			}
			if res := open(a); res.StatusCode != http.StatusTooManyRequests {
				t.Errorf("one more: status %d", res.StatusCode)
			}
			if res := open(s); res.StatusCode != c.sam {
				t.Errorf("somebody else: status %d, want %d", res.StatusCode, c.sam)
			}
		})
	}
}
