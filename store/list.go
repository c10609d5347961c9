package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

const (
	defaultLimit = 50
	maxLimit     = 1000
	countLimit   = 5_000 // counting the rows of a filter stops here; fewer rows are sorted after they were found
	placeLimit   = 1_000 // rows of a longer list are not numbered
	walkLimit    = 2_000 // rows of the order to look through for a text that many rows have
	trigram      = 3     // characters that the search's index needs; fewer find words that begin with them
)

var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// where is the filter without its status as SQL, and its arguments.
func where(f onboarding.Filter, now time.Time) (string, pgx.NamedArgs) {
	sql, args := "NOT o.archived", pgx.NamedArgs{}
	if f.Archived {
		sql = "o.archived"
	}
	if search := strings.ToLower(strings.TrimSpace(f.Search)); search != "" {
		sql += " AND " + matching(search, args)
	}
	if f.Specialist != "" {
		sql += " AND o.specialist = @specialist"
		args["specialist"] = address(f.Specialist)
		if f.Specialist == "none" {
			args["specialist"] = ""
		}
	}
	if f.Archived && (f.Waiting != "" || f.Waited > 0) {
		sql += " AND false" // what is archived waits on nobody
	}
	if f.Waiting != "" {
		sql += " AND o.waiting_on = @waiting"
		args["waiting"] = f.Waiting
	}
	if f.Waited > 0 {
		sql += " AND coalesce(o.waiting_since, 'infinity'::timestamptz) < @before"
		args["before"] = now.Add(-f.Waited)
	}
	return sql, args
}

// matching is the condition that a text occurs in a row, as it is or as words in any order.
func matching(search string, args pgx.NamedArgs) string {
	if !indexed(search) {
		return "false"
	}
	whole := occurs("whole", search, args)
	words := strings.Fields(search)
	if len(words) < 2 || !slices.ContainsFunc(words, func(w string) bool { return indexed(w) && utf8.RuneCountInString(w) >= trigram }) {
		return whole
	}
	each := make([]string, len(words))
	for i, word := range words {
		each[i] = occurs("word"+strconv.Itoa(i), word, args)
	}
	return "(" + whole + " OR " + strings.Join(each, " AND ") + ")"
}

