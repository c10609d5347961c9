package wizard

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The readers of names.go, mail.go and address.go take the text that a person typed or pasted and give the value that is
// meant and "", or a sentence that says what to correct. A reader gives its own result back unchanged.

// clean refuses what no single-line answer holds: invalid UTF-8, line breaks, control and invisible characters,
// and text longer than limit characters (0: any length). free lets emoji and right-to-left marks pass, which need joiners.
func clean(label, s string, free bool, limit int) string {
	if !utf8.ValidString(s) {
		return label + " has characters that can’t be read. Type it instead of pasting it"
	}
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return label + " has a line break. Enter it on one line"
		case unicode.IsControl(r):
			return label + " has a hidden control character. Type it instead of pasting it"
		case r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069':
			return label + " has a hidden character that changes the direction of text. Type it instead of pasting it"
		case unicode.Is(unicode.Cf, r) && !free:
			return label + " has an invisible character. Type it instead of pasting it"
		}
	}
	if n := utf8.RuneCountInString(s); limit > 0 && n > limit {
		return fmt.Sprintf("%s must have %d characters or fewer. It has %d", label, limit, n)
	}
	return ""
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(next) {
		return s // an abbreviation
	}
	for _, name := range []string{"Databricks", "Dataproc", "Redis", "Bigtable", "Google", "Spark"} {
		if strings.HasPrefix(s, name) {
			return s
		}
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// brief is a piece of what was typed, for a sentence.
func brief(s string) string {
	const most = 60
	s = printable(s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// lookalikes maps letters of other alphabets to the Latin letter that they are mistaken for.
// Source: a part of Unicode's confusables, www.unicode.org/Public/security/latest/confusables.txt.
var lookalikes = map[rune]rune{
	'а': 'a', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'һ': 'h', 'і': 'i', 'ј': 'j', 'ӏ': 'l', 'о': 'o', 'р': 'p', 'ԛ': 'q',
	'ѕ': 's', 'у': 'y', 'х': 'x', 'ԝ': 'w', 'ѵ': 'v', 'к': 'k', 'м': 'm', 'т': 't', 'п': 'n', 'ո': 'n', 'օ': 'o',
	'А': 'a', 'В': 'b', 'С': 'c', 'Е': 'e', 'Н': 'h', 'І': 'i', 'Ј': 'j', 'К': 'k', 'М': 'm', 'О': 'o', 'Р': 'p',
	'Ѕ': 's', 'Т': 't', 'Х': 'x', 'У': 'y',
	'α': 'a', 'ο': 'o', 'ν': 'v', 'ρ': 'p', 'ι': 'i', 'κ': 'k', 'υ': 'u', 'γ': 'y', 'ɡ': 'g', 'ı': 'i', 'ɑ': 'a',
	'Α': 'a', 'Β': 'b', 'Ε': 'e', 'Η': 'h', 'Ι': 'i', 'Κ': 'k', 'Μ': 'm', 'Ν': 'n', 'Ο': 'o', 'Ρ': 'p', 'Τ': 't',
	'Χ': 'x', 'Υ': 'y', 'Ζ': 'z',
	'‐': '-', '‑': '-', '‒': '-', '–': '-', '—': '-', '−': '-', '﹣': '-', '－': '-', '。': '.', '．': '.',
}

// latin is s in the Latin letters that it looks like, and the first letter that was another one (0: none).
func latin(s string) (string, rune) {
	var first rune
	out := strings.Map(func(r rune) rune {
		to, ok := lookalikes[r]
		if !ok && r >= '！' && r <= '～' { // full width
			to, ok = r-0xFEE0, true
		}
		if !ok {
			return r
		}
		if first == 0 {
			first = r
		}
		return to
	}, s)
	return out, first
}

// foreign says which letter of another alphabet is in s, "" if none that looks like a Latin one.
func foreign(s string) string {
	if _, other := latin(s); other != 0 {
		return mistaken(other) + ". Type it again"
	}
	return ""
}

// mistaken says what a look-alike is not.
func mistaken(r rune) string {
	switch to := latinOf(r); to {
	case '-':
		return fmt.Sprintf("“%c” is a dash, not a hyphen", r)
	default:
		return fmt.Sprintf("“%c” looks like “%c” but is a different character", r, to)
	}
}

func latinOf(r rune) rune {
	out, _ := latin(string(r))
	to, _ := utf8.DecodeRuneInString(out)
	return to
}

// plain is clean for what is written in Latin letters alone.
func plain(label, s string, limit int) string {
	return cmp.Or(clean(label, s, false, limit), foreign(s))
}
