package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"syscall"

	"github.com/go-chi/chi/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"groundwork/store"
)

// baselineEnv holds the database's address for a process of this program that serves what pages are compared with.
const baselineEnv = "GROUNDWORK_BENCH_BASELINE"

// fortune is a row of the well-known benchmark's page.
type fortune struct {
	ID      int
	Message string
}

// makeFortunes makes their table: twelve rows.
const makeFortunes = `
CREATE TABLE fortunes (id integer PRIMARY KEY, message text NOT NULL);
GRANT SELECT ON fortunes TO groundwork_app;
INSERT INTO fortunes VALUES
	(1, 'fortune: No such file or directory'),
	(2, 'A computer scientist is someone who fixes things that aren''t broken.'),
	(3, 'After enough decimal places, nobody gives a damn.'),
	(4, 'A bad random number generator: 1, 1, 1, 1, 1, 4.33e+67, 1, 1, 1'),
	(5, 'A computer program does what you tell it to do, not what you want it to do.'),
	(6, 'Emacs is a nice operating system, but I prefer UNIX. — Tom Christaensen'),
	(7, 'Any program that runs right is obsolete.'),
	(8, 'A list is only as strong as its weakest link. — Donald Knuth'),
	(9, 'Feature: A bug with seniority.'),
	(10, 'Computers make very fast, very accurate mistakes.'),
	(11, '<script>alert("This should not be displayed in a browser alert box.");</script>'),
	(12, 'フレームワークのベンチマーク');`

// baseline serves /fortunes (chi, pgx, templ; nothing else around it) and, behind no router, / as the start page
// answers a stranger.
func baseline() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := pgxpool.ParseConfig(os.Getenv(baselineEnv))
	if err != nil {
		return fmt.Errorf("read the database URL: %w", err)
	}
	cfg.MaxConns = 20 // as many as the server has
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer pool.Close()
	buffers := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	pages := chi.NewRouter()
	pages.Get("/fortunes", func(w http.ResponseWriter, r *http.Request) {
		rows, err := pool.Query(r.Context(), `SELECT id, message FROM fortunes`)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[fortune])
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		all = append(all, fortune{0, "Additional fortune added at request time."})
		slices.SortFunc(all, func(a, b fortune) int { return cmp.Compare(a.Message, b.Message) })
		buf := buffers.Get().(*bytes.Buffer)
		buf.Reset()
		defer buffers.Put(buf)
		if err := fortunesPage(all).Render(r.Context(), buf); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
		_, _ = w.Write(buf.Bytes()) // nobody is left to tell
	})
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/signin", http.StatusSeeOther)
			return
		}
		pages.ServeHTTP(w, r)
	})
	server := &http.Server{Addr: os.Getenv("ADDR"), Handler: bare} //nolint:gosec // for loopback alone
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// besides starts the baseline beside the server.
func (l *lab) besides(ctx context.Context) error {
	if err := l.exec(ctx, makeFortunes); err != nil {
		return fmt.Errorf("make the fortunes: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	addr, err := freeAddr(ctx)
	if err != nil {
		return err
	}
	l.baseline.base = "http://" + addr
	l.baseline.process, err = l.start("baseline", []string{baselineEnv + "=" + l.pg.URL(store.AppRole, database), "ADDR=" + addr}, self)
	if err != nil {
		return err
	}
	return answers(ctx, l.baseline.process, l.baseline.base+"/fortunes")
}
