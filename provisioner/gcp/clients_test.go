package gcp

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"groundwork/onboarding"
)

func clients(t *testing.T, h http.HandlerFunc) *Clients {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := New(t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "access"}), server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCallsKeepTheirHostAndCarryTheAccess(t *testing.T) {
	var hosts []string
	c := clients(t, func(w http.ResponseWriter, r *http.Request) {
		hosts = append(hosts, r.Host)
		if r.Header.Get("Authorization") != "Bearer access" {
			t.Errorf("%s %s without the access", r.Method, r.URL)
		}
		_, _ = w.Write([]byte("{}"))
	})
	_, _ = c.Storage.Bucket("b").Attrs(t.Context()) // only where it went counts
	_, _ = c.Projects.Projects.Get("projects/p").Context(t.Context()).Do()
	_, _ = c.Usage.Services.Get("projects/p/services/s").Context(t.Context()).Do()
	if got := strings.Join(hosts, " "); got != "storage.googleapis.com cloudresourcemanager.googleapis.com serviceusage.googleapis.com" {
		t.Errorf("called %s", got)
	}
}

// A pipe without a writer holds up whoever opens it.
func TestTheMachinesOwnCredentialsAreNotLookedFor(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "credentials.json")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", pipe)
	made := make(chan error, 1)
	go func() {
		_, err := New(t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "access"}), "", nil)
		made <- err
	}()
	select {
	case err := <-made:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("they are read")
		f, err := os.OpenFile(pipe, os.O_RDWR, 0)
		if err == nil {
			_ = os.Remove(pipe)
			f.Close()
			<-made
		}
	}
}

func TestOddAnswersAreLookedAtAgain(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    http.HandlerFunc
	}{
		{"HTML with 200", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<!DOCTYPE html><html></html>")) }},
		{"half an answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"name": "b`))
		}},
		{"huge by its header", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "99999999999") }},
		{"huge by its body", func(w http.ResponseWriter, _ *http.Request) {
			blanks := []byte(strings.Repeat(" ", 1<<20))
			for range MaxAnswer>>20 + 1 {
				if _, err := w.Write(blanks); err != nil {
					return
				}
			}
		}},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/", http.StatusTemporaryRedirect)
		}},
		{"a reset connection", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := clients(t, tt.h)
			_, err := c.Projects.Projects.Get("projects/p").Context(t.Context()).Do()
			if f := Classify(err); err == nil || f.Class != Retry || f.On != onboarding.PartyGoogle {
				t.Errorf("%v is %s", err, f.Class)
			}
			if _, err := c.Storage.Bucket("b").Attrs(t.Context()); err == nil || Classify(err).Class != Retry {
				t.Errorf("storage: %v is %s", err, Classify(err).Class)
			}
		})
	}
}

func TestBindKeepsOthersAndRefusesToWriteBlindly(t *testing.T) {
	var put string
	etag := `"etag":"CAE=",`
	c := clients(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			b := make([]byte, 4096)
			n, _ := r.Body.Read(b)
			put = string(b[:n])
			_, _ = w.Write(b[:n])
			return
		}
		if r.URL.Query().Get("optionsRequestedPolicyVersion") != "3" {
			t.Errorf("asked for %s", r.URL.RawQuery)
		}
		_, _ = w.Write([]byte(`{` + etag + `"bindings":[{"role":"roles/storage.objectViewer","members":["user:ada@customer.example"],"condition":{"title":"t","expression":"true"}}]}`))
	})
	if err := c.Bind(t.Context(), Bucket("b"), "roles/storage.objectViewer", "serviceAccount:x@p.iam.gserviceaccount.com"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"etag":"CAE="`, `"version":3`, `"expression":"true"`, "user:ada@customer.example", "serviceAccount:x@p.iam.gserviceaccount.com"} {
		if !strings.Contains(put, want) {
			t.Errorf("written without %s: %s", want, put)
		}
	}
	etag, put = "", ""
	if err := c.Bind(t.Context(), Bucket("b"), "roles/x", "user:y@z.example"); err == nil || put != "" {
		t.Errorf("wrote a policy that was read without an etag: %v", err)
	}
}

// answers gives one answer to everything.
type answers struct {
	status int
	body   string
}

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// Whatever answers, Google's clients give an answer or an error, never neither.
func FuzzGooglesClients(f *testing.F) {
	for _, body := range []string{"null", " null\n", "{}", "[]", `{"projectId":"acme"}`, `{"bindings":null}`, `{"bindings":[null]}`, "<html>", "nul", "nullx", "\xff", ""} {
		for _, status := range []int{200, 204, 404} {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 499 || status/100 == 3 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout {
			t.Skip()
		}
		c, err := New(t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x"}), "", answers{status, body})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		project, err := c.Projects.Projects.Get("projects/acme").Context(ctx).Do()
		if (project == nil) == (err == nil) {
			t.Errorf("%d %q gives %v and %v", status, body, project, err)
		}
		policy, err := c.IAM.Projects.ServiceAccounts.GetIamPolicy("projects/-/serviceAccounts/x").Context(ctx).Do()
		if (policy == nil) == (err == nil) {
			t.Errorf("%d %q gives %v and %v", status, body, policy, err)
		}
		attrs, err := c.Storage.Bucket("acme").Attrs(ctx)
		if (attrs == nil) == (err == nil) {
			t.Errorf("%d %q gives %v and %v", status, body, attrs, err)
		}
	})
}
