package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/provisioner"
	"groundwork/provisioner/resources"
	"groundwork/store"
	"groundwork/vault"
)

// doctorCmd looks at everything outside that serve needs, with serve's own configuration. It changes nothing.
type doctorCmd struct {
	siteFlags
}

type findingState string

const (
	pass findingState = "ok"
	warn findingState = "warn"
	fail findingState = "FAIL"
)

// finding is one line of the doctor's list.
type finding struct {
	state   findingState
	subject string
	text    string   // one or more sentences
	more    []string // commands or addresses to copy
}

// doctorTimeout is how long one look outside may take.
const doctorTimeout = 20 * time.Second

// Run prints the list; the exit status is 1 where something fails.
func (c doctorCmd) Run(ctx context.Context, s streams, files fileProblems) error {
	var all []finding
	for _, p := range slices.Concat(files, c.problems(), c.Keys.exposed()) {
		all = append(all, finding{state: fail, subject: "configuration", text: p + "."})
	}
	if len(all) == 0 {
		all = append(all, finding{state: pass, subject: "configuration", text: "Nothing is missing."})
	}
	if c.EmulatorURL != "" && hasTrials {
		c.GoogleIssuer, c.GoogleClientID, c.GoogleClientSecret = c.EmulatorURL, emulatedClientID, emulatedClientSecret
	}
	all = append(all, c.client())
	all = append(all, c.oauth(ctx)...)
	keys, keyset := c.keyset(ctx)
	all = append(all, keyset, c.mail(ctx))
	all = append(all, c.database(ctx, keys)...)
	failed := 0
	for _, f := range all {
		fmt.Fprintf(s.Out, "%-5s %-18s %s\n", f.state, f.subject, f.text)
		for _, line := range f.more {
			fmt.Fprintf(s.Out, "%24s %s\n", "", line)
		}
		if f.state == fail {
			failed++
		}
	}
	if failed > 0 {
		fmt.Fprintf(s.Err, "%d of %d checks failed. Fix them, then run groundwork doctor again.\n", failed, len(all))
		return errReported
	}
	return nil
}

// client says which project the OAuth client belongs to, and how to turn on there what its calls are counted against.
func (c doctorCmd) client() finding {
	const subject = "OAuth client"
	number := provisioner.ClientProject(c.GoogleClientID)
	switch {
	case c.GoogleClientID == "":
		return finding{state: fail, subject: subject, text: "GOOGLE_CLIENT_ID is missing."}
	case number == "" || c.GoogleIssuer == googleIssuer && !strings.HasSuffix(c.GoogleClientID, ".apps.googleusercontent.com"):
		state := fail
		if c.GoogleIssuer != googleIssuer {
			state = warn
		}
		return finding{state: state, subject: subject, text: "GOOGLE_CLIENT_ID doesn't begin with a project's number, as Google's client IDs do (123456789012-….apps.googleusercontent.com). Copy it again from the Cloud console."}
	}
	return finding{
		state: pass, subject: subject,
		text: "It belongs to the project number " + number + ". Google counts most calls against that project, so these APIs must be on there. The command turns on those that are off:",
		more: []string{"gcloud services enable " + strings.Join(provisioner.ClientAPIs(resources.Catalog()), " ") + " --project " + number},
	}
}

// oauth asks the issuer about the client's secret and about each address that it returns people to.
func (c doctorCmd) oauth(ctx context.Context) []finding {
	asking, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	endpoint, _, err := provider(asking, c.GoogleIssuer)
	if err != nil {
		return []finding{{state: fail, subject: "sign-in", text: sentenceOf(err)}}
	}
	all := []finding{c.secret(ctx, endpoint.TokenURL)}
	for _, path := range []string{"/signin/callback", "/connect/callback"} {
		all = append(all, c.redirect(ctx, endpoint.AuthURL, strings.TrimSuffix(c.BaseURL, "/")+path))
	}
	return all
}

// secret tries a refresh token that nobody has: the issuer refuses the token where it knows the client, else the client.
func (c doctorCmd) secret(ctx context.Context, tokenURL string) finding {
	const subject = "client secret"
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"none"}, "client_id": {c.GoogleClientID}, "client_secret": {c.GoogleClientSecret}}
	status, _, body, err := ask(ctx, http.MethodPost, tokenURL, form)
	var said struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(body, &said) // what isn't JSON is told by its status
	switch {
	case err != nil:
		return finding{state: fail, subject: subject, text: sentenceOf(err)}
	case said.Error == "invalid_grant":
		return finding{state: pass, subject: subject, text: "The issuer accepts the client ID and its secret."}
	case said.Error == "deleted_client" || said.Error == "disabled_client":
		return finding{state: fail, subject: subject, text: "The OAuth client GOOGLE_CLIENT_ID was deleted or disabled (" + said.Error + "). Restore it, or create another."}
	case said.Error == "invalid_client" || said.Error == "unauthorized_client":
		return finding{state: fail, subject: subject, text: "The issuer does not accept GOOGLE_CLIENT_ID with GOOGLE_CLIENT_SECRET (" + said.Error + "). Copy both again from the same OAuth client."}
	}
	return finding{state: warn, subject: subject, text: fmt.Sprintf("The issuer's answer does not say whether the secret is right (%d %s). Check again later.", status, said.Error)}
}

