package onboarding

import (
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable is a text from elsewhere as it may be stored, logged, and shown: control characters other than tabs and line
// breaks, and bytes that aren't UTF-8, become U+FFFD; carriage returns are left out. Postgres takes no NUL in a text, and a
// terminal obeys some of the others.
func Printable(text string) string {
	return strings.Map(func(char rune) rune {
		switch {
		case char == '\r':
			return -1
		case control(char):
			return unicode.ReplacementChar
		}
		return char
	}, text)
}

// Shorten is [Printable] of at most n bytes. A text that is longer ends with "…".
func Shorten(text string, n int) string {
	text = Printable(text[:min(len(text), max(n, 16<<10))]) // an answer may be huge
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n-len("…")], "") + "…"
}

// PrintableJSON is [Printable] for JSON: control characters, raw or escaped, become the escape of U+FFFD. JSON allows raw ones
// from U+007F on.
func PrintableJSON(raw []byte) []byte {
	out, rest := printableJSON(make([]byte, 0, len(raw)), raw)
	return append(out, rest...)
}

// PrintableJSONReader is [PrintableJSON] for what is read bit by bit.
func PrintableJSONReader(r io.Reader) io.Reader { return &jsonReader{in: r} }

const (
	escape      = len(`\u0000`)
	replacement = `\ufffd`
)

// printableJSON appends to out what is printable of b. The rest is an escape or a character that is cut off at b's end.
func printableJSON(out, b []byte) (all, rest []byte) {
	for len(b) > 0 {
		plain := 0
		for plain < len(b) && b[plain] >= ' ' && b[plain] < 0x7f && b[plain] != '\\' {
			plain++
		}
		if plain > 0 {
			out, b = append(out, b[:plain]...), b[plain:]
			continue
		}
		char, size := utf8.DecodeRune(b)
		switch {
		case char == '\\' && (len(b) == 1 || b[1] == 'u' && len(b) < escape), char == utf8.RuneError && !utf8.FullRune(b):
			return out, b
		case char == '\\' && b[1] == '\\': // an escaped backslash escapes nothing
			size = 2
		case char == '\\' && b[1] == 'u':
			size = escape
			if n, err := strconv.ParseUint(string(b[2:escape]), 16, 16); err == nil {
				char = rune(n)
			}
		}
		if control(char) {
			out = append(out, replacement...)
		} else {
			out = append(out, b[:size]...)
		}
		b = b[size:]
	}
	return out, nil
}

// control is unicode.IsControl, without tabs and line breaks.
func control(char rune) bool {
	return char != '\t' && char != '\n' && char != '\r' && unicode.IsControl(char)
}

type jsonReader struct {
	in        io.Reader
	printable []byte // not given yet
	rest      []byte // cut off until more is read
	err       error
}

func (r *jsonReader) Read(p []byte) (int, error) {
	for len(r.printable) == 0 && r.err == nil {
		chunk := make([]byte, max(len(p), 512))
		n, err := r.in.Read(chunk)
		r.err = err
		r.printable, r.rest = printableJSON(nil, append(r.rest, chunk[:n]...))
		if err != nil {
			r.printable, r.rest = append(r.printable, r.rest...), nil
		}
	}
	n := copy(p, r.printable)
	r.printable = r.printable[n:]
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, r.err
}
