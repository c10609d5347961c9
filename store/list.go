package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const (
	defaultLimit = 50
	maxLimit     = 1000
	countLimit   = 10_000 // counting what a search or person finds stops here
	trigram      = 3      // characters that the search's index needs
)

// order is one way to sort: the key's SQL, its index has the same expression, and its direction.
type order struct {
	key, cast  string
	descending bool
}

var orders = map[string]order{
	"":          {"o.activity_at", "timestamptz", true},
	"-activity": {"o.activity_at", "timestamptz", true},
	"activity":  {"o.activity_at", "timestamptz", false},
	"customer":  {"lower(o.customer)", "text", false},
	"-customer": {"lower(o.customer)", "text", true},
	"waiting":   {"coalesce(o.waiting_since, 'infinity'::timestamptz)", "timestamptz", false},
}

// cursor names a place in one order, between two rows.
type cursor struct {
	Sort string        `json:"s"`
	Key  string        `json:"k"`
	ID   onboarding.ID `json:"i"`
	Back bool          `json:"b,omitempty"` // towards the first page
}

func (c cursor) String() string {
	b, _ := json.Marshal(c) // three strings and a bool
	return base64.RawURLEncoding.EncodeToString(b)
}

func readCursor(s, sort string) (cursor, error) {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil || c.Sort != sort {
		return c, onboarding.Errorf(onboarding.CodeInvalid, "The address of this page of the list is not complete. Go back to the first page.")
	}
	if orders[sort].cast == "timestamptz" && c.Key != "infinity" {
		if _, err := time.Parse(time.RFC3339Nano, c.Key); err != nil {
			return c, onboarding.Errorf(onboarding.CodeInvalid, "The address of this page of the list is not complete. Go back to the first page.")
		}
	}
	return c, nil
}

var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// where is the filter as SQL without its status, and its arguments.
func where(f onboarding.Filter) (string, pgx.NamedArgs) {
	sql, args := "NOT o.archived", pgx.NamedArgs{}
	if search := strings.ToLower(strings.TrimSpace(f.Search)); search != "" {
		sql += " AND o.search LIKE @search"
		args["search"] = "%" + likeEscape.Replace(search) + "%"
	}
	if f.Specialist != "" {
		sql += " AND o.specialist = @specialist"
		args["specialist"] = address(f.Specialist)
		if f.Specialist == "none" {
			args["specialist"] = ""
		}
	}
	if f.Waiting != "" {
		sql += " AND o.waiting_on = @waiting"
		args["waiting"] = f.Waiting
	}
	return sql, args
}

// plain is true when the filter without its status finds everything, whose numbers the counters know.
func plain(f onboarding.Filter) bool {
	return strings.TrimSpace(f.Search) == "" && f.Specialist == "" && f.Waiting == ""
}

const sumCounters = `SELECT status, sum(n)::bigint AS n FROM onboarding_counts GROUP BY status`

func countSQL(f onboarding.Filter) (string, pgx.NamedArgs) {
	if plain(f) {
		return sumCounters, nil
	}
	sql, args := where(f)
	args["most"] = countLimit + 1
	return `SELECT status, count(*) AS n FROM (SELECT o.status FROM onboardings o WHERE ` + sql + ` LIMIT @most) found GROUP BY status`, args
}

// pageSQL reads one row more than the page holds. few: the search finds so little that it is sorted after it was
// found by its index; else the order's index is walked, which meets a match soon. The planner would have to guess.
func pageSQL(f onboarding.Filter, at cursor, few bool) (string, pgx.NamedArgs) {
	o := orders[f.Sort]
	cond, args := where(f)
	if f.Status != "" {
		cond += " AND o.status = @status"
		args["status"] = f.Status
	}
	descending := o.descending != at.Back
	compare, direction := " > ", " ASC"
	if descending {
		compare, direction = " < ", " DESC"
	}
	from := "onboardings o"
	if few {
		from = "(SELECT * FROM onboardings o WHERE " + cond + " OFFSET 0) o" // OFFSET 0 keeps the two apart
		cond = "true"
	}
	if at.ID != "" {
		cond += " AND (" + o.key + ", o.id)" + compare + "(@key::" + o.cast + ", @after::text)"
		args["key"], args["after"] = at.Key, at.ID
		if o.cast == "timestamptz" && at.Key != "infinity" {
			args["key"], _ = time.Parse(time.RFC3339Nano, at.Key) // readCursor has seen to it
		}
	}
	args["limit"] = f.Limit + 1
	return `SELECT ` + onboardingColumns + ` FROM ` + from + ` WHERE ` + cond +
		` ORDER BY ` + o.key + direction + `, o.id` + direction + ` LIMIT @limit`, args
}

