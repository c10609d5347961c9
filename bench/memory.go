package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// The hostile load: what one or a few people can ask for at once.
const (
	hugePosts    = 100
	hugePost     = 1 << 20 // bytes
	oneStreams   = 500     // of one person
	historySize  = 10 << 20
	slowExports  = 30
	slowFor      = 10 * time.Second
	answerWithin = 2 * time.Minute
	memoryGoal   = 250 // MiB
	historyLines = 2600
)

// fillHistory makes a history of 10 MB without the trigger that would hash each line. Downloads don't look at hashes.
const fillHistory = `
WITH lines AS (
	INSERT INTO audit (onboarding, seq, at, actor, role, what, text, data, prev_hash, hash, salt, content_hash)
	SELECT $1, h.seq + i, clock_timestamp(), 'it@bench.example', 'customer', 'answer.saved', '',
		json_build_object('step', 'region', 'changes', json_build_array(json_build_object('label', 'Region', 'before', repeat('b', 1800), 'after', repeat('a', 1800)))),
		repeat('a', 64), repeat('a', 64), repeat('a', 32), repeat('a', 64)
	FROM audit_heads h, generate_series(1, $2) i WHERE h.onboarding = $1)
UPDATE audit_heads SET seq = seq + $2 WHERE onboarding = $1`

// measureMemory is the most memory that a fresh server takes while it is asked for too much.
func measureMemory(ctx context.Context, l *lab) ([]row, error) {
	if err := l.serve(ctx); err != nil {
		return nil, err
	}
	histories := make([]*customer, l.Histories)
	for i := range histories {
		c, err := l.customer(ctx)
		if err != nil {
			return nil, err
		}
		err = l.owner(ctx, func(conn *pgx.Conn) error {
			if _, err := conn.Exec(ctx, `SET session_replication_role = replica`); err != nil {
				return err
			}
			_, err := conn.Exec(ctx, fillHistory, c.ob, historyLines)
			return err
		})
		if err != nil {
			return nil, err
		}
		histories[i] = c
	}
	if err := l.pause(ctx); err != nil {
		return nil, err
	}
	one, _, err := l.submitted(ctx) // has a run to follow
	if err != nil {
		return nil, err
	}
	if err := l.restart(ctx); err != nil {
		return nil, err
	}
	statuses, err := l.attack(ctx, one, histories)
	if err != nil {
		return nil, err
	}
	peak := memory(l.server.Process.Pid, "VmHWM:") / 1024
	rows := []row{{
		What: "peak memory under a hostile load", Against: "absolute", Unit: "MiB", Value: peak, Goal: memoryGoal,
		Measured: fmt.Sprintf("%d posts of 1 MB, %d streams of one person, %d histories of 10 MB, %d slow exports; answers %v", hugePosts, oneStreams, len(histories), slowExports, statuses),
	}}
	if peak == 0 || peak > memoryGoal {
		err = fmt.Errorf("the server took %.0f MiB of memory; %d are allowed", peak, memoryGoal)
	}
	return rows, err
}

// attack asks for everything at once, and counts the answers by their status.
func (l *lab) attack(ctx context.Context, one *customer, histories []*customer) (map[string]int, error) {
	type answer struct {
		what   string
		status int
		err    error
	}
	total := hugePosts + oneStreams + 2*len(histories) + slowExports
	answered := make(chan answer, total)
	ask := func(what string, request []byte, read func(io.Reader) error) {
		status, err := l.raw(ctx, request, read)
		answered <- answer{what, status, err}
	}
	all := func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }
	var group errgroup.Group
	for i := range hugePosts {
		body := "region=us-west1&version=1&x=" + strings.Repeat("x", hugePost)
		group.Go(func() error {
			ask("post", l.form(histories[i%len(histories)], histories[i%len(histories)].from, "/o/"+string(histories[i%len(histories)].ob)+"/step/region", body), all)
			return nil
		})
	}
	for range oneStreams {
		group.Go(func() error {
			ask("stream", l.page(one, "/o/"+string(one.ob)+"/events"), func(r io.Reader) error { return held(ctx, r) })
			return nil
		})
	}
	for i := range slowExports {
		c := histories[i%len(histories)]
		group.Go(func() error {
			ask("slow", l.page(c, "/o/"+string(c.ob)+"/audit.json"), func(r io.Reader) error { return slowly(r, slowFor) })
			return nil
		})
	}
	for _, c := range histories {
		for _, path := range []string{"/audit", "/audit.csv"} {
			group.Go(func() error {
				ask(path, l.page(c, "/o/"+string(c.ob)+path), all)
				return nil
			})
		}
	}
	_ = group.Wait() // what went wrong is in the answers
	close(answered)
	statuses := map[string]int{}
	for a := range answered {
		statuses[a.what+" "+strconv.Itoa(a.status)]++
		if (a.what == "/audit" || a.what == "/audit.csv") && (a.err != nil || a.status != http.StatusOK) {
			return statuses, fmt.Errorf("%s: status %d: %w", a.what, a.status, errors.Join(a.err, errors.New("the server must still answer those")))
		}
	}
	return statuses, nil
}

// raw sends a request on a connection of its own, and lets the body be read.
func (l *lab) raw(ctx context.Context, request []byte, read func(io.Reader) error) (int, error) {
	c, err := dial(ctx, l.base)
	if err != nil {
		return 0, err
	}
	defer c.close()
	if err := c.SetReadDeadline(time.Now().Add(answerWithin)); err != nil {
		return 0, fmt.Errorf("set a deadline: %w", err)
	}
	go func() { _, _ = c.Write(request) }() // a server that refuses it doesn't read all of it
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return 0, fmt.Errorf("read an answer: %w", err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, read(resp.Body)
}

// held keeps an answer open for a while, whatever comes.
func held(ctx context.Context, r io.Reader) error {
	go func() { _, _ = io.Copy(io.Discard, r) }()
	select {
	case <-ctx.Done():
	case <-time.After(slowFor):
	}
	return nil
}

// slowly reads a kilobyte ten times a second for a while, and hangs up.
func slowly(r io.Reader, d time.Duration) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for over := time.Now().Add(d); time.Now().Before(over); <-tick.C {
		if _, err := io.CopyN(io.Discard, r, 1<<10); err != nil {
			return err
		}
	}
	return nil
}
