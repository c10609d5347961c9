package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"groundwork/store/pgtest"
)

// recorder keeps every answer that a person's browser got: its headers, without the cookies, and its body.
type recorder struct {
	mu    sync.Mutex
	pages map[string]string // by method and address
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	header := resp.Header.Clone()
	header.Del("Set-Cookie")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pages[req.Method+" "+req.URL.String()] += fmt.Sprint(header, "\n", string(body))
	return resp, nil
}

// sighting finds a secret in a text as it is, in hex (as Postgres prints bytes) and in base64 (as Go's JSON does).
func sighting(text, secret string) bool {
	if strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), hex.EncodeToString([]byte(secret))) {
		return true
	}
	for shift := range 3 { // where in a group of three bytes it begins
		padded := append(make([]byte, shift), secret...)
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			whole := enc.EncodeToString(padded[:len(padded)/3*3])
			if shift > 0 {
				whole = whole[4:] // the group that it shares with what stands before it
			}
			if len(whole) >= 16 && strings.Contains(text, whole) {
				return true
			}
		}
	}
	return false
}

func TestSightingFindsEveryForm(t *testing.T) {
	const secret = "canary-of-a-good-length"
	for _, before := range []string{"", "a", "ab", "abc"} {
		text := before + secret + "after"
		for name, form := range map[string]string{
			"plain": text, "hex": hex.EncodeToString([]byte(text)), "base64": base64.StdEncoding.EncodeToString([]byte(text)),
			"base64 for addresses": base64.RawURLEncoding.EncodeToString([]byte(text)),
		} {
			if !sighting(form, secret) {
				t.Errorf("not found in %s after %q", name, before)
			}
		}
	}
	if sighting(base64.StdEncoding.EncodeToString([]byte("another text of some length")), secret) {
		t.Error("found where it is not")
	}
}

// dump is every row of every table, as the database's owner reads them, jobs included; by table.
func dump(t *testing.T, db pgtest.Database) map[string]string {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, table := range tables {
		rows, err := conn.Query(ctx, `SELECT t::text FROM `+table+` t`)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		out[table] = strings.Join(lines, "\n")
	}
	if out["public.sessions"] == "" || out["public.grants"] == "" {
		t.Fatalf("the dump lacks rows that must be there: %d tables", len(out))
	}
	return out
}

// seedCloud adds something to a running emulator.
func seedCloud(t *testing.T, cloud, what string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(cloud+"/_emulator/"+what, "application/json", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("seed %s: %s %s", what, resp.Status, body)
	}
}

