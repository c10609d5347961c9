// Package store keeps onboardings, people, consents, runs and the audit in Postgres. An exported method is one
// use case and one transaction; who may see a row is in its WHERE, and row-level security stands behind it.
//
// It knows no HTTP, no HTML, no wizard step and no Google: it sees answers as JSON and secrets sealed.
// The errors of its methods are [onboarding.Error]s with a sentence.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"groundwork/onboarding"
)

// The database's roles, which migrations make.
const (
	CustomerLogin = "groundwork_customer" // logs in; sees the rows of one actor, and can't take another role
	StaffLogin    = "groundwork_console"  // logs in; sees all onboardings and nothing sealed, writes what the vendor's people write, and can't take another role
	WorkerLogin   = "groundwork_worker"   // logs in; sees all, writes what the background writes, and can't take another role
	// Of earlier versions, and of installations that have no passwords for the three.
	AppRole   = "groundwork_app"   // logs in; sees the rows of one actor
	StaffRole = "groundwork_staff" // taken by AppRole for one transaction, after the role check; sees all
)

// acquireTimeout bounds the wait for a connection; after it the caller answers 503 rather than piling up.
const acquireTimeout = 5 * time.Second

// Config says where the database is.
type Config struct {
	// URL connects as [WorkerLogin]: what acts as the system goes there. As [AppRole] it serves everybody who has no login
	// below, as in earlier versions.
	URL string
	// CustomerURL connects as [CustomerLogin]. What has a customer's or nobody's rights goes there, so that nothing in it
	// can become staff.
	CustomerURL string
	StaffURL    string // connects as [StaffLogin]: what the vendor's people ask
	MaxConns    int32  // of all together; 0: pgxpool's default for each
	// Now is the clock of invites and other dates that people see. nil: the database's. The ledger, liveness and jobs
	// use the database's clock always, since all servers share it.
	Now func() time.Time
	// Settings are the values that the environment gives, by the name of the setting, where no administrator saved another.
	Settings map[string]string
	// Authenticator makes the codes of runs and consents, which the provisioner asks for before it opens an access. nil:
	// they get none, for commands that start no run and keep no consent.
	Authenticator onboarding.Authenticator
	// Logger gets what no caller can be told: lost connections of the background. nil: slog.Default.
	Logger *slog.Logger
}

// Store is the database. Make one with [Open].
type Store struct {
	pool      *pgxpool.Pool // of the system
	customers *pgxpool.Pool // of customers and of what is nobody's; the same where there is one login
	staff     *pgxpool.Pool // nil: none, for commands that are the system
	system    string        // the role of each
	customer  string
	console   string
	clock     *clock
	now       func() time.Time
	macs      onboarding.Authenticator // nil: none
	log       *slog.Logger
	jobs      *river.Client[pgx.Tx] // inserts only
	changes   *changes

	environment map[string]string // [Config.Settings]

	ledger batcher // its writes
}

// Open connects. It does not migrate: see [Migrate].
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	s := &Store{clock: &clock{}, macs: cfg.Authenticator, log: cfg.Logger, environment: cfg.Settings}
	if err := s.connect(ctx, cfg); err != nil {
		s.disconnect()
		return nil, err
	}
	if s.now = cfg.Now; s.now == nil {
		s.now = s.clock.Now
	}
	inserts := &river.Config{Logger: slog.New(slog.DiscardHandler), Hooks: []rivertype.Hook{&dueNow{}}}
	var err error
	if s.jobs, err = river.NewClient(riverpgxv5.New(s.pool), inserts); err != nil {
		s.disconnect()
		return nil, fmt.Errorf("make the client that inserts jobs: %w", err)
	}
	s.ledger.store = s
	s.changes = newChanges(s.pool.Config().ConnConfig.Copy(), s)
	return s, nil
}

