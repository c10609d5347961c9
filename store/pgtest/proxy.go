package pgtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Proxy stands between a store and its Postgres, and loses the answers to chosen COMMITs: the transaction is committed,
// and the client only sees its connection end.
//
// A transaction is committed by COMMIT, or without a block by the Sync that ends its statements.
type Proxy struct {
	Database // as seen through the proxy

	mu     sync.Mutex
	drops  []*drop
	silent chan struct{} // not nil: nothing passes until it closes
}

type drop struct {
	marker string
	left   int // COMMITs that are answered before
	unsent bool
	done   chan struct{}
}

// NewProxy listens in front of a database until the test ends.
func NewProxy(t testing.TB, db Database) *Proxy {
	t.Helper()
	config, err := pgx.ParseConfig(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Database: Database{
		URL: through(t, db.URL, ln.Addr()), WorkerURL: through(t, db.WorkerURL, ln.Addr()), CustomerURL: through(t, db.CustomerURL, ln.Addr()),
		StaffURL: through(t, db.StaffURL, ln.Addr()), OwnerURL: through(t, db.OwnerURL, ln.Addr()),
	}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var group sync.WaitGroup
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	group.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer closeAll(client)
				server, err := config.DialFunc(ctx, network, address)
				if err != nil {
					return
				}
				defer closeAll(server)
				defer context.AfterFunc(ctx, func() { closeAll(client, server) })()
				p.relay(ctx, client, server)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		cancel()
		group.Wait()
	})
	return p
}

func through(t testing.TB, of string, proxy net.Addr) string {
	t.Helper()
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	if user := query.Get("user"); user != "" {
		u.User = url.User(user)
	}
	for _, name := range []string{"host", "port", "user"} {
		query.Del(name)
	}
	query.Set("sslmode", "disable")
	u.Host, u.RawQuery = proxy.String(), query.Encode()
	return u.String()
}

// Silence lets nothing pass either way, and resets no connection, until the returned function is called.
func (p *Proxy) Silence() (end func()) {
	silent := make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = silent
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.silent = nil
		close(silent)
	})
}

// awaitSound waits out a silence.
func (p *Proxy) awaitSound(ctx context.Context) {
	p.mu.Lock()
	silent := p.silent
	p.mu.Unlock()
	if silent == nil {
		return
	}
	select {
	case <-silent:
	case <-ctx.Done():
	}
}

// CutBeforeCommit ends the connection of the next transaction that runs a statement with the marker in its text, instead of
// passing its COMMIT on. The channel closes when the connection is closed.
func (p *Proxy) CutBeforeCommit(marker string) <-chan struct{} {
	return p.add(&drop{marker: marker, unsent: true, done: make(chan struct{})})
}

// DropCommit loses the answer to the n-th COMMIT from now, counting from 1, of the transactions that run a statement
// with the marker in its text; "" counts all. The channel closes when the transaction is committed and its connection is
// closed.
func (p *Proxy) DropCommit(marker string, n int) <-chan struct{} {
	return p.add(&drop{marker: marker, left: n - 1, done: make(chan struct{})})
}

func (p *Proxy) add(d *drop) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drops = append(p.drops, d)
	return d.done
}

// next counts a COMMIT of the statements, and returns the drop that wants its answer lost, nil if none does.
func (p *Proxy) next(statements string) *drop {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, d := range p.drops {
		if !strings.Contains(statements, d.marker) {
			continue
		}
		if d.left == 0 {
			p.drops = append(p.drops[:i:i], p.drops[i+1:]...)
			return d
		}
		d.left--
	}
	return nil
}

// session is one connection through the proxy.
type session struct {
	proxy *Proxy

	mu       sync.Mutex
	prepared map[string]string // statements by name
	ran      string            // texts of the statements of this transaction
	block    bool              // in a transaction block, as the server last said
	pending  int               // ReadyForQuery messages to come before the one to lose
	lose     *drop
}

// relay carries messages both ways until either side ends.
func (p *Proxy) relay(ctx context.Context, client, server net.Conn) {
	p.awaitSound(ctx)
	// The startup message has no type, and is not looked at.
	startup, err := body(client)
	if err != nil {
		return
	}
	if _, err := server.Write(startup); err != nil {
		return
	}
	s := &session{proxy: p, prepared: map[string]string{}, pending: 1} // the server is ready after the startup
	var group sync.WaitGroup
	group.Go(func() {
		defer closeAll(client, server)
		s.copyMessages(ctx, client, server, s.backend)
	})
	s.copyMessages(ctx, server, client, s.frontend)
	closeAll(client, server)
	group.Wait()
	if s.lose != nil {
		close(s.lose.done)
	}
}

func closeAll(connections ...io.Closer) {
	for _, c := range connections {
		c.Close()
	}
}

// copyMessages passes messages on after look saw them; it ends with the connection, or when look says so.
func (s *session) copyMessages(ctx context.Context, to io.Writer, from io.Reader, look func(kind byte, text []byte) (pass, end bool)) {
	for {
		var kind [1]byte
		if _, err := io.ReadFull(from, kind[:]); err != nil {
			return
		}
		message, err := body(from)
		if err != nil {
			return
		}
		s.proxy.awaitSound(ctx)
		pass, end := look(kind[0], message[4:])
		if pass {
			if _, err := to.Write(append(kind[:], message...)); err != nil {
				return
			}
		}
		if end {
			return
		}
	}
}

// body reads a message after its type: its length, which counts itself, and the rest.
func body(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n < 4 {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	message := make([]byte, n)
	copy(message, length[:])
	_, err := io.ReadFull(r, message[4:])
	return message, err
}

// field is the text of a message up to a zero byte, and what follows.
func field(text []byte) (first string, rest []byte) {
	before, after, _ := bytes.Cut(text, []byte{0})
	return string(before), after
}

// frontend looks at what the client sends.
func (s *session) frontend(kind byte, text []byte) (pass, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch kind {
	case 'P': // Parse
		name, rest := field(text)
		s.prepared[name], _ = field(rest)
	case 'B': // Bind
		_, rest := field(text)
		name, _ := field(rest)
		s.ran += s.prepared[name] + "\n"
	case 'Q': // Query
		statement, _ := field(text)
		s.ran += statement + "\n"
		first, _, _ := strings.Cut(strings.ToLower(statement), " ")
		s.awaits(first == "commit" || !s.block && first != "begin")
	case 'S': // Sync
		s.awaits(!s.block && s.ran != "")
	}
	unsent := s.lose != nil && s.lose.unsent
	return !unsent, unsent
}

// awaits expects the server to become ready again, which answers a COMMIT or something else.
func (s *session) awaits(commit bool) {
	switch {
	case s.lose != nil:
		return // this connection ends
	case commit:
		s.lose = s.proxy.next(s.ran)
	}
	if s.lose == nil {
		s.pending++
	}
}

// backend looks at what the server sends.
func (s *session) backend(kind byte, text []byte) (pass, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	losing := s.lose != nil && s.pending == 0
	if kind != 'Z' { // ReadyForQuery
		return !losing, false
	}
	if losing {
		return false, true
	}
	s.pending--
	if s.block = text[0] != 'I'; !s.block {
		s.ran = ""
	}
	return true, false
}