// Recognizable secrets go through a whole onboarding on the real program. Afterwards none of them is in a log, a
// page, a job, or any other row of the database, which was dumped while the access was held and again at the end.
func TestCanariesStayHidden(t *testing.T) {
	const (
		databricks = "dapi-CANARY-databricks-7f3a9c2e"
		redis      = "CANARY-redis-token-51d0b8e4"
		apiKey     = "CANARY-vendor-api-key-90ab12cd"
		echoed     = "ya29.CANARY-echoed-by-google-66aa77bb"
	)
	db := pgtest.NewDatabase(t)
	keyset, err := exec.Command(binary, "keygen").Output()
	if err != nil {
		t.Fatal(err)
	}
	addr, cloud, journal := freeAddr(t), freeAddr(t), t.TempDir()
	start(t, nil, "emulator", "--world", "--addr", cloud, "--speed", "1s", "--sites", "http://"+addr, "--data", journal)
	eventually(t, "the emulator", func() bool {
		resp, err := http.Get("http://" + cloud + "/.well-known/openid-configuration")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	seedCloud(t, "http://"+cloud, "workspaces", map[string]any{
		"Host":   "1234567890123456.7.gcp.databricks.com",
		"Tokens": map[string]any{databricks: map[string]any{"Name": "canary-jobs", "ServicePrincipal": true, "CanCreateClusters": true}},
	})
	// Services that quote the secrets they were sent, as some do.
	seedCloud(t, "http://"+cloud, "rules", map[string]any{
		"match": map[string]any{"host": "*.gcp.databricks.com", "path": "/api/*"}, "times": 2, "status": 500,
		"body": map[string]any{"error_code": "INTERNAL_ERROR", "message": "cannot use token " + databricks + " to store " + redis},
	})
	seedCloud(t, "http://"+cloud, "rules", map[string]any{
		"match": map[string]any{"host": "storage.googleapis.com", "method": "POST"}, "times": 2, "status": 503,
		"message": "backend failed for Authorization: Bearer " + echoed,
	})
	site := start(t, []string{
		"ADDR=" + addr, "BASE_URL=http://" + addr, "DATABASE_URL=" + db.WorkerURL, "DATABASE_CUSTOMER_URL=" + db.CustomerURL, "DATABASE_STAFF_URL=" + db.StaffURL, "EMULATOR_URL=http://" + cloud,
		"KEYSET=" + string(keyset), "ADMINISTRATORS=kim@vendor.example",
	}, "serve")
	base := "http://" + addr
	ready(t, base)

	much, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	much.Header.Set("X-Much", strings.Repeat("a", 32<<10))
	refused, err := http.DefaultClient.Do(much)
	if err != nil {
		t.Fatal(err)
	}
	refused.Body.Close()
	if refused.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("32 KB of headers: %d, want 431", refused.StatusCode)
	}

	seen := &recorder{pages: map[string]string{}}
	kim, ada := newVisitor(t, "kim@vendor.example"), newVisitor(t, "ada@customer.example")
	kim.client.Transport, ada.client.Transport = seen, seen
	kim.open(base + "/admin")
	kim.follow("Sign in")
	kim.signIn()
	kim.open("/admin/new")
	kim.submit("Create the invitation", "customer", "Canary Sample", "owner_email", ada.email, "proposed_name", "acme-prod",
		"control_plane_account", "tecton-acme-prod-control-plane@tecton-demo-control.iam.gserviceaccount.com",
		"serving_project", "tecton-demo-serving", "serving_network", "serving", "vendor_api_key", apiKey)
	invite := regexp.MustCompile(`http://[^"<\s]*/i/[\w-]+`).FindString(kim.body)
	if invite == "" {
		kim.fatal("no invite link")
	}
	shownOnce := "GET " + kim.at.String()

	ada.open(invite)
	ada.submit("Accept")
	ada.follow("Sign in with Google")
	ada.signIn()
	ada.must("/step/deployment")
	id := strings.Split(ada.at.Path, "/")[2]
	ada.submit("Save and continue")
	ada.submit("Save and continue", "region", "us-west1")
	ada.submit("Save and continue", "platform", "databricks", "workspace", "https://1234567890123456.7.gcp.databricks.com", "token", databricks, "runtime", "99.x")
	if ada.status != http.StatusUnprocessableEntity {
		ada.fatal("the mistake did not bring the page back")
	}
	ada.submit("Save and continue", "platform", "databricks", "workspace", "https://1234567890123456.7.gcp.databricks.com", "token", databricks, "runtime", "15.4.x-scala2.12", "secret_scope", "on")
	ada.must("/step/online-store")
	ada.submit("Save and continue", "store", "redis", "endpoint", "redis-14000.internal.c42.us-west1-1.gcp.cloud.redislabs.com:14000", "redis_token", redis,
		"cidr", "10.42.0.0/24", "spark_network_project", "acme-data-prod", "spark_network", "databricks-vpc", "spark_peer_project", "rlrcp-sample", "spark_peer_network", "databricks-net",
		"serving_peer_project", "rlrcp-sample", "serving_peer_network", "serving-net", "attested_by", "Ada Sample")
	ada.must("/step/accounts")
	confirmed, _ := ada.page.Find("input[name=control_plane]").Attr("value")
	ada.submit("Save and continue", "spark", "create", "control_plane", confirmed, "rehearse", "on")
	ada.submit("Save and continue", "datasets", "acme-data-prod.sales")
	ada.must("/step/project")
	ada.follow("Connect Google Cloud")
	ada.follow("Connect Google Cloud")
	ada.signIn()
	if !strings.HasSuffix(ada.at.Path, "/step/project") {
		ada.follow("Continue")
	}
	ada.submit("Save and continue", "project", "acme-data-prod")
	ada.must("/check")
	whileHeld := dump(t, db)
	ada.follow("Continue to the plan")
	ada.must("/plan")
	ada.submit("in acme-data-prod")
	ada.must("/progress")
	during := dump(t, db)
	eventually(t, "the end of the run", func() bool {
		ada.open("/o/" + id + "/progress")
		kim.open("/admin/o/" + id)
		return strings.Contains(ada.body, "outputs.json") || strings.Contains(ada.body, "See what was created")
	})
	for _, page := range []string{"", "/check", "/plan", "/connect", "/progress", "/done", "/outputs.json", "/receipt", "/audit", "/audit.json", "/audit.csv", "/step/compute", "/step/online-store", "/step/accounts"} {
		ada.open("/o/" + id + page)
		kim.open("/o/" + id + page)
	}
	kim.open("/admin")
	kim.open("/admin/staff")
	kim.open("/sessions")
	kim.open("/admin/export.csv")
	for _, tab := range []string{"", "/run", "/answers", "/values", "/people", "/history"} {
		kim.open("/admin/o/" + id + tab)
	}
	after := dump(t, db)
	ada.verifyRecord(id)

	secrets := map[string]string{
		"Databricks token": databricks, "Redis token": redis, "vendor API key": apiKey, "access token that Google quoted": echoed,
		"invite token": invite[strings.LastIndex(invite, "/")+1:],
	}
	home, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	for who, v := range map[string]*visitor{"ada": ada, "kim": kim} {
		for _, c := range v.client.Jar.Cookies(home) {
			if len(c.Value) > 20 {
				secrets[who+"'s cookie "+c.Name] = c.Value
			}
		}
	}
	tokens := googleTokens(t, journal)
	for i, token := range tokens {
		secrets[fmt.Sprintf("Google token %d", i+1)] = token
	}
	if !slices.ContainsFunc(tokens, func(token string) bool { return strings.HasPrefix(token, "ya29.c.") }) {
		t.Error("the rehearsal made no token of the Spark account")
	}
	if len(tokens) < 3 || secrets["ada's cookie groundwork"] == "" {
		t.Fatalf("the secrets that were looked for are not all there: %d of Google's", len(tokens))
	}

	places := map[string]string{"the log": site.log.String()}
	for when, tables := range map[string]map[string]string{"while the access was held": whileHeld, "during the run": during, "at the end": after} {
		for table, text := range tables {
			places["table "+table+" "+when] = text
		}
	}
	for page, text := range seen.pages {
		if strings.Contains(page, cloud) {
			continue // the provider's own pages
		}
		places["page "+page] = text
	}
	for what, secret := range secrets {
		for where, text := range places {
			if what == "invite token" && (strings.Contains(where, "/i/") || where == "page "+shownOnce) {
				continue // its own address, and the one page that shows the link
			}
			if sighting(text, secret) {
				t.Errorf("%s is in %s", what, where)
			}
		}
	}
	t.Logf("%d secrets looked for in %d places: %d pages, %d tables three times, a log of %d bytes", len(secrets), len(places), len(seen.pages), len(after), len(site.log.String()))
	var rules []struct {
		Status, Hits int
	}
	resp, err := http.Get("http://" + cloud + "/_emulator/rules")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&rules); err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		if r.Hits == 0 {
			t.Errorf("the answer %d that quotes a secret was never given", r.Status)
		}
	}
	if whileHeld["public.secrets"] == "" || during["public.river_job"] == "" {
		t.Error("nothing was sealed, or no job was there, when the database was dumped")
	}
	t.Logf("sealed secrets: %d while held, %d at the end", strings.Count(whileHeld["public.secrets"], id), strings.Count(after["public.secrets"], id))
}

// googleTokens are all tokens that the emulated Google gave out, from its journal.
func googleTokens(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	known := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, token := range regexp.MustCompile(`(?:ya29\.(?:c\.)?|1//0)[A-Za-z0-9_-]{20,}`).FindAllString(string(text), -1) {
			if !known[token] {
				known[token] = true
				found = append(found, token)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// verifyRecord checks with the operator's command that the history holds the line at which the record was signed.
func (v *visitor) verifyRecord(id string) {
	v.t.Helper()
	dir := v.t.TempDir()
	path := map[string]string{}
	for name, page := range map[string]string{"history": "/o/" + id + "/audit.json", "record": "/o/" + id + "/outputs.json", "keys": "/audit-keys.pem"} {
		v.open(page)
		path[name] = filepath.Join(dir, name)
		if err := os.WriteFile(path[name], []byte(v.body), 0o600); err != nil {
			v.t.Fatal(err)
		}
	}
	said, err := exec.Command(binary, "audit", "verify", "--file", path["history"], "--record", path["record"], "--key", path["keys"]).CombinedOutput()
	if err != nil || !strings.Contains(string(said), ", signed at ") {
		v.t.Errorf("the record and the history: %v\n%s", err, said)
	}
}