// redirect begins a sign-in that nobody finishes: the issuer refuses an address that isn't registered for the client.
func (c doctorCmd) redirect(ctx context.Context, authURL, address string) finding {
	const subject = "redirect address"
	u, err := url.Parse(authURL)
	if err != nil {
		return finding{state: fail, subject: subject, text: sentenceOf(err)}
	}
	u.RawQuery = url.Values{"client_id": {c.GoogleClientID}, "redirect_uri": {address}, "response_type": {"code"}, "scope": {"openid"}, "state": {"doctor"}}.Encode()
	status, header, body, err := ask(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return finding{state: fail, subject: subject, text: sentenceOf(err)}
	}
	said := string(body)
	refused := status >= 400
	if to, err := url.Parse(header.Get("Location")); err == nil && to.Query().Has("authError") {
		refused = true
		if decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(to.Query().Get("authError")), "=")); err == nil {
			said += string(decoded)
		}
	}
	switch {
	case strings.Contains(said, "redirect_uri_mismatch"):
		return finding{state: fail, subject: subject, text: "It is not registered for the OAuth client. Add it under “Authorized redirect URIs” in the Cloud console:", more: []string{address}}
	case refused:
		return finding{state: warn, subject: subject, text: fmt.Sprintf("The issuer refused to begin a sign-in with it (%d), for another reason. Sign in once to see which:", status), more: []string{address}}
	}
	return finding{state: pass, subject: subject, text: address + " is registered."}
}

