package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/devpg"
	"groundwork/vault"
)

const database = "groundwork"

// build builds the program as it is shipped, unless there is one.
func build(ctx context.Context, made string) (program string, remove func(), err error) {
	if made != "" {
		return made, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "gw-bench-")
	if err != nil {
		return "", nil, fmt.Errorf("make a folder for the program: %w", err)
	}
	program = filepath.Join(dir, "groundwork")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, "groundwork/cmd/server")
	if out, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return program, func() { os.RemoveAll(dir) }, nil
}

// lab is Groundwork as a vendor runs it: a Postgres that keeps what it is told, the emulated provider, one server.
type lab struct {
	options
	program  string
	progress io.Writer

	dir      string
	pg       *devpg.Server
	store    *store.Store // for putting things there, beside the server
	vault    *vault.Vault // authenticates runs: no other is executed
	cloud    string       // the emulator's address
	base     string       // the server's
	env      []string     // of a server
	server   *process
	running  []*process
	n        int // people so far
	baseline struct {
		*process
		base string
	}
	people []*customer // signed in, one a client
}

// open starts Postgres, the first time.
func (l *lab) open(ctx context.Context) (err error) {
	if l.pg != nil {
		return nil
	}
	// Not os.TempDir: Postgres runs as another user where we are root.
	if l.dir, err = os.MkdirTemp("/var/tmp", "gw-bench-"); err != nil {
		return fmt.Errorf("make a folder for Postgres: %w", err)
	}
	if err := os.Chmod(l.dir, 0o755); err != nil {
		return fmt.Errorf("open the folder to Postgres: %w", err)
	}
	if l.pg, err = devpg.Start(ctx, devpg.Config{Dir: filepath.Join(l.dir, "pg")}); err != nil {
		return err
	}
	if err := l.pg.EnsureDatabase(ctx, database); err != nil {
		return err
	}
	if err := store.Migrate(ctx, l.pg.URL(devpg.Owner, database)); err != nil {
		return err
	}
	// The clients post far more often than a customer may.
	for _, name := range []string{"lines_a_minute", "bytes_a_day"} {
		if err := l.exec(ctx, `ALTER DATABASE `+database+` SET groundwork.`+name+` = 1000000000`); err != nil {
			return err
		}
	}
	keyset, err := vault.Generate()
	if err != nil {
		return err
	}
	if l.vault, err = vault.New(keyset); err != nil {
		return err
	}
	l.store, err = store.Open(ctx, store.Config{
		URL: l.pg.URL(store.WorkerLogin, database) + "&application_name=bench", CustomerURL: l.pg.URL(store.CustomerLogin, database) + "&application_name=bench",
		StaffURL: l.pg.URL(store.StaffLogin, database) + "&application_name=bench", MaxConns: 80, Authenticator: l.vault,
	})
	return err
}

// close ends everything that was started, the last first.
func (l *lab) close() error {
	var problems []error
	for i := len(l.running) - 1; i >= 0; i-- {
		problems = append(problems, l.running[i].stop())
	}
	if l.store != nil {
		l.store.Close()
	}
	if l.pg != nil {
		problems = append(problems, l.pg.Stop())
	}
	if l.dir != "" {
		problems = append(problems, os.RemoveAll(l.dir))
	}
	return errors.Join(problems...)
}

// owner does something in the database as its owner, behind the policies.
func (l *lab) owner(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, l.pg.URL(devpg.Owner, database))
	if err != nil {
		return fmt.Errorf("connect as the owner: %w", err)
	}
	defer conn.Close(ctx)
	return do(conn)
}

func (l *lab) exec(ctx context.Context, sql string, args ...any) error {
	return l.owner(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	})
}

// count reads one number as the owner.
func (l *lab) count(ctx context.Context, n *int, sql string) error {
	return l.owner(ctx, func(conn *pgx.Conn) error { return conn.QueryRow(ctx, sql).Scan(n) })
}

// process is a started program.
type process struct {
	*exec.Cmd
	name  string
	log   *os.File
	ended chan struct{}
	err   error // how it ended; read after ended closes
}

// start starts a program whose output goes to a file.
func (l *lab) start(name string, env []string, program string, args ...string) (*process, error) {
	log, err := os.Create(filepath.Join(l.dir, fmt.Sprintf("%s-%d.log", name, len(l.running))))
	if err != nil {
		return nil, fmt.Errorf("make the log of %s: %w", name, err)
	}
	p := &process{Cmd: exec.Command(program, args...), name: name, log: log, ended: make(chan struct{})} //nolint:noctx // it is stopped in order
	p.Env = append(os.Environ(), env...)
	p.Stdout, p.Stderr = log, log
	if err := p.Start(); err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.Wait()
		close(p.ended)
	}()
	l.running = append(l.running, p)
	return p, nil
}

// stop ends the process in order, and says when that went wrong. It may be called more than once.
func (p *process) stop() error {
	defer p.log.Close()                   //nolint:errcheck // it was written by another process
	_ = p.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		_ = p.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s did not stop within 20 s", p.name)
	}
	var exit *exec.ExitError
	if errors.As(p.err, &exit) && exit.ExitCode() > 0 {
		text, _ := os.ReadFile(p.log.Name()) // what there is of it
		return fmt.Errorf("%s ended with %w: %s", p.name, p.err, text[max(0, len(text)-2000):])
	}
	return nil
}

// freeAddr is a loopback address that nobody listened on a moment ago.
func freeAddr(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// answers waits until an address answers with 200.
func answers(ctx context.Context, p *process, address string) error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		if get(ctx, address) == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended: %w", p.name, p.stop())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond): // between two looks at another process
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer", address)
		}
	}
}

