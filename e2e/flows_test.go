package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// seed changes the emulated cloud.
func (d *demo) seed(t *testing.T, what string, v any) {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(d.CloudURL+"/_emulator/"+what, "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("%s: %s", what, resp.Status)
	}
}

// sees waits until the progress page says something.
func (v *visitor) sees(d *demo, progress, text string) {
	v.t.Helper()
	v.t.Logf("waiting for %q", text)
	deadline := time.Now().Add(patience)
	for {
		v.open(d.URL + progress)
		if strings.Contains(v.page.Find("main").Text(), text) {
			return
		}
		if time.Now().After(deadline) {
			v.fatal("%q did not come", text)
		}
		time.Sleep(100 * time.Millisecond) // between two looks at another process
	}
}

// consent gives the access again on the way to the page that needs it.
func (v *visitor) consent() {
	v.t.Helper()
	v.follow("Review the permissions and connect")
	v.follow("Connect Google Cloud")
	v.signIn()
}

// gone reports whether no access is held any more, by the receipt.
func (v *visitor) gone(d *demo, progress string) {
	v.t.Helper()
	v.open(d.URL + strings.Replace(progress, "/progress", "/receipt", 1))
	if v.page.Find("form[action$='/revoke']").Length() != 0 || strings.Contains(v.page.Find("main").Text(), "Not yet") {
		v.fatal("an access is still held")
	}
}

func count(all []call, method, path string) int {
	n := 0
	for _, c := range all {
		if c.Changed && c.Method == method && strings.Contains(c.Path, path) {
			n++
		}
	}
	return n
}