// indexed reports whether an index can know the text.
func indexed(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

// occurs is the condition that a text is in a row; a short one begins a word. The name of a resource stands for the
// deployment whose name is in it.
func occurs(arg, text string, args pgx.NamedArgs) string {
	column, like := "o.search LIKE @"+arg, likeEscape.Replace(text)
	if utf8.RuneCountInString(text) < trigram {
		args[arg], args[arg+"_begins"] = like+"%", "% "+like+"%"
		return "(" + column + " OR " + column + "_begins)"
	}
	args[arg] = "%" + like + "%"
	of, is := onboarding.DeploymentIn(text)
	if !is || utf8.RuneCountInString(of) < trigram {
		return column
	}
	args[arg+"_of"] = "%" + likeEscape.Replace(of) + "%"
	return "(" + column + " OR " + column + "_of)"
}

// plain reports whether the filter without its status matches everything. The counters have the numbers of that.
func plain(f onboarding.Filter) bool {
	return !f.Archived && strings.TrimSpace(f.Search) == "" && f.Specialist == "" && f.Waiting == "" && f.Waited == 0
}

const sumAll = `SELECT coalesce(sum(n), 0)::bigint FROM onboarding_counts`

const sumCounters = `SELECT status, sum(n)::bigint AS n FROM onboarding_counts GROUP BY status`

func countSQL(f onboarding.Filter, now time.Time) (string, pgx.NamedArgs) {
	if plain(f) {
		return sumCounters, nil
	}
	sql, args := where(f, now)
	args["most"] = countLimit + 1
	return `SELECT status, count(*) AS n FROM (SELECT o.status FROM onboardings o WHERE ` + sql + ` LIMIT @most) found GROUP BY status`, args
}

// whole is the filter with its status.
func whole(f onboarding.Filter, now time.Time) (string, pgx.NamedArgs) {
	sql, args := where(f, now)
	if f.Status != "" {
		sql += " AND o.status = @status"
		args["status"] = f.Status
	}
	return sql, args
}

// way is how a page is found.
type way int

const (
	walk way = iota // along the order's index, which soon meets a match
	few             // by the filter's index, then sorted: few rows match, which the planner can't know
	peek            // along the order's index, for at most walkLimit rows
)

// pageSQL reads one row more than a page has, to know whether there is a next page.
func pageSQL(columns string, f onboarding.Filter, now time.Time, at cursor, by way) (string, pgx.NamedArgs) {
	o, descending := orderOf(f.Sort)
	cond, args := whole(f, now)
	text := "true"
	if by == peek {
		search := onboarding.Filter{Search: f.Search}
		text, _ = whole(search, now)
		f.Search = ""
		bare, _ := whole(f, now)
		cond = bare
	}
	operator, direction := ">", " ASC"
	if descending != at.Back {
		operator, direction = "<", " DESC"
	}
	from := "onboardings o"
	if by == few {
		from = "(SELECT * FROM onboardings o WHERE " + cond + " OFFSET 0) o" // OFFSET 0 keeps the two apart
		cond = "true"
	}
	if at.ID != "" {
		cond += " AND " + o.compared(operator)
		at.bind(args)
	}
	args["limit"] = f.Limit + 1
	order := ` ORDER BY ` + o.by(direction)
	if by == peek {
		args["walk"] = walkLimit
		from, cond = "(SELECT * FROM "+from+" WHERE "+cond+order+" LIMIT @walk) o", text
	}
	return `SELECT ` + columns + ` FROM ` + from + ` WHERE ` + cond + order + ` LIMIT @limit`, args
}

const (
	// A LIMIT makes a walk through the whole table look cheap; for a rare text it is not.
	countBySearch = `SELECT set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true)`
	readBySearch  = `SELECT set_config('enable_seqscan', CASE WHEN @walk THEN 'on' ELSE 'off' END, true), set_config('enable_indexscan', 'on', true)`
)

// Each call is planned for its own arguments: a generic plan can't know that this search finds few rows.
const planned = pgx.QueryExecModeCacheDescribe

func known(f onboarding.Filter) error {
	if _, _, ok := f.Sort.Order(); !ok {
		return onboarding.Errorf(onboarding.CodeInvalid, "The list can't be sorted by %q. Choose one of its columns.", f.Sort)
	}
	if f.Status != "" && !slices.Contains(onboarding.Statuses, f.Status) {
		return onboarding.Errorf(onboarding.CodeInvalid, "The list has no tab %q. Choose one of its tabs.", f.Status)
	}
	return nil
}

func searching(f onboarding.Filter) bool { return strings.TrimSpace(f.Search) != "" }

// ListOnboardings returns a page of the specialists' list, with the counts of its tabs. For staff only.
// CodeInvalid for an unknown sort or status, and for a cursor of another list.
func (s *Store) ListOnboardings(ctx context.Context, actor onboarding.Actor, f onboarding.Filter) (onboarding.Page, error) {
	if err := staffOnly(actor); err != nil {
		return onboarding.Page{}, err
	}
	if err := known(f); err != nil {
		return onboarding.Page{}, err
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
	now := s.now()
	err := s.tx(ctx, actor, "list onboardings", func(tx *txn) error {
		read := func(by way) error {
			sql, args := pageSQL(listColumns, f, now, at, by)
			rows, err := tx.Query(ctx, sql, planned, args)
			if err != nil {
				return err
			}
			items, err = pgx.CollectRows(rows, toOnboarding)
			return err
		}
		if searching(f) {
			var all int
			if err := tx.QueryRow(ctx, sumAll).Scan(&all); err != nil {
				return err
			}
			if all > countLimit {
				if err := read(peek); err != nil {
					return err
				}
				if len(items) > f.Limit { // counting would take longer than a page may
					page.AtLeast, page.Counts, page.Total = true, nil, f.Limit
					return nil
				}
			}
			if _, err := tx.Exec(ctx, countBySearch); err != nil {
				return err
			}
		}
		live, archived := f, f
		live.Archived, archived.Archived, archived.Status = false, true, ""
		cond, args := whole(archived, now)
		args["most"] = countLimit + 1
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM onboardings o WHERE `+cond+` LIMIT @most) found`, planned, args).Scan(&page.Archived); err != nil {
			return err
		}
		sql, args := countSQL(live, now)
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
		page.Total = page.Counts[f.Status]
		by := few
		switch {
		case f.Archived:
			if page.Total = page.Archived; page.Archived > countLimit {
				page.AtLeast, page.Total, by = true, countLimit, walk
			}
		case plain(f):
			by = walk
		case page.Counts[""] > countLimit:
			page.AtLeast, page.Counts, page.Total = true, nil, 0 // of which status the rest are is unknown
			if by = walk; f.Status == "" {
				page.Total = countLimit
			}
		}
		if searching(f) {
			if _, err := tx.Exec(ctx, readBySearch, pgx.NamedArgs{"walk": by == walk}); err != nil {
				return err
			}
		}
		return read(by)
	})
	if err != nil {
		return onboarding.Page{}, err
	}
	more := len(items) > f.Limit
	if more {
		items = items[:f.Limit]
	}
	if at.Back {
		slices.Reverse(items)
	}
	page.Items = items
	for _, o := range items {
		page.Places = append(page.Places, place(f.Sort, o).String())
	}
	if n := len(items); n > 0 {
		if more || at.Back {
			page.Next = place(f.Sort, items[n-1]).String()
		}
		if f.Cursor != "" && (more || !at.Back) {
			before := place(f.Sort, items[0])
			before.Back = true
			page.Prev = before.String()
		}
	}
	if page.AtLeast {
		page.Total = max(page.Total, len(items))
		page.AtLeast = page.Next != "" || page.Prev != ""
	}
	return page, nil
}

// The list shows neither answers nor the vendor's values, which make up most of a row.
var listColumns = strings.NewReplacer("o.vendor, o.answers,", "'{}'::jsonb AS vendor, '{}'::jsonb AS answers,", inherited, "'{}'::jsonb").Replace(onboardingColumns)

// OnboardingsOf returns the list's rows with these IDs, in their order, without unknown ones. For staff only.
func (s *Store) OnboardingsOf(ctx context.Context, actor onboarding.Actor, ids []onboarding.ID) ([]onboarding.Onboarding, error) {
	if err := staffOnly(actor); err != nil {
		return nil, err
	}
	var found []onboarding.Onboarding
	err := s.batch(ctx, actor, "read some onboardings", func(b *pgx.Batch) {
		b.Queue(`SELECT `+listColumns+` FROM onboardings o WHERE o.id = ANY(@ids) ORDER BY array_position(@ids, o.id)`, pgx.NamedArgs{"ids": ids}).
			Query(collect(&found, toOnboarding))
	})
	return found, err
}

const neighborColumns = `o.id, o.customer, o.status, o.specialist, o.activity_at, o.waiting_since`

func toNeighbor(row pgx.CollectableRow) (side string, o onboarding.Onboarding, err error) {
	var since *time.Time
	err = row.Scan(&side, &o.ID, &o.Customer, &o.Status, &o.Specialist, &o.ActivityAt, &since)
	o.Waiting.Since = later(since)
	return side, o, err
}

// Neighbors returns the rows before and after o in the list of the filter. The filter's cursor is o's place when the
// list was read, so a change to o doesn't move the reader; without one, or with another row's, o's current place
// counts. For staff only. CodeInvalid for an unknown sort or status.
func (s *Store) Neighbors(ctx context.Context, actor onboarding.Actor, o onboarding.Onboarding, f onboarding.Filter) (onboarding.Neighbors, error) {
	if err := staffOnly(actor); err != nil {
		return onboarding.Neighbors{}, err
	}
	if err := known(f); err != nil {
		return onboarding.Neighbors{}, err
	}
	here, err := readCursor(f.Cursor, f.Sort)
	if err != nil || here.ID != o.ID {
		here = place(f.Sort, o)
	}
	here.Back = false
	back := here
	back.Back = true
	f.Limit = 0 // pageSQL adds the one row
	now := s.now()
	var found onboarding.Neighbors
	err = s.tx(ctx, actor, "look left and right in the list", func(tx *txn) error {
		if searching(f) {
			if _, err := tx.Exec(ctx, countBySearch); err != nil {
				return err
			}
		}
		sql, args := positionSQL(f, now, here)
		var before, total int
		var in bool
		if err := tx.QueryRow(ctx, sql, planned, args).Scan(&before, &total, &in); err != nil {
			return err
		}
		if in && total <= placeLimit {
			found.Position, found.Total = before+1, total
		}
		by := few
		if plain(f) || total > placeLimit {
			by = walk
		}
		if searching(f) {
			if _, err := tx.Exec(ctx, readBySearch, pgx.NamedArgs{"walk": by == walk}); err != nil {
				return err
			}
		}
		prev, _ := pageSQL(neighborColumns, f, now, back, by)
		next, args := pageSQL(neighborColumns, f, now, here, by)
		rows, err := tx.Query(ctx, `(SELECT 'prev' AS side, p.* FROM (`+prev+`) p) UNION ALL (SELECT 'next', n.* FROM (`+next+`) n)`, planned, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			side, o, err := toNeighbor(rows)
			if err != nil {
				return err
			}
			n := onboarding.Neighbor{ID: o.ID, Place: place(f.Sort, o).String()}
			if side == "prev" {
				found.Prev = n
			} else {
				found.Next = n
			}
		}
		return rows.Err()
	})
	return found, err
}

// positionSQL counts the rows before a place and all rows of a short list, and reports whether the row is in it.
func positionSQL(f onboarding.Filter, now time.Time, here cursor) (string, pgx.NamedArgs) {
	o, descending := orderOf(f.Sort)
	cond, args := whole(f, now)
	here.bind(args)
	args["most"] = placeLimit + 1
	before := "<"
	if descending {
		before = ">"
	}
	return `SELECT count(*) FILTER (WHERE o.id <> @after AND ` + o.compared(before) + `), count(*), coalesce(bool_or(o.id = @after), false)
FROM (SELECT * FROM onboardings o WHERE ` + cond + ` LIMIT @most) o`, args
}