// keyset opens the keyset, which asks KMS where it is sealed.
func (c doctorCmd) keyset(ctx context.Context) (*vault.Vault, finding) {
	const subject = "keyset"
	if c.Keys.Keyset == "" {
		return nil, finding{state: fail, subject: subject, text: "KEYSET is missing."}
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	v, err := c.Keys.open(ctx)
	switch {
	case err != nil:
		return nil, finding{state: fail, subject: subject, text: sentenceOf(err)}
	case !v.Authenticates():
		return v, finding{state: fail, subject: subject, text: sentenceOf(fmt.Errorf("KEYSET is of an earlier version: %w", vault.ErrNoMAC))}
	case c.Keys.KMSKey == "":
		return v, finding{state: warn, subject: subject, text: "It opens, and no key service seals it. Set KMS_KEY where people are served."}
	}
	return v, finding{state: pass, subject: subject, text: "Cloud KMS opens it with " + c.Keys.KMSKey + "."}
}

func (c doctorCmd) mail(ctx context.Context) finding {
	const subject = "mail"
	smtp := c.smtp()
	if smtp == nil {
		if c.SMTPURL != "" {
			return finding{state: fail, subject: subject, text: "SMTP_URL can't be read, so the server was not asked."}
		}
		return finding{state: warn, subject: subject, text: "SMTP_URL is not set: no mail is sent, and specialists send invitations themselves."}
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	if err := smtp.Check(ctx); err != nil {
		return finding{state: fail, subject: subject, text: sentenceOf(fmt.Errorf("%s does not accept this server: %w", smtp.Server(), err))}
	}
	return finding{state: pass, subject: subject, text: smtp.Server() + " accepts this server over TLS where it leaves this machine."}
}

// database looks how the connection is made, and at the addresses that the settings hand over to.
func (c doctorCmd) database(ctx context.Context, keys *vault.Vault) []finding {
	const subject = "database"
	if c.DatabaseURL == "" {
		return []finding{{state: fail, subject: subject, text: "DATABASE_URL is missing."}}
	}
	address := withPassword(c.DatabaseURL, c.DatabasePassword)
	encrypted, err := overTLS(ctx, address)
	if err != nil {
		return []finding{{state: fail, subject: subject, text: sentenceOf(fmt.Errorf("it can't be opened: %w", err))}}
	}
	all := []finding{{state: pass, subject: subject, text: "The connection is encrypted, and the server's certificate is checked."}}
	switch {
	case len(plaintextProblems("DATABASE_URL", c.DatabaseURL, c.DatabasePlaintext)) > 0:
		all[0].state, all[0].text = fail, "The connection leaves this machine without checking who answers. Add sslmode=verify-full to DATABASE_URL."
	case !encrypted && c.DatabasePlaintext != "":
		all[0].state, all[0].text = warn, "The connection is not encrypted, as DATABASE_PLAINTEXT=private-network allows."
	case !encrypted:
		all[0].text = "The connection does not leave this machine, and is not encrypted."
	case !strings.Contains(c.DatabaseURL, "sslmode=verify-full"):
		all[0].text = "The connection is encrypted."
	}
	if keys == nil {
		return append(all, finding{state: warn, subject: "handover", text: "The settings were not read, since the keyset doesn't open."})
	}
	s, err := store.Open(ctx, store.Config{URL: address, MaxConns: 2, Authenticator: keys, Settings: c.settings()})
	if err != nil {
		return append(all, finding{state: fail, subject: subject, text: sentenceOf(err)})
	}
	defer s.Close()
	return append(all, c.handover(ctx, s)...)
}

// overTLS reports whether a connection to the database is encrypted.
func overTLS(ctx context.Context, address string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return false, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var encrypted bool
	if err := conn.QueryRow(ctx, `SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)`).Scan(&encrypted); err != nil {
		return false, fmt.Errorf("ask how the connection is made: %w", err)
	}
	return encrypted, nil
}

// handover looks whether the addresses that the settings name answer. Nothing is sent to them.
func (c doctorCmd) handover(ctx context.Context, s *store.Store) []finding {
	const subject = "handover"
	reading, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	settings, err := s.Settings(reading)
	if err != nil {
		return []finding{{state: fail, subject: subject, text: sentenceOf(err)}}
	}
	hooks, err := s.Webhooks(reading, onboarding.System)
	if err != nil {
		return []finding{{state: fail, subject: subject, text: sentenceOf(err)}}
	}
	var endpoints []endpoint
	if to := settings.Value("handover_url"); to != "" {
		endpoints = append(endpoints, endpoint{&provisioner.Guard{Dials: c.Tests.Dials}, to})
	}
	guard := &provisioner.Guard{Private: c.webhookNetworks(), Dials: c.Tests.Dials} // webhooks alone may go there
	for _, hook := range hooks {
		if hook.Enabled {
			endpoints = append(endpoints, endpoint{guard, hook.URL})
		}
	}
	all := reachables(ctx, subject, endpoints)
	if len(all) == 0 {
		return []finding{{state: warn, subject: subject, text: "No address and no webhook endpoint is set: records wait for a download, unless a specialist enters an address for the onboarding."}}
	}
	return all
}

// endpoint is an address, and the guard that requests to it pass.
type endpoint struct {
	guard   *provisioner.Guard
	address string
}

// reachables asks all endpoints at once: one that doesn't answer holds up no other.
func reachables(ctx context.Context, subject string, endpoints []endpoint) []finding {
	all := make([]finding, len(endpoints))
	var asking sync.WaitGroup
	for i, e := range endpoints {
		asking.Go(func() { all[i] = reachable(ctx, e.guard.HTTP(), subject, e.address) })
	}
	asking.Wait()
	return all
}

// reachable makes a TLS connection and asks for nothing but headers: any answer at all will do. The query of a presigned
// address is a key, so it is neither sent nor printed.
func reachable(ctx context.Context, client *http.Client, subject, address string) finding {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return finding{state: fail, subject: subject, text: "An address of the settings is not an address. Correct it on the settings page."}
	}
	u.RawQuery, u.User, u.Fragment = "", nil, ""
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, u.Scheme+"://"+u.Host+"/", nil)
	if err != nil {
		return finding{state: fail, subject: subject, text: sentenceOf(err)}
	}
	res, err := client.Do(req)
	if err != nil {
		return finding{state: fail, subject: subject, text: sentenceOf(fmt.Errorf("%s does not answer: %w", u.Host, cause(err)))}
	}
	_ = res.Body.Close()
	return finding{state: pass, subject: subject, text: u.Host + " answers."}
}

// cause leaves out the address that Go's client puts before an error.
func cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// ask makes one request that follows no redirect, and reads the beginning of its answer.
func ask(ctx context.Context, method, address string, form url.Values) (int, http.Header, []byte, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("ask the issuer: %w", err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := &http.Client{Timeout: doctorTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("the issuer does not answer: %w", cause(err))
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("the issuer's answer broke off: %w", err)
	}
	return res.StatusCode, res.Header, answer, nil
}

// sentenceOf is an error as a sentence of the list.
func sentenceOf(err error) string {
	text := strings.TrimSuffix(strings.ReplaceAll(err.Error(), "\n", " "), ".")
	if first, _, _ := strings.Cut(text, " "); strings.ContainsAny(first, ".:") {
		return text + "." // it begins with an address
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