// connect opens the pools.
func (s *Store) connect(ctx context.Context, cfg Config) (err error) {
	system, customers, staff := cfg.shares()
	var bridge bool
	if s.pool, bridge, err = connect(ctx, cfg.URL, system); err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	if err := s.clock.read(ctx, s.pool, `SELECT clock_timestamp()`); err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	// Without a login of their own, people are served by one that may take their roles, or not at all.
	s.system, s.customer, s.console, s.customers = WorkerLogin, CustomerLogin, StaffLogin, s.pool
	if bridge {
		s.system, s.customer, s.console, s.staff = StaffRole, AppRole, StaffRole, s.pool
	}
	if cfg.CustomerURL != "" {
		s.customer = CustomerLogin
		if s.customers, err = connectWalled(ctx, "customers", cfg.CustomerURL, CustomerLogin, customers); err != nil {
			return err
		}
	}
	if cfg.StaffURL != "" {
		s.console = StaffLogin
		if s.staff, err = connectWalled(ctx, "the staff", cfg.StaffURL, StaffLogin, staff); err != nil {
			return err
		}
	}
	return nil
}

// disconnect closes the pools. Closing one twice is fine.
func (s *Store) disconnect() {
	for _, pool := range []*pgxpool.Pool{s.staff, s.customers, s.pool} {
		if pool != nil {
			pool.Close()
		}
	}
}

// named says how this program connects.
func named(pc *pgxpool.Config) {
	pc.ConnConfig.ConnectTimeout = acquireTimeout
	if pc.ConnConfig.RuntimeParams["application_name"] == "" {
		pc.ConnConfig.RuntimeParams["application_name"] = "groundwork"
	}
}

// Close ends the background and the connections. Watches end with their own contexts.
func (s *Store) Close() {
	s.changes.close()
	s.disconnect()
}

// Now is the time by which this process dates what it stores: the database's, unless [Config] has another.
func (s *Store) Now() time.Time { return s.now() }

// Pool is only for tests and River; everything else is a use case.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Pools are all connections, only for tests.
func (s *Store) Pools() []*pgxpool.Pool { return []*pgxpool.Pool{s.pool, s.customers, s.staff} }

// errNoConnection says that nothing was sent to the database.
var errNoConnection = errors.New("wait for a connection")

// acquire takes a connection of a login that may do what the actor may.
func (s *Store) acquire(ctx context.Context, actor onboarding.Actor) (*pgxpool.Conn, error) {
	pool := s.customers
	switch {
	case actor.Role == onboarding.RoleSystem:
		pool = s.pool
	case actor.Role.Staff():
		pool = s.staff
	}
	if pool == nil {
		return nil, failure("take a connection", errors.New("this command has no login of the staff"))
	}
	wait, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	conn, err := pool.Acquire(wait)
	if err != nil {
		return nil, unavailable(fmt.Errorf("%w: %w", errNoConnection, err))
	}
	return conn, nil
}

// become takes the role and the actor for one transaction, in one statement that needs no transaction block.
const become = `SELECT set_config('role', @role, true), set_config('groundwork.actor', @actor, true), set_config('groundwork.account', @account, true)`

func (s *Store) as(actor onboarding.Actor) pgx.NamedArgs {
	role := s.customer
	switch {
	case actor.Role == onboarding.RoleSystem:
		role = s.system
	case actor.Role.Staff():
		role = s.console
	}
	return pgx.NamedArgs{"role": role, "actor": actor.Email, "account": actor.Account}
}

// batch runs statements in one round trip and one transaction, as the actor: a pipeline that has one Sync is a
// transaction to Postgres. What the callbacks return can't undo it, so a statement must decide for itself
// whether it writes.
func (s *Store) batch(ctx context.Context, actor onboarding.Actor, what string, fill func(*pgx.Batch)) error {
	conn, err := s.acquire(ctx, actor)
	if err != nil {
		return err
	}
	defer conn.Release()
	return failure(what, onceMore(func() error {
		var b pgx.Batch
		b.Queue(become, s.as(actor))
		fill(&b)
		rememberNames(&b)
		return conn.SendBatch(ctx, &b).Close()
	}))
}

// query runs one statement as the application itself, for what belongs to no onboarding.
func (s *Store) query(ctx context.Context, what, sql string, args pgx.NamedArgs, read func(pgx.Rows) error) error {
	conn, err := s.acquire(ctx, app)
	if err != nil {
		return err
	}
	defer conn.Release()
	rows, err := conn.Query(ctx, sql, byName(args))
	if err == nil {
		err = read(rows)
	}
	return failure(what, err)
}

