// Package emulator is a stateful Google Cloud on one address: sign-in, Resource Manager, Service Usage, IAM,
// Billing, Organization Policy, Cloud Storage, BigQuery, Bigtable and Databricks workspaces, with Google's own
// shapes, permissions enforced per identity, etags that conflict and operations that take time.
//
// It knows nothing of onboardings, plans or pages: it is a cloud, and is checked with clients that others wrote.
// Everything is held under one mutex and journaled before it is answered, so killing it loses nothing.
//
// docs/emulator.md lists which state provokes which of Google's traps.
package emulator

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Config sets an emulator up. The zero value runs: in memory, operations done at once, no latency.
type Config struct {
	// Dir holds the journal; it is made when missing. "": nothing is kept.
	Dir string
	// Speed is how long a long-running operation takes. Zero: done when it is first answered.
	Speed time.Duration
	// Latency is added before each answer of the cloud; sign-in and the seeding API have none.
	Latency time.Duration
	// Propagation is how long a new service account, or an API just enabled, stays invisible. Zero: at once.
	Propagation time.Duration
	// Seed makes numbers, ids and tokens repeatable.
	Seed int64
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Issuer is the base URL at which browsers and servers reach the emulator, without a trailing slash
	// ("http://127.0.0.1:9191"). "": taken from the Host of each request.
	Issuer string
	// Clients may sign people in.
	Clients []OAuthClient
	// MaxCalls is how many calls the log keeps. Zero: 100,000.
	MaxCalls int
}

// Emulator is the cloud. Its methods may be called at the same time.
type Emulator struct {
	cfg    Config
	router router
	ops    *http.ServeMux // the seeding API under /_emulator/

	mu      sync.Mutex
	journal journal
	seq     uint64 // counts what was made; with Seed it is the source of all random choices
	calls   []Call

	services
}

// New makes an emulator, with the state that Config.Dir holds.
func New(cfg Config) (*Emulator, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxCalls <= 0 {
		cfg.MaxCalls = 100_000
	}
	cfg.Issuer = strings.TrimSuffix(cfg.Issuer, "/")
	e := &Emulator{cfg: cfg, ops: http.NewServeMux()}
	e.registerServices()
	e.registerSeeding()
	if err := e.open(); err != nil {
		return nil, err
	}
	return e, nil
}

// Close flushes and closes the journal. Requests that come later are refused with 503.
func (e *Emulator) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.journal.close()
}

// now is the emulator's time, UTC.
func (e *Emulator) now() time.Time { return e.cfg.Now().UTC() }

// random gives the next random source; mu is held. It is the same after a reload as it would have been without.
func (e *Emulator) random() *rand.Rand {
	e.seq++
	return rand.New(rand.NewPCG(uint64(e.cfg.Seed), e.seq))
}

// digits gives n random decimal digits, the first not zero; mu is held.
func (e *Emulator) digits(n int) string {
	r := e.random()
	b := []byte{byte('1' + r.IntN(9))}
	for len(b) < n {
		b = append(b, byte('0'+r.IntN(10)))
	}
	return string(b)
}

// id gives n random hexadecimal characters; mu is held.
func (e *Emulator) id(n int) string {
	r := e.random()
	b := make([]byte, 0, n+8)
	for len(b)*2 < n {
		b = binary.BigEndian.AppendUint64(b, r.Uint64())
	}
	return hex.EncodeToString(b)[:n]
}

// derived gives a stable number of 12 digits for a name, such as a project's number when none was seeded.
func derived(name string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return fmt.Sprintf("%d", 100_000_000_000+h.Sum64()%800_000_000_000)
}

// ServeHTTP answers as the host that the Host header names, or that the path begins with (/_/HOST/…).
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(host)
	if rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/_/"); ok {
		h, path, _ := strings.Cut(rest, "/")
		host = strings.ToLower(h)
		u := *r.URL
		u.RawPath = "/" + path
		p, err := url.PathUnescape(u.RawPath)
		if err != nil {
			http.Error(w, "bad path", http.StatusBadRequest)
			return
		}
		u.Path = p
		r = r.Clone(r.Context())
		r.URL = &u
	}
	if strings.HasPrefix(r.URL.Path, "/_emulator/") && !strings.Contains(host, "googleapis.com") {
		e.ops.ServeHTTP(w, r)
		return
	}
	e.serve(w, r, host)
}
