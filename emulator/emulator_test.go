package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/serviceusage/v1"

	"groundwork/emulator"
)

func record(h http.Handler, req *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec
}

// unchecked serves the cloud without the check against Google's documents, since faults are not documented.
func (c *cloud) unchecked() *cloud {
	server := httptest.NewServer(c.Emulator)
	c.t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func createSpark(k *clients) error {
	_, err := k.iam.Projects.ServiceAccounts.Create(project, &iam.CreateServiceAccountRequest{AccountId: "spark-acme"}).Do()
	return err
}

func TestFaults(t *testing.T) {
	match := emulator.Match{Method: "POST", Host: "iam.googleapis.com", Path: "/v1/projects/*/serviceAccounts", Person: owner}
	for name, tc := range map[string]struct {
		rule    emulator.Rule
		status  int
		text    string
		effect  bool // it was made although the answer said otherwise
		retries bool // and the second call goes through
	}{
		"429 with Retry-After": {rule: emulator.Rule{Status: 429, Reason: "rateLimitExceeded", Message: "Slow down", Headers: map[string]string{"Retry-After": "7"}, Times: 1}, status: 429, text: "Slow down", retries: true},
		"a lost answer":        {rule: emulator.Rule{Status: 503, AfterEffect: true, Times: 1}, status: 503, effect: true},
		"Google's HTML page":   {rule: emulator.Rule{Status: 502, HTML: true, Times: 1}, status: 502, text: "<!DOCTYPE html>", retries: true},
		"a body of one's own":  {rule: emulator.Rule{Status: 403, Body: json.RawMessage(`{"error":{"code":403,"message":"Quota exceeded for quota metric 'x'"}}`), Times: 1}, status: 403, text: "Quota exceeded", retries: true},
		"malformed":            {rule: emulator.Rule{Status: 200, Body: json.RawMessage(`"{\"name\":"`), Times: 1}, retries: true},
		"a reset":              {rule: emulator.Rule{Reset: true, Times: 1}, retries: true},
		"a reset after":        {rule: emulator.Rule{Reset: true, AfterEffect: true, Times: 1}, effect: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, emulator.Config{})
			tc.rule.Match = match
			id := c.AddRule(tc.rule)
			k := c.unchecked().as(owner)
			err := createSpark(k)
			if err == nil {
				t.Fatal("the fault did not show")
			}
			if tc.status != 0 {
				wantError(t, err, tc.status, "", tc.text)
			}
			var g *googleapi.Error
			if tc.rule.Headers != nil && (!errors.As(err, &g) || g.Header.Get("Retry-After") != "7") {
				t.Errorf("no Retry-After in %v", err)
			}
			err = createSpark(k)
			switch {
			case tc.effect:
				wantError(t, err, 409, "alreadyExists", "already exists")
			case tc.retries:
				noError(t, err)
			}
			if n := slices.IndexFunc(c.Calls(), func(l emulator.Call) bool { return l.Rule == id && l.Changed == tc.effect }); n < 0 {
				t.Errorf("the log does not show the fault with changed=%v: %+v", tc.effect, c.Calls())
			}
			c.RemoveRule(id)
			if len(c.Rules()) != 0 {
				t.Error("the rule is still there")
			}
		})
	}
}