const (
	// A LIMIT makes a walk through the whole table look cheap; for a rare text it is not.
	countBySearch = `SELECT set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true)`
	readBySearch  = `SELECT set_config('enable_seqscan', CASE WHEN @walk THEN 'on' ELSE 'off' END, true), set_config('enable_indexscan', 'on', true)`
)

// Each call is planned for its own arguments: a plan for any search would not know that this one finds little.
const planned = pgx.QueryExecModeCacheDescribe

// ListOnboardings is a page of the specialists' list, with the numbers of the tabs. For staff alone.
// CodeInvalid for a sort, status or cursor that isn't one.
func (s *Store) ListOnboardings(ctx context.Context, actor onboarding.Actor, f onboarding.Filter) (onboarding.Page, error) {
	if err := staffOnly(actor); err != nil {
		return onboarding.Page{}, err
	}
	if _, ok := orders[f.Sort]; !ok {
		return onboarding.Page{}, onboarding.Errorf(onboarding.CodeInvalid, "The list can't be sorted by that. Choose activity, customer or waiting.")
	}
	if f.Status != "" && !slices.Contains(onboarding.Statuses, f.Status) {
		return onboarding.Page{}, onboarding.Errorf(onboarding.CodeInvalid, "There is no such tab. Choose one of the list's.")
	}
	if f.Limit <= 0 {
		f.Limit = defaultLimit
	}
	f.Limit = min(f.Limit, maxLimit)
	var at cursor
	if f.Cursor != "" {
		var err error
		if at, err = readCursor(f.Cursor, f.Sort); err != nil {
			return onboarding.Page{}, err
		}
	}
	page := onboarding.Page{Counts: map[onboarding.Status]int{}}
	var items []onboarding.Onboarding
	err := s.tx(ctx, actor, "list onboardings", func(tx pgx.Tx) error {
		sql, args := countSQL(f)
		searching := len([]rune(strings.TrimSpace(f.Search))) >= trigram
		if searching {
			if _, err := tx.Exec(ctx, countBySearch); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, sql, planned, args)
		if err != nil {
			return err
		}
		var status onboarding.Status
		var n int
		if _, err := pgx.ForEachRow(rows, []any{&status, &n}, func() error {
			page.Counts[status] = n
			page.Counts[""] += n
			return nil
		}); err != nil {
			return err
		}
		page.AtLeast = !plain(f) && page.Counts[""] > countLimit
		few := searching && !page.AtLeast
		if searching {
			if _, err := tx.Exec(ctx, readBySearch, pgx.NamedArgs{"walk": !few}); err != nil {
				return err
			}
		}
		sql, args = pageSQL(f, at, few)
		rows, err = tx.Query(ctx, sql, planned, args)
		if err != nil {
			return err
		}
		items, err = pgx.CollectRows(rows, toOnboarding)
		return err
	})
	if err != nil {
		return onboarding.Page{}, err
	}
	page.Total = page.Counts[f.Status]
	more := len(items) > f.Limit
	if more {
		items = items[:f.Limit]
	}
	if at.Back {
		slices.Reverse(items)
	}
	page.Items = items
	if n := len(items); n > 0 {
		if more || at.Back {
			page.Next = place(f.Sort, items[n-1], false)
		}
		if f.Cursor != "" && (more || !at.Back) {
			page.Prev = place(f.Sort, items[0], true)
		}
	}
	return page, nil
}

func place(sort string, o onboarding.Onboarding, back bool) string {
	c := cursor{Sort: sort, ID: o.ID, Back: back}
	switch sort {
	case "customer", "-customer":
		c.Key = strings.ToLower(o.Customer)
	case "waiting":
		c.Key = "infinity"
		if !o.Waiting.Since.IsZero() {
			c.Key = o.Waiting.Since.Format(time.RFC3339Nano)
		}
	default:
		c.Key = o.ActivityAt.Format(time.RFC3339Nano)
	}
	return c.String()
}
