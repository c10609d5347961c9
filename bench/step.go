package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/devpg"
)

const measuredStep = "data-sources"

// answer is the text of the customer's n-th post: each changes the answer. Each comes from another address, since one
// address may not post as fast as this.
func (l *lab) answer(c *customer, client, n int) []byte {
	form := url.Values{"version": {strconv.Itoa(c.version + n)}, "datasets": {fmt.Sprintf("acme-data-prod.sales%d", n%2)}}
	from := fmt.Sprintf("10.%d.%d.%d", 100+client, n>>8&255, n&255)
	return l.form(c, from, "/o/"+string(c.ob)+"/step/"+measuredStep, form.Encode())
}

// measureStep compares a step that is posted, checked, saved and audited with the statements that the database saw of
// such a post, sent by pgbench.
func measureStep(ctx context.Context, l *lab) ([]row, error) {
	if err := l.site(ctx); err != nil {
		return nil, err
	}
	people := l.people
	h, err := dial(ctx, l.base)
	if err != nil {
		return nil, err
	}
	defer h.close()
	post := func(n int) error {
		status, _, err := h.do(l.answer(people[0], 0, n))
		if err != nil || status != http.StatusSeeOther {
			return fmt.Errorf("post %s: %d, %w", measuredStep, status, err)
		}
		return nil
	}
	if err := post(0); err != nil { // what is asked for the first time alone is asked now
		return nil, err
	}
	said, err := l.overhear(ctx, func() error { return post(1) })
	if err != nil {
		return nil, err
	}
	people[0].version++
	script, trips, statements, err := l.script(ctx, people, said)
	if err != nil {
		return nil, err
	}
	people[0].version++
	posts := func(ctx context.Context, d time.Duration) (float64, error) {
		if err := l.versions(ctx, people); err != nil {
			return 0, err
		}
		return ask(l.base, func(client, n int) ([]byte, int) { return l.answer(people[client], client, n), http.StatusSeeOther })(ctx, d)
	}
	same := func(ctx context.Context, d time.Duration) (float64, error) {
		if err := l.exec(ctx, `UPDATE bench_clients b SET version = o.version FROM onboardings o WHERE o.id = b.ob`); err != nil {
			return 0, err
		}
		before, err := l.saved(ctx)
		if err != nil {
			return 0, err
		}
		rate, did, err := l.pgbench(ctx, clients, d, script...)
		if err != nil {
			return 0, err
		}
		after, err := l.saved(ctx)
		if err == nil && after-before != did {
			err = fmt.Errorf("pgbench made %d transactions and saved %d answers", did, after-before)
		}
		return rate, err
	}
	var ours spent
	ratios, posted, sent, err := l.ratios(ctx, l.costs(l.server.Process.Pid, posts, &ours), same)
	if err != nil {
		return nil, err
	}
	return []row{row{
		What: "POST a step", Against: "pgbench with the same SQL", Goal: 0.60, Beyond: 0.70, AtLeast: true,
		Measured: fmt.Sprintf("%.0f and %.0f a second, %d clients, %d statements in %d round trips; computed %v (server + database)", posted, sent, clients, statements, trips, ours),
	}.spread(ratios)}, nil
}

// versions reads the versions of the answers, which pgbench counted up.
func (l *lab) versions(ctx context.Context, people []*customer) error {
	for _, c := range people {
		ob, err := l.store.Onboarding(ctx, onboarding.System, c.ob)
		if err != nil {
			return err
		}
		c.version = ob.Version
	}
	return nil
}

// saved counts the answers that the histories tell of.
func (l *lab) saved(ctx context.Context) (n int, err error) {
	err = l.count(ctx, &n, `SELECT sum(seq) FROM audit_heads`)
	return n, err
}

// statement is one statement as the database executed it.
type statement struct {
	sql    string
	params []string // as text, or null
}

const null = "\x00"