// snapshot reads in one transaction, all of whose statements see the database of one moment.
func (s *Store) snapshot(ctx context.Context, actor onboarding.Actor, what string, do func(pgx.Tx) error) error {
	return failure(what, s.begin(ctx, actor, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, do))
}

// begin runs a transaction as the actor.
func (s *Store) begin(ctx context.Context, actor onboarding.Actor, options pgx.TxOptions, do func(pgx.Tx) error) error {
	conn, err := s.acquire(ctx, actor)
	if err != nil {
		return err
	}
	defer conn.Release()
	return onceMore(func() error {
		return pgx.BeginTxFunc(ctx, conn, options, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, become, byName(s.as(actor))); err != nil {
				return err
			}
			return do(tx)
		})
	})
}

// onceMore repeats a transaction that Postgres took back whole, because another came in its way. What is done in it
// must be fit to be done twice: it only assigns what it reads.
func onceMore(do func() error) error {
	err := do()
	if inTheWay(err) {
		err = do()
	}
	return err
}

// inTheWay reports whether Postgres ended a transaction for another's sake.
func inTheWay(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// readOnly reports whether a write was refused since the database takes none for now.
func readOnly(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "25006"
}

func unavailable(err error) error {
	return &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "The service is busy, so this didn't go through. Try again in a few seconds.", Err: err}
}

// failure turns what the database said into an [onboarding.Error]; one that is already passes.
func failure(what string, err error) error {
	if err == nil {
		return nil
	}
	var known *onboarding.Error
	if errors.As(err, &known) {
		return err
	}
	err = fmt.Errorf("%s: %w", what, err)
	var pg *pgconn.PgError
	var network net.Error
	switch {
	case errors.As(err, &pg):
		switch {
		case pg.Code == "22021" || pg.Code == "22P05": // a byte or NUL that text can't hold
			return &onboarding.Error{Code: onboarding.CodeInvalid, Message: "The text contains a character that can't be saved. Type it again without it.", Err: err}
		case pg.Code == quotaExceeded:
			return tooMany(pg, err)
		case pg.Code == "25006":
			return &onboarding.Error{Code: onboarding.CodeUnavailable, Message: "The service is temporarily read-only, so this wasn't saved. You can keep reading. Try again in a few minutes.", Err: fmt.Errorf("%w: %w", onboarding.ErrReadOnly, err)}
		// 57014: a statement that was canceled or took too long; 25P03: a transaction that was idle for too long.
		case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "57"), inTheWay(pg), pg.Code == "55P03", pg.Code == "25P03":
			return unavailable(err)
		}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network), pgconn.SafeToRetry(err),
		strings.Contains(err.Error(), "conn closed"), strings.Contains(err.Error(), "unexpected EOF"):
		return unavailable(err)
	}
	return &onboarding.Error{Code: onboarding.CodeInternal, Message: "Something went wrong on our side. It was recorded; try again, and tell your specialist if it happens twice.", Err: err}
}

// quotaExceeded is the error of the trigger that counts what the customer's side writes into a history. Its detail is how
// many seconds to wait.
const quotaExceeded = "GW429"

func tooMany(pg *pgconn.PgError, err error) error {
	seconds, _ := strconv.Atoi(pg.Detail)
	after := time.Duration(max(1, seconds)) * time.Second
	wait := fmt.Sprintf("%d seconds", int(after.Seconds()))
	if minutes := int(after.Minutes()) + 1; minutes >= 120 {
		wait = fmt.Sprintf("%d hours", minutes/60+1)
	} else if after > time.Minute {
		wait = fmt.Sprintf("%d minutes", minutes)
	}
	return &onboarding.Error{Code: onboarding.CodeTooMany, Message: "This onboarding was changed too many times, so this wasn't saved. Try again in " + wait + ".", Err: err, After: after}
}

func notFound(what string) error {
	return onboarding.Errorf(onboarding.CodeNotFound, "There is no such %s, or it isn't yours. Check the address, or sign in with the account that was invited.", what)
}

func duplicate(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505" && pg.ConstraintName == constraint
}

func later(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func address(email string) string { return strings.ToLower(strings.TrimSpace(email)) }
