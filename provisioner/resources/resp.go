package resources

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"groundwork/onboarding"
)

// respClient asks a Redis server of the customer's, in RESP2. It stands in for go-redis, whose reader allocates what
// a reply announces before the bytes are there: a server that announces two thousand million elements ends the
// process. Here a line, a text and a list are bounded, and so is the whole conversation.
// Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
type respClient struct {
	conn net.Conn
	in   *bufio.Reader
}

// The bounds. INFO server is about 1 KB, and no command of ours is answered by a list of more than two.
const (
	respLine  = 4 << 10
	respBulk  = 256 << 10
	respItems = 64
	respTotal = 1 << 20
)

func newRESP(conn net.Conn) *respClient {
	return &respClient{conn, bufio.NewReaderSize(io.LimitReader(conn, respTotal), respLine)}
}

// refusal is the server's error reply.
type refusal string

func (r refusal) Error() string { return string(r) }

// ask sends a command and returns its reply: one text, or a list's texts. A refusal by the server is a [refusal]; any
// other error means that the conversation is over.
func (c *respClient) ask(ctx context.Context, words ...string) ([]string, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(10 * time.Second)
	}
	if err := c.conn.SetDeadline(deadline); err != nil {
		return nil, fmt.Errorf("bound the answer to %s: %w", words[0], err)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&out, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := io.WriteString(c.conn, out.String()); err != nil {
		return nil, fmt.Errorf("send %s: %w", words[0], err)
	}
	reply, err := readRESP(c.in)
	if err != nil && !errors.As(err, new(refusal)) {
		return nil, fmt.Errorf("answer to %s: %w", words[0], err)
	}
	return reply, err
}

var errRESP = errors.New("not a reply of Redis, or a larger one than any of ours")

// readRESP reads one reply: a text or a number, or a flat list of them. Nulls are "".
func readRESP(in *bufio.Reader) ([]string, error) {
	kind, rest, err := respHeader(in)
	if err != nil {
		return nil, err
	}
	if kind != '*' {
		one, err := respText(in, kind, rest)
		return []string{one}, err
	}
	n, err := strconv.Atoi(rest)
	if err != nil || n < -1 || n > respItems {
		return nil, errRESP
	}
	var list []string
	for range n {
		kind, rest, err := respHeader(in)
		if err != nil {
			return nil, err
		}
		one, err := respText(in, kind, rest)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

func respHeader(in *bufio.Reader) (kind byte, rest string, err error) {
	line, err := in.ReadSlice('\n') // at most the reader's buffer: respLine
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return 0, "", errRESP
	case err != nil:
		return 0, "", err //nolint:wrapcheck // ask wraps it
	}
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok || text == "" {
		return 0, "", errRESP
	}
	return text[0], text[1:], nil
}

func respText(in *bufio.Reader, kind byte, rest string) (string, error) {
	switch kind {
	case '+', ':':
		return onboarding.Printable(rest), nil
	case '-':
		return "", refusal(onboarding.Printable(rest))
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil || n < -1 || n > respBulk {
			return "", errRESP
		}
		if n == -1 {
			return "", nil
		}
		text := make([]byte, n+2)
		if _, err := io.ReadFull(in, text); err != nil {
			return "", err //nolint:wrapcheck // ask wraps it
		}
		if string(text[n:]) != "\r\n" {
			return "", errRESP
		}
		return onboarding.Printable(string(text[:n])), nil
	default:
		return "", errRESP
	}
}
