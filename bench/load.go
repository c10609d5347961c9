package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// clients is how many people at a time ask for pages.
const clients = 16

// side is one of two things that are compared: it is asked for as much as it gives for a while, and says how much a
// second that was.
type side func(ctx context.Context, d time.Duration) (float64, error)

// ratios compares a with b in rounds that take turns, one first and then the other, so that what else the machine does
// meets both. It returns a/b of each round, and the median of each side's rates.
func (l *lab) ratios(ctx context.Context, a, b side) (ratios []float64, ofA, ofB float64, err error) {
	var as, bs []float64
	for i := range l.Rounds + 1 {
		first, second := a, b
		if i%2 == 1 {
			first, second = b, a
		}
		x, err := first(ctx, l.Each)
		if err != nil {
			return nil, 0, 0, err
		}
		y, err := second(ctx, l.Each)
		if err != nil {
			return nil, 0, 0, err
		}
		if i%2 == 1 {
			x, y = y, x
		}
		if i == 0 {
			continue // caches, statements and connections get warm
		}
		as, bs, ratios = append(as, x), append(bs, y), append(ratios, x/y)
	}
	none := row{}
	return ratios, none.spread(as).Value, none.spread(bs).Value, nil
}

// conn is one kept connection of a light HTTP client: it reads of an answer what the benchmark needs and no more, so
// that the client takes little of the machine that it measures.
type conn struct {
	net.Conn
	r *bufio.Reader
}

func dial(ctx context.Context, base string) (*conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", base, err)
	}
	return &conn{c, bufio.NewReaderSize(c, 32<<10)}, nil
}

// close hangs up; what was asked for was read.
func (c *conn) close() { _ = c.Close() }

var contentLength = []byte("content-length:")

// do sends a request and reads its answer to the end; body counts its bytes.
func (c *conn) do(request []byte) (status, body int, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, 0, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, 0, fmt.Errorf("read an answer: %w", err)
	}
	if len(line) < 12 {
		return 0, 0, fmt.Errorf("not an answer: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, fmt.Errorf("not an answer: %q", line)
	}
	body = -1
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, 0, fmt.Errorf("read headers: %w", err)
		}
		if len(line) <= 2 {
			break
		}
		if len(line) > len(contentLength) && bytes.EqualFold(line[:len(contentLength)], contentLength) {
			if body, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):]))); err != nil {
				return 0, 0, fmt.Errorf("read the length: %w", err)
			}
		}
	}
	if body < 0 {
		return 0, 0, errors.New("the answer has no length")
	}
	_, err = c.r.Discard(body)
	return status, body, err
}

// request is the n-th request of a client, and what its answer has to be.
type request func(client, n int) (bytes []byte, status int)

// ask is a side: the clients ask at base, each the next thing as soon as it has its answer.
func ask(base string, next request) side {
	counts := make([]int, clients) // a client goes on where its last round ended
	return func(ctx context.Context, d time.Duration) (float64, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var group sync.WaitGroup
		var done atomic.Int64
		failed := make(chan error, clients)
		began := time.Now()
		for i := range clients {
			group.Go(func() {
				c, err := dial(ctx, base)
				if err != nil {
					failed <- err
					return
				}
				defer c.close()
				for ctx.Err() == nil && time.Since(began) < d {
					text, want := next(i, counts[i])
					status, _, err := c.do(text)
					if err == nil && status != want {
						err = fmt.Errorf("%d, want %d for %.60q", status, want, text)
					}
					if err != nil {
						failed <- err
						cancel()
						return
					}
					counts[i]++
					done.Add(1)
				}
			})
		}
		group.Wait()
		took := time.Since(began)
		select {
		case err := <-failed:
			return 0, err
		default:
			return float64(done.Load()) / took.Seconds(), nil
		}
	}
}

// page is the text of a GET as a browser behind our proxy sends it.
func (l *lab) page(c *customer, path string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + strings.TrimPrefix(l.base, "http://") + "\r\nUser-Agent: bench\r\nAccept: text/html\r\nAccept-Language: en\r\n" +
		"Sec-Fetch-Site: same-origin\r\nX-Forwarded-For: " + c.from + "\r\nCookie: " + c.cookie + "\r\n\r\n")
}

// form is the text of a POST.
func (l *lab) form(c *customer, from, path, body string) []byte {
	return []byte("POST " + path + " HTTP/1.1\r\nHost: " + strings.TrimPrefix(l.base, "http://") + "\r\nUser-Agent: bench\r\nAccept: text/html\r\nAccept-Language: en\r\n" +
		"Origin: " + l.base + "\r\nSec-Fetch-Site: same-origin\r\nX-Forwarded-For: " + from + "\r\nCookie: " + c.cookie +
		"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}