func get(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, resp.Status)
	}
	return nil
}

// serve starts the emulator and the server, as production configures it: behind a proxy on this machine, so that each
// client states an address of its own and the limits of requests are those of as many people. The first time.
func (l *lab) serve(ctx context.Context) error {
	if err := l.open(ctx); err != nil || l.server != nil {
		return err
	}
	cloud, err := freeAddr(ctx)
	if err != nil {
		return err
	}
	site, err := freeAddr(ctx)
	if err != nil {
		return err
	}
	l.cloud, l.base = "http://"+cloud, "http://"+site
	p, err := l.start("emulator", nil, l.program, "emulator", "--world", "--addr", cloud, "--speed", "0s", "--sites", l.base)
	if err != nil {
		return err
	}
	if err := answers(ctx, p, l.cloud+"/.well-known/openid-configuration"); err != nil {
		return err
	}
	keyset, err := exec.CommandContext(ctx, l.program, "keygen").Output()
	if err != nil {
		return fmt.Errorf("make a keyset: %w", err)
	}
	l.env = []string{
		"ADDR=" + site, "BASE_URL=" + l.base, "DATABASE_URL=" + l.pg.URL(store.WorkerLogin, database), "DATABASE_CUSTOMER_URL=" + l.pg.URL(store.CustomerLogin, database),
		"DATABASE_STAFF_URL=" + l.pg.URL(store.StaffLogin, database), "EMULATOR_URL=" + l.cloud,
		"KEYSET=" + string(keyset), "ADMINISTRATORS=kim@vendor.example", "TRUSTED_PROXIES=127.0.0.1/32",
		"PAGE_LIMIT=-1", "CLOUD_LIMIT=-1",
	}
	if l.server, err = l.start("server", l.env, l.program, "serve"); err != nil {
		return err
	}
	return answers(ctx, l.server, l.base+"/healthz/ready")
}

// customer is a person with an onboarding of their own, signed in.
type customer struct {
	name    string // of the deployment
	email   string
	from    string // the address that they come from
	ob      onboarding.ID
	cookie  string // the header's value
	version int    // of the answers
}

// onboarded makes an onboarding and its customer.
func (l *lab) onboarded(ctx context.Context) (*customer, error) {
	l.n++
	name := fmt.Sprintf("bench-%05d", l.n)
	c := &customer{name: name, email: "it@" + name + ".example", from: fmt.Sprintf("10.%d.%d.%d", l.n>>16&255, l.n>>8&255, l.n&255)}
	id, err := onboarding.NewID(rand.Reader)
	if err != nil {
		return nil, err
	}
	kim := onboarding.Actor{Email: "kim@vendor.example", Role: onboarding.RoleAdministrator}
	ob, token, err := l.store.CreateOnboarding(ctx, kim, onboarding.NewOnboarding{
		ID: id, Customer: name, OwnerEmail: c.email,
		Vendor: onboarding.VendorValues{ProposedName: name, ControlPlaneAccount: "tecton-" + name + "-control-plane@tecton-demo-control.iam.gserviceaccount.com"},
	})
	if err != nil {
		return nil, err
	}
	c.ob, c.version = id, ob.Version
	_, err = l.store.AcceptInvite(ctx, token, onboarding.Actor{Email: c.email})
	return c, err
}

// customer is an onboarded one who signed in with the emulated provider.
func (l *lab) customer(ctx context.Context) (*customer, error) {
	c, err := l.onboarded(ctx)
	if err != nil {
		return nil, err
	}
	person, err := json.Marshal(map[string]string{"email": c.email, "name": c.name, "domain": c.name + ".example"})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.cloud+"/_emulator/people", bytes.NewReader(person))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if _, _, err := follow(http.DefaultClient, req); err != nil {
		return nil, fmt.Errorf("add %s: %w", c.email, err)
	}
	return c, l.signIn(ctx, c)
}

// signIn gets a session through the provider's pages.
func (l *lab) signIn(ctx context.Context, c *customer) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	next := l.base + "/signin/start"
	for range 3 { // our start, the provider, our callback
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, next, nil)
		if err != nil {
			return err
		}
		if strings.HasPrefix(next, l.base) {
			req.Header.Set("X-Forwarded-For", c.from)
		}
		_, to, err := follow(client, req)
		if err != nil || to == nil {
			return fmt.Errorf("sign %s in at %s: %w", c.email, req.URL.Path, errors.Join(err, errors.New("it leads nowhere")))
		}
		if strings.HasPrefix(to.String(), l.cloud) {
			q := to.Query()
			q.Set("account", c.email)
			to.RawQuery = q.Encode()
		}
		next = to.String()
	}
	base, err := url.Parse(l.base)
	if err != nil {
		return err
	}
	for _, k := range jar.Cookies(base) {
		c.cookie = k.Name + "=" + k.Value
	}
	if c.cookie == "" {
		return fmt.Errorf("sign %s in: there is no session", c.email)
	}
	return nil
}

// follow makes a request and says where its answer leads, nil for nowhere.
func follow(client *http.Client, req *http.Request) (status int, to *url.URL, err error) {
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return resp.StatusCode, nil, fmt.Errorf("%s answers %s", req.URL.Path, resp.Status)
	}
	if to, err = resp.Location(); errors.Is(err, http.ErrNoLocation) {
		return resp.StatusCode, nil, nil
	}
	return resp.StatusCode, to, err
}