func TestFaultSkipsAndHangs(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	c.AddRule(emulator.Rule{Match: emulator.Match{Regexp: `/serviceAccounts$`}, Skip: 1, Hang: true})
	k := c.unchecked().as(owner)
	must(k.iam.Projects.ServiceAccounts.List(project).Do())(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := k.iam.Projects.ServiceAccounts.List(project).Context(ctx).Do(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the second call ended with %v", err)
	}
}

func TestOperationsAndLatencyByRule(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	c.AddRule(emulator.Rule{Match: emulator.Match{Path: "*:enable"}, Times: 1, Operation: -1})
	c.AddRule(emulator.Rule{Match: emulator.Match{Path: "*/services"}, Times: 1, Latency: emulator.Duration(30 * time.Millisecond)})
	k := c.as(owner)
	op := must(k.usage.Services.Enable(project+"/services/dataproc.googleapis.com", &serviceusage.EnableServiceRequest{}).Do())(t)
	c.pass(1000 * time.Hour)
	if must(k.usage.Operations.Get(op.Name).Do())(t).Done {
		t.Error("the operation that never ends has ended")
	}
	start := time.Now()
	must(k.usage.Services.List(project).Do())(t)
	if d := time.Since(start); d < 30*time.Millisecond {
		t.Errorf("answered in %s", d)
	}
}

func TestCallLog(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	noError(t, createSpark(c.as(owner)))
	if err := createSpark(c.as(viewer)); err == nil {
		t.Fatal("a viewer may create")
	}
	calls := c.Calls()
	if len(calls) != 2 {
		t.Fatalf("%d calls", len(calls))
	}
	made, refused := calls[0], calls[1]
	if made.Person != owner || made.Status != 200 || !made.Changed || made.Host != "iam.googleapis.com" || !slices.Equal(made.Checked, []string{"iam.serviceAccounts.create on " + project}) {
		t.Errorf("%+v", made)
	}
	if refused.Person != viewer || refused.Status != 403 || refused.Changed || !slices.Equal(refused.Checked, []string{"iam.serviceAccounts.create on " + project + ": denied"}) {
		t.Errorf("%+v", refused)
	}
}

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	cfg := emulator.Config{Dir: dir, Speed: time.Minute}
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	cfg.Now = func() time.Time { return now }
	open := func() *emulator.Emulator {
		t.Helper()
		return must(emulator.New(cfg))(t)
	}
	e := open()
	e.AddProject(emulator.Project{ID: projectID, Billing: true, APIs: apis, IAM: map[string]string{"user:" + owner: "roles/owner"}})
	token := e.Token(owner)
	rule := e.AddRule(emulator.Rule{Match: emulator.Match{Path: "/nothing"}, Status: 500})
	do := func(e *emulator.Emulator, method, host, path, body string) (int, map[string]any) {
		t.Helper()
		req := httptest.NewRequest(method, "http://"+host+path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+token)
		rec := record(e, req)
		var m map[string]any
		noError(t, json.Unmarshal(rec.Body.Bytes(), &m))
		return rec.Code, m
	}
	if code, m := do(e, "POST", "iam.googleapis.com", "/v1/projects/acme-data/serviceAccounts", `{"accountId":"spark-acme"}`); code != 200 {
		t.Fatal(code, m)
	}
	_, op := do(e, "POST", "serviceusage.googleapis.com", "/v1/projects/acme-data/services/dataproc.googleapis.com:enable", `{}`)
	calls, policy := e.Calls(), e.IAM(project)

	// Not closed: a process that is killed does not close either. What it was writing is cut off.
	path := filepath.Join(dir, "cloud.jsonl")
	f := must(os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0))(t)
	must(f.WriteString(`{"put":{"account/half@`))(t)
	noError(t, f.Close())
	if _, err := emulator.New(cfg); err == nil || !strings.Contains(err.Error(), "another emulator uses it") {
		t.Errorf("a second emulator on the same journal: %v", err)
	}
	cfg.Dir = t.TempDir()
	noError(t, os.CopyFS(cfg.Dir, os.DirFS(dir)))
	defer e.Close()

	for range 2 { // the second time from the rewritten file
		e = open()
		if got := e.Calls(); len(got) != len(calls) {
			t.Errorf("%d calls, want %d", len(got), len(calls))
		}
		if got := e.IAM(project); got.Etag != policy.Etag || len(got.Bindings) != 1 {
			t.Errorf("policy %+v, want %+v", got, policy)
		}
		if r := e.Rules(); len(r) != 1 || r[0].ID != rule {
			t.Errorf("rules %+v", r)
		}
		code, m := do(e, "GET", "iam.googleapis.com", "/v1/projects/acme-data/serviceAccounts/spark-acme@acme-data.iam.gserviceaccount.com", "")
		if code != 200 {
			t.Errorf("%d %v", code, m)
		}
		if _, m := do(e, "GET", "serviceusage.googleapis.com", "/v1/"+op["name"].(string), ""); m["done"] != nil {
			t.Errorf("the operation is done too early: %v", m)
		}
		calls = e.Calls()
		noError(t, e.Close())
	}
	now = now.Add(time.Minute)
	e = open()
	defer e.Close()
	if _, m := do(e, "GET", "serviceusage.googleapis.com", "/v1/"+op["name"].(string), ""); m["done"] != true {
		t.Errorf("the operation did not go on across the restart: %v", m)
	}
	e.Reset()
	if len(e.Calls()) != 0 || len(e.Rules()) != 0 || len(e.IAM(project).Bindings) != 0 {
		t.Error("something is left after a reset")
	}
}

func TestSeedingOverHTTP(t *testing.T) {
	e := must(emulator.New(emulator.Config{}))(t)
	defer e.Close()
	server := httptest.NewServer(e)
	defer server.Close()
	post := func(name, body string, want int) string {
		t.Helper()
		resp := must(http.Post(server.URL+"/_emulator/"+name, "application/json", strings.NewReader(body)))(t)
		defer resp.Body.Close()
		raw := must(io.ReadAll(resp.Body))(t)
		if resp.StatusCode != want {
			t.Errorf("%s: %d %s", name, resp.StatusCode, raw)
		}
		return string(bytes.TrimSpace(raw))
	}
	post("people", `[{"email":"Ada@customer.example","name":"Ada Sample"}]`, 200)
	post("projects", `{"id":"acme-data","billing":true,"organisation":"77","apis":["iam.googleapis.com"]}`, 200) //nolint:misspell // the key as journals have it
	post("iam", `{"resource":"projects/acme-data","member":"user:ada@customer.example","role":"roles/owner"}`, 200)
	post("policies", `{"parent":"organizations/77","policy":{"constraint":"storage.publicAccessPrevention","enforce":true}}`, 200)
	post("rules", `{"match":{"path":"/x"},"status":500,"latency":"2s"}`, 200)
	post("settings", `{"speed":"3s","propagation":"1s"}`, 200)
	post("people", `{"mail":"typo@customer.example"}`, 400)
	var tokens []string
	noError(t, json.Unmarshal([]byte(post("tokens", `{"email":"ada@customer.example"}`, 200)), &tokens))
	req := must(http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/_/cloudresourcemanager.googleapis.com/v1/projects/acme-data", nil))(t)
	req.Header.Set("Authorization", "Bearer "+tokens[0])
	resp := must(http.DefaultClient.Do(req))(t)
	raw := must(io.ReadAll(resp.Body))(t)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(raw), `"lifecycleState":"ACTIVE"`) {
		t.Errorf("%d %s", resp.StatusCode, raw)
	}
	if rules := e.Rules(); len(rules) != 1 || time.Duration(rules[0].Latency) != 2*time.Second {
		t.Errorf("rules %+v", rules)
	}
	resp = must(http.Get(server.URL + "/_emulator/calls"))(t)
	raw = must(io.ReadAll(resp.Body))(t)
	resp.Body.Close()
	if !strings.Contains(string(raw), `"person":"ada@customer.example"`) || strings.Contains(string(raw), tokens[0]) {
		t.Errorf("calls: %s", raw)
	}
}
