package handlers

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"groundwork/onboarding"
)

func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/", "/o/ob_a?x=1#y", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil", "/%2f/evil.example", "/..//evil.example", "", "/signin/callback"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := localPath(next)
		base, err := url.Parse("https://onboarding.vendor.example/signin")
		if err != nil {
			t.Fatal(err)
		}
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.HasPrefix(got, "/\\") {
			t.Errorf("%q leads to %q (%v)", next, got, err)
		}
	})
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "a=%ff", "a=%00", "a", "&&&", "a=1;b=2", "%", strings.Repeat("a=1&", 600)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		form, err := parseForm(nil, r)
		if err != nil {
			if status := statusOf(err); status != 400 && status != 413 {
				t.Errorf("status %d", status)
			}
			return
		}
		for k, values := range form {
			for _, v := range append(values, k) {
				if !utf8.ValidString(v) {
					t.Errorf("%q passed", v)
				}
			}
		}
	})
}

func TestACellIsNoFormula(t *testing.T) {
	for in, out := range map[string]string{"": "", "Acme": "Acme", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "a=1": "a=1"} {
		if got := cell(in); got != out {
			t.Errorf("%q becomes %q, want %q", in, got, out)
		}
	}
}

func TestEachCodeHasItsStatus(t *testing.T) {
	for code, status := range map[onboarding.Code]int{
		onboarding.CodeInvalid: 422, onboarding.CodeNotFound: 404, onboarding.CodeStale: 409, onboarding.CodeForbidden: 403, onboarding.CodeGone: 410,
		onboarding.CodeUnavailable: 503, onboarding.CodeInternal: 500, onboarding.CodeConflict: 409, onboarding.CodeSignIn: 409, onboarding.CodeCloud: 502,
	} {
		err := fmt.Errorf("wrapped: %w", onboarding.Errorf(code, "A sentence."))
		if got := statusOf(err); got != status {
			t.Errorf("%s is %d, want %d", code, got, status)
		}
		if got := sentence(err); (code == onboarding.CodeInternal) == (got == "A sentence.") {
			t.Errorf("%s says %q", code, got)
		}
	}
	if got := statusOf(fmt.Errorf("read: %w", context.DeadlineExceeded)); got != 503 {
		t.Errorf("a deadline is %d", got)
	}
}
