package resources

import (
	"bufio"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReplies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, reply string
		want        []string
		err         error
	}{
		{"a status", "+PONG\r\n", []string{"PONG"}, nil},
		{"a number", ":3\r\n", []string{"3"}, nil},
		{"a text", "$5\r\na\r\nbc\r\n", []string{"a\nbc"}, nil},
		{"no text", "$-1\r\n", []string{""}, nil},
		{"a list", "*2\r\n$6\r\npolicy\r\n+noeviction\r\n", []string{"policy", "noeviction"}, nil},
		{"an empty list", "*0\r\n", nil, nil},
		{"a refusal", "-NOAUTH first\r\n", []string{""}, refusal("NOAUTH first")},
		{"a huge list", "*2000000000\r\n", nil, errRESP},
		{"a huge text", "$2000000000\r\n", []string{""}, errRESP},
		{"a number that is none", "$99999999999999999999\r\n", []string{""}, errRESP},
		{"a list in a list", "*1\r\n*1\r\n+x\r\n", nil, errRESP},
		{"an endless line", "+" + strings.Repeat("x", respLine+1), nil, errRESP},
		{"a text that ends elsewhere", "$1\r\nabc\r\n", []string{""}, errRESP},
		{"a text cut short", "$5\r\nab", []string{""}, io.ErrUnexpectedEOF},
		{"another protocol", "HTTP/1.1 400 Bad Request\r\n", []string{""}, errRESP},
		{"nothing", "", nil, io.EOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := readRESP(bufio.NewReaderSize(strings.NewReader(c.reply), respLine))
			if !errors.Is(err, c.err) {
				t.Errorf("error %v, want %v", err, c.err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("reply (-want +got):\n%s", d)
			}
		})
	}
}

// Whatever a server sends, little is allocated for it, and what is read back fits the bounds.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{"+OK\r\n", "*2\r\n$1\r\na\r\n:1\r\n", "$200000\r\nx", "*64\r\n", "-ERR\r\n", "*-1\r\n", "$-1\r\n", "*2000000000\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := readRESP(bufio.NewReaderSize(strings.NewReader(string(reply)), respLine))
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64*(respBulk+respLine) {
			t.Errorf("%d bytes for a reply of %d", grown, len(reply))
		}
		total := 0
		for _, one := range got {
			total += len(one)
		}
		if len(got) > respItems || total > len(reply) {
			t.Errorf("%d texts of %d bytes from %d bytes (%v)", len(got), total, len(reply), err)
		}
	})
}
