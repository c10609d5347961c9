package onboarding

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestTextFromElsewhereHoldsNoControlCharacters(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"plain, ümlaut, 漢字, 🙂":       "plain, ümlaut, 漢字, 🙂",
		"a\x00b\x1b[31mc\x7fd\u0085": "a�b�[31mc�d�",
		"line\r\nline\tend":          "line\nline\tend",
		"cut \xe6\xbc":               "cut ��",
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestJSONFromElsewhereHoldsNoControlCharacters(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":"x\u0000y","\u0000":1}`:         `{"a":"x\ufffdy","\ufffd":1}`,
		`"\u001B[31m \u007f \u009f"`:          `"\ufffd[31m \ufffd \ufffd"`,
		`"tab\tline\n\u000a\u0009\u00fc é"`:   `"tab\tline\n\u000a\u0009\u00fc é"`,
		`"a path C:\\u0000 and \\\u0000 \" "`: `"a path C:\\u0000 and \\\ufffd \" "`,
		`"\ud83d\ude42"`:                      `"\ud83d\ude42"`,
		"\"raw \x7f \u0085\u009b31m é\"":      "\"raw \\ufffd \\ufffd\\ufffd31m é\"",
		"\\\x7f \\\u009b":                     "\\\\ufffd \\\\ufffd",
		"{\n\t\"cut\": \"\xc2":                "{\n\t\"cut\": \"\xc2",
		`{"cut":"\u00`:                        `{"cut":"\u00`,
		`not JSON \`:                          `not JSON \`,
	} {
		if got := string(PrintableJSON([]byte(in))); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
		for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in)), iotest.DataErrReader(strings.NewReader(in))} {
			got, err := io.ReadAll(PrintableJSONReader(r))
			if err != nil || string(got) != want {
				t.Errorf("read bit by bit, %s became %s, %v", in, got, err)
			}
		}
	}
	long := `{"v":"` + strings.Repeat(`\u0000`, 100_000) + `"}`
	got, err := io.ReadAll(PrintableJSONReader(iotest.HalfReader(strings.NewReader(long))))
	if err != nil || strings.Contains(string(got), `\u0000`) || !json.Valid(got) || len(got) != len(long) {
		t.Errorf("%d bytes of %d, %v", len(got), len(long), err)
	}
}