// overhear notes every statement that the server's connections execute while do runs, by transaction.
func (l *lab) overhear(ctx context.Context, do func() error) (transactions [][]statement, err error) {
	if err := l.exec(ctx, `ALTER SYSTEM SET log_line_prefix = '%v %u '`); err != nil {
		return nil, err
	}
	if err := l.exec(ctx, `SELECT pg_reload_conf()`); err != nil {
		return nil, err
	}
	if err := l.tellStatements(ctx, "SET log_statement = 'all'"); err != nil {
		return nil, err
	}
	// The setting holds for new connections: the server gets some.
	if err := l.cut(ctx); err != nil {
		return nil, err
	}
	log := filepath.Join(l.dir, "pg", "log")
	before, err := os.ReadFile(log)
	if err != nil {
		return nil, fmt.Errorf("read the log of Postgres: %w", err)
	}
	err = do()
	err = errors.Join(err, l.tellStatements(ctx, "RESET log_statement"), l.cut(ctx))
	if err != nil {
		return nil, err
	}
	after, err := os.ReadFile(log)
	if err != nil {
		return nil, fmt.Errorf("read the log of Postgres: %w", err)
	}
	return heard(string(after[len(before):])), nil
}

// tellStatements sets whether the statements of the server's logins are logged.
func (l *lab) tellStatements(ctx context.Context, set string) error {
	for _, login := range []string{store.WorkerLogin, store.CustomerLogin, store.StaffLogin} {
		if err := l.exec(ctx, `ALTER ROLE `+login+` IN DATABASE `+database+` `+set); err != nil {
			return err
		}
	}
	return nil
}

// cut ends the server's connections and waits until it has new ones.
func (l *lab) cut(ctx context.Context) error {
	if err := l.exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'groundwork'`); err != nil {
		return err
	}
	if err := answers(ctx, l.server, l.base+"/healthz/ready"); err != nil {
		return err
	}
	// The other logins' connections are tried before they are used once they were idle for a second.
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(1500 * time.Millisecond):
		return nil
	}
}

var (
	logLine  = regexp.MustCompile(`(?m)^(\d+/\d+) (?:` + store.WorkerLogin + `|` + store.CustomerLogin + `|` + store.StaffLogin + `) (LOG|DETAIL):  `)
	executed = regexp.MustCompile(`(?s)^execute [^:]*: (.*)$`)
	param    = regexp.MustCompile(`(?s)\$(\d+) = ('(?:[^']|'')*'|NULL)`)
)

// heard reads the log: what each transaction executed, in the order of their beginnings.
func heard(log string) (transactions [][]statement) {
	at := map[string]int{}
	marks := logLine.FindAllStringSubmatchIndex(log, -1)
	for i, m := range marks {
		end := len(log)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		id, kind, text := log[m[2]:m[3]], log[m[4]:m[5]], strings.TrimSpace(log[m[1]:end])
		n, known := at[id]
		switch found := executed.FindStringSubmatch(text); {
		case kind == "LOG" && found != nil:
			if !known {
				n, at[id] = len(transactions), len(transactions)
				transactions = append(transactions, nil)
			}
			transactions[n] = append(transactions[n], statement{sql: found[1]})
		case kind == "DETAIL" && known:
			last := &transactions[n][len(transactions[n])-1]
			for _, p := range param.FindAllStringSubmatch(text, -1) {
				last.params = append(last.params, unquoted(p[2]))
			}
		}
	}
	return transactions
}

// unquoted is the value of a parameter as the log writes it.
func unquoted(literal string) string {
	if literal == "NULL" {
		return null
	}
	return strings.ReplaceAll(literal[1:len(literal)-1], "''", "'")
}

// Each client of pgbench looks once for what is its own.
const scriptStart = `\if :known
\else
SELECT email, account, token, ob, name, version FROM bench_clients WHERE n = :client_id \gset
\set known 1
\endif
`

