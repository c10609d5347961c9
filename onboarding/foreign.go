package onboarding

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// Printable is a text from elsewhere as it may be stored, logged, and shown: control characters other than tabs and line
// breaks, and bytes that aren't UTF-8, become U+FFFD; carriage returns are left out. Postgres takes no NUL in a text, and a terminal obeys some of the
// others.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return -1
		case r != '\n' && r != '\t' && unicode.IsControl(r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// PrintableJSON is [Printable] for JSON: the escapes of control characters become that of U+FFFD.
func PrintableJSON(raw []byte) []byte {
	out := bytes.Clone(raw)
	replaceEscapes(out)
	return out
}

// PrintableJSONReader is [PrintableJSON] for what is read bit by bit.
func PrintableJSONReader(r io.Reader) io.Reader { return &jsonReader{in: r} }

const (
	escape      = len(`\u0000`)
	replacement = `\ufffd`
)

// replaceEscapes works in place, since all escapes have six bytes. It returns how many bytes are settled: an escape that is
// cut off at the end isn't.
func replaceEscapes(b []byte) int {
	for i := 0; i < len(b); {
		switch {
		case b[i] != '\\':
			i++
		case i+1 == len(b):
			return i
		case b[i+1] != 'u':
			i += 2
		case i+escape > len(b):
			return i
		default:
			if n, err := strconv.ParseUint(string(b[i+2:i+escape]), 16, 32); err == nil && control(n) {
				copy(b[i:], replacement)
			}
			i += escape
		}
	}
	return len(b)
}

// control is unicode.IsControl, without tabs and line breaks.
func control(n uint64) bool {
	return n < ' ' && n != '\t' && n != '\n' && n != '\r' || n >= 0x7f && n <= 0x9f
}

type jsonReader struct {
	in    io.Reader
	buf   []byte // read and not given yet; the first ready bytes are settled
	ready int
	err   error
}

func (r *jsonReader) Read(p []byte) (int, error) {
	for r.ready == 0 && r.err == nil {
		chunk := make([]byte, max(len(p), 512))
		n, err := r.in.Read(chunk)
		r.buf, r.err = append(r.buf, chunk[:n]...), err
		if r.ready = replaceEscapes(r.buf); err != nil {
			r.ready = len(r.buf)
		}
	}
	n := copy(p, r.buf[:r.ready])
	r.buf, r.ready = r.buf[n:], r.ready-n
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, r.err
}