// A customer whose run fails, loses its access and drifts comes to the end each time; what was made is removed, and
// made again under the same names.
func TestNoRunGetsStuck(t *testing.T) {
	d := startDemo(t, dataDir(t), "--speed", "3s", "--no-samples")
	ada := newVisitor(t, "ada@customer.example")
	const project = "acme-data-prod"
	bucket := map[string]any{"match": map[string]string{"method": "POST", "host": "storage.googleapis.com", "path": "/storage/v1/b"}, "status": 400, "reason": "invalid", "message": "Sample of a final refusal.", "times": 1}
	d.seed(t, "rules", bucket)
	progress := ada.onboard(d.InviteURL, project)

	// It fails; the customer changes an answer, sees what that changes, and only what is missing is made.
	ada.sees(d, progress, "Setup stopped")
	if !strings.Contains(ada.page.Find("main").Text(), "Sample of a final refusal") {
		ada.fatal("the cause is not told")
	}
	ada.follow("Change answers and retry")
	ada.must("/check")
	ada.open(strings.Replace(progress, "/progress", "/step/data-sources?from=check", 1))
	if !strings.Contains(ada.body, project+".sales") {
		ada.fatal("the answer is not filled in again")
	}
	ada.submit("Save and continue", "datasets", "")
	ada.must("/check")
	ada.follow("Continue to the plan")
	ada.must("/plan")
	if changes := ada.page.Find("table:has(caption:contains('differs'))").Text(); !strings.Contains(changes, project+".sales") || strings.Contains(changes, "bucket") {
		ada.fatal("what changes is not shown: %q", changes)
	}
	// Google keeps the run at the bucket for some seconds, so that it is in the middle of its work.
	busy := map[string]any{
		"match": map[string]string{"method": "POST", "host": "storage.googleapis.com", "path": "/storage/v1/b"}, "status": 503,
		"reason": "backendError", "message": "Sample of a busy service.", "headers": map[string]string{"Retry-After": "1"}, "times": 4,
	}
	d.seed(t, "rules", busy)
	ada.submit("in " + project)
	ada.must("/progress")

	// The access is withdrawn in mid-run: the same run goes on after the sign-in.
	eventually(t, "the run at the bucket", func() bool {
		return slices.ContainsFunc(d.calls(t), func(c call) bool { return c.Method == http.MethodPost && c.Status == http.StatusServiceUnavailable })
	})
	d.seed(t, "revoke", map[string]string{"Email": ada.email})
	ada.sees(d, progress, "Setup is paused")
	run := ada.page.Find("#run-details dd").Last().Text()
	d.seed(t, "settings", map[string]string{"Speed": "100ms"})
	ada.follow("Sign in to Google again")
	ada.signIn()
	ada.must("/progress")
	if again := ada.page.Find("#run-details dd").Last().Text(); again != run || !strings.HasPrefix(run, "run_") {
		ada.fatal("run %q goes on as %q", run, again)
	}
	ada.sees(d, progress, "Everything is set up")
	wantEachOnce(t, d.calls(t))
	ada.gone(d, progress)

	// The token is entered in the vendor's console, and our copy goes.
	eventually(t, "the question about the token", func() bool {
		ada.open(d.URL + strings.Replace(progress, "/progress", "/done", 1))
		return strings.Contains(ada.body, "Confirm and wipe")
	})
	ada.submit("Confirm and wipe", "confirm", "yes")

	// Verified on demand: all is well; then somebody takes a binding away, which is shown and repaired.
	verify := func() {
		ada.open(d.URL + strings.Replace(progress, "/progress", "/done", 1))
		ada.follow("Verify everything again")
		ada.consent()
		ada.submit("Verify everything")
		ada.must("/progress")
	}
	verify()
	ada.sees(d, progress, "Everything matches the plan")
	d.seed(t, "iam", map[string]string{"Resource": "buckets/tecton-acme-prod-dataplane", "Member": "serviceAccount:tecton-acme-prod-spark@" + project + ".iam.gserviceaccount.com", "Role": ""})
	verify()
	ada.sees(d, progress, "Something differs")
	if text := ada.page.Find("#run-callouts").Text(); !strings.Contains(text, "gs://tecton-acme-prod-dataplane") {
		ada.fatal("the difference is not named")
	}
	ada.gone(d, progress)
	ada.open(d.URL + progress)
	ada.follow("Repair")
	ada.consent()
	ada.submit("in " + project)
	ada.sees(d, progress, "Everything is set up")
	wantEachOnce(t, d.calls(t))

	// Removed, but for the data, which nobody confirmed.
	ada.follow("See what was created")
	ada.follow("Remove what was created")
	ada.consent()
	ada.follow("Continue to the confirmation")
	ada.must("/teardown")
	ada.submit("Remove these")
	ada.sees(d, progress, "Not everything was removed") // the instance may hold data, and nobody decided to keep it
	if left := ada.page.Find("#run-callouts").Text(); !strings.Contains(left, "instances/tecton-acme-prod") || !strings.Contains(left, "2 items stay: the Bigtable instance; the enabled APIs.") || strings.Contains(left, "custom role") {
		ada.fatal("what stays is told as %q", left)
	}
	ada.gone(d, progress)

	// Set up again: the deleted role comes back, the instance is used again.
	ada.open(d.URL + progress)
	ada.follow("Set it up again")
	ada.consent()
	ada.submit("in " + project)
	ada.sees(d, progress, "Everything is set up")
	all := d.calls(t)
	if got := made(all); got["custom role"] != 1 || got["Bigtable instance"] != 1 || count(all, "POST", ":undelete") != 1 {
		t.Errorf("made %v, undeleted %d roles", got, count(all, "POST", ":undelete"))
	}

	// Removing asks for a sign-in in the middle; the customer cancels instead, and nothing holds access any more.
	ada.follow("See what was created")
	ada.follow("Remove what was created")
	ada.consent()
	ada.follow("Continue to the confirmation")
	d.seed(t, "rules", map[string]any{"match": map[string]string{"method": "DELETE", "host": "iam.googleapis.com"}, "status": 401, "reason": "authError", "message": "Request had invalid authentication credentials."})
	ada.submit("Remove these", ada.deletingData()...)
	d.seed(t, "reauth", map[string]string{"Email": ada.email})
	ada.sees(d, progress, "Teardown is paused")
	ada.follow("Cancel")
	ada.submit("Cancel the run")
	ada.sees(d, progress, "Teardown was canceled")
	ada.gone(d, progress)
}