// script writes the transactions of one customer's post as a script of pgbench, in which each client is another of the
// customers. Every other parameter is what the server sent. It returns pgbench's arguments. What the server did in the
// background speaks of no customer and is left out.
func (l *lab) script(ctx context.Context, people []*customer, said [][]statement) (args []string, trips, statements int, err error) {
	var token, account string
	err = l.owner(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, makeClients); err != nil {
			return err
		}
		for i, c := range people {
			if _, err := conn.Exec(ctx, `INSERT INTO bench_clients
				SELECT $1, $2, s.token, $3, $4, 0, m.account FROM sessions s JOIN members m ON m.onboarding = $3 AND m.email = $2 WHERE s.person = $2`, i, c.email, c.ob, c.name); err != nil {
				return err
			}
		}
		return conn.QueryRow(ctx, `SELECT token, account FROM bench_clients WHERE n = 0`).Scan(&token, &account)
	})
	if err != nil {
		return nil, 0, 0, fmt.Errorf("make the clients: %w", err)
	}
	own := map[string]string{people[0].email: "email", string(people[0].ob): "ob", people[0].name: "name", token: "token", account: "account"}
	version := strconv.Itoa(people[0].version)
	var b strings.Builder
	b.WriteString(scriptStart)
	versions := 0
	for _, t := range said {
		if !slices.ContainsFunc(t, func(s statement) bool {
			return slices.ContainsFunc(s.params, func(p string) bool { return own[p] != "" })
		}) {
			continue
		}
		trips++
		b.WriteString("\\startpipeline\n")
		for i, s := range t {
			statements++
			sql := strings.Join(strings.Fields(s.sql), " ")
			for n := len(s.params); n > 0; n-- { // $12 before $1
				value, name := s.params[n-1], own[s.params[n-1]]
				switch {
				case value == null:
					name = "NULL"
				case value == "": // pgbench has no empty variables
					name = "''"
				case value == version && strings.HasPrefix(sql, "WITH o AS ( UPDATE"):
					versions++
					name = ":version"
				case name != "":
					name = ":" + name
				default:
					name = fmt.Sprintf("p_%d_%d_%d", trips, i, n)
					args = append(args, "-D", name+"="+value)
					name = ":" + name
				}
				sql = strings.ReplaceAll(sql, "$"+strconv.Itoa(n), name)
			}
			b.WriteString(sql + ";\n")
		}
		b.WriteString("\\endpipeline\n")
	}
	if versions != 1 {
		return nil, 0, 0, fmt.Errorf("the statements of a post name the version %d times:\n%s", versions, b.String())
	}
	b.WriteString("\\set version :version + 1\n")
	path := filepath.Join(l.dir, "step.sql")
	return append(args, "-D", "known=0", "-f", path), trips, statements, os.WriteFile(path, []byte(b.String()), 0o600)
}

const makeClients = `
CREATE TABLE bench_clients (n integer PRIMARY KEY, email text, token text, ob text, name text, version integer, account text);`

// tool finds a program of Postgres, which Debian keeps beside the server, out of the path.
func tool(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // the pattern is sound
	if len(found) == 0 {
		return "", fmt.Errorf("%s is not on this machine: install it with %s", name, devpg.Install)
	}
	return found[len(found)-1], nil
}

var did = regexp.MustCompile(`(?s)number of transactions actually processed: (\d+).*tps = ([\d.]+) \(without initial connection time\)`)

// pgbench runs a script and says how many transactions a second it made, and how many in all.
func (l *lab) pgbench(ctx context.Context, n int, d time.Duration, args ...string) (rate float64, all int, err error) {
	program, err := tool("pgbench")
	if err != nil {
		return 0, 0, err
	}
	args = slices.Concat([]string{
		"-n", "-M", "prepared", "-c", strconv.Itoa(n), "-j", "2", "-T", strconv.Itoa(max(1, int(d.Seconds()))),
		"-h", l.pg.SocketDir(), "-U", devpg.Owner, // who may take each role that the server's logins have
	}, args, []string{database})
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	m := did.FindStringSubmatch(string(out))
	if err != nil || m == nil {
		return 0, 0, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	if all, err = strconv.Atoi(m[1]); err != nil {
		return 0, 0, err
	}
	rate, err = strconv.ParseFloat(m[2], 64)
	return rate, all, err
}
